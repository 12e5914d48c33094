// /metadata/compact, /metadata/compactions, /metadata/compaction-policies.
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "granary/api/json_object.h"
#include "granary/api/object_reader.h"
#include "granary/base/ids.h"
#include "granary/base/utf8.h"
#include "granary/hosting/responses.h"
#include "granary/services/metadata_catalog/compaction_book.h"
#include "granary/services/metadata_catalog/publishers.h"
#include "granary/services/metadata_catalog/routes.h"
#include "granary/services/metadata_catalog/source_reads.h"

namespace granary::catalog {
namespace {

using hosting::JsonResponse;
using hosting::RouteCall;
using Answer = Result<net::HttpResponse>;

constexpr std::size_t kWishDepth = 8;
constexpr std::uint64_t kCompactionsPage = 100;
constexpr std::uint64_t kAnyCompaction = INT64_MAX;
constexpr std::uint64_t kAskedAtOnceMax = 10'000;  ///< Sources of one request.
constexpr std::array<std::string_view, 5> kStates = {"waiting", "running", "done", "failed",
                                                     "cancelled"};

void AppendCompactionState(const Compaction& one, std::string& out) {
  api::JsonObject object(out);
  object.Add("id", one.id);
  object.Add("tenant_id", one.tenant);
  object.Add("source_id", one.source);
  object.Add("state", one.state);
  object.Add("asked", one.asked);
  object.Add("cause", one.cause);
  object.AddInstant("created_at", one.created_us);
  object.AddInstant("started_at", one.started_us);
  object.AddInstant("ended_at", one.ended_us);
  object.Add("job", one.job);
  object.Add("reason", one.reason);
  object.Add("failure", one.failure.empty() ? std::nullopt : std::optional(one.failure));
  object.Add("bytes_total", one.bytes_total);
  object.Add("bytes_done", one.bytes_done);
  object.Add("merges", one.counts.merges);
  object.Add("files_in", one.counts.files_in);
  object.Add("files_out", one.counts.files_out);
  object.Add("bytes_in", one.counts.bytes_in);
  object.Add("bytes_out", one.counts.bytes_out);
  object.Add("rows", one.counts.rows);
  object.Close();
}

/// What POST /metadata/compact asks for.
struct CompactWish {
  std::string tenant;
  std::optional<std::string> source;  ///< Nothing: all of the tenant's.
};

Result<CompactWish> ParseWish(std::string_view text) {
  GRANARY_ASSIGN(const api::JsonNode root, api::ParseJsonObject(text, kWishDepth));
  api::ObjectReader body(root, "");
  CompactWish out;
  const auto identifier = [&](std::string_view name, const std::string& value) {
    if (IsIdentifier(value)) return Status::Ok();
    return Status::Invalid(Code::kInvalidIdentifier, body.PointerOf(name),
                           std::string(InvalidIdentifier(value).message()));
  };
  GRANARY_ASSIGN(out.tenant, body.RequiredText("tenant_id"));
  GRANARY_TRY(identifier("tenant_id", out.tenant));
  GRANARY_ASSIGN(out.source, body.Text("source_id"));
  if (out.source) GRANARY_TRY(identifier("source_id", *out.source));
  GRANARY_ASSIGN(const auto all, body.Boolean("all"));
  GRANARY_TRY(body.Finish());
  if (out.source.has_value() != all.value_or(false)) return out;
  return Status::Invalid(Code::kInvalidRequest, "/source_id",
                         "one of source_id and \"all\": true is required");
}

Result<std::vector<std::string>> SourcesOf(SqliteDb& db, const CompactWish& wish) {
  GRANARY_ASSIGN(const auto publisher, FindPublisher(db, wish.tenant));
  if (!publisher) {
    return Status(Code::kNotFound, fmt::format("no node tells of tenant \"{}\"", wish.tenant));
  }
  if (wish.source) {
    GRANARY_TRY(NeedSource(db, wish.tenant, *wish.source).status());
    return std::vector<std::string>{*wish.source};
  }
  GRANARY_ASSIGN(auto sources, ListSourceIds(db, wish.tenant, kAskedAtOnceMax + 1));
  if (sources.size() <= kAskedAtOnceMax) return sources;
  return Status(
      Code::kTooLarge,
      fmt::format("the tenant has more than {} sources: ask for them one by one", kAskedAtOnceMax));
}

Answer Compact(Desk& desk, RouteCall& call) {
  GRANARY_TRY(CheckJson(call.request));
  GRANARY_ASSIGN(const CompactWish wish, ParseWish(call.request.body));
  const std::int64_t now_us = desk.clock.WallMicros();
  using Asked = std::vector<Compaction>;
  GRANARY_ASSIGN(const Asked asked, desk.db.Change([&](SqliteDb& db) -> Result<Asked> {
    GRANARY_ASSIGN(const auto sources, SourcesOf(db, wish));
    Asked out;
    for (const std::string& source : sources) {
      GRANARY_ASSIGN(Compaction one, AskForCompaction(db, wish.tenant, source, /*asked=*/true,
                                                      "somebody asked for it", now_us));
      out.push_back(std::move(one));
    }
    return out;
  }));
  std::string out;
  api::JsonObject object(out);
  api::AppendList(asked, object.Key("compactions"),
                  [&](const Compaction& one) { AppendCompactionState(one, out); });
  object.Close();
  return JsonResponse(std::move(out), 202);
}

Answer List(Desk& desk, RouteCall& call) {
  CompactionFilter filter;
  GRANARY_ASSIGN(filter.tenant, IdentifierQuery(call.request, "tenant_id"));
  GRANARY_ASSIGN(filter.source, IdentifierQuery(call.request, "source_id"));
  if (const auto state = call.request.QueryParameter("state")) {
    if (std::ranges::find(kStates, *state) == kStates.end()) {
      return Status(Code::kInvalidArgument,
                    fmt::format("state is '{}', allowed: waiting, running, done, failed, "
                                "cancelled",
                                Quotable(*state)));
    }
    filter.state = std::string(*state);
  }
  GRANARY_ASSIGN(const std::uint64_t limit,
                 NumberQuery(call.request, "limit", 1, kPageMax, kCompactionsPage));
  GRANARY_ASSIGN(const std::uint64_t after,
                 NumberQuery(call.request, "after", 1, kAnyCompaction, kAnyCompaction));
  GRANARY_ASSIGN(auto found, desk.db.Read([&](SqliteDb& db) {
    return ListCompactions(db, filter, after, limit + 1);
  }));
  const bool more = found.size() > limit;
  if (more) found.pop_back();
  std::string out;
  api::JsonObject object(out);
  api::AppendList(found, object.Key("compactions"),
                  [&](const Compaction& one) { AppendCompactionState(one, out); });
  object.Add("next_after", more ? std::optional(found.back().id) : std::nullopt);
  object.Close();
  return JsonResponse(std::move(out));
}

Answer Show(Desk& desk, RouteCall& call) {
  const std::string& text = call.parameters[0];
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  std::optional<Compaction> found;
  if (error == std::errc() && end == text.data() + text.size() && id <= kAnyCompaction) {
    GRANARY_ASSIGN(found, desk.db.Read([&](SqliteDb& db) { return FindCompaction(db, id); }));
  }
  if (!found)
    return Status(Code::kNotFound, fmt::format("there is no compaction \"{}\"", Quotable(text)));
  std::string out;
  AppendCompactionState(*found, out);
  return JsonResponse(std::move(out));
}

std::string PoliciesJson(const PolicyBook& book) {
  std::string out;
  api::JsonObject object(out);
  object.Add("version", book.version());
  const auto add = [](api::JsonObject& one, std::string_view name, const std::string& value) {
    if (value.empty())
      one.AddNull(name);
    else
      one.Add(name, std::string_view(value));
  };
  api::AppendList(book.policies(), object.Key("policies"), [&](const auto& entry) {
    api::JsonObject one(out);
    add(one, "tenant_id", entry.first.tenant);
    add(one, "source_id", entry.first.source);
    api::AppendCompactionPolicy(entry.second, one.Key("policy"));
    one.Close();
  });
  object.Close();
  return out;
}

Answer ListPolicies(Desk& desk, RouteCall&) { return JsonResponse(PoliciesJson(desk.policies)); }

Answer PutPolicy(Desk& desk, RouteCall& call) {
  GRANARY_TRY(CheckJson(call.request));
  GRANARY_ASSIGN(const PolicyPut put, ParsePolicyPut(call.request.body));
  GRANARY_TRY(desk.policies.Put(put.scope, put.policy));
  return JsonResponse(PoliciesJson(desk.policies));
}

}  // namespace

void AddCompactionRoutes(const FindDesk& find, hosting::Router& router) {
  AddDeskRoute(find, "POST", "/metadata/compact", Compact, router);
  AddDeskRoute(find, "GET", "/metadata/compactions", List, router,
               {"tenant_id", "source_id", "state", "limit", "after"});
  AddDeskRoute(find, "GET", "/metadata/compactions/{id}", Show, router);
  AddDeskRoute(find, "GET", "/metadata/compaction-policies", ListPolicies, router);
  AddDeskRoute(find, "PUT", "/metadata/compaction-policies", PutPolicy, router);
}

}  // namespace granary::catalog
