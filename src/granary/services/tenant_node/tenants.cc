#include "granary/services/tenant_node/tenants.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace granary::services {
namespace {

// Whoever waits for a tenant looks so often whether nobody waits for it any more.
constexpr std::chrono::milliseconds kLookAtToken{20};
// Of those that are opened because some of their records may be past their time: so many at once,
// and each is closed so long afterwards, unless it is used.
constexpr std::size_t kWokenAtOnce = 2;
constexpr std::chrono::seconds kWokenFor{5};

std::int64_t Nanos(std::chrono::nanoseconds duration) { return duration.count(); }

Status Suspended(const std::string& tenant) {
  return {Code::kPermissionDenied, fmt::format("the tenant '{}' is suspended", tenant)};
}

}  // namespace

struct Tenants::Seat {
  explicit Seat(HostedTenant tenant) : id(tenant.id.str()), hosted(std::move(tenant)) {}

  bool IsActive() const { return hosted.state == HostedState::kActive && !leaves; }
  /// Since the node started.
  TrafficCounts Traffic() const {
    TrafficCounts sum = before;
    if (open != nullptr) sum += open->tenant->traffic().counts();
    return sum;
  }
  /// It is not to stay open as it is.
  bool MustClose() const { return !IsActive() || is_stale; }

  const std::string id;
  HostedTenant hosted;
  std::shared_ptr<OpenTenant> open;
  TrafficCounts before;  // Before it was opened this time.
  std::size_t in_use = 0;
  bool busy = false;      // It is being opened, closed or deleted.
  bool flushing = false;  // Counts as a use, too.
  bool is_stale = false;  // It is open as it was set up before.
  bool leaves = false;    // It is not on the list any more.
  bool gone = false;      // Its deletion was carried out.
  bool woken = false;     // It is being opened though nobody wants it.
  Status trouble;
  std::int64_t retry_ns = 0, used_ns = 0;
  std::optional<std::int64_t> draining_ns;  // Since when.
  std::optional<std::int64_t> wake_ns;
};

Tenants::Tenants(TenantsOptions options, TenantsDeps deps)
    : options_(std::move(options)),
      deps_(std::move(deps)),
      openers_({.threads = 1, .threads_max = kOpeners}) {}

Tenants::~Tenants() {
  if (const Status stopped = Stop({Code::kUnavailable, "the node has stopped"}); !stopped.ok())
    deps_.log.Error("tenants did not close in order", {{"error", stopped.ToString()}});
}

Status Tenants::NotHere(const std::string& tenant) {
  return {Code::kUnavailable,
          fmt::format("this node does not serve the tenant '{}': whoever placed it knows which one "
                      "does",
                      tenant.substr(0, kIdentifierMaxBytes))};
}

Status Tenants::BeginAlone(const HostedTenant& hosted) {
  is_alone_ = true;
  Result<std::unique_ptr<OpenTenant>> opened = deps_.open(hosted);
  const std::lock_guard lock(mutex_);
  why_not_ = opened.status();
  if (!opened.ok()) return opened.status();
  auto seat = std::make_shared<Seat>(hosted);
  seat->open = opened.Take();
  ++open_;
  ++opened_;
  seats_[hosted.id.str()] = std::move(seat);
  return Status::Ok();
}

Status Tenants::Begin(std::optional<std::vector<HostedTenant>> tenants) {
  if (!tenants) {
    tenants.emplace();
    GRANARY_ASSIGN(const bool is_there, deps_.files.Exists(options_.file));
    if (is_there) {
      GRANARY_ASSIGN(kept_, deps_.files.ReadFile(options_.file));
      auto read = ReadHostedFile(kept_);
      if (!read.ok()) return read.status().At(options_.file);
      tenants = read.Take();
    }
  }
  job_ = std::make_unique<runtime::PeriodicJob>("tenants", kLookEvery, [this] { Look(); });
  const std::lock_guard lock(mutex_);
  for (HostedTenant& hosted : *tenants) {
    const std::string id = hosted.id.str();
    seats_[id] = std::make_shared<Seat>(std::move(hosted));
    // Nobody knows yet whether its records go by the clock.
    seats_[id]->wake_ns = deps_.clock.MonotonicNanos() + Nanos(options_.retention_interval);
  }
  why_not_ = Status::Ok();
  return Status::Ok();
}

bool Tenants::KeepList(const std::vector<HostedTenant>& tenants) {
  if (options_.file.empty()) return true;
  std::string text = HostedFileText(tenants);
  if (text == kept_) return true;
  if (const Status kept = deps_.files.ReplaceFile(options_.file, text); !kept.ok()) {
    deps_.log.Error("the list of tenants cannot be kept, and the last one counts",
                    {{"file", options_.file}, {"error", kept.ToString()}});
    return false;
  }
  kept_ = std::move(text);
  return true;
}

bool Tenants::Apply(const Hosting& hosting) {
  std::vector<HostedTenant> tenants = hosting.tenants;
  {
    const std::lock_guard lock(mutex_);
    if (!why_not_.ok()) return false;
    for (const TenantId& unknown : hosting.unknown) {
      const auto seat = seats_.find(unknown.str());
      if (seat == seats_.end() || seat->second->leaves) continue;
      std::erase_if(tenants, [&](const HostedTenant& one) { return one.id == unknown; });
      tenants.push_back(seat->second->hosted);
    }
  }
  if (!KeepList(tenants)) return false;
  bool is_news = false;
  std::set<std::string> named;
  const std::lock_guard lock(mutex_);
  for (const HostedTenant& hosted : tenants) {
    const std::string& id = hosted.id.str();
    named.insert(id);
    SeatPtr& seat = seats_[id];
    if (seat == nullptr) {
      seat = std::make_shared<Seat>(hosted);
      is_news = true;
      continue;
    }
    if (seat->hosted == hosted && !seat->leaves) continue;
    is_news = true;
    seat->leaves = false;
    seat->is_stale = seat->open != nullptr || seat->busy;
    seat->gone = false;  // What was carried out was for another list.
    seat->trouble = Status::Ok();
    seat->retry_ns = 0;  // Whatever was tried before was for another list.
    seat->hosted = hosted;
  }
  for (auto& [id, seat] : seats_) {
    if (named.contains(id) || seat->leaves) continue;
    seat->leaves = true;
    is_news = true;
  }
  if (is_news && job_) job_->Poke();
  return is_news;
}

Result<Tenants::SeatPtr> Tenants::FindServed(const std::string& tenant) const {
  if (!why_not_.ok()) return why_not_;
  const auto found = seats_.find(tenant);
  if (found == seats_.end() || found->second->leaves) return NotHere(tenant);
  switch (found->second->hosted.state) {
    case HostedState::kActive: break;
    case HostedState::kSuspended: return Suspended(tenant);
    case HostedState::kDeleting: return NotHere(tenant);
  }
  return found->second;
}

Status Tenants::CheckServed(const std::string& tenant) const {
  const std::lock_guard lock(mutex_);
  return FindServed(tenant).status();
}

bool Tenants::IsHere(const std::string& tenant) const {
  const std::lock_guard lock(mutex_);
  const auto found = seats_.find(tenant);
  return found != seats_.end() && !found->second->leaves &&
         found->second->hosted.state != HostedState::kDeleting;
}

std::shared_ptr<Tenant> Tenants::Use(const SeatPtr& seat, UseKind kind) {
  const auto note = [this, kind](Seat& used) {
    if (kind == UseKind::kWants) used.used_ns = deps_.clock.MonotonicNanos();
  };
  ++seat->in_use;
  note(*seat);
  return {seat->open->tenant.get(), [this, seat, note](Tenant*) {
            const std::lock_guard lock(mutex_);
            --seat->in_use;
            note(*seat);
            if (seat->in_use == 0 && seat->MustClose() && job_) job_->Poke();
          }};
}

Result<std::shared_ptr<Tenant>> Tenants::Find(const std::string& tenant) {
  const std::lock_guard lock(mutex_);
  GRANARY_ASSIGN(const SeatPtr seat, FindServed(tenant));
  if (seat->open == nullptr || seat->busy) return std::shared_ptr<Tenant>();
  return Use(seat, UseKind::kWants);
}

Result<std::shared_ptr<Tenant>> Tenants::Get(const std::string& tenant,
                                             const runtime::CancelToken& cancel) {
  Lock lock(mutex_);
  const std::int64_t patience_ns = deps_.clock.MonotonicNanos() + Nanos(kPatience);
  for (;;) {
    GRANARY_ASSIGN(const SeatPtr seat, FindServed(tenant));
    const std::int64_t now_ns = deps_.clock.MonotonicNanos();
    if (seat->open != nullptr && !seat->busy && !seat->is_stale) {
      if (options_.in_use_max == 0 || seat->in_use < options_.in_use_max)
        return Use(seat, UseKind::kWants);
      return Status(Code::kOverloaded,
                    fmt::format("{} requests of the tenant are being answered already; try again "
                                "later",
                                seat->in_use));
    }
    if (seat->open == nullptr && !seat->busy) {
      if (!seat->trouble.ok() && now_ns < seat->retry_ns) return seat->trouble;
      StartOpening(seat);
    }
    changed_.wait_for(lock, kLookAtToken);
    GRANARY_TRY(cancel.Check().At("while the tenant was opened"));
    if (deps_.clock.MonotonicNanos() > patience_ns)
      return Status(Code::kUnavailable, "the tenant is being opened; try again soon");
  }
}

std::vector<std::shared_ptr<Tenant>> Tenants::OpenOnes(std::size_t most) {
  const std::lock_guard lock(mutex_);
  std::vector<SeatPtr> found;
  for (const auto& [id, seat] : seats_)
    if (seat->open != nullptr && !seat->busy) found.push_back(seat);
  std::ranges::sort(found, std::greater(), [](const SeatPtr& seat) { return seat->used_ns; });
  if (found.size() > most) found.resize(most);
  std::vector<std::shared_ptr<Tenant>> out;
  for (const SeatPtr& seat : found) out.push_back(Use(seat, UseKind::kLooks));
  return out;
}

std::vector<std::pair<std::string, TrafficCounts>> Tenants::Traffic(std::size_t most) const {
  const std::lock_guard lock(mutex_);
  std::vector<SeatPtr> found;
  for (const auto& [id, seat] : seats_)
    if (!seat->leaves) found.push_back(seat);
  std::ranges::sort(found, std::greater(), [](const SeatPtr& seat) { return seat->used_ns; });
  if (found.size() > most) found.resize(most);
  std::vector<std::pair<std::string, TrafficCounts>> out;
  for (const SeatPtr& seat : found) out.emplace_back(seat->id, seat->Traffic());
  return out;
}

void Tenants::StartOpening(const SeatPtr& seat) {
  seat->busy = true;
  openers_.Submit([this, seat] { Open(seat); });
}

void Tenants::Open(const SeatPtr& seat) {
  Lock lock(mutex_);
  if (open_ >= options_.open_max) CloseOneForRoom(lock);
  const HostedTenant hosted = seat->hosted;
  seat->is_stale = false;
  lock.unlock();
  Result<std::unique_ptr<OpenTenant>> opened = deps_.open(hosted);
  if (!opened.ok()) {
    deps_.log.Error("a tenant cannot be opened, and the others serve",
                    {{"tenant", seat->id}, {"error", opened.status().ToString()}});
  }
  lock.lock();
  const std::int64_t now_ns = deps_.clock.MonotonicNanos();
  seat->busy = false;
  seat->wake_ns.reset();
  seat->trouble = opened.status();
  seat->retry_ns = now_ns + Nanos(kRetry);
  seat->used_ns = now_ns;
  if (std::exchange(seat->woken, false)) {
    --woken_;
    seat->used_ns -= std::max<std::int64_t>(Nanos(options_.idle) - Nanos(kWokenFor), 0);
  }
  if (opened.ok()) {
    seat->open = opened.Take();
    ++open_;
    ++opened_;
  }
  changed_.notify_all();
}

void Tenants::CloseOneForRoom(Lock& lock) {
  SeatPtr oldest;
  for (const auto& [id, seat] : seats_) {
    if (seat->open == nullptr || seat->busy || seat->in_use > 0) continue;
    if (oldest == nullptr || seat->used_ns < oldest->used_ns) oldest = seat;
  }
  if (oldest == nullptr) return;  // All are in use: this one, too.
  oldest->busy = true;
  lock.unlock();
  if (const Status flushed = oldest->open->tenant->FlushAll(); !flushed.ok())
    deps_.log.Warn("a tenant is closed with fresh rows in its log alone",
                   {{"tenant", oldest->id}, {"error", flushed.ToString()}});
  lock.lock();
  CloseNow(lock, oldest);
}

// Of a seat that is busy, and not used.
void Tenants::CloseNow(Lock& lock, const SeatPtr& seat) {
  seat->before = seat->Traffic();
  std::shared_ptr<OpenTenant> open = std::exchange(seat->open, nullptr);
  lock.unlock();
  const bool has_retention = open->tenant->HasRetention();
  const Status closed = open->Close();
  open.reset();
  if (!closed.ok())
    deps_.log.Error("a tenant did not close in order",
                    {{"tenant", seat->id}, {"error", closed.ToString()}});
  lock.lock();
  --open_;
  ++closed_;
  seat->busy = seat->is_stale = false;
  seat->draining_ns.reset();
  if (has_retention)
    seat->wake_ns = deps_.clock.MonotonicNanos() + Nanos(options_.retention_interval);
  changed_.notify_all();
}

// What is fresh is flushed while it may still be used; then it is closed if it was not.
void Tenants::CloseIdle(const SeatPtr& seat) {
  Status flushed;
  const bool works = seat->open->tenant->store().compaction_totals().jobs_running +
                         seat->open->tenant->store().compaction_totals().jobs_queued >
                     0;
  if (!works) flushed = seat->open->tenant->FlushAll();
  Lock lock(mutex_);
  --seat->in_use;
  seat->flushing = false;
  if (works || !flushed.ok()) {
    seat->used_ns = deps_.clock.MonotonicNanos();  // Later, then.
    return;
  }
  const bool was_used = deps_.clock.MonotonicNanos() - seat->used_ns < Nanos(options_.idle);
  if (seat->in_use > 0 || was_used || seat->busy) return;
  seat->busy = true;
  CloseNow(lock, seat);
}

void Tenants::StartClosing(const SeatPtr& seat) {
  seat->busy = true;
  openers_.Submit([this, seat] {
    Lock lock(mutex_);
    CloseNow(lock, seat);
    if (job_) job_->Poke();
  });
}

void Tenants::StartFlush(const SeatPtr& seat) {
  ++seat->in_use;
  seat->flushing = true;
  openers_.Submit([this, seat] {
    const Status flushed = seat->open->tenant->FlushAll();
    const std::lock_guard lock(mutex_);
    --seat->in_use;
    seat->flushing = false;
    if (!flushed.ok())
      deps_.log.Warn("fresh rows that take memory stay for now",
                     {{"tenant", seat->id}, {"error", flushed.ToString()}});
  });
}

void Tenants::StartDiscard(const SeatPtr& seat) {
  seat->busy = true;
  openers_.Submit([this, seat, hosted = seat->hosted] {
    const Status gone = hosted.keeps_data ? Status::Ok() : deps_.discard(hosted.id);
    if (!gone.ok()) {
      deps_.log.Error("the data of a deleted tenant cannot be taken away yet",
                      {{"tenant", seat->id}, {"error", gone.ToString()}});
    } else {
      deps_.log.Info(hosted.keeps_data ? "a tenant was let go of, its data stays"
                                       : "the data of a deleted tenant was taken away",
                     {{"tenant", seat->id}});
    }
    const std::lock_guard lock(mutex_);
    seat->busy = false;
    seat->gone = gone.ok() && seat->hosted == hosted;
    seat->retry_ns = deps_.clock.MonotonicNanos() + Nanos(kRetry);
    changed_.notify_all();
  });
}

void Tenants::LookAt(const SeatPtr& seat, std::int64_t now_ns) {
  if (seat->busy) return;
  if (seat->open != nullptr) return LookAtOpen(seat, now_ns);
  const bool is_deleted = seat->hosted.state == HostedState::kDeleting && !seat->leaves;
  if (is_deleted && !seat->gone && now_ns >= seat->retry_ns) StartDiscard(seat);
  if (!seat->IsActive() || !seat->wake_ns || now_ns < *seat->wake_ns || woken_ >= kWokenAtOnce)
    return;
  seat->woken = true;
  ++woken_;
  StartOpening(seat);
}

void Tenants::LookAtOpen(const SeatPtr& seat, std::int64_t now_ns) {
  if (!seat->MustClose()) {
    seat->draining_ns.reset();
    if (seat->in_use > 0 || now_ns - seat->used_ns < Nanos(options_.idle)) return;
    ++seat->in_use;
    seat->flushing = true;
    openers_.Submit([this, seat] { CloseIdle(seat); });
    return;
  }
  if (!seat->draining_ns) seat->draining_ns = now_ns;
  if (seat->in_use == 0) return StartClosing(seat);
  // What was begun under other settings may end; who is not to be served any more is not.
  if (seat->IsActive() && now_ns - *seat->draining_ns < Nanos(kDrain)) return;
  Tenant& tenant = *seat->open->tenant;
  for (const RunningQuery& query : tenant.Queries()) (void)tenant.CancelQuery(query.id).ok();
  if (now_ns - *seat->draining_ns < Nanos(kDrain)) return;
  seat->draining_ns = now_ns;
  deps_.log.Warn("a tenant that is to be closed is still in use",
                 {{"tenant", seat->id}, {"requests", seat->in_use}});
}

// Of tenants that write a little each, none flushes by itself.
void Tenants::RelieveMemory() {
  std::uint64_t all = 0, most = 0;
  SeatPtr largest;
  for (const auto& [id, seat] : seats_) {
    if (seat->open == nullptr || seat->busy) continue;
    const std::uint64_t bytes = seat->open->tenant->store().hot_bytes();
    all += bytes;
    if (bytes <= most || seat->flushing) continue;
    most = bytes;
    largest = seat;
  }
  if (all > options_.hot_bytes_max && largest != nullptr) StartFlush(largest);
}

void Tenants::Look() {
  const std::lock_guard lock(mutex_);
  if (!why_not_.ok() || is_alone_) return;
  const std::int64_t now_ns = deps_.clock.MonotonicNanos();
  for (const auto& [id, seat] : seats_) LookAt(seat, now_ns);
  std::erase_if(seats_, [](const auto& one) {
    const Seat& seat = *one.second;
    return seat.leaves && seat.open == nullptr && !seat.busy;
  });
  RelieveMemory();
}

Tenants::Announced Tenants::announced() const {
  const std::lock_guard lock(mutex_);
  Announced out;
  for (const auto& [id, seat] : seats_) {
    if (seat->IsActive()) out.served.push_back(id);
    if (seat->gone) out.gone.push_back({id, seat->hosted.changed_us});
  }
  return out;
}

Status Tenants::status() const {
  const std::lock_guard lock(mutex_);
  return why_not_;
}

TenantCounts Tenants::counts() const {
  const std::lock_guard lock(mutex_);
  TenantCounts out{.hosted = seats_.size(), .open = open_, .opened = opened_, .closed = closed_};
  for (const auto& [id, seat] : seats_) out.troubled += seat->trouble.ok() ? 0 : 1;
  return out;
}

Status Tenants::Stop(Status reason) {
  if (job_) job_->Stop();
  {
    const std::lock_guard lock(mutex_);
    why_not_ = std::move(reason);
  }
  openers_.Stop();
  std::vector<SeatPtr> open;
  for (const auto& [id, seat] : seats_)
    if (seat->open != nullptr) open.push_back(seat);
  runtime::WorkerPool closers({.threads = std::clamp<std::size_t>(open.size(), 1, kOpeners)});
  std::mutex first_mutex;
  Status first;
  const Status all = closers.ParallelFor(open.size(), kOpeners, [&](std::size_t i) -> Status {
    const Status closed = std::exchange(open[i]->open, nullptr)->Close();
    const std::lock_guard lock(first_mutex);
    if (first.ok()) first = closed;
    return Status::Ok();
  });
  open_ = 0;
  return all.ok() ? first : all;
}

}  // namespace granary::services
