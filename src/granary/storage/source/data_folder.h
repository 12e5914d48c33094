// DataFolder: the folder behind DATA_PATH: claimed for this process, checked to be ours, and where
// everything in it lies.
//
// Shape      docs/formats/data_folder.md.
// Promise    while it lives no other process serves the folder. A folder with content of somebody
//            else's is left as it was found.
// Errors     kConflict: locked (naming the pid), foreign, or of a newer format. kCorruption: a
//            FORMAT file that does not read. kPermissionDenied, kIoError: cannot be made or
//            written.
// Threads    const from many; Unlock once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "granary/base/ids.h"
#include "granary/base/status.h"
#include "granary/io/file_system.h"

namespace granary::storage {

inline constexpr std::uint32_t kDataFolderFormat = 1;
inline constexpr std::string_view kFormatFileName = "FORMAT";
inline constexpr std::string_view kLockFileName = "granary.lock";
inline constexpr std::string_view kWalFolderName = "wal";
inline constexpr std::string_view kTenantsFolderName = "tenants";
inline constexpr std::string_view kSpoolFolderName = "spool";      ///< In a tenant's folder.
inline constexpr std::string_view kSourcesFolderName = "sources";  ///< In a tenant's folder.

class DataFolder {
 public:
  /// Makes the folder when it is not there.
  static Result<DataFolder> Open(io::FileSystem& files, const std::string& root);

  const std::string& root() const { return root_; }  ///< Absolute, links resolved.
  /// Random, given when the folder was made: tells our files from those of another store.
  const std::string& store_id() const { return store_id_; }

  /// Lets other processes in. Nothing may be written from here on.
  void Unlock() { lock_.reset(); }

  std::string WalPath() const;
  std::string LanePath(std::uint32_t lane) const;
  std::string TenantPath(const TenantId& tenant) const;
  std::string SpoolPath(const TenantId& tenant) const;
  std::string ManifestPath(const TenantId& tenant) const;

 private:
  DataFolder() = default;

  std::string root_;
  std::string store_id_;
  std::unique_ptr<io::FileLock> lock_;
};

/// The number of "lane-7"; nothing for any other name.
std::optional<std::uint32_t> ParseLaneName(std::string_view name);

}  // namespace granary::storage
