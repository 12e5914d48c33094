// StateBytes: the states of aggregates as bytes for another process that goes on with them, and
// back. Whoever reads them believes nothing: every number is held to a range in which no sum of
// many of them overflows.
//
// Threads    pure functions.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "granary/base/bytes.h"
#include "granary/base/status.h"
#include "granary/types/data_type.h"
#include "granary/types/value.h"

namespace granary::query {

/// More rows than any state has, and few enough that 2^15 of them add up within 64 bits.
inline constexpr std::int64_t kStateCountMax = std::int64_t{1} << 48;

inline Status BadState(std::string_view what) {
  return Status::Corruption(std::string("states of groups: ").append(what));
}

/// As PutFixed, of 128 bits too.
template <typename T>
requires std::is_arithmetic_v<T> || std::is_same_v<T, Int128>
void PutNumber(T number, std::string& out) {
  char bytes[sizeof number];
  std::memcpy(bytes, &number, sizeof number);
  out.append(bytes, sizeof number);
}

/// Zero when the bytes end before.
template <typename T>
T TakeNumber(ByteReader& in) {
  T number{};
  const std::string_view bytes = in.Take(sizeof number);
  if (bytes.size() == sizeof number) std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

/// -1 for what is no count.
inline std::int64_t TakeCount(ByteReader& in) {
  const auto count = in.Fixed<std::int64_t>();
  return count < 0 || count > kStateCountMax ? -1 : count;
}

/// Whether `value` is null or of a column of `type`, as far as whoever goes on with it relies on
/// that: its kind, and of texts that go into answers as they are that they are JSON.
class StateValues {
 public:
  /// `number_texts`: they are NumberTexts.
  StateValues(const DataType& type, bool number_texts);
  ~StateValues();
  bool Has(const Value& value);

 private:
  struct State;
  const DataType type_;
  const bool number_texts_;
  std::unique_ptr<State> state_;
};

}  // namespace granary::query
