#include "granary/metadata/clickhouse_lease.h"

#include <charconv>

#include <fmt/format.h>

namespace granary::metadata {
namespace {

template <typename Number>
bool ReadNumber(const std::string& text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

LeaseStep DecideLease(const LeaseState& state, const std::string& owner) {
  const bool is_over = state.holder.empty() || state.until_ms <= state.now_ms;
  if (is_over) return LeaseStep::kTake;
  if (state.holder != owner) return LeaseStep::kRefused;
  return state.until_ms - state.now_ms <= kLeaseMs - kRenewMs ? LeaseStep::kRenew
                                                              : LeaseStep::kHold;
}

Result<LeaseState> ClickHouseLease::Look(ClickHouseClient& client) {
  // The server's time comes along even when there is no row yet: an aggregate without groups has
  // one.
  GRANARY_ASSIGN(
      const ClickHouseClient::Rows rows,
      client.Ask(fmt::format("SELECT argMax(holder, (turn, holder)), argMax(until_ms, (turn, "
                             "holder)), max(turn), toInt64(toUnixTimestamp(now())) * 1000 FROM {}",
                             table_),
                 4));
  LeaseState state;
  if (rows.size() == 1 && ReadNumber(rows[0][1], state.until_ms) &&
      ReadNumber(rows[0][2], state.turn) && ReadNumber(rows[0][3], state.now_ms)) {
    state.holder = rows[0][0];
    return state;
  }
  return Status::Corruption(fmt::format("{} gives no lease", table_));
}

Status ClickHouseLease::Write(ClickHouseClient& client, const LeaseState& before,
                              std::int64_t until_ms) {
  return client.Insert(
      {.table = table_,
       .structure = "name String, holder String, until_ms Int64, turn UInt64",
       .rows = {{"lease", owner_, std::to_string(until_ms), std::to_string(before.turn + 1)}},
       .condition = fmt::format("(SELECT max(turn) FROM {}) = {}", table_, before.turn),
       .query_id = fmt::format("granary-lease-{}-{}", owner_, before.turn + 1)});
}

Status ClickHouseLease::Hold(ClickHouseClient& client) {
  GRANARY_ASSIGN(const LeaseState state, Look(client));
  switch (DecideLease(state, owner_)) {
    case LeaseStep::kHold: return Status::Ok();
    case LeaseStep::kRenew: return Write(client, state, state.now_ms + kLeaseMs);
    case LeaseStep::kTake:
      GRANARY_TRY(Write(client, state, state.now_ms + kLeaseMs));
      return {Code::kUnavailable,
              "the lease of the metadata was taken a moment ago and is looked at once more"};
    case LeaseStep::kRefused: break;
  }
  return {Code::kConflict,
          fmt::format("'{}' uses this metadata and has done so {} s ago: ClickHouse bears one "
                      "Operation Node at a time; stop that one, or use PostgreSQL for several",
                      state.holder, (kLeaseMs - (state.until_ms - state.now_ms)) / 1000)};
}

Status ClickHouseLease::Release(ClickHouseClient& client) {
  GRANARY_ASSIGN(const LeaseState state, Look(client));
  if (state.holder != owner_) return Status::Ok();
  return Write(client, state, 0);
}

}  // namespace granary::metadata
