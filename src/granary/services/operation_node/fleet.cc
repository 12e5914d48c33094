#include "granary/services/operation_node/fleet.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <fmt/format.h>

namespace granary::operation {
namespace {

constexpr std::int64_t kNanosPerMilli = 1'000'000;

// Changes that no store would take: none was asked, so none is away.
bool IsOurFault(Code code) {
  return code == Code::kInvalidArgument || code == Code::kInvalidIdentifier;
}

// What somebody is told whose own time is over.
Status TellLate(const Status& failure, Fleet::Deadline deadline) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  if (!deadline || now < std::chrono::nanoseconds(*deadline)) return failure;
  return {Code::kDeadlineExceeded, "the time of the request is over; nothing was changed"};
}

}  // namespace

Fleet::Fleet(std::unique_ptr<metadata::MetadataStore> store, const io::Clock& clock, Logger& log)
    : store_(std::move(store)),
      clock_(clock),
      log_(log),
      away_(Code::kUnavailable, "the metadata store was not asked yet; try again soon"),
      failed_ns_(clock.MonotonicNanos() - kRetryMs * kNanosPerMilli) {
  asker_.Start("fleet", [this] { Ask(); });
}

Fleet::~Fleet() { asker_.Stop(); }

Fleet::Until Fleet::UntilOf(std::int64_t patience_ms, Deadline deadline) {
  const Until until = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
  return deadline ? std::min(until, Until(std::chrono::nanoseconds(*deadline))) : until;
}

bool Fleet::IsTooSoon() const {
  return wanted_ > ended_ || clock_.MonotonicNanos() - failed_ns_ < kRetryMs * kNanosPerMilli;
}

Status Fleet::Failed(const Status& failure) {
  const bool is_news = away_.ok() || away_.message().find(failure.message()) == std::string::npos;
  // The store's own code says what is wrong with it; for whoever asks us it is the same.
  const Code code = failure.code() == Code::kDiskFull ? Code::kDiskFull : Code::kUnavailable;
  away_ = Status(code, fmt::format("the metadata store does not answer: {}", failure.message()));
  failed_ns_ = clock_.MonotonicNanos();
  if (is_news)
    log_.Error("the metadata store is away", {{"store", where()}, {"error", failure.ToString()}});
  return away_;
}

void Fleet::Worked(FleetViewPtr view, std::int64_t asked_ns) {
  if (!away_.ok()) {
    log_.Info(view_ == nullptr ? "the metadata store answers" : "the metadata store is back",
              {{"store", where()}, {"version", view->version()}});
  }
  away_ = Status::Ok();
  if (view_ == nullptr || view_->version() < view->version()) view_ = std::move(view);
  worked_ns_ = clock_.MonotonicNanos();
  asked_ns_ = asked_ns;
}

void Fleet::Ask() {
  std::unique_lock lock(asker_.mutex);
  for (;;) {
    asker_.wake.wait(lock, [this] { return asker_.stopping || wanted_ > begun_; });
    if (asker_.stopping) return;
    begun_ = wanted_;
    lock.unlock();
    const std::int64_t asked_ns = clock_.MonotonicNanos();
    Result<FleetViewPtr> read = Read();
    lock.lock();
    if (read.ok())
      Worked(read.Take(), asked_ns);
    else
      (void)Failed(read.status());
    // Who came meanwhile need not find out once more that it is gone.
    if (!read.ok()) begun_ = wanted_;
    ended_ = begun_;
    round_ended_.notify_all();
  }
}

Result<FleetViewPtr> Fleet::Read() try {
  const std::lock_guard turn(turn_mutex_);
  const FleetViewPtr before = Last();
  GRANARY_ASSIGN(const metadata::ChangeSet found,
                 store_->Changes(before == nullptr ? 0 : before->version()));
  if (before != nullptr && found.rows.empty() && found.version == before->version()) return before;
  auto next =
      before == nullptr ? std::make_shared<FleetView>() : std::make_shared<FleetView>(*before);
  next->Apply(found);
  for (const auto& [row, damage] : next->damaged()) {
    if (before != nullptr && before->damaged().contains(row)) continue;
    log_.Error("a row of the metadata cannot be read; what it is about is left as it is",
               {{"row", row}, {"version", damage.version}, {"error", damage.why}});
  }
  return FleetViewPtr(std::move(next));
} catch (const std::exception& failure) {
  return Status(Code::kInternal, fmt::format("the fleet cannot be read: {}", failure.what()));
}

Status Fleet::CatchUp(Until until) {
  std::unique_lock lock(asker_.mutex);
  if (!away_.ok() && IsTooSoon()) return away_;
  // A round that runs already may not see what was committed before now.
  const std::uint64_t round = begun_ + 1;
  wanted_ = std::max(wanted_, round);
  asker_.wake.notify_all();
  if (round_ended_.wait_until(lock, until, [&] { return ended_ >= round; })) return away_;
  return {Code::kUnavailable, "the metadata store has not answered yet: try again"};
}

Result<Fleet::Seen> Fleet::Look(Deadline deadline) {
  const bool has_any = Last() != nullptr;
  const Status fresh = CatchUp(UntilOf(has_any ? kLookMs : kTurnMs, deadline));
  const std::lock_guard lock(asker_.mutex);
  if (fresh.ok()) return Seen{view_, 0};
  if (view_ == nullptr) return fresh;
  const std::int64_t stale_ms = (clock_.MonotonicNanos() - worked_ns_) / kNanosPerMilli;
  return Seen{view_, std::max<std::int64_t>(stale_ms, 1)};
}

Result<Fleet::Seen> Fleet::Recent(Deadline deadline) {
  {
    const std::lock_guard lock(asker_.mutex);
    const std::int64_t age_ns = clock_.MonotonicNanos() - asked_ns_;
    if (view_ != nullptr && away_.ok() && age_ns <= kRecentMs * kNanosPerMilli)
      return Seen{view_, 0};
  }
  return Look(deadline);
}

Result<FleetViewPtr> Fleet::Fresh(Deadline deadline) {
  const Until until = UntilOf(kTurnMs, deadline);
  const Status fresh = CatchUp(until);
  if (!fresh.ok()) return TellLate(fresh, deadline);
  return Last();
}

FleetViewPtr Fleet::Last() const {
  const std::lock_guard lock(asker_.mutex);
  return view_;
}

Status Fleet::status() const {
  const std::lock_guard lock(asker_.mutex);
  return away_;
}

Result<FleetViewPtr> Fleet::Change(const DecideFn& decide, Deadline deadline) {
  const Until until = UntilOf(kTurnMs, deadline);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (const Status fresh = CatchUp(until); !fresh.ok()) return TellLate(fresh, deadline);
    const FleetViewPtr now = Last();
    GRANARY_ASSIGN(const Changes changes, decide(*now));
    if (changes.empty()) return now;
    std::uint64_t version = 0;
    const Status committed = Commit(changes, now->version(), until, version);
    if (committed.ok()) {
      auto after = std::make_shared<FleetView>(*now);
      after->Apply(changes, version);
      const std::lock_guard lock(asker_.mutex);
      if (view_ == nullptr || view_->version() < after->version()) view_ = after;
      return FleetViewPtr(std::move(after));
    }
    if (committed.code() != Code::kConflict) return TellLate(committed, deadline);
  }
  return Status(Code::kOverloaded, "others keep changing the fleet: try again");
}

// Of those that wait for their turn behind one who finds the store gone, each is told at once.
Status Fleet::Commit(const Changes& changes, std::optional<std::uint64_t> seen, Until until,
                     std::uint64_t& version) {
  const std::unique_lock turn(turn_mutex_, until);
  if (!turn) return {Code::kUnavailable, "the metadata store has not answered yet: try again"};
  if (const Status away = status(); !away.ok()) return away;
  const Result<std::uint64_t> committed = store_->Commit(changes, seen);
  if (committed.ok()) {
    version = *committed;
    return Status::Ok();
  }
  const Status& status = committed.status();
  if (status.code() == Code::kConflict || IsOurFault(status.code())) return status;
  const std::lock_guard lock(asker_.mutex);
  return Failed(status);
}

Status Fleet::Note(const Changes& changes) {
  std::uint64_t version = 0;
  return Commit(changes, std::nullopt, UntilOf(kLookMs, {}), version);
}

}  // namespace granary::operation
