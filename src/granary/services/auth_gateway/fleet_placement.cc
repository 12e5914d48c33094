#include "granary/services/auth_gateway/fleet_placement.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "granary/base/ids.h"
#include "granary/security/node_token.h"

namespace granary::gateway {
namespace {

constexpr std::int64_t kNanosPerMilli = 1'000'000;
constexpr std::size_t kFailuresKept = 10'000;
constexpr std::size_t kAskedPerSave = 64;
constexpr std::chrono::hours kIdle{1};  // The job is poked when there is something to do.

Status NoNodeYet(const std::string& tenant) {
  return {Code::kUnavailable,
          fmt::format("no node serves the tenant '{}' at this moment: try again soon", tenant)};
}

// "acme=http://127.0.0.1:8000,globex=suspended,…"
Result<std::map<std::string, FleetAnswer>> ReadAnswers(std::string_view text) {
  std::map<std::string, FleetAnswer> out;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(','));
    text.remove_prefix(std::min(one.size() + 1, text.size()));
    const std::string tenant(one.substr(0, one.find('=')));
    if (!IsIdentifier(tenant)) return InvalidIdentifier(tenant);
    GRANARY_ASSIGN(out[tenant], FleetAnswerOf(one.substr(std::min(tenant.size() + 1, one.size()))));
  }
  return out;
}

}  // namespace

FleetPlacement::FleetPlacement(FleetPlacementOptions options, AskFleetFn ask,
                               std::unique_ptr<Placement> listed,
                               std::unique_ptr<Placement> fallback,
                               std::unique_ptr<io::Clock> clock,
                               std::unique_ptr<io::FileSystem> files, Logger& log)
    : options_(std::move(options)),
      ask_(std::move(ask)),
      listed_(std::move(listed)),
      fallback_(std::move(fallback)),
      clock_(std::move(clock)),
      files_(std::move(files)),
      log_(log) {
  Load();
  job_ = std::make_unique<runtime::PeriodicJob>("placements", kIdle, [this] { Refresh(); });
}

FleetPlacement::~FleetPlacement() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
    asked_.notify_all();
  }
  job_->Stop();
}

Result<PlacedNode> FleetPlacement::Answered(const std::string& tenant, const Entry& entry) const {
  switch (entry.answer.kind) {
    case FleetAnswer::Kind::kPlaced: return entry.node;
    case FleetAnswer::Kind::kNotReady: return NoNodeYet(tenant);
    case FleetAnswer::Kind::kSuspended:
      return Status(Code::kPermissionDenied,
                    fmt::format("the tenant '{}' is suspended or being deleted", tenant));
    case FleetAnswer::Kind::kUnknown: break;
  }
  // Asking again does not help, and no client knows our settings.
  auto own = fallback_->NodeOf(tenant, {});
  if (own.ok()) return own;
  return Status(Code::kNotFound,
                fmt::format("there is no tenant '{}': it was never created, or deleted", tenant));
}

bool FleetPlacement::IsAwaited(const std::string& tenant) const {
  return awaited_.contains(tenant) && !is_away_ && !is_ending_;
}

void FleetPlacement::AskSoon(const std::string& tenant, std::set<std::string>& among) {
  if (among.size() < kFailuresKept) among.insert(tenant);
  if (clock_->MonotonicNanos() >= next_ask_ns_) job_->Poke();
}

Result<PlacedNode> FleetPlacement::NodeOf(const std::string& tenant,
                                          const runtime::CancelToken& cancel) {
  if (auto listed = listed_->NodeOf(tenant, cancel); listed.ok()) return listed;
  if (!IsIdentifier(tenant)) return InvalidIdentifier(tenant);
  const std::int64_t now_ns = clock_->MonotonicNanos();
  std::unique_lock lock(mutex_);
  const auto known = entries_.find(tenant);
  if (const auto entry = known; entry != entries_.end() && !IsAwaited(tenant)) {
    if (now_ns - entry->second.asked_ns >= options_.cache_ms * kNanosPerMilli)
      AskSoon(tenant, due_);
    return Answered(tenant, entry->second);
  }
  const auto failed = failed_ns_.find(tenant);
  if (failed != failed_ns_.end() && now_ns - failed->second < kRetryMs * kNanosPerMilli)
    return fallback_->NodeOf(tenant, cancel);
  if (known == entries_.end()) AskSoon(tenant, awaited_);
  using Instant = std::chrono::steady_clock::time_point;  // As io::SystemClock goes.
  Instant until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kFirstWaitMs);
  if (const auto deadline_ns = cancel.deadline_ns())
    until = std::min(until, Instant(std::chrono::nanoseconds(*deadline_ns)));
  asked_.wait_until(lock, until, [&] { return !IsAwaited(tenant); });
  if (const auto entry = entries_.find(tenant); entry != entries_.end())
    return Answered(tenant, entry->second);
  GRANARY_TRY(cancel.Check());
  return fallback_->NodeOf(tenant, cancel);
}

void FleetPlacement::Mistrust(const std::string& tenant) {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(tenant);
  if (entry == entries_.end()) return;
  if (clock_->MonotonicNanos() - entry->second.asked_ns < kMistrustMs * kNanosPerMilli) return;
  AskSoon(tenant, awaited_);
}

Status FleetPlacement::CheckTenant(const std::string& tenant, const runtime::CancelToken& cancel) {
  if (!IsIdentifier(tenant)) return InvalidIdentifier(tenant);
  if (listed_->NodeOf(tenant, cancel).ok() || fallback_->NodeOf(tenant, cancel).ok())
    return Status::Ok();
  const Status unknown(Code::kUnavailable,
                       fmt::format("whether there is a tenant '{}' is not known, since the "
                                   "Operation Node does not say: try again soon",
                                   tenant));
  using Instant = std::chrono::steady_clock::time_point;  // As io::SystemClock goes.
  Instant until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kFirstWaitMs);
  if (const auto deadline_ns = cancel.deadline_ns())
    until = std::min(until, Instant(std::chrono::nanoseconds(*deadline_ns)));
  const std::unique_lock turn(ask_mutex_, until);
  GRANARY_TRY(cancel.Check());
  if (!turn.owns_lock()) return unknown;
  {
    const std::lock_guard lock(mutex_);
    if (is_away_ && clock_->MonotonicNanos() < next_ask_ns_) return unknown;
  }
  const Result<FleetAnswer> answer = ask_(tenant);
  const std::lock_guard lock(mutex_);
  NoteWhetherAway(answer.status());
  if (!answer.ok()) return unknown;
  if (answer->kind != FleetAnswer::Kind::kUnknown) return Status::Ok();
  return {Code::kNotFound, fmt::format("there is no tenant '{}'", tenant)};
}

std::optional<std::string> FleetPlacement::NextToAsk() {
  const std::lock_guard lock(mutex_);
  const std::set<std::string>& from = awaited_.empty() ? due_ : awaited_;
  if (from.empty() || is_ending_ || clock_->MonotonicNanos() < next_ask_ns_) return std::nullopt;
  return *from.begin();
}

void FleetPlacement::Refresh() {
  const std::lock_guard turn(ask_mutex_);
  std::size_t asked = 0;
  while (const auto tenant = NextToAsk()) {
    Ask(*tenant);
    if (++asked % kAskedPerSave == 0) Save();
  }
  if (asked % kAskedPerSave != 0) Save();
}

// Under ask_mutex_.
void FleetPlacement::Ask(const std::string& tenant) {
  Result<FleetAnswer> answer = ask_(tenant);
  const std::lock_guard lock(mutex_);
  awaited_.erase(tenant);
  due_.erase(tenant);
  NoteWhetherAway(answer.status());
  if (answer.ok()) {
    trouble_.clear();
    Take(tenant, answer.Take());
  } else if (!is_away_) {
    NoteFailure(tenant, answer.status());
  }
  asked_.notify_all();
}

void FleetPlacement::NoteWhetherAway(const Status& asked) {
  const bool was_away = is_away_;
  is_away_ = asked.code() == Code::kUnavailable;
  if (was_away && !is_away_) log_.Info("the Operation Node answers again");
  if (!was_away && is_away_) {
    log_.Warn("the Operation Node does not answer; its last placements serve",
              {{"error", asked.message()}});
  }
  next_ask_ns_ = is_away_ ? clock_->MonotonicNanos() + kRetryMs * kNanosPerMilli : 0;
}

void FleetPlacement::NoteFailure(const std::string& tenant, const Status& failure) {
  const std::int64_t now_ns = clock_->MonotonicNanos();
  if (const auto entry = entries_.find(tenant); entry != entries_.end()) {
    entry->second.asked_ns = now_ns;  // Due again as usual.
  } else {
    if (failed_ns_.size() >= kFailuresKept) failed_ns_.clear();
    failed_ns_[tenant] = now_ns;
  }
  if (trouble_ == failure.message()) return;
  trouble_ = failure.message();
  log_.Warn("an answer of the Operation Node is of no use; what was known serves",
            {{"tenant", tenant}, {"error", trouble_}});
}

void FleetPlacement::Take(const std::string& tenant, FleetAnswer answer) {
  failed_ns_.erase(tenant);
  Entry& entry = entries_[tenant];
  entry.asked_ns = clock_->MonotonicNanos();
  if (answer == entry.answer && (entry.node.link != nullptr || answer.url.empty())) return;
  if (answer.kind == FleetAnswer::Kind::kPlaced) {
    const auto address = net::ParseUpstreamUrl(answer.url);
    if (!address.ok()) return;
    entry.node = {std::make_shared<net::UpstreamPool>(*address, options_.upstream),
                  security::NodeAudience(tenant), address->text(), address->host};
  }
  entry.answer = std::move(answer);
}

// Before there are other threads.
void FleetPlacement::Load() {
  if (options_.file.empty()) return;
  const auto is_there = files_->Exists(options_.file);
  if (!is_there.ok() || !*is_there) return;
  const auto text = files_->ReadFile(options_.file);
  if (!text.ok()) return;
  auto answers = ReadAnswers(*text);
  if (!answers.ok()) {
    log_.Warn("the file of last placements is passed over",
              {{"file", options_.file}, {"error", answers.status().message()}});
    return;
  }
  saved_ = *text;
  for (auto& [tenant, answer] : *answers) Take(tenant, std::move(answer));
  // What was known before the restart is asked for at once.
  for (auto& [tenant, entry] : entries_)
    entry.asked_ns = clock_->MonotonicNanos() - options_.cache_ms * kNanosPerMilli;
}

// Under ask_mutex_.
void FleetPlacement::Save() {
  if (options_.file.empty()) return;
  std::string text;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [tenant, entry] : entries_) {
      text +=
          fmt::format("{}{}={}", text.empty() ? "" : ",", tenant, FleetAnswerText(entry.answer));
    }
  }
  if (saved_ == text) return;
  const Status saved = files_->ReplaceFile(options_.file, text);
  if (saved.ok())
    saved_ = text;
  else
    log_.Warn("the last placements cannot be kept", {{"error", saved.ToString()}});
}

}  // namespace granary::gateway
