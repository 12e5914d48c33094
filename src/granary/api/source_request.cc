// ParseSource.
#include <fmt/format.h>

#include "granary/api/object_reader.h"
#include "granary/api/request_json.h"
#include "granary/api/source_members.h"

namespace granary::api {
namespace {

using storage::SourceDefinition;

Result<storage::DeclaredPartition> ReadPartition(const JsonNode& node, const std::string& pointer) {
  storage::DeclaredPartition out;
  if (node.kind == JsonNode::Kind::kString) {
    GRANARY_ASSIGN(out.column, NonEmptyText(node, pointer));
    return out;
  }
  if (node.kind != JsonNode::Kind::kObject)
    return WrongKind(pointer, "a column's name or an object", node);
  ObjectReader reader(node, pointer);
  GRANARY_ASSIGN(out.column, reader.RequiredText("column"));
  GRANARY_ASSIGN(const auto transform, reader.Text("transform"));
  GRANARY_TRY(reader.Finish());
  if (!transform) return out;
  const Result<storage::Transform> parsed = storage::Transform::Parse(*transform);
  if (!parsed.ok()) return AtPointer(parsed.status(), reader.PointerOf("transform"));
  out.transform = *parsed;
  return out;
}

Status ReadPlaces(ObjectReader& body, SourceDefinition& out) {
  GRANARY_ASSIGN(const std::string id, body.RequiredText("source_id"));
  Result<SourceId> parsed = SourceId::Parse(id);
  if (!parsed.ok()) return AtPointer(parsed.status(), body.PointerOf("source_id"));
  out.id = parsed.Take();
  GRANARY_ASSIGN(auto name, body.Text("name"));
  GRANARY_ASSIGN(auto connection, body.Text("connection_string"));
  GRANARY_ASSIGN(auto path, body.Text("data_path"));
  out.name = name.value_or(out.id.str());
  out.connection_string = connection.value_or("");
  out.data_path = path.value_or("");
  if (out.data_path.starts_with("s3://"))
    return NotOffered(body.PointerOf("data_path"), "an object store");
  if (out.data_path.find('\0') != std::string::npos) {
    return Status::Invalid(Code::kInvalidPath, body.PointerOf("data_path"),
                           "a path has no zero byte");
  }
  return Status::Ok();
}

Status ReadCompression(ObjectReader& body, storage::Compression& out) {
  WrongPlaces wrong;
  wrong.Add(ReadCodecs(body, out).status());
  wrong.Put(ReadLevel(body), out.level);
  GRANARY_TRY(wrong.Take());
  return AtPointer(storage::CheckCompression(out), "/compression_level");
}

}  // namespace

Result<SourceDefinition> ParseSource(std::string_view text, const RequestLimits& limits) {
  GRANARY_ASSIGN(const JsonNode root, ParseJsonObject(text, limits.depth_max));
  ObjectReader body(root, "");
  SourceDefinition out;
  WrongPlaces wrong;
  wrong.Add(ReadPlaces(body, out));
  wrong.Add(ReadColumns(body, "schema_definition", out.columns));
  wrong.Add(body.Each("partition_columns", out.partitions, ReadPartition));
  wrong.Add(body.Each("index_columns", out.indexes, ReadIndex));
  wrong.Put(body.Texts("sort_columns"), out.sort_columns);
  wrong.Add(ReadCompression(body, out.compression));
  std::optional<std::uint64_t> size;
  wrong.Put(body.WholeNumber("max_file_size_mb", 1, kFileSizeMbMax), size);
  out.max_file_size_mb = static_cast<std::uint32_t>(size.value_or(out.max_file_size_mb));
  std::optional<bool> wal_enabled;
  wrong.Put(body.Boolean("wal_enabled"), wal_enabled);
  out.wal_enabled = wal_enabled.value_or(true);
  std::optional<storage::SchemaMode> mode;
  wrong.Put(ReadSchemaMode(body), mode);
  out.schema_mode = mode.value_or(out.schema_mode);
  std::optional<storage::Durability> durability;
  wrong.Put(ReadDurability(body), durability);
  out.durability = durability.value_or(out.durability);
  wrong.Put(body.Texts("primary_key"), out.primary_key);
  std::optional<std::optional<storage::Retention>> retention;
  wrong.Put(ReadRetention(body), retention);
  if (retention) out.retention = *retention;
  wrong.Add(body.Finish());
  GRANARY_TRY(wrong.Take());
  return out;
}

}  // namespace granary::api
