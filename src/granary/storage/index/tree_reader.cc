#include "granary/storage/index/tree_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace granary::storage {
namespace {

struct Place {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::optional<std::string> first_key = {};  ///< Where that is checked.
};

class TreeVisit {
 public:
  TreeVisit(const IndexFooterLayout& footer, const BlockFn& block, const KeyRange& range,
            KeyOrder order, const KeyVisitor& visit)
      : rows_(footer.rows), block_(block), range_(range), order_(order), visit_(visit) {}

  /// Children are held against the first keys that blocks above name.
  void CheckFirstKeys() { checks_first_keys_ = true; }

  /// False once the visitor has enough.
  Result<bool> Visit(const Place& place, int level) {
    if (!IsNext(place, level)) return Broken(place);
    const BlockRole role = level == 1 ? BlockRole::kLeaf : BlockRole::kInner;
    GRANARY_ASSIGN(const auto block, block_(place.offset, place.bytes, role));
    if (block->role() != role) return Broken(place);
    if (checks_first_keys_ && place.first_key && !BeginsWith(*block, *place.first_key))
      return Broken(place);
    return level == 1 ? VisitLeaf(*block, place) : VisitInner(*block, place, level);
  }

 private:
  bool IsBelow(std::string_view key) const { return range_.low && key < *range_.low; }
  bool IsAbove(std::string_view key) const { return range_.high && key > *range_.high; }

  static bool BeginsWith(const IndexBlock& block, std::string_view key) {
    BlockCursor cursor = block.First();
    return !cursor.done() && cursor.NextKey() && cursor.key() == key;
  }

  /// The blocks of a level lie in the file in order of their keys.
  bool IsNext(const Place& place, int level) {
    std::optional<std::uint64_t>& last = last_[static_cast<std::size_t>(level)];
    const bool is_next =
        !last || (order_ == KeyOrder::kAscending ? place.offset > *last : place.offset < *last);
    last = place.offset;
    return is_next;
  }

  static Status Broken(const Place& place) {
    return Status::Corruption(fmt::format("the block at byte {} does not decode", place.offset));
  }

  BlockCursor Begin(const IndexBlock& block) const {
    return range_.low ? block.Before(*range_.low) : block.First();
  }

  Result<bool> VisitInner(const IndexBlock& block, const Place& place, int level) {
    std::vector<Place> children;
    BlockCursor cursor = Begin(block);
    while (!cursor.done()) {
      Place child;
      if (!cursor.NextKey() || !cursor.NextChild(child.offset, child.bytes)) return Broken(place);
      // Children come before their parents, so no chain of them is a circle.
      if (child.offset > place.offset || child.bytes > place.offset - child.offset)
        return Broken(place);
      // Keys below a child's first one are in those before it; one key may go over several.
      if (IsBelow(cursor.key())) children.clear();
      if (IsAbove(cursor.key())) break;
      if (checks_first_keys_) child.first_key.emplace(cursor.key());
      children.push_back(std::move(child));
    }
    if (order_ == KeyOrder::kDescending) std::reverse(children.begin(), children.end());
    for (const Place& child : children) {
      GRANARY_ASSIGN(const bool more, Visit(child, level - 1));
      if (!more) return false;
    }
    return true;
  }

  Result<bool> VisitLeaf(const IndexBlock& block, const Place& place) {
    struct Entry {
      std::string key;
      std::vector<std::uint32_t> rows;
    };
    std::vector<Entry> backward;
    std::vector<std::uint32_t> rows;
    BlockCursor cursor = Begin(block);
    while (!cursor.done()) {
      if (!cursor.NextKey()) return Broken(place);
      if (IsBelow(cursor.key())) {
        if (!cursor.SkipRows()) return Broken(place);
        continue;
      }
      if (IsAbove(cursor.key())) break;
      if (!cursor.NextRows(rows) || rows.back() >= rows_) return Broken(place);
      if (order_ == KeyOrder::kDescending) {
        backward.push_back({std::string(cursor.key()), rows});
      } else if (!visit_(cursor.key(), rows)) {
        return false;
      }
    }
    for (auto entry = backward.rbegin(); entry != backward.rend(); ++entry) {
      if (!visit_(entry->key, entry->rows)) return false;
    }
    return true;
  }

  const std::uint64_t rows_;                                            ///< Of the segment.
  std::array<std::optional<std::uint64_t>, kIndexLevelsMax + 1> last_;  ///< Visited, by level.
  const BlockFn& block_;
  const KeyRange& range_;
  const KeyOrder order_;
  const KeyVisitor& visit_;
  bool checks_first_keys_ = false;
};

}  // namespace

KeyRange PrefixRange(std::string_view prefix) {
  KeyRange range{std::string(prefix.substr(0, kIndexKeyMaxBytes)), std::nullopt};
  std::string high = *range.low;
  while (!high.empty() && high.back() == '\xFF') high.pop_back();
  if (high.empty()) return range;
  high.back() = static_cast<char>(static_cast<unsigned char>(high.back()) + 1);
  range.high = std::move(high);
  return range;
}

Status VisitTree(const IndexFooterLayout& footer, const BlockFn& block, const KeyRange& range,
                 KeyOrder order, const KeyVisitor& visit) {
  if (footer.levels == 0) return Status::Ok();
  return TreeVisit(footer, block, range, order, visit)
      .Visit({footer.root_offset, footer.root_bytes}, footer.levels)
      .status();
}

Status CheckTree(const IndexFooterLayout& footer, const BlockFn& block, const KeyVisitor& visit) {
  if (footer.levels == 0) return Status::Ok();
  const KeyRange all;
  TreeVisit check(footer, block, all, KeyOrder::kAscending, visit);
  check.CheckFirstKeys();
  return check.Visit({footer.root_offset, footer.root_bytes}, footer.levels).status();
}

}  // namespace granary::storage
