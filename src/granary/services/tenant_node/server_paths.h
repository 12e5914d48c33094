// ServerPaths: what clients read in place of this machine's paths.
//
// Place      the border that the failure of a handler crosses on its way to a client, REST or gRPC.
//            Rooms below name the files that they fail at, and the log keeps those names.
// Promise    a path that lies below DATA_PATH, or below one of ALLOWED_DATA_PATHS, comes out as
//            "DATA_PATH/wal/0/000007.wal"; whoever has the machine finds the file by it.
// Threads    const from many.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/io/file_system.h"
#include "granary/services/tenant_node/config.h"
#include "granary/tenant/tenant.h"

namespace granary::services {

class ServerPaths {
 public:
  /// The folders of `config`, as they are written there and as `files` resolves them.
  ServerPaths(const Config& config, io::FileSystem& files);

  /// The same failure without paths of this machine. What is not offered by this version is named
  /// by route, not by file, and left alone; so are the pointers into a request.
  Status Hide(const Status& status) const;
  /// The list with its damage told so.
  SourceList Hide(SourceList list) const;

 private:
  struct Root {
    std::string path;
    std::string name;  ///< "DATA_PATH"
  };
  void Add(std::string path, std::string_view name);
  std::string HideIn(std::string_view text) const;

  std::vector<Root> roots_;  // The longest first.
};

}  // namespace granary::services
