#include "granary/hosting/rest_door.h"

#include <utility>

namespace granary::hosting {

RestDoor::RestDoor(Logger& log, const io::Clock& clock, Metrics& metrics, Router router,
                   DispatcherOptions dispatch)
    : dispatcher_(log, clock, metrics, std::move(router), std::move(dispatch)) {}

RestDoor::~RestDoor() = default;

Result<std::unique_ptr<RestDoor>> RestDoor::Listen(net::HttpServerOptions options, Logger& log,
                                                   const io::Clock& clock, Metrics& metrics,
                                                   Router router, DispatcherOptions dispatch,
                                                   ServerHandle& handle) {
  std::unique_ptr<RestDoor> door(
      new RestDoor(log, clock, metrics, std::move(router), std::move(dispatch)));
  const Dispatcher& dispatcher = door->dispatcher_;
  options.lane_of = [&dispatcher](const net::HttpRequest& request) {
    return dispatcher.LaneOf(request);
  };
  options.admit = [&dispatcher](net::HttpRequest& request) { return dispatcher.Admit(request); };
  auto answer = [&dispatcher](net::HttpRequest& request) { return dispatcher.Handle(request); };
  auto refuse = [&dispatcher](const Status& status, std::optional<int> http_status,
                              const std::string& request_id) {
    return dispatcher.Refuse(status, http_status, request_id);
  };
  GRANARY_ASSIGN(door->server_, net::HttpServer::Start(std::move(options), log, std::move(answer),
                                                       std::move(refuse)));
  handle.Set(door->server_.get());
  return door;
}

}  // namespace granary::hosting
