// granary source …: the sources of a running node.
#pragma once

#include <string>

#include "granary/base/status.h"
#include "granary/cli/node_client.h"

namespace granary::cli {

struct SourceOptions : NodeAddress {
  std::string id;
  std::string body;  ///< JSON; "@file" reads a file, "@-" the input.
  bool keep_data = false;
  bool wait = false;             ///< Of compact.
  bool all = false;              ///< Of compaction explain,
  std::string data_path;         ///< which looks into a folder instead of asking a node.
  bool histograms = false;       ///< Of stats: drawn, or as JSON.
  std::string output = "table";  ///< Of list, explain and histograms: table or json.
};

/// Each prints the node's answer. Errors: the node's, kInvalidArgument for an option.
Status ListSources(const SourceOptions& options);
Status ShowSource(const SourceOptions& options);
Status ShowSchema(const SourceOptions& options);
Status AddSource(const SourceOptions& options);
Status PatchSource(const SourceOptions& options);
Status DeleteSource(const SourceOptions& options);
Status FlushSource(const SourceOptions& options);
Status ShowStats(const SourceOptions& options);
Status CompactSource(const SourceOptions& options);
/// What a compaction would merge and why, and what not.
Status ExplainCompaction(const SourceOptions& options);

}  // namespace granary::cli
