#include "granary/storage/source/source_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "granary/storage/index/index_meta.h"
#include "granary/storage/source/data_path.h"

namespace granary::storage {
namespace {

constexpr std::string_view kMarkerMagic = "granary source 1\n";
constexpr int kFolderDepthMax = 64;  // Partition columns; a tree that is deeper is not ours.

std::string MarkerPath(const std::string& folder) { return io::JoinPath(folder, kMarkerName); }

std::string MarkerText(const SourceMarker& marker) {
  return fmt::format("{}store {}\ntenant {}\nsource {}\n", kMarkerMagic, marker.store,
                     marker.tenant.str(), marker.source.str());
}

// Nothing when there is no marker.
Result<std::optional<std::string>> ReadMarker(io::FileSystem& files, const std::string& folder) {
  using Found = std::optional<std::string>;
  Result<std::string> text = files.ReadFile(MarkerPath(folder));
  if (text.ok()) return Found(text.Take());
  if (text.status().code() == Code::kNotFound) return Found();
  return text.status();
}

// Any source of this store and tenant: the manifest knows that none of the living ones is here.
bool IsOfStore(std::string_view text, const SourceMarker& marker) {
  return text.starts_with(fmt::format("{}store {}\ntenant {}\nsource ", kMarkerMagic, marker.store,
                                      marker.tenant.str()));
}

Status Taken(const std::string& folder, std::string_view why) {
  return Status::Invalid(Code::kSourceConflict, "/data_path", fmt::format("{} {}", folder, why));
}

Status CheckParents(io::FileSystem& files, const std::string& folder, const std::string& boundary) {
  for (std::string parent = io::ParentPath(folder); IsBelow(parent, boundary);
       parent = io::ParentPath(parent)) {
    GRANARY_ASSIGN(const bool claimed, files.Exists(MarkerPath(parent)));
    if (claimed)
      return Taken(folder, fmt::format("lies in the folder of another source, {}", parent));
  }
  return Status::Ok();
}

Status CheckFree(io::FileSystem& files, const std::string& folder, const SourceMarker& marker) {
  GRANARY_ASSIGN(const bool exists, files.Exists(folder));
  if (!exists) return Status::Ok();
  const auto entries = files.List(folder);
  if (!entries.ok())
    return Taken(folder, fmt::format("is no folder to use: {}", entries.status().message()));
  GRANARY_ASSIGN(const auto text, ReadMarker(files, folder));
  if (text.has_value() && !IsOfStore(*text, marker))
    return Taken(folder, "belongs to another data folder or tenant");
  for (const io::DirectoryEntry& entry : *entries) {
    if (entry.name == kMarkerName || entry.name == fmt::format("{}.tmp", kMarkerName)) continue;
    return Taken(folder, fmt::format("is not empty: it holds \"{}\"", entry.name));
  }
  return Status::Ok();
}

// Calls `visit(path relative to the folder, entry)` for each file; removes folders below that are
// empty then.
template <typename Visit>
Status WalkFiles(io::FileSystem& files, const std::string& folder, const std::string& inside,
                 int depth, const Visit& visit) {
  const std::string here = inside.empty() ? folder : io::JoinPath(folder, inside);
  GRANARY_ASSIGN(const auto entries, files.List(here));
  for (const io::DirectoryEntry& entry : entries) {
    const std::string path = inside.empty() ? entry.name : io::JoinPath(inside, entry.name);
    if (!entry.is_directory) {
      GRANARY_TRY(visit(path, entry));
    } else if (depth < kFolderDepthMax) {
      GRANARY_TRY(WalkFiles(files, folder, path, depth + 1, visit));
      GRANARY_ASSIGN(const auto left, files.List(io::JoinPath(folder, path)));
      if (left.empty()) GRANARY_TRY(files.Remove(io::JoinPath(folder, path)));
    }
  }
  return Status::Ok();
}

}  // namespace

std::string SegmentFileName(SegmentId id) { return fmt::format("seg-{:012}.parquet", id.value); }

bool IsSegmentFileName(std::string_view name) {
  if (name.ends_with(".tmp")) name.remove_suffix(4);
  const bool is_ours = name.ends_with(".parquet") || name.ends_with(kIndexFileSuffix);
  if (!name.starts_with("seg-") || !is_ours) return false;
  const std::string_view digits = name.substr(4, name.find('.') - 4);
  return digits.size() >= 12 && digits.size() <= 20 &&
         std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Status ClaimFolder(io::FileSystem& files, const std::string& folder, const std::string& boundary,
                   const SourceMarker& marker) {
  GRANARY_TRY(CheckParents(files, folder, boundary));
  GRANARY_TRY(CheckFree(files, folder, marker));
  GRANARY_TRY(files.CreateDirectories(folder));
  return files.ReplaceFile(MarkerPath(folder), MarkerText(marker));
}

Result<bool> HasMarker(io::FileSystem& files, const std::string& folder,
                       const SourceMarker& marker) {
  GRANARY_ASSIGN(const auto text, ReadMarker(files, folder));
  return text.has_value() && *text == MarkerText(marker);
}

Result<bool> ReclaimFolder(io::FileSystem& files, const std::string& folder,
                           const SourceMarker& marker) {
  GRANARY_ASSIGN(const bool marked, HasMarker(files, folder, marker));
  if (marked) return true;
  if (!CheckFree(files, folder, marker).ok()) return false;
  GRANARY_TRY(files.CreateDirectories(folder));
  GRANARY_TRY(files.ReplaceFile(MarkerPath(folder), MarkerText(marker)));
  return true;
}

Result<std::uint64_t> SweepFolder(io::FileSystem& files, const std::string& folder,
                                  const std::set<std::string>& live) {
  std::uint64_t removed = 0;
  GRANARY_TRY(WalkFiles(files, folder, "", 0,
                        [&](const std::string& path, const io::DirectoryEntry& entry) -> Status {
                          if (!IsSegmentFileName(entry.name) || live.contains(path))
                            return Status::Ok();
                          GRANARY_TRY(files.Remove(io::JoinPath(folder, path)));
                          ++removed;
                          return Status::Ok();
                        }));
  return removed;
}

Status RemoveFolder(io::FileSystem& files, const std::string& folder, const SourceMarker& marker) {
  GRANARY_ASSIGN(const bool marked, HasMarker(files, folder, marker));
  if (!marked) return Status::Ok();
  const Result<std::uint64_t> swept = SweepFolder(files, folder, {});
  GRANARY_TRY(swept.status());
  return ReleaseFolder(files, folder, marker);
}

Status ReleaseFolder(io::FileSystem& files, const std::string& folder, const SourceMarker& marker) {
  GRANARY_ASSIGN(const bool marked, HasMarker(files, folder, marker));
  if (!marked) return Status::Ok();
  GRANARY_TRY(files.Remove(MarkerPath(folder)));
  GRANARY_ASSIGN(const auto left, files.List(folder));
  if (!left.empty()) return files.SyncDirectory(folder);
  GRANARY_TRY(files.Remove(folder));
  return files.SyncDirectory(io::ParentPath(folder));
}

}  // namespace granary::storage
