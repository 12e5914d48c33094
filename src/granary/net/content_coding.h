// Content codings (RFC 9110 §8.4): gzip and zstd, one at a time.
//
// Threads    pure functions; an Encoder has one user.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "granary/base/status.h"

namespace granary::net {

enum class ContentCoding : std::uint8_t { kIdentity, kGzip, kZstd };

/// For zlib; + 16: with gzip's header, not zlib's.
inline constexpr int kGzipWindowBits = 15 + 16;

std::string_view CodingName(ContentCoding coding);

/// Of a request's Content-Encoding. kUnsupportedMediaType for any other, and for several at once.
Result<ContentCoding> ParseCoding(std::string_view content_encoding);

/// What Accept-Encoding leaves for an answer.
struct AnswerCodings {
  /// The one that the client likes best; zstd before gzip where it does not mind. kIdentity when it
  /// has no such wish.
  ContentCoding best = ContentCoding::kIdentity;
  /// The answer may go out as it is, which is worth it where it is small: false for "identity;q=0",
  /// or "*;q=0" without identity.
  bool identity = true;
};

/// kNotAcceptable when no coding is left.
Result<AnswerCodings> ChooseCodings(std::string_view accept_encoding);

/// Compresses a body piece by piece. Each piece can be read as soon as it is there.
class Encoder {
 public:
  virtual ~Encoder() = default;
  /// Appends the piece, compressed and flushed. kInternal when there is no memory.
  virtual Status Write(std::string_view bytes, std::string& out) = 0;
  /// Appends the end. Nothing may follow.
  virtual Status Finish(std::string_view bytes, std::string& out) = 0;
};

/// Not for kIdentity.
Result<std::unique_ptr<Encoder>> MakeEncoder(ContentCoding coding);

}  // namespace granary::net
