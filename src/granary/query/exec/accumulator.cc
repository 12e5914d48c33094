#include "granary/query/exec/accumulator.h"

#include <fmt/format.h>

namespace granary::query {
namespace {

Status NoSuchAggregate(AggregateType aggregate, const DataType& type) {
  return Status(Code::kTypeMismatch, fmt::format("{} of {} is not defined",
                                                 AggregateTypeName(aggregate), type.ToString()));
}

bool IsJson(const DataType& type) { return type.kind() == TypeKind::kJson; }

AggregateShape SumShape(const DataType& type) {
  if (IsJson(type)) return {type, type};
  if (type.IsInteger())
    return {type, DataType::Decimal(kDecimalPrecisionMax, 0), /*json_integer=*/true};
  if (type.kind() == TypeKind::kDecimal)
    return {type, DataType::Decimal(kDecimalPrecisionMax, type.scale())};
  return {type, TypeKind::kFloat64};
}

AggregateShape FloatShape(const DataType& type, bool exact_input) {
  AggregateShape shape{TypeKind::kFloat64, TypeKind::kFloat64};
  shape.json_numbers = IsJson(type);
  if (exact_input && !shape.json_numbers) shape.input = type;
  return shape;
}

}  // namespace

bool NeedsSequence(AggregateType aggregate) {
  return aggregate == AggregateType::kFirst || aggregate == AggregateType::kLast;
}

bool IsPercentile(AggregateType aggregate) {
  return aggregate == AggregateType::kPercentile || aggregate == AggregateType::kApproxPercentile;
}

bool HoldsValues(AggregateType aggregate) {
  return aggregate == AggregateType::kCountDistinct || IsPercentile(aggregate);
}

Result<AggregateShape> ShapeOf(AggregateType aggregate, const DataType* type) {
  if (aggregate == AggregateType::kCount)
    return AggregateShape{type == nullptr ? DataType() : *type, TypeKind::kInt64};
  if (type == nullptr)
    return Status(Code::kInvalidRequest,
                  fmt::format("{} needs a column", AggregateTypeName(aggregate)));
  if (type->kind() == TypeKind::kList) return NoSuchAggregate(aggregate, *type);
  const bool adds_up = type->IsNumeric() || IsJson(*type);
  switch (aggregate) {
    case AggregateType::kSum:
      if (!adds_up) return NoSuchAggregate(aggregate, *type);
      return SumShape(*type);
    case AggregateType::kAvg:
      if (!adds_up) return NoSuchAggregate(aggregate, *type);
      return FloatShape(*type, /*exact_input=*/true);
    case AggregateType::kPercentile:
    case AggregateType::kApproxPercentile:
    case AggregateType::kStddev:
    case AggregateType::kVariance:
      if (!adds_up) return NoSuchAggregate(aggregate, *type);
      return FloatShape(*type, /*exact_input=*/false);
    case AggregateType::kCountDistinct:
    case AggregateType::kApproxCountDistinct: {
      AggregateShape shape{*type, TypeKind::kInt64};
      shape.canonical = IsJson(*type);
      return shape;
    }
    default: return AggregateShape{*type, *type};
  }
}

Result<AggregateShape> MixedShapeOf(AggregateType aggregate, const DataType& type) {
  GRANARY_ASSIGN(AggregateShape shape, ShapeOf(aggregate, &type));
  switch (aggregate) {
    case AggregateType::kCount:
    case AggregateType::kSum:
    case AggregateType::kAvg:
    case AggregateType::kPercentile:
    case AggregateType::kApproxPercentile:
    case AggregateType::kStddev:
    case AggregateType::kVariance: return shape;
    case AggregateType::kCountDistinct:
    case AggregateType::kApproxCountDistinct: break;
    case AggregateType::kMin:
    case AggregateType::kMax:
    case AggregateType::kFirst:
    case AggregateType::kLast:
    case AggregateType::kAny: shape.output = TypeKind::kJson; break;
  }
  shape.input = TypeKind::kJson;
  shape.number_texts = true;
  return shape;
}

std::unique_ptr<Accumulator> MakeAccumulator(const Aggregation& aggregation,
                                             const AggregateShape& shape, Grouping grouping,
                                             KeyLookup lookup) {
  switch (aggregation.type) {
    case AggregateType::kCount: return MakeCount();
    case AggregateType::kSum: return MakeSum(shape);
    case AggregateType::kAvg: return MakeAvg(shape);
    case AggregateType::kMin:
    case AggregateType::kMax: return MakeExtreme(shape, aggregation.type);
    case AggregateType::kCountDistinct: return MakeDistinct(shape, grouping, lookup);
    case AggregateType::kApproxCountDistinct: return MakeApproxDistinct();
    case AggregateType::kStddev:
    case AggregateType::kVariance: return MakeMoments(aggregation.type);
    case AggregateType::kPercentile:
    case AggregateType::kApproxPercentile:
      return MakePercentile(std::make_shared<PercentileValues>(), aggregation.p);
    case AggregateType::kFirst:
    case AggregateType::kLast:
    case AggregateType::kAny: break;
  }
  return MakePick(shape, aggregation.type);
}

}  // namespace granary::query
