#include "granary/services/operation_node/audited.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "granary/api/code_table.h"
#include "granary/api/json_object.h"
#include "granary/hosting/responses.h"
#include "granary/services/operation_node/audit_book.h"
#include "granary/services/operation_node/routes.h"

namespace granary::operation {
namespace {

constexpr int kOurFault = 500;
constexpr std::string_view kOutcomes[] = {"done", "refused", "unknown"};

bool IsActor(std::string_view text) {
  return !text.empty() && text.size() <= kActorBytesMax &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

// The query says as much as the body: keep_data of a deletion.
std::string AskedFor(const net::HttpRequest& request) {
  std::string out;
  for (const auto& [name, value] : request.query)
    out += fmt::format("{}{}={}", out.empty() ? "" : "&", name, value);
  if (!request.body.empty()) out += (out.empty() ? "" : " ") + request.body;
  return out;
}

AuditAct ActIn(std::string actor, const hosting::RouteCall& call, std::string_view action,
               const std::string& target, std::string detail) {
  return {.actor = std::move(actor),
          .action = std::string(action),
          .target = target,
          .address = call.request.peer,
          .request_id = call.request.request_id,
          .detail = std::move(detail)};
}

// What the one who asked was told; a failure of ours may have come after the commit.
std::pair<std::string_view, std::string> OutcomeOf(const Result<net::HttpResponse>& answer) {
  if (answer.ok()) return {"done", fmt::format("HTTP {}", answer->status)};
  const Code code = answer.status().code();
  return {api::RowOf(code).http >= kOurFault ? "unknown" : "refused", std::string(CodeName(code))};
}

std::string AuditEntryJson(const AuditEntry& entry) {
  std::string out;
  api::JsonObject object(out);
  object.Add("seq", entry.seq);
  object.AddInstant("at", entry.at_us);
  object.Add("actor", std::string_view(entry.act.actor));
  object.Add("action", std::string_view(entry.act.action));
  object.Add("target", std::string_view(entry.act.target));
  object.Add("outcome", std::string_view(entry.outcome));
  object.Add("answer", std::string_view(entry.answer));
  object.Add("address", std::string_view(entry.act.address));
  object.Add("request_id", std::string_view(entry.act.request_id));
  object.Add("detail", std::string_view(entry.act.detail));
  object.Close();
  return out;
}

Result<AuditQuery> ParseAuditQuery(const net::HttpRequest& request) {
  AuditQuery out;
  const auto text = [&](std::string_view name) -> std::optional<std::string> {
    const auto value = request.QueryParameter(name);
    return value ? std::optional(std::string(*value)) : std::nullopt;
  };
  GRANARY_ASSIGN(const PageRequest page, ParsePage(request));
  out.limit = page.limit;
  out.actor = text("actor");
  out.action = text("action");
  out.target = text("target");
  out.outcome = text("outcome");
  if (out.outcome && std::ranges::find(kOutcomes, *out.outcome) == std::end(kOutcomes)) {
    return Status(Code::kInvalidArgument,
                  fmt::format("outcome is '{}', allowed: {}", out.outcome->substr(0, 64),
                              fmt::join(kOutcomes, ", ")));
  }
  if (const auto before = request.QueryParameter("before")) {
    const auto [end, error] =
        std::from_chars(before->data(), before->data() + before->size(), out.before_seq);
    if (error != std::errc() || end != before->data() + before->size() || out.before_seq < 1) {
      return Status(
          Code::kInvalidArgument,
          fmt::format("before is '{}', allowed: a whole number from 1", before->substr(0, 64)));
    }
  }
  return out;
}

Result<net::HttpResponse> ListAudit(Desk& desk, hosting::RouteCall& call) {
  GRANARY_ASSIGN(const AuditQuery query, ParseAuditQuery(call.request));
  GRANARY_ASSIGN(const std::vector<AuditEntry> entries, desk.audit.List(query));
  std::string out;
  api::JsonObject page(out);
  api::AppendList(entries, page.Key("entries"),
                  [&](const AuditEntry& entry) { out.append(AuditEntryJson(entry)); });
  const bool is_full = entries.size() == query.limit;
  page.Add("next", is_full ? std::optional(std::to_string(entries.back().seq)) : std::nullopt);
  page.Close();
  return hosting::JsonResponse(std::move(out));
}

}  // namespace

Result<std::string> ActorOf(const Desk& desk, const net::HttpRequest& request) {
  const bool has_key = !desk.config.operation_node_key.empty();
  const std::string_view by = has_key ? "fleet" : "machine";
  const auto actor = request.headers.Get(kActorHeader);
  if (!actor) return std::string(by);
  if (IsActor(*actor)) return fmt::format("{}: {}", by, *actor);
  return Status(Code::kInvalidArgument, fmt::format("{}: at most {} printable letters of ASCII",
                                                    kActorHeader, kActorBytesMax));
}

Result<net::HttpResponse> Audited(Desk& desk, const hosting::RouteCall& call,
                                  std::string_view action, const std::string& target,
                                  const std::function<Result<net::HttpResponse>()>& act) {
  GRANARY_ASSIGN(std::string actor, ActorOf(desk, call.request));
  const auto seq =
      desk.audit.Begin(ActIn(std::move(actor), call, action, target, AskedFor(call.request)));
  if (!seq.ok()) {
    desk.log.Error("nothing is changed, since it cannot be written into the audit log",
                   {{"action", action}, {"target", target}, {"error", seq.status().ToString()}});
    return Status(Code::kUnavailable,
                  "nothing was changed, since it could not be written into the audit log: the log "
                  "of this service says why");
  }
  Result<net::HttpResponse> answer = act();
  const auto [outcome, told] = OutcomeOf(answer);
  if (const Status ended = desk.audit.End(*seq, outcome, told); !ended.ok()) {
    desk.log.Error("what came of an act is not in the audit log",
                   {{"seq", *seq}, {"outcome", outcome}, {"error", ended.ToString()}});
  }
  return answer;
}

void NoteDone(Desk& desk, const hosting::RouteCall& call, std::string_view action,
              const std::string& target, std::string detail) {
  const Result<std::string> actor = ActorOf(desk, call.request);
  const auto seq = desk.audit.Begin(
      ActIn(actor.ok() ? *actor : "fleet", call, action, target, std::move(detail)));
  const Status noted = seq.ok() ? desk.audit.End(*seq, "done", "") : seq.status();
  if (!noted.ok()) {
    desk.log.Error("an act is not in the audit log",
                   {{"action", action}, {"target", target}, {"error", noted.ToString()}});
  }
}

void AddAuditRoute(const FindDesk& find, hosting::Router& router) {
  AddDeskRoute(find,
               {.method = "GET",
                .pattern = "/audit",
                .handler = {},
                .query = {"actor", "action", "target", "outcome", "before", "limit"}},
               ListAudit, router);
}

}  // namespace granary::operation
