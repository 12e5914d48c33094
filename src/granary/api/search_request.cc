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
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (!seen.insert(columns[i]).second) {
      return Status::Invalid(Code::kInvalidRequest, PointerTo(pointer, i),
                             "this column is named twice");
    }
  }
  return Status::Ok();
}

}  // namespace

Result<query::SearchRequest> ParseSearch(std::string_view text, bool streaming,
                                         const RequestLimits& limits, Spread* spread) {
  GRANARY_ASSIGN(const JsonNode root, ParseJsonObject(text, limits.depth_max));
  ObjectReader body(root, "");
  if (spread != nullptr) GRANARY_TRY(ReadSpread(body, *spread));
  query::SearchRequest out;
  GRANARY_ASSIGN(out.sources, ReadSources(body));
  GRANARY_ASSIGN(out.filter, ReadOptionalFilter(body, "filters"));
  GRANARY_ASSIGN(out.columns, body.Texts("columns"));
  GRANARY_TRY(CheckDistinct(out.columns, body.PointerOf("columns")));
  GRANARY_ASSIGN(out.order_by, ReadOrderBy(body));
  const std::uint64_t limit_max =
      streaming ? std::numeric_limits<std::uint64_t>::max() : limits.page_records_max;
  GRANARY_ASSIGN(out.limit, body.WholeNumber("limit", 0, limit_max));
  if (!out.limit && !streaming) out.limit = std::min(query::kLimitDefault, limit_max);
  GRANARY_ASSIGN(out.cursor, body.Text("cursor"));
  if (out.cursor && streaming) {
    return Status::Invalid(Code::kInvalidRequest, body.PointerOf("cursor"),
                           spread == nullptr ? "a stream has no pages; use /data/search"
                                             : "a stream has no pages; use /query/search");
  }
  GRANARY_TRY(body.NotYet("as_of"));
  GRANARY_TRY(body.Finish());
  return out;
}

Result<DeleteBody> ParseDelete(std::string_view text, const RequestLimits& limits) {
  GRANARY_ASSIGN(const JsonNode root, ParseJsonObject(text, limits.depth_max));
  ObjectReader body(root, "");
  DeleteBody out;
  GRANARY_ASSIGN(const std::string source, body.RequiredText("source_id"));
  GRANARY_ASSIGN(auto filter, ReadOptionalFilter(body, "filters"));
  GRANARY_TRY(body.Finish());
  Result<SourceId> id = SourceId::Parse(source);
  if (!id.ok()) return AtPointer(id.status(), body.PointerOf("source_id"));
  if (!filter) {
    return Status::Invalid(Code::kInvalidRequest, body.PointerOf("filters"),
                           "this member is required; {} deletes every record of the source");
  }
  out.source = id.Take();
  out.filter = std::move(*filter);
  return out;
}

}  // namespace granary::api
