// Names for requests: the client's own, or one that nobody else has.
//
// Threads    fully safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace granary::net {

/// True for 1 to 128 of the printed ASCII characters, apart from space, quotes, \, < and >.
bool IsRequestId(std::string_view text);

class RequestIdMaker {
 public:
  RequestIdMaker();
  /// `sent` when it may name a request, else 32 hexadecimal digits.
  std::string Choose(std::optional<std::string_view> sent);

 private:
  std::uint64_t prefix_;
  std::atomic<std::uint64_t> next_;
};

}  // namespace granary::net
