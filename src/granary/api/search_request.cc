// ParseSearch, ParseDelete.
#include <algorithm>
#include <limits>
#include <unordered_set>

#include "granary/api/object_reader.h"
#include "granary/api/query_members.h"
#include "granary/api/request_json.h"

namespace granary::api {
namespace {

// A record shows each of its fields once.
Status CheckDistinct(const std::vector<std::string>& columns, const std::string& pointer) {
  std::unordered_set<std::string_view> seen;
  WrongPlaces wrong;
  for (std::size_t i = 0; i < columns.size() && !wrong.full(); ++i) {
    if (!seen.insert(columns[i]).second) {
      wrong.Add(Status::Invalid(Code::kInvalidRequest, PointerTo(pointer, i),
                                "this column is named twice"));
    }
  }
  return wrong.Take();
}

}  // namespace

Result<query::SearchRequest> ParseSearch(std::string_view text, bool streaming,
                                         const RequestLimits& limits, Spread* spread) {
  GRANARY_ASSIGN(const JsonNode root, ParseJsonObject(text, limits.depth_max));
  ObjectReader body(root, "");
  WrongPlaces wrong;
  if (spread != nullptr) wrong.Add(ReadSpread(body, *spread));
  query::SearchRequest out;
  wrong.Add(ReadSources(body, out.sources, out.source_pointers));
  wrong.Put(ReadOptionalFilter(body, "filters"), out.filter);
  wrong.Put(body.Names("columns"), out.columns);
  wrong.Add(CheckDistinct(out.columns, body.PointerOf("columns")));
  wrong.Put(ReadOrderBy(body), out.order_by);
  const std::uint64_t limit_max =
      streaming ? std::numeric_limits<std::uint64_t>::max() : limits.page_records_max;
  wrong.Put(body.WholeNumber("limit", 0, limit_max), out.limit);
  if (!out.limit && !streaming) out.limit = std::min(query::kLimitDefault, limit_max);
  wrong.Put(body.Text("cursor"), out.cursor);
  if (out.cursor && streaming) {
    wrong.Add(Status::Invalid(Code::kInvalidRequest, body.PointerOf("cursor"),
                              spread == nullptr ? "a stream has no pages; use /data/search"
                                                : "a stream has no pages; use /query/search"));
  }
  wrong.Add(body.NotYet("as_of"));
  wrong.Add(body.Finish());
  GRANARY_TRY(wrong.Take());
  return out;
}

Result<DeleteBody> ParseDelete(std::string_view text, const RequestLimits& limits) {
  GRANARY_ASSIGN(const JsonNode root, ParseJsonObject(text, limits.depth_max));
  ObjectReader body(root, "");
  DeleteBody out;
  WrongPlaces wrong;
  std::string source;
  std::optional<query::Filter> filter;
  wrong.Put(body.RequiredText("source_id"), source);
  wrong.Put(ReadOptionalFilter(body, "filters"), filter);
  wrong.Add(body.Finish());
  GRANARY_TRY(wrong.Take());
  Result<SourceId> id = SourceId::Parse(source);
  if (!id.ok()) return AtPointer(id.status(), body.PointerOf("source_id"));
  if (!filter) {
    return Status::Invalid(
        Code::kInvalidRequest, body.PointerOf("filters"),
        "this member is required; an empty object deletes every record of the source");
  }
  out.source = id.Take();
  out.filter = std::move(*filter);
  return out;
}

}  // namespace granary::api
