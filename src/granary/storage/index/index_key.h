// Index keys: bytes that stand for a value in an index.
//
// Hash       HashValue's 64 bits, big-endian. Values that differ may share a key.
// Order      bytes that compare as the values do: integers, dates, times and instants as 8
//            big-endian bytes with the sign flipped, floats so that NaN is above all and -0.0
//            equals 0.0, decimals as 16 bytes, strings as they are, cut after kIndexKeyMaxBytes.
//            Values that differ only behind the cut share a key.
// So         whatever an index finds is a superset, and the reader of the rows checks the
//            predicate.
// Threads    pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/types/data_type.h"
#include "granary/types/value.h"

namespace granary::storage {

inline constexpr std::size_t kIndexKeyMaxBytes = 256;

/// The form of a column's order keys.
enum class KeyForm : std::uint8_t { kSigned = 1, kUnsigned, kFloat, kDecimal, kBytes };
KeyForm KeyFormOf(const DataType& type);

/// True when an index over `from` can be asked for values of `to`, its column's type now.
bool SharesKeys(const DataType& from, const DataType& to);

/// Appends the order key of a value that is not null. True when it was cut.
bool AppendOrderKey(const Value& value, std::string& out);
/// Appends the hash key.
void AppendHashKey(std::uint64_t hash, std::string& out);
void AppendHashKey(const Value& value, std::string& out);

/// A key of 8 bytes as the number that orders like them, and the row it is of.
struct RowKey {
  std::uint64_t key = 0;
  std::uint32_t row = 0;
  auto operator<=>(const RowKey&) const = default;
};
/// One entry a value that is not null; the array's first row is `first_row`.
void AppendHashes(const arrow::Array& array, std::uint32_t first_row, std::vector<RowKey>& out);
/// For forms of 8 bytes.
void AppendNumbers(const arrow::Array& array, std::uint32_t first_row, std::vector<RowKey>& out);

/// Keys of other lengths, side by side in one buffer.
struct BytesKeys {
  struct Entry {
    std::uint64_t prefix = 0;  ///< The first 8 bytes, as a number that orders like them.
    std::uint64_t offset = 0;
    std::uint32_t bytes = 0;
    std::uint32_t row = 0;
  };
  std::string buffer;
  std::vector<Entry> entries;
  bool cut = false;  ///< Some key was.

  void Append(const arrow::Array& array, std::uint32_t first_row);
  void Sort();  ///< By key, then row.
  std::string_view KeyOf(const Entry& entry) const {
    return std::string_view(buffer).substr(entry.offset, entry.bytes);
  }
};

}  // namespace granary::storage
