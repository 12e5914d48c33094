// Names and numbers that only mix with their own kind: a TenantId is not a SourceId.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "granary/base/status.h"

namespace granary {

/// A number that identifies; StrongId<A>{7} == StrongId<B>{7} does not compile.
template <typename Tag>
struct StrongId {
  std::uint64_t value = 0;
  auto operator<=>(const StrongId&) const = default;
};

/// One life of a source: a source that is deleted and added again gets a new one, so that log
/// frames and files of the old life never leak into the new.
using SourceUid = StrongId<struct SourceUidTag>;
using SegmentId = StrongId<struct SegmentTag>;

inline constexpr std::size_t kIdentifierMaxBytes = 128;

/// True for ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$ (so "." and ".." are not identifiers).
bool IsIdentifier(std::string_view text);

/// A validated name chosen by a user.
template <typename Tag>
class StrongName {
 public:
  StrongName() = default;  ///< Empty: names nothing. Parse never returns it.

  /// Fails with kInvalidIdentifier; the message quotes the text and says what is allowed.
  static Result<StrongName> Parse(std::string_view text);

  const std::string& str() const { return text_; }
  bool empty() const { return text_.empty(); }
  auto operator<=>(const StrongName&) const = default;

 private:
  std::string text_;
};

using TenantId = StrongName<struct TenantTag>;
using SourceId = StrongName<struct SourceTag>;

/// What a refusal says: the offending text, cut to 64 bytes, and the rule.
Status InvalidIdentifier(std::string_view text);

template <typename Tag>
Result<StrongName<Tag>> StrongName<Tag>::Parse(std::string_view text) {
  if (!IsIdentifier(text)) return InvalidIdentifier(text);
  StrongName name;
  name.text_ = text;
  return name;
}

}  // namespace granary

template <typename Tag>
struct std::hash<granary::StrongId<Tag>> {
  std::size_t operator()(granary::StrongId<Tag> id) const noexcept {
    return std::hash<std::uint64_t>{}(id.value);
  }
};
template <typename Tag>
struct std::hash<granary::StrongName<Tag>> {
  std::size_t operator()(const granary::StrongName<Tag>& name) const noexcept {
    return std::hash<std::string>{}(name.str());
  }
};
