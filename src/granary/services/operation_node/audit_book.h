// AuditBook: who changed which tenant or node, when, and what came of it.
//
// Promise    an act is on the disk before it is carried out, and what came of it afterwards: one
//            without an end is one of which nobody knows (a crash came between). Nothing that was
//            written is changed; it goes when it is older than audit_days.
// Shape      docs/formats/audit.md.
// Kept       DATA_PATH/operation_node/audit.sqlite, of this Operation Node: others that share the
//            metadata have their own.
// Threads    fully safe.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/io/clock.h"
#include "granary/sqlite/sqlite_db.h"

namespace granary::operation {

inline constexpr std::size_t kAuditTextBytesMax = 2'048;

struct AuditAct {
  std::string actor;   ///< Who, as far as it is known: audited.h, ActorOf.
  std::string action;  ///< "tenant.create"
  std::string target;  ///< The tenant or node.
  std::string address, request_id;
  std::string detail;  ///< What was asked for, cut to kAuditTextBytesMax bytes.
};

struct AuditEntry {
  std::int64_t seq = 0;
  std::int64_t at_us = 0;
  AuditAct act;
  std::string outcome = "unknown";  ///< done, refused, or unknown.
  std::string answer;               ///< "HTTP 201", or a problem's code; empty: none was given.
};

struct AuditQuery {
  std::optional<std::string> actor, action, target, outcome;
  std::int64_t before_seq = 0;  ///< 0: from the newest.
  std::size_t limit = 100;
};

class AuditBook {
 public:
  /// kConflict for a file that is no audit log of this format, kCorruption for a damaged one;
  /// SqliteDb::Open's.
  static Result<std::unique_ptr<AuditBook>> Open(const std::string& path, std::int64_t audit_days,
                                                 const io::Clock& clock);

  /// Its number; it is on the disk.
  Result<std::int64_t> Begin(const AuditAct& act);
  /// `outcome` is done, refused or unknown.
  Status End(std::int64_t seq, std::string_view outcome, std::string_view answer);
  /// The newest first.
  Result<std::vector<AuditEntry>> List(const AuditQuery& query);

 private:
  AuditBook(SqliteDb db, std::int64_t audit_days, const io::Clock& clock)
      : audit_days_(audit_days), clock_(clock), db_(std::move(db)) {}
  Status ForgetOld();  // Under mutex_.

  const std::int64_t audit_days_;
  const io::Clock& clock_;
  std::mutex mutex_;
  SqliteDb db_;  // Guarded by mutex_, as is the next.
  std::int64_t forgot_us_ = 0;
};

}  // namespace granary::operation
