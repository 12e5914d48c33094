#include "granary/net/wire.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "granary/base/check.h"

namespace granary::net {
namespace {

constexpr std::size_t kRecordBytes = 16u << 10;  // What one TLS record holds.

Wire::Moved PlainResult(ssize_t n, Wire::End want) {
  if (n > 0) return {Wire::End::kMoved, static_cast<std::size_t>(n)};
  const bool full = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS);
  return {full ? want : Wire::End::kClosed, 0};
}

// As much of the pieces as one record takes: many small ones would each cost a record.
std::size_t Gather(std::span<const iovec> pieces, std::array<char, kRecordBytes>& out) {
  std::size_t size = 0;
  for (const iovec& piece : pieces) {
    const std::size_t n = std::min(piece.iov_len, out.size() - size);
    if (n > 0) std::memcpy(out.data() + size, piece.iov_base, n);
    size += n;
  }
  return size;
}

}  // namespace

Wire::Wire(int descriptor, const TlsContext* tls) : descriptor_(descriptor) {
  if (tls == nullptr) return;
  ssl_ = SSL_new(tls->get());
  GRANARY_CHECK(ssl_ != nullptr, "SSL_new");
  GRANARY_CHECK(SSL_set_fd(ssl_, descriptor) == 1, "SSL_set_fd {}", descriptor);
  SSL_set_accept_state(ssl_);
}

Wire::~Wire() { SSL_free(ssl_); }

Wire::Moved Wire::Failed(int result) {
  const int error = SSL_get_error(ssl_, result);
  ERR_clear_error();
  if (error == SSL_ERROR_WANT_READ) return {End::kWantRead, 0};
  if (error == SSL_ERROR_WANT_WRITE) return {End::kWantWrite, 0};
  return {End::kClosed, 0};
}

Wire::Moved Wire::Handshake() {
  if (ssl_ == nullptr) return {End::kMoved, 0};
  const std::lock_guard lock(mutex_);
  ERR_clear_error();
  const int done = SSL_do_handshake(ssl_);
  return done == 1 ? Moved{End::kMoved, 0} : Failed(done);
}

Wire::Moved Wire::Read(char* out, std::size_t size) {
  if (ssl_ == nullptr) {
    ssize_t n;
    do {
      n = ::recv(descriptor_, out, size, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return PlainResult(n, End::kWantRead);
  }
  const std::lock_guard lock(mutex_);
  ERR_clear_error();
  std::size_t n = 0;
  const int done = SSL_read_ex(ssl_, out, size, &n);
  return done == 1 ? Moved{End::kMoved, n} : Failed(done);
}

Wire::Moved Wire::Write(std::span<const iovec> pieces) {
  if (ssl_ == nullptr) {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces.data());
    message.msg_iovlen = pieces.size();
    ssize_t n;
    do {
      n = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return PlainResult(n, End::kWantWrite);
  }
  std::array<char, kRecordBytes> record;
  const std::size_t size = Gather(pieces, record);
  const std::lock_guard lock(mutex_);
  ERR_clear_error();
  std::size_t n = 0;
  const int done = SSL_write_ex(ssl_, record.data(), size, &n);
  return done == 1 ? Moved{End::kMoved, n} : Failed(done);
}

void Wire::EndSending() {
  if (ssl_ != nullptr) {
    const std::lock_guard lock(mutex_);
    ERR_clear_error();
    if (SSL_is_init_finished(ssl_) == 1) SSL_shutdown(ssl_);
    ERR_clear_error();
  }
  ::shutdown(descriptor_, SHUT_WR);
}

}  // namespace granary::net
