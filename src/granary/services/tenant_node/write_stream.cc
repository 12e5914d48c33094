#include "granary/services/tenant_node/write_stream.h"

#include <fmt/format.h>

#include "granary/api/request_json.h"
#include "granary/hosting/content_rules.h"
#include "granary/services/tenant_node/gateway_guard.h"
#include "granary/services/tenant_node/idempotency.h"

namespace granary::services {
namespace {

Result<SourceId> SourceParameter(const net::HttpRequest& request) {
  const auto text = request.QueryParameter("source_id");
  if (!text) {
    return Status(Code::kInvalidArgument,
                  "the query parameter source_id is missing: it says where the records go");
  }
  return SourceId::Parse(*text);
}

/// As the member of a JSON body, but no place of a body is wrong.
Result<bool> OnErrorParameter(const net::HttpRequest& request) {
  const auto parsed = api::ParseOnError(request.QueryParameter("on_error"), "on_error");
  if (parsed.ok()) return parsed;
  return Status(Code::kInvalidArgument, std::string(parsed.status().message()));
}

Result<StreamWrite> ParseStreamWrite(const net::HttpRequest& request) {
  StreamWrite write;
  GRANARY_ASSIGN(const auto format, hosting::StreamedBodyFormat(request));
  if (!format) return Status::Internal("a streamed body of no known format");
  write.format = *format;
  GRANARY_ASSIGN(write.source, SourceParameter(request));
  GRANARY_ASSIGN(write.atomic, hosting::BoolParameter(request, "atomic", true));
  GRANARY_ASSIGN(write.skips_wrong, OnErrorParameter(request));
  GRANARY_ASSIGN(write.key, KeyOf(request));
  write.key_seed = KeySeedOf(write);
  write.bytes = [source = request.body_source](std::span<char> out) { return source->Read(out); };
  write.cancel = request.cancel;
  return write;
}

}  // namespace

bool IsStreamedWrite(const net::HttpRequest& request) {
  if (request.method != "POST") return false;
  if (request.path != "/data/write" && request.path != "/v1/data/write") return false;
  const auto format = hosting::StreamedBodyFormat(request);
  return format.ok() && *format;
}

Result<net::HttpResponse> WriteStreamed(NodeState& state, hosting::RouteCall& call) {
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(const StreamWrite write, ParseStreamWrite(call.request));
  GRANARY_TRY(RightsOf(call).Need(security::Verb::kWrite, write.source));
  GRANARY_ASSIGN(const WriteAnswer answer, tenant->WriteStream(write));
  return WriteResponse(state, *tenant, answer);
}

Status CheckNoStreamParameters(const net::HttpRequest& request) {
  for (const char* name : {"source_id", "atomic", "on_error"}) {
    if (!request.QueryParameter(name)) continue;
    return {Code::kInvalidArgument,
            fmt::format("the query parameter {} is for NDJSON, CSV, Arrow and Parquet; a JSON body "
                        "has it as a member, and is always one transaction",
                        name)};
  }
  return Status::Ok();
}

}  // namespace granary::services
