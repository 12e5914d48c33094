// MemoryBudget: one node of the tree that says who holds how much memory: process > tenant > hot
// tier, caches, queries (one child each), writes. Pure accounting: it allocates nothing.
//
// Promise    what TryReserve grants never takes a budget, or any above it, past its limit. Add
//            counts what is there already and may pass it; TryReserve then refuses until it is
//            released.
// Cost       one compare-and-swap a level. Reserve in coarse steps (MemoryReservation does).
// Caches     give memory back before anyone is refused: see Reclaimer. Who can make room, but not at
//            once, is asked by those who wait: see Presser and memory_wait.h.
// Unnamed    what is taken and reserved by nobody (the program itself) is told by NoteUnnamed; what
//            of it never went away is nobody's to give back.
// Threads    fully safe. A budget outlives its children, reservations and reclaimers.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <utility>

#include "granary/base/status.h"

namespace granary::runtime {

/// Whether a refusal counts: whoever is refused and asks again, and again, is refused once.
enum class Refusals : std::uint8_t { kCounted, kRepeated };

class MemoryBudget {
 public:
  static constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};

  explicit MemoryBudget(std::string name, std::uint64_t limit_bytes = kNoLimit,
                        MemoryBudget* parent = nullptr);
  ~MemoryBudget();
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  /// Reserves here and in every budget above. Otherwise nothing is reserved, and the budget whose
  /// limit is in the way is returned. Asks the caches below that one first.
  const MemoryBudget* TryReserve(std::uint64_t bytes, Refusals count = Refusals::kCounted);
  /// The same, but what is refused is counted past the limits as long as this budget holds no more
  /// than kSmallBytes with it: so that what is small gets as far as a line to wait in.
  const MemoryBudget* TryReserveSmall(std::uint64_t bytes);
  static constexpr std::uint64_t kSmallBytes = 1u << 20;
  /// Reserves whatever the limits are.
  void Add(std::uint64_t bytes);
  void Release(std::uint64_t bytes);

  const std::string& name() const { return name_; }
  std::uint64_t limit() const { return limit_; }
  /// The lowest limit here and above: what can be had at most.
  std::uint64_t reach() const;
  /// reach() without what nobody can give back: more is never had, even if nobody else held any.
  std::uint64_t room() const { return tightest().own_room(); }
  /// So much of what is reserved here belongs to nobody by name. The least ever told is taken to be
  /// there for good.
  void NoteUnnamed(std::uint64_t bytes);
  std::uint64_t unnamed() const { return unnamed_.load(std::memory_order_relaxed); }
  std::uint64_t reserved() const { return reserved_.load(std::memory_order_relaxed); }
  std::uint64_t peak() const { return peak_.load(std::memory_order_relaxed); }
  /// True when the parent holds nothing besides this.
  bool IsAlone() const { return parent_ == nullptr || parent_->reserved() <= reserved(); }
  /// How often this limit was in the way of somebody.
  std::uint64_t refusals() const { return refusals_.load(std::memory_order_relaxed); }

  /// A cache's offer to let go of memory that is reserved in `of`, while this lives: `give_back` is
  /// told how many bytes are wanted, releases what it can and says how much that was. It is called
  /// from any thread, one at a time a budget, and reserves nothing itself.
  class Reclaimer {
   public:
    using GiveBackFn = std::function<std::uint64_t(std::uint64_t bytes)>;
    Reclaimer() = default;
    Reclaimer(MemoryBudget& of, GiveBackFn give_back);
    ~Reclaimer();
    Reclaimer(const Reclaimer&) = delete;
    Reclaimer& operator=(const Reclaimer&) = delete;

   private:
    friend class MemoryBudget;
    MemoryBudget* of_ = nullptr;
    GiveBackFn give_back_;
  };

  /// Asks the caches below this budget for `bytes`; returns how many they gave.
  std::uint64_t Reclaim(std::uint64_t bytes);

  /// An offer to make room in `of`, while this lives, by work that takes a while: `holds` says how
  /// much there is to be had, `begin` has the work begun and does not wait for it. Both are called
  /// from any thread, again and again as long as somebody waits, and reserve nothing.
  class Presser {
   public:
    using HoldsFn = std::function<std::uint64_t()>;
    using BeginFn = std::function<void(std::uint64_t bytes)>;
    Presser(MemoryBudget& of, HoldsFn holds, BeginFn begin);
    ~Presser();
    Presser(const Presser&) = delete;
    Presser& operator=(const Presser&) = delete;

   private:
    friend class MemoryBudget;
    MemoryBudget& of_;
    HoldsFn holds_;
    BeginFn begin_;
  };

  /// Somebody waits for `bytes` that this budget refuses: those below that hold most are asked,
  /// until what they hold makes so much.
  void Press(std::uint64_t bytes) const;

  /// Returns when something in this tree was released, or after `at_most`.
  void WaitForRelease(std::chrono::milliseconds at_most);

 private:
  friend Status NeverFits(const MemoryBudget& budget, std::uint64_t bytes, std::uint64_t room);
  std::uint64_t own_room() const;
  const MemoryBudget& tightest() const;  ///< Which has the least room, here or above.
  MemoryBudget* Charge(std::uint64_t bytes);
  bool AddWithinLimit(std::uint64_t bytes);
  void NotePeak(std::uint64_t now);
  MemoryBudget& root();

  const std::string name_;
  const std::uint64_t limit_;
  MemoryBudget* const parent_;
  std::atomic<std::uint64_t> reserved_ = 0;
  std::atomic<std::uint64_t> peak_ = 0;
  std::atomic<std::uint64_t> refusals_ = 0;

  std::mutex reclaim_mutex_;  ///< Held while caches are asked, so that none goes away meanwhile.
  std::list<Reclaimer*> reclaimers_;  ///< Of the caches below.

  mutable std::mutex press_mutex_;  ///< As above.
  std::list<Presser*> pressers_;

  std::atomic<std::uint64_t> unnamed_ = 0;
  std::atomic<std::uint64_t> unnamed_least_ = kNoLimit;  ///< Of all that was told.

  std::atomic<std::uint32_t> waiting_ = 0;  ///< Of the root's.
  std::mutex release_mutex_;
  std::condition_variable released_;
  std::uint64_t releases_ = 0;
};

/// kOverloaded: says how much was asked for, what the limit is, who holds it and what to do.
Status OutOfMemory(const MemoryBudget& refused_by, std::uint64_t bytes);
/// kTooLarge: the same of `bytes` for which there is no room in `budget` or above it even if nobody
/// else holds any, but for `room` (its own, or what was seen to be less).
Status NeverFits(const MemoryBudget& budget, std::uint64_t bytes, std::uint64_t room);

/// Bytes of a budget that one owner holds; given back on destruction.
///
/// Threads    one. The budget outlives it.
class MemoryReservation {
 public:
  /// It grows by steps of kSmallStepBytes, beyond kLargeStepBytes by those.
  static constexpr std::uint64_t kSmallStepBytes = 64u << 10;
  static constexpr std::uint64_t kLargeStepBytes = 1u << 20;

  MemoryReservation() = default;  ///< Of no budget: grows without limit, and counts nothing.
  explicit MemoryReservation(MemoryBudget* budget) : budget_(budget) {}
  MemoryReservation(MemoryReservation&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryReservation& operator=(MemoryReservation&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MemoryReservation() { ShrinkTo(0); }

  /// At least `bytes`, up to the next step. Null, or the budget that is in the way: then as before.
  const MemoryBudget* GrowTo(std::uint64_t bytes, Refusals count = Refusals::kCounted);
  /// At least `bytes`, whatever the limits are.
  void ForceTo(std::uint64_t bytes);
  /// At most a step above `bytes`.
  void ShrinkTo(std::uint64_t bytes);

  std::uint64_t bytes() const { return bytes_; }

 private:
  static std::uint64_t RoundUp(std::uint64_t bytes);

  MemoryBudget* budget_ = nullptr;
  std::uint64_t bytes_ = 0;
};

}  // namespace granary::runtime
