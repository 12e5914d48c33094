// Goal: what a View shows is exactly what was appended before it, whatever comes later.
// Method: random batches of every type, sliced and not, against the batches themselves.
#include "granary/storage/memtable/memtable.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>

#include "granary/storage/memtable/column_buffer.h"
#include "granary/testing/fake_random.h"
#include "granary/testing/seed.h"

namespace granary::storage {
namespace {

SchemaPtr MakeSchema(std::uint32_t version, const std::vector<DataType>& types) {
  std::vector<Column> columns;
  for (const DataType& type : types) {
    const auto id = static_cast<ColumnId>(columns.size() + 1);
    columns.push_back({id, "c" + std::to_string(id), type});
  }
  return std::make_shared<const Schema>(version, static_cast<ColumnId>(types.size()),
                                        std::move(columns));
}

const std::vector<DataType> kEveryType = {TypeKind::kString,
                                          TypeKind::kBool,
                                          TypeKind::kInt8,
                                          TypeKind::kInt16,
                                          TypeKind::kInt32,
                                          TypeKind::kInt64,
                                          TypeKind::kUInt8,
                                          TypeKind::kUInt16,
                                          TypeKind::kUInt32,
                                          TypeKind::kUInt64,
                                          TypeKind::kFloat32,
                                          TypeKind::kFloat64,
                                          DataType::Decimal(38, 10),
                                          TypeKind::kDate,
                                          DataType::Timestamp(TimeUnit::kNano),
                                          TypeKind::kTime,
                                          TypeKind::kBinary,
                                          TypeKind::kUuid,
                                          TypeKind::kJson,
                                          DataType::List(TypeKind::kInt64),
                                          DataType::List(DataType::List(TypeKind::kString)),
                                          DataType::List(TypeKind::kBool)};

/// A fixed-width value whose low bytes are random, so that it is legal in every type.
arrow::Status AppendFixed(arrow::ArrayBuilder& to, testing::FakeRandom& random) {
  std::string bytes(static_cast<std::size_t>(to.type()->bit_width() / 8), '\0');
  for (std::size_t i = 0; i < std::min<std::size_t>(3, bytes.size()); ++i) {
    bytes[i] = static_cast<char>(random.Below(256));
  }
  const auto data =
      arrow::ArrayData::Make(to.type(), 1, {nullptr, arrow::Buffer::FromString(bytes)}, 0);
  return to.AppendArraySlice(arrow::ArraySpan(*data), 0, 1);
}

/// Null once in `null_one_in`; 0: never.
arrow::Status AppendRandom(arrow::ArrayBuilder& to, std::uint64_t null_one_in,
                           testing::FakeRandom& random) {
  if (null_one_in != 0 && random.OneIn(null_one_in)) return to.AppendNull();
  if (auto* list = dynamic_cast<arrow::ListBuilder*>(&to)) {
    ARROW_RETURN_NOT_OK(list->Append());
    for (std::uint64_t i = random.Below(4); i > 0; --i) {
      ARROW_RETURN_NOT_OK(AppendRandom(*list->value_builder(), null_one_in, random));
    }
    return arrow::Status::OK();
  }
  if (auto* strings = dynamic_cast<arrow::BinaryBuilder*>(&to)) {
    return strings->Append(
        std::string(random.Below(12), static_cast<char>('a' + random.Below(26))));
  }
  if (auto* bools = dynamic_cast<arrow::BooleanBuilder*>(&to))
    return bools->Append(random.OneIn(2));
  return AppendFixed(to, random);
}

std::shared_ptr<arrow::Array> RandomColumn(const std::shared_ptr<arrow::DataType>& type,
                                           std::int64_t rows, std::uint64_t null_one_in,
                                           testing::FakeRandom& random) {
  std::unique_ptr<arrow::ArrayBuilder> builder;
  EXPECT_TRUE(arrow::MakeBuilder(arrow::default_memory_pool(), type, &builder).ok());
  for (std::int64_t i = 0; i < rows; ++i)
    EXPECT_TRUE(AppendRandom(*builder, null_one_in, random).ok());
  return *builder->Finish();
}

std::shared_ptr<arrow::RecordBatch> RandomBatch(const Schema& schema, std::int64_t rows,
                                                testing::FakeRandom& random) {
  arrow::ArrayVector columns;
  const std::int64_t before = random.OneIn(2) ? static_cast<std::int64_t>(random.Below(70)) : 0;
  const std::uint64_t null_one_in = random.Below(3) * random.Below(5);
  for (const Column& column : schema.columns()) {
    columns.push_back(
        RandomColumn(column.type.ToArrow(), before + rows, null_one_in, random)->Slice(before));
  }
  return arrow::RecordBatch::Make(schema.ToArrow(), rows, std::move(columns));
}

std::shared_ptr<arrow::RecordBatch> Ints(const std::vector<std::int64_t>& values) {
  arrow::Int64Builder builder;
  EXPECT_TRUE(builder.AppendValues(values).ok());
  return arrow::RecordBatch::Make(MakeSchema(1, {TypeKind::kInt64})->ToArrow(),
                                  static_cast<std::int64_t>(values.size()), {*builder.Finish()});
}

std::shared_ptr<arrow::RecordBatch> Strings(const std::vector<std::string>& values) {
  arrow::StringBuilder builder;
  EXPECT_TRUE(builder.AppendValues(values).ok());
  return arrow::RecordBatch::Make(MakeSchema(1, {TypeKind::kString})->ToArrow(),
                                  static_cast<std::int64_t>(values.size()), {*builder.Finish()});
}

const SchemaPtr kInts = MakeSchema(1, {TypeKind::kInt64});

TEST(MemtableTest, IsEmptyAtFirst) {
  const Memtable table;
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(table.bytes(), 0u);
  EXPECT_EQ(table.last_sequence(), 0u);
  EXPECT_TRUE(table.View().empty());
}

TEST(MemtableTest, AnEmptyBatchChangesNothing) {
  Memtable table;
  ASSERT_TRUE(table.Append(kInts, *Ints({}), 5).ok());
  EXPECT_TRUE(table.View().empty());
  EXPECT_EQ(table.last_sequence(), 0u);
}

TEST(MemtableTest, RowsKeepTheirSequencesAcrossGaps) {
  Memtable table;
  ASSERT_TRUE(table.Append(kInts, *Ints({10, 11}), 1).ok());
  ASSERT_TRUE(table.Append(kInts, *Ints({12}), 7).ok());
  const auto view = table.View();
  ASSERT_EQ(view.size(), 1u);
  EXPECT_EQ(view[0].schema, kInts);
  EXPECT_TRUE(view[0].batch->Equals(*Ints({10, 11, 12})));
  ASSERT_EQ(view[0].sequences->length(), 3);
  EXPECT_EQ(view[0].sequences->Value(1), 2);
  EXPECT_EQ(view[0].sequences->Value(2), 7);
  EXPECT_EQ(table.last_sequence(), 7u);
  EXPECT_EQ(table.rows(), 3u);
}

TEST(MemtableTest, AViewIsSharedUntilSomethingIsAppended) {
  Memtable table;
  ASSERT_TRUE(table.Append(kInts, *Ints({1}), 1).ok());
  const auto view = table.View();
  EXPECT_EQ(view[0].batch, table.View()[0].batch);
  ASSERT_TRUE(table.Append(kInts, *Ints({2}), 2).ok());
  EXPECT_NE(view[0].batch, table.View()[0].batch);
  EXPECT_EQ(view[0].batch->num_rows(), 1);
}

TEST(MemtableTest, ValuesAreSharedWithTheChunkAndNotCopied) {
  Memtable table;
  ASSERT_TRUE(table.Append(kInts, *Ints({1, 2}), 1).ok());
  const auto before = table.View()[0].batch->column_data(0)->buffers[1];
  ASSERT_TRUE(table.Append(kInts, *Ints({3}), 3).ok());
  EXPECT_EQ(table.View()[0].batch->column_data(0)->buffers[1], before);
}

TEST(MemtableTest, AnotherSchemaVersionStartsAnotherChunk) {
  Memtable table;
  const auto wider = MakeSchema(2, {TypeKind::kInt64, TypeKind::kInt64});
  const auto two =
      arrow::RecordBatch::Make(wider->ToArrow(), 1, {Ints({5})->column(0), Ints({6})->column(0)});
  ASSERT_TRUE(table.Append(kInts, *Ints({1}), 1).ok());
  ASSERT_TRUE(table.Append(wider, *two, 2).ok());
  ASSERT_TRUE(table.Append(MakeSchema(2, {TypeKind::kInt64, TypeKind::kInt64}), *two, 3).ok())
      << "equal, not the same";
  const auto view = table.View();
  ASSERT_EQ(view.size(), 2u);
  EXPECT_EQ(view[1].batch->num_rows(), 2);
  EXPECT_EQ(view[1].schema->version(), 2u);
}

TEST(MemtableTest, ABatchThatDoesNotMatchItsSchemaIsRefusedWhole) {
  Memtable table;
  ASSERT_TRUE(table.Append(kInts, *Ints({1}), 1).ok());
  EXPECT_EQ(table.Append(kInts, *Strings({"x"}), 2).code(), Code::kInternal);
  EXPECT_EQ(table.Append(MakeSchema(2, {TypeKind::kInt64, TypeKind::kBool}), *Ints({2}), 2).code(),
            Code::kInternal);
  EXPECT_EQ(table.rows(), 1u);
  ASSERT_TRUE(table.Append(kInts, *Ints({3}), 2).ok());
  EXPECT_TRUE(table.View()[0].batch->Equals(*Ints({1, 3})));
}

TEST(MemtableTest, AFullChunkIsSealedAndABatchMaySpanSeveral) {
  Memtable table;
  std::vector<std::int64_t> values(static_cast<std::size_t>(2 * kChunkRows + 5));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int64_t>(i);
  ASSERT_TRUE(table.Append(kInts, *Ints({-1, -2, -3}), 1).ok());
  ASSERT_TRUE(table.Append(kInts, *Ints(values), 4).ok());
  const auto view = table.View();
  ASSERT_EQ(view.size(), 3u);
  EXPECT_EQ(view[0].batch->num_rows(), kChunkRows);
  EXPECT_EQ(view[2].batch->num_rows(), 8);
  EXPECT_EQ(view[2].sequences->Value(7), 2 * kChunkRows + 8);
  const auto& last = static_cast<const arrow::Int64Array&>(*view[2].batch->column(0));
  EXPECT_EQ(last.Value(7), 2 * kChunkRows + 4);
}

// The old buffers of all columns stay until the rows are shown, so growing takes three times of them.
TEST(MemtableTest, MoreThanFourMebibytesAreNotCopiedToGrow) {
  Memtable table;
  const auto schema = MakeSchema(1, std::vector<DataType>(600, TypeKind::kInt64));
  const auto rows_of = [&](std::int64_t rows) {
    const auto column =
        Ints(std::vector<std::int64_t>(static_cast<std::size_t>(rows), 7))->column(0);
    arrow::FieldVector fields;
    for (const Column& of : schema->columns())
      fields.push_back(arrow::field(of.name, arrow::int64()));
    return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), rows,
                                    arrow::ArrayVector(600, column));
  };
  ASSERT_TRUE(table.Append(schema, *rows_of(400), 1).ok());  // 1.9 MB.
  ASSERT_TRUE(table.Append(schema, *rows_of(300), 401).ok());
  ASSERT_EQ(table.View().size(), 1u) << "3.4 MB of it, and room for 3.8";
  ASSERT_TRUE(table.Append(schema, *rows_of(300), 701).ok());
  const auto view = table.View();
  ASSERT_EQ(view.size(), 2u);
  EXPECT_EQ(view[0].batch->num_rows(), 800) << "what there is room for is used";
  EXPECT_EQ(view[1].batch->num_rows(), 200);
  EXPECT_EQ(view[1].sequences->Value(199), 1000);
}

TEST(MemtableTest, LargeStringsSealAChunkEarly) {
  Memtable table;
  const auto schema = MakeSchema(1, {TypeKind::kString});
  const std::string big(20 << 20, 'x');
  ASSERT_TRUE(table.Append(schema, *Strings({big, big, big, big, "small"}), 1).ok());
  const std::string huge(static_cast<std::size_t>(kColumnBytesMax) + 1, 'y');
  ASSERT_TRUE(table.Append(schema, *Strings({huge, "tail"}), 6).ok());
  const auto view = table.View();
  std::vector<std::int64_t> rows;
  for (const HotChunk& chunk : view) rows.push_back(chunk.batch->num_rows());
  EXPECT_EQ(rows, (std::vector<std::int64_t>{3, 2, 1, 1}));
  EXPECT_TRUE(view[1].batch->Equals(*Strings({big, "small"})));
}

TEST(MemtableTest, AFewRowsTakeFewBytes) {
  Memtable table;
  testing::FakeRandom random(1);
  const auto schema = MakeSchema(1, kEveryType);
  ASSERT_TRUE(table.Append(schema, *RandomBatch(*schema, 1, random), 1).ok());
  EXPECT_LT(table.bytes(), 64u * 64);
}

TEST(MemtableTest, BytesGrowByNoMoreThanWasSaidBefore) {
  Memtable table;
  testing::FakeRandom random(2);
  const auto schema = MakeSchema(1, kEveryType);
  std::uint64_t sequence = 1;
  for (const std::int64_t rows : {1, 7, 100, 65'000, 3, 600, 1, 70'000}) {
    const auto batch = RandomBatch(*schema, rows, random);
    const std::uint64_t before = table.bytes();
    ASSERT_TRUE(table.Append(schema, *batch, sequence).ok());
    EXPECT_LE(table.bytes() - before, GrowthMax(*batch)) << rows;
    EXPECT_GT(table.bytes(), before);
    sequence += static_cast<std::uint64_t>(rows);
  }
}

TEST(MemtableTest, BytesGrowWithTheRows) {
  Memtable table;
  std::uint64_t last = 0;
  for (std::uint64_t i = 0; i < 200; ++i) {
    ASSERT_TRUE(table.Append(kInts, *Ints({1, 2, 3, 4, 5}), 5 * i + 1).ok());
    EXPECT_GE(table.bytes(), 16 * 5 * (i + 1));
    EXPECT_GE(table.bytes(), last);
    last = table.bytes();
  }
  EXPECT_LE(last, 2 * 16 * 1024u);
}

struct Appended {
  SchemaPtr schema;
  std::shared_ptr<arrow::RecordBatch> batch;
};

/// Compares the rows of a view with the appended batches, one after another.
void ExpectShows(const std::vector<HotChunk>& view, const std::vector<Appended>& appended) {
  std::size_t at = 0;
  std::int64_t done = 0, sequence = 1;
  for (const HotChunk& chunk : view) {
    ASSERT_TRUE(chunk.batch->ValidateFull().ok()) << chunk.batch->ValidateFull().ToString();
    for (std::int64_t row = 0; row < chunk.batch->num_rows();) {
      ASSERT_LT(at, appended.size());
      ASSERT_EQ(*chunk.schema, *appended[at].schema);
      const std::int64_t rows =
          std::min(chunk.batch->num_rows() - row, appended[at].batch->num_rows() - done);
      const auto seen = chunk.batch->Slice(row, rows), sent = appended[at].batch->Slice(done, rows);
      ASSERT_TRUE(seen->Equals(*sent)) << "batch " << at << "\n"
                                       << seen->ToString() << "\nsent\n"
                                       << sent->ToString();
      for (std::int64_t i = 0; i < rows; ++i)
        ASSERT_EQ(chunk.sequences->Value(row + i), sequence++);
      row += rows;
      done += rows;
      if (done == appended[at].batch->num_rows()) done = 0, ++at;
    }
    for (int i = 0; i < chunk.batch->num_columns(); ++i) {
      std::int64_t nulls = 0;
      for (std::int64_t row = 0; row < chunk.batch->num_rows(); ++row)
        nulls += chunk.batch->column(i)->IsNull(row);
      EXPECT_EQ(chunk.batch->column(i)->null_count(), nulls);
    }
  }
  EXPECT_EQ(at, appended.size());
}

TEST(MemtableTest, RandomBatchesOfEveryTypeAreShownAsTheyWere) {
  const std::uint64_t seed = testing::SeedFromEnvironment();
  for (std::uint64_t run = 0; run < 12; ++run) {
    SCOPED_TRACE("GRANARY_SEED=" + std::to_string(seed) + " run " + std::to_string(run));
    testing::FakeRandom random(seed + run);
    const SchemaPtr schemas[] = {MakeSchema(1, kEveryType),
                                 MakeSchema(2, {TypeKind::kString, TypeKind::kInt64})};
    Memtable table;
    std::vector<Appended> appended;
    std::vector<std::pair<std::size_t, std::vector<HotChunk>>> kept;
    std::uint64_t sequence = 1;
    for (int i = 0; i < 40; ++i) {
      const SchemaPtr& schema = schemas[random.OneIn(10) ? 1 : 0];
      const auto rows = static_cast<std::int64_t>(random.OneIn(3) ? 1 : 1 + random.Below(200));
      appended.push_back({schema, RandomBatch(*schema, rows, random)});
      ASSERT_TRUE(table.Append(schema, *appended.back().batch, sequence).ok());
      sequence += static_cast<std::uint64_t>(rows);
      if (random.OneIn(4)) kept.emplace_back(appended.size(), table.View());
    }
    ExpectShows(table.View(), appended);
    for (auto& [batches, view] : kept) {
      ExpectShows(view,
                  std::vector<Appended>(appended.begin(),
                                        appended.begin() + static_cast<std::ptrdiff_t>(batches)));
    }
  }
}

// Every row says in each column which row it is, so that a reader can check what it sees.
std::shared_ptr<arrow::RecordBatch> SelfDescribing(const Schema& schema, std::int64_t first,
                                                   std::int64_t rows) {
  arrow::Int64Builder ints;
  arrow::StringBuilder strings;
  arrow::BooleanBuilder bools;
  for (std::int64_t i = first; i < first + rows; ++i) {
    EXPECT_TRUE((i % 3 == 0 ? ints.AppendNull() : ints.Append(i)).ok());
    EXPECT_TRUE(strings.Append(std::to_string(i)).ok());
    EXPECT_TRUE(bools.Append(i % 2 == 0).ok());
  }
  return arrow::RecordBatch::Make(schema.ToArrow(), rows,
                                  {*ints.Finish(), *strings.Finish(), *bools.Finish()});
}

void ExpectSelfDescribing(const std::vector<HotChunk>& view) {
  std::int64_t row = 0;
  for (const HotChunk& chunk : view) {
    const auto ints = std::static_pointer_cast<arrow::Int64Array>(chunk.batch->column(0));
    const auto strings = std::static_pointer_cast<arrow::StringArray>(chunk.batch->column(1));
    const auto bools = std::static_pointer_cast<arrow::BooleanArray>(chunk.batch->column(2));
    for (std::int64_t i = 0; i < chunk.batch->num_rows(); ++i, ++row) {
      ASSERT_EQ(ints->IsNull(i), row % 3 == 0);
      if (row % 3 != 0) {
        ASSERT_EQ(ints->Value(i), row);
      }
      ASSERT_EQ(strings->GetView(i), std::to_string(row));
      ASSERT_EQ(bools->Value(i), row % 2 == 0);
      ASSERT_EQ(chunk.sequences->Value(i), row + 1);
    }
  }
}

TEST(MemtableTest, ReadersSeeWholePrefixesWhileAWriterAppends) {
  const auto schema = MakeSchema(1, {TypeKind::kInt64, TypeKind::kString, TypeKind::kBool});
  constexpr std::int64_t kAppends = 700;
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < kAppends; ++i) {
    batches.push_back(SelfDescribing(*schema, total, 1 + i % 7));
    total += 1 + i % 7;
  }
  Memtable table;
  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  std::vector<std::vector<std::vector<HotChunk>>> kept(3);
  for (auto& mine : kept) {
    readers.emplace_back([&] {
      std::uint64_t seen = 0;
      while (!done) {
        const std::uint64_t at_least = table.rows();
        auto view = table.View();
        std::uint64_t rows = 0;
        for (const HotChunk& chunk : view)
          rows += static_cast<std::uint64_t>(chunk.batch->num_rows());
        ASSERT_GE(rows, std::max(at_least, seen));
        seen = rows;
        ExpectSelfDescribing(view);
        mine.push_back(std::move(view));
      }
    });
  }
  std::uint64_t sequence = 1;
  for (const auto& batch : batches) {
    ASSERT_TRUE(table.Append(schema, *batch, sequence).ok());
    sequence += static_cast<std::uint64_t>(batch->num_rows());
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  ExpectSelfDescribing(table.View());
  EXPECT_EQ(table.rows(), static_cast<std::uint64_t>(total));
}

}  // namespace
}  // namespace granary::storage
