// ParseSourceChange.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "granary/api/object_reader.h"
#include "granary/api/request_json.h"
#include "granary/api/source_members.h"

namespace granary::api {
namespace {

using storage::SourceChange;

struct FixedMember {
  std::string_view name;
  std::string_view advice;
};

// What a source is for life. Named one by one, so that nobody takes the refusal for a typo.
constexpr std::array<FixedMember, 7> kFixed = {{
    {"source_id", "add another source"},
    {"data_path", "its files stay where they are"},
    {"wal_enabled", "add another source"},
    {"partition_columns", "files that are there are divided by them"},
    {"schema_definition", "use add_columns, rename_columns, drop_columns and widen_columns"},
    {"primary_key", "records that are there were written without it; add another source"},
    {"index_columns", "use add_indexes and drop_indexes"},
}};

Status RefuseFixed(ObjectReader& body) {
  WrongPlaces wrong;
  for (const FixedMember& member : kFixed) {
    if (body.Find(member.name) == nullptr) continue;
    wrong.Add(Status::Invalid(Code::kInvalidRequest, body.PointerOf(member.name),
                              fmt::format("{} cannot be changed: {}", member.name, member.advice)));
  }
  return wrong.Take();
}

Status ReadRenames(ObjectReader& body, SourceChange& out) {
  const JsonNode* node = body.Find("rename_columns");
  if (node == nullptr) return Status::Ok();
  const std::string pointer = body.PointerOf("rename_columns");
  if (node->kind != JsonNode::Kind::kObject)
    return WrongKind(pointer, "an object of old and new names", *node);
  for (const JsonMember& member : node->members) {
    const std::string at = PointerTo(pointer, member.name);
    GRANARY_ASSIGN(std::string to, NonEmptyText(member.value, at));
    out.rename_columns.push_back({member.name, std::move(to)});
  }
  return Status::Ok();
}

Status ReadColumnChanges(ObjectReader& body, SourceChange& out) {
  WrongPlaces wrong;
  wrong.Add(ReadColumns(body, "add_columns", out.add_columns));
  wrong.Add(ReadRenames(body, out));
  wrong.Put(body.Texts("drop_columns"), out.drop_columns);
  wrong.Add(ReadColumns(body, "widen_columns", out.widen_columns));
  wrong.Add(body.Each("add_indexes", out.add_indexes, ReadIndex));
  wrong.Put(body.Texts("drop_indexes"), out.drop_indexes);
  return wrong.Take();
}

// A member that is null would else be one that was left out, and nothing would come of it.
Status RefuseNulls(const JsonNode& root) {
  WrongPlaces wrong;
  for (const JsonMember& member : root.members) {
    if (member.value.kind != JsonNode::Kind::kNull || member.name == "retention") continue;
    wrong.Add(Status::Invalid(Code::kInvalidRequest, PointerTo("", member.name),
                              "null is no value for it: what is left out stays as it is"));
  }
  return wrong.Take();
}

// null is what a source without retention shows.
Status ReadRetentionChange(const JsonNode& root, ObjectReader& body, SourceChange& out) {
  GRANARY_ASSIGN(out.retention, ReadRetention(body));
  const bool given = std::ranges::any_of(
      root.members, [](const JsonMember& member) { return member.name == "retention"; });
  if (given && !out.retention) out.retention.emplace();
  return Status::Ok();
}

Status ReadCompression(ObjectReader& body, SourceChange& out) {
  storage::Compression compression;
  GRANARY_ASSIGN(const bool has_codecs, ReadCodecs(body, compression));
  GRANARY_ASSIGN(compression.level, ReadLevel(body));
  if (has_codecs)
    out.compression = std::move(compression);
  else
    out.compression_level = compression.level;
  return Status::Ok();
}

Status ReadPolicies(const JsonNode& root, ObjectReader& body, SourceChange& out) {
  GRANARY_ASSIGN(out.name, body.Text("name"));
  GRANARY_ASSIGN(out.connection_string, body.Text("connection_string"));
  GRANARY_TRY(ReadCompression(body, out));
  GRANARY_ASSIGN(const auto size, body.WholeNumber("max_file_size_mb", 1, kFileSizeMbMax));
  if (size) out.max_file_size_mb = static_cast<std::uint32_t>(*size);
  if (body.Find("sort_columns") != nullptr) {
    GRANARY_ASSIGN(out.sort_columns, body.Texts("sort_columns"));
  }
  GRANARY_ASSIGN(out.schema_mode, ReadSchemaMode(body));
  GRANARY_ASSIGN(out.durability, ReadDurability(body));
  return ReadRetentionChange(root, body, out);
}

}  // namespace

Result<SourceChange> ParseSourceChange(std::string_view text, const RequestLimits& limits) {
  GRANARY_ASSIGN(const JsonNode root, ParseJsonObject(text, limits.depth_max));
  ObjectReader body(root, "");
  SourceChange out;
  WrongPlaces wrong;
  wrong.Add(RefuseFixed(body));
  wrong.Add(ReadColumnChanges(body, out));
  wrong.Add(ReadPolicies(root, body, out));
  wrong.Add(body.Finish());
  wrong.Add(RefuseNulls(root));
  GRANARY_TRY(wrong.Take());
  return out;
}

}  // namespace granary::api
