// Names of types, and literals against them. The input is "type\nliteral"; a literal that is a JSON
// number stands for a number, anything else for a string.
//
// Promises   a type's canonical name is read as that type; a value that a literal is bound to is
//            written as a literal that is bound to the same value; what is not exact lies between
//            neighbours, in order.
#include <string>

#include "granary/base/base64.h"
#include "granary/base/check.h"
#include "granary/testing/fuzz_target.h"
#include "granary/types/data_type.h"
#include "granary/types/literal.h"
#include "granary/types/number_text.h"
#include "granary/types/value.h"

namespace granary {
namespace {

/// The type inside lists, which a literal is compared with.
const DataType& ComparedType(const DataType& type) {
  return type.kind() == TypeKind::kList ? ComparedType(type.element()) : type;
}

Literal LiteralOf(std::string_view text) {
  Literal literal;
  literal.kind = IsJsonNumber(text) ? Literal::Kind::kNumber : Literal::Kind::kString;
  literal.text = text;
  return literal;
}

/// Nothing for what text does not tell exactly: a date or instant in a year that is no literal.
Literal Written(const Value& value, const DataType& type) {
  if (type.kind() == TypeKind::kBinary) {
    Literal literal;
    literal.kind = Literal::Kind::kString;
    literal.text = Base64Encode(std::get<std::string>(value));
    return literal;
  }
  Literal literal = LiteralOf(ValueToText(value, type));
  if (type.IsBytes()) literal.kind = Literal::Kind::kString;
  return literal;
}

bool IsNumberInWords(const Value& value) {
  const auto* real = std::get_if<double>(&value);
  return real != nullptr && !(*real - *real == 0);
}

void CheckExact(const Value& value, const DataType& type) {
  if (type.kind() == TypeKind::kDate || type.kind() == TypeKind::kTimestamp) {
    const std::string text = ValueToText(value, type);
    if (text.starts_with('-') || text.starts_with('+')) return;  // Years without a literal.
  }
  const Literal literal = Written(value, type);
  const auto again = BindLiteral(literal, type);
  GRANARY_CHECK(again.ok() && again->exact, "{} {}: {}", type.ToString(), literal.text,
                again.status().ToString());
  GRANARY_CHECK(Compare(again->value, value) == 0, "{} {} became {}", type.ToString(), literal.text,
                ValueToText(again->value, type));
  GRANARY_CHECK(!IsNumberInWords(value) || literal.kind == Literal::Kind::kString);
}

void CheckBetween(const BoundLiteral& bound, const DataType& type) {
  GRANARY_CHECK(IsNull(bound.value));
  GRANARY_CHECK(!IsNull(bound.below) || !IsNull(bound.above), "no neighbour in {}",
                type.ToString());
  if (!IsNull(bound.below) && !IsNull(bound.above))
    GRANARY_CHECK(Compare(bound.below, bound.above) < 0, "{} {} {}", type.ToString(),
                  ValueToText(bound.below, type), ValueToText(bound.above, type));
  for (const Value& neighbour : {bound.below, bound.above})
    if (!IsNull(neighbour)) GRANARY_CHECK(MakeConstantArray(type, neighbour, 1).ok());
}

void Run(std::string_view input) {
  const std::size_t line = std::min(input.find('\n'), input.size());
  const auto parsed = DataType::Parse(input.substr(0, line));
  if (!parsed.ok()) {
    GRANARY_CHECK(parsed.status().code() == Code::kInvalidDefinition);
    return;
  }
  const auto again = DataType::Parse(parsed->ToString());
  GRANARY_CHECK(again.ok() && *again == *parsed, "{}", parsed->ToString());
  GRANARY_CHECK(parsed->ToArrow() != nullptr);

  const DataType& type = ComparedType(*parsed);
  const Literal literal = LiteralOf(input.substr(std::min(line + 1, input.size())));
  const auto bound = BindLiteral(literal, *parsed);
  if (!bound.ok())
    GRANARY_CHECK(bound.status().code() == Code::kInvalidLiteral);
  else if (bound->exact)
    CheckExact(bound->value, type);
  else
    CheckBetween(*bound, type);
}

}  // namespace
}  // namespace granary

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  granary::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
