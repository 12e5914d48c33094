// SocketSink: an answer's bytes straight from a handler's thread to its socket.
//
// Place      HttpConnection hands its wire to the handler's thread while the request runs, and
//            touches only the reading side meanwhile; so no byte of a stream changes threads.
// Promise    Write returns when the kernel has the bytes: a slow client slows its handler, and no
//            more than one piece is in memory. A client that goes away, a deadline or a server that
//            stops is noticed within 20 ms. What a failed Write has not sent is kept for WriteLast,
//            so that no chunk is left half sent before the last one.
// Threads    one.
// Owns       nothing: the descriptor stays open as long as the sink lives.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "granary/net/http_message.h"
#include "granary/net/response_head.h"
#include "granary/net/wire.h"
#include "granary/runtime/cancel.h"

namespace granary::net {

/// Sends what the wire takes without waiting: how many bytes of head and body together; nothing
/// when the connection is broken.
std::optional<std::size_t> SendNow(Wire& wire, std::string_view head, std::string_view body);

struct SinkTimes {
  std::int64_t write_timeout_ms = 60'000;  ///< Without progress.
  std::int64_t last_words_ms = 1'000;      ///< For all of WriteLast.
};

class SocketSink final : public BodySink {
 public:
  /// `head` is made when the first piece goes out, and sent with it.
  SocketSink(Wire& wire, int descriptor, std::function<std::string()> head, Framing framing,
             runtime::CancelToken cancel, SinkTimes times);

  Status Write(std::string_view bytes) override;
  void WriteLast(std::string_view bytes) override;
  /// Ends the body (and sends the head when there was no piece).
  Status Finish();
  /// True once any byte may have left.
  bool started() const { return started_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  Status SendAll(std::string_view a, std::string_view b, std::string_view c);
  /// OK, or why `want` did not come about until `give_up_ns`.
  Status WaitUntilReady(Wire::End want, std::int64_t give_up_ns,
                        const runtime::CancelToken& cancel) const;

  Wire& wire_;
  int descriptor_;
  const std::function<std::string()> head_;
  Framing framing_;
  runtime::CancelToken cancel_;
  const SinkTimes times_;
  std::string unsent_;  // Of a Write that failed.
  bool started_ = false;
  std::uint64_t bytes_ = 0;
};

}  // namespace granary::net
