// granary model: the cost models of a CBO Engine: list, show, promote, rollback, replay.
#pragma once

#include <string>

#include "granary/base/status.h"

namespace granary::cli {

struct ModelOptions {
  std::string url = "http://127.0.0.1:8082";
  std::string ca_file;
  std::string version;
  std::string output = "table";  ///< Or "json".
  bool force = false;
};

Status RunModelList(const ModelOptions& options);
Status RunModelShow(const ModelOptions& options);
Status RunModelPromote(const ModelOptions& options);
Status RunModelRollback(const ModelOptions& options);
Status RunModelReplay(const ModelOptions& options);

}  // namespace granary::cli
