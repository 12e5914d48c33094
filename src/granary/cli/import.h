// granary import: a file's records into a source of a running node, with progress.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/cli/node_client.h"

namespace granary::cli {

struct ImportOptions : NodeAddress {
  std::string path;
  std::string source;
  std::string format;  ///< Empty: by the path's ending.
  /// Of a CSV file: what an unquoted cell says when it is null. An empty one is, anyway.
  std::vector<std::string> null_texts;
  /// Records of one write; 0: the whole file is one, all of it or nothing, where that can be.
  std::size_t batch_records = 0;
  bool flush = true;  ///< Into Parquet; else records are written in batches and stay in memory.
};

/// Adds the source when it is not there, writes every record in order, and says how many and how
/// fast. What is stored is what POST /data/write stores of the same file.
///
/// One write: CSV and NDJSON, and Arrow and Parquet whose columns are the source's. Batches
/// otherwise: the node then reads each value by its column; they stop at the first refusal, saying
/// which records were written. kInvalidArgument for null texts of a file that is not CSV.
/// The file and the source may stand in either order: the one that is a file is the file.
/// kInvalidArgument when neither is one.
Status SortOut(ImportOptions& options);

Status RunImport(const ImportOptions& options);

}  // namespace granary::cli
