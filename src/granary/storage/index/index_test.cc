#include <fmt/format.h>
#include <gtest/gtest.h>

#include <arrow/api.h>

#include <algorithm>
#include <limits>
#include <map>
#include <random>

#include "granary/storage/index/index_builder.h"
#include "granary/storage/index/index_reader.h"
#include "granary/testing/memory_file_system.h"
#include "granary/testing/seed.h"

namespace granary::storage {
namespace {

using Rows = std::vector<std::uint32_t>;

constexpr SegmentId kSegment{7};
const std::string kSegmentPath = "day=1/0007.parquet";

std::shared_ptr<arrow::Array> ArrayOf(const DataType& type, const std::vector<Value>& values) {
  arrow::ArrayVector parts;
  for (const Value& value : values) parts.push_back(MakeConstantArray(type, value, 1).Take());
  if (parts.empty()) return MakeConstantArray(type, Value(), 0).Take();
  return arrow::Concatenate(parts).ValueOrDie();
}

class IndexTest : public ::testing::Test {
 protected:
  std::shared_ptr<const IndexReader> Build(IndexKind kind, const DataType& type,
                                           const std::vector<Value>& values) {
    auto builder = IndexBuilder::Make({3, kind}, type);
    const auto array = ArrayOf(type, values);
    const std::int64_t half = array->length() / 2;  // Slices have offsets.
    builder->Add(*array->Slice(0, half));
    builder->Add(*array->Slice(half));
    meta_ = builder->Write(files_, "dir", kSegmentPath, kSegment).Take();
    return Open().Take();
  }
  Result<std::shared_ptr<const IndexReader>> Open() {
    return IndexReader::Open(files_, "dir", kSegmentPath, meta_, kSegment, cache_);
  }
  std::string Path() const { return io::JoinPath("dir", IndexPath(kSegmentPath, meta_.key)); }

  static Rows Sorted(FoundRows found) {
    EXPECT_FALSE(found.too_many);
    std::sort(found.rows.begin(), found.rows.end());
    return found.rows;
  }
  static Rows Equal(const IndexReader& index, const Value& value) {
    FoundRows found{1'000'000, {}, false};
    const Status s = index.FindEqual(value, found);
    EXPECT_TRUE(s.ok()) << s.ToString();
    return Sorted(found);
  }
  static Rows Range(const IndexReader& index, std::optional<Value> low, std::optional<Value> high) {
    FoundRows found{1'000'000, {}, false};
    const Status s = index.FindRange(low, high, found);
    EXPECT_TRUE(s.ok()) << s.ToString();
    return Sorted(found);
  }

  /// A B-tree of these blocks, the root last, whose checksums are right whatever the blocks say.
  std::shared_ptr<const IndexReader> OpenTree(const std::vector<std::string>& blocks,
                                              std::uint8_t levels) {
    std::string file;
    IndexFooterLayout footer{};
    for (const std::string& block : blocks) {
      footer.root_offset = file.size();
      footer.root_bytes = static_cast<std::uint32_t>(block.size());
      file += block;
    }
    footer.kind = static_cast<std::uint8_t>(IndexKind::kBtree);
    footer.key_form = static_cast<std::uint8_t>(KeyForm::kBytes);
    footer.levels = levels;
    footer.column = 3;
    footer.segment = kSegment.value;
    footer.rows = 10;
    footer.entries = footer.keys = 1;
    footer.blocks_bytes = file.size();
    EncodeIndexFooter(footer, file);
    meta_ = {{3, IndexKind::kBtree}, file.size(), IndexFooterCrc(file)};
    EXPECT_TRUE(files_.CreateDirectories("dir/day=1").ok() &&
                files_.ReplaceFile(Path(), file).ok());
    return Open().Take();
  }

  testing::MemoryFileSystem files_;
  BlockCache cache_{1 << 20};
  IndexMeta meta_;
};

std::string Leaf(const std::vector<std::pair<std::string, Rows>>& entries) {
  BlockBuilder block;
  for (const auto& [key, rows] : entries) block.AddRows(key, rows.data(), rows.size());
  return block.Take();
}

Value Int(std::int64_t value) { return value; }
Value Text(std::string value) { return value; }

TEST_F(IndexTest, NamesItsFileAfterSegmentColumnAndKind) {
  EXPECT_EQ(IndexPath("day=1/0007.parquet", {3, IndexKind::kHash}), "day=1/0007.3.hash.idx");
  EXPECT_EQ(IndexPath("0007.parquet", {12, IndexKind::kBtree}), "0007.12.btree.idx");
}

TEST_F(IndexTest, FindsTheRowsOfAValue) {
  const std::vector<Value> values = {Text("b"), Text("a"), Value(), Text("b"), Text("")};
  for (const IndexKind kind : {IndexKind::kHash, IndexKind::kBtree}) {
    const auto index = Build(kind, TypeKind::kString, values);
    EXPECT_EQ(Equal(*index, Text("b")), (Rows{0, 3}));
    EXPECT_EQ(Equal(*index, Text("")), (Rows{4}));
    EXPECT_EQ(Equal(*index, Text("c")), Rows());
    EXPECT_EQ(index->entries(), 4u);
    EXPECT_EQ(index->keys(), 3u);
    EXPECT_TRUE(index->Verify().ok());
  }
}

TEST_F(IndexTest, IsEmptyOverNothingAndOverNulls) {
  for (const IndexKind kind : {IndexKind::kHash, IndexKind::kBtree, IndexKind::kBloom}) {
    for (const std::vector<Value>& values : {std::vector<Value>(), std::vector<Value>(5)}) {
      const auto index = Build(kind, TypeKind::kInt64, values);
      EXPECT_TRUE(index->Verify().ok());
      EXPECT_EQ(index->entries(), 0u);
      if (kind == IndexKind::kBloom) {
        EXPECT_FALSE(index->MayContain(Int(1)).Take());
      } else {
        EXPECT_EQ(Equal(*index, Int(1)), Rows());
      }
    }
  }
}

TEST_F(IndexTest, OrdersNumbersAsTheyCompare) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<Value> values = {nan, inf, 1.5, 0.0, -0.0, -1.5, -inf};
  const auto index = Build(IndexKind::kBtree, TypeKind::kFloat64, values);
  EXPECT_EQ(Range(*index, -1.5, 0.0), (Rows{3, 4, 5}));
  EXPECT_EQ(Range(*index, 1.5, std::nullopt), (Rows{0, 1, 2}));
  EXPECT_EQ(Equal(*index, nan), (Rows{0}));
  EXPECT_EQ(Equal(*index, -0.0), (Rows{3, 4}));
}

TEST_F(IndexTest, FindsPrefixes) {
  const auto index = Build(IndexKind::kBtree, TypeKind::kString,
                           {Text("ab"), Text("a"), Text("b"), Text("abc"), Text("\xFF\xFF")});
  FoundRows found{10, {}, false};
  ASSERT_TRUE(index->FindPrefix("ab", found).ok());
  EXPECT_EQ(Sorted(found), (Rows{0, 3}));
  FoundRows high{10, {}, false};
  ASSERT_TRUE(index->FindPrefix("\xFF", high).ok());
  EXPECT_EQ(Sorted(high), (Rows{4}));
}

TEST_F(IndexTest, FindsLongValuesThatDifferOnlyBehindTheCutTogether) {
  const std::string common(kIndexKeyMaxBytes, 'x');
  const auto index = Build(IndexKind::kBtree, TypeKind::kString,
                           {Text(common), Text(common + "1"), Text(common + "2"), Text("y")});
  EXPECT_EQ(Equal(*index, Text(common + "1")), (Rows{0, 1, 2}));
  FoundRows found{10, {}, false};
  EXPECT_TRUE(index->FindFirst(KeyOrder::kAscending, 1, found).Take());
  EXPECT_EQ(Sorted(found), (Rows{0, 1, 2}));
}

TEST_F(IndexTest, GivesUpPastTheMostRowsThatAreOfUse) {
  const auto index = Build(IndexKind::kHash, TypeKind::kInt32, {Int(1), Int(1), Int(1), Int(2)});
  for (const std::size_t max : {2u, 3u, 4u}) {
    FoundRows found{max, {}, false};
    ASSERT_TRUE(index->FindEqual(Int(1), found).ok());
    EXPECT_EQ(found.too_many, max < 3) << max;
  }
}

TEST_F(IndexTest, FindsTheFirstRowsInEitherOrderWithAllThatTie) {
  const auto index = Build(IndexKind::kBtree, TypeKind::kInt64,
                           {Int(5), Int(-1), Int(9), Int(-1), Value(), Int(5)});
  const auto first = [&](KeyOrder order, std::size_t count) -> std::optional<Rows> {
    FoundRows found{100, {}, false};
    if (!index->FindFirst(order, count, found).Take()) return std::nullopt;
    return Sorted(found);
  };
  EXPECT_EQ(first(KeyOrder::kAscending, 1), (Rows{1, 3}));
  EXPECT_EQ(first(KeyOrder::kAscending, 3), (Rows{0, 1, 3, 5}));
  EXPECT_EQ(first(KeyOrder::kDescending, 2), (Rows{0, 2, 5}));
  EXPECT_EQ(first(KeyOrder::kDescending, 6), std::nullopt);  // Nulls have no key.
}

TEST_F(IndexTest, BloomKnowsEveryValueAndFewOthers) {
  std::vector<Value> values;
  for (int i = 0; i < 20'000; ++i) values.push_back(Int(i * 3));
  const auto index = Build(IndexKind::kBloom, TypeKind::kInt64, values);
  for (const Value& value : values) ASSERT_TRUE(index->MayContain(value).Take());
  int wrong = 0;
  for (int i = 0; i < 20'000; ++i) wrong += index->MayContain(Int(i * 3 + 1)).Take();
  EXPECT_LT(wrong, 20'000 / 50);
}

// Random values of every form against a plain scan.
TEST_F(IndexTest, AgreesWithAScan) {
  const std::uint64_t seed = testing::SeedFromEnvironment();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  const std::vector<std::pair<DataType, std::function<Value()>>> types = {
      {TypeKind::kInt64, [&] { return Int(static_cast<std::int64_t>(below(3000)) - 1500); }},
      {TypeKind::kUInt64, [&] { return Value(static_cast<std::uint64_t>(random())); }},
      {TypeKind::kFloat64, [&] { return Value(static_cast<double>(below(500)) / 4 - 60); }},
      {DataType::Decimal(38, 2),
       [&] { return Value(Int128(static_cast<std::int64_t>(random())) * 7); }},
      {TypeKind::kString,
       [&] { return Text(std::string(below(40), 'a') + std::to_string(below(900))); }},
      {TypeKind::kBool, [&] { return Value(below(2) == 1); }},
  };
  for (const auto& [type, next] : types) {
    SCOPED_TRACE(type.ToString());
    std::vector<Value> values;
    for (int i = 0; i < 6000; ++i) values.push_back(below(10) == 0 ? Value() : next());
    const auto rows_where = [&](const auto& holds) {
      Rows rows;
      for (std::uint32_t i = 0; i < values.size(); ++i) {
        if (!IsNull(values[i]) && holds(values[i])) rows.push_back(i);
      }
      return rows;
    };
    const auto btree = Build(IndexKind::kBtree, type, values);
    const auto hash = Build(IndexKind::kHash, type, values);
    ASSERT_TRUE(btree->Verify().ok() && hash->Verify().ok());
    for (int i = 0; i < 50; ++i) {
      Value low = next(), high = next();
      if (Compare(high, low) < 0) std::swap(low, high);
      const auto is_low = [&](const Value& v) { return Compare(v, low) == 0; };
      EXPECT_EQ(Equal(*hash, low), rows_where(is_low));
      EXPECT_EQ(Equal(*btree, low), rows_where(is_low));
      EXPECT_EQ(Range(*btree, low, high), rows_where([&](const Value& v) {
                  return Compare(v, low) >= 0 && Compare(v, high) <= 0;
                }));
    }
  }
}

// Whichever byte is flipped: opening, asking or verifying says so, and nothing else is answered.
TEST_F(IndexTest, NoticesAnyFlippedByte) {
  std::vector<Value> values;
  for (int i = 0; i < 700; ++i) values.push_back(Text("key" + std::to_string(i)));
  for (const IndexKind kind : {IndexKind::kHash, IndexKind::kBtree, IndexKind::kBloom}) {
    ASSERT_NE(Build(kind, TypeKind::kString, values), nullptr);
    const std::string whole = files_.ReadFile(Path()).Take();
    for (std::size_t at = 0; at < whole.size(); ++at) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
      ASSERT_TRUE(files_.ReplaceFile(Path(), damaged).ok());
      const auto index = Open();
      const Status noticed = index.ok() ? (*index)->Verify() : index.status();
      ASSERT_TRUE(noticed.code() == Code::kCorruption || noticed.code() == Code::kConflict)
          << "byte " << at << ": " << noticed.ToString();
    }
    for (std::size_t bytes = 0; bytes < whole.size(); bytes += 97) {
      ASSERT_TRUE(files_.ReplaceFile(Path(), whole.substr(0, bytes)).ok());
      ASSERT_FALSE(Open().ok()) << bytes;
    }
  }
}

// What no checksum tells: a file of a faulty writer.
TEST_F(IndexTest, ReportsBlocksThatDoNotHoldTogether) {
  const struct {
    const char* what;
    std::string leaf;
  } kCases[] = {
      {"keys go down", Leaf({{"b", {1}}, {"a", {2}}})},
      {"rows go down", Leaf({{"a", {3, 2}}})},
      {"a row twice", Leaf({{"a", {3, 3}}})},
      {"a row beyond the segment", Leaf({{"a", {9, 10}}})},
  };
  for (const auto& [what, leaf] : kCases) {
    SCOPED_TRACE(what);
    const auto index = OpenTree({leaf}, 1);
    FoundRows found{100, {}, false};
    EXPECT_EQ(index->FindRange({}, {}, found).code(), Code::kCorruption);
    EXPECT_EQ(index->Verify().code(), Code::kCorruption);
  }
  const auto sound = OpenTree({Leaf({{"a", {8, 9}}, {"a", {1}}, {"b", {0}}})}, 1);
  EXPECT_EQ(Range(*sound, {}, {}), Rows({0, 1, 8, 9}));
}

// Else sixteen levels of blocks with a thousand times the same child would be read for ever.
TEST_F(IndexTest, NoBlockIsReadTwiceInOneLookUp) {
  const std::string leaf = Leaf({{"a", {1}}});
  BlockBuilder twice;
  twice.AddChild("a", 0, leaf.size());
  twice.AddChild("a", 0, leaf.size());
  const std::string middle = twice.Take();
  BlockBuilder once;
  once.AddChild("a", leaf.size(), middle.size());
  const auto index = OpenTree({leaf, middle, once.Take()}, 3);
  FoundRows found{100, {}, false};
  EXPECT_EQ(index->FindRange({}, {}, found).code(), Code::kCorruption);
  found = {100, {}, false};
  EXPECT_EQ(index->FindFirst(KeyOrder::kDescending, 1, found).status().code(), Code::kCorruption);
  EXPECT_EQ(index->Verify().code(), Code::kCorruption);
}

TEST_F(IndexTest, RefusesAnotherBuildsFile) {
  ASSERT_NE(Build(IndexKind::kHash, TypeKind::kInt64, {Int(1)}), nullptr);
  const IndexMeta older = meta_;
  ASSERT_NE(Build(IndexKind::kHash, TypeKind::kInt64, {Int(2), Int(3)}), nullptr);
  EXPECT_TRUE(Open().ok());
  meta_ = older;
  EXPECT_EQ(Open().status().code(), Code::kCorruption);
  ASSERT_TRUE(files_.Remove(Path()).ok());
  EXPECT_EQ(Open().status().code(), Code::kCorruption);
}

TEST_F(IndexTest, DumpsItsKeys) {
  ASSERT_NE(Build(IndexKind::kBtree, TypeKind::kString, {Text("b"), Text("a"), Text("b")}),
            nullptr);
  std::string out;
  ASSERT_TRUE(DumpIndex(files_, Path(), out).ok());
  EXPECT_NE(out.find("btree index over column 3 of segment 7"), std::string::npos) << out;
  EXPECT_NE(out.find("\"b\"  0 2"), std::string::npos) << out;
}

TEST(BlockCacheTest, KeepsWhatWasUsedLast) {
  BlockCache cache(16 * 1024);
  const std::uint64_t file = cache.NewFile();
  int reads = 0;
  const auto get = [&](std::uint64_t offset) {
    return cache.Get(file, offset, [&]() -> Result<IndexBlock> {
      ++reads;
      return IndexBlock::Bits(std::string(100, 'x'));
    });
  };
  for (int i = 0; i < 1000; ++i)
    ASSERT_TRUE(get(7).ok() && get(static_cast<std::uint64_t>(i) + 100).ok());
  EXPECT_EQ(reads, 1001);
  EXPECT_LE(cache.bytes(), 16u * 1024);
}

// What a cursor from the first entry finds, one that begins near its key finds too.
TEST(IndexBlockTest, BeginsCloseBeforeAKeyAndNeverBehindIt) {
  for (const int entries : {1, 15, 16, 17, 300}) {
    BlockBuilder builder;
    std::vector<std::string> keys;
    for (int i = 0; i < entries; ++i) {
      // Every key three times, so that one goes over a stop.
      keys.push_back(fmt::format("key-{:05}", i / 3 * 2));
      const auto row = static_cast<std::uint32_t>(i);
      builder.AddRows(keys.back(), &row, 1);
    }
    std::string bytes = builder.Take();
    bytes.resize(OpenBlock(bytes)->size());
    const IndexBlock block = IndexBlock::Tree(bytes, BlockRole::kLeaf).Take();
    EXPECT_GT(block.bytes(), bytes.size());
    for (int probe = -1; probe <= entries; ++probe) {
      const std::string low = probe < 0 ? "" : fmt::format("key-{:05}", probe);
      std::vector<std::uint32_t> found, rows;
      int skipped = 0;
      for (BlockCursor cursor = block.Before(low); !cursor.done();) {
        ASSERT_TRUE(cursor.NextKey() && cursor.NextRows(rows));
        if (cursor.key() < low) ++skipped;
        if (cursor.key() == low) found.insert(found.end(), rows.begin(), rows.end());
      }
      std::vector<std::uint32_t> expected;
      for (std::uint32_t i = 0; i < keys.size(); ++i) {
        if (keys[i] == low) expected.push_back(i);
      }
      EXPECT_EQ(found, expected) << low;
      EXPECT_LE(skipped, 16) << low;
    }
  }
}

TEST(IndexBlockTest, TakesOnlyWhatDecodesWhole) {
  BlockBuilder builder;
  const std::uint32_t rows[] = {3, 9};
  builder.AddRows("a", rows, 2);
  builder.AddRows("bc", rows, 1);
  std::string bytes = builder.Take();
  bytes.resize(OpenBlock(bytes)->size());
  ASSERT_TRUE(IndexBlock::Tree(bytes, BlockRole::kLeaf).ok());
  int whole = 0;  // Cut between its entries it is a shorter block.
  for (std::size_t cut = 1; cut < bytes.size(); ++cut)
    whole += IndexBlock::Tree(bytes.substr(0, cut), BlockRole::kLeaf).ok();
  EXPECT_EQ(whole, 1);
  std::string down = bytes;
  down[down.find("bc")] = 'A';
  EXPECT_EQ(IndexBlock::Tree(down, BlockRole::kLeaf).status().code(), Code::kCorruption);
}

}  // namespace
}  // namespace granary::storage
