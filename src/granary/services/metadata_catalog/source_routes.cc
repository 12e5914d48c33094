// /metadata/sources…, /metadata/stats, /metadata/schema/check.
#include "granary/api/json_object.h"
#include "granary/api/response_json.h"
#include "granary/base/ids.h"
#include "granary/hosting/responses.h"
#include "granary/services/metadata_catalog/publishers.h"
#include "granary/services/metadata_catalog/routes.h"
#include "granary/services/metadata_catalog/source_reads.h"

namespace granary::catalog {
namespace {

using hosting::JsonResponse;
using hosting::RouteCall;
using Answer = Result<net::HttpResponse>;

constexpr std::uint64_t kSourcesPage = 100;
constexpr std::uint64_t kAnyNumber = INT64_MAX;

struct SourcePath {
  std::string tenant, id;
};

Result<SourcePath> PathOf(const RouteCall& call) {
  SourcePath out;
  GRANARY_ASSIGN(out.tenant, PathIdentifier(call, 0));
  GRANARY_ASSIGN(out.id, PathIdentifier(call, 1));
  return out;
}

Result<PageOf> PageOfCall(const RouteCall& call) {
  PageOf page;
  GRANARY_ASSIGN(page.limit, NumberQuery(call.request, "limit", 1, kPageMax, kSourcesPage));
  GRANARY_ASSIGN(page.after, NumberQuery(call.request, "after", 0, kAnyNumber, 0));
  return page;
}

// "acme/sales", as next_after was.
Result<SourcePath> AfterOf(const RouteCall& call) {
  const auto text = call.request.QueryParameter("after");
  if (!text) return SourcePath();
  const auto slash = text->find('/');
  SourcePath out{std::string(text->substr(0, slash)),
                 slash == std::string_view::npos ? "" : std::string(text->substr(slash + 1))};
  if (IsIdentifier(out.tenant) && IsIdentifier(out.id)) return out;
  return Status(Code::kInvalidArgument, "after: expected TENANT/SOURCE, as next_after has it");
}

Answer ListAll(Desk& desk, RouteCall& call) {
  GRANARY_ASSIGN(const auto tenant, IdentifierQuery(call.request, "tenant_id"));
  GRANARY_ASSIGN(const std::uint64_t limit,
                 NumberQuery(call.request, "limit", 1, kPageMax, kSourcesPage));
  GRANARY_ASSIGN(const SourcePath after, AfterOf(call));
  GRANARY_ASSIGN(auto sources, desk.db.Read([&](SqliteDb& db) {
    return ListSources(db, tenant, after.tenant, after.id, limit + 1);
  }));
  const bool more = sources.size() > limit;
  if (more) sources.pop_back();
  std::string out;
  api::JsonObject object(out);
  api::AppendList(sources, object.Key("sources"), [&](const SourceRow& source) {
    api::JsonObject one(out);
    AddSummary(source, one);
    one.Close();
  });
  if (more)
    object.Add("next_after", sources.back().tenant + "/" + sources.back().id);
  else
    object.AddNull("next_after");
  object.Close();
  return JsonResponse(std::move(out));
}

// What merging would do, what is owed, and what is to hold of it.
void AppendMergeState(const api::PublishedMerges& merges, const api::CompactionPolicy& policy,
                      std::string& out) {
  api::JsonObject object(out);
  object.Add("merges", merges.merges);
  object.Add("bytes", merges.bytes);
  object.Add("reason", merges.reason);
  object.Add("debt_files", merges.debt_files);
  object.Add("debt_bytes", merges.debt_bytes);
  api::AppendCompactionPolicy(policy, object.Key("policy"));
  object.Close();
}

std::string DetailsJson(const Desk& desk, const SourceRow& source, const CheckedSource& shape,
                        const std::optional<Publisher>& publisher) {
  std::string out;
  api::JsonObject object(out);
  AddSummary(source, object);
  object.Add("node_id", publisher ? std::optional(publisher->node) : std::nullopt);
  object.AddInstant("node_heard_at", desk.heard.HeardAt(source.tenant));
  object.Key("definition")
      .append(api::SourceJson({.definition = shape.definition,
                               .schema = std::make_shared<const Schema>(shape.schema),
                               .created_us = source.created_us}));
  object.Key("statistics").append(source.statistics.empty() ? "null" : source.statistics);
  object.AddInstant("statistics_at", source.statistics_us);
  const api::CompactionPolicy own = publisher ? publisher->policy : api::CompactionPolicy();
  AppendMergeState(source.merges,
                   PolicyFor(desk.policies.policies(), source.tenant, source.id, own),
                   object.Key("compaction"));
  object.Close();
  return out;
}

Answer ShowSource(Desk& desk, RouteCall& call) {
  GRANARY_ASSIGN(const SourcePath path, PathOf(call));
  return desk.db.Read([&](SqliteDb& db) -> Answer {
    GRANARY_ASSIGN(const SourceRow source, NeedSource(db, path.tenant, path.id));
    GRANARY_ASSIGN(const CheckedSource shape, ReadChecked(db, source));
    GRANARY_ASSIGN(const auto publisher, FindPublisher(db, path.tenant));
    return JsonResponse(DetailsJson(desk, source, shape, publisher));
  });
}

Answer ShowSchemas(Desk& desk, RouteCall& call) {
  GRANARY_ASSIGN(const SourcePath path, PathOf(call));
  GRANARY_ASSIGN(const SourceId id, SourceId::Parse(path.id));
  return desk.db.Read([&](SqliteDb& db) -> Answer {
    GRANARY_ASSIGN(const SourceRow source, NeedSource(db, path.tenant, path.id));
    GRANARY_ASSIGN(const auto schemas, ReadSchemas(db, source));
    return JsonResponse(api::SchemaHistoryJson(id, schemas));
  });
}

Answer ShowSnapshots(Desk& desk, RouteCall& call) {
  GRANARY_ASSIGN(const SourcePath path, PathOf(call));
  GRANARY_ASSIGN(const PageOf page, PageOfCall(call));
  return desk.db.Read([&](SqliteDb& db) -> Answer {
    GRANARY_ASSIGN(const SourceRow source, NeedSource(db, path.tenant, path.id));
    GRANARY_ASSIGN(std::string body, SnapshotsJson(db, source, page));
    return JsonResponse(std::move(body));
  });
}

Answer ShowFiles(Desk& desk, RouteCall& call) {
  GRANARY_ASSIGN(const SourcePath path, PathOf(call));
  GRANARY_ASSIGN(const PageOf page, PageOfCall(call));
  FileFilter filter;
  if (const auto partition = call.request.QueryParameter("partition"))
    filter.partition = std::string(*partition);
  if (call.request.QueryParameter("snapshot")) {
    GRANARY_ASSIGN(filter.snapshot, NumberQuery(call.request, "snapshot", 1, kAnyNumber, 1));
  }
  return desk.db.Read([&](SqliteDb& db) -> Answer {
    GRANARY_ASSIGN(const SourceRow source, NeedSource(db, path.tenant, path.id));
    GRANARY_ASSIGN(std::string body, FilesJson(db, source, filter, page));
    return JsonResponse(std::move(body));
  });
}

Answer ShowTotals(Desk& desk, RouteCall&) {
  return desk.db.Read([&](SqliteDb& db) -> Answer {
    std::string out;
    Status failure;
    api::JsonObject object(out);
    AddTotals(db, object, failure);
    object.Close();
    GRANARY_TRY(failure);
    return JsonResponse(std::move(out));
  });
}

std::string VerdictJson(const CheckedSource& source, const SchemaQuestion& question,
                        const SchemaVerdict& verdict) {
  std::string out;
  api::JsonObject object(out);
  object.Add("tenant_id", question.tenant);
  object.Add("source_id", question.source);
  object.Add("allowed", verdict.refused.ok());
  object.Add("depends_on_values", verdict.depends_on_values);
  object.Add("schema_version", source.schema.version());
  object.Add("next_schema_version",
             verdict.next ? std::optional(verdict.next->version()) : std::nullopt);
  object.Add("change", verdict.change);
  api::AppendList(verdict.breaks, object.Key("breaks"),
                  [&](const std::string& one) { json::AppendString(one, out); });
  if (!verdict.refused.ok()) {
    object.Add("code", CodeName(verdict.refused.code()));
    object.Add("detail", verdict.refused.message());
  }
  // Of a schema that was asked about, the change that was made of it has no place in the request.
  const std::string prefix = question.change ? question.pointer : "";
  api::AppendList(verdict.refused.fields(), object.Key("errors"), [&](const FieldError& error) {
    api::JsonObject one(out);
    one.Add("pointer", prefix + error.pointer);
    one.Add("detail", error.detail);
    one.Close();
  });
  object.Close();
  return out;
}

Answer CheckSchema(Desk& desk, RouteCall& call) {
  GRANARY_TRY(CheckJson(call.request));
  GRANARY_ASSIGN(const SchemaQuestion question, ParseSchemaQuestion(call.request.body));
  GRANARY_ASSIGN(
      const CheckedSource source, desk.db.Read([&](SqliteDb& db) -> Result<CheckedSource> {
        GRANARY_ASSIGN(const SourceRow row, NeedSource(db, question.tenant, question.source));
        GRANARY_ASSIGN(CheckedSource out, ReadChecked(db, row));
        GRANARY_ASSIGN(const auto publisher, FindPublisher(db, question.tenant));
        if (publisher) out.columns_max = publisher->columns_max;
        return out;
      }));
  const storage::SourceChange change =
      question.change ? *question.change : ChangeTo(source.schema, question.wanted);
  return JsonResponse(VerdictJson(source, question, CheckSchemaChange(source, change)));
}

}  // namespace

void AddSourceRoutes(const FindDesk& find, hosting::Router& router) {
  const std::string one = "/metadata/sources/{tenant_id}/{source_id}";
  AddDeskRoute(find, "GET", "/metadata/sources", ListAll, router, {"tenant_id", "limit", "after"});
  AddDeskRoute(find, "GET", one, ShowSource, router);
  AddDeskRoute(find, "GET", one + "/schema", ShowSchemas, router);
  AddDeskRoute(find, "GET", one + "/snapshots", ShowSnapshots, router, {"limit", "after"});
  AddDeskRoute(find, "GET", one + "/files", ShowFiles, router,
               {"limit", "after", "partition", "snapshot"});
  AddDeskRoute(find, "GET", "/metadata/stats", ShowTotals, router);
  AddDeskRoute(find, "POST", "/metadata/schema/check", CheckSchema, router);
}

}  // namespace granary::catalog
