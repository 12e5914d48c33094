// UpstreamSocket: a connection to another service, for a thread that waits on it and looks up every
// 20 ms whether anybody still wants the answer.
//
// Errors     kUnavailable: no connection came about. kIoError: it broke. kDeadlineExceeded: nothing
//            moved for too long. The cancel token's own.
// Threads    one.
// Owns       its descriptor.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "granary/base/status.h"
#include "granary/runtime/cancel.h"

namespace granary::net {

struct UpstreamAddress {
  std::string host;
  std::string port;

  /// "127.0.0.1:8000", "[::1]:8000": for messages and Host.
  std::string text() const;
};

/// "http://127.0.0.1:8000" apart. kInvalidArgument for anything else.
Result<UpstreamAddress> ParseUpstreamUrl(std::string_view url);

class UpstreamSocket {
 public:
  static Result<UpstreamSocket> Connect(const UpstreamAddress& address, std::int64_t timeout_ms,
                                        const runtime::CancelToken& cancel);
  UpstreamSocket(UpstreamSocket&& other) noexcept;
  UpstreamSocket& operator=(UpstreamSocket&& other) noexcept;
  ~UpstreamSocket();

  /// True while it is idle as it should be: the peer has not closed it, and nothing lies on it.
  bool IsQuiet() const;
  /// How many bytes there are in `out`; 0 at the end of what the peer sends.
  Result<std::size_t> Read(std::span<char> out, std::int64_t timeout_ms,
                           const runtime::CancelToken& cancel);
  /// True once all is sent; false when the peer spoke first, or takes no more: then its answer is
  /// to be read.
  Result<bool> Write(std::string_view bytes, std::int64_t timeout_ms,
                     const runtime::CancelToken& cancel);

 private:
  UpstreamSocket(int descriptor, std::string peer) : fd_(descriptor), peer_(std::move(peer)) {}
  Status Broke(std::string_view doing) const;

  int fd_ = -1;
  std::string peer_;
};

}  // namespace granary::net
