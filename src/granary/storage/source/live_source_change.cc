// The way of a change: of the schema by a write, of schema and definition by PATCH.
#include <fmt/format.h>

#include <algorithm>

#include "granary/storage/manifest/findings.h"
#include "granary/storage/source/live_source.h"
#include "granary/storage/source/schema_change.h"

namespace granary::storage {
namespace {

// CheckWidenings points at the column, a PATCH at the member that widens it.
Status AtWidenColumns(const Status& status) {
  if (status.code() != Code::kInvalidRecord || status.fields().size() != 1) return status;
  const FieldError& at = status.fields().front();
  return Status::Invalid(Code::kInvalidDefinition, "/widen_columns" + at.pointer, at.detail);
}

}  // namespace

void LiveSource::FrameLaunched() {
  const std::lock_guard lock(frames_mutex_);
  ++frames_under_way_;
}

void LiveSource::FrameLanded() {
  const std::lock_guard lock(frames_mutex_);
  // Under the lock: whoever waits may be gone once it is free.
  if (--frames_under_way_ == 0) frames_landed_.notify_all();
}

// write_mutex_ is held, so no frame follows. Those under way need it no more: their writers wait
// for the log, and one of them leads.
void LiveSource::AwaitFrames() {
  std::unique_lock lock(frames_mutex_);
  frames_landed_.wait(lock, [this] { return frames_under_way_ == 0; });
}

// A closed log may hold frames that nobody has seen yet, of values that nobody has checked.
Status LiveSource::CheckLogOpen() const {
  if (!wal_enabled()) return Status::Ok();
  const Status closed = context_->lanes.at(record_.wal_lane)->log()->closed_by();
  return closed.ok() ? closed : LogFailed(closed);
}

// Acknowledged writes that are not on the disk yet, so that nothing that comes behind them is there
// without them, and none is left behind when the source is to wait for the disk from now on.
Status LiveSource::SyncLog() const {
  if (!wal_enabled() || definition()->durability == Durability::kSync) return Status::Ok();
  const Status synced = context_->lanes.at(record_.wal_lane)->log()->Sync();
  return synced.ok() ? synced : LogFailed(synced);
}

// write_mutex_ is held. Looks at the stored values only where the types alone do not tell.
Status LiveSource::CheckStored(const Schema& current, const Schema& next) {
  return CheckWidenings(current, next, partitions_, [this](ColumnId column) -> Result<ColumnStats> {
    AwaitFrames();
    GRANARY_TRY(CheckWritable());
    GRANARY_TRY(CheckLogOpen());
    return stats_.Get(tiers_.View(), schema())[column];
  });
}

// write_mutex_ is held. Before any frame names a new version: replay finds the schemas of all
// frames in the manifest.
Status LiveSource::CommitShape(SchemaPtr schema, DefinitionPtr definition) {
  const SchemaVersion version{std::move(schema), context_->deps.clock.WallMicros()};
  GRANARY_TRY(context_->manifest->CommitSource(uid(), version.schema ? &version : nullptr,
                                               definition.get()));
  const std::lock_guard lock(state_mutex_);
  if (version.schema) schemas_.push_back(version);
  if (!definition) return Status::Ok();
  definition_ = std::move(definition);
  ++declared_indexes_;
  context_->Press();  // Index files may be missing now, or too many.
  return Status::Ok();
}

// write_mutex_ is held. Does nothing for the current schema.
Status LiveSource::AdoptSchema(const SchemaPtr& schema) {
  const SourceShape now = shape();
  if (schema == now.schema || *schema == *now.schema) return Status::Ok();
  if (!IsSuccessor(*now.schema, *schema)) {
    return {Code::kConflict,
            fmt::format("the schema of source \"{}\" was changed by others while this write was "
                        "read, and is at version {} now: send it again",
                        id().str(), now.schema->version())};
  }
  if (now.definition->schema_mode == SchemaMode::kStrict) {
    return {Code::kConflict, fmt::format("source \"{}\" became strict while this write, which adds "
                                         "to its schema, was read: send it again",
                                         id().str())};
  }
  GRANARY_TRY(CheckKeyTypes(*schema));
  GRANARY_TRY(CheckStored(*now.schema, *schema));
  return CommitShape(schema, nullptr);
}

Result<SourceShape> LiveSource::Change(const SourceChange& change) {
  const std::lock_guard lock(write_mutex_);
  GRANARY_TRY(CheckWritable());
  const SourceShape now = shape();
  GRANARY_ASSIGN(ChangedSource next,
                 ApplyChange(change, *now.schema, *now.definition, context_->options.columns_max));
  if (!next.new_schema && !next.new_definition) return now;
  GRANARY_TRY(CheckLogOpen());
  GRANARY_TRY(AtWidenColumns(CheckStored(*now.schema, next.schema)));
  GRANARY_TRY(SyncLog());
  GRANARY_TRY(CommitShape(
      next.new_schema ? std::make_shared<const Schema>(std::move(next.schema)) : nullptr,
      next.new_definition ? std::make_shared<const SourceDefinition>(std::move(next.definition))
                          : nullptr));
  return shape();
}

}  // namespace granary::storage
