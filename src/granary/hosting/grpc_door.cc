#include "granary/hosting/grpc_door.h"

#include <utility>

#include "granary/api/proto_error.h"
#include "granary/api/proto_health.h"

namespace granary::hosting {

GrpcDoor::GrpcDoor(Logger& log, const io::Clock& clock, Metrics& metrics,
                   GrpcDispatcherOptions dispatch)
    : dispatcher_(log, clock, metrics, std::move(dispatch)) {}

GrpcDoor::~GrpcDoor() = default;

Result<std::unique_ptr<GrpcDoor>> GrpcDoor::Listen(net::GrpcServerOptions options, Logger& log,
                                                   const io::Clock& clock, Metrics& metrics,
                                                   GrpcDispatcherOptions dispatch) {
  api::SilenceProtobuf();
  api::DescribeHealth();
  std::unique_ptr<GrpcDoor> door(new GrpcDoor(log, clock, metrics, std::move(dispatch)));
  const GrpcDispatcher& dispatcher = door->dispatcher_;
  options.lane_of = [&dispatcher](const std::string& path) { return dispatcher.LaneOf(path); };
  options.services = {dispatcher.service()};
  auto handle = [&dispatcher](net::GrpcCall& call, net::GrpcMessages& messages) {
    return dispatcher.Handle(call, messages);
  };
  auto refuse = [&dispatcher](const Status& status, const net::GrpcCall& call) {
    return dispatcher.Refuse(status, call);
  };
  GRANARY_ASSIGN(door->server_, net::GrpcServer::Start(std::move(options), log, std::move(handle),
                                                       std::move(refuse)));
  return door;
}

}  // namespace granary::hosting
