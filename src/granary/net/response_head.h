// The head of an HTTP/1.1 answer as bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "granary/net/http_message.h"

namespace granary::net {

/// How the receiver learns where the body ends.
enum class Framing : std::uint8_t { kLength, kChunked, kUntilClose };

struct HeadOptions {
  Framing framing = Framing::kLength;
  std::uint64_t body_bytes = 0;  ///< For kLength.
  bool keep_alive = true;
  std::string_view request_id;
};

/// Status line and headers with the blank line. Line ends inside header values become spaces.
std::string MakeHead(const HttpResponse& response, const HeadOptions& options);

std::string_view ReasonPhrase(int status);

}  // namespace granary::net
