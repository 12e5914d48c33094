// granary explain: how a running node would carry out a search or an aggregate, as a tree.
#pragma once

#include <string>
#include <string_view>

#include "granary/base/status.h"
#include "granary/cli/query_command.h"

namespace granary::cli {

struct ExplainOptions {
  QueryOptions search;    ///< What to explain; its output is "tree" or "json".
  std::string aggregate;  ///< Instead: the JSON body of POST /data/aggregate.
  bool analyze = false;   ///< Run it, too.
};

/// The answer of POST /data/explain for people. kInternal when it is none.
Result<std::string> ExplainTree(std::string_view answer);
Status RunExplain(const ExplainOptions& options);

}  // namespace granary::cli
