// QueriesJson.
#include "granary/api/json_object.h"
#include "granary/api/response_json.h"
#include "granary/base/append_format.h"

namespace granary::api {
namespace {

void AppendQuery(const RunningQuery& query, std::string& out) {
  JsonObject object(out);
  object.Add("id", query.id);
  object.Add("kind", QueryKindName(query.kind));
  std::string& sources = object.Key("source_ids");
  AppendList(query.sources, sources,
             [&](const SourceId& source) { json::AppendString(source.str(), sources); });
  object.AddInstant("started", query.started_us);
  AppendFormat(object.Key("elapsed_ms"), "{:.3f}", static_cast<double>(query.elapsed_ns) / 1e6);
  object.Add("state", query.running ? "running" : "queued");
  object.Add("rows_scanned", query.rows_scanned);
  object.Add("request_id", query.request_id);
  object.Close();
}

}  // namespace

std::string QueriesJson(const std::vector<RunningQuery>& queries) {
  std::string out = "{\"queries\":[";
  for (std::size_t i = 0; i < queries.size(); ++i) {
    if (i > 0) out.push_back(',');
    AppendQuery(queries[i], out);
  }
  out.append("]}");
  return out;
}

}  // namespace granary::api
