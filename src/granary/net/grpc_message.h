// gRPC calls as values, free of any server's types. Messages are bytes: who parses them is the
// handler's affair.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "granary/base/status.h"
#include "granary/net/http_message.h"
#include "granary/runtime/cancel.h"

namespace granary::net {

struct GrpcCall {
  std::string method;      ///< "/granary.v1.TenantNode/SearchData"
  Headers metadata;        ///< The client's; names in lower case. Binary ones ("-bin") as bytes.
  std::string request_id;  ///< x-request-id, sent or made; goes back in the initial metadata.
  std::string peer;        ///< "127.0.0.1"
  bool peer_is_loopback = false;
  /// Cancelled when the client cancels or goes away, the deadline passes or the server stops.
  runtime::CancelToken cancel;
};

/// The messages of one call, for its handler's thread.
class GrpcMessages {
 public:
  virtual ~GrpcMessages() = default;
  /// The client's next message; nothing after its last. kDeadlineExceeded when none comes for too
  /// long, kCancelled when the client is gone, kOverloaded when all calls' messages take too much.
  virtual Result<std::optional<std::string>> Read() = 0;
  /// Returns when the client's flow control has let the message through, so a slow client slows its
  /// handler and one message is in memory. After a failure the handler returns.
  virtual Status Write(std::string_view message) = 0;
};

/// How a call ends.
struct GrpcEnd {
  int code = 0;  ///< google.rpc.Code
  std::string message;
  std::string details;  ///< grpc-status-details-bin
};

/// Runs on a pool of blocking threads; must not throw.
using GrpcHandler = std::function<GrpcEnd(GrpcCall& call, GrpcMessages& messages)>;

}  // namespace granary::net
