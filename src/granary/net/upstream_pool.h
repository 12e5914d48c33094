// UpstreamPool: requests to one other service over connections that are kept, answers as they come.
//
// Promise    a body in either direction goes through in pieces: what is in memory does not grow
//            with it. An answer that ends before its end is a failure, never an end. A request is
//            sent once: what may have been received is not sent again.
// Threads    fully safe; a call and its answer are one thread's at a time.
// Owns       its idle connections. An answer keeps what it needs of the pool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "granary/base/status.h"
#include "granary/net/http_message.h"
#include "granary/net/upstream_socket.h"
#include "granary/runtime/cancel.h"

namespace granary::net {

struct UpstreamOptions {
  std::int64_t connect_timeout_ms = 2'000;
  /// Without a byte in either direction: a service that is alive and thinks may be silent for long.
  std::int64_t silence_timeout_ms = 600'000;
  std::size_t idle_max = 64;
  std::int64_t idle_ms = 30'000;  ///< Less than the service's own IDLE_TIMEOUT_SECONDS.
  std::size_t head_bytes_max = 64u << 10;
};

struct UpstreamCall {
  std::string_view method;
  std::string_view target;  ///< Encoded.
  const Headers* headers = nullptr;
  std::string_view body = {};
  BodySource* body_source = nullptr;             ///< Instead of `body`.
  std::optional<std::uint64_t> body_bytes = {};  ///< Of body_source, when it is known.
  runtime::CancelToken cancel = {};
};

/// An answer whose head has come. Dropped before its end, it takes its connection along, and the
/// service learns that nobody wants the rest.
class UpstreamAnswer : public BodySource {
 public:
  virtual int status() const = 0;
  virtual const Headers& headers() const = 0;
  /// What Content-Length says; nothing for a body in chunks.
  virtual std::optional<std::uint64_t> body_bytes() const = 0;
};

/// Another service, wherever it is.
class Upstream {
 public:
  virtual ~Upstream() = default;
  /// kUnavailable: nothing was sent, since no connection came about. kIoError: the connection broke
  /// before the answer's head; whether the request was carried out is not known. kDeadlineExceeded,
  /// kCancelled; what body_source failed with.
  virtual Result<std::unique_ptr<UpstreamAnswer>> Send(const UpstreamCall& call) = 0;
};

class UpstreamPool final : public Upstream {
 public:
  UpstreamPool(UpstreamAddress address, UpstreamOptions options);
  ~UpstreamPool() override;

  Result<std::unique_ptr<UpstreamAnswer>> Send(const UpstreamCall& call) override;

  std::size_t idle() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace granary::net
