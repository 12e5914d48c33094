#include "granary/services/operation_node/fleet.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace granary::operation {
namespace {

constexpr std::int64_t kNanosPerMilli = 1'000'000;

// Changes that no store would take: none was asked, so none is away.
bool IsOurFault(Code code) {
  return code == Code::kInvalidArgument || code == Code::kInvalidIdentifier;
}

}  // namespace

Fleet::Fleet(std::unique_ptr<metadata::MetadataStore> store, const io::Clock& clock, Logger& log)
    : store_(std::move(store)),
      clock_(clock),
      log_(log),
      away_(Code::kUnavailable, "the metadata store was not asked yet; try again soon"),
      failed_ns_(clock.MonotonicNanos() - kRetryMs * kNanosPerMilli) {}

bool Fleet::IsTooSoon() const {
  return is_trying_ || clock_.MonotonicNanos() - failed_ns_ < kRetryMs * kNanosPerMilli;
}

Status Fleet::Failed(const Status& failure) {
  const std::lock_guard lock(mutex_);
  const bool is_news = away_.ok() || away_.message().find(failure.message()) == std::string::npos;
  // The store's own code says what is wrong with it; for whoever asks us it is the same.
  const Code code = failure.code() == Code::kDiskFull ? Code::kDiskFull : Code::kUnavailable;
  away_ = Status(code, fmt::format("the metadata store does not answer: {}", failure.message()));
  failed_ns_ = clock_.MonotonicNanos();
  is_trying_ = false;
  if (is_news)
    log_.Error("the metadata store is away", {{"store", where()}, {"error", failure.ToString()}});
  return away_;
}

void Fleet::Worked(FleetViewPtr view) {
  const std::lock_guard lock(mutex_);
  if (!away_.ok()) {
    log_.Info(view_ == nullptr ? "the metadata store answers" : "the metadata store is back",
              {{"store", where()}, {"version", view->version()}});
  }
  away_ = Status::Ok();
  is_trying_ = false;
  view_ = std::move(view);
  worked_ns_ = clock_.MonotonicNanos();
}

Status Fleet::CatchUp() {
  {
    const std::lock_guard lock(mutex_);
    if (!away_.ok()) {
      if (IsTooSoon()) return away_;
      is_trying_ = true;
    }
  }
  const std::lock_guard turn(turn_mutex_);
  FleetViewPtr before;
  {
    const std::lock_guard lock(mutex_);
    // Whoever was before us may have found it gone.
    if (!away_.ok() && !is_trying_) return away_;
    before = view_;
  }
  const Result<metadata::ChangeSet> found =
      store_->Changes(before == nullptr ? 0 : before->version());
  if (!found.ok()) return Failed(found.status());
  if (before != nullptr && found->rows.empty() && found->version == before->version()) {
    Worked(std::move(before));
    return Status::Ok();
  }
  auto next =
      before == nullptr ? std::make_shared<FleetView>() : std::make_shared<FleetView>(*before);
  if (const Status applied = next->Apply(*found); !applied.ok()) return Failed(applied);
  Worked(std::move(next));
  return Status::Ok();
}

Result<Fleet::Seen> Fleet::Look() {
  const Status fresh = CatchUp();
  const std::lock_guard lock(mutex_);
  if (fresh.ok()) return Seen{view_, 0};
  if (view_ == nullptr) return fresh;
  const std::int64_t stale_ms = (clock_.MonotonicNanos() - worked_ns_) / kNanosPerMilli;
  return Seen{view_, std::max<std::int64_t>(stale_ms, 1)};
}

Result<FleetViewPtr> Fleet::Fresh() {
  GRANARY_TRY(CatchUp());
  return Last();
}

FleetViewPtr Fleet::Last() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

Status Fleet::status() const {
  const std::lock_guard lock(mutex_);
  return away_;
}

Result<FleetViewPtr> Fleet::Change(const DecideFn& decide) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    GRANARY_ASSIGN(const FleetViewPtr now, Fresh());
    GRANARY_ASSIGN(const Changes changes, decide(*now));
    if (changes.empty()) return now;
    Result<std::uint64_t> version(std::uint64_t{0});
    {
      const std::lock_guard turn(turn_mutex_);
      version = store_->Commit(changes, now->version());
    }
    if (version.ok()) {
      auto after = std::make_shared<FleetView>(*now);
      // What cannot be read back must not have been written: the next look says so too.
      GRANARY_TRY(after->Apply(changes, *version));
      const std::lock_guard lock(mutex_);
      if (view_ == nullptr || view_->version() < after->version()) view_ = after;
      return FleetViewPtr(std::move(after));
    }
    if (version.status().code() == Code::kConflict) continue;
    if (IsOurFault(version.status().code())) return version.status();
    return Failed(version.status());
  }
  return Status(Code::kOverloaded, "others keep changing the fleet: try again");
}

Status Fleet::Note(const Changes& changes) {
  {
    const std::lock_guard lock(mutex_);
    if (!away_.ok() && IsTooSoon()) return away_;
  }
  const std::lock_guard turn(turn_mutex_);
  const Status status = store_->Commit(changes).status();
  if (status.ok() || status.code() == Code::kConflict || IsOurFault(status.code())) return status;
  return Failed(status);
}

}  // namespace granary::operation
