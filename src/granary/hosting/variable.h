// Variable: one row of a service's table of settings: its name, default, what is allowed and what
// it is for. Reading, checking, showing and config.env.example all follow from the tables.
//
//   const Variable kRow = {"Log", "WAL_LANES", "2", WholeRule{&Config::wal_lanes, 1, 64}, "Logs"};
//
// Threads    values.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/hosting/server_config.h"

namespace granary::hosting {

// The rules name a member of ServerConfig or of what derives from it.
template <typename C>
struct WholeRule {
  std::int64_t C::*member;
  std::int64_t min, max;
};
template <typename C>
struct NumberRule {
  double C::*member;
  double min, max;
};
template <typename C>
struct SwitchRule {
  bool C::*member;
};
template <typename C>
struct TextRule {
  std::string C::*member;
  bool (*accepts)(std::string_view text);
  std::string_view allowed;  ///< For messages: "an identifier, …".
};

// Written out for compilers that deduce no aggregates (clang before 17).
template <typename C>
WholeRule(std::int64_t C::*, std::int64_t, std::int64_t) -> WholeRule<C>;
template <typename C>
NumberRule(double C::*, double, double) -> NumberRule<C>;
template <typename C>
SwitchRule(bool C::*) -> SwitchRule<C>;
template <typename C>
TextRule(std::string C::*, bool (*)(std::string_view), const char*) -> TextRule<C>;

/// What a setting may be, and where its value goes.
class Rule {
 public:
  template <typename C>
  Rule(WholeRule<C> rule)  // NOLINT: rows of a table are written with the rule alone.
      : allowed_(AllowedWhole(rule.min, rule.max)),
        assign_([rule](std::string_view text, ServerConfig& config) {
          return ReadWhole(text, rule.min, rule.max, static_cast<C&>(config).*rule.member);
        }) {}
  template <typename C>
  Rule(NumberRule<C> rule)  // NOLINT
      : allowed_(AllowedNumber(rule.min, rule.max)),
        assign_([rule](std::string_view text, ServerConfig& config) {
          return ReadNumber(text, rule.min, rule.max, static_cast<C&>(config).*rule.member);
        }) {}
  template <typename C>
  Rule(SwitchRule<C> rule)  // NOLINT
      : allowed_("true or false"), assign_([rule](std::string_view text, ServerConfig& config) {
          return ReadSwitch(text, static_cast<C&>(config).*rule.member);
        }) {}
  template <typename C>
  Rule(TextRule<C> rule)  // NOLINT
      : allowed_(rule.allowed), assign_([rule](std::string_view text, ServerConfig& config) {
          if (!rule.accepts(text)) return false;
          static_cast<C&>(config).*rule.member = text;
          return true;
        }) {}

  /// "a whole number from 0 to 65535"
  const std::string& allowed() const { return allowed_; }
  /// Puts the value into its member; false when it is not allowed. `config` is of the type that
  /// the rule names a member of.
  bool Assign(std::string_view text, ServerConfig& config) const { return assign_(text, config); }

 private:
  static std::string AllowedWhole(std::int64_t min, std::int64_t max);
  static std::string AllowedNumber(double min, double max);
  static bool ReadWhole(std::string_view text, std::int64_t min, std::int64_t max,
                        std::int64_t& out);
  static bool ReadNumber(std::string_view text, double min, double max, double& out);
  static bool ReadSwitch(std::string_view text, bool& out);

  std::string allowed_;
  std::function<bool(std::string_view text, ServerConfig& config)> assign_;
};

/// Settings of later features are read and checked, so that one file serves many versions.
enum class Offer : std::uint8_t { kNow, kLater };

/// Keys and passwords are shown nowhere, also not when they are refused.
enum class Shown : std::uint8_t { kOpenly, kNever };

struct Variable {
  std::string_view section;  ///< Starts a new section of the example file; empty: the same.
  std::string_view name;
  std::string_view fallback;
  Rule rule;
  std::string_view comment;
  Offer offer = Offer::kNow;
  Shown shown = Shown::kOpenly;
};

template <typename C>
WholeRule<C> Port(std::int64_t C::*member) {
  return {member, 0, 65535};
}

// What texts may be.
bool IsName(std::string_view text);  ///< UTF-8 of 1 to 255 bytes.
bool IsPath(std::string_view text);
bool IsOptionalPath(std::string_view text);
bool IsHost(std::string_view text);
std::string Lowercase(std::string_view text);

/// What stands between commas; nothing of an empty text.
std::vector<std::string> SplitList(std::string_view text);

}  // namespace granary::hosting
