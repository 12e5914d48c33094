#include "granary/services/metadata_catalog/compaction_book.h"

namespace granary::catalog {
namespace {

constexpr const char* kSelectCompactions =
    "SELECT id, tenant, source, asked, state, cause, created_us, started_us, ended_us, job, "
    "reason, failure, bytes_total, bytes_done, merges, files_in, files_out, bytes_in, bytes_out, "
    "rows FROM compactions";

Compaction CompactionAt(const SqliteStatement& row) {
  Compaction out;
  out.id = row.unsigned_integer(0);
  out.tenant = row.bytes(1);
  out.source = row.bytes(2);
  out.asked = row.integer(3) != 0;
  out.state = row.bytes(4);
  out.cause = row.bytes(5);
  out.created_us = row.integer(6);
  out.started_us = row.optional_integer(7);
  out.ended_us = row.optional_integer(8);
  out.job = row.bytes(9);
  out.reason = row.bytes(10);
  out.failure = row.bytes(11);
  out.bytes_total = row.unsigned_integer(12);
  out.bytes_done = row.unsigned_integer(13);
  out.counts = {.merges = row.unsigned_integer(14),
                .files_in = row.unsigned_integer(15),
                .files_out = row.unsigned_integer(16),
                .bytes_in = row.unsigned_integer(17),
                .bytes_out = row.unsigned_integer(18),
                .rows = row.unsigned_integer(19)};
  return out;
}

Result<std::optional<Compaction>> First(SqliteStatement& rows) {
  GRANARY_ASSIGN(const bool row, rows.Step());
  if (!row) return std::optional<Compaction>();
  return std::optional(CompactionAt(rows));
}

// Waiting ones begin, the oldest that were asked for first.
Status Begin(SqliteDb& db, const std::string& tenant, std::uint64_t room, std::int64_t now_us) {
  GRANARY_ASSIGN(SqliteStatement begin,
                 db.Prepare("UPDATE compactions SET state = 'running', started_us = ? WHERE id IN "
                            "(SELECT id FROM compactions WHERE tenant = ? AND state = 'waiting' "
                            "AND ended_us IS NULL ORDER BY asked DESC, id LIMIT ?)"));
  return begin.Integer(1, now_us).Text(2, tenant).Unsigned(3, room).Run();
}

}  // namespace

Result<Compaction> AskForCompaction(SqliteDb& db, const std::string& tenant,
                                    const std::string& source, bool asked, const std::string& cause,
                                    std::int64_t now_us) {
  {
    GRANARY_ASSIGN(SqliteStatement open,
                   db.Prepare(std::string(kSelectCompactions) +
                              " WHERE tenant = ? AND source = ? AND ended_us IS NULL"));
    open.Text(1, tenant).Text(2, source);
    GRANARY_ASSIGN(auto found, First(open));
    // A scheduled one that waits becomes what was asked for; one that runs is at it.
    if (found && (found->asked || !asked || found->state == "running")) return std::move(*found);
    if (found) {
      GRANARY_ASSIGN(SqliteStatement raise,
                     db.Prepare("UPDATE compactions SET asked = 1, cause = ? WHERE id = ?"));
      GRANARY_TRY(raise.Text(1, cause).Unsigned(2, found->id).Run());
      found->asked = true;
      found->cause = cause;
      return std::move(*found);
    }
  }
  GRANARY_ASSIGN(SqliteStatement write,
                 db.Prepare("INSERT INTO compactions (tenant, source, asked, state, cause, "
                            "created_us, job, reason, failure, bytes_total, bytes_done, merges, "
                            "files_in, files_out, bytes_in, bytes_out, rows) VALUES "
                            "(?,?,?,'waiting',?,?,'','','',0,0,0,0,0,0,0,0) RETURNING id"));
  write.Text(1, tenant).Text(2, source).Integer(3, asked ? 1 : 0).Text(4, cause);
  write.Integer(5, now_us);
  GRANARY_TRY(write.Step().status());
  Compaction out;
  out.id = write.unsigned_integer(0);
  out.tenant = tenant;
  out.source = source;
  out.asked = asked;
  out.state = "waiting";
  out.cause = cause;
  out.created_us = now_us;
  return out;
}

Result<std::optional<Compaction>> FindCompaction(SqliteDb& db, std::uint64_t id) {
  GRANARY_ASSIGN(SqliteStatement rows,
                 db.Prepare(std::string(kSelectCompactions) + " WHERE id = ?"));
  rows.Unsigned(1, id);
  return First(rows);
}

Result<std::vector<Compaction>> ListCompactions(SqliteDb& db, const CompactionFilter& filter,
                                                std::uint64_t before, std::uint64_t limit) {
  std::string sql = std::string(kSelectCompactions) + " WHERE id < ?";
  std::vector<std::string> values;
  const auto add = [&](const std::optional<std::string>& value, const char* condition) {
    if (!value) return;
    sql += condition;
    values.push_back(*value);
  };
  add(filter.tenant, " AND tenant = ?");
  add(filter.source, " AND source = ?");
  add(filter.state, " AND state = ?");
  GRANARY_ASSIGN(SqliteStatement rows, db.Prepare(sql + " ORDER BY id DESC LIMIT ?"));
  int position = 1;
  rows.Unsigned(position++, before);
  for (const std::string& value : values) rows.Text(position++, value);
  rows.Unsigned(position, limit);
  std::vector<Compaction> out;
  for (;;) {
    GRANARY_ASSIGN(const bool row, rows.Step());
    if (!row) return out;
    out.push_back(CompactionAt(rows));
  }
}

Result<OpenCounts> CountOpen(SqliteDb& db) {
  OpenCounts out;
  GRANARY_ASSIGN(SqliteStatement rows,
                 db.Prepare("SELECT state = 'running', count(*) FROM compactions WHERE ended_us IS "
                            "NULL GROUP BY 1"));
  for (;;) {
    GRANARY_ASSIGN(const bool row, rows.Step());
    if (!row) return out;
    (rows.integer(0) != 0 ? out.running : out.waiting) = rows.unsigned_integer(1);
  }
}

Status ReportCompaction(SqliteDb& db, const std::string& tenant,
                        const api::PublishedCompaction& report, std::int64_t now_us) {
  const bool has_ended = storage::HasEnded(report.state);
  GRANARY_ASSIGN(SqliteStatement write,
                 db.Prepare("UPDATE compactions SET state = ?, ended_us = ?, job = ?, reason = ?, "
                            "failure = ?, bytes_total = ?, bytes_done = ?, merges = ?, files_in = "
                            "?, files_out = ?, bytes_in = ?, bytes_out = ?, rows = ? WHERE id = ? "
                            "AND tenant = ? AND state = 'running'"));
  write.Text(1, has_ended ? storage::JobStateName(report.state) : "running");
  if (has_ended)
    write.Integer(2, now_us);
  else
    write.Null(2);
  write.Text(3, report.job).Text(4, report.reason).Text(5, report.failure);
  write.Unsigned(6, report.bytes_total).Unsigned(7, report.bytes_done);
  write.Unsigned(8, report.counts.merges).Unsigned(9, report.counts.files_in);
  write.Unsigned(10, report.counts.files_out).Unsigned(11, report.counts.bytes_in);
  write.Unsigned(12, report.counts.bytes_out).Unsigned(13, report.counts.rows);
  return write.Unsigned(14, report.id).Text(15, tenant).Run();
}

Result<std::vector<api::CompactionOrder>> HandOut(SqliteDb& db, const std::string& tenant,
                                                  std::uint64_t running_max, std::int64_t now_us) {
  GRANARY_ASSIGN(const OpenCounts open, CountOpen(db));
  if (open.waiting > 0 && open.running < running_max)
    GRANARY_TRY(Begin(db, tenant, running_max - open.running, now_us));
  GRANARY_ASSIGN(SqliteStatement rows,
                 db.Prepare("SELECT id, source, asked FROM compactions WHERE tenant = ? AND state "
                            "= 'running' AND ended_us IS NULL ORDER BY id LIMIT ?"));
  rows.Text(1, tenant).Unsigned(2, api::kOrdersOfAnAnswerMax);
  std::vector<api::CompactionOrder> out;
  for (;;) {
    GRANARY_ASSIGN(const bool row, rows.Step());
    if (!row) return out;
    GRANARY_ASSIGN(SourceId source, SourceId::Parse(rows.bytes(1)));
    out.push_back({rows.unsigned_integer(0), std::move(source), rows.integer(2) != 0});
  }
}

Status FailRunning(SqliteDb& db, const std::string& tenant, const std::string& why,
                   std::int64_t now_us) {
  GRANARY_ASSIGN(SqliteStatement write,
                 db.Prepare("UPDATE compactions SET state = 'failed', failure = ?, ended_us = ? "
                            "WHERE tenant = ? AND state = 'running' AND ended_us IS NULL"));
  return write.Text(1, why).Integer(2, now_us).Text(3, tenant).Run();
}

Status PruneCompactions(SqliteDb& db, std::uint64_t kept) {
  GRANARY_ASSIGN(SqliteStatement gone,
                 db.Prepare("DELETE FROM compactions WHERE ended_us IS NOT NULL AND id <= (SELECT "
                            "id FROM compactions WHERE ended_us IS NOT NULL ORDER BY id DESC LIMIT "
                            "1 OFFSET ?)"));
  return gone.Unsigned(1, kept).Run();
}

}  // namespace granary::catalog
