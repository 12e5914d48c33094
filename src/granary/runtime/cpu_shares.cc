#include "granary/runtime/cpu_shares.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <utility>

namespace granary::runtime {
namespace {

using Moment = std::chrono::steady_clock::time_point;
constexpr std::chrono::milliseconds kSlice{CpuShares::kSliceMs};
constexpr std::chrono::milliseconds kWaitMax{CpuShares::kWaitMaxMs};

}  // namespace

struct CpuShares::State {
  explicit State(std::function<std::size_t()> width_in) : width(std::move(width_in)) {}

  /// Of one share; under the mutex.
  struct Part {
    std::size_t slices = 0;  // That have not run out.
    std::size_t waiting = 0;
    bool IsThere() const { return slices > 0 || waiting > 0; }
  };
  struct Slice {
    std::shared_ptr<Part> part;
    Moment ends;
  };

  void Expire(Moment now) {
    while (!slices.empty() && slices.front().ends <= now) Drop(slices.begin());
  }
  void Drop(std::list<Slice>::iterator slice) {
    --slice->part->slices;
    Left(*slice->part);
    slices.erase(slice);
  }
  void Came(Part& part) {
    if (!part.IsThere()) ++parts;
  }
  void Left(Part& part) {
    if (!part.IsThere()) --parts;
  }

  bool MayCompute(const Part& part) const {
    if (parts <= 1) return true;
    const std::size_t all = std::max<std::size_t>(width(), 1);
    return part.slices < std::max<std::size_t>(all / parts, 1) || slices.size() < all;
  }

  const std::function<std::size_t()> width;
  std::mutex mutex;
  std::condition_variable ended;
  std::list<Slice> slices;  // In the order in which they end: all are as long.
  std::size_t parts = 0;    // That have or want slices.
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
    const Moment ends = Begin(now);
    own_slice.share = this;
    own_slice.ends = ends;
    own_slice.end = [state = state_, part = part_, ends] {
      const std::lock_guard lock(state->mutex);
      const auto is_it = [&](const State::Slice& s) { return s.part == part && s.ends == ends; };
      const auto slice = std::ranges::find_if(state->slices, is_it);
      if (slice == state->slices.end()) return;  // It has run out.
      state->Drop(slice);
      state->ended.notify_all();
    };
  }

 private:
  Moment Begin(Moment now) {
    State& state = *state_;
    std::unique_lock lock(state.mutex);
    state.Expire(now);
    state.Came(*part_);
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
    const Moment ends = now + kSlice;
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
