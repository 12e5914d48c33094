// Transform (partition.h): its name, the types that have it, and one value of it.
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "granary/base/check.h"
#include "granary/base/utf8.h"
#include "granary/storage/partition/bucket_hash.h"
#include "granary/storage/partition/civil_time.h"
#include "granary/storage/partition/partition.h"
#include "granary/storage/partition/truncate.h"
#include "granary/storage/stats/value_hash.h"

namespace granary::storage {
namespace {

constexpr std::uint32_t kParameterMax = 0x7FFFFFFF;

struct Name {
  std::string_view text;
  TransformKind kind;
  bool has_parameter = false;
};
constexpr Name kNames[] = {
    {"identity", TransformKind::kIdentity},
    {"year", TransformKind::kYear},
    {"month", TransformKind::kMonth},
    {"day", TransformKind::kDay},
    {"hour", TransformKind::kHour},
    {"bucket", TransformKind::kBucket, true},
    {"truncate", TransformKind::kTruncate, true},
};

std::optional<std::uint32_t> ParseParameter(std::string_view text) {
  if (text.size() < 3 || text.front() != '[' || text.back() != ']') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || number == 0 || number > kParameterMax) return std::nullopt;
  return number;
}

bool HasTransform(TransformKind kind, const DataType& type) {
  const bool is_instant = type.kind() == TypeKind::kDate || type.kind() == TypeKind::kTimestamp;
  const bool is_document = type.kind() == TypeKind::kJson || type.kind() == TypeKind::kList;
  const bool is_exact_number = type.IsInteger() || type.kind() == TypeKind::kDecimal;
  switch (kind) {
    case TransformKind::kIdentity: return !is_document;
    case TransformKind::kYear:
    case TransformKind::kMonth:
    case TransformKind::kDay: return is_instant;
    case TransformKind::kHour: return type.kind() == TypeKind::kTimestamp;
    case TransformKind::kBucket:
      return !is_document && !type.IsFloat() && type.kind() != TypeKind::kBool;
    case TransformKind::kTruncate:
      return is_exact_number || type.kind() == TypeKind::kString ||
             type.kind() == TypeKind::kBinary;
  }
  return false;
}

Value ApplyIdentity(const Value& value) {
  const auto* real = std::get_if<double>(&value);
  return real != nullptr ? Value(CanonicalDouble(*real)) : value;
}

Value ApplyTruncate(std::uint32_t width, const DataType& type, const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return TruncateLong(*integer, width);
  if (const auto* natural = std::get_if<std::uint64_t>(&value)) return *natural - *natural % width;
  if (const auto* unscaled = std::get_if<Int128>(&value)) {
    return TruncateNumber(*unscaled, width);
  }
  const auto& bytes = std::get<std::string>(value);
  if (type.kind() == TypeKind::kBinary) return bytes.substr(0, width);
  return std::string(TruncateText(bytes, width));
}

}  // namespace

Result<Transform> Transform::Parse(std::string_view text) {
  for (const Name& name : kNames) {
    if (!text.starts_with(name.text)) continue;
    const std::string_view rest = text.substr(name.text.size());
    if (!name.has_parameter && rest.empty()) return Transform{name.kind};
    const auto parameter = name.has_parameter ? ParseParameter(rest) : std::nullopt;
    if (parameter) return Transform{name.kind, *parameter};
  }
  return Status(Code::kInvalidDefinition,
                fmt::format("unknown transform \"{}\": known are identity, year, month, day, hour, "
                            "bucket[N] and truncate[N] with N from 1 to {}",
                            Quotable(text), kParameterMax));
}

std::string Transform::ToString() const {
  for (const Name& name : kNames) {
    if (name.kind != kind) continue;
    return name.has_parameter ? fmt::format("{}[{}]", name.text, parameter)
                              : std::string(name.text);
  }
  return "unknown";
}

Transform DefaultTransform(const DataType& type) {
  return {HasTransform(TransformKind::kDay, type) ? TransformKind::kDay : TransformKind::kIdentity};
}

Status CheckTransform(const Transform& transform, const DataType& type) {
  if (HasTransform(transform.kind, type)) return Status::Ok();
  return {Code::kInvalidDefinition, fmt::format("a {} column has no transform \"{}\"",
                                                type.ToString(), transform.ToString())};
}

Value ApplyTransform(const Transform& transform, const DataType& type, const Value& value) {
  if (IsNull(value)) return {};
  switch (transform.kind) {
    case TransformKind::kIdentity: return ApplyIdentity(value);
    case TransformKind::kBucket: return BucketOf(BucketHash(type, value), transform.parameter);
    case TransformKind::kTruncate: return ApplyTruncate(transform.parameter, type, value);
    default: return PeriodOf(transform.kind, std::get<std::int64_t>(value), ScaleOf(type));
  }
}

}  // namespace granary::storage
