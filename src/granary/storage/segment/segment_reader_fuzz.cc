// A Parquet file of any bytes, under footers that are right. Behind the first byte, which chooses:
// bit 0: the checksums of its columns are not looked at, as in a file that is not ours; bit 1: the
// manifest knows the footer; bit 2: with that all before it, page indexes among it.
//
// Promises   a file is read, or is damaged; what is read has the rows and types that were asked
// for.
#include <arrow/array.h>
#include <arrow/compute/initialize.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "granary/base/check.h"
#include "granary/base/crc32c.h"
#include "granary/storage/segment/segment_format.h"
#include "granary/storage/segment/segment_reader.h"
#include "granary/testing/fuzz_target.h"
#include "granary/testing/memory_file_system.h"

namespace granary::storage {
namespace {

const std::string kFolder = "/data";
const std::string kName = "0001.parquet";
constexpr std::size_t kTrailerBytes = 8;

/// Those of the seeds.
SchemaPtr Columns() {
  return std::make_shared<const Schema>(
      1, 6,
      std::vector<Column>{{1, "n", TypeKind::kInt64},
                          {2, "s", TypeKind::kString},
                          {3, "l", DataType::List(TypeKind::kInt64)},
                          {4, "d", DataType::Decimal(10, 2)},
                          {5, "id", TypeKind::kUuid},
                          {6, "gone", TypeKind::kFloat64}});
}

void CheckDamage(const Status& status) {
  GRANARY_CHECK(status.code() == Code::kCorruption, "{}", status.ToString());
}

void HideChecksums(std::string& file) {
  const std::size_t at = file.rfind(kChunkChecksumsKey);
  if (at != std::string::npos) file[at] = '_';
}

/// As the manifest would know it.
void FillFooter(std::string_view file, SegmentMeta& meta) {
  if (file.size() < kTrailerBytes) return;
  std::uint32_t footer = 0;
  std::memcpy(&footer, file.data() + file.size() - kTrailerBytes, sizeof(footer));
  meta.bytes = file.size();
  meta.footer_bytes = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(std::uint64_t{footer} + kTrailerBytes, file.size()));
  meta.footer_crc = Crc32c(file.substr(file.size() - meta.footer_bytes));
}

void ReadSome(const SegmentReader& reader, int group, const std::vector<ColumnId>& ids,
              const Schema& schema) {
  reader.LoadPages(ids);
  const std::int64_t rows = reader.rows(group);
  RowSpans spans;
  AddSpan(spans, {rows / 3, rows / 3 + 1});
  AddSpan(spans, {rows / 2, rows});
  if (rows == 0) return;
  const auto some = reader.ReadRows(group, spans, ids, schema);
  if (!some.ok()) return CheckDamage(some.status());
  GRANARY_CHECK((*some)->num_rows() == CountRows(spans));
  const auto valid = (*some)->Validate();
  GRANARY_CHECK(valid.ok(), "{}", valid.ToString());
}

void ReadAll(const SegmentReader& reader, const Schema& schema) {
  std::vector<ColumnId> ids = {kSequenceColumnId};
  for (const Column& column : schema.columns()) ids.push_back(column.id);
  for (int group = 0; group < reader.row_groups(); ++group) {
    for (const Column& column : schema.columns())
      (void)reader.RowGroupStats(group, column.id, column.type);
    const auto batch = reader.Read(group, ids, schema);
    if (!batch.ok()) {
      CheckDamage(batch.status());
      continue;
    }
    ReadSome(reader, group, ids, schema);
    GRANARY_CHECK((*batch)->num_rows() == reader.rows(group));
    const auto valid = (*batch)->Validate();
    GRANARY_CHECK(valid.ok(), "{}", valid.ToString());
    for (std::size_t i = 0; i < schema.columns().size(); ++i) {
      const auto& type = *(*batch)->column(static_cast<int>(i + 1))->type();
      GRANARY_CHECK(type.Equals(*schema.columns()[i].type.ToArrow()), "{}", type.ToString());
    }
  }
}

void Run(testing::FuzzInput input) {
  const std::uint8_t choice = input.Byte();
  std::string file(input.rest());
  if ((choice & 1) != 0) HideChecksums(file);
  SegmentMeta meta;
  meta.id = SegmentId{1};
  meta.path = kName;
  if ((choice & 2) != 0) FillFooter(file, meta);
  if ((choice & 6) == 6 && file.size() >= kTrailerBytes) {
    meta.footer_bytes = static_cast<std::uint32_t>(file.size());
    meta.footer_crc = Crc32c(file);
  }
  testing::MemoryFileSystem files;
  const std::string path = io::JoinPath(kFolder, kName);
  GRANARY_CHECK(files.CreateDirectories(kFolder).ok() && files.ReplaceFile(path, file).ok());

  static const bool has_kernels = arrow::compute::Initialize().ok();
  GRANARY_CHECK(has_kernels);
  static const SchemaPtr schema = Columns();
  const auto reader = SegmentReader::Open(files, kFolder, meta, schema);
  if (reader.ok())
    ReadAll(**reader, *schema);
  else
    CheckDamage(reader.status());
  std::string printed;
  if (const Status dumped = DumpSegment(files, path, printed); !dumped.ok()) CheckDamage(dumped);
}

}  // namespace
}  // namespace granary::storage

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  granary::storage::Run({data, size});
  return 0;
}
