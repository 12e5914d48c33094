// CompactionRules: what somebody above a node says of merging its files, over the node's own
// settings; for all of its sources, and for single ones.
//
// Threads    the book is fully safe, the others are values.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "granary/base/daily_window.h"
#include "granary/base/ids.h"

namespace granary::storage {

struct CompactionOptions;

/// What is absent stays as the node has it.
struct CompactionRule {
  std::optional<bool> automatic;
  std::optional<std::int64_t> interval_us;
  std::optional<std::uint64_t> min_bytes, target_bytes, max_bytes;
  std::optional<DailyWindow> hours;
};

struct CompactionRules {
  CompactionRule others;  ///< Of sources that are not named.
  std::map<SourceId, CompactionRule> sources;
  /// Somebody else says when the interval of a source is over, so the node does not.
  bool timed_elsewhere = false;
};

class CompactionRuleBook {
 public:
  void Set(CompactionRules rules);
  /// `own` as the rules want it.
  CompactionOptions For(const SourceId& source, CompactionOptions own) const;
  /// Counts the calls of Set.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  std::shared_ptr<const CompactionRules> rules() const;

  std::atomic<std::uint64_t> version_ = 0;
  mutable std::mutex mutex_;
  std::shared_ptr<const CompactionRules> rules_;  // Null: nobody says anything.
};

}  // namespace granary::storage
