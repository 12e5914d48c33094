// ColumnCache: decoded columns of row groups, within a budget of bytes. What is asked for a second
// time outlives what was asked for once, so that one large scan does not empty it.
//
// Source     segmented LRU: Karedla, Love, Wherry, "Caching strategies to improve disk system
//            performance", IEEE Computer 27(3), 1994.
// Threads    fully safe.
#pragma once

#include <compare>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include <arrow/type_fwd.h>

#include "granary/base/ids.h"
#include "granary/runtime/memory_budget.h"
#include "granary/types/schema.h"

namespace granary::storage {

class ColumnCache {
 public:
  struct Key {
    SegmentId segment;
    int row_group = 0;
    ColumnId column = 0;
    std::uint32_t schema_version = 0;  ///< The column is in that version's type.
    /// Of the row group these rows alone, which some of its pages hold; 0 rows: all of it.
    std::int64_t first_row = 0, rows = 0;
    auto operator<=>(const Key&) const = default;
  };

  /// `parent`, when there is one, counts what is held here and outlives this; what it is asked for
  /// beyond its limit is taken from here first.
  explicit ColumnCache(std::uint64_t bytes_max, runtime::MemoryBudget* parent = nullptr);
  ~ColumnCache();

  /// Null when it is not here.
  std::shared_ptr<arrow::Array> Find(const Key& key);
  void Insert(const Key& key, std::shared_ptr<arrow::Array> column);
  /// Find without its effects: for those who only want to know what a read would cost.
  bool Contains(const Key& key) const;
  /// Drops all columns of a segment that is gone.
  void Forget(SegmentId segment);

  std::uint64_t bytes() const;

 private:
  struct Entry {
    Key key;
    std::shared_ptr<arrow::Array> column;
    std::uint64_t bytes = 0;
    bool is_protected = false;  ///< It was asked for again.
  };
  using Entries = std::list<Entry>;  // The most recently used first.
  struct Part {
    Entries entries;
    std::uint64_t bytes = 0;
  };

  void MoveToFront(Entries::iterator entry, Part& from, Part& to);
  void Erase(Entries::iterator entry, Entries& dropped);
  void EraseOldest(Entries& dropped);
  void MakeRoom(std::uint64_t bytes);
  /// Drops the oldest until `bytes` are free; returns how many that made.
  std::uint64_t GiveBack(std::uint64_t bytes);
  Part& PartOf(const Entry& entry) { return entry.is_protected ? protected_ : probation_; }

  const std::uint64_t bytes_max_;
  mutable std::mutex mutex_;
  Part probation_;
  Part protected_;
  std::map<Key, Entries::iterator> by_key_;
  runtime::MemoryBudget budget_;
  std::optional<runtime::MemoryBudget::Reclaimer> reclaimer_;
};

}  // namespace granary::storage
