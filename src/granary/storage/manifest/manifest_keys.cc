// The manifest's idempotency keys and secrets.
#include <fmt/format.h>

#include <algorithm>

#include "granary/base/bytes.h"
#include "granary/storage/manifest/key_rows.h"
#include "granary/storage/manifest/manifest_state.h"

namespace granary::storage {

Status Manifest::State::ReadKeyTables() {
  GRANARY_ASSIGN(SqliteStatement counts, db.Prepare(kSelectKeyCounts));
  for (;;) {
    GRANARY_ASSIGN(const bool more, counts.Step());
    if (!more) break;
    GRANARY_ASSIGN(const KeyCountRow row, ReadKeyCountRow(counts, db.path()));
    keys[row.source] = row.keys;
  }
  GRANARY_ASSIGN(SqliteStatement rows, db.Prepare(kSelectSecrets));
  for (;;) {
    GRANARY_ASSIGN(const bool more, rows.Step());
    if (!more) break;
    GRANARY_ASSIGN(SecretRow row, ReadSecretRow(rows, db.path()));
    secrets[row.name] = std::move(row.value);
  }
  for (const auto& [uid, source] : sources) {
    if (!keys.contains(uid)) {
      return Status::Corruption(
          fmt::format("{}: table key_counts: no row of source {}", db.path(), source.id));
    }
  }
  return Status::Ok();
}

Status Manifest::State::ReadKeys(std::map<std::uint64_t, SourceRecord>& records) {
  std::map<std::uint64_t, RowDigest> found;
  GRANARY_ASSIGN(SqliteStatement cursor, db.Prepare(kSelectKeys));
  for (;;) {
    GRANARY_ASSIGN(const bool more, cursor.Step());
    if (!more) break;
    GRANARY_ASSIGN(KeyRow row, ReadKeyRow(cursor, db.path()));
    const auto record = records.find(row.source);
    if (record == records.end()) {
      return Status::Corruption(
          fmt::format("{}: table write_keys: no source {}", db.path(), row.source));
    }
    found[row.source].Add(row.Crc());
    record->second.keys.push_back(std::move(row.record));
  }
  for (auto& [uid, record] : records) {
    const RowDigest &expected = keys[uid], &seen = found[uid];
    if (expected != seen) {
      return Status::Corruption(fmt::format(
          "{}: keys of source {}: {} rows with sum {:x}, expected {} with {:x}", db.path(),
          record.definition.id.str(), seen.count, seen.sum, expected.count, expected.sum));
    }
    std::stable_sort(
        record.keys.begin(), record.keys.end(),
        [](const KeyRecord& a, const KeyRecord& b) { return a.written_us < b.written_us; });
  }
  return Status::Ok();
}

Status Manifest::State::ChangeKeys(ManifestChange& change, SourceUid source,
                                   const KeyChanges& keys_changed) {
  if (keys_changed.empty()) return Status::Ok();
  RowDigest digest = keys[source.value];
  GRANARY_ASSIGN(KeyTable table, KeyTable::Of(db, source.value));
  // First: a key that is forgotten may come again.
  for (const KeyRecord& record : keys_changed.forgotten) GRANARY_TRY(table.Delete(record, digest));
  for (const KeyRecord& record : keys_changed.added) GRANARY_TRY(table.Insert(record, digest));
  change.keys[source.value] = digest;
  return Status::Ok();
}

Status Manifest::State::WriteKeyCounts(const ManifestChange& change) {
  for (const auto& [uid, digest] : change.keys) {
    if (digest.has_value()) {
      GRANARY_TRY(KeyCountRow({uid, *digest}).Write(db));
      continue;
    }
    GRANARY_TRY(DeleteRows(db, "DELETE FROM write_keys WHERE source = ?", uid));
    GRANARY_TRY(DeleteRows(db, "DELETE FROM key_counts WHERE source = ?", uid));
  }
  return Status::Ok();
}

Status Manifest::CommitKeys(SourceUid source, const KeyChanges& keys) {
  const std::lock_guard lock(state_->mutex);
  GRANARY_TRY(state_->Find(source).status());
  return state_->Commit(
      [&](ManifestChange& change) { return state_->ChangeKeys(change, source, keys); });
}

Result<std::string> Manifest::Secret(const std::string& name, io::Random& random) {
  const std::lock_guard lock(state_->mutex);
  if (const auto found = state_->secrets.find(name); found != state_->secrets.end())
    return found->second;
  SecretRow row{name, {}};
  while (row.value.size() < kSecretBytes) PutFixed(row.value, random.Next64());
  GRANARY_TRY(state_->Commit([&](ManifestChange&) { return row.Write(state_->db); }));
  state_->secrets[name] = row.value;
  return row.value;
}

}  // namespace granary::storage
