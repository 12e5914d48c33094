#include "granary/services/metadata_catalog/source_book.h"

#include <algorithm>

#include <fmt/format.h>

#include "granary/services/metadata_catalog/source_rows.h"

namespace granary::catalog {
namespace {

/// Of files.
struct FileSums {
  std::uint64_t files = 0, rows = 0, bytes = 0, deleted_rows = 0, generation_max = 0;
};

void AddSums(const FileSums& sums, SourceRow& source) {
  source.files += sums.files, source.rows += sums.rows;
  source.bytes += sums.bytes, source.deleted_rows += sums.deleted_rows;
}

void SubtractSums(const FileSums& sums, SourceRow& source) {
  source.files -= std::min(source.files, sums.files);
  source.rows -= std::min(source.rows, sums.rows);
  source.bytes -= std::min(source.bytes, sums.bytes);
  source.deleted_rows -= std::min(source.deleted_rows, sums.deleted_rows);
}

/// `condition` has one parameter.
Result<FileSums> SumFiles(SqliteDb& db, std::int64_t source, std::string_view condition,
                          std::uint64_t value) {
  GRANARY_ASSIGN(SqliteStatement sum,
                 db.Prepare(fmt::format(
                     "SELECT count(*), coalesce(sum(rows), 0), coalesce(sum(bytes), 0), "
                     "coalesce(sum(deleted_rows), 0), coalesce(max(generation), 0) FROM files "
                     "WHERE source = ? AND {}",
                     condition)));
  sum.Integer(1, source).Unsigned(2, value);
  GRANARY_TRY(sum.Step().status());
  return FileSums{sum.unsigned_integer(0), sum.unsigned_integer(1), sum.unsigned_integer(2),
                  sum.unsigned_integer(3), sum.unsigned_integer(4)};
}

class PartTaker {
 public:
  PartTaker(SqliteDb& db, const BookLimits& limits, std::int64_t now_us)
      : db_(db), limits_(limits), now_us_(now_us) {}

  /// False when the source must be told from its beginning.
  Result<bool> Take(const std::string& tenant, std::uint64_t session,
                    const api::PublishedSource& part) {
    GRANARY_ASSIGN(auto found, FindSource(db_, tenant, part.source.str()));
    if (part.base > 0) {
      if (!found || found->session != session || found->uid != part.uid) return false;
      if (found->number == part.number) return true;  // Taken; its answer was lost.
      if (found->number != part.base) return false;
    } else {
      GRANARY_TRY(Begin(tenant, part, found));
    }
    source_ = std::move(*found);
    source_.session = session;
    GRANARY_TRY(TakeHead(part));
    for (const api::PublishedSchema& schema : part.schemas) GRANARY_TRY(TakeSchema(schema));
    for (const std::uint64_t id : part.files_gone) GRANARY_TRY(RemoveFile(id));
    for (const api::PublishedFile& file : part.files) GRANARY_TRY(TakeFile(file));
    if (source_.files > limits_.files_max) {
      return Status(Code::kQuotaExceeded,
                    fmt::format("source \"{}\" has more files than CATALOG_MAX_FILES, {}",
                                source_.id, limits_.files_max));
    }
    TakeStatistics(part);
    if (part.complete) GRANARY_TRY(Complete());
    GRANARY_TRY(WriteSource(db_, source_));
    return true;
  }

 private:
  std::uint64_t pending() const { return source_.snapshot + 1; }

  // Another source of that name has nothing of the one before.
  Status Begin(const std::string& tenant, const api::PublishedSource& part,
               std::optional<SourceRow>& found) {
    if (found && found->uid != part.uid) {
      GRANARY_TRY(DropSource(db_, found->row));
      found.reset();
    }
    if (!found) {
      GRANARY_ASSIGN(const std::uint64_t count, CountSources(db_));
      if (count >= limits_.sources_max) {
        return {Code::kQuotaExceeded,
                fmt::format("there are {} sources already, which is CATALOG_MAX_SOURCES", count)};
      }
      found.emplace();
      found->tenant = tenant;
      found->id = part.source.str();
      found->uid = part.uid;
      found->first_seen_us = now_us_;
      found->definition = part.definition;
      GRANARY_TRY(WriteSource(db_, *found));
    }
    ++found->sync;
    found->syncing = true;
    return Status::Ok();
  }

  Status TakeHead(const api::PublishedSource& part) {
    source_.number = part.number;
    source_.complete = part.complete;
    source_.created_us = part.created_us;
    source_.last_write_us = part.last_write_us;
    source_.flushed_sequence = part.flushed_sequence;
    source_.published_us = now_us_;
    if (!part.definition.empty()) source_.definition = part.definition;
    return Status::Ok();
  }

  Status TakeSchema(const api::PublishedSchema& schema) {
    GRANARY_ASSIGN(SqliteStatement write,
                   db_.Prepare("INSERT OR REPLACE INTO schemas VALUES (?,?,?,?)"));
    write.Integer(1, source_.row).Integer(2, schema.schema->version());
    GRANARY_TRY(write.Blob(3, schema.encoded).Integer(4, schema.made_us).Run());
    source_.schema_version = std::max(source_.schema_version, schema.schema->version());
    return Status::Ok();
  }

  Status RemoveFile(std::uint64_t id) {
    GRANARY_ASSIGN(SqliteStatement gone,
                   db_.Prepare("UPDATE files SET removed = ? WHERE source = ? AND id = ? AND "
                               "removed IS NULL RETURNING rows, bytes, deleted_rows"));
    gone.Unsigned(1, pending()).Integer(2, source_.row).Unsigned(3, id);
    GRANARY_ASSIGN(const bool row, gone.Step());
    if (row) {
      SubtractSums(
          {1, gone.unsigned_integer(0), gone.unsigned_integer(1), gone.unsigned_integer(2), 0},
          source_);
    }
    return Status::Ok();
  }

  // A file that is there already may have more deleted rows, or was told again.
  Status TakeFile(const api::PublishedFile& file) {
    std::uint64_t added = pending();
    {
      GRANARY_ASSIGN(SqliteStatement before,
                     db_.Prepare("SELECT rows, bytes, deleted_rows, added FROM files WHERE source "
                                 "= ? AND id = ? AND removed IS NULL"));
      before.Integer(1, source_.row).Unsigned(2, file.id);
      GRANARY_ASSIGN(const bool row, before.Step());
      if (row) {
        added = before.unsigned_integer(3);
        if (before.unsigned_integer(2) != file.deleted_rows) source_.deletes_changed = true;
        SubtractSums({1, before.unsigned_integer(0), before.unsigned_integer(1),
                      before.unsigned_integer(2), 0},
                     source_);
      }
    }
    AddSums({1, file.rows, file.bytes, file.deleted_rows, 0}, source_);
    GRANARY_ASSIGN(SqliteStatement write,
                   db_.Prepare("INSERT OR REPLACE INTO files (source, id, path, partition, bytes, "
                               "rows, deleted_rows, min_sequence, max_sequence, generation, "
                               "schema_version, created_us, columns, seen, added, removed) VALUES "
                               "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,NULL)"));
    write.Integer(1, source_.row).Unsigned(2, file.id).Text(3, file.path).Text(4, file.partition);
    write.Unsigned(5, file.bytes).Unsigned(6, file.rows).Unsigned(7, file.deleted_rows);
    write.Unsigned(8, file.min_sequence).Unsigned(9, file.max_sequence);
    write.Unsigned(10, file.generation).Integer(11, file.schema_version);
    write.Integer(12, file.created_us).Text(13, file.columns).Unsigned(14, source_.sync);
    return write.Unsigned(15, added).Run();
  }

  void TakeStatistics(const api::PublishedSource& part) {
    if (part.statistics.empty()) return;
    source_.statistics = part.statistics;
    source_.bounds = part.bounds;
    source_.bounds_version = source_.schema_version;
    source_.statistics_us = now_us_;
    if (part.merges) source_.merges = *part.merges;
  }

  Status Complete() {
    if (source_.syncing) {
      // What was not told again.
      const std::string_view gone = "removed IS NULL AND seen <> ?";
      GRANARY_ASSIGN(const FileSums sums, SumFiles(db_, source_.row, gone, source_.sync));
      SubtractSums(sums, source_);
      GRANARY_ASSIGN(
          SqliteStatement sweep,
          db_.Prepare("UPDATE files SET removed = ? WHERE source = ? AND removed IS NULL "
                      "AND seen <> ?"));
      GRANARY_TRY(
          sweep.Unsigned(1, pending()).Integer(2, source_.row).Unsigned(3, source_.sync).Run());
      source_.syncing = false;
    }
    GRANARY_ASSIGN(const FileSums added, SumFiles(db_, source_.row, "added = ?", pending()));
    GRANARY_ASSIGN(const FileSums removed, SumFiles(db_, source_.row, "removed = ?", pending()));
    if (added.files == 0 && removed.files == 0 && !source_.deletes_changed) return Status::Ok();
    GRANARY_TRY(AddSnapshot(added, removed));
    return PruneSnapshots();
  }

  // In the words of Iceberg's snapshots.
  static std::string_view OperationOf(const FileSums& added, const FileSums& removed) {
    if (added.files == 0) return "delete";
    if (removed.files == 0) return "append";
    return added.generation_max > 0 ? "replace" : "overwrite";
  }

  Status AddSnapshot(const FileSums& added, const FileSums& removed) {
    GRANARY_ASSIGN(SqliteStatement write,
                   db_.Prepare("INSERT INTO snapshots VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"));
    write.Integer(1, source_.row).Unsigned(2, pending()).Integer(3, now_us_);
    write.Text(4, OperationOf(added, removed)).Integer(5, source_.schema_version);
    write.Unsigned(6, source_.flushed_sequence);
    write.Unsigned(7, added.files).Unsigned(8, added.rows).Unsigned(9, added.bytes);
    write.Unsigned(10, removed.files).Unsigned(11, removed.rows).Unsigned(12, removed.bytes);
    write.Unsigned(13, source_.files).Unsigned(14, source_.rows).Unsigned(15, source_.bytes);
    GRANARY_TRY(write.Unsigned(16, source_.deleted_rows).Run());
    source_.snapshot = pending();
    source_.deletes_changed = false;
    return Status::Ok();
  }

  Status PruneSnapshots() {
    if (source_.snapshot <= limits_.snapshots_kept) return Status::Ok();
    const std::uint64_t first_kept = source_.snapshot - limits_.snapshots_kept + 1;
    for (const char* sql : {"DELETE FROM snapshots WHERE source = ? AND id < ?",
                            "DELETE FROM files WHERE source = ? AND removed <= ?"}) {
      GRANARY_ASSIGN(SqliteStatement gone, db_.Prepare(sql));
      GRANARY_TRY(gone.Integer(1, source_.row).Unsigned(2, first_kept).Run());
    }
    return Status::Ok();
  }

  SqliteDb& db_;
  const BookLimits& limits_;
  const std::int64_t now_us_;
  SourceRow source_;
};

}  // namespace

Result<std::vector<SourceId>> TakePublication(SqliteDb& db, const api::Publication& publication,
                                              const BookLimits& limits, std::int64_t now_us) {
  const std::string& tenant = publication.head.tenant;
  std::vector<SourceId> resend;
  for (const SourceId& id : publication.gone) {
    GRANARY_ASSIGN(const auto found, FindSource(db, tenant, id.str()));
    if (found) GRANARY_TRY(DropSource(db, found->row));
  }
  for (const api::PublishedSource& part : publication.sources) {
    PartTaker taker(db, limits, now_us);
    GRANARY_ASSIGN(const bool taken, taker.Take(tenant, publication.head.session, part));
    if (!taken) resend.push_back(part.source);
  }
  if (publication.all_told && resend.empty())
    GRANARY_TRY(DropSourcesOf(db, tenant, publication.head.session));
  return resend;
}

}  // namespace granary::catalog
