// What the manifest's rows hold in encoded form, under checksums that are right: a definition, a
// schema, a segment's partition, statistics and indexes. The first byte chooses; the rows really go
// through SQLite, in memory.
//
// Promises   whatever does not decode is damage; what does is written as a row that decodes to the
//            same.
#include <string>

#include "granary/base/check.h"
#include "granary/storage/manifest/manifest_rows.h"
#include "granary/storage/manifest/source_definition.h"
#include "granary/testing/fuzz_target.h"

namespace granary::storage {
namespace {

void CheckDamage(const Status& status) {
  GRANARY_CHECK(status.code() == Code::kCorruption, "{}", status.ToString());
}

void Definition(std::string_view bytes) {
  const auto definition = SourceDefinition::Decode(bytes);
  if (!definition.ok()) return CheckDamage(definition.status());
  std::string encoded;
  definition->EncodeTo(encoded);
  const auto again = SourceDefinition::Decode(encoded);
  GRANARY_CHECK(again.ok() && *again == *definition, "{}", again.status().ToString());
}

void SchemaAndTime(std::string_view bytes) {
  const SchemaRow row{.source = 1, .version = 1, .schema = std::string(bytes)};
  std::int64_t made_us = 0;
  const auto schema = row.DecodeSchema(made_us);
  if (!schema.ok()) return CheckDamage(schema.status());
  const SchemaRow written = SchemaRow::Of(1, *schema, made_us);
  std::int64_t same_us = 0;
  const auto again = written.DecodeSchema(same_us);
  GRANARY_CHECK(again.ok() && *again == *schema && same_us == made_us);
}

SqliteDb& Tables() {
  static SqliteDb db = [] {
    auto opened = SqliteDb::Open(":memory:", SqliteDb::Access::kReadWrite);
    GRANARY_CHECK(opened.ok(), "{}", opened.status().ToString());
    SqliteDb made = opened.Take();
    GRANARY_CHECK(made.Execute(kManifestTables).ok());
    return made;
  }();
  return db;
}

Result<SegmentRow> ThroughTheTable(const SegmentRow& row) {
  SqliteDb& db = Tables();
  const Status written = row.Write(db);
  GRANARY_CHECK(written.ok(), "{}", written.ToString());
  auto select = db.Prepare(kSelectSegments);
  GRANARY_CHECK(select.ok());
  const auto found = select->Step();
  GRANARY_CHECK(found.ok() && *found);
  return ReadSegmentRow(*select, "manifest");
}

void Segment(testing::FuzzInput input) {
  SegmentRow row;
  row.source = 1;
  row.meta.id = SegmentId{1};
  row.meta.path = "0001.parquet";
  row.partition = input.Take(input.Byte());
  row.indexes = input.Take(input.Byte());
  row.columns = input.rest();
  const auto read = ThroughTheTable(row);
  if (!read.ok()) return CheckDamage(read.status());
  const auto again = ThroughTheTable(SegmentRow::Of(1, read->meta));
  GRANARY_CHECK(again.ok(), "{}", again.status().ToString());
  // As bytes: a NaN in it is not equal to itself.
  const SegmentRow once = SegmentRow::Of(1, read->meta), twice = SegmentRow::Of(1, again->meta);
  GRANARY_CHECK(once.partition == twice.partition && once.columns == twice.columns &&
                once.indexes == twice.indexes);
}

void Run(testing::FuzzInput input) {
  switch (input.Byte() % 3) {
    case 0: return Definition(input.rest());
    case 1: return SchemaAndTime(input.rest());
    default: return Segment(input);
  }
}

}  // namespace
}  // namespace granary::storage

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  granary::storage::Run({data, size});
  return 0;
}
