// Wire: the bytes of one accepted connection, plain or under TLS, moved without ever waiting.
//
// Use        the descriptor does not block. After kWantRead or kWantWrite the caller waits until it
//            is readable or writable and calls again; a write then begins with the same bytes as
//            before.
// Threads    one reader and one writer at a time, on any threads.
// Owns       its TLS state; the descriptor stays its socket's.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

#include "granary/net/tls_context.h"

struct ssl_st;

namespace granary::net {

class Wire {
 public:
  enum class End : std::uint8_t { kMoved, kWantRead, kWantWrite, kClosed };
  struct Moved {
    End end = End::kClosed;
    std::size_t bytes = 0;  ///< At least 1 with kMoved.
  };

  /// Without `tls`, plain.
  Wire(int descriptor, const TlsContext* tls);
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  bool is_tls() const { return ssl_ != nullptr; }
  /// kMoved when done, and at once when plain.
  Moved Handshake();
  Moved Read(char* out, std::size_t size);
  Moved Write(std::span<const iovec> pieces);
  /// Says that nothing more is sent; a failure is the peer's loss.
  void EndSending();

 private:
  Moved Failed(int result);

  int descriptor_;
  ssl_st* ssl_ = nullptr;
  std::mutex mutex_;  // Guards ssl_'s state.
};

}  // namespace granary::net
