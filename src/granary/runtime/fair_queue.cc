#include "granary/runtime/fair_queue.h"

#include <algorithm>
#include <cmath>

namespace granary::runtime {
namespace {

// A turn moves an account on by that at least: whoever's turns cost nothing still takes turns.
constexpr double kCostMin = 0.001;
constexpr double kNewestCounts = 0.25;  // Of the mean cost of a turn.
constexpr std::size_t kKeysBeforeForgetting = 64;

double WeightOf(const FairKey& key) {
  return std::isfinite(key.weight) ? std::max(key.weight, kWeightMin) : kWeightMin;
}

}  // namespace

FairQueue::Account& FairQueue::Of(const FairKey& key) {
  Account& account = accounts_[key.name];
  account.weight = WeightOf(key);
  if (account.line.empty() && account.turns == 0) account.used = std::max(account.used, now_);
  return account;
}

void FairQueue::Push(const FairKey& key, Ticket ticket) {
  Of(key).line.push_back(ticket);
  ++size_;
}

void FairQueue::Remove(const FairKey& key, Ticket ticket) {
  const auto found = accounts_.find(key.name);
  if (found == accounts_.end()) return;
  size_ -= found->second.line.remove(ticket);
  Forget();
}

FairQueue::Ticket FairQueue::Pop() {
  Account* first = nullptr;
  for (auto& [name, account] : accounts_) {
    if (!account.line.empty() && (first == nullptr || account.used < first->used)) first = &account;
  }
  if (first == nullptr) return nullptr;
  const Ticket ticket = first->line.front();
  first->line.pop_front();
  --size_;
  return ticket;
}

double FairQueue::Begin(const FairKey& key) {
  Account& account = Of(key);
  now_ = std::max(now_, account.used);
  const double charged = std::max(account.mean_cost, kCostMin);
  account.used += charged / account.weight;
  ++account.turns;
  ++turns_;
  return charged;
}

void FairQueue::End(const FairKey& key, double charged, double actual) {
  Account& account = accounts_[key.name];
  const double cost = std::isfinite(actual) ? std::max(actual, kCostMin) : kCostMin;
  account.used += (cost - charged) / account.weight;
  account.mean_cost += kNewestCounts * (cost - account.mean_cost);
  if (account.turns > 0) --account.turns;
  if (turns_ > 0) --turns_;
  // Nobody is there to be fair to: whoever comes next begins where the last one is.
  if (turns_ == 0 && size_ == 0) now_ = std::max(now_, account.used);
  Forget();
}

// Accounts that say no more than a new one would. Those that are ahead are kept until the others
// have caught up.
void FairQueue::Forget() {
  if (accounts_.size() < forget_at_) return;
  std::erase_if(accounts_, [this](const auto& entry) {
    const Account& account = entry.second;
    return account.line.empty() && account.turns == 0 && account.used <= now_;
  });
  forget_at_ = std::max(kKeysBeforeForgetting, 2 * accounts_.size());
}

}  // namespace granary::runtime
