#include "rest_load.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "answer_reader.h"
#include "stop_watch.h"

namespace granary::bench {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

struct Connection {
  explicit Connection(int fd) : socket(fd) {}
  Descriptor socket;
  AnswerReader answer;
  std::string_view unsent;
  std::uint64_t sent_at_ns = 0;
  bool busy = false;  // A request is under way.
  bool waits_to_send = false;
};

Status Errno(std::string_view what) {
  return Status(Code::kUnavailable, fmt::format("{}: {}", what, std::strerror(errno)));
}

class EpollLoop {
 public:
  EpollLoop(RequestFile& requests, const LoadPlan& plan) : requests_(requests), plan_(plan) {}

  Result<LoadResult> Run() {
    if (epoll_.get() < 0) return Errno("epoll_create1");
    GRANARY_TRY(Connect());
    const StopWatch watch;
    requests_left_ = plan_.requests_max == 0 ? ~std::uint64_t{0} : plan_.requests_max;
    deadline_ns_ = NowNs() + static_cast<std::uint64_t>(plan_.seconds * 1e9);
    Drive();
    result_.wall_seconds = watch.wall_seconds();
    result_.cpu_seconds = watch.cpu_seconds();
    return result_;
  }

 private:
  Status Connect() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(plan_.port);
    if (::inet_pton(AF_INET, plan_.host.c_str(), &address.sin_addr) != 1)
      return Status(Code::kInvalidArgument, fmt::format("{}: not an IPv4 address", plan_.host));
    for (std::size_t i = 0; i < plan_.connections; ++i) {
      auto connection =
          std::make_unique<Connection>(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const int fd = connection->socket.get();
      if (fd < 0) return Errno("socket");
      if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
        return Errno(fmt::format("{}:{}", plan_.host, plan_.port));
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.ptr = connection.get();
      if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return Errno("epoll_ctl");
      connections_.push_back(std::move(connection));
    }
    return Status::Ok();
  }

  // Returns when nothing is under way any more.
  void Drive() {
    for (const auto& connection : connections_) Start(*connection);
    std::array<epoll_event, 256> events;
    while (under_way_ > 0) {
      const int ready = ::epoll_wait(epoll_.get(), events.data(), events.size(), -1);
      for (int i = 0; i < ready; ++i) {
        auto& connection = *static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
        const auto what = events[static_cast<std::size_t>(i)].events;
        if ((what & EPOLLOUT) != 0) Send(connection);
        if ((what & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) Receive(connection);
      }
    }
  }

  void Start(Connection& connection) {
    if (requests_left_ == 0 || NowNs() >= deadline_ns_) return;
    --requests_left_;
    ++under_way_;
    connection.busy = true;
    connection.answer.Reset();
    connection.unsent = requests_.Next();
    connection.sent_at_ns = NowNs();
    Send(connection);
  }

  void Send(Connection& connection) {
    while (!connection.unsent.empty()) {
      const ssize_t sent = ::send(connection.socket.get(), connection.unsent.data(),
                                  connection.unsent.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) return Watch(connection, EPOLLIN | EPOLLOUT);
      if (sent < 0) return Break(connection, std::strerror(errno));
      result_.bytes_sent += static_cast<std::uint64_t>(sent);
      connection.unsent.remove_prefix(static_cast<std::size_t>(sent));
      if (connection.unsent.empty()) Watch(connection, EPOLLIN);
    }
  }

  // Changes what epoll reports only when that differs: a call a request would be seen.
  void Watch(Connection& connection, std::uint32_t events) {
    const bool waits = (events & EPOLLOUT) != 0;
    if (waits == connection.waits_to_send) return;
    connection.waits_to_send = waits;
    epoll_event event{};
    event.events = events;
    event.data.ptr = &connection;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.socket.get(), &event);
  }

  void Receive(Connection& connection) {
    for (;;) {
      const ssize_t got =
          ::recv(connection.socket.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) return Break(connection, got == 0 ? "the node closed" : std::strerror(errno));
      result_.bytes_received += static_cast<std::uint64_t>(got);
      const auto progress = connection.answer.Feed({buffer_.data(), static_cast<std::size_t>(got)});
      if (progress == AnswerReader::Progress::kBroken)
        return Break(connection, "the answer is not one HTTP/1.1 message");
      if (progress == AnswerReader::Progress::kDone) return Finish(connection);
      if (static_cast<std::size_t>(got) < buffer_.size()) return;
    }
  }

  void Finish(Connection& connection) {
    const std::uint64_t took = NowNs() - connection.sent_at_ns;
    connection.busy = false;
    --under_way_;
    if (connection.answer.status() / 100 == 2) {
      result_.latencies.Add(took);
    } else {
      result_.Fail(fmt::format("{}: {}", connection.answer.status(), connection.answer.refusal()));
    }
    Start(connection);
  }

  void Break(Connection& connection, std::string_view why) {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, connection.socket.get(), nullptr);
    if (!connection.busy) return;  // A kept-alive connection that has had its last request.
    connection.busy = false;
    --under_way_;
    result_.Fail(std::string(why));
  }

  RequestFile& requests_;
  const LoadPlan& plan_;
  const Descriptor epoll_{::epoll_create1(EPOLL_CLOEXEC)};
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<char> buffer_ = std::vector<char>(256 << 10);
  std::uint64_t requests_left_ = 0;
  std::uint64_t deadline_ns_ = 0;
  std::size_t under_way_ = 0;
  LoadResult result_;
};

}  // namespace

Result<LoadResult> RunRestLoad(RequestFile& requests, const LoadPlan& plan) {
  return EpollLoop(requests, plan).Run();
}

}  // namespace granary::bench
