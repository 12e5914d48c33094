#include "granary/services/tenant_node/grpc_dispatcher.h"

#include <fmt/format.h>

#include "granary/api/code_table.h"
#include "granary/api/proto_error.h"
#include "granary/hosting/trace_context.h"
#include "granary/security/node_token.h"

namespace granary::services {
namespace {

net::GrpcEnd EndOf(const NodeState& state, const GrpcMethod* method, const Status& told,
                   const std::map<std::string, std::string>& metadata) {
  const bool writes = method != nullptr && method->name.starts_with("Write");
  api::RichError error = api::ToRichError(
      told, metadata,
      RetryAfterSeconds(state, told, writes ? Awaited::kMerges : Awaited::kSearchSlots));
  return {error.code, std::move(error.message), std::move(error.details)};
}

constexpr std::string_view kFlightService = "/arrow.flight.protocol.FlightService/";

Status NoSuchMethod(std::string_view path) {
  if (path.starts_with(kFlightService))
    return Status::Unsupported("Arrow Flight SQL is not offered by this version");
  return Status::Unsupported(
      fmt::format("there is no method '{}'; the service is {}", path.substr(0, 128), kGrpcService));
}

}  // namespace

Result<std::string> GrpcMethodCall::Request() {
  GRANARY_ASSIGN(auto message, messages.Read());
  if (!message) return Status(Code::kInvalidRequest, "the call has no message");
  return std::move(*message);
}

GrpcDispatcher::GrpcDispatcher(NodeState& state, GatewayGuard& guard)
    : state_(state), guard_(guard) {
  AddGrpcDataMethods(state, methods_);
  AddGrpcSourceMethods(state, methods_);
}

const GrpcMethod* GrpcDispatcher::Find(std::string_view path) const {
  const std::string_view service = kGrpcService;
  if (!path.starts_with('/') || path.substr(1, service.size()) != service) return nullptr;
  path.remove_prefix(1 + service.size());
  for (const GrpcMethod& method : methods_)
    if (path.starts_with('/') && path.substr(1) == method.name) return &method;
  return nullptr;
}

net::HandlerLane GrpcDispatcher::LaneOf(const std::string& path) const {
  const GrpcMethod* method = Find(path);
  if (method == nullptr || !method->needs_access) return net::HandlerLane::kUrgent;
  return method->lane;
}

net::GrpcEnd GrpcDispatcher::Handle(net::GrpcCall& call, net::GrpcMessages& messages) const {
  const std::int64_t start_ns = state_.clock.MonotonicNanos();
  const GrpcMethod* method = Find(call.method);
  GrpcMethodCall method_call{call, messages};
  Status status;
  if (method == nullptr || method->needs_access) {
    auto rights = guard_.Check(call.metadata.Get(security::kNodeTokenHeader), call.peer_is_loopback,
                               call.cancel);
    status = rights.status();
    if (rights.ok()) method_call.rights = rights.Take();
  }
  if (status.ok()) status = method ? method->handler(method_call) : NoSuchMethod(call.method);
  const Status told = state_.paths.Hide(status);
  Record(call, method, start_ns, status, told.message() != status.message());
  return EndOf(state_, method, told, method_call.error_metadata);
}

net::GrpcEnd GrpcDispatcher::Refuse(const Status& status, const net::GrpcCall& call) const {
  Record(call, Find(call.method), state_.clock.MonotonicNanos(), status, /*hides=*/false);
  return EndOf(state_, Find(call.method), status, {});
}

void GrpcDispatcher::Record(const net::GrpcCall& call, const GrpcMethod* method,
                            std::int64_t start_ns, const Status& status, bool hides) const {
  const double seconds = static_cast<double>(state_.clock.MonotonicNanos() - start_ns) / 1e9;
  state_.metrics.CountCall(method == nullptr ? "unknown" : method->name, CodeName(status.code()),
                           seconds);
  const api::CodeRow& row = api::RowOf(status.code());
  const bool is_probe = method != nullptr && !method->needs_access;
  const bool is_news = (row.http >= 500 || hides) && !is_probe;
  const LogLevel level = is_news ? row.log : LogLevel::kDebug;
  if (!state_.log.Enabled(level)) return;
  state_.log.Write(level, status.ok() ? std::string_view("request") : status.message(),
                   {{"request_id", call.request_id},
                    {"trace_id", hosting::TraceIdOf(call.metadata)},
                    {"method", "gRPC"},
                    {"path", call.method},
                    {"status", row.grpc},
                    {"code", CodeName(status.code())},
                    {"ms", seconds * 1000},
                    {"peer", call.peer}});
}

}  // namespace granary::services
