// The manifest's deleted rows.
#include <fmt/format.h>

#include <algorithm>

#include "granary/storage/manifest/manifest_state.h"

namespace granary::storage {
namespace {

bool HasVersion(const DeletionsPtr& deletions, const DeletionPtr& version) {
  if (deletions == nullptr) return false;
  const auto& versions = deletions->versions();
  return std::find(versions.begin(), versions.end(), version) != versions.end();
}

std::vector<DeletionPtr> NotIn(const DeletionsPtr& all, const DeletionsPtr& known) {
  std::vector<DeletionPtr> some;
  if (all == nullptr) return some;
  for (const DeletionPtr& version : all->versions()) {
    if (!HasVersion(known, version)) some.push_back(version);
  }
  return some;
}

}  // namespace

Status Manifest::State::ReadHistories() {
  GRANARY_ASSIGN(SqliteStatement cursor, db.Prepare(kSelectHistories));
  for (;;) {
    GRANARY_ASSIGN(const bool more, cursor.Step());
    if (!more) break;
    GRANARY_ASSIGN(const HistoryRow row, ReadHistoryRow(cursor, db.path()));
    histories[row.source] = row;
  }
  for (const auto& [uid, source] : sources) {
    if (histories.contains(uid)) continue;
    return Status::Corruption(
        fmt::format("{}: table histories: no row of source {}", db.path(), source.id));
  }
  return Status::Ok();
}

Status Manifest::State::ReadDeletes(std::map<std::uint64_t, SourceRecord>& records) {
  std::map<std::uint64_t, RowDigest> found;
  std::map<std::uint64_t, std::uint64_t> rows_of;  // Of segments.
  for (const auto& [uid, record] : records) {
    for (const auto* segments : {&record.segments, &record.retired}) {
      for (const SegmentMeta& meta : *segments) rows_of[meta.id.value] = meta.rows;
    }
  }
  std::map<std::uint64_t, std::map<std::uint64_t, std::vector<DeletionPtr>>> versions;
  GRANARY_ASSIGN(SqliteStatement cursor, db.Prepare(kSelectDeletes));
  for (;;) {
    GRANARY_ASSIGN(const bool more, cursor.Step());
    if (!more) break;
    GRANARY_ASSIGN(const DeleteRow row, ReadDeleteRow(cursor, db.path()));
    if (!records.contains(row.source) || !rows_of.contains(row.segment)) {
      return Status::Corruption(fmt::format("{}: table deletes: no segment {} of source {}",
                                            db.path(), row.segment, row.source));
    }
    Result<DeletionPtr> deletion = row.Decode(rows_of[row.segment]);
    if (!deletion.ok()) {
      return Status::Corruption(fmt::format("{}: table deletes, segment {}: {}", db.path(),
                                            row.segment, deletion.status().message()));
    }
    found[row.source].Add(row.Crc());
    versions[row.source][row.segment].push_back(deletion.Take());
  }
  for (auto& [uid, record] : records) {
    const HistoryRow& history = histories[uid];
    const RowDigest& seen = found[uid];
    if (history.deletes != seen) {
      return Status::Corruption(
          fmt::format("{}: deletes of source {}: {} rows with sum {:x}, expected {} with {:x}",
                      db.path(), record.definition.id.str(), seen.count, seen.sum,
                      history.deletes.count, history.deletes.sum));
    }
    for (auto& [segment, of_it] : versions[uid])
      record.deletions[SegmentId{segment}] = std::make_shared<const Deletions>(std::move(of_it));
    record.delete_sequence = history.delete_sequence;
    record.forgotten_generation = history.forgotten_generation;
    record.forgotten_sequence = history.forgotten_sequence;
  }
  return Status::Ok();
}

HistoryRow& Manifest::State::HistoryOf(ManifestChange& change, std::uint64_t uid) {
  auto& row = change.histories[uid];
  if (!row) row = histories[uid];
  row->source = uid;
  return *row;
}

Status Manifest::State::ChangeDeletes(ManifestChange& change, SourceUid source,
                                      const DeleteChanges& deletes) {
  if (deletes.empty()) return Status::Ok();
  HistoryRow& history = HistoryOf(change, source.value);
  GRANARY_ASSIGN(SqliteStatement remove,
                 db.Prepare("DELETE FROM deletes WHERE segment = ? AND last_sequence = ?"));
  for (const SegmentDeletes& segment : deletes.segments) {
    for (const DeletionPtr& gone : NotIn(segment.before, segment.after)) {
      history.deletes.Remove(DeleteRow::Of(source.value, segment.segment.value, *gone).Crc());
      GRANARY_TRY(remove.Unsigned(1, segment.segment.value).Unsigned(2, gone->last_sequence).Run());
    }
    for (const DeletionPtr& added : NotIn(segment.after, segment.before)) {
      const DeleteRow row = DeleteRow::Of(source.value, segment.segment.value, *added);
      GRANARY_TRY(row.Write(db));
      history.deletes.Add(row.Crc());
    }
  }
  history.delete_sequence = std::max(history.delete_sequence, deletes.last_sequence);
  history.forgotten_sequence = std::max(history.forgotten_sequence, deletes.forgotten_sequence);
  return Status::Ok();
}

Status Manifest::State::ForgetDeletes(ManifestChange& change, SourceUid source,
                                      const SegmentRow& gone) {
  HistoryRow& history = HistoryOf(change, source.value);
  history.forgotten_generation =
      std::max(history.forgotten_generation, gone.meta.retired_generation);
  GRANARY_ASSIGN(SqliteStatement select,
                 db.Prepare("SELECT segment, last_sequence, source, first_sequence, at_us, deleted,"
                            " crc FROM deletes WHERE segment = ?"));
  select.Unsigned(1, gone.meta.id.value);
  for (;;) {
    GRANARY_ASSIGN(const bool more, select.Step());
    if (!more) break;
    GRANARY_ASSIGN(const DeleteRow row, ReadDeleteRow(select, db.path()));
    history.deletes.Remove(row.Crc());
  }
  return DeleteRows(db, "DELETE FROM deletes WHERE segment = ?", gone.meta.id.value);
}

Status Manifest::State::WriteHistories(const ManifestChange& change) {
  for (const auto& [uid, row] : change.histories) {
    if (row.has_value()) {
      GRANARY_TRY(row->Write(db));
      continue;
    }
    GRANARY_TRY(DeleteRows(db, "DELETE FROM deletes WHERE source = ?", uid));
    GRANARY_TRY(DeleteRows(db, "DELETE FROM histories WHERE source = ?", uid));
  }
  return Status::Ok();
}

Status Manifest::CommitDeletes(const DeletesCommit& commit) {
  const std::lock_guard lock(state_->mutex);
  GRANARY_ASSIGN(SourceRow row, state_->Find(commit.source));
  return state_->Commit([&](ManifestChange& change) -> Status {
    GRANARY_TRY(state_->ChangeDeletes(change, commit.source, commit.deletes));
    if (commit.flushed_sequence) {
      row.flushed_sequence = std::max(row.flushed_sequence, *commit.flushed_sequence);
      change.sources[commit.source.value] = row;
    }
    return state_->ChangeKeys(change, commit.source, commit.keys);
  });
}

}  // namespace granary::storage
