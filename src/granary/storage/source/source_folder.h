// The folder of one source: claimed by a marker file, swept of what no manifest names, and removed
// without touching anything that is not ours.
//
// Shape      <folder>/.granary-source names store, tenant and source; segments are called
//            seg-<id>.parquet, in folders of their partitions.
// Promise    a folder without our marker is never written to or deleted from. Links are not
//            followed.
// Threads    const from many; calls about one folder one at a time.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "granary/base/ids.h"
#include "granary/base/status.h"
#include "granary/io/file_system.h"

namespace granary::storage {

inline constexpr std::string_view kMarkerName = ".granary-source";

struct SourceMarker {
  std::string store;
  TenantId tenant;
  SourceId source;
  bool operator==(const SourceMarker&) const = default;
};

/// "seg-000000000042.parquet".
std::string SegmentFileName(SegmentId id);
/// True for such a name and for those of index files beside ("seg-000000000042.3.hash.idx"), also
/// of a file that was not finished (".tmp" behind it).
bool IsSegmentFileName(std::string_view name);

/// Claims an empty or new folder. kSourceConflict when it holds anything that is not ours, or lies
/// inside the folder of another source; `boundary` is the root at which the search for one ends. A
/// marker that a crash left before the source was in the manifest is taken over.
Status ClaimFolder(io::FileSystem& files, const std::string& folder, const std::string& boundary,
                   const SourceMarker& marker);

/// True when the folder carries our marker.
Result<bool> HasMarker(io::FileSystem& files, const std::string& folder,
                       const SourceMarker& marker);

/// The same, but makes folder and marker anew when nothing is there.
Result<bool> ReclaimFolder(io::FileSystem& files, const std::string& folder,
                           const SourceMarker& marker);

/// Removes segment files that are not in `live` (paths relative to the folder) and empty folders.
/// Returns how many files.
Result<std::uint64_t> SweepFolder(io::FileSystem& files, const std::string& folder,
                                  const std::set<std::string>& live);

/// Removes what is ours: segments, then the marker, then the folder if nothing else was in it.
/// Does nothing without our marker.
Status RemoveFolder(io::FileSystem& files, const std::string& folder, const SourceMarker& marker);

/// Leaves the files and gives up the claim.
Status ReleaseFolder(io::FileSystem& files, const std::string& folder, const SourceMarker& marker);

}  // namespace granary::storage
