#include "granary/runtime/worker_scaler.h"

#include <algorithm>
#include <utility>

namespace granary::runtime {
namespace {

double Ratio(std::int64_t part_ns, std::int64_t whole_ns) {
  if (whole_ns <= 0 || part_ns <= 0) return 0;
  return static_cast<double>(part_ns) / static_cast<double>(whole_ns);
}

constexpr double kAskForWaitsAtPercent = 80;

double Millis(std::int64_t ns) { return static_cast<double>(ns) / 1e6; }

/// "tasks wait 61 ms" and "tasks wait 63 ms" are the same news.
std::string_view NewsOf(std::string_view reason) {
  return reason.substr(0, std::min(reason.find_first_of("0123456789"), reason.size()));
}

}  // namespace

WorkerScaler::WorkerScaler(WorkerPool& pool, Options options, std::function<MachineUse()> machine,
                           const io::Clock& clock, Logger& log)
    : pool_(pool),
      options_(options),
      machine_(std::move(machine)),
      clock_(clock),
      log_(log),
      before_(pool.use()),
      looked_ns_(clock.MonotonicNanos()),
      logged_ms_(-kLogEveryMs) {
  if (options_.enabled && options_.look_every)
    job_.emplace("scaler", *options_.look_every, [this] { Look(); });
}

WorkerScaler::~WorkerScaler() { Stop(); }

void WorkerScaler::Stop() {
  if (job_) job_->Stop();
}

void WorkerScaler::Look() {
  const std::lock_guard looking(look_mutex_);
  const ScalingInputs inputs = TakeInputs();
  const ScalingDecision decision = DecideWorkers(options_.limits, inputs, state_);
  state_ = decision.next;
  if (decision.step != ScalingStep::kStay) {
    pool_.Resize(decision.workers);
    Log(inputs, decision);
  }
  Note(inputs, decision);
}

ScalingInputs WorkerScaler::TakeInputs() {
  const WorkerPoolUse use = pool_.use();
  const MachineUse machine = machine_();
  const std::int64_t now_ns = clock_.MonotonicNanos();
  const std::int64_t alive_ns = use.alive_ns - before_.alive_ns;
  const std::uint64_t started = use.started - before_.started;
  ScalingInputs in;
  in.now_ms = now_ns / 1'000'000;
  in.workers = use.size;
  in.machine_cpu_percent = machine.cpu_percent;
  in.worker_cpu_percent = 100 * Ratio(use.cpu_ns - before_.cpu_ns, alive_ns);
  // Only where the answer depends on it: it is the one thing here that takes long to ask.
  const std::optional<std::int64_t> waited_before = std::exchange(cpu_wait_ns_, std::nullopt);
  if (machine.cpu_percent >= kAskForWaitsAtPercent) cpu_wait_ns_ = pool_.cpu_wait_ns();
  if (cpu_wait_ns_ && waited_before)
    in.worker_cpu_wait_percent = 100 * Ratio(*cpu_wait_ns_ - *waited_before, alive_ns);
  in.busy_workers = Ratio(use.busy_ns - before_.busy_ns, now_ns - looked_ns_);
  in.memory_percent = machine.memory_percent;
  in.queued = use.queued;
  if (started > 0)
    in.queue_delay_ms = Millis(use.waited_ns - before_.waited_ns) / static_cast<double>(started);
  in.queue_delay_ms = std::max(in.queue_delay_ms, Millis(use.oldest_wait_ns));
  before_ = use;
  looked_ns_ = now_ns;
  return in;
}

void WorkerScaler::Note(const ScalingInputs& inputs, const ScalingDecision& decision) {
  const std::lock_guard lock(report_mutex_);
  last_ = inputs;
  grown_ += decision.step == ScalingStep::kGrow;
  shrunk_ += decision.step == ScalingStep::kShrink;
  const bool is_news = decision.step != ScalingStep::kStay || decisions_.empty() ||
                       NewsOf(decisions_.back().reason) != NewsOf(decision.reason);
  if (!is_news) return;
  if (decisions_.size() == kDecisionsKept) decisions_.pop_front();
  decisions_.push_back(
      {clock_.WallMicros(), inputs, decision.step, decision.workers, decision.reason});
}

void WorkerScaler::Log(const ScalingInputs& inputs, const ScalingDecision& decision) {
  const bool is_soon = inputs.now_ms - logged_ms_ < kLogEveryMs;
  const LogLevel level = is_soon ? LogLevel::kDebug : LogLevel::kInfo;
  if (!is_soon) logged_ms_ = inputs.now_ms;
  if (!log_.Enabled(level)) return;
  log_.Write(level, "workers",
             {{"from", inputs.workers},
              {"to", decision.workers},
              {"reason", decision.reason},
              {"machine_cpu_percent", inputs.machine_cpu_percent},
              {"worker_cpu_percent", inputs.worker_cpu_percent},
              {"busy_workers", inputs.busy_workers},
              {"memory_percent", inputs.memory_percent},
              {"queued", inputs.queued},
              {"queue_delay_ms", inputs.queue_delay_ms}});
}

ScalingReport WorkerScaler::report() const {
  ScalingReport out;
  out.enabled = options_.enabled;
  out.limits = options_.limits;
  out.workers = pool_.size();
  const std::lock_guard lock(report_mutex_);
  out.last = last_;
  out.grown = grown_;
  out.shrunk = shrunk_;
  out.decisions.assign(decisions_.begin(), decisions_.end());
  return out;
}

}  // namespace granary::runtime
