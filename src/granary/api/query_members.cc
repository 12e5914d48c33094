#include "granary/api/query_members.h"

#include <algorithm>

#include <fmt/format.h>

#include "granary/api/filter_json.h"
#include "granary/base/utf8.h"

namespace granary::api {
namespace {

Status AddSource(const std::string& text, std::string pointer, std::vector<SourceId>& out,
                 std::vector<std::string>& pointers) {
  Result<SourceId> id = SourceId::Parse(text);
  if (!id.ok()) return AtPointer(id.status(), pointer);
  if (std::find(out.begin(), out.end(), *id) != out.end()) return Status::Ok();
  out.push_back(id.Take());
  pointers.push_back(std::move(pointer));
  return Status::Ok();
}

Result<query::OrderBy> ReadOneOrder(const JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(ObjectReader reader, ObjectReader::Of(node, pointer));
  query::OrderBy out;
  out.pointer = pointer;
  GRANARY_ASSIGN(out.column, reader.RequiredName("column"));
  GRANARY_ASSIGN(const auto direction, reader.Text("direction"));
  GRANARY_TRY(reader.Finish());
  if (direction == "desc") {
    out.direction = query::Direction::kDescending;
  } else if (direction && *direction != "asc") {
    return Status::Invalid(Code::kInvalidRequest, reader.PointerOf("direction"),
                           fmt::format("expected asc or desc, found '{}'", Quotable(*direction)));
  }
  return out;
}

}  // namespace

Status ReadSources(ObjectReader& body, std::vector<SourceId>& out,
                   std::vector<std::string>& pointers) {
  GRANARY_ASSIGN(const auto single, body.Text("source_id"));
  GRANARY_ASSIGN(const auto many, body.Texts("source_ids"));
  if (single && !many.empty()) {
    return Status::Invalid(Code::kInvalidRequest, body.PointerOf("source_id"),
                           "give source_id or source_ids, not both");
  }
  if (single) return AddSource(*single, body.PointerOf("source_id"), out, pointers);
  WrongPlaces wrong;
  for (std::size_t i = 0; i < many.size() && !wrong.full(); ++i)
    wrong.Add(AddSource(many[i], PointerTo(body.PointerOf("source_ids"), i), out, pointers));
  return wrong.Take();
}

Result<std::optional<query::Filter>> ReadOptionalFilter(ObjectReader& body, std::string_view name) {
  const JsonNode* node = body.Find(name);
  if (node == nullptr) return std::optional<query::Filter>();
  GRANARY_ASSIGN(query::Filter filter, ReadFilter(*node, body.PointerOf(name)));
  return std::optional(std::move(filter));
}

Result<std::vector<query::OrderBy>> ReadOrderBy(ObjectReader& body) {
  std::vector<query::OrderBy> out;
  GRANARY_TRY(body.Each("order_by", out, ReadOneOrder));
  return out;
}

namespace {

// Identifiers, each once; `all` is what leaving the member out means.
Status ReadNames(ObjectReader& body, std::string_view member, std::string_view all,
                 std::vector<TenantId>& out) {
  GRANARY_ASSIGN(const auto names, body.OptionalTexts(member));
  if (names && names->empty()) {
    return Status::Invalid(Code::kInvalidRequest, body.PointerOf(member),
                           fmt::format("name at least one, or leave the member out: {}", all));
  }
  for (std::size_t i = 0; names && i < names->size(); ++i) {
    Result<TenantId> id = TenantId::Parse((*names)[i]);
    if (!id.ok()) return AtPointer(id.status(), PointerTo(body.PointerOf(member), i));
    if (std::find(out.begin(), out.end(), *id) == out.end()) out.push_back(id.Take());
  }
  return Status::Ok();
}

}  // namespace

Status ReadSpread(ObjectReader& body, Spread& out) {
  constexpr std::string_view kAll = "all active tenants that are placed";
  GRANARY_TRY(ReadNames(body, "tenants", kAll, out.tenants));
  GRANARY_TRY(ReadNames(body, "nodes", kAll, out.nodes));
  if (!out.tenants.empty() && !out.nodes.empty()) {
    return Status::Invalid(Code::kInvalidRequest, body.PointerOf("nodes"),
                           "name tenants or nodes, not both: a tenant is on one node");
  }
  GRANARY_ASSIGN(const auto partial, body.Text("partial"));
  if (partial && *partial != "allow" && *partial != "refuse") {
    return Status::Invalid(Code::kInvalidRequest, body.PointerOf("partial"),
                           fmt::format("expected refuse or allow, found '{}'", Quotable(*partial)));
  }
  out.may_miss = partial == "allow";
  return Status::Ok();
}

}  // namespace granary::api
