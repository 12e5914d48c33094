// The table behind Config: one row a variable.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "granary/services/tenant_node/config.h"

namespace granary::services {

struct WholeRule {
  std::int64_t Config::*member;
  std::int64_t min, max;
};
struct NumberRule {
  double Config::*member;
  double min, max;
};
struct SwitchRule {
  bool Config::*member;
};
struct TextRule {
  std::string Config::*member;
  bool (*accepts)(std::string_view text);
  std::string_view allowed;  ///< For messages: "an identifier, …".
};

/// Settings of later features are read and checked, so that one file serves many versions.
enum class Offer : std::uint8_t { kNow, kLater };

struct Variable {
  std::string_view section;  ///< Starts a new section of the example file; empty: the same.
  std::string_view name;
  std::string_view fallback;
  std::variant<WholeRule, NumberRule, SwitchRule, TextRule> rule;
  std::string_view comment;
  Offer offer = Offer::kNow;
};

std::span<const Variable> ConfigTable();

/// "a whole number from 0 to 65535"
std::string AllowedText(const Variable& variable);
/// Puts the value into its member; false when it is not allowed.
bool Assign(const Variable& variable, std::string_view text, Config& config);

}  // namespace granary::services
