// FileBody: a file of records as one body that a node reads as it comes: one write, all of it or
// nothing.
//
//   CSV, NDJSON      as they stand, but for what a CSV file's null texts become: the node reads each
//                    value by its column, and infers what it does not know.
//   Arrow, Parquet   an Arrow stream of typed columns: decoded here, while the node works on what
//                    came before.
//
// Memory     one block of the file, and a piece of a few megabytes.
// Threads    one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/cli/record_file.h"
#include "granary/storage/manifest/source_definition.h"

namespace granary::cli {

class FileBody {
 public:
  /// kUnsupported for kJson, whose records travel in batches. `nulls` are those of a CSV file.
  static Result<std::unique_ptr<FileBody>> Open(const std::string& path, FileFormat format,
                                                const NullTexts& nulls = {});
  virtual ~FileBody() = default;

  virtual std::string_view media_type() const = 0;
  /// What the file says of its columns; empty when the node is to infer them.
  virtual const std::vector<storage::DeclaredColumn>& columns() const = 0;
  /// The next piece; empty at the end.
  virtual Result<std::string> Next() = 0;

  virtual std::uint64_t bytes_total() const = 0;
  virtual std::uint64_t bytes_read() const = 0;  ///< Towards bytes_total, for progress.
  virtual std::uint64_t rows_read() const = 0;   ///< Lines of a text.
};

}  // namespace granary::cli
