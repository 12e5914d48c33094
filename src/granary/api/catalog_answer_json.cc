#include "granary/api/catalog_answer_json.h"

#include <limits>

#include "granary/api/json_object.h"
#include "granary/api/object_reader.h"

namespace granary::api {
namespace {

constexpr std::size_t kAnswerDepth = 8;
constexpr std::uint64_t kAnyNumber = std::numeric_limits<std::int64_t>::max();

void AppendPolicies(const NodePolicies& policies, std::string& out) {
  JsonObject object(out);
  object.Add("version", policies.version);
  object.Add("timed", policies.timed);
  AppendCompactionPolicy(policies.others, object.Key("others"));
  JsonObject sources(object.Key("sources"));
  for (const auto& [id, policy] : policies.sources)
    AppendCompactionPolicy(policy, sources.Key(id.str()));
  sources.Close();
  object.Close();
}

Result<std::uint64_t> AnyNumber(ObjectReader& object, std::string_view name) {
  GRANARY_ASSIGN(const auto value, object.WholeNumber(name, 0, kAnyNumber));
  if (value) return *value;
  return Status::Invalid(Code::kInvalidRequest, object.PointerOf(name), "this member is required");
}

Result<NodePolicies> ReadNodePolicies(const JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(ObjectReader object, ObjectReader::Of(node, pointer));
  NodePolicies out;
  GRANARY_ASSIGN(out.version, AnyNumber(object, "version"));
  GRANARY_ASSIGN(const auto timed, object.Boolean("timed"));
  out.timed = timed.value_or(false);
  if (const JsonNode* others = object.Find("others")) {
    GRANARY_ASSIGN(out.others, ReadCompactionPolicy(*others, object.PointerOf("others")));
  }
  if (const JsonNode* sources = object.Find("sources")) {
    const std::string at = object.PointerOf("sources");
    GRANARY_TRY(ObjectReader::Of(*sources, at).status());
    for (const JsonMember& member : sources->members) {
      GRANARY_ASSIGN(const SourceId id, SourceId::Parse(member.name));
      GRANARY_ASSIGN(out.sources[id],
                     ReadCompactionPolicy(member.value, PointerTo(at, member.name)));
    }
  }
  GRANARY_TRY(object.Finish());
  return out;
}

Result<CompactionOrder> ReadOrder(const JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(ObjectReader object, ObjectReader::Of(node, pointer));
  CompactionOrder out;
  GRANARY_ASSIGN(out.id, AnyNumber(object, "id"));
  GRANARY_ASSIGN(const std::string source, object.RequiredText("source_id"));
  GRANARY_ASSIGN(out.source, SourceId::Parse(source));
  GRANARY_ASSIGN(const auto all, object.Boolean("all"));
  out.all = all.value_or(false);
  GRANARY_TRY(object.Finish());
  return out;
}

Result<SourceId> ReadSourceId(const JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(const std::string text, NonEmptyText(node, pointer));
  return SourceId::Parse(text);
}

}  // namespace

std::string CatalogAnswerJson(const CatalogAnswer& answer) {
  std::string out;
  JsonObject object(out);
  AppendList(answer.resend, object.Key("resend"),
             [&](const SourceId& id) { json::AppendString(id.str(), out); });
  if (answer.policies) AppendPolicies(*answer.policies, object.Key("policies"));
  AppendList(answer.compactions, object.Key("compactions"), [&](const CompactionOrder& order) {
    JsonObject one(out);
    one.Add("id", order.id);
    one.Add("source_id", order.source.str());
    one.Add("all", order.all);
    one.Close();
  });
  object.Close();
  return out;
}

Result<CatalogAnswer> ReadCatalogAnswer(std::string_view text) {
  GRANARY_ASSIGN(const JsonNode node, ParseJsonObject(text, kAnswerDepth));
  ObjectReader body(node, "");
  CatalogAnswer out;
  GRANARY_TRY(body.Each("resend", out.resend, ReadSourceId));
  if (const JsonNode* policies = body.Find("policies")) {
    GRANARY_ASSIGN(out.policies, ReadNodePolicies(*policies, "/policies"));
  }
  GRANARY_TRY(body.Each("compactions", out.compactions, ReadOrder));
  GRANARY_TRY(body.Finish());
  return out;
}

}  // namespace granary::api
