// What tests of the server, and of whoever asks one, share: a client and a server that write byte by
// byte, and our own server.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "granary/net/http_server.h"

namespace granary::net {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kPatienceMs = 20'000;

class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer > 0)
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  RawClient(RawClient&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  ~RawClient() { Close(); }

  bool connected() const { return connected_; }
  void Close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  /// False at the end, on a reset or when nothing comes.
  bool ReadMore() {
    pollfd waited{.fd = fd_, .events = POLLIN, .revents = 0};
    if (::poll(&waited, 1, kPatienceMs) <= 0) return false;
    char bytes[16384];
    const ssize_t n = ::recv(fd_, bytes, sizeof(bytes), 0);
    if (n > 0) in_.append(bytes, static_cast<std::size_t>(n));
    if (n < 0) reset_ = true;
    return n > 0;
  }
  std::string ReadToEnd() {
    while (ReadMore()) {
    }
    return std::exchange(in_, {});
  }
  /// One answer with a Content-Length, without its body when `head_only`.
  std::string ReadAnswer(bool head_only = false) {
    std::size_t end;
    while ((end = in_.find("\r\n\r\n")) == std::string::npos) {
      if (!ReadMore()) return std::exchange(in_, {});
    }
    end += 4;
    const auto at = in_.find("Content-Length: ");
    if (!head_only && at != std::string::npos && at < end) end += std::stoul(in_.substr(at + 16));
    while (in_.size() < end) {
      if (!ReadMore()) break;
    }
    std::string answer = in_.substr(0, end);
    in_.erase(0, end);
    return answer;
  }
  bool was_reset() const { return reset_; }

 private:
  int fd_;
  bool connected_ = false;
  bool reset_ = false;
  std::string in_;
};

/// Answers what a test says, byte by byte, and keeps what it was sent.
class RawServer {
 public:
  RawServer() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
    socklen_t size = sizeof(address);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~RawServer() { ::close(fd_); }
  std::uint16_t port() const { return port_; }
  int Accept() const { return ::accept(fd_, nullptr, nullptr); }
  /// Until a blank line.
  static std::string ReadHead(int fd) {
    std::string in;
    char byte;
    while (in.find("\r\n\r\n") == std::string::npos && ::recv(fd, &byte, 1, 0) == 1)
      in.push_back(byte);
    return in;
  }
  static void Send(int fd, std::string_view bytes) {
    ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

inline int StatusOf(const std::string& answer) {
  return answer.starts_with("HTTP/1.1 ") ? std::stoi(answer.substr(9, 3)) : 0;
}
inline std::string BodyOf(const std::string& answer) {
  const auto at = answer.find("\r\n\r\n");
  return at == std::string::npos ? "" : answer.substr(at + 4);
}
inline bool Has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

inline HttpResponse RefuseForTest(const Status& status, std::optional<int> http_status,
                                  const std::string& request_id) {
  int http = 400;
  if (status.code() == Code::kTooLarge) http = 413;
  if (status.code() == Code::kUnsupported) http = 501;
  if (status.code() == Code::kInternal) http = 500;
  if (status.code() == Code::kOverloaded) http = 503;
  if (status.code() == Code::kDeadlineExceeded) http = 504;
  if (status.code() == Code::kCancelled) http = 499;
  HttpResponse response;
  response.status = http_status.value_or(http);
  response.content_type = "application/problem+json";
  response.body = fmt::format("{} {}", request_id, status.ToString());
  return response;
}

inline HttpResponse Echo(HttpRequest& request) {
  HttpResponse response;
  response.content_type = "text/plain";
  response.body = fmt::format("{} {} [{}]", request.method, request.path, request.body);
  return response;
}

struct ServerTest : ::testing::Test {
  std::unique_ptr<HttpServer> Start(HttpHandler handler, HttpServerOptions options = {}) {
    options.host = "127.0.0.1";
    options.port = 0;
    options.handler_threads = std::min<std::size_t>(options.handler_threads, 8);
    auto server = HttpServer::Start(options, Logger::Null(), std::move(handler), RefuseForTest);
    EXPECT_TRUE(server.ok()) << server.status().ToString();
    return server.Take();
  }
  static std::string Exchange(const HttpServer& server, std::string_view request) {
    RawClient client(server.port());
    client.Send(request);
    return client.ReadAnswer();
  }
  static std::string ExchangeToEnd(const HttpServer& server, std::string_view request) {
    RawClient client(server.port());
    client.Send(request);
    return client.ReadToEnd();
  }
};

template <typename Condition>
bool Eventually(Condition condition) {
  const auto give_up = steady_clock::now() + milliseconds(kPatienceMs);
  while (!condition()) {
    if (steady_clock::now() > give_up) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace granary::net
