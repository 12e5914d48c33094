// FairQueue: who goes first among those that wait, so that each key (a tenant) gets a share of what
// is handed out by its weight, and nobody is starved, however many others bring or however long
// theirs take. Pure: no clock, no threads.
//
// How        start-time fair queueing: each key has an account of what it got, divided by its
//            weight; the key with the lowest one is next, and within a key who came first. What a
//            turn will cost is not known when it begins: the key's last turns are charged for it,
//            and the difference once it has ended. A key that was away begins where the others are:
//            what was not asked for is not saved up.
// Source     Goyal, Vin, Cheng: Start-time Fair Queueing, SIGCOMM 1996.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <string>

namespace granary::runtime {

struct FairKey {
  std::string name;
  double weight = 1;  ///< Not above zero, or not finite: the least there is, kWeightMin.
};

inline constexpr double kWeightMin = 0.001;

class FairQueue {
 public:
  using Ticket = void*;  ///< Of the caller's; told apart by identity.

  /// At the end of the key's line.
  void Push(const FairKey& key, Ticket ticket);
  /// Someone who gave up. Nothing when it is not there.
  void Remove(const FairKey& key, Ticket ticket);
  /// Takes out who is next; null when nobody waits. To be charged by Begin.
  Ticket Pop();

  /// A turn of `key` begins; returns what it was charged, for End. Also of those that found a free
  /// place and never waited.
  double Begin(const FairKey& key);
  /// It ended and did cost `actual`, in any unit as long as it is always the same.
  void End(const FairKey& key, double charged, double actual);

  std::size_t size() const { return size_; }
  /// Keys with somebody waiting, with a turn, or ahead of the others.
  std::size_t keys() const { return accounts_.size(); }

 private:
  struct Account {
    double weight = 1;
    double used = 0;       ///< What its turns cost, divided by the weight.
    double mean_cost = 0;  ///< Of its last turns.
    std::size_t turns = 0;
    std::list<Ticket> line;
  };
  Account& Of(const FairKey& key);
  void Forget();

  std::map<std::string, Account, std::less<>> accounts_;
  double now_ = 0;  ///< `used` of whoever began last.
  std::size_t size_ = 0;
  std::size_t turns_ = 0;      ///< Of all keys.
  std::size_t forget_at_ = 0;  ///< So many accounts are worth a look at which say nothing.
};

}  // namespace granary::runtime
