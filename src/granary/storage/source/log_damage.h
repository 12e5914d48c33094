// LogDamage: whose records the damage in a lane took, as far as the log itself can tell.
//
// Cost       reads the damaged lane twice more; only ever called when there is damage.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "granary/base/ids.h"
#include "granary/base/status.h"
#include "granary/io/file_system.h"
#include "granary/storage/wal/wal_damage.h"

namespace granary::storage {

struct LogDamage {
  /// Sources named by damaged frames whose header survived, with the last sequence of those frames.
  std::map<SourceUid, std::uint64_t> lost;
  /// True when a damaged place does not say whose frame it held.
  bool nameless = false;
  /// Sources with a whole frame behind the last nameless place.
  std::set<SourceUid> seen_behind;
};

Result<LogDamage> ExamineLog(io::FileSystem& files, const std::string& lane_directory);

/// What was once decided about the damage of a lane. It is kept (in <lane>/DAMAGE) because the
/// frames that proved a source whole are collected one day, while the damaged file stays.
struct JudgedDamage {
  /// File name and offset.
  using Place = std::pair<std::string, std::uint64_t>;
  std::set<Place> places;
  std::set<SourceUid> refused;

  static std::set<Place> PlacesOf(const std::vector<WalDamage>& damage);
  /// Empty when nothing was decided yet. kCorruption when the file does not read.
  static Result<JudgedDamage> Load(io::FileSystem& files, const std::string& lane_directory);
  Status Save(io::FileSystem& files, const std::string& lane_directory) const;
};

}  // namespace granary::storage
