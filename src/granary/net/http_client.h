// HttpClient: blocking HTTP/1.1 requests over one kept-alive connection: the command line's, of
// Monitoring's looks and webhook, of a node that reads its gateway's keys, and of tests.
//
// Threads    one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "granary/base/status.h"
#include "granary/net/http_message.h"
#include "granary/net/tls_context.h"

namespace granary::net {

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

class HttpClient {
 public:
  /// "http://127.0.0.1:8000" or "https://…". kInvalidArgument for anything else, and for a `ca`
  /// that holds no certificates: those that an https server's must be signed by; empty: the
  /// system's.
  static Result<HttpClient> Create(std::string_view base_url, std::int64_t timeout_ms,
                                   const PemText& ca = {});
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;

  /// kUnavailable when nobody answers there or the connection breaks, kDeadlineExceeded when
  /// nothing comes for `timeout_ms`. Reconnects by itself when an idle connection was closed; a
  /// request that may have been received is repeated only when that is harmless (GET, HEAD).
  Result<ClientResponse> Send(std::string_view method, std::string_view target,
                              std::string_view body, const Headers& headers = {});
  /// An answer longer than `body_bytes_max`, of whatever status, is kTooLarge; one that is not
  /// whole `total_ms` after the call began is kDeadlineExceeded, however often something comes; to
  /// resolve the host takes what it takes.
  struct Limits {
    std::uint64_t body_bytes_max = ~std::uint64_t{0};
    std::int64_t total_ms = 0;  ///< 0: none.
  };
  void set_limits(Limits limits);

  /// Sends a body of unknown length, which `next` gives piece by piece; an empty piece ends it. A
  /// failure of `next` breaks the connection, so that nobody takes the body for whole, and ends the
  /// call with it. An answer that comes before the end of the body ends the sending.
  Result<ClientResponse> Upload(std::string_view method, std::string_view target,
                                const std::function<Result<std::string>()>& next,
                                const Headers& headers = {});
  /// Hands the body over piece by piece as it comes, when the status is below 400; else it is in
  /// the response. A cut body is kUnavailable; a failure of `on_body` ends the call with it.
  Result<ClientResponse> Stream(std::string_view method, std::string_view target,
                                std::string_view body,
                                const std::function<Status(std::string_view piece)>& on_body,
                                const Headers& headers = {});

 private:
  struct State;
  explicit HttpClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace granary::net
