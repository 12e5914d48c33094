#include "granary/storage/wal/commit_queue.h"

#include <condition_variable>
#include <limits>
#include <utility>

#include "granary/base/check.h"

namespace granary::storage {
namespace {

/// The ticket of one who wants the turn itself, not an entry: never settled by a group.
constexpr CommitQueue::Ticket kForTheTurn = std::numeric_limits<CommitQueue::Ticket>::max();

/// And frees the entries, which is why it is never called with the lock held.
void RunCallbacks(CommitChain group, const Status& status) {
  for (const CommitEntry* entry = group.first(); entry != nullptr; entry = entry->next.get()) {
    if (entry->on_commit) entry->on_commit(status);
  }
}

}  // namespace

CommitChain& CommitChain::operator=(CommitChain&& other) noexcept {
  while (!empty()) PopFront();
  first_ = std::move(other.first_);
  last_ = std::exchange(other.last_, nullptr);
  size_ = std::exchange(other.size_, 0);
  bytes_ = std::exchange(other.bytes_, 0);
  return *this;
}

CommitChain::~CommitChain() {
  while (!empty()) PopFront();
}

void CommitChain::Push(std::unique_ptr<CommitEntry> entry) {
  CommitEntry* raw = entry.get();
  (last_ == nullptr ? first_ : last_->next) = std::move(entry);
  last_ = raw;
  ++size_;
  bytes_ += raw->bytes;
}

std::unique_ptr<CommitEntry> CommitChain::PopFront() {
  std::unique_ptr<CommitEntry> front = std::move(first_);
  first_ = std::move(front->next);
  bytes_ -= front->bytes;
  if (--size_ == 0) last_ = nullptr;
  return front;
}

CommitChain CommitChain::TakeGroup(std::size_t bytes_max) {
  CommitChain group;
  while (!empty() && (group.empty() || group.bytes() + first_->bytes <= bytes_max))
    group.Push(PopFront());
  return group;
}

void CommitChain::Append(CommitChain rest) {
  while (!rest.empty()) Push(rest.PopFront());
}

/// A thread that waits. It has its own lock, so that a woken group does not queue up on the
/// queue's.
struct CommitQueue::Waiter {
  enum class Call : std::uint8_t { kNone, kSettled, kTurn };

  explicit Waiter(Ticket waits_for) : ticket(waits_for) {}

  void Wake(Call now) {
    const std::lock_guard lock(mutex);
    call = now;
    woken.notify_one();
  }
  Call Park() {
    std::unique_lock lock(mutex);
    woken.wait(lock, [this] { return call != Call::kNone; });
    return call;
  }

  const Ticket ticket;
  Status outcome;  // Set before a wake with kSettled.
  Waiter* next = nullptr;
  std::mutex mutex;
  std::condition_variable woken;
  Call call = Call::kNone;
};

void CommitQueue::WaiterList::Push(Waiter* waiter) {
  waiter->next = nullptr;
  (last == nullptr ? first : last->next) = waiter;
  last = waiter;
}

CommitQueue::Waiter* CommitQueue::WaiterList::Pop() {
  Waiter* front = first;
  if (front == nullptr) return nullptr;
  first = front->next;
  if (first == nullptr) last = nullptr;
  return front;
}

CommitQueue::CommitQueue(CommitFn commit, std::size_t group_bytes_max)
    : commit_(std::move(commit)), group_bytes_max_(group_bytes_max) {}

CommitQueue::~CommitQueue() {
  GRANARY_CHECK(waiters_.first == nullptr && !turn_taken_);
  RunCallbacks(std::move(pending_),
               Status(Code::kUnavailable, "the log was dropped before it wrote this"));
}

Status CommitQueue::closed_by() const {
  const std::lock_guard lock(mutex_);
  return refusal_;
}

Status CommitQueue::OutcomeOf(Ticket ticket) const {
  return failed_from_ != 0 && ticket >= failed_from_ ? failure_ : Status::Ok();
}

Result<CommitQueue::Ticket> CommitQueue::Push(std::unique_ptr<CommitEntry> entry) {
  const std::lock_guard lock(mutex_);
  GRANARY_TRY(refusal_);
  pending_.Push(std::move(entry));
  return ++last_ticket_;
}

void CommitQueue::Refuse(Status reason) {
  const std::lock_guard lock(mutex_);
  if (refusal_.ok()) refusal_ = std::move(reason);
}

Status CommitQueue::Wait(Ticket ticket) {
  std::unique_lock lock(mutex_);
  GRANARY_CHECK(ticket != 0 && ticket <= last_ticket_, "ticket {} of {}", ticket, last_ticket_);
  if (IsSettled(ticket)) return OutcomeOf(ticket);
  Waiter self(ticket);
  if (!TakeTurn(lock, self)) return self.outcome;
  WaiterList to_wake;
  CommitUntil(lock, ticket, to_wake);
  const Status outcome = OutcomeOf(ticket);
  PassTurn(lock, to_wake);
  return outcome;
}

Status CommitQueue::RunAlone(const std::function<Status()>& alone) {
  std::unique_lock lock(mutex_);
  const Ticket before = last_ticket_;
  Waiter self(kForTheTurn);
  TakeTurn(lock, self);
  WaiterList to_wake;
  CommitUntil(lock, before, to_wake);
  Status outcome = failure_;
  if (outcome.ok()) {
    lock.unlock();
    WakeAll(to_wake);
    outcome = alone();
    lock.lock();
    if (!outcome.ok()) FailAll(lock, CommitChain(), outcome, to_wake);
  }
  PassTurn(lock, to_wake);
  return outcome;
}

/// True when the caller now has the turn, with the lock held; false, without it, once it is
/// settled.
bool CommitQueue::TakeTurn(std::unique_lock<std::mutex>& lock, Waiter& self) {
  if (!turn_taken_) {
    turn_taken_ = true;
    return true;
  }
  waiters_.Push(&self);
  lock.unlock();
  if (self.Park() == Waiter::Call::kSettled) return false;
  lock.lock();
  return true;
}

void CommitQueue::CommitUntil(std::unique_lock<std::mutex>& lock, Ticket ticket,
                              WaiterList& to_wake) {
  while (!IsSettled(ticket)) {
    if (to_wake.first != nullptr) {
      lock.unlock();
      WakeAll(to_wake);
      lock.lock();
    }
    CommitGroup(lock, to_wake);
  }
}

void CommitQueue::CommitGroup(std::unique_lock<std::mutex>& lock, WaiterList& to_wake) {
  CommitChain group = pending_.TakeGroup(group_bytes_max_);
  const std::size_t entries = group.size();
  lock.unlock();
  const Status status = commit_(group);
  if (status.ok()) RunCallbacks(std::move(group), status);
  lock.lock();
  if (status.ok()) {
    Settle(entries, to_wake);
  } else {
    FailAll(lock, std::move(group), status, to_wake);
  }
}

/// Closes the queue and gives everything that waits the same error, in order.
void CommitQueue::FailAll(std::unique_lock<std::mutex>& lock, CommitChain group,
                          const Status& failure, WaiterList& to_wake) {
  failure_ = failure;
  failed_from_ = settled_ + 1;
  refusal_ = failure;
  group.Append(std::move(pending_));
  const std::size_t entries = group.size();
  lock.unlock();
  RunCallbacks(std::move(group), failure);
  lock.lock();
  Settle(entries, to_wake);
}

/// Unlists those whose callbacks have run. They stay parked until they are woken.
void CommitQueue::Settle(std::size_t entries, WaiterList& to_wake) {
  settled_ += entries;
  WaiterList still;
  while (Waiter* waiter = waiters_.Pop()) {
    const bool settled = IsSettled(waiter->ticket);
    if (settled) waiter->outcome = OutcomeOf(waiter->ticket);
    (settled ? to_wake : still).Push(waiter);
  }
  waiters_ = still;
}

/// Wakes the next in turn first: the disk should not wait for a crowd to wake up.
void CommitQueue::PassTurn(std::unique_lock<std::mutex>& lock, WaiterList& to_wake) {
  Waiter* next = waiters_.Pop();
  turn_taken_ = next != nullptr;
  lock.unlock();
  if (next != nullptr) next->Wake(Waiter::Call::kTurn);
  WakeAll(to_wake);
}

/// A woken waiter is gone at once, so its link is read first.
void CommitQueue::WakeAll(WaiterList& settled) {
  while (Waiter* waiter = settled.Pop()) waiter->Wake(Waiter::Call::kSettled);
}

}  // namespace granary::storage
