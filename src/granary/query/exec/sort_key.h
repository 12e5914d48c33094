// Sort keys: bytes that order as rows do, so that rows of any sources and columns compare by
// memcmp.
//
// Shape      a column is one byte (0 a value, 1 null: nulls last in both directions) and the value,
//            its bytes inverted when descending; integers big-endian with the sign flipped, floats
//            so that NaN is above all numbers and -0.0 equals 0.0, strings with 00 escaped and 00
//            00 at the end. Where integers or decimals meet floats all are ordered by their digits,
//            exactly.
// Threads    pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "granary/query/exec/value_block.h"
#include "granary/query/plan/requests.h"

namespace granary::query {

/// How the values of one order column are written, the same for all sources.
enum class KeyForm : std::uint8_t {
  kPlain,
  kMixedNumbers,  ///< Some sources hold integers or decimals, some floats (number_texts.h).
  kJson,          ///< JSON texts, ordered as in json_values.h.
};

/// Appends the key of the block's i-th value.
void AppendSortKey(const ValueBlock& block, std::int64_t i, KeyForm form, Direction direction,
                   std::string& out);

/// prefixes[i]: when it is below another's, the whole key is; equal ones say nothing. Cheap to
/// compute for a block at a time.
void SortPrefixes(const ValueBlock& block, KeyForm form, Direction direction,
                  std::vector<std::uint64_t>& prefixes);

/// The parts.
void AppendBigEndian(std::uint64_t value, std::string& out);
void AppendBytesOrder(std::string_view bytes, std::string& out);

}  // namespace granary::query
