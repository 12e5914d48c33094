// The one table that maps each Code to HTTP, gRPC, retry and log level; both APIs use it.
#pragma once

#include <span>
#include <string_view>

#include "granary/base/log.h"
#include "granary/base/status.h"

namespace granary::api {

struct CodeRow {
  Code code;
  int http = 500;
  int grpc = 13;           ///< google.rpc.Code
  std::string_view title;  ///< "Unknown column"
  bool retry = false;      ///< Worth trying again later; HTTP answers carry Retry-After.
  LogLevel log = LogLevel::kInfo;
  /// What HTTP alone says of the request itself, where the code fits two statuses: 431 for a head
  /// that is too large, 408 for a request that does not come. 0: there is none.
  int http_of_request = 0;
};

const CodeRow& RowOf(Code code);
std::span<const CodeRow> AllRows();

}  // namespace granary::api
