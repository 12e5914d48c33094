#include "granary/net/upstream_socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "granary/net/poll_pace.h"

namespace granary::net {
namespace {

Status NotReached(const std::string& peer, std::string_view why) {
  return {Code::kUnavailable, fmt::format("{} cannot be reached: {}", peer, why)};
}

/// OK once one of `events` is there; `late` when it is not for `timeout_ms`.
Status Await(int descriptor, short events, std::int64_t timeout_ms,
             const runtime::CancelToken& cancel, const Status& late) {
  const std::int64_t give_up_ns = NowNs() + timeout_ms * 1'000'000;
  for (;;) {
    GRANARY_TRY(cancel.Check());
    pollfd waited{.fd = descriptor, .events = events, .revents = 0};
    if (::poll(&waited, 1, kPollMs) > 0) return Status::Ok();
    if (NowNs() >= give_up_ns) return late;
  }
}

Result<int> ConnectOne(const addrinfo& to, const std::string& peer, std::int64_t timeout_ms,
                       const runtime::CancelToken& cancel) {
  const int fd = ::socket(to.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  if (fd < 0) return NotReached(peer, std::strerror(errno));
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  int error = ::connect(fd, to.ai_addr, to.ai_addrlen) == 0 ? 0 : errno;
  Status status;
  if (error == EINPROGRESS) {
    status = Await(fd, POLLOUT, timeout_ms, cancel,
                   NotReached(peer, fmt::format("no answer for {} ms", timeout_ms)));
    socklen_t size = sizeof(error);
    if (status.ok()) ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  }
  if (status.ok() && error != 0) status = NotReached(peer, std::strerror(error));
  if (status.ok()) return fd;
  ::close(fd);
  return status;
}

}  // namespace

std::string UpstreamAddress::text() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
}

Result<UpstreamAddress> ParseUpstreamUrl(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  const Status bad(Code::kInvalidArgument,
                   fmt::format("'{}' is not a URL like http://127.0.0.1:8000", url));
  if (!url.starts_with(kScheme)) return bad;
  url.remove_prefix(kScheme.size());
  if (url.ends_with('/')) url.remove_suffix(1);
  if (url.find_first_of("/?#@ \r\n") != std::string_view::npos) return bad;
  std::size_t colon = url.rfind(':');
  if (const auto bracket = url.rfind(']'); bracket != std::string_view::npos && colon < bracket)
    colon = std::string_view::npos;
  std::string_view host = url.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  UpstreamAddress address{std::string(host), colon == std::string_view::npos
                                                 ? "80"
                                                 : std::string(url.substr(colon + 1))};
  constexpr std::string_view kDigits = "0123456789";
  const bool is_port = !address.port.empty() && address.port.size() <= 5 &&
                       address.port.find_first_not_of(kDigits) == std::string::npos &&
                       std::stoul(address.port) >= 1 && std::stoul(address.port) <= 65'535;
  // Names, and addresses of both kinds with a zone.
  const bool is_host = !address.host.empty() && std::ranges::all_of(address.host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(".-_:%").find(c) != std::string_view::npos;
  });
  if (!is_host || !is_port) return bad;
  return address;
}

Result<UpstreamSocket> UpstreamSocket::Connect(const UpstreamAddress& address,
                                               std::int64_t timeout_ms,
                                               const runtime::CancelToken& cancel) {
  const std::string peer = address.text();
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* raw = nullptr;
  const int error = ::getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &raw);
  if (error != 0) return NotReached(peer, ::gai_strerror(error));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> found(raw, ::freeaddrinfo);
  Status last = NotReached(peer, "it has no address");
  for (const addrinfo* to = found.get(); to != nullptr; to = to->ai_next) {
    const Result<int> fd = ConnectOne(*to, peer, timeout_ms, cancel);
    if (fd.ok()) return UpstreamSocket(*fd, peer);
    last = fd.status();
  }
  return last;
}

UpstreamSocket::UpstreamSocket(UpstreamSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), peer_(std::move(other.peer_)) {}

UpstreamSocket& UpstreamSocket::operator=(UpstreamSocket&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(peer_, other.peer_);
  return *this;
}

UpstreamSocket::~UpstreamSocket() {
  if (fd_ >= 0) ::close(fd_);
}

Status UpstreamSocket::Broke(std::string_view doing) const {
  return Status::IoError(
      fmt::format("{}: the connection broke while {}: {}", peer_, doing, std::strerror(errno)));
}

bool UpstreamSocket::IsQuiet() const {
  char byte;
  const ssize_t n = ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

Result<std::size_t> UpstreamSocket::Read(std::span<char> out, std::int64_t timeout_ms,
                                         const runtime::CancelToken& cancel) {
  for (;;) {
    const ssize_t n = ::recv(fd_, out.data(), out.size(), MSG_DONTWAIT);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return Broke("it answered");
    GRANARY_TRY(Await(
        fd_, POLLIN, timeout_ms, cancel,
        {Code::kDeadlineExceeded, fmt::format("{} sent nothing for {} ms", peer_, timeout_ms)}));
  }
}

Result<bool> UpstreamSocket::Write(std::string_view bytes, std::int64_t timeout_ms,
                                   const runtime::CancelToken& cancel) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
      continue;
    }
    if (errno == EINTR) continue;
    // It may have refused the request before all of it was there.
    if (errno == EPIPE || errno == ECONNRESET) return false;
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS) return Broke("sending");
    GRANARY_TRY(Await(
        fd_, POLLOUT | POLLIN, timeout_ms, cancel,
        {Code::kDeadlineExceeded, fmt::format("{} took nothing for {} ms", peer_, timeout_ms)}));
    char byte;
    const ssize_t spoken = ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (spoken >= 0) return false;
  }
  return true;
}

}  // namespace granary::net
