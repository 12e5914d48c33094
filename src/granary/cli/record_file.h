// RecordFile: a file of records (CSV, NDJSON, JSON, Arrow, Parquet) as the bodies of POST
// /data/write, some records each.
//
// Types      Arrow and Parquet say their columns; CSV, NDJSON and JSON records are passed on as
//            they stand, and the node reads each by its column, so that nothing is rounded on the
//            way.
// Memory     one block of the file at a time, except JSON arrays, which are read whole.
// Threads    one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/cli/null_texts.h"
#include "granary/storage/manifest/source_definition.h"

namespace granary::cli {

enum class FileFormat : std::uint8_t {
  kCsv,
  kNdjson,
  kJson,
  kArrow,  ///< An IPC stream, or the file form, which is Feather.
  kParquet,
};

/// By name ("csv"), or when empty by the path's ending (.csv, .ndjson, .jsonl, .json, .arrow,
/// .arrows, .feather, .parquet).
Result<FileFormat> ChooseFormat(std::string_view name, std::string_view path);

class RecordFile {
 public:
  /// `nulls` are those of a CSV file.
  static Result<std::unique_ptr<RecordFile>> Open(const std::string& path, FileFormat format,
                                                  const NullTexts& nulls = {});
  virtual ~RecordFile() = default;

  /// What the file says of its columns; empty when the node is to infer them.
  virtual const std::vector<storage::DeclaredColumn>& columns() const = 0;

  /// Appends up to `records_max` records and returns how many; 0 at the end. JSON comes as
  /// {"fields":{…}},{"fields":{…}}, any other type as a body of its own. Stops early once
  /// `bytes_max` is passed, after at least one record.
  virtual Result<std::size_t> Next(std::size_t records_max, std::size_t bytes_max,
                                   std::string& out) = 0;
  /// Of what Next gives.
  virtual std::string_view media_type() const { return "application/json"; }
  /// Where the records that Next gave last begin in the file; 0 where it has no lines.
  virtual std::uint64_t first_line() const { return 0; }

  virtual std::uint64_t bytes_total() const = 0;
  virtual std::uint64_t bytes_read() const = 0;  ///< Towards bytes_total, for progress.
};

}  // namespace granary::cli
