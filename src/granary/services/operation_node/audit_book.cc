#include "granary/services/operation_node/audit_book.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "granary/base/utf8.h"

namespace granary::operation {
namespace {

constexpr std::int64_t kAuditApplicationId = 0x4752414C;  // "GRAL"
constexpr std::int64_t kAuditFormat = 1;
constexpr std::int64_t kMicrosPerHour = 3'600'000'000, kMicrosPerDay = 24 * kMicrosPerHour;

// Only what is too old may go; nothing is ever written anew, by no other program either: our own
// connections run no triggers, and have no statement that would.
constexpr const char* kAuditTables = R"sql(
CREATE TABLE acts (seq INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, at_us INTEGER NOT NULL,
  actor TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL, address TEXT NOT NULL,
  request_id TEXT NOT NULL, detail TEXT NOT NULL);
CREATE TABLE ends (seq INTEGER PRIMARY KEY NOT NULL, outcome TEXT NOT NULL, answer TEXT NOT NULL);
CREATE INDEX acts_by_target ON acts (target, seq);
CREATE TRIGGER acts_stay BEFORE UPDATE ON acts
  BEGIN SELECT RAISE(ABORT, 'the audit log is only ever added to'); END;
CREATE TRIGGER ends_stay BEFORE UPDATE ON ends
  BEGIN SELECT RAISE(ABORT, 'the audit log is only ever added to'); END;
)sql";

Status MakeAuditTables(SqliteDb& db) {
  GRANARY_ASSIGN(const std::int64_t application, db.QueryInteger("PRAGMA application_id"));
  GRANARY_ASSIGN(const std::int64_t format, db.QueryInteger("PRAGMA user_version"));
  if (application == kAuditApplicationId && format == kAuditFormat) return Status::Ok();
  GRANARY_ASSIGN(const std::int64_t tables, db.QueryInteger("SELECT count(*) FROM sqlite_schema"));
  if (application != 0 || format != 0 || tables != 0) {
    return {Code::kConflict,
            fmt::format("{}: a SQLite file, but no audit log of format {}: move it away to begin "
                        "another one",
                        db.path(), kAuditFormat)};
  }
  GRANARY_TRY(db.Execute("BEGIN IMMEDIATE"));
  GRANARY_TRY(db.Execute(kAuditTables));
  GRANARY_TRY(db.Execute(fmt::format("PRAGMA application_id={}", kAuditApplicationId).c_str()));
  GRANARY_TRY(db.Execute(fmt::format("PRAGMA user_version={}", kAuditFormat).c_str()));
  return db.Execute("COMMIT");
}

std::string AuditText(std::string_view text) {
  if (text.size() <= kAuditTextBytesMax) return std::string(text);
  std::string cut(text.substr(0, kAuditTextBytesMax));
  while (!cut.empty() && !IsValidUtf8(cut)) cut.pop_back();
  return cut + "…";
}

}  // namespace

Result<std::unique_ptr<AuditBook>> AuditBook::Open(const std::string& path, std::int64_t audit_days,
                                                   const io::Clock& clock) {
  GRANARY_ASSIGN(SqliteDb db, SqliteDb::Open(path, SqliteDb::Access::kReadWrite));
  GRANARY_TRY(db.QueryText("PRAGMA journal_mode=WAL").status());
  GRANARY_TRY(db.Execute("PRAGMA synchronous=FULL"));
  GRANARY_TRY(MakeAuditTables(db));
  return std::unique_ptr<AuditBook>(new AuditBook(std::move(db), audit_days, clock));
}

Status AuditBook::ForgetOld() {
  const std::int64_t now_us = clock_.WallMicros();
  if (forgot_us_ != 0 && std::abs(now_us - forgot_us_) < kMicrosPerHour) return Status::Ok();
  const std::int64_t oldest_us = now_us - audit_days_ * kMicrosPerDay;
  GRANARY_ASSIGN(SqliteStatement last,
                 db_.Prepare("SELECT coalesce(max(seq), 0) FROM acts WHERE at_us < ?"));
  GRANARY_ASSIGN(const bool any, last.Integer(1, oldest_us).Step());
  const std::int64_t seq = any ? last.integer(0) : 0;
  last.Reset();
  for (const char* sql : {"DELETE FROM acts WHERE seq <= ?", "DELETE FROM ends WHERE seq <= ?"}) {
    GRANARY_ASSIGN(SqliteStatement forget, db_.Prepare(sql));
    GRANARY_TRY(forget.Integer(1, seq).Run());
  }
  forgot_us_ = now_us;
  return Status::Ok();
}

Result<std::int64_t> AuditBook::Begin(const AuditAct& act) {
  const std::string detail = AuditText(act.detail);
  const std::lock_guard lock(mutex_);
  GRANARY_TRY(ForgetOld());
  GRANARY_ASSIGN(SqliteStatement add,
                 db_.Prepare("INSERT INTO acts (at_us, actor, action, target, address, request_id, "
                             "detail) VALUES (?, ?, ?, ?, ?, ?, ?)"));
  add.Integer(1, clock_.WallMicros()).Text(2, act.actor).Text(3, act.action).Text(4, act.target);
  GRANARY_TRY(add.Text(5, act.address).Text(6, act.request_id).Text(7, detail).Run());
  return db_.QueryInteger("SELECT last_insert_rowid()");
}

Status AuditBook::End(std::int64_t seq, std::string_view outcome, std::string_view answer) {
  const std::lock_guard lock(mutex_);
  GRANARY_ASSIGN(SqliteStatement add, db_.Prepare("INSERT INTO ends VALUES (?, ?, ?)"));
  return add.Integer(1, seq).Text(2, outcome).Text(3, answer).Run();
}

Result<std::vector<AuditEntry>> AuditBook::List(const AuditQuery& query) {
  std::string sql =
      "SELECT acts.seq, at_us, actor, action, target, address, request_id, detail, "
      "coalesce(outcome, 'unknown'), coalesce(answer, '') FROM acts LEFT JOIN ends ON "
      "ends.seq = acts.seq WHERE (?1 = 0 OR acts.seq < ?1)";
  std::vector<const std::string*> texts;
  const auto also = [&](const char* column, const std::optional<std::string>& wanted) {
    if (!wanted) return;
    texts.push_back(&*wanted);
    sql += fmt::format(" AND {} = ?{}", column, texts.size() + 2);
  };
  also("actor", query.actor);
  also("action", query.action);
  also("target", query.target);
  also("coalesce(outcome, 'unknown')", query.outcome);
  sql += " ORDER BY acts.seq DESC LIMIT ?2";
  const std::lock_guard lock(mutex_);
  GRANARY_ASSIGN(SqliteStatement rows, db_.Prepare(sql));
  rows.Integer(1, query.before_seq).Integer(2, static_cast<std::int64_t>(query.limit));
  for (std::size_t i = 0; i < texts.size(); ++i) rows.Text(static_cast<int>(i) + 3, *texts[i]);
  std::vector<AuditEntry> out;
  for (;;) {
    GRANARY_ASSIGN(const bool more, rows.Step());
    if (!more) return out;
    const auto text = [&rows](int column) { return std::string(rows.bytes(column)); };
    out.push_back({.seq = rows.integer(0),
                   .at_us = rows.integer(1),
                   .act = {text(2), text(3), text(4), text(5), text(6), text(7)},
                   .outcome = text(8),
                   .answer = text(9)});
  }
}

}  // namespace granary::operation
