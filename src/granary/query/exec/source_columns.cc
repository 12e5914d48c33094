#include "granary/query/exec/source_columns.h"

#include <fmt/format.h>

#include <algorithm>

#include "granary/base/wrong_places.h"
#include "granary/query/exec/common_type.h"

namespace granary::query {
namespace {

using Sources = std::vector<storage::SourceSnapshot>;

/// A member's name as a JSON Pointer writes it.
std::string PointerToken(std::string_view name) {
  std::string out = "/";
  for (const char c : name) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

/// Of the column: /filters/amount where the comparison is /filters/amount/gt.
std::string ColumnPointer(const Filter& compare) {
  if (compare.pointer.ends_with(PointerToken(compare.column))) return compare.pointer;
  return compare.pointer.substr(0, compare.pointer.rfind('/'));
}

bool KnowsColumns(const Filter& filter, const Sources& sources) {
  if (filter.kind == Filter::Kind::kCompare) return HasColumn(sources, filter.column);
  return std::ranges::all_of(filter.children,
                             [&](const Filter& child) { return KnowsColumns(child, sources); });
}

/// Why no source takes the comparison, if so.
Status CheckComparison(const Filter& compare, const Sources& sources) {
  if (!HasColumn(sources, compare.column))
    return UnknownColumn(ColumnPointer(compare), compare.column);
  Status first;
  for (const storage::SourceSnapshot& source : sources) {
    const auto bound = BindFilter(compare, *source.schema);
    if (bound.ok() && bound->has_value()) return Status::Ok();
    if (first.ok()) first = bound.status();
  }
  return first;
}

/// Every comparison that no source takes.
void FindWrong(const Filter& filter, const Sources& sources, WrongPlaces& wrong) {
  if (wrong.full()) return;
  if (filter.kind == Filter::Kind::kCompare) return wrong.Add(CheckComparison(filter, sources));
  for (const Filter& child : filter.children) FindWrong(child, sources, wrong);
}

/// `why` the filter is refused, unless more can be said of its comparisons one by one.
Status AllThatIsWrong(const Filter& filter, const Sources& sources, Status why) {
  WrongPlaces wrong;
  FindWrong(filter, sources, wrong);
  return wrong.any() ? wrong.Take() : why;
}

Status Widen(const DataType& type, const std::string& name, const std::string& pointer, bool& any,
             BoundColumn& column) {
  if (!any) {
    column.type = type;
    any = true;
    return Status::Ok();
  }
  const auto common = CommonType(column.type, type);
  if (!common) {
    return Status::Invalid(Code::kTypeMismatch, pointer,
                           fmt::format("\"{}\" is {} in one source and {} in another", name,
                                       column.type.ToString(), type.ToString()));
  }
  column.mixed_numbers =
      column.mixed_numbers || (column.type.IsNumeric() && column.type.IsFloat() != type.IsFloat());
  column.type = *common;
  return Status::Ok();
}

Predicate OfSequence(Predicate::Kind kind, std::uint64_t sequence) {
  Predicate leaf;
  leaf.kind = kind;
  leaf.column = kSequenceColumnId;
  leaf.type = TypeKind::kInt64;
  leaf.values = {static_cast<std::int64_t>(sequence)};
  return leaf;
}

/// Leaves out what a snapshot's segments hold and the snapshot does not; hot rows are cut already.
std::optional<Predicate> BoundsOf(const storage::SourceSnapshot& source) {
  bool below = false, above = false;
  for (const auto& segment : source.segments) {
    below = below || segment->meta().min_sequence <= source.after_sequence;
    above = above || segment->meta().max_sequence > source.visible_sequence;
  }
  std::vector<Predicate> bounds;
  if (below) bounds.push_back(OfSequence(Predicate::Kind::kGreater, source.after_sequence));
  if (above) bounds.push_back(OfSequence(Predicate::Kind::kLessEqual, source.visible_sequence));
  if (bounds.empty()) return std::nullopt;
  return Predicate::And(std::move(bounds));
}

/// That a source's column is of a type to which the filter's literal or operator means nothing.
bool IsOfAnotherType(const Status& status) {
  return status.code() == Code::kInvalidLiteral || status.code() == Code::kTypeMismatch;
}

bool AnyTakes(const Filter& filter, const Sources& sources) {
  return std::any_of(sources.begin(), sources.end(), [&](const storage::SourceSnapshot& source) {
    const auto predicate = BindFilter(filter, *source.schema);
    return predicate.ok() && predicate->has_value();
  });
}

Predicate AndBoth(std::optional<Predicate> bounds, Predicate filter) {
  if (!bounds) return filter;
  std::vector<Predicate> both;
  both.push_back(std::move(*bounds));
  both.push_back(std::move(filter));
  return Predicate::And(std::move(both));
}

}  // namespace

bool HasColumn(const Sources& sources, const std::string& name) {
  return std::any_of(sources.begin(), sources.end(), [&](const storage::SourceSnapshot& source) {
    return ResolveColumn(*source.schema, name).has_value();
  });
}

Status UnknownColumn(const std::string& pointer, const std::string& name) {
  return Status::Invalid(Code::kUnknownColumn, pointer,
                         fmt::format("no source of the request has a column \"{}\"", name));
}

DataType TypeOf(const ColumnRef& ref) {
  return ref.path.empty() ? ref.type : DataType(TypeKind::kJson);
}

Result<std::vector<BoundSource>> BindSources(const std::optional<Filter>& filter,
                                             const Sources& sources) {
  return BindSources(filter, sources, sources);
}

Result<std::vector<BoundSource>> BindSources(const std::optional<Filter>& filter,
                                             const Sources& sources, const Sources& known) {
  if (filter && !KnowsColumns(*filter, known))
    return AllThatIsWrong(*filter, known, Status::Internal("a column that no source has"));
  std::vector<BoundSource> bound;
  for (const storage::SourceSnapshot& source : sources) {
    BoundSource one{&source, BoundsOf(source)};
    if (filter) {
      auto predicate = BindFilter(*filter, *source.schema);
      if (!predicate.ok()) {
        if (IsOfAnotherType(predicate.status()) && AnyTakes(*filter, known)) continue;
        return AllThatIsWrong(*filter, known, predicate.status());
      }
      if (!*predicate) continue;
      one.predicate = AndBoth(std::move(one.predicate), std::move(**predicate));
    }
    bound.push_back(std::move(one));
  }
  return bound;
}

Result<BoundColumn> BindColumn(const std::string& name, const std::string& pointer,
                               const std::vector<BoundSource>& bound, const Sources& sources) {
  if (!HasColumn(sources, name)) return UnknownColumn(pointer, name);
  BoundColumn column;
  bool any = false;
  for (const BoundSource& source : bound) {
    column.refs.push_back(ResolveColumn(*source.snapshot->schema, name));
    if (column.refs.back())
      GRANARY_TRY(Widen(TypeOf(*column.refs.back()), name, pointer, any, column));
  }
  for (const storage::SourceSnapshot& source : sources) {
    if (any) break;  // Only nulls contribute: of the type that the others know.
    if (const auto ref = ResolveColumn(*source.schema, name))
      GRANARY_TRY(Widen(TypeOf(*ref), name, pointer, any, column));
  }
  return column;
}

}  // namespace granary::query
