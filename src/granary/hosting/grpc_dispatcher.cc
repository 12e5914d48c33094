#include "granary/hosting/grpc_dispatcher.h"

#include <utility>

#include <fmt/format.h>

#include "granary/api/code_table.h"
#include "granary/api/proto_error.h"
#include "granary/hosting/trace_context.h"

namespace granary::hosting {
namespace {

constexpr std::size_t kPathBytesMax = 128;  ///< Of a client's path in a message.

/// "/service/Method" -> "Method"; nothing for another service's.
std::string_view MethodIn(std::string_view path, std::string_view service) {
  if (!path.starts_with('/') || !path.substr(1).starts_with(service)) return {};
  path.remove_prefix(1 + service.size());
  return path.starts_with('/') ? path.substr(1) : std::string_view();
}

}  // namespace

Result<std::string> GrpcMethodCall::Request() {
  GRANARY_ASSIGN(auto message, messages.Read());
  if (!message) return Status(Code::kInvalidRequest, "the call has no message");
  return std::move(*message);
}

GrpcDispatcher::GrpcDispatcher(Logger& log, const io::Clock& clock, Metrics& metrics,
                               GrpcDispatcherOptions options)
    : log_(log), clock_(clock), metrics_(metrics), options_(std::move(options)) {}

const GrpcMethod* GrpcDispatcher::Find(std::string_view path) const {
  const std::string_view name = MethodIn(path, options_.service);
  for (const GrpcMethod& method : options_.methods)
    if (name == method.name) return &method;
  return nullptr;
}

Status GrpcDispatcher::NoSuchMethod(std::string_view path) const {
  for (const auto& [service, title] : options_.later_services) {
    if (path.starts_with("/" + service + "/"))
      return Status::Unsupported(fmt::format("{} is not offered by this version", title));
  }
  return Status::Unsupported(fmt::format("there is no method '{}'; the service is {}",
                                         path.substr(0, kPathBytesMax), options_.service));
}

net::HandlerLane GrpcDispatcher::LaneOf(std::string_view path) const {
  const GrpcMethod* method = Find(path);
  if (method == nullptr || !method->needs_access) return net::HandlerLane::kUrgent;
  return method->lane;
}

net::GrpcEnd GrpcDispatcher::EndOf(const GrpcMethod* method, const Status& told,
                                   const std::map<std::string, std::string>& metadata) const {
  const std::string_view name = method == nullptr ? std::string_view() : method->name;
  const std::int64_t retry_after_seconds =
      options_.retry_after_seconds ? options_.retry_after_seconds(told, name) : 1;
  api::RichError error = api::ToRichError(told, metadata, retry_after_seconds);
  return {error.code, std::move(error.message), std::move(error.details)};
}

net::GrpcEnd GrpcDispatcher::Handle(net::GrpcCall& call, net::GrpcMessages& messages) const {
  const std::int64_t start_ns = clock_.MonotonicNanos();
  const GrpcMethod* method = Find(call.method);
  GrpcMethodCall method_call{call, messages};
  Status status;
  if ((method == nullptr || method->needs_access) && options_.check_access) {
    Access access = options_.check_access(call);
    status = std::move(access.status);
    method_call.who = std::move(access.who);
  }
  if (status.ok()) status = method ? method->handler(method_call) : NoSuchMethod(call.method);
  const Status told = options_.told ? options_.told(status) : status;
  Record(call, method, start_ns, status, told.message() != status.message());
  return EndOf(method, told, method_call.error_metadata);
}

net::GrpcEnd GrpcDispatcher::Refuse(const Status& status, const net::GrpcCall& call) const {
  const GrpcMethod* method = Find(call.method);
  Record(call, method, clock_.MonotonicNanos(), status, /*hides=*/false);
  return EndOf(method, status, {});
}

void GrpcDispatcher::Record(const net::GrpcCall& call, const GrpcMethod* method,
                            std::int64_t start_ns, const Status& status, bool hides) const {
  const double seconds = static_cast<double>(clock_.MonotonicNanos() - start_ns) / 1e9;
  metrics_.CountCall(method == nullptr ? "unknown" : method->name, CodeName(status.code()),
                     seconds);
  const api::CodeRow& row = api::RowOf(status.code());
  const bool is_probe = method != nullptr && !method->needs_access;
  const bool is_news = (row.http >= 500 || hides) && !is_probe;
  const LogLevel level = is_news ? row.log : LogLevel::kDebug;
  if (!log_.Enabled(level)) return;
  log_.Write(level, status.ok() ? std::string_view("request") : status.message(),
             {{"request_id", call.request_id},
              {"trace_id", TraceIdOf(call.metadata)},
              {"method", "gRPC"},
              {"path", call.method},
              {"status", row.grpc},
              {"code", CodeName(status.code())},
              {"ms", seconds * 1000},
              {"peer", call.peer}});
}

}  // namespace granary::hosting
