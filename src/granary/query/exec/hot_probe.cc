#include "granary/query/exec/hot_probe.h"

#include <arrow/record_batch.h>

#include <algorithm>

#include "granary/storage/index/index_key.h"
#include "granary/storage/stats/value_hash.h"

namespace granary::query {
namespace {

using HotRows = std::vector<std::int32_t>;

/// The column's place in the chunk; -1 when its keys there are not those of `type`.
int PlaceOf(ColumnId column, const DataType& type, const storage::HotChunk& chunk) {
  if (chunk.index == nullptr) return -1;  // Of a chunk that a snapshot cuts.
  const int at = chunk.schema->IndexOfId(column);
  if (at < 0) return -1;
  const DataType& stored = chunk.schema->columns()[static_cast<std::size_t>(at)].type;
  return storage::SharesKeys(stored, type) ? at : -1;
}

HotRows Ascending(HotRows rows) {
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return rows;
}

}  // namespace

std::optional<HotRows> FindByHash(const IndexQuestion& question, const storage::HotChunk& chunk,
                                  std::size_t rows_max) {
  const int at = PlaceOf(question.column, question.type, chunk);
  if (at < 0 || question.kind != IndexQuestion::Kind::kEqual) return std::nullopt;
  std::vector<std::uint64_t> hashes;
  for (const Value& value : question.values) hashes.push_back(storage::HashValue(value));
  HotRows rows;
  if (!chunk.index->Find(question.column, *chunk.batch->column(at), hashes, rows_max, rows))
    return std::nullopt;
  return Ascending(std::move(rows));
}

std::optional<HotRows> FindInOrder(const IndexQuestion& question, const storage::HotChunk& chunk,
                                   std::size_t rows_max) {
  const int at = PlaceOf(question.column, question.type, chunk);
  if (at < 0 || question.kind == IndexQuestion::Kind::kEqual) return std::nullopt;
  const auto values = chunk.batch->column(at);
  HotRows rows;
  const bool told = chunk.index->InOrder(question.column, [&](storage::HotOrder& order) {
    return question.kind == IndexQuestion::Kind::kPrefix
               ? order.FindPrefix(values, question.prefix, rows_max, rows)
               : order.FindRange(values, question.low, question.high, rows_max, rows);
  });
  if (!told) return std::nullopt;
  return Ascending(std::move(rows));
}

std::optional<HotRows> FirstInOrder(const Column& column, storage::KeyOrder direction,
                                    const storage::HotChunk& chunk, std::size_t count,
                                    std::size_t rows_max) {
  const int at = PlaceOf(column.id, column.type, chunk);
  if (at < 0 || count > rows_max) return std::nullopt;
  const auto values = chunk.batch->column(at);
  HotRows rows;
  const bool told = chunk.index->InOrder(column.id, [&](storage::HotOrder& order) {
    return order.FindFirst(values, direction, count, rows_max, rows);
  });
  if (!told) return std::nullopt;
  return Ascending(std::move(rows));
}

}  // namespace granary::query
