#include "granary/runtime/cpu_shares.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <utility>
#include <vector>

namespace granary::runtime {
namespace {

using Moment = std::chrono::steady_clock::time_point;
constexpr std::chrono::milliseconds kSlice{CpuShares::kSliceMs};
constexpr std::chrono::milliseconds kWaitMax{CpuShares::kWaitMaxMs};
// A thread that does not come back when its slice is over still computes, or waits for something:
// so long it counts.
constexpr std::chrono::milliseconds kCounts{50};
constexpr std::chrono::milliseconds kStays{100};

}  // namespace

struct CpuShares::State {
  explicit State(std::function<std::size_t()> width_in) : width(std::move(width_in)) {}

  /// Of one share; under the mutex.
  struct Part {
    std::size_t slices = 0;  // That count.
    std::size_t waiting = 0;
    Moment last;  // When it had or wanted one.
  };
  struct Slice {
    std::shared_ptr<Part> part;
    Moment ends;
  };

  void Expire(Moment now) {
    while (!slices.empty() && slices.front().ends <= now) Drop(slices.begin(), now);
    // Who answers request after request has moments without any work: they are no reason for others
    // to come in with all they have.
    std::erase_if(there, [now](const std::shared_ptr<Part>& part) {
      return part->slices == 0 && part->waiting == 0 && now - part->last > kStays;
    });
  }
  void Drop(std::list<Slice>::iterator slice, Moment now) {
    --slice->part->slices;
    slice->part->last = now;
    slices.erase(slice);
  }
  void Came(const std::shared_ptr<Part>& part, Moment now) {
    part->last = now;
    if (std::ranges::find(there, part) == there.end()) there.push_back(part);
  }

  bool MayCompute(const Part& part) const {
    if (there.size() <= 1) return true;
    const std::size_t all = std::max<std::size_t>(width(), 1);
    return part.slices < std::max<std::size_t>(all / there.size(), 1) || slices.size() < all;
  }

  const std::function<std::size_t()> width;
  std::mutex mutex;
  std::condition_variable ended;
  std::list<Slice> slices;  // In the order in which they end to count: all count as long.
  std::vector<std::shared_ptr<Part>> there;  // That have or want slices, or did a moment ago.
};

namespace {

/// Of this thread: whose slice it has, and until when.
struct OwnSlice {
  const void* share = nullptr;
  Moment ends;
  std::function<void()> end;
};
thread_local OwnSlice own_slice;

}  // namespace

class CpuShares::Share final : public Pacer {
 public:
  explicit Share(std::shared_ptr<State> state) : state_(std::move(state)) {}

  void Pace() override {
    const Moment now = std::chrono::steady_clock::now();
    if (own_slice.share == this && now < own_slice.ends) return;
    EndSlice();
    const Moment ends = Begin(now);
    own_slice.share = this;
    own_slice.ends = ends - kCounts + kSlice;
    own_slice.end = [state = state_, part = part_, ends] {
      const std::lock_guard lock(state->mutex);
      const auto is_it = [&](const State::Slice& s) { return s.part == part && s.ends == ends; };
      const auto slice = std::ranges::find_if(state->slices, is_it);
      if (slice == state->slices.end()) return;  // It has run out.
      state->Drop(slice, std::chrono::steady_clock::now());
      state->ended.notify_all();
    };
  }

 private:
  Moment Begin(Moment now) {
    State& state = *state_;
    std::unique_lock lock(state.mutex);
    state.Expire(now);
    state.Came(part_, now);
    ++part_->waiting;
    const Moment patience = now + kWaitMax;
    while (now < patience && !state.MayCompute(*part_)) {
      const Moment first = state.slices.empty() ? patience : state.slices.front().ends;
      state.ended.wait_until(lock, std::min(first, patience));
      now = std::chrono::steady_clock::now();
      state.Expire(now);
    }
    --part_->waiting;
    ++part_->slices;
    const Moment ends = now + kCounts;
    // Another thread may have looked at the clock later and taken the lock before.
    auto behind = state.slices.end();
    while (behind != state.slices.begin() && std::prev(behind)->ends > ends) --behind;
    state.slices.insert(behind, {part_, ends});
    return ends;
  }

  const std::shared_ptr<State> state_;
  const std::shared_ptr<State::Part> part_ = std::make_shared<State::Part>();
};

CpuShares::CpuShares(std::function<std::size_t()> width)
    : state_(std::make_shared<State>(std::move(width))) {}
CpuShares::~CpuShares() = default;

std::unique_ptr<Pacer> CpuShares::NewShare() { return std::make_unique<Share>(state_); }

void CpuShares::EndSlice() {
  if (own_slice.share == nullptr) return;
  own_slice.share = nullptr;
  if (const auto end = std::exchange(own_slice.end, nullptr)) end();
}

}  // namespace granary::runtime
