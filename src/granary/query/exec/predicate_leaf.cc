#include "granary/query/exec/predicate_leaf.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/type.h>

#include <cstring>

#include "granary/json/json_path.h"
#include "granary/json/path_lanes.h"
#include "granary/query/exec/byte_mask.h"

namespace granary::query {
namespace {

using Kind = Predicate::Kind;

void AndValid(const arrow::Array& column, std::int64_t first, std::int64_t count,
              std::uint8_t* out) {
  if (column.null_count() == 0) return;
  if (column.type_id() == arrow::Type::NA) {
    std::memset(out, 0, static_cast<std::size_t>(count));
    return;
  }
  AndBits(column.null_bitmap_data(), column.offset() + first, count, out);
}

void Flip(std::int64_t count, std::uint8_t* out) {
  for (std::int64_t i = 0; i < count; ++i) out[i] ^= 1;
}

/// The wanted documents alone, so that parsing skips the others.
Result<std::shared_ptr<arrow::Array>> Gather(const arrow::StringArray& documents,
                                             std::int64_t first, std::int64_t count,
                                             const std::uint8_t* wanted) {
  arrow::StringBuilder builder;
  for (std::int64_t i = 0; i < count; ++i) {
    if (wanted[i] == 0) continue;
    const arrow::Status added = documents.IsNull(first + i)
                                    ? builder.AppendNull()
                                    : builder.Append(documents.GetView(first + i));
    if (!added.ok()) return Status::Internal(added.ToString());
  }
  std::shared_ptr<arrow::Array> gathered;
  if (const arrow::Status done = builder.Finish(&gathered); !done.ok())
    return Status::Internal(done.ToString());
  return gathered;
}

}  // namespace

bool PredicateLeaf::InJson() const {
  return !leaf_.path.empty() || (leaf_.type.kind() == TypeKind::kJson && !leaf_.json.empty());
}

Result<PredicateLeaf> PredicateLeaf::Make(const Predicate& leaf, Polarity polarity) {
  PredicateLeaf made(leaf, polarity);
  if (made.InJson() || leaf.kind == Kind::kIsNull || leaf.kind == Kind::kNotNullIs) return made;
  const DataType& type = leaf.type.kind() == TypeKind::kList ? leaf.type.element() : leaf.type;
  GRANARY_ASSIGN(made.check_, MakeValueCheck(leaf, type));
  return made;
}

bool PredicateLeaf::costly() const { return check_ == nullptr ? InJson() : check_->costly(); }

Status PredicateLeaf::Evaluate(const arrow::Array& column, std::int64_t first, std::int64_t count,
                               const std::uint8_t* wanted, std::uint8_t* out) const {
  const bool negated = polarity_ == Polarity::kNegated;
  if (InJson()) return EvaluateJson(column, first, count, wanted, out);
  if (leaf_.kind == Kind::kIsNull || leaf_.kind == Kind::kNotNullIs) {
    const bool not_null_holds = leaf_.kind == Kind::kNotNullIs ? leaf_.constant != negated : true;
    std::memset(out, not_null_holds ? 1 : 0, static_cast<std::size_t>(count));
    AndValid(column, first, count, out);
    if (leaf_.kind == Kind::kIsNull && !negated) Flip(count, out);
    return Status::Ok();
  }
  if (negated && leaf_.in_has_null) {  // not found is unknown, so NOT IN is never true
    std::memset(out, 0, static_cast<std::size_t>(count));
    return Status::Ok();
  }
  if (column.type_id() == arrow::Type::DICTIONARY) {
    CheckDictionary(column, first, count, out);
  } else if (leaf_.type.kind() == TypeKind::kList) {
    CheckList(column, first, count, out);
  } else {
    check_->Check(column, first, count, wanted, out);
  }
  if (negated) Flip(count, out);
  AndValid(column, first, count, out);
  return Status::Ok();
}

void PredicateLeaf::CheckDictionary(const arrow::Array& column, std::int64_t first,
                                    std::int64_t count, std::uint8_t* out) const {
  const auto& coded = static_cast<const arrow::DictionaryArray&>(column);
  const arrow::Array& entries = *coded.dictionary();
  const auto* codes = coded.indices()->data()->GetValues<std::int32_t>(1) + first;
  if (entries.length() > count) {  // More entries than rows: each row asks for itself.
    for (std::int64_t i = 0; i < count; ++i) {
      out[i] = 0;
      if (!column.IsNull(first + i)) check_->Check(entries, codes[i], 1, nullptr, out + i);
    }
    return;
  }
  ByteMask of_code(static_cast<std::size_t>(entries.length()) + 1, 0);
  check_->Check(entries, 0, entries.length(), nullptr, of_code.data());
  for (std::int64_t i = 0; i < count; ++i) {
    out[i] = column.IsNull(first + i) ? 0 : of_code[static_cast<std::size_t>(codes[i])];
  }
}

void PredicateLeaf::CheckList(const arrow::Array& column, std::int64_t first, std::int64_t count,
                              std::uint8_t* out) const {
  const auto& lists = static_cast<const arrow::ListArray&>(column);
  const std::int64_t begin = lists.value_offset(first);
  const std::int64_t elements = lists.value_offset(first + count) - begin;
  ByteMask holds(static_cast<std::size_t>(elements));
  check_->Check(*lists.values(), begin, elements, nullptr, holds.data());
  AndValid(*lists.values(), begin, elements, holds.data());
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t from = lists.value_offset(first + i) - begin;
    const std::int64_t to = lists.value_offset(first + i + 1) - begin;
    out[i] = AnySet(holds.data() + from, to - from);
  }
}

Status PredicateLeaf::EvaluateJson(const arrow::Array& column, std::int64_t first,
                                   std::int64_t count, const std::uint8_t* wanted,
                                   std::uint8_t* out) const {
  if (json::IsPathLanes(column)) {
    return json::EvaluateLanes(column, leaf_, polarity_ == Polarity::kPlain, first, count, wanted,
                               out);
  }
  std::shared_ptr<arrow::Array> documents = column.Slice(first, count);
  if (wanted != nullptr) {
    GRANARY_ASSIGN(documents,
                   Gather(static_cast<const arrow::StringArray&>(column), first, count, wanted));
  }
  GRANARY_ASSIGN(const auto outcome, json::EvaluatePath(*documents, leaf_));
  const auto& known = static_cast<const arrow::BooleanArray&>(*outcome);
  const bool looked_for = polarity_ == Polarity::kPlain;
  std::int64_t at = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    if (wanted != nullptr && wanted[i] == 0) {
      out[i] = 0;
      continue;
    }
    out[i] = known.IsValid(at) && known.Value(at) == looked_for;
    ++at;
  }
  return Status::Ok();
}

}  // namespace granary::query
