#include "granary/storage/source/data_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "granary/storage/source/data_folder.h"
#include "granary/storage/source/source_folder.h"

namespace granary::storage {
namespace {

constexpr std::string_view kPointer = "/data_path";
constexpr std::size_t kPathMaxBytes = 1024;
constexpr std::size_t kPartMaxBytes = 255;
constexpr std::string_view kDataPrefix = "./data";
constexpr std::string_view kServiceLockName = "LOCK";  // Of services that keep no store.

Status Invalid(std::string detail) {
  return Status::Invalid(Code::kInvalidPath, std::string(kPointer), std::move(detail));
}

Result<std::vector<std::string_view>> SplitPath(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") return Invalid("\"..\" is not allowed");
    if (part == kMarkerName) return Invalid(fmt::format("\"{}\" is not allowed", part));
    if (part.size() > kPartMaxBytes)
      return Invalid(fmt::format("a part is longer than {} bytes", kPartMaxBytes));
    parts.push_back(part);
  }
  return parts;
}

bool HasControl(std::string_view path) {
  return std::any_of(path.begin(), path.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string JoinParts(std::string base, const std::vector<std::string_view>& parts) {
  for (const std::string_view part : parts) base = io::JoinPath(base, part);
  return base;
}

Status Conflict(std::string detail) {
  return Status::Invalid(Code::kSourceConflict, std::string(kPointer), std::move(detail));
}

// What the data folder keeps for itself and for the services that share it; only the sources of our
// own tenant lie inside of one of these. The services' folders are kept before they are there: who
// took the folder of a tenant to come would take its name.
Status CheckReserved(const DataRoots& roots, const std::string& folder) {
  if (!IsBelow(folder, roots.root)) return Status::Ok();
  const std::string_view inside = std::string_view(folder).substr(roots.root.size() + 1);
  const std::string_view first = inside.substr(0, inside.find('/'));
  const std::array reserved = {kWalFolderName,
                               kTenantsFolderName,
                               kFormatFileName,
                               kLockFileName,
                               std::string_view("FORMAT.tmp"),
                               std::string_view("auth"),
                               std::string_view("catalog"),
                               std::string_view("cbo_engine"),
                               std::string_view("monitoring"),
                               std::string_view("hosted"),
                               std::string_view("operation_node"),
                               std::string_view("node_key"),
                               std::string_view("lost+found")};
  if (std::find(reserved.begin(), reserved.end(), first) == reserved.end()) return Status::Ok();
  const std::string own = fmt::format("{}/{}/{}/{}", roots.root, kTenantsFolderName,
                                      roots.tenant.str(), kSourcesFolderName);
  if (IsBelow(folder, own)) return Status::Ok();
  return Conflict(fmt::format("\"{}\" in the data folder is kept for the store itself", first));
}

// Somebody else's data folder, wherever it lies, is recognised by what makes it one.
Status CheckNotInside(io::FileSystem& files, const DataRoots& roots, std::string folder) {
  for (; IsBelow(folder, roots.BoundaryOf(folder)); folder.resize(folder.rfind('/'))) {
    for (const std::string_view mark : {kFormatFileName, kLockFileName, kServiceLockName}) {
      GRANARY_ASSIGN(const bool is_there, files.Exists(io::JoinPath(folder, mark)));
      if (is_there) return Conflict("it lies in the data folder of another store or service");
    }
  }
  return Status::Ok();
}

}  // namespace

Result<DataRoots> ResolveRoots(io::FileSystem& files, std::string root,
                               const std::vector<std::string>& allowed, TenantId tenant) {
  DataRoots roots{std::move(root), {}, std::move(tenant)};
  for (const std::string& path : allowed) {
    if (!path.starts_with('/')) {
      return Status(Code::kInvalidArgument,
                    fmt::format("ALLOWED_DATA_PATHS: \"{}\" is not an absolute path", path));
    }
    GRANARY_ASSIGN(std::string resolved, files.Resolve(path));
    roots.allowed.push_back(std::move(resolved));
  }
  return roots;
}

const std::string& DataRoots::BoundaryOf(std::string_view folder) const {
  const auto holds = [&](const std::string& path) { return IsBelow(folder, path); };
  const auto found = std::find_if(allowed.begin(), allowed.end(), holds);
  return holds(root) || found == allowed.end() ? root : *found;
}

Result<std::string> ResolveDataPath(io::FileSystem& files, const DataRoots& roots,
                                    const SourceId& source, std::string_view data_path) {
  if (data_path.size() > kPathMaxBytes)
    return Invalid(fmt::format("longer than {} bytes", kPathMaxBytes));
  if (HasControl(data_path)) return Invalid("control characters are not allowed");
  if (data_path.find("://") != std::string_view::npos) {
    return Status::Invalid(Code::kUnsupported, std::string(kPointer),
                           "only folders of this machine are offered so far");
  }

  std::string wanted;
  if (data_path.empty()) {
    wanted = fmt::format("{}/{}/{}/{}/{}", roots.root, kTenantsFolderName, roots.tenant.str(),
                         kSourcesFolderName, source.str());
  } else {
    std::string_view path = data_path;
    if (path == kDataPrefix || path.starts_with("./data/")) path.remove_prefix(kDataPrefix.size());
    const bool absolute = data_path.starts_with('/');
    GRANARY_ASSIGN(const auto parts, SplitPath(path));
    wanted = JoinParts(absolute ? "/" : roots.root, parts);
  }

  Result<std::string> resolved = files.Resolve(wanted);
  if (!resolved.ok()) return Invalid(std::string(resolved.status().message()));
  const std::string& folder = *resolved;
  if (folder == roots.root) {
    return Conflict("the data folder itself holds other things");
  }
  const auto holds = [&](const std::string& allowed) { return IsBelow(folder, allowed); };
  if (!holds(roots.root) && std::none_of(roots.allowed.begin(), roots.allowed.end(), holds)) {
    return Invalid("outside DATA_PATH and ALLOWED_DATA_PATHS");
  }
  GRANARY_TRY(CheckReserved(roots, folder));
  GRANARY_TRY(CheckNotInside(files, roots, folder));
  return folder;
}

bool IsBelow(std::string_view path, std::string_view folder) {
  if (folder == "/") return path.size() > 1;
  return path.size() > folder.size() + 1 && path.starts_with(folder) && path[folder.size()] == '/';
}

bool Overlap(std::string_view a, std::string_view b) {
  return a == b || IsBelow(a, b) || IsBelow(b, a);
}

std::string StoredFolder(const std::string& root, const std::string& folder) {
  return IsBelow(folder, root) ? folder.substr(root.size() + (root == "/" ? 0 : 1)) : folder;
}

std::string OpenedFolder(const std::string& root, const std::string& stored) {
  return stored.starts_with('/') ? stored : io::JoinPath(root, stored);
}

}  // namespace granary::storage
