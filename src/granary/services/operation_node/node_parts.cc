#include "granary/services/operation_node/node_parts.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "granary/io/clock.h"

namespace granary::operation {
namespace {

// A cancel token wakes nobody: whoever waits looks at it so often.
constexpr std::chrono::milliseconds kLookEvery{20};

std::int64_t NowNanos() { return io::SystemClock().MonotonicNanos(); }

runtime::CancelToken TokenBelow(const runtime::CancelToken& client) {
  const auto deadline_ns = client.deadline_ns();
  return deadline_ns ? runtime::CancelToken(*deadline_ns) : runtime::CancelToken();
}

}  // namespace

NodeParts::NodeParts(NodeLinks& links, std::vector<PartAsk> asks, NodePartsOptions options)
    : links_(links), options_(std::move(options)), start_ns_(NowNanos()) {
  for (PartAsk& ask : asks) {
    parts_.push_back(
        std::make_unique<Part>(std::move(ask), TokenBelow(options_.cancel), options_.memory));
  }
  for (std::size_t i = 0; i < parts_.size(); ++i)
    parts_[i]->thread = std::thread([this, i] { Run(i); });
}

NodeParts::~NodeParts() {
  for (const auto& part : parts_) part->cancel.Cancel();
  changed_.notify_all();
  for (const auto& part : parts_) part->thread.join();
}

void NodeParts::Run(std::size_t at) {
  Part& part = *parts_[at];
  const Status status = Read(at);
  {
    const std::lock_guard lock(mutex_);
    part.ended = true;
    part.failure = status;
    part.ended_ns = NowNanos();
  }
  changed_.notify_all();
}

Status NodeParts::Read(std::size_t at) {
  Part& part = *parts_[at];
  GRANARY_TRY(TakeTurn(part.cancel));
  bool at_work = true;
  const auto rest = [&] {
    if (std::exchange(at_work, false)) GiveTurn();
  };
  const auto run = [&]() -> Status {
    GRANARY_ASSIGN(const auto answer,
                   links_.Ask(part.ask.target, api::EncodePartRequest(part.ask.request),
                              options_.passed, part.cancel));
    api::PartReader reader(
        [&answer](std::span<char> out) -> Result<std::size_t> { return answer->Read(out); },
        part.ask.target.tenant, options_.node_bytes_max);
    while (true) {
      GRANARY_ASSIGN(api::PartFrame frame, reader.Next());
      const auto* states = std::get_if<api::PartStates>(&frame);
      if (states != nullptr && options_.on_states) {
        GRANARY_TRY(options_.on_states(at, states->page));
        continue;
      }
      const bool is_last = std::holds_alternative<api::PartEnd>(frame);
      if (is_last || std::holds_alternative<api::PartRows>(frame)) rest();
      GRANARY_TRY(Push(part, {std::move(frame), reader.frame_bytes()}));
      if (!is_last) continue;
      // The end of the body behind it leaves the connection as it should be for the next.
      char more = 0;
      GRANARY_ASSIGN(const std::size_t got, answer->Read({&more, 1}));
      return got == 0 ? Status::Ok()
                      : Status::Corruption("its node's answer goes on behind its end");
    }
  };
  const Status status = run();
  rest();
  return status;
}

Status NodeParts::TakeTurn(const runtime::CancelToken& cancel) {
  std::unique_lock lock(mutex_);
  while (at_work_ >= options_.at_once) {
    GRANARY_TRY(cancel.Check());
    changed_.wait_for(lock, kLookEvery);
  }
  ++at_work_;
  return cancel.Check();
}

void NodeParts::GiveTurn() {
  {
    const std::lock_guard lock(mutex_);
    --at_work_;
  }
  changed_.notify_all();
}

Status NodeParts::Push(Part& part, Item item) {
  std::unique_lock lock(mutex_);
  while (true) {
    GRANARY_TRY(part.cancel.Check());
    const std::uint64_t bytes = part.queued_bytes + item.bytes;
    if (part.queue.empty() || bytes <= options_.node_bytes_max) {
      const runtime::MemoryBudget* refused_by = part.held.GrowTo(bytes);
      if (refused_by == nullptr) break;
      // With nothing in the queue, nobody would make room.
      if (part.queue.empty()) return runtime::OutOfMemory(*refused_by, bytes);
    }
    changed_.wait_for(lock, kLookEvery);
  }
  part.queued_bytes += item.bytes;
  part.queue.push_back(std::move(item));
  lock.unlock();
  changed_.notify_all();
  return Status::Ok();
}

Result<api::PartFrame> NodeParts::Next(std::size_t at) {
  Part& part = *parts_[at];
  std::unique_lock lock(mutex_);
  while (!IsReady(part)) {
    GRANARY_TRY(client());
    changed_.wait_for(lock, kLookEvery);
  }
  if (part.queue.empty()) {
    GRANARY_TRY(client());
    return part.failure.ok() ? Status::Internal("a part of a query was read beyond its end")
                             : part.failure;
  }
  Item item = std::move(part.queue.front());
  part.queue.pop_front();
  part.queued_bytes -= item.bytes;
  part.held.ShrinkTo(part.queued_bytes);
  lock.unlock();
  changed_.notify_all();
  return std::move(item.frame);
}

Result<std::size_t> NodeParts::WaitAny(const std::vector<std::size_t>& some) {
  std::unique_lock lock(mutex_);
  while (true) {
    const auto ready =
        std::ranges::find_if(some, [&](std::size_t at) { return IsReady(*parts_[at]); });
    if (ready != some.end()) return *ready;
    GRANARY_TRY(client());
    changed_.wait_for(lock, kLookEvery);
  }
}

double NodeParts::MillisOf(std::size_t at) const {
  const std::lock_guard lock(mutex_);
  const std::int64_t ended_ns = parts_[at]->ended_ns;
  return static_cast<double>((ended_ns == 0 ? NowNanos() : ended_ns) - start_ns_) / 1e6;
}

}  // namespace granary::operation
