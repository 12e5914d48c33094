#include "granary/query/exec/rewound_search.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include <algorithm>

#include "granary/types/widening.h"

namespace granary::query {
namespace {

using Sources = std::vector<storage::SourceSnapshot>;

Status ColumnExpired(const storage::SourceSnapshot& source, const ColumnRef& column,
                     std::string_view why) {
  return {Code::kCursorExpired,
          fmt::format("the schema of source \"{}\" changed since the cursor's search began: \"{}\" "
                      "was {}; search again without a cursor",
                      source.id.str(), column.name, why)};
}

bool IsLost(const storage::SourceSnapshot& source, ColumnId id) {
  return std::ranges::find(source.lost, id) != source.lost.end();
}

Status CheckName(const std::string& name, const storage::SourceSnapshot& source) {
  const auto ref = ResolveColumn(*source.schema, name);
  if (!ref || !IsLost(source, ref->id)) return Status::Ok();
  return ColumnExpired(source, *ref, "dropped");
}

Status CheckFilter(const Filter& filter, const storage::SourceSnapshot& source) {
  for (const Filter& child : filter.children) GRANARY_TRY(CheckFilter(child, source));
  if (filter.kind != Filter::Kind::kCompare) return Status::Ok();
  GRANARY_TRY(CheckName(filter.column, source));
  const auto ref = ResolveColumn(*source.schema, filter.column);
  const Column* then = ref && source.shown ? source.shown->FindId(ref->id) : nullptr;
  const bool rounds_otherwise =
      then != nullptr && then->type.kind() == TypeKind::kFloat32 && then->type != ref->type;
  return rounds_otherwise ? ColumnExpired(source, *ref, "float32") : Status::Ok();
}

const storage::SourceSnapshot* FindSource(const Sources& sources, const SourceId& id) {
  const auto at = std::ranges::find(sources, id, &storage::SourceSnapshot::id);
  return at == sources.end() ? nullptr : &*at;
}

/// The rows with the columns that are of another type by now as they were.
Result<ResultBatch> Narrowed(const ResultBatch& rows, const Schema& then) {
  ResultBatch out = rows;
  for (std::size_t i = 0; i < out.columns.size(); ++i) {
    Column& column = out.columns[i];
    const Column* old = then.FindId(column.id);
    const bool is_path = old != nullptr && old->type.kind() == TypeKind::kJson;
    if (old == nullptr || is_path || old->type == column.type) continue;
    const auto at = static_cast<int>(i);
    GRANARY_ASSIGN(auto array, NarrowArray(out.batch->column(at), column.type, old->type));
    auto changed = out.batch->SetColumn(at, arrow::field("", array->type()), array);
    if (!changed.ok()) return Status::Internal(changed.status().ToString());
    out.batch = changed.MoveValueUnsafe();
    column.type = old->type;
  }
  return out;
}

}  // namespace

Status CheckRewound(const SearchRequest& request, const Sources& sources) {
  for (const storage::SourceSnapshot& source : sources) {
    if (source.shown == nullptr && source.lost.empty()) continue;
    for (const std::string& name : request.columns) GRANARY_TRY(CheckName(name, source));
    for (const OrderBy& order : request.order_by) GRANARY_TRY(CheckName(order.column, source));
    if (request.filter) GRANARY_TRY(CheckFilter(*request.filter, source));
    if (!request.columns.empty()) continue;
    for (const Column& column : source.schema->columns())
      GRANARY_TRY(CheckName(column.name, source));
  }
  return Status::Ok();
}

SearchSink AsShownThen(const Sources& sources, const SearchSink& sink) {
  const bool as_it_is = std::ranges::all_of(
      sources, [](const storage::SourceSnapshot& source) { return source.shown == nullptr; });
  if (as_it_is) return [&sink](const ResultBatch& rows) { return sink(rows); };
  return [&sources, &sink](const ResultBatch& rows) -> Status {
    const storage::SourceSnapshot* source = FindSource(sources, rows.source);
    if (source == nullptr || source->shown == nullptr) return sink(rows);
    GRANARY_ASSIGN(const ResultBatch narrowed, Narrowed(rows, *source->shown));
    return sink(narrowed);
  };
}

}  // namespace granary::query
