#include "granary/storage/memtable/hot_index.h"

#include <arrow/array.h>

#include <algorithm>
#include <bit>

#include "granary/storage/index/index_key.h"

namespace granary::storage {
namespace {

constexpr std::size_t kBucketsMin = 1024;

}  // namespace

void HotIndex::Table::Link(std::uint32_t position) {
  std::uint32_t& head = heads[entries[position].hash & (heads.size() - 1)];
  entries[position].next = head;
  head = position + 1;
}

void HotIndex::Table::CatchUp(const arrow::Array& values) {
  if (values.length() <= rows) return;
  std::vector<RowKey> fresh;
  AppendHashes(*values.Slice(rows), static_cast<std::uint32_t>(rows), fresh);
  auto position = static_cast<std::uint32_t>(entries.size());
  for (const RowKey& key : fresh)
    entries.push_back({static_cast<std::uint32_t>(key.key >> 32), key.row, 0});
  if (heads.size() < entries.size()) {
    heads.assign(std::max(kBucketsMin, std::bit_ceil(2 * entries.size())), 0);
    position = 0;
  }
  for (; position < entries.size(); ++position) Link(position);
  rows = values.length();
}

bool HotIndex::Find(ColumnId column, const arrow::Array& values,
                    std::span<const std::uint64_t> hashes, std::size_t rows_max,
                    std::vector<std::int32_t>& rows) {
  const std::size_t before = rows.size();
  const std::lock_guard lock(mutex_);
  Table& table = tables_[column];
  table.CatchUp(values);
  if (table.heads.empty()) return true;
  for (const std::uint64_t hash : hashes) {
    const auto wanted = static_cast<std::uint32_t>(hash >> 32);
    for (std::uint32_t at = table.heads[wanted & (table.heads.size() - 1)]; at != 0;
         at = table.entries[at - 1].next) {
      const Table::Entry& entry = table.entries[at - 1];
      if (entry.hash != wanted || entry.row >= values.length()) continue;
      if (rows.size() - before == rows_max) {
        rows.resize(before);
        return false;
      }
      rows.push_back(static_cast<std::int32_t>(entry.row));
    }
  }
  return true;
}

bool HotIndex::InOrder(ColumnId column, const std::function<bool(HotOrder& order)>& ask) {
  const std::lock_guard lock(mutex_);
  return ask(orders_[column]);
}

}  // namespace granary::storage
