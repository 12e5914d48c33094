#include "granary/storage/memtable/hot_order.h"

#include <arrow/array.h>

#include <algorithm>

#include "granary/storage/index/index_key.h"
#include "granary/storage/index/row_key_sort.h"

namespace granary::storage {
namespace {

// So many rows may have come since: looking at them costs less than sorting, and sorting anew after
// a 16th more costs each row a constant.
constexpr std::int64_t kNewestMin = 64;
constexpr std::int64_t kNewestPart = 16;

bool HasNumberKeys(const arrow::Array& values) {
  switch (values.type_id()) {
    case arrow::Type::DECIMAL128:
    case arrow::Type::FIXED_SIZE_BINARY:
    case arrow::Type::STRING:
    case arrow::Type::BINARY: return false;
    default: return true;
  }
}

std::vector<std::uint32_t> SortedRows(const arrow::Array& values) {
  std::vector<std::uint32_t> rows;
  if (HasNumberKeys(values)) {
    std::vector<RowKey> keys;
    AppendNumbers(values, 0, keys);
    SortRowKeys(keys);
    for (const RowKey& key : keys) rows.push_back(key.row);
    return rows;
  }
  BytesKeys keys;
  keys.Append(values, 0);
  keys.Sort();
  for (const BytesKeys::Entry& entry : keys.entries) rows.push_back(entry.row);
  return rows;
}

std::string OrderKeyOf(const Value& value) {
  std::string key;
  AppendOrderKey(value, key);
  return key;
}

}  // namespace

void HotOrder::CatchUp(const Values& values) {
  const std::int64_t known = sorted_ == nullptr ? 0 : sorted_->length();
  if (values->length() - known <= std::max(kNewestMin, known / kNewestPart)) return;
  rows_ = SortedRows(*values);
  sorted_ = values;
}

std::string HotOrder::KeyAt(std::uint32_t row) const { return OrderKeyOf(ValueAt(*sorted_, row)); }

HotOrder::Place HotOrder::NotBelow(const std::string& key) const {
  return std::partition_point(rows_.begin(), rows_.end(),
                              [&](std::uint32_t row) { return KeyAt(row) < key; });
}

HotOrder::Place HotOrder::Above(const std::string& key, bool and_longer) const {
  return std::partition_point(rows_.begin(), rows_.end(), [&](std::uint32_t row) {
    const std::string at = KeyAt(row);
    return at <= key || (and_longer && at.starts_with(key));
  });
}

bool HotOrder::Name(Place begin, Place end, const arrow::Array& values, std::size_t rows_max,
                    Rows& rows) const {
  const std::size_t before = rows.size();
  const std::int64_t known = sorted_ == nullptr ? 0 : sorted_->length();
  const auto add = [&](std::int64_t row) {
    if (row >= values.length()) return true;  // Of a later view.
    if (rows.size() - before == rows_max) return false;
    rows.push_back(static_cast<std::int32_t>(row));
    return true;
  };
  bool named = std::all_of(begin, end, add);
  for (std::int64_t row = known; row < values.length() && named; ++row) named = add(row);
  if (!named) rows.resize(before);
  return named;
}

bool HotOrder::FindRange(const Values& values, const Value& low, const Value& high,
                         std::size_t rows_max, Rows& rows) {
  CatchUp(values);
  const Place begin = IsNull(low) ? rows_.begin() : NotBelow(OrderKeyOf(low));
  const Place end = IsNull(high) ? rows_.end() : Above(OrderKeyOf(high), /*and_longer=*/false);
  if (end < begin) return Name(end, end, *values, rows_max, rows);
  return Name(begin, end, *values, rows_max, rows);
}

bool HotOrder::FindPrefix(const Values& values, const std::string& prefix, std::size_t rows_max,
                          Rows& rows) {
  CatchUp(values);
  const std::string key = OrderKeyOf(Value(prefix));
  return Name(NotBelow(key), Above(key, /*and_longer=*/true), *values, rows_max, rows);
}

bool HotOrder::FindFirst(const Values& values, KeyOrder order, std::size_t count,
                         std::size_t rows_max, Rows& rows) {
  CatchUp(values);
  std::size_t seen = 0;
  std::string last;
  const auto is_behind = [&](std::uint32_t row) {
    if (row >= values->length()) return false;
    if (seen < count) {
      if (++seen == count) last = KeyAt(row);
      return false;
    }
    return KeyAt(row) != last;
  };
  if (order == KeyOrder::kAscending) {
    const Place end = std::find_if(rows_.cbegin(), rows_.cend(), is_behind);
    return seen == count && Name(rows_.begin(), end, *values, rows_max, rows);
  }
  const Place begin = std::find_if(rows_.crbegin(), rows_.crend(), is_behind).base();
  return seen == count && Name(begin, rows_.end(), *values, rows_max, rows);
}

}  // namespace granary::storage
