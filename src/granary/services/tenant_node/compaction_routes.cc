// POST /sources/{id}/compact, GET /sources/{id}/compaction, and the jobs.
#include <fmt/format.h>

#include "granary/api/request_json.h"
#include "granary/api/response_json.h"
#include "granary/hosting/content_rules.h"
#include "granary/hosting/responses.h"
#include "granary/services/tenant_node/gateway_guard.h"
#include "granary/services/tenant_node/routes.h"

namespace granary::services {
namespace {

Result<net::HttpResponse> Compact(NodeState& state, hosting::RouteCall& call) {
  GRANARY_TRY(hosting::CheckOptionalBody(call.request));
  GRANARY_TRY(api::ParseNothing(call.request.body, state.limits));
  GRANARY_ASSIGN(const bool wait, hosting::BoolParameter(call.request, "wait", false));
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(const SourceId id, SourceId::Parse(call.parameters[0]));
  GRANARY_TRY(RightsOf(call).Need(security::Verb::kAdmin, id));
  GRANARY_ASSIGN(storage::CompactionJob job, tenant->store().Compact(id));
  if (wait) {
    GRANARY_ASSIGN(job, tenant->store().AwaitJob(job.id, call.request.cancel));
    if (job.state != storage::JobState::kDone)
      return job.failure.At(
          fmt::format("job {} ended {}", job.id, storage::JobStateName(job.state)));
  }
  net::HttpResponse response = hosting::JsonResponse(api::JobJson(job), wait ? 200 : 202);
  response.headers.Set("Location", "/jobs/" + job.id);
  return response;
}

Result<net::HttpResponse> Explain(NodeState& state, hosting::RouteCall& call) {
  GRANARY_ASSIGN(const bool all, hosting::BoolParameter(call.request, "all", false));
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(const SourceId id, SourceId::Parse(call.parameters[0]));
  GRANARY_TRY(RightsOf(call).Need(security::Verb::kAdmin, id));
  const auto wish = all ? storage::CompactionWish::kAll : storage::CompactionWish::kWhatPays;
  GRANARY_ASSIGN(const storage::CompactionPlan plan, tenant->store().PlanCompaction(id, wish));
  return hosting::JsonResponse(api::CompactionPlanJson(id, plan));
}

// A job of a source that somebody may not administer is to them as one that is not there.
Result<storage::CompactionJob> JobOf(Tenant& tenant, const hosting::RouteCall& call) {
  const std::string& id = call.parameters[0];
  GRANARY_ASSIGN(storage::CompactionJob job, tenant.store().Job(id));
  if (RightsOf(call).May(security::Verb::kAdmin, job.source)) return job;
  return Status(Code::kNotFound, fmt::format("there is no job \"{}\"", id.substr(0, 64)));
}

Result<net::HttpResponse> List(NodeState& state, hosting::RouteCall& call) {
  GRANARY_TRY(RightsOf(call).NeedSomewhere(security::Verb::kAdmin));
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  std::vector<storage::CompactionJob> jobs = tenant->store().Jobs();
  std::erase_if(jobs, [&](const storage::CompactionJob& job) {
    return !RightsOf(call).May(security::Verb::kAdmin, job.source);
  });
  return hosting::JsonResponse(api::JobsJson(jobs));
}

Result<net::HttpResponse> Show(NodeState& state, hosting::RouteCall& call) {
  GRANARY_TRY(RightsOf(call).NeedSomewhere(security::Verb::kAdmin));
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(const storage::CompactionJob job, JobOf(*tenant, call));
  return hosting::JsonResponse(api::JobJson(job));
}

Result<net::HttpResponse> Cancel(NodeState& state, hosting::RouteCall& call) {
  GRANARY_TRY(RightsOf(call).NeedSomewhere(security::Verb::kAdmin));
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(const storage::CompactionJob job, JobOf(*tenant, call));
  GRANARY_TRY(tenant->store().CancelJob(job.id).status());
  return hosting::JsonResponse("", 204);
}

}  // namespace

// Waiting for a job is patient; looking at one and ending it is urgent.
void AddCompactionRoutes(NodeState& state, hosting::Router& router) {
  const auto bind = [&state](auto handler) {
    return [&state, handler](hosting::RouteCall& call) { return handler(state, call); };
  };
  router.Add({.method = "POST",
              .pattern = "/sources/{id}/compact",
              .handler = bind(Compact),
              .lane = net::HandlerLane::kPatient,
              .query = {"wait"}});
  router.Add({.method = "GET",
              .pattern = "/sources/{id}/compaction",
              .handler = bind(Explain),
              .query = {"all"}});
  router.Add({.method = "GET",
              .pattern = "/jobs",
              .handler = bind(List),
              .lane = net::HandlerLane::kUrgent});
  router.Add({.method = "GET",
              .pattern = "/jobs/{id}",
              .handler = bind(Show),
              .lane = net::HandlerLane::kUrgent});
  router.Add({.method = "DELETE",
              .pattern = "/jobs/{id}",
              .handler = bind(Cancel),
              .lane = net::HandlerLane::kUrgent});
}

}  // namespace granary::services
