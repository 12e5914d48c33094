// HTTP requests and answers as values, free of any server's types.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "granary/base/status.h"
#include "granary/runtime/cancel.h"

namespace granary::net {

/// Header names compare without case and are kept once: Set replaces. The server has refused
/// requests that repeat a header which must be single, and joined others with ", ".
class Headers {
 public:
  void Set(std::string_view name, std::string_view value);
  std::optional<std::string_view> Get(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return items_; }

 private:
  std::vector<std::pair<std::string, std::string>> items_;
};

/// A body that is read as it comes. One thread.
class BodySource {
 public:
  virtual ~BodySource() = default;
  /// Waits for some bytes: how many there are in `out`; 0 at the body's end. Failures stay:
  /// kCancelled (the client went away), kDeadlineExceeded, kInvalidArgument (broken framing or
  /// coding), kTooLarge.
  virtual Result<std::size_t> Read(std::span<char> out) = 0;
  /// Read failed because the client sent nothing for too long: 408, whatever came of the rest.
  virtual bool timed_out() const { return false; }
};

struct HttpRequest {
  std::string method;
  std::string path;                                        ///< Decoded, without the query.
  std::vector<std::pair<std::string, std::string>> query;  ///< Decoded, in order.
  Headers headers;
  std::string body;
  /// Set for requests that HttpServerOptions::streams_body picks: the body comes from here.
  std::shared_ptr<BodySource> body_source = {};
  std::string request_id;  ///< X-Request-Id, sent or made.
  std::string peer;        ///< "127.0.0.1"
  bool peer_is_loopback = false;
  /// What HttpServerOptions::admit found out, for the handler.
  std::shared_ptr<void> admission = {};
  /// Cancelled when the client goes away, the deadline (X-Timeout-Ms) passes or the server stops.
  runtime::CancelToken cancel;

  std::optional<std::string_view> QueryParameter(std::string_view name) const;
};

/// Writes a body of unknown length. Write blocks while the client is slow; after a failure
/// (kCancelled: the client went away; kDeadlineExceeded) the handler returns.
class BodySink {
 public:
  virtual ~BodySink() = default;
  virtual Status Write(std::string_view bytes) = 0;
  /// What an answer that ends midway says last, whatever ended it: behind all that was written, as
  /// far as the client takes it within HttpServerOptions::last_words_ms. Nothing when no byte has
  /// left yet, since the failure then becomes an answer of its own. Nothing may follow.
  virtual void WriteLast(std::string_view bytes) = 0;
};

struct HttpResponse {
  int status = 200;
  Headers headers;
  std::string content_type = "application/json";
  std::string body;
  /// When set, called instead of sending `body`. The head goes out with the first bytes that are
  /// written: a failure before them is answered as a refusal of its own, a failure after them cuts
  /// the chunked body short so that nobody takes it for whole.
  std::function<Status(BodySink&)> stream;
  /// A stream that is no longer than this goes out like `body`, with its length; a longer one is
  /// held back so far.
  std::size_t held_bytes_max = 0;
};

/// What becomes of a request by what its head says.
struct Admission {
  std::optional<HttpResponse> refusal = {};          ///< The answer; the body is not read.
  std::uint64_t body_bytes_max = ~std::uint64_t{0};  ///< Less than the server's own limit.
};

/// Both run on a pool of blocking threads and must not throw.
using AdmitFn = std::function<Admission(HttpRequest&)>;
using HttpHandler = std::function<HttpResponse(HttpRequest&)>;

}  // namespace granary::net
