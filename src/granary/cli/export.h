// granary export: the records of a source into a file: NDJSON, CSV, an Arrow stream, Parquet. Each is
// what granary import and POST /data/write take: NDJSON is of bare objects, {"order_id":"A",…}.
#pragma once

#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/cli/node_client.h"

namespace granary::cli {

struct ExportOptions : NodeAddress {
  std::string source;
  std::string path;
  std::string format;   ///< Empty: by the path's ending.
  std::string filters;  ///< JSON, as in the body; empty: none.
  std::vector<std::string> columns;
};

/// The file has all records or stays as it was: it is written beside itself (`<file>.part`) and
/// renamed.
/// The source and the file may stand in either order, where only one of them tells a format by its
/// ending.
void SortOut(ExportOptions& options);

Status RunExport(const ExportOptions& options);

}  // namespace granary::cli
