// A compressed body. The first byte chooses the coding, whether the rest is such a body or is made
// into one first, and the ratio; then the limit on what comes out, and the sizes of the pieces in
// which the body comes and is asked for.
//
// Promises   what comes in pieces is what comes whole, and is refused when that is; never is more
//            handed out than the limits say; a failure stays; what was encoded comes back.
#include <algorithm>
#include <memory>
#include <string>

#include "granary/base/check.h"
#include "granary/base/utf8.h"
#include "granary/net/content_coding.h"
#include "granary/net/decoding_source.h"
#include "granary/testing/fuzz_target.h"

namespace granary::net {
namespace {

constexpr std::uint64_t kRatioFreeBytes = 1u << 20;  // As in decoding_source.cc.
constexpr std::size_t kWholeBytes = 64u << 10;

/// Hands out at most `piece_bytes` at a time, and counts.
class Pieces final : public BodySource {
 public:
  Pieces(std::string_view bytes, std::size_t piece_bytes)
      : rest_(bytes), piece_bytes_(piece_bytes) {}
  Result<std::size_t> Read(std::span<char> out) override {
    const std::size_t bytes = std::min({out.size(), rest_.size(), piece_bytes_});
    std::copy_n(rest_.data(), bytes, out.data());
    rest_.remove_prefix(bytes);
    given_ += bytes;
    return bytes;
  }
  std::uint64_t given() const { return given_; }

 private:
  std::string_view rest_;
  const std::size_t piece_bytes_;
  std::uint64_t given_ = 0;
};

struct Decoded {
  std::string bytes;
  Status end;
};

void CheckFailure(const Status& failure) {
  GRANARY_CHECK(failure.code() == Code::kInvalidArgument || failure.code() == Code::kTooLarge, "{}",
                failure.ToString());
  GRANARY_CHECK(IsValidUtf8(failure.message()));
}

Decoded Decode(std::string_view body, ContentCoding coding, DecodingLimits limits,
               std::size_t piece_bytes, std::size_t ask_bytes) {
  const auto pieces = std::make_shared<Pieces>(body, piece_bytes);
  const auto source = MakeDecodingSource(pieces, coding, limits);
  GRANARY_CHECK(source.ok());
  Decoded decoded;
  std::string room(ask_bytes, '\0');
  for (;;) {
    const auto got = (*source)->Read(room);
    if (!got.ok()) {
      decoded.end = got.status();
      CheckFailure(decoded.end);
      const auto again = (*source)->Read(room);
      GRANARY_CHECK(again.status().ToString() == decoded.end.ToString());
      return decoded;
    }
    if (*got == 0) {
      const auto again = (*source)->Read(room);
      GRANARY_CHECK(again.ok() && *again == 0, "more behind the end: {}",
                    again.status().ToString());
      return decoded;
    }
    GRANARY_CHECK(*got <= room.size());
    decoded.bytes.append(room, 0, *got);
    const std::uint64_t out_bytes = decoded.bytes.size();
    GRANARY_CHECK(out_bytes <= limits.decoded_bytes_max);
    GRANARY_CHECK(out_bytes <= kRatioFreeBytes || out_bytes / limits.ratio_max <= pieces->given(),
                  "{} bytes of {}", out_bytes, pieces->given());
  }
}

std::string Encoded(std::string_view text, ContentCoding coding, std::size_t piece_bytes) {
  const auto encoder = MakeEncoder(coding);
  GRANARY_CHECK(encoder.ok());
  std::string out;
  while (text.size() > piece_bytes) {
    GRANARY_CHECK((*encoder)->Write(text.substr(0, piece_bytes), out).ok());
    text.remove_prefix(piece_bytes);
  }
  GRANARY_CHECK((*encoder)->Finish(text, out).ok());
  return out;
}

/// A body that grows too much for a while only is refused where the pieces let it be seen.
bool GrewTooMuch(const Decoded& decoded) {
  return decoded.end.code() == Code::kTooLarge &&
         decoded.end.message().find("times") != std::string_view::npos;
}

void CheckSame(const Decoded& whole, const Decoded& pieces) {
  if (!GrewTooMuch(whole) && !GrewTooMuch(pieces))
    GRANARY_CHECK(whole.end.ok() == pieces.end.ok(), "whole: {}, in pieces: {}",
                  whole.end.ToString(), pieces.end.ToString());
  // Behind a failure lies what a larger piece would have held, too.
  const std::size_t both = std::min(whole.bytes.size(), pieces.bytes.size());
  GRANARY_CHECK(std::string_view(whole.bytes).substr(0, both) ==
                std::string_view(pieces.bytes).substr(0, both));
  if (whole.end.ok() && pieces.end.ok())
    GRANARY_CHECK(whole.bytes.size() == pieces.bytes.size(), "{} and {} bytes", whole.bytes.size(),
                  pieces.bytes.size());
}

void Run(testing::FuzzInput input) {
  const std::uint8_t choice = input.Byte();
  const ContentCoding coding = (choice & 1) != 0 ? ContentCoding::kGzip : ContentCoding::kZstd;
  const bool encodes = (choice & 2) != 0;
  DecodingLimits limits;
  limits.ratio_max = (choice & 4) != 0 ? 2 : 500;
  const auto bytes_max = input.Fixed<std::uint16_t>();
  if ((choice & 8) != 0) limits.decoded_bytes_max = bytes_max;
  const std::size_t piece_bytes = std::size_t{input.Byte()} + 1;
  const std::size_t ask_bytes = std::size_t{input.Byte()} + 1;

  const std::string encoded = encodes ? Encoded(input.rest(), coding, piece_bytes) : "";
  const std::string_view body = encodes ? std::string_view(encoded) : input.rest();
  const Decoded whole = Decode(body, coding, limits, kWholeBytes, kWholeBytes);
  CheckSame(whole, Decode(body, coding, limits, piece_bytes, ask_bytes));
  if (!encodes) return;
  const bool fits = input.rest().size() <= limits.decoded_bytes_max;
  GRANARY_CHECK(whole.end.ok() == fits, "{}", whole.end.ToString());
  if (fits) GRANARY_CHECK(whole.bytes == input.rest());
}

}  // namespace
}  // namespace granary::net

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  granary::net::Run({data, size});
  return 0;
}
