// SocketSource: the body of a request from its socket to a handler's thread, as it comes.
//
// Place      HttpConnection hands its wire, the bytes it has read and its parser to the
//            handler's thread while the request runs, and touches none of them meanwhile.
// Promise    one piece is in memory, however long the body is: a slow handler slows its client. A
//            deadline or a server that stops is noticed within 20 ms.
// Threads    one.
// Owns       nothing: wire, descriptor, `in` and `parser` outlive it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "granary/net/http_message.h"
#include "granary/net/request_parser.h"
#include "granary/net/wire.h"
#include "granary/runtime/cancel.h"

namespace granary::net {

struct SocketSourceOptions {
  bool chunked = false;
  std::uint64_t content_length = 0;
  bool wants_continue = false;       ///< The client sends once it was told to.
  std::int64_t timeout_ms = 60'000;  ///< Without progress.
};

class SocketSource final : public BodySource {
 public:
  /// `in` is what was read already; bytes behind the body are left there.
  SocketSource(SocketSourceOptions options, Wire& wire, int descriptor, std::string& in,
               RequestParser& parser, runtime::CancelToken cancel);

  Result<std::size_t> Read(std::span<char> out) override;
  /// True once the whole body was read.
  bool whole() const { return whole_; }
  bool timed_out() const override { return timed_out_; }

 private:
  Result<std::size_t> ReadSome(std::span<char> out);
  Result<std::size_t> ReadPlain(std::span<char> out);
  Result<std::size_t> ReadChunked(std::span<char> out);
  Result<std::size_t> Receive(std::span<char> out);
  Status AskForBody();

  const SocketSourceOptions options_;
  Wire& wire_;
  const int descriptor_;
  std::string& in_;
  RequestParser& parser_;
  const runtime::CancelToken cancel_;
  std::uint64_t left_;
  std::string decoded_;  // Of chunks; from decoded_at_ on not handed out yet.
  std::size_t decoded_at_ = 0;
  bool asked_ = false, whole_ = false, timed_out_ = false;
  Status failure_;
};

}  // namespace granary::net
