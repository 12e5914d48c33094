// RequestParser: one HTTP/1.x request from bytes; Boost.Beast's parser behind the checks that it
// leaves to its users.
//
// Errors     kInvalidArgument for what is not HTTP or could be read in two ways (Content-Length
//            with Transfer-Encoding, or twice; two Hosts), kUnsupported for transfer codings but
//            chunked, kTooLarge for a chunked body over the limit (an announced length is the
//            caller's to judge). After any of them the connection is of no more use.
// Threads    one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "granary/base/status.h"
#include "granary/net/http_message.h"

namespace granary::net {

struct RequestHead {
  std::string method;
  std::string target;
  Headers headers;
  bool http_1_1 = true;
  bool keep_alive = true;
  bool chunked = false;
  std::uint64_t content_length = 0;
};

class RequestParser {
 public:
  explicit RequestParser(std::uint64_t chunked_bytes_max);
  ~RequestParser();

  /// `head` is whole, its blank line included.
  Result<RequestHead> ParseHead(std::string_view head);

  /// Takes more of a chunked body and returns how many bytes of `bytes` it used; the rest must come
  /// again, with more behind it.
  Result<std::size_t> FeedChunked(std::string_view bytes);
  /// True once the last chunk is there.
  bool done() const;
  /// What was fed since the last call.
  std::string TakeChunkedBody();
  /// What a chunked body may have instead; nothing: as much as it likes. Between its head and it.
  void LimitTo(std::optional<std::uint64_t> chunked_bytes_max);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace granary::net
