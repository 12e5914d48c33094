#include "granary/storage/source/folder_compaction.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "granary/storage/manifest/manifest.h"
#include "granary/storage/source/compaction_files.h"
#include "granary/storage/source/data_folder.h"

namespace granary::storage {
namespace {

Result<std::optional<SourceRecord>> FindIn(io::FileSystem& files, const std::string& manifest_path,
                                           const SourceId& source) {
  using Found = std::optional<SourceRecord>;
  GRANARY_ASSIGN(const bool exists, files.Exists(manifest_path));
  if (!exists) return Found();
  GRANARY_ASSIGN(const auto manifest, Manifest::Open(manifest_path, io::Failpoints::None()));
  GRANARY_ASSIGN(auto records, manifest->Load());
  GRANARY_TRY(manifest->Close());
  for (SourceRecord& record : records) {
    if (record.definition.id == source) return Found(std::move(record));
  }
  return Found();
}

Result<CompactionPlan> PlanRecord(const SourceRecord& record, const CompactionOptions& options,
                                  std::int64_t now_us, CompactionWish wish) {
  if (record.schemas.empty())
    return Status::Corruption(
        fmt::format("source \"{}\" has no schema", record.definition.id.str()));
  const Schema& now = *record.schemas.back().schema;
  GRANARY_ASSIGN(const PartitionSpec partitions, ResolvePartitions(record.definition, now));
  const auto& sorted = record.definition.sort_columns;
  const CompactionScene scene{.partitions = partitions,
                              .now = now,
                              .sorted = sorted.empty() ? nullptr : now.Find(sorted.front()),
                              .flushed_sequence = record.flushed_sequence};
  std::vector<CompactionFile> described;
  for (const SegmentMeta& meta : record.segments) {
    const auto written = std::find_if(record.schemas.begin(), record.schemas.end(),
                                      [&](const SchemaVersion& version) {
                                        return version.schema->version() == meta.schema_version;
                                      });
    if (written == record.schemas.end()) {
      return Status::Corruption(
          fmt::format("source \"{}\": segment {} has the unknown schema version {}",
                      record.definition.id.str(), meta.id.value, meta.schema_version));
    }
    described.push_back(DescribeFile(scene, meta, *written->schema));
  }
  CompactionPlan plan = PickCompactions(
      described, MakeCompactionLimits(record.definition, now, options), now_us, wish);
  ExplainDebt(options, now_us, plan);
  return plan;
}

}  // namespace

Result<CompactionPlan> PlanFolderCompaction(io::FileSystem& files, const io::Clock& clock,
                                            const std::string& root, const SourceId& source,
                                            const CompactionOptions& options, CompactionWish wish) {
  GRANARY_ASSIGN(const bool is_ours, files.Exists(io::JoinPath(root, kFormatFileName)));
  if (!is_ours) {
    return Status(Code::kNotFound,
                  fmt::format("{} has no {} file: not a data folder", root, kFormatFileName));
  }
  GRANARY_ASSIGN(const DataFolder folder, DataFolder::Open(files, root));
  GRANARY_ASSIGN(const auto entries, files.List(io::JoinPath(folder.root(), kTenantsFolderName)));
  std::optional<SourceRecord> found;
  for (const io::DirectoryEntry& entry : entries) {
    const auto tenant = TenantId::Parse(entry.name);
    if (!entry.is_directory || !tenant.ok()) continue;
    GRANARY_ASSIGN(auto record, FindIn(files, folder.ManifestPath(*tenant), source));
    if (!record) continue;
    if (found) {
      return Status(Code::kInvalidArgument,
                    fmt::format("several tenants of {} have a source \"{}\"", root, source.str()));
    }
    found = std::move(record);
  }
  if (!found) {
    return Status(Code::kSourceNotFound,
                  fmt::format("there is no source \"{}\" in {}", source.str(), root));
  }
  return PlanRecord(*found, options, clock.WallMicros(), wish);
}

}  // namespace granary::storage
