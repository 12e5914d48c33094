// ServerHandle: the server that a service's handlers ask about, which exists a moment after the
// first request may come.
//
// Threads    fully safe; Set once.
#pragma once

#include <future>

#include "granary/net/http_server.h"

namespace granary::hosting {

class ServerHandle {
 public:
  ServerHandle() : server_(promise_.get_future().share()) {}
  void Set(const net::HttpServer* server) { promise_.set_value(server); }
  /// Waits that moment.
  const net::HttpServer& Get() const { return *server_.get(); }

 private:
  std::promise<const net::HttpServer*> promise_;
  std::shared_future<const net::HttpServer*> server_;
};

}  // namespace granary::hosting
