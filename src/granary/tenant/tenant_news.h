// TenantNews: what of a tenant's sources somebody has not been told yet: schemas, files that came
// and went, statistics. For the Metadata Catalog.
//
// Cost       a source that nothing happened to: some pointers are compared. What is told is the
//            difference to what was told before, in parts of bounded size.
// Numbers    of a source, parts are numbered from 1; each says which one it builds on, 0 for one
//            that begins anew. So whoever listens notices what they missed.
// Statistics at most every `statistics_interval_us` and source, since hot rows are read for them.
// Threads    one.
// Owns       of each source what was told: some 50 bytes a file. Tenant and clock outlive it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "granary/io/clock.h"
#include "granary/storage/segment/segment_meta.h"
#include "granary/storage/source/compaction_policy.h"
#include "granary/tenant/tenant.h"

namespace granary {

/// A file that came, or of which more rows are deleted than when it was told.
struct FileNews {
  std::shared_ptr<const storage::SegmentMeta> meta;
  SchemaPtr schema;       ///< Of the file.
  std::string partition;  ///< storage::PartitionPath.
  std::uint64_t deleted_rows = 0;
};

/// What merging would do now, and what is owed.
struct MergeNews {
  std::uint64_t merges = 0;  ///< That pay.
  std::uint64_t bytes = 0;   ///< Of their files.
  std::string reason;        ///< Of the first.
  storage::CompactionDebt debt;
};

struct SourceNews {
  SourceId source;
  std::uint64_t uid = 0;
  std::uint64_t base = 0;  ///< The part that this one builds on; 0: it begins anew.
  std::uint64_t number = 0;
  bool complete = true;  ///< Else the next part goes on with it.
  std::int64_t created_us = 0;
  std::optional<std::int64_t> last_write_us;
  std::uint64_t flushed_sequence = 0;
  storage::DefinitionPtr definition;            ///< Null: as told.
  std::vector<storage::SchemaVersion> schemas;  ///< New ones, oldest first.
  std::vector<FileNews> files;
  std::vector<SegmentId> files_gone;
  std::optional<SourceStatsInfo> stats;
  std::optional<MergeNews> merges;  ///< Beside `stats`.
};

struct News {
  std::vector<SourceNews> sources;
  std::vector<SourceId> gone;  ///< Sources that were told and are not there any more.
  bool all_told = false;       ///< With this, every source was told whole; said once.
  bool more = false;           ///< There is more to tell at once.

  bool empty() const { return sources.empty() && gone.empty() && !all_told; }
};

class TenantNews {
 public:
  static constexpr std::size_t kStatsColumn = 16;  ///< Value sets are long.

  struct Options {
    std::int64_t statistics_interval_us = 30'000'000;
    /// Columns of files and of schemas in one Take; one of statistics counts as kStatsColumn.
    std::size_t columns_max = 20'000;
  };
  TenantNews(Tenant& tenant, const io::Clock& clock, Options options);

  /// The next part. What it returns counts as told.
  News Take();
  /// Parts are to be smaller: one was too much for whoever listens.
  void Halve() { columns_max_ = std::max<std::size_t>(columns_max_ / 2, 1); }
  /// The source is told from its beginning.
  void Forget(const SourceId& source) { told_.erase(source); }
  /// All of them are, and all_told is said again.
  void ForgetAll();

 private:
  struct FileMark {
    std::uint64_t deleted_rows = 0, last_sequence = 0;
    bool operator==(const FileMark&) const = default;
  };
  using Files = std::vector<std::shared_ptr<const storage::Segment>>;
  struct Told {
    SourceUid uid;
    std::uint64_t number = 0;
    std::uint32_t schema_version = 0;
    SchemaPtr schema;
    storage::DefinitionPtr definition;
    std::unordered_map<std::uint64_t, FileMark> files;
    std::weak_ptr<const Files> seen;  // Of the last complete part.
    bool complete = false;
    std::optional<std::int64_t> stats_us;
    std::uint64_t stats_sequence = 0;
    std::weak_ptr<const Files> stats_files;
  };
  std::optional<SourceNews> TakeSource(const storage::Source& source, std::size_t& budget);
  bool AreStatsDue(const Told& told, const storage::SourceMoment& now) const;
  static bool TakeSchemas(const storage::Source& source, Told& told, SourceNews& news,
                          std::size_t& budget);
  static bool TakeFiles(const storage::Source& source, const storage::SourceMoment& now, Told& told,
                        SourceNews& news, std::size_t& budget);
  void TakeStats(const storage::SourceMoment& now, Told& told, SourceNews& news);

  Tenant& tenant_;
  const io::Clock& clock_;
  const Options options_;
  std::size_t columns_max_ = options_.columns_max;
  std::map<SourceId, Told> told_;
  bool said_all_ = false;
};

}  // namespace granary
