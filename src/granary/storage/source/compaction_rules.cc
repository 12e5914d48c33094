#include "granary/storage/source/compaction_rules.h"

#include <algorithm>
#include <utility>

#include "granary/storage/source/store.h"

namespace granary::storage {

void CompactionRuleBook::Set(CompactionRules rules) {
  const std::lock_guard lock(mutex_);
  rules_ = std::make_shared<const CompactionRules>(std::move(rules));
  version_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const CompactionRules> CompactionRuleBook::rules() const {
  if (version() == 0) return nullptr;
  const std::lock_guard lock(mutex_);
  return rules_;
}

CompactionOptions CompactionRuleBook::For(const SourceId& source, CompactionOptions own) const {
  const auto all = rules();
  if (all == nullptr) return own;
  const auto named = all->sources.find(source);
  const CompactionRule& rule = named == all->sources.end() ? all->others : named->second;
  own.timed = !all->timed_elsewhere;
  own.automatic = rule.automatic.value_or(own.automatic);
  own.interval_us = std::max<std::int64_t>(rule.interval_us.value_or(own.interval_us), 1);
  own.min_bytes = rule.min_bytes.value_or(own.min_bytes);
  own.target_bytes = rule.target_bytes.value_or(own.target_bytes);
  own.max_bytes = rule.max_bytes.value_or(own.max_bytes);
  own.hours = rule.hours.value_or(own.hours);
  return own;
}

}  // namespace granary::storage
