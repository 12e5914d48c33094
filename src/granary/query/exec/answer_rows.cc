#include "granary/query/exec/answer_rows.h"

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <span>

#include "granary/base/wrong_places.h"
#include "granary/query/exec/best_of.h"
#include "granary/query/exec/json_values.h"
#include "granary/query/exec/number_texts.h"
#include "granary/query/exec/predicate_evaluator.h"

namespace granary::query {
namespace {

constexpr std::size_t kGroupsBetweenLooks = 4096;  ///< Between two looks at a token.

/// The aliases as a schema, so that having is bound and evaluated like any filter.
Schema SchemaOf(const std::vector<AggregateColumn>& columns) {
  std::vector<Column> named;
  for (const AggregateColumn& column : columns) {
    named.push_back({static_cast<ColumnId>(named.size() + 1), column.alias, column.type});
  }
  return Schema(1, static_cast<ColumnId>(named.size()), std::move(named));
}

/// What literals are checked against: numbers that lie there as texts are numbers to whoever asks.
Schema AskedSchemaOf(std::vector<AggregateColumn> columns) {
  for (AggregateColumn& column : columns) {
    if (column.number_texts) column.type = TypeKind::kFloat64;
  }
  return SchemaOf(columns);
}

Status UnknownAlias(const std::string& pointer, const std::string& name) {
  return Status::Invalid(Code::kUnknownColumn, pointer,
                         fmt::format("the answer has no column \"{}\"", name));
}

Status CheckNames(const Filter& filter, const Schema& schema) {
  if (filter.kind == Filter::Kind::kCompare) {
    const auto ref = ResolveColumn(schema, filter.column);
    if (!ref || ref->id == kSequenceColumnId) return UnknownAlias(filter.pointer, filter.column);
  }
  WrongPlaces wrong;
  for (const Filter& child : filter.children) wrong.Add(CheckNames(child, schema));
  return wrong.Take();
}

std::size_t PositionOf(const std::vector<AggregateColumn>& columns, const std::string& alias) {
  const auto at = std::find_if(columns.begin(), columns.end(), [&](const AggregateColumn& column) {
    return column.alias == alias;
  });
  return static_cast<std::size_t>(at - columns.begin());
}

template <typename T, typename Builder, typename Append>
Result<std::shared_ptr<arrow::Array>> Build(std::span<const Value> values, Builder builder,
                                            Append append) {
  for (const Value& value : values) {
    const arrow::Status added =
        IsNull(value) ? builder.AppendNull() : append(builder, std::get<T>(value));
    if (!added.ok()) return Status::Internal(added.ToString());
  }
  std::shared_ptr<arrow::Array> array;
  if (const arrow::Status done = builder.Finish(&array); !done.ok())
    return Status::Internal(done.ToString());
  return array;
}

/// Of any type, a value at a time.
Result<std::shared_ptr<arrow::Array>> BuildAny(const DataType& type,
                                               std::span<const Value> values) {
  arrow::ArrayVector cells;
  for (const Value& value : values) {
    GRANARY_ASSIGN(auto cell, MakeConstantArray(type, value, 1));
    cells.push_back(std::move(cell));
  }
  auto joined = arrow::Concatenate(cells);
  if (!joined.ok()) return Status::Internal(joined.status().ToString());
  return joined.MoveValueUnsafe();
}

Result<std::shared_ptr<arrow::Array>> ToArray(const DataType& type, std::span<const Value> values) {
  const auto append = [](auto& builder, const auto& value) { return builder.Append(value); };
  switch (type.kind()) {
    case TypeKind::kInt64: return Build<std::int64_t>(values, arrow::Int64Builder(), append);
    case TypeKind::kFloat64: return Build<double>(values, arrow::DoubleBuilder(), append);
    case TypeKind::kString:
    case TypeKind::kJson: return Build<std::string>(values, arrow::StringBuilder(), append);
    case TypeKind::kDecimal:
      return Build<Int128>(
          values, arrow::Decimal128Builder(type.ToArrow()), [](auto& builder, const Int128& value) {
            return builder.Append(arrow::Decimal128(static_cast<std::int64_t>(value >> 64),
                                                    static_cast<std::uint64_t>(value)));
          });
    default: return BuildAny(type, values);
  }
}

/// Some groups of the answer as a batch of the columns `read`.
Result<std::shared_ptr<arrow::RecordBatch>> BatchOf(const AnswerColumns& answer,
                                                    const std::vector<ColumnId>& read,
                                                    std::size_t first, std::size_t groups) {
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (const ColumnId id : read) {
    const auto at = static_cast<std::size_t>(id) - 1;
    GRANARY_ASSIGN(auto array,
                   id == kSequenceColumnId
                       ? ToArray(TypeKind::kInt64, std::vector<Value>(groups, std::int64_t{0}))
                       : ToArray(answer.columns[at].type,
                                 std::span(answer.values[at]).subspan(first, groups)));
    fields.push_back(arrow::field("", array->type()));
    arrays.push_back(std::move(array));
  }
  return arrow::RecordBatch::Make(arrow::schema(std::move(fields)),
                                  static_cast<std::int64_t>(groups), std::move(arrays));
}

Result<std::vector<std::uint32_t>> Having(const Filter& having, const AnswerColumns& answer,
                                          const runtime::CancelToken& cancel) {
  const Schema schema = SchemaOf(answer.columns);
  GRANARY_ASSIGN(const auto predicate, BindFilter(having, schema));
  std::vector<std::uint32_t> kept;
  if (!predicate || answer.groups == 0) return kept;
  const std::vector<ColumnId> read = predicate->Columns();
  GRANARY_ASSIGN(const PredicateEvaluator evaluator, PredicateEvaluator::Make(*predicate, read));
  ByteMask truth;
  for (std::size_t first = 0; first < answer.groups; first += kGroupsBetweenLooks) {
    GRANARY_TRY(cancel.Check());
    const std::size_t groups = std::min(answer.groups - first, kGroupsBetweenLooks);
    GRANARY_ASSIGN(const auto batch, BatchOf(answer, read, first, groups));
    GRANARY_TRY(evaluator.Evaluate(*batch, 0, static_cast<std::int64_t>(groups), truth));
    for (std::size_t i = 0; i < groups; ++i) {
      if (truth[i] != 0) kept.push_back(static_cast<std::uint32_t>(first + i));
    }
  }
  return kept;
}

KeyForm FormOf(const AggregateColumn& column) {
  if (column.number_texts) return KeyForm::kMixedNumbers;
  return column.type.kind() == TypeKind::kJson ? KeyForm::kJson : KeyForm::kPlain;
}

/// JSON values and mixed numbers compare by their order, not by their text.
Value AnswerKey(const Value& value, KeyForm form) {
  if (IsNull(value) || form == KeyForm::kPlain) return value;
  std::string key;
  if (form == KeyForm::kJson)
    AppendJsonOrder(std::get<std::string>(value), key);
  else
    AppendNumberTextOrder(std::get<std::string>(value), key);
  return key;
}

std::weak_ordering Order(const Value& left, const Value& right, Direction direction) {
  const bool flip = direction == Direction::kDescending && !IsNull(left) && !IsNull(right);
  return flip ? Compare(right, left) : Compare(left, right);
}

/// What a column of the answer is ordered by.
class OrderKey {
 public:
  static Result<OrderKey> Make(const AggregateColumn& column, const std::vector<Value>& values,
                               Direction direction, const runtime::CancelToken& cancel) {
    OrderKey key(values, direction);
    const KeyForm form = FormOf(column);
    if (form == KeyForm::kPlain) return key;
    key.keys_.reserve(values.size());
    for (const Value& value : values) {
      if (key.keys_.size() % kGroupsBetweenLooks == 0) GRANARY_TRY(cancel.Check());
      key.keys_.push_back(AnswerKey(value, form));
    }
    return key;
  }
  std::weak_ordering Compare(std::uint32_t a, std::uint32_t b) const {
    const std::vector<Value>& values = keys_.empty() ? *values_ : keys_;
    return Order(values[a], values[b], direction_);
  }

 private:
  OrderKey(const std::vector<Value>& values, Direction direction)
      : values_(&values), direction_(direction) {}

  const std::vector<Value>* values_;
  std::vector<Value> keys_;  ///< In place of the values, where texts do not compare as such.
  Direction direction_;
};

}  // namespace

Status CheckAnswer(const AggregateRequest& request, const std::vector<AggregateColumn>& columns) {
  WrongPlaces wrong;
  for (const OrderBy& order : request.order_by) {
    if (PositionOf(columns, order.column) == columns.size())
      wrong.Add(UnknownAlias(order.pointer + "/column", order.column));
  }
  if (!request.having) return wrong.Take();
  const Schema schema = AskedSchemaOf(columns);
  wrong.Add(CheckNames(*request.having, schema));
  wrong.Add(BindFilter(*request.having, schema).status());
  return wrong.Take();
}

RowOrder::RowOrder(const AggregateRequest& request, const std::vector<AggregateColumn>& columns) {
  for (const OrderBy& order : request.order_by) {
    const std::size_t at = PositionOf(columns, order.column);
    order_.push_back({at, FormOf(columns[at]), order.direction});
  }
}

std::vector<Value> RowOrder::KeyOf(const std::vector<Value>& row) const {
  std::vector<Value> key;
  for (const Column& column : order_) {
    key.push_back(AnswerKey(row[column.position], column.form));
  }
  return key;
}

std::weak_ordering RowOrder::Compare(const std::vector<Value>& a,
                                     const std::vector<Value>& b) const {
  for (std::size_t i = 0; i < order_.size(); ++i) {
    if (const auto order = Order(a[i], b[i], order_[i].direction); order != 0) return order;
  }
  return std::weak_ordering::equivalent;
}

Result<std::vector<std::uint32_t>> PickGroups(const AggregateRequest& request,
                                              const AnswerColumns& answer,
                                              const runtime::CancelToken& cancel) {
  std::vector<std::uint32_t> picked(answer.groups);
  std::iota(picked.begin(), picked.end(), 0u);
  if (request.having) {
    GRANARY_ASSIGN(picked, Having(*request.having, answer, cancel));
  }
  std::size_t shown = picked.size();
  if (request.limit) shown = std::min<std::uint64_t>(shown, *request.limit);
  if (request.order_by.empty()) {
    picked.resize(shown);
    return picked;
  }
  std::vector<OrderKey> keys;
  for (const OrderBy& order : request.order_by) {
    const std::size_t at = PositionOf(answer.columns, order.column);
    GRANARY_ASSIGN(OrderKey key,
                   OrderKey::Make(answer.columns[at], answer.values[at], order.direction, cancel));
    keys.push_back(std::move(key));
  }
  const auto less = [&](std::uint32_t a, std::uint32_t b) {
    for (const OrderKey& key : keys) {
      if (const auto order = key.Compare(a, b); order != 0) return order < 0;
    }
    return a < b;
  };
  return BestOf(picked, shown, less, cancel);
}

}  // namespace granary::query
