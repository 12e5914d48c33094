#include "granary/cli/embedded_node.h"

#include <chrono>

#include <fmt/format.h>

#include "granary/api/request_json.h"
#include "granary/api/response_json.h"
#include "granary/base/log.h"
#include "granary/io/clock.h"
#include "granary/io/failpoint.h"
#include "granary/io/posix_file_system.h"
#include "granary/runtime/worker_pool.h"
#include "granary/tenant/tenant.h"

namespace granary::cli {
namespace {

using Instant = std::chrono::steady_clock::time_point;

double MillisSince(Instant start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

Result<std::string> AddSource(Tenant& tenant, std::string_view body) {
  GRANARY_ASSIGN(const auto definition, api::ParseSource(body));
  GRANARY_ASSIGN(const auto added, tenant.AddSource(definition));
  return api::SourceJson(added.source);
}

Result<std::string> Write(Tenant& tenant, std::string_view body) {
  GRANARY_ASSIGN(const auto request, api::ParseWrite(body));
  GRANARY_ASSIGN(const auto answer,
                 tenant.Write({.source = request.source, .records = request.records}));
  return api::WriteJson(answer);
}

Result<std::string> Search(Tenant& tenant, std::string_view body) {
  const Instant start = std::chrono::steady_clock::now();
  GRANARY_ASSIGN(const auto request, api::ParseSearch(body, /*streaming=*/false));
  api::SearchJson out;
  GRANARY_ASSIGN(const auto stats, tenant.Search(request, runtime::CancelToken(),
                                                 [&](const query::ResultBatch& rows) {
                                                   out.Add(rows);
                                                   return Status::Ok();
                                                 }));
  return out.Finish(stats, MillisSince(start));
}

Result<std::string> Aggregate(Tenant& tenant, std::string_view body) {
  const Instant start = std::chrono::steady_clock::now();
  GRANARY_ASSIGN(const auto request, api::ParseAggregate(body));
  GRANARY_ASSIGN(const auto answer, tenant.Aggregate(request, runtime::CancelToken()));
  return api::AggregateJson(answer, MillisSince(start));
}

}  // namespace

struct EmbeddedNode::State {
  io::PosixFileSystem files;
  io::SystemClock clock;
  runtime::WorkerPool pool{{.threads = 2}};
  std::unique_ptr<Tenant> tenant;
};

EmbeddedNode::EmbeddedNode(std::unique_ptr<State> state) : state_(std::move(state)) {}
EmbeddedNode::~EmbeddedNode() = default;
EmbeddedNode::EmbeddedNode(EmbeddedNode&&) noexcept = default;
EmbeddedNode& EmbeddedNode::operator=(EmbeddedNode&&) noexcept = default;

Result<EmbeddedNode> EmbeddedNode::Open(const std::string& root) {
  auto state = std::make_unique<State>();
  TenantOptions options;
  GRANARY_ASSIGN(options.id, TenantId::Parse("default_tenant"));
  options.store.root = root;
  options.store.tenant = options.id;
  const storage::StoreDeps deps{state->files, state->clock, io::Failpoints::None(), Logger::Null(),
                                state->pool};
  GRANARY_ASSIGN(state->tenant, Tenant::Open(deps, std::move(options)));
  return EmbeddedNode(std::move(state));
}

Result<std::string> EmbeddedNode::Call(std::string_view method, std::string_view target,
                                       std::string_view body) {
  Tenant& tenant = *state_->tenant;
  if (method == "POST") {
    if (target == "/sources/add") return AddSource(tenant, body);
    if (target == "/data/write") return Write(tenant, body);
    if (target == "/data/search") return Search(tenant, body);
    if (target == "/data/aggregate") return Aggregate(tenant, body);
    constexpr std::string_view kPrefix = "/sources/", kSuffix = "/flush";
    if (target.starts_with(kPrefix) && target.ends_with(kSuffix)) {
      target.remove_prefix(kPrefix.size());
      target.remove_suffix(kSuffix.size());
      GRANARY_ASSIGN(const SourceId id, SourceId::Parse(target));
      GRANARY_TRY(tenant.Flush(id));
      GRANARY_ASSIGN(const auto stats, tenant.Stats(id));
      return api::StatsJson(stats);
    }
  }
  return Status(Code::kNotFound,
                fmt::format("{} {} is not part of an embedded node", method, target));
}

Status EmbeddedNode::Close() { return state_->tenant->Close(); }

}  // namespace granary::cli
