// ClickHouseLease: admits one owner to a database that cannot compare and set.
//
// Shape      rows of the table granary_lease, the newest of which counts: who holds it, until when.
//            Times are the server's, so the owners' clocks need not agree.
// Taking     an owner who finds it free writes a row and looks again at the next call: who then
//            finds another's row behind their own lets go. A release writes a row that has ended.
// Left open  two who write at the same moment, the one stalled for longer than a lease between its
//            look and its insert: both may then have committed once. Where that cannot be borne,
//            PostgreSQL is the store.
// Threads    one at a time.
#pragma once

#include <cstdint>
#include <string>

#include "granary/base/status.h"
#include "granary/metadata/clickhouse_client.h"

namespace granary::metadata {

inline constexpr std::int64_t kLeaseMs = 15'000;
inline constexpr std::int64_t kRenewMs = 5'000;

/// The newest row, and the server's time.
struct LeaseState {
  std::string holder;  ///< Empty: nobody ever held it.
  std::int64_t until_ms = 0;
  std::uint64_t turn = 0;
  std::int64_t now_ms = 0;
};

enum class LeaseStep : std::uint8_t {
  kHold,     ///< It is ours for a while yet.
  kRenew,    ///< It is ours and should be written again.
  kTake,     ///< It is free.
  kRefused,  ///< Another owner has it.
};

/// What `owner` may do. Pure.
LeaseStep DecideLease(const LeaseState& state, const std::string& owner);

class ClickHouseLease {
 public:
  /// `table` is the whole name of the table, `owner` the name of who asks.
  ClickHouseLease(std::string table, std::string owner)
      : table_(std::move(table)), owner_(std::move(owner)) {}

  /// OK while it is ours. kConflict, naming who has it and for how long; kUnavailable when it was
  /// taken by this very call, and for the client's reasons.
  Status Hold(ClickHouseClient& client);
  /// So that the next owner need not wait.
  Status Release(ClickHouseClient& client);

 private:
  Result<LeaseState> Look(ClickHouseClient& client);
  Status Write(ClickHouseClient& client, const LeaseState& before, std::int64_t until_ms);

  const std::string table_;
  const std::string owner_;
};

}  // namespace granary::metadata
