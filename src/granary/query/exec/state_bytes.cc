#include "granary/query/exec/state_bytes.h"

#include <limits>

#include "granary/json/text_check.h"
#include "granary/query/exec/value_block.h"
#include "granary/types/number_text.h"

namespace granary::query {
namespace {

constexpr std::size_t kUuidBytes = 16;
constexpr std::int64_t kMicrosOfDay = 86'400'000'000;

bool IsNumberTextOfState(std::string_view text) {
  return IsJsonNumber(text) || text == "\"NaN\"" || text == "\"Infinity\"" ||
         text == "\"-Infinity\"";
}

bool IsInRange(std::int64_t number, const DataType& type) {
  switch (type.kind()) {
    case TypeKind::kDate:
      return number >= std::numeric_limits<std::int32_t>::min() &&
             number <= std::numeric_limits<std::int32_t>::max();
    case TypeKind::kTime: return number >= 0 && number <= kMicrosOfDay;
    default: return true;
  }
}

}  // namespace

struct StateValues::State {
  json::TextCheck texts;
};

StateValues::StateValues(const DataType& type, bool number_texts)
    : type_(type), number_texts_(number_texts), state_(std::make_unique<State>()) {}
StateValues::~StateValues() = default;

bool StateValues::Has(const Value& value) {
  if (IsNull(value)) return true;
  switch (ValueKindOf(type_)) {
    case ValueKind::kInt64: {
      if (type_.kind() == TypeKind::kBool) return std::holds_alternative<bool>(value);
      const auto* number = std::get_if<std::int64_t>(&value);
      return number != nullptr && IsInRange(*number, type_);
    }
    case ValueKind::kUInt64: return std::holds_alternative<std::uint64_t>(value);
    case ValueKind::kDouble: return std::holds_alternative<double>(value);
    case ValueKind::kInt128: return std::holds_alternative<Int128>(value);
    case ValueKind::kBytes: break;
  }
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) return false;
  if (number_texts_) return IsNumberTextOfState(*text);
  if (type_.kind() == TypeKind::kUuid) return text->size() == kUuidBytes;
  return type_.kind() != TypeKind::kJson || state_->texts.IsJson(*text);
}

}  // namespace granary::query
