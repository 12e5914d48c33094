// CommitQueue: who waits for the log, and whose turn it is to write it. It knows nothing of files.
//
// Turn       at most one thread has the turn. A waiter that finds it free takes it, commits group
//            after group until its own frame is settled, then hands it to the first waiter whose
//            frame came in meanwhile. No thread of its own, so a lone writer never switches
//            threads.
// Promise    entries are committed in order of Push; their callbacks run in that order, one at a
//            time, each exactly once, before their waiters return. After a failed commit every
//            waiting and later entry gets the same error.
// Lock       held to link and unlink entries, never over a commit, a callback or an allocation of a
//            frame's size.
// Threads    fully safe. A callback must not wait for the queue.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

#include "granary/base/status.h"
#include "granary/storage/wal/wal_frame.h"

namespace granary::storage {

/// When the disk has to have a frame.
enum class WalSync : std::uint8_t {
  kBeforeAnswer,  ///< Before its writer hears of it.
  kLater,         ///< Its writer hears of it once it is written; somebody calls WalLane::Sync.
};

struct CommitEntry {
  WalFrame frame;
  WalSync sync = WalSync::kBeforeAnswer;
  std::uint32_t payload_crc = 0;
  std::size_t bytes = 0;  ///< In the file.
  std::function<void(const Status&)> on_commit;
  std::unique_ptr<CommitEntry> next;
};

/// A first-in first-out chain that owns its entries. Linking never allocates.
class CommitChain {
 public:
  CommitChain() = default;
  CommitChain(CommitChain&& other) noexcept { *this = std::move(other); }
  CommitChain& operator=(CommitChain&& other) noexcept;
  ~CommitChain();  ///< One by one: a long chain must not recurse.

  void Push(std::unique_ptr<CommitEntry> entry);
  /// Takes entries from the front while they make at most `bytes_max` together, but at least one.
  CommitChain TakeGroup(std::size_t bytes_max);
  void Append(CommitChain rest);

  const CommitEntry* first() const { return first_.get(); }
  CommitEntry* first() { return first_.get(); }
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return bytes_; }  ///< In the file.
  bool empty() const { return size_ == 0; }

 private:
  std::unique_ptr<CommitEntry> PopFront();

  std::unique_ptr<CommitEntry> first_;
  CommitEntry* last_ = nullptr;
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
};

class CommitQueue {
 public:
  using Ticket = std::uint64_t;  ///< From 1, in order of Push.
  /// Writes a group, and makes it durable where an entry asks for that. May take payloads out that
  /// are written. Called by one thread at a time.
  using CommitFn = std::function<Status(CommitChain& group)>;

  /// A group is at most `group_bytes_max` (one entry may be larger), to bound how long it keeps
  /// others waiting.
  CommitQueue(CommitFn commit, std::size_t group_bytes_max);
  ~CommitQueue();  ///< Entries nobody waited for get kUnavailable. No thread may wait.

  /// Fails with closed_by(), and then does not take the entry's callback.
  Result<Ticket> Push(std::unique_ptr<CommitEntry> entry);
  /// Returns once the entry's callback was called, with the status it got.
  Status Wait(Ticket ticket);

  /// Waits for the turn, commits what was pushed before, then runs `alone` while nobody commits. A
  /// failure of either closes the queue.
  Status RunAlone(const std::function<Status()>& alone);
  /// Push fails with `reason` from now on; what was pushed before is still committed. The first
  /// reason stays.
  void Refuse(Status reason);

  Status closed_by() const;

 private:
  struct Waiter;
  /// First in, first out; links the waiters themselves, which live on their threads' stacks.
  struct WaiterList {
    Waiter* first = nullptr;
    Waiter* last = nullptr;
    void Push(Waiter* waiter);
    Waiter* Pop();  ///< Null when empty.
  };

  bool IsSettled(Ticket ticket) const { return ticket <= settled_; }
  Status OutcomeOf(Ticket ticket) const;
  bool TakeTurn(std::unique_lock<std::mutex>& lock, Waiter& self);
  void CommitUntil(std::unique_lock<std::mutex>& lock, Ticket ticket, WaiterList& to_wake);
  void CommitGroup(std::unique_lock<std::mutex>& lock, WaiterList& to_wake);
  void FailAll(std::unique_lock<std::mutex>& lock, CommitChain group, const Status& failure,
               WaiterList& to_wake);
  void Settle(std::size_t entries, WaiterList& to_wake);
  void PassTurn(std::unique_lock<std::mutex>& lock, WaiterList& to_wake);
  static void WakeAll(WaiterList& settled);

  const CommitFn commit_;
  const std::size_t group_bytes_max_;

  mutable std::mutex mutex_;
  CommitChain pending_;
  Ticket last_ticket_ = 0;
  Ticket settled_ = 0;      // Callbacks up to here have run.
  Ticket failed_from_ = 0;  // Tickets from here on failed; 0: none.
  Status failure_;          // Of the first failed commit.
  Status refusal_;          // What Push answers; failure_ or a Refuse reason.
  bool turn_taken_ = false;
  WaiterList waiters_;
};

}  // namespace granary::storage
