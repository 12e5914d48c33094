// ClientWatch: looks for the client's leaving while a handler runs; bytes that come meanwhile are
// the next requests.
//
// Threads    the connection's event loop.
// Owns       its socket, with others; `in` lives as long as `owner`.
#pragma once

#include <memory>
#include <string>

#include "granary/net/timed_socket.h"
#include "granary/runtime/cancel.h"

namespace granary::net {

class ClientWatch : public std::enable_shared_from_this<ClientWatch> {
 public:
  /// Cancels `cancel` when the client leaves; appends what it sends to `in`. Keeps `owner`.
  ClientWatch(std::shared_ptr<void> owner, std::shared_ptr<TimedSocket> socket, std::string& in,
              runtime::CancelToken cancel);

  /// Looks until Stop, or until enough has come for now.
  void Start();
  void Stop();

 private:
  void OnReadable();

  const std::shared_ptr<void> owner_;
  const std::shared_ptr<TimedSocket> socket_;
  std::string& in_;
  runtime::CancelToken cancel_;
  bool stopped_ = false;
};

}  // namespace granary::net
