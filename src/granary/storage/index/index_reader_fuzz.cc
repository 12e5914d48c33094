// An index file of any bytes: opened, asked everything, verified, printed. The mutator makes the
// checksums of the footer, and of every block that the tree leads to, right again.
//
// Promises   whatever is wrong is reported as damage; rows that are named exist; in an index that
//            verifies, a walk forward is one backward reversed, and each part of it is found when
//            asked for.
#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "granary/base/check.h"
#include "granary/base/crc32c.h"
#include "granary/storage/index/bloom_filter.h"
#include "granary/storage/index/index_format.h"
#include "granary/storage/index/index_reader.h"
#include "granary/testing/fuzz_target.h"
#include "granary/testing/memory_file_system.h"

namespace granary::storage {
namespace {

const std::string kFolder = "dir";
const std::string kSegment = "0007.parquet";
constexpr std::size_t kCrcBytes = 4;
constexpr std::size_t kRowsMax = 1 << 16;
/// What a mutated tree may make of one repair.
constexpr int kRepairsMax = 1000;

using Rows = std::vector<std::uint32_t>;

IndexFooterLayout FooterOf(std::string_view file) {
  IndexFooterLayout footer;
  std::memcpy(&footer, file.data() + file.size() - sizeof(footer), sizeof(footer));
  return footer;
}

std::vector<Value> Asked() {
  return {Value(true),
          Value(std::int64_t{0}),
          Value(std::int64_t{-1}),
          Value(std::numeric_limits<std::int64_t>::max()),
          Value(std::uint64_t{7}),
          Value(-0.0),
          Value(std::numeric_limits<double>::quiet_NaN()),
          Value(Int128{-5}),
          Value(std::string()),
          Value(std::string("a")),
          Value(std::string("row 17")),
          Value(std::string(kIndexKeyMaxBytes + 1, 'x'))};
}

void CheckDamage(const Status& status) {
  GRANARY_CHECK(status.code() == Code::kCorruption || status.code() == Code::kConflict, "{}",
                status.ToString());
  GRANARY_CHECK(!status.message().empty());
}

/// The rows found; nothing when the file is damaged.
std::optional<Rows> Found(const IndexFooterLayout& footer, const Status& status,
                          const FoundRows& found) {
  if (!status.ok()) {
    CheckDamage(status);
    return std::nullopt;
  }
  if (found.too_many) return std::nullopt;
  for (const std::uint32_t row : found.rows) GRANARY_CHECK(row < footer.rows, "row={}", row);
  return found.rows;
}

std::optional<Rows> Equal(const IndexReader& index, const IndexFooterLayout& footer,
                          const Value& value) {
  FoundRows found{kRowsMax, {}, false};
  const Status asked = index.FindEqual(value, found);
  return Found(footer, asked, found);
}

std::optional<Rows> Between(const IndexReader& index, const IndexFooterLayout& footer,
                            const std::optional<Value>& low, const std::optional<Value>& high) {
  FoundRows found{kRowsMax, {}, false};
  const Status asked = index.FindRange(low, high, found);
  return Found(footer, asked, found);
}

std::optional<Rows> First(const IndexReader& index, const IndexFooterLayout& footer, KeyOrder order,
                          std::size_t count) {
  FoundRows found{kRowsMax, {}, false};
  const auto asked = index.FindFirst(order, count, found);
  if (asked.ok() && !*asked) return std::nullopt;
  if (asked.ok()) GRANARY_CHECK(found.rows.size() >= count);
  return Found(footer, asked.status(), found);
}

Rows Sorted(Rows rows) {
  std::sort(rows.begin(), rows.end());
  return rows;
}

bool Includes(const Rows& all, const Rows& some) {
  const Rows sorted_all = Sorted(all), sorted_some = Sorted(some);
  return std::includes(sorted_all.begin(), sorted_all.end(), sorted_some.begin(),
                       sorted_some.end());
}

void AskTree(const IndexReader& index, const IndexFooterLayout& footer, bool is_whole) {
  const auto all = Between(index, footer, std::nullopt, std::nullopt);
  GRANARY_CHECK(!is_whole || footer.entries > kRowsMax || all->size() == footer.entries);
  for (const Value& value : Asked()) {
    const auto equal = Equal(index, footer, value);
    const auto below = Between(index, footer, std::nullopt, value);
    const auto above = Between(index, footer, value, std::nullopt);
    FoundRows prefixed{kRowsMax, {}, false};
    const Status asked = index.FindPrefix(ValueToText(value, TypeKind::kString), prefixed);
    Found(footer, asked, prefixed);
    if (!is_whole || !all || !equal || !below || !above) continue;
    GRANARY_CHECK(Includes(*all, *equal) && Includes(*all, *below) && Includes(*all, *above));
    if (index.key().kind != IndexKind::kBtree) continue;
    GRANARY_CHECK(Includes(*below, *equal) && Includes(*above, *equal));
    GRANARY_CHECK(below->size() + above->size() == all->size() + equal->size());
  }
  for (const std::size_t count : {std::size_t{1}, std::size_t{3}}) {
    for (const KeyOrder order : {KeyOrder::kAscending, KeyOrder::kDescending}) {
      const auto first = First(index, footer, order, count);
      if (is_whole && all && first) GRANARY_CHECK(Includes(*all, *first));
    }
  }
  if (!is_whole || !all || footer.keys_cut != 0 || all->empty()) return;
  const auto forward = First(index, footer, KeyOrder::kAscending, all->size());
  const auto backward = First(index, footer, KeyOrder::kDescending, all->size());
  GRANARY_CHECK(forward == all && backward && Sorted(*backward) == Sorted(*all));
}

void AskBloom(const IndexReader& index) {
  for (const Value& value : Asked()) {
    const auto may = index.MayContain(value);
    if (!may.ok()) CheckDamage(may.status());
  }
}

void Run(std::string_view file) {
  if (file.size() < sizeof(IndexFooterLayout)) return;
  const IndexFooterLayout footer = FooterOf(file);
  const IndexMeta meta{.key = {footer.column, static_cast<IndexKind>(footer.kind % 3)},
                       .bytes = file.size(),
                       .footer_crc = footer.crc};
  testing::MemoryFileSystem files;
  GRANARY_CHECK(files.CreateDirectories(kFolder).ok());
  const std::string path = io::JoinPath(kFolder, IndexPath(kSegment, meta.key));
  GRANARY_CHECK(files.ReplaceFile(path, file).ok());

  std::string printed;
  if (const Status dumped = DumpIndex(files, path, printed); !dumped.ok()) CheckDamage(dumped);
  BlockCache cache(1 << 20);
  const auto index =
      IndexReader::Open(files, kFolder, kSegment, meta, SegmentId{footer.segment}, cache);
  if (!index.ok()) return CheckDamage(index.status());
  const Status verified = (*index)->Verify();
  if (!verified.ok()) CheckDamage(verified);
  if (meta.key.kind == IndexKind::kBloom)
    AskBloom(**index);
  else
    AskTree(**index, footer, verified.ok());
}

void Seal(std::size_t offset, std::size_t bytes, std::string& file) {
  const std::string_view payload = std::string_view(file).substr(offset, bytes - kCrcBytes);
  const std::uint32_t crc = Crc32c(payload);
  std::memcpy(file.data() + offset + bytes - kCrcBytes, &crc, kCrcBytes);
}

bool IsInside(std::uint64_t offset, std::uint64_t bytes, const std::string& file) {
  const std::uint64_t end = file.size() - sizeof(IndexFooterLayout);
  return bytes >= kCrcBytes && offset <= end && bytes <= end - offset;
}

void RepairTree(std::uint64_t offset, std::uint64_t bytes, int level, int& left,
                std::string& file) {
  if (--left < 0 || !IsInside(offset, bytes, file)) return;
  Seal(offset, bytes, file);
  if (level <= 1) return;
  const std::string payload = file.substr(offset, bytes - kCrcBytes);
  BlockCursor cursor(payload);
  std::uint64_t child = 0, child_bytes = 0;
  while (!cursor.done() && cursor.NextKey() && cursor.NextChild(child, child_bytes))
    RepairTree(child, child_bytes, level - 1, left, file);
}

void RepairBloom(std::string& file) {
  const std::size_t end = file.size() - sizeof(IndexFooterLayout);
  const std::size_t step = kIndexBlockBytes + kCrcBytes;
  for (std::size_t at = 0; at + kCrcBytes <= end; at += step)
    Seal(at, std::min(step, end - at), file);
}

/// The file may have become longer or shorter: the footer is told, and the root still ends where
/// the footer begins.
void Repair(std::string& file) {
  if (file.size() < sizeof(IndexFooterLayout)) return;
  IndexFooterLayout footer = FooterOf(file);
  const std::uint64_t end = file.size() - sizeof(footer);
  footer.blocks_bytes = end;
  footer.root_bytes = static_cast<std::uint32_t>(end - std::min(end, footer.root_offset));
  int left = kRepairsMax;
  if (footer.kind == static_cast<std::uint8_t>(IndexKind::kBloom))
    RepairBloom(file);
  else if (footer.levels > 0)
    RepairTree(footer.root_offset, footer.root_bytes, footer.levels, left, file);
  std::string bytes;
  EncodeIndexFooter(footer, bytes);
  file.replace(end, sizeof(footer), bytes);
}

}  // namespace
}  // namespace granary::storage

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  granary::storage::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed) {
  return granary::testing::MutateAndRepair(data, size, max_size, seed, granary::storage::Repair);
}
