#include "granary/storage/source/folder_check.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "granary/storage/index/index_reader.h"
#include "granary/storage/manifest/manifest.h"
#include "granary/storage/segment/segment_reader.h"
#include "granary/storage/source/data_folder.h"
#include "granary/storage/source/data_path.h"
#include "granary/storage/source/log_walk.h"
#include "granary/storage/source/source_folder.h"
#include "granary/storage/wal/batch_codec.h"
#include "granary/storage/wal/keyed_payload.h"

namespace granary::storage {
namespace {

struct KnownSource {
  TenantId tenant;
  SourceRecord record;
  std::string folder;
};

class FolderCheck {
 public:
  FolderCheck(io::FileSystem& files, const CheckProgress& progress)
      : files_(files), progress_(progress) {}

  Result<FolderReport> Run(const std::string& root) {
    GRANARY_ASSIGN(const bool is_ours, files_.Exists(io::JoinPath(root, kFormatFileName)));
    if (!is_ours) {
      return Status(Code::kNotFound,
                    fmt::format("{} has no {} file: not a data folder", root, kFormatFileName));
    }
    GRANARY_ASSIGN(const DataFolder folder, DataFolder::Open(files_, root));
    GRANARY_TRY(LoadTenants(folder));
    for (const auto& [uid, source] : sources_) CheckSource(folder, source);
    GRANARY_TRY(CheckLogs(folder));
    return std::move(report_);
  }

 private:
  void Damaged(const Status& status) {
    if (!status.ok()) report_.damage.push_back(std::string(status.message()));
  }

  Status LoadTenants(const DataFolder& folder) {
    const std::string tenants = io::JoinPath(folder.root(), kTenantsFolderName);
    GRANARY_ASSIGN(const bool any, files_.Exists(tenants));
    if (!any) return Status::Ok();
    GRANARY_ASSIGN(const auto entries, files_.List(tenants));
    for (const io::DirectoryEntry& entry : entries) {
      const auto tenant = TenantId::Parse(entry.name);
      if (!entry.is_directory || !tenant.ok()) continue;
      ++report_.tenants;
      const std::string path = folder.ManifestPath(*tenant);
      progress_(path, 0, bytes_total_);
      const Status loaded = LoadManifest(folder, *tenant, path);
      if (loaded.code() == Code::kConflict) return loaded;
      Damaged(loaded);
    }
    return Status::Ok();
  }

  // Opening verifies the pages, every row and every sum.
  Status LoadManifest(const DataFolder& folder, const TenantId& tenant, const std::string& path) {
    GRANARY_ASSIGN(const bool exists, files_.Exists(path));
    if (!exists) return Status::Corruption(fmt::format("{} is missing", path));
    GRANARY_ASSIGN(const auto manifest, Manifest::Open(path, io::Failpoints::None()));
    GRANARY_ASSIGN(auto records, manifest->Load());
    for (const DroppedFolder& dropped : manifest->dropped()) {
      report_.notes.push_back(
          fmt::format("{}: removed source \"{}\": its files go at the next start",
                      OpenedFolder(folder.root(), dropped.folder), dropped.id));
    }
    for (SourceRecord& record : records) {
      // Replaced ones serve cursors, and are checked like the others.
      report_.retired += record.retired.size();
      record.segments.insert(record.segments.end(), record.retired.begin(), record.retired.end());
      for (const SegmentMeta& meta : record.segments) bytes_total_ += meta.bytes;
      ++report_.sources;
      std::string opened = OpenedFolder(folder.root(), record.folder);
      const SourceUid uid = record.uid;
      sources_.emplace(uid, KnownSource{tenant, std::move(record), std::move(opened)});
    }
    return manifest->Close();
  }

  void CheckSource(const DataFolder& folder, const KnownSource& source) {
    const SourceMarker marker{folder.store_id(), source.tenant, source.record.definition.id};
    const auto marked = HasMarker(files_, source.folder, marker);
    if (!marked.ok() || !*marked) {
      if (source.record.segments.empty()) return;  // Made anew at the next start.
      return Damaged(Status::Corruption(
          fmt::format("{}: the folder of source \"{}\" is not there, or has no {} of this store",
                      source.folder, source.record.definition.id.str(), kMarkerName)));
    }
    for (const SegmentMeta& meta : source.record.segments) {
      progress_(io::JoinPath(source.folder, meta.path), bytes_done_, bytes_total_);
      Damaged(CheckSegment(source, meta));
      Damaged(CheckDeletions(source, meta));
      for (const IndexMeta& index : meta.indexes) CheckIndex(source, meta, index);
      bytes_done_ += meta.bytes;
    }
    NoteUnnamed(source, source.folder, "");
  }

  Status CheckSegment(const KnownSource& source, const SegmentMeta& meta) {
    const std::string path = io::JoinPath(source.folder, meta.path);
    SchemaPtr schema;
    for (const SchemaVersion& version : source.record.schemas) {
      if (version.schema->version() == meta.schema_version) schema = version.schema;
    }
    if (schema == nullptr) {
      return Status::Corruption(
          fmt::format("{}: unknown schema version {}", path, meta.schema_version));
    }
    GRANARY_ASSIGN(const auto reader, SegmentReader::Open(files_, source.folder, meta, schema));
    std::vector<ColumnId> columns{kSequenceColumnId};
    for (const Column& column : schema->columns()) columns.push_back(column.id);
    std::uint64_t rows = 0;
    for (int group = 0; group < reader->row_groups(); ++group) {
      GRANARY_ASSIGN(const auto batch, reader->Read(group, columns, *schema));
      rows += static_cast<std::uint64_t>(batch->num_rows());
      GRANARY_TRY(CheckSequences(path, meta, *batch->column(0)));
    }
    if (rows != meta.rows) {
      return Status::Corruption(
          fmt::format("{}: {} rows, the manifest says {}", path, rows, meta.rows));
    }
    ++report_.segments;
    report_.segment_bytes += meta.bytes;
    report_.segment_rows += rows;
    return Status::Ok();
  }

  // That they read, and are of rows that the file has, the manifest saw.
  Status CheckDeletions(const KnownSource& source, const SegmentMeta& meta) {
    const auto found = source.record.deletions.find(meta.id);
    if (found == source.record.deletions.end()) return Status::Ok();
    std::uint64_t rows = 0;
    for (const DeletionPtr& version : found->second->versions()) rows += version->rows.count();
    report_.deleted_rows += found->second->rows()->count();
    if (rows == found->second->rows()->count()) return Status::Ok();
    return Status::Corruption(fmt::format("{}: the manifest has rows of it deleted twice",
                                          io::JoinPath(source.folder, meta.path)));
  }

  void CheckIndex(const KnownSource& source, const SegmentMeta& meta, const IndexMeta& index) {
    BlockCache no_cache(0);
    const auto reader =
        IndexReader::Open(files_, source.folder, meta.path, index, meta.id, no_cache);
    const Status whole = reader.ok() ? (*reader)->Verify() : reader.status();
    ++report_.indexes;
    if (whole.ok()) return;
    report_.damage.push_back(
        fmt::format("{} (an index: no record is lost, a node builds it anew)", whole.message()));
  }

  static Status CheckSequences(const std::string& path, const SegmentMeta& meta,
                               const arrow::Array& array) {
    const auto& sequences = static_cast<const arrow::Int64Array&>(array);
    for (std::int64_t row = 0; row < sequences.length(); ++row) {
      const auto sequence = static_cast<std::uint64_t>(sequences.Value(row));
      if (sequence >= meta.min_sequence && sequence <= meta.max_sequence) continue;
      return Status::Corruption(fmt::format("{}: record {} in a file of the records {} to {}", path,
                                            sequence, meta.min_sequence, meta.max_sequence));
    }
    return Status::Ok();
  }

  // Segment files that the manifest does not name: of a flush that a crash cut off.
  void NoteUnnamed(const KnownSource& source, const std::string& folder, const std::string& below) {
    const auto entries = files_.List(folder);
    if (!entries.ok()) return Damaged(entries.status());
    for (const io::DirectoryEntry& entry : *entries) {
      const std::string path = below.empty() ? entry.name : io::JoinPath(below, entry.name);
      if (entry.is_directory) {
        NoteUnnamed(source, io::JoinPath(folder, entry.name), path);
        continue;
      }
      const auto is_it = [&path](const SegmentMeta& meta) {
        return meta.path == path || std::ranges::any_of(meta.indexes, [&](const IndexMeta& index) {
                 return IndexPath(meta.path, index.key) == path;
               });
      };
      if (IsSegmentFileName(entry.name) && std::ranges::none_of(source.record.segments, is_it)) {
        report_.notes.push_back(fmt::format("{}: unfinished, goes at the next start",
                                            io::JoinPath(folder, entry.name)));
      }
    }
  }

  Status CheckLogs(const DataFolder& folder) {
    GRANARY_ASSIGN(const bool any, files_.Exists(folder.WalPath()));
    if (!any) return Status::Ok();
    GRANARY_ASSIGN(const auto entries, files_.List(folder.WalPath()));
    for (const io::DirectoryEntry& entry : entries) {
      const auto lane = ParseLaneName(entry.name);
      if (!entry.is_directory || !lane.has_value()) continue;
      GRANARY_ASSIGN(const auto log, ListLog(files_, folder.LanePath(*lane)));
      GRANARY_TRY(WalkLog(
          files_, log, [&](const WalFrame& frame, LogPosition at) { CheckFrame(frame, at); },
          [&](const WalReader& reader, const LogFile& file) {
            progress_(file.path, bytes_total_, bytes_total_);
            ++report_.log_files;
            for (const WalDamage& damage : reader.damage()) {
              report_.damage.push_back(
                  fmt::format("{}: byte {}: {}", damage.file, damage.offset, damage.detail));
            }
          }));
    }
    return Status::Ok();
  }

  // A frame that is whole must also decode in the schema that it names, as replay will ask of it.
  void CheckFrame(const WalFrame& frame, LogPosition at) {
    ++report_.frames;
    const auto found = sources_.find(frame.source_uid);
    if (!HoldsRecords(frame.kind) || frame.records == 0 || found == sources_.end()) return;
    const SourceRecord& record = found->second.record;
    if (frame.first_sequence + frame.records - 1 <= record.flushed_sequence) return;
    report_.unflushed_records += frame.records;
    std::string_view payload = frame.payload;
    if (frame.kind == FrameKind::kKeyedRecords) {
      const auto keyed = SplitKeyedPayload(frame.payload);
      if (keyed.ok()) payload = keyed->batch;
    }
    for (const SchemaVersion& version : record.schemas) {
      if (version.schema->version() != frame.schema_version) continue;
      const auto batch = DecodeBatch(payload, version.schema->ToArrow());
      if (batch.ok() && (*batch)->num_rows() == static_cast<std::int64_t>(frame.records)) return;
    }
    report_.damage.push_back(
        fmt::format("log file {}: byte {}: a frame of source \"{}\" does not decode in schema "
                    "version {}",
                    at.file, at.offset, record.definition.id.str(), frame.schema_version));
  }

  io::FileSystem& files_;
  const CheckProgress& progress_;
  FolderReport report_;
  std::map<SourceUid, KnownSource> sources_;
  std::uint64_t bytes_total_ = 0;
  std::uint64_t bytes_done_ = 0;
};

}  // namespace

Result<FolderReport> CheckDataFolder(io::FileSystem& files, const std::string& root,
                                     const CheckProgress& progress) {
  return FolderCheck(files, progress).Run(root);
}

}  // namespace granary::storage
