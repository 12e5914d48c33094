// Rejections: the records of a write that were wrong and left out, and the note under which an
// idempotency key remembers them.
//
// Threads    a value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "granary/base/status.h"
#include "granary/json/record_parser.h"

namespace granary {

struct Rejections {
  static constexpr std::size_t kShownMax = 100;
  /// So that they always fit a key's note.
  static constexpr std::size_t kShownBytesMax = 48u << 10;

  json::RejectedRecords shown;  ///< The first ones, as far as they fit.
  std::uint64_t total = 0;

  void Add(json::RejectedRecords found);

  /// Empty for none at all: no skipping was asked for.
  static std::string ToNote(const std::optional<Rejections>& rejected);
  /// kCorruption for what ToNote never wrote.
  static Result<std::optional<Rejections>> FromNote(std::string_view note);

 private:
  std::size_t shown_bytes_ = 0;
};

}  // namespace granary
