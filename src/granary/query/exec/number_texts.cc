#include "granary/query/exec/number_texts.h"

#include <arrow/array.h>
#include <arrow/builder.h>

#include <cmath>
#include <limits>

#include "granary/types/number_text.h"

namespace granary::query {
namespace {

constexpr std::string_view kNanText = "\"NaN\"";
constexpr std::string_view kInfinityText = "\"Infinity\"";
constexpr std::string_view kMinusInfinityText = "\"-Infinity\"";

// As many digits as a decimal can have: whole floats below are written in full.
constexpr double kWholeMax = 1e38;

void AppendNumberText(double value, std::string& out) {
  if (std::isnan(value)) {
    out.append(kNanText);
  } else if (std::isinf(value)) {
    out.append(value > 0 ? kInfinityText : kMinusInfinityText);
  } else if (std::abs(value) < kWholeMax && value == std::trunc(value)) {
    out.append(ToString(static_cast<Int128>(value)));
  } else {
    std::string shown;
    AppendDoubleText(value, shown);
    AppendNormalNumber(shown, out);
  }
}

void AppendNumberText(Int128 unscaled, int scale, std::string& out) {
  std::string shown;
  AppendDecimal(unscaled, scale, shown);
  AppendNormalNumber(shown, out);
}

enum class NumberPlace : char { kMinusInfinity, kFinite, kInfinity, kNan };

Status TextsStatus(const arrow::Status& status) {
  return status.ok() ? Status::Ok() : Status::Internal(status.ToString());
}

}  // namespace

void AppendNumberText(const ValueBlock& block, std::int64_t i, std::string& out) {
  switch (block.kind()) {
    case ValueKind::kInt64: return AppendInteger(block.ints()[i], out);
    case ValueKind::kUInt64: return AppendInteger(block.naturals()[i], out);
    case ValueKind::kDouble: return AppendNumberText(block.doubles()[i], out);
    case ValueKind::kInt128:
      return AppendNumberText(block.decimals()[i], block.type().scale(), out);
    case ValueKind::kBytes: break;
  }
}

Result<std::shared_ptr<arrow::Array>> NumberTexts(const arrow::Array& column, const DataType& type,
                                                  const RowRange& rows) {
  ValueBlock block;
  GRANARY_TRY(block.Load(column, type, type, rows));
  arrow::StringBuilder builder;
  std::string text;
  for (std::int64_t i = 0; i < block.size(); ++i) {
    text.clear();
    if (block.IsValid(i)) AppendNumberText(block, i, text);
    GRANARY_TRY(TextsStatus(block.IsValid(i) ? builder.Append(text) : builder.AppendNull()));
  }
  std::shared_ptr<arrow::Array> out;
  GRANARY_TRY(TextsStatus(builder.Finish(&out)));
  return out;
}

std::string NumberText(const Value& value, const DataType& type) {
  std::string out;
  if (const auto* real = std::get_if<double>(&value)) AppendNumberText(*real, out);
  if (const auto* whole = std::get_if<std::int64_t>(&value)) AppendInteger(*whole, out);
  if (const auto* natural = std::get_if<std::uint64_t>(&value)) AppendInteger(*natural, out);
  if (const auto* unscaled = std::get_if<Int128>(&value))
    AppendNumberText(*unscaled, type.scale(), out);
  return out;
}

ColumnStats NumberTextStats(const ColumnStats& known, const DataType& type) {
  ColumnStats stats;
  stats.rows = known.rows;
  stats.nulls = known.nulls;
  stats.min_exact = known.min_exact;
  stats.max_exact = known.max_exact;
  stats.may_have_nan = known.may_have_nan;
  if (!IsNull(known.min)) stats.min = NumberText(known.min, type);
  if (!IsNull(known.max)) stats.max = NumberText(known.max, type);
  return stats;
}

void AppendNumberTextOrder(std::string_view text, std::string& out) {
  const auto put = [&](NumberPlace place) { out.push_back(static_cast<char>(place)); };
  if (text == kNanText) return put(NumberPlace::kNan);
  if (text == kInfinityText) return put(NumberPlace::kInfinity);
  if (text == kMinusInfinityText) return put(NumberPlace::kMinusInfinity);
  put(NumberPlace::kFinite);
  AppendNumberOrder(text, out);
}

std::optional<double> ExactDouble(std::string_view text) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (text == kNanText) return std::numeric_limits<double>::quiet_NaN();
  if (text == kInfinityText) return kInfinity;
  if (text == kMinusInfinityText) return -kInfinity;
  const double nearest = NearestDouble(text);
  std::string written;
  AppendNumberText(nearest, written);
  if (written != text) return std::nullopt;
  return nearest;
}

}  // namespace granary::query
