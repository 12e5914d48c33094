// DecodingSource: a compressed body as it was before.
//
// Limits     `decoded_bytes_max` over all; and a body that grows by more than `ratio_max` ends as
//            soon as it shows, whatever its size is: both kTooLarge. A zstd window may take 8 MiB,
//            as RFC 9659 has it for HTTP.
// Errors     kInvalidArgument for bytes that are not of the coding, or end too early; the failures
//            of the source behind.
// Threads    one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "granary/base/status.h"
#include "granary/net/content_coding.h"
#include "granary/net/http_message.h"

namespace granary::net {

struct DecodingLimits {
  std::uint64_t decoded_bytes_max = UINT64_MAX;
  std::uint64_t ratio_max = 500;
};

/// `coding` is not kIdentity.
Result<std::unique_ptr<BodySource>> MakeDecodingSource(std::shared_ptr<BodySource> encoded,
                                                       ContentCoding coding, DecodingLimits limits);

/// All of a body that is there already.
Result<std::string> DecodeBody(std::string encoded, ContentCoding coding, DecodingLimits limits);

}  // namespace granary::net
