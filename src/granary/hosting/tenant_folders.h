// TenantFolders: the folders of many tenants' data, <folder>/<tenant>, and how one goes for good: of
// launched nodes, and of a node that serves many.
//
// Order      claim -> put aside, synced -> the caller forgets the tenant -> sweep. A crash, and a
//            power cut, in between leaves the tenant known, or its data where no node looks.
// Claim      the lock that whoever serves the tenant holds on its folder: a process of an Operation
//            Node that died may still work in it.
// Threads    fully safe, as `files` is.
#pragma once

#include <memory>
#include <string>

#include "granary/base/status.h"
#include "granary/io/file_system.h"

namespace granary::hosting {

class TenantFolders {
 public:
  /// `folder` is absolute; `files` outlives this.
  TenantFolders(std::string folder, io::FileSystem& files)
      : folder_(std::move(folder)), files_(files) {}

  std::string PathOf(const std::string& tenant) const { return io::JoinPath(folder_, tenant); }
  /// Null when there is no folder. kConflict while a process works in it.
  Result<std::unique_ptr<io::FileLock>> Claim(const std::string& tenant);
  /// Gives the folder a name that is no tenant's. OK when it is not there; once OK, for good.
  Status PutAside(const std::string& tenant) { return PutAside(tenant, PathOf(tenant)); }
  /// The same of what lies elsewhere, on the same disk.
  Status PutAside(const std::string& tenant, const std::string& path);
  /// Removes what was put aside, now or before a restart. The first failure, after the rest.
  Status Sweep();

 private:
  const std::string folder_;
  io::FileSystem& files_;
};

}  // namespace granary::hosting
