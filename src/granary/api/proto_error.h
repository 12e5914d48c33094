// A failure as gRPC tells it: a code, a sentence, and details that programs read.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "granary/base/status.h"

namespace granary::api {

/// Message and details travel as headers, for which clients have 8 KiB in all: so many bytes of
/// both together, in base64, are sent at most. Places beyond that are counted in
/// ErrorInfo.metadata["violations_left_out"].
inline constexpr std::size_t kErrorBytesMax = 6 * 1024;

struct RichError {
  int code = 0;  ///< google.rpc.Code, from the code table.
  std::string message;
  std::string details;  ///< A serialized google.rpc.Status: grpc-status-details-bin.
};

/// `metadata` goes into ErrorInfo, when to come again into RetryInfo where that may help.
RichError ToRichError(const Status& status, const std::map<std::string, std::string>& metadata = {},
                      std::int64_t retry_after_seconds = 1);

/// Protobuf writes a line to stderr for each text that is not UTF-8, which the refusal says too:
/// any client could flood it. For the whole process; once, before messages are read.
void SilenceProtobuf();

}  // namespace granary::api
