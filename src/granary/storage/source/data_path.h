// Where a source's files lie: data_path turned into a folder, or refused.
//
// Rules      docs/formats/data_folder.md. In short: relative means below DATA_PATH ("./data/" being
//            DATA_PATH itself); absolute only inside DATA_PATH or ALLOWED_DATA_PATHS; links are
//            resolved before the check; no "..".
// Threads    const from many.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "granary/base/ids.h"
#include "granary/base/status.h"
#include "granary/io/file_system.h"

namespace granary::storage {

struct DataRoots {
  std::string root;                  ///< DATA_PATH, resolved.
  std::vector<std::string> allowed;  ///< ALLOWED_DATA_PATHS, resolved.
  TenantId tenant;

  /// The root that `folder` lies in.
  const std::string& BoundaryOf(std::string_view folder) const;
};

/// Resolves ALLOWED_DATA_PATHS. kInvalidArgument for one that is not absolute.
Result<DataRoots> ResolveRoots(io::FileSystem& files, std::string root,
                               const std::vector<std::string>& allowed, TenantId tenant);

/// The absolute folder of a source. kInvalidPath outside the roots; kSourceConflict for a folder
/// that the data folder keeps for itself; kUnsupported for a URL. Touches nothing.
Result<std::string> ResolveDataPath(io::FileSystem& files, const DataRoots& roots,
                                    const SourceId& source, std::string_view data_path);

/// True when `path` lies strictly below `folder`; both absolute and resolved.
bool IsBelow(std::string_view path, std::string_view folder);
/// True when they are one folder or one lies below the other.
bool Overlap(std::string_view a, std::string_view b);

/// How the manifest names a folder: relative when below `root`, so that a data folder can be moved.
std::string StoredFolder(const std::string& root, const std::string& folder);
std::string OpenedFolder(const std::string& root, const std::string& stored);

}  // namespace granary::storage
