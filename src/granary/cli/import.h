// granary import: a file's records into a source of a running node, with progress.
#pragma once

#include <cstdint>
#include <string>

#include "granary/base/status.h"

namespace granary::cli {

struct ImportOptions {
  std::string path;
  std::string source;
  std::string url = "http://127.0.0.1:8000";
  std::string ca_file;
  std::string format;                 ///< Empty: by the path's ending.
  std::size_t batch_records = 5'000;  ///< A write's records; each write is all or nothing.
  bool flush = true;                  ///< Into Parquet once all is in.
};

/// Adds the source when it is not there, writes every record in order, and says how many and how
/// fast. Stops at the first refusal, saying which records were written.
Status RunImport(const ImportOptions& options);

}  // namespace granary::cli
