#include "granary/api/path_answers.h"

#include <utility>

#include "granary/api/json_object.h"

namespace granary::api {
namespace {

void AppendTypes(const json::PathCounts& counts, std::string& out) {
  JsonObject types(out);
  const auto add = [&types](std::string_view name, std::uint64_t count) {
    if (count > 0) types.Add(name, count);
  };
  const auto in = [&counts](json::Lane lane) {
    return counts.lanes[static_cast<std::size_t>(lane)];
  };
  add("string", in(json::Lane::kString) + counts.strings);
  add("int64", in(json::Lane::kInt64));
  add("double", in(json::Lane::kDouble));
  add("number", counts.numbers);
  add("bool", in(json::Lane::kBool));
  add("object", counts.objects);
  add("array", counts.arrays);
  add("null", counts.nulls);
  types.Close();
}

void AppendDocumentPath(const storage::DocumentPath& path, std::string& out) {
  JsonObject object(out);
  object.Add("path", path.name);
  AppendTypes(path.counts, object.Key("types"));
  object.Add("files", path.files);
  object.Add("shredded", path.shredded);
  object.Add("conflict", path.HasConflict());
  object.Close();
}

}  // namespace

std::string PathsJson(const SourceId& id, const storage::SourcePaths& paths) {
  std::string out;
  JsonObject object(out);
  object.Add("source_id", id.str());
  object.Add("documents", paths.documents);
  object.Add("complete", paths.complete);
  object.Key("paths").push_back('[');
  for (bool first = true; const storage::DocumentPath& path : paths.paths) {
    if (!std::exchange(first, false)) out.push_back(',');
    AppendDocumentPath(path, out);
  }
  out.push_back(']');
  object.Close();
  return out;
}

}  // namespace granary::api
