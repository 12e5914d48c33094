#include <array>
#include <utility>

#include "granary/query/plan/filter.h"

namespace granary::query {
namespace {

constexpr std::array<std::pair<std::string_view, Operator>, 18> kNames = {{
    {"eq", Operator::kEq},
    {"ne", Operator::kNe},
    {"gt", Operator::kGt},
    {"gte", Operator::kGte},
    {"lt", Operator::kLt},
    {"lte", Operator::kLte},
    {"in", Operator::kIn},
    {"nin", Operator::kNin},
    {"between", Operator::kBetween},
    {"like", Operator::kLike},
    {"ilike", Operator::kILike},
    {"starts_with", Operator::kStartsWith},
    {"ends_with", Operator::kEndsWith},
    {"contains", Operator::kContains},
    {"regex", Operator::kRegex},
    {"exists", Operator::kExists},
    {"in_list", Operator::kIn},
    {"not_in", Operator::kNin},
}};

}  // namespace

std::optional<Operator> ParseOperator(std::string_view name) {
  for (const auto& [text, op] : kNames) {
    if (text == name) return op;
  }
  return std::nullopt;
}

std::string_view OperatorName(Operator op) { return kNames[static_cast<std::size_t>(op)].first; }

}  // namespace granary::query
