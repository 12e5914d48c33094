// /metadata/nodes and /metadata/tenants: what nodes tell, and who they are.
#include "granary/api/json_object.h"
#include "granary/hosting/responses.h"
#include "granary/services/metadata_catalog/compaction_book.h"
#include "granary/services/metadata_catalog/publishers.h"
#include "granary/services/metadata_catalog/routes.h"
#include "granary/services/metadata_catalog/source_book.h"

namespace granary::catalog {
namespace {

using hosting::JsonResponse;
using hosting::RouteCall;
using Answer = Result<net::HttpResponse>;

BookLimits LimitsOf(const Config& config) {
  return {.snapshots_kept = static_cast<std::uint64_t>(config.snapshots_kept),
          .sources_max = static_cast<std::uint64_t>(config.max_sources),
          .files_max = static_cast<std::uint64_t>(config.max_files)};
}

Answer Introduce(Desk& desk, RouteCall& call) {
  GRANARY_TRY(CheckJson(call.request));
  GRANARY_ASSIGN(const std::string id, PathIdentifier(call, 0));
  GRANARY_ASSIGN(const NodeIntroduction node, ParseIntroduction(id, call.request.body));
  const std::int64_t now_us = desk.clock.WallMicros();
  GRANARY_ASSIGN(const std::uint64_t session,
                 desk.db.Change([&](SqliteDb& db) -> Result<std::uint64_t> {
                   GRANARY_ASSIGN(const std::uint64_t opened, OpenSession(db, node, now_us));
                   GRANARY_TRY(FailRunning(db, node.tenant, "its node began anew", now_us));
                   return opened;
                 }));
  desk.heard.Hear(node.tenant, now_us);
  desk.log.Info("a node begins to tell",
                {{"node", id}, {"tenant", node.tenant}, {"session", session}});
  std::string out;
  api::JsonObject object(out);
  object.Add("node_id", id);
  object.Add("tenant_id", node.tenant);
  object.Add("session", session);
  object.Close();
  return JsonResponse(std::move(out));
}

// What there is to take, in one transaction with who tells it.
Result<std::vector<SourceId>> TakeNews(Desk& desk, SqliteDb& db,
                                       const api::Publication& publication, std::int64_t now_us) {
  GRANARY_ASSIGN(auto resend, TakePublication(db, publication, LimitsOf(desk.config), now_us));
  bool ended = false;
  for (const api::PublishedCompaction& report : publication.compactions) {
    GRANARY_TRY(ReportCompaction(db, publication.head.tenant, report, now_us));
    ended = ended || storage::HasEnded(report.state);
  }
  if (ended)
    GRANARY_TRY(PruneCompactions(db, static_cast<std::uint64_t>(desk.config.compactions_kept)));
  return resend;
}

// A node that has nothing to tell and gets nothing to do costs no write.
Result<api::CatalogAnswer> TakeAll(Desk& desk, const std::string& node,
                                   const api::Publication& publication, std::int64_t now_us) {
  const api::PublicationHead& head = publication.head;
  const auto check = [&](SqliteDb& db) {
    return CheckSession(db, node, head.key, head.tenant, head.session);
  };
  const auto is_idle = [&](SqliteDb& db) -> Result<bool> {
    GRANARY_TRY(check(db));
    GRANARY_ASSIGN(const OpenCounts open, CountOpen(db));
    return open.waiting + open.running == 0;
  };
  const bool has_news = !publication.sources.empty() || !publication.gone.empty() ||
                        publication.all_told || !publication.compactions.empty();
  api::CatalogAnswer answer;
  if (!has_news) {
    GRANARY_ASSIGN(const bool idle, desk.db.Read(is_idle));
    if (idle) return answer;
  }
  GRANARY_TRY(desk.db.Change([&](SqliteDb& db) -> Status {
    GRANARY_TRY(check(db));
    GRANARY_ASSIGN(answer.resend, TakeNews(desk, db, publication, now_us));
    GRANARY_ASSIGN(
        answer.compactions,
        HandOut(db, head.tenant, static_cast<std::uint64_t>(desk.config.merges_max), now_us));
    return Status::Ok();
  }));
  desk.parts.Add(publication.sources.size());
  return answer;
}

Answer Publish(Desk& desk, RouteCall& call) {
  GRANARY_TRY(CheckJson(call.request));
  GRANARY_ASSIGN(const std::string id, PathIdentifier(call, 0));
  GRANARY_ASSIGN(const api::Publication publication, api::ReadPublication(call.request.body));
  const std::int64_t now_us = desk.clock.WallMicros();
  // The version first: policies that come meanwhile are told the next time.
  const std::uint64_t version = desk.policies.version();
  GRANARY_ASSIGN(api::CatalogAnswer answer, TakeAll(desk, id, publication, now_us));
  if (publication.head.policies != version) {
    answer.policies = PoliciesOf(desk.policies.policies(), publication.head.tenant);
    answer.policies->version = version;
    answer.policies->timed = desk.config.schedule_enabled;
  }
  desk.heard.Hear(publication.head.tenant, now_us);
  return JsonResponse(api::CatalogAnswerJson(answer));
}

Answer ListNodes(Desk& desk, RouteCall&) {
  GRANARY_ASSIGN(const auto publishers, desk.db.Read(ListPublishers));
  std::string out;
  api::JsonObject object(out);
  api::AppendList(publishers, object.Key("nodes"), [&](const Publisher& one) {
    api::JsonObject node(out);
    node.Add("node_id", one.node);
    node.Add("tenant_id", one.tenant);
    node.Add("version", one.version);
    node.Add("session", one.session);
    node.AddInstant("since", one.since_us);
    node.AddInstant("heard_at", desk.heard.HeardAt(one.tenant));
    api::AppendCompactionPolicy(one.policy, node.Key("own_policy"));
    node.Close();
  });
  object.Close();
  return JsonResponse(std::move(out));
}

Answer ForgetTenant(Desk& desk, RouteCall& call) {
  GRANARY_ASSIGN(const std::string tenant, PathIdentifier(call, 0));
  GRANARY_TRY(desk.db.Change([&](SqliteDb& db) { return ForgetPublisher(db, tenant); }));
  desk.policies.ForgetTenant(tenant);
  desk.heard.Forget(tenant);
  desk.log.Info("a tenant is forgotten", {{"tenant", tenant}});
  return JsonResponse("", 204);
}

}  // namespace

void AddNodeRoutes(const FindDesk& find, hosting::Router& router) {
  AddDeskRoute(find, "GET", "/metadata/nodes", ListNodes, router);
  AddDeskRoute(find, "PUT", "/metadata/nodes/{node_id}", Introduce, router);
  AddDeskRoute(find, "POST", "/metadata/nodes/{node_id}/publications", Publish, router);
  AddDeskRoute(find, "DELETE", "/metadata/tenants/{tenant_id}", ForgetTenant, router);
}

}  // namespace granary::catalog
