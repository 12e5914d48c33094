#include "granary/hosting/tenant_folders.h"

#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace granary::hosting {
namespace {

constexpr std::string_view kLockFile = "granary.lock";  // docs/formats/data_folder.md
constexpr std::string_view kAside = ".deleted-";        // No identifier begins with a dot.

}  // namespace

Result<std::unique_ptr<io::FileLock>> TenantFolders::Claim(const std::string& tenant) {
  GRANARY_ASSIGN(const bool is_there, files_.Exists(PathOf(tenant)));
  if (!is_there) return std::unique_ptr<io::FileLock>();
  return files_.Lock(io::JoinPath(PathOf(tenant), kLockFile));
}

Status TenantFolders::PutAside(const std::string& tenant, const std::string& path) {
  GRANARY_ASSIGN(const bool is_there, files_.Exists(path));
  if (!is_there) return Status::Ok();
  for (std::uint64_t number = 1;; ++number) {
    const std::string aside = io::JoinPath(folder_, fmt::format("{}{}-{}", kAside, tenant, number));
    GRANARY_ASSIGN(const bool is_taken, files_.Exists(aside));
    if (is_taken) continue;
    GRANARY_TRY(files_.Rename(path, aside));
    // Nobody finds it at its old place any more, and it is at the new one.
    GRANARY_TRY(files_.SyncDirectory(folder_));
    const std::string parent = io::ParentPath(path);
    return parent == folder_ ? Status::Ok() : files_.SyncDirectory(parent);
  }
}

Status TenantFolders::Sweep() {
  GRANARY_ASSIGN(const bool is_there, files_.Exists(folder_));
  if (!is_there) return Status::Ok();
  GRANARY_ASSIGN(const std::vector<io::DirectoryEntry> entries, files_.List(folder_));
  Status swept;
  for (const io::DirectoryEntry& entry : entries) {
    if (!entry.name.starts_with(kAside)) continue;
    const Status gone = files_.RemoveTree(io::JoinPath(folder_, entry.name));
    if (swept.ok()) swept = gone;
  }
  return swept;
}

}  // namespace granary::hosting
