#include "granary/net/client_watch.h"

#include <utility>

namespace granary::net {

using boost::system::error_code;

namespace {

constexpr std::size_t kAheadBytes = 4096;
constexpr std::size_t kPipelinedBytesMax = 64u << 10;

}  // namespace

ClientWatch::ClientWatch(std::shared_ptr<void> owner, std::shared_ptr<TimedSocket> socket,
                         std::string& in, runtime::CancelToken cancel)
    : owner_(std::move(owner)), socket_(std::move(socket)), in_(in), cancel_(std::move(cancel)) {}

void ClientWatch::Start() {
  if (in_.size() >= kPipelinedBytesMax) return;
  socket_->socket().async_wait(boost::asio::ip::tcp::socket::wait_read,
                               [self = shared_from_this()](error_code error) {
                                 if (!self->stopped_ && !error) self->OnReadable();
                               });
}

void ClientWatch::OnReadable() {
  char bytes[kAheadBytes];
  const Wire::Moved read = socket_->wire().Read(bytes, sizeof(bytes));
  if (read.end == Wire::End::kClosed) return cancel_.Cancel();
  in_.append(bytes, read.bytes);
  Start();
}

void ClientWatch::Stop() {
  stopped_ = true;
  socket_->Cancel();
}

}  // namespace granary::net
