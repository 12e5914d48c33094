// ParseSource.
#include <charconv>

#include <fmt/format.h>

#include "granary/api/object_reader.h"
#include "granary/api/request_json.h"

namespace granary::api {
namespace {

using storage::SourceDefinition;

constexpr std::uint64_t kFileSizeMbMax = 1u << 20;

Status Bad(std::string pointer, std::string detail) {
  return Status::Invalid(Code::kInvalidDefinition, std::move(pointer), std::move(detail));
}

Status ReadColumns(ObjectReader& body, SourceDefinition& out) {
  const JsonNode* node = body.Find("schema_definition");
  if (node == nullptr) return Status::Ok();
  const std::string pointer = body.PointerOf("schema_definition");
  if (node->kind != JsonNode::Kind::kObject)
    return WrongKind(pointer, "an object of column names and types", *node);
  for (const JsonMember& member : node->members) {
    const std::string at = PointerTo(pointer, member.name);
    if (member.value.kind != JsonNode::Kind::kString)
      return WrongKind(at, "a type's name", member.value);
    if (const Status status = CheckColumnName(member.name); !status.ok())
      return AtPointer(status, at);
    const Result<DataType> type = DataType::Parse(member.value.text);
    if (!type.ok()) return AtPointer(type.status(), at);
    out.columns.push_back({member.name, *type});
  }
  return Status::Ok();
}

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

Result<storage::DeclaredIndex> ReadIndex(const JsonNode& node, const std::string& pointer) {
  storage::DeclaredIndex out;
  if (node.kind == JsonNode::Kind::kString) {
    GRANARY_ASSIGN(out.column, NonEmptyText(node, pointer));
    return out;
  }
  if (node.kind != JsonNode::Kind::kObject)
    return WrongKind(pointer, "a column's name or an object", node);
  ObjectReader reader(node, pointer);
  GRANARY_ASSIGN(out.column, reader.RequiredText("column"));
  GRANARY_ASSIGN(const auto kind, reader.Text("kind"));
  GRANARY_TRY(reader.Finish());
  if (kind) out.kind = storage::ParseIndexKind(*kind);
  if (kind && !out.kind)
    return Bad(
        reader.PointerOf("kind"),
        fmt::format("unknown index '{}'; there are btree, hash, bloom", kind->substr(0, 64)));
  return out;
}

Result<storage::Codec> ReadCodec(const JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(const std::string name, NonEmptyText(node, pointer));
  const Result<storage::Codec> codec = storage::ParseCodec(name);
  if (!codec.ok()) return AtPointer(codec.status(), pointer);
  return *codec;
}

Status ReadColumnCodecs(const JsonNode& node, const std::string& pointer,
                        storage::Compression& out) {
  if (node.kind != JsonNode::Kind::kObject)
    return WrongKind(pointer, "an object of column names and codecs", node);
  for (const JsonMember& member : node.members) {
    GRANARY_ASSIGN(out.columns[member.name],
                   ReadCodec(member.value, PointerTo(pointer, member.name)));
  }
  return Status::Ok();
}

// "zstd", or {"default": "snappy", "columns": {"note": "zstd"}}.
Status ReadCodecs(const JsonNode& node, const std::string& pointer, storage::Compression& out) {
  if (node.kind == JsonNode::Kind::kString) {
    GRANARY_ASSIGN(out.codec, ReadCodec(node, pointer));
    return Status::Ok();
  }
  if (node.kind != JsonNode::Kind::kObject)
    return WrongKind(pointer, "a codec's name or an object", node);
  ObjectReader reader(node, pointer);
  if (const JsonNode* codec = reader.Find("default"); codec != nullptr) {
    GRANARY_ASSIGN(out.codec, ReadCodec(*codec, reader.PointerOf("default")));
  }
  if (const JsonNode* columns = reader.Find("columns"); columns != nullptr) {
    GRANARY_TRY(ReadColumnCodecs(*columns, reader.PointerOf("columns"), out));
  }
  return reader.Finish();
}

Status ReadCompression(ObjectReader& body, storage::Compression& out) {
  if (const JsonNode* node = body.Find("compression"); node != nullptr) {
    GRANARY_TRY(ReadCodecs(*node, body.PointerOf("compression"), out));
  }
  if (const JsonNode* level = body.Find("compression_level"); level != nullptr) {
    const std::string pointer = body.PointerOf("compression_level");
    int value = 0;
    const char* last = level->text.data() + level->text.size();
    const auto [end, error] = std::from_chars(level->text.data(), last, value);
    if (level->kind != JsonNode::Kind::kNumber || error != std::errc() || end != last)
      return WrongKind(pointer, "a whole number", *level);
    out.level = value;
    return AtPointer(storage::CheckCompression(out), pointer);
  }
  return Status::Ok();
}

Status ReadSchemaMode(ObjectReader& body, SourceDefinition& out) {
  GRANARY_ASSIGN(const auto mode, body.Text("schema_mode"));
  const std::string pointer = body.PointerOf("schema_mode");
  if (mode == "strict")
    out.schema_mode = storage::SchemaMode::kStrict;
  else if (mode == "json")
    return NotOffered(pointer, "'json'");
  else if (mode && *mode != "evolve")
    return Bad(pointer,
               fmt::format("expected strict, evolve or json, found '{}'", mode->substr(0, 64)));
  return Status::Ok();
}

// What this version promises is `sync`; anything weaker comes later.
Status CheckDurability(ObjectReader& body) {
  GRANARY_ASSIGN(const auto durability, body.Text("durability"));
  const std::string pointer = body.PointerOf("durability");
  if (durability == "interval") return NotOffered(pointer, "'interval'");
  if (durability && *durability != "sync") {
    return Bad(pointer,
               fmt::format("expected sync or interval, found '{}'", durability->substr(0, 64)));
  }
  return Status::Ok();
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

}  // namespace

Result<SourceDefinition> ParseSource(std::string_view text, const RequestLimits& limits) {
  GRANARY_ASSIGN(const JsonNode root, ParseJsonObject(text, limits.depth_max));
  ObjectReader body(root, "");
  SourceDefinition out;
  GRANARY_TRY(ReadPlaces(body, out));
  GRANARY_TRY(ReadColumns(body, out));
  GRANARY_TRY(body.Each("partition_columns", out.partitions, ReadPartition));
  GRANARY_TRY(body.Each("index_columns", out.indexes, ReadIndex));
  GRANARY_ASSIGN(out.sort_columns, body.Texts("sort_columns"));
  GRANARY_TRY(ReadCompression(body, out.compression));
  GRANARY_ASSIGN(const auto size, body.WholeNumber("max_file_size_mb", 1, kFileSizeMbMax));
  out.max_file_size_mb = static_cast<std::uint32_t>(size.value_or(out.max_file_size_mb));
  GRANARY_ASSIGN(const auto wal_enabled, body.Boolean("wal_enabled"));
  out.wal_enabled = wal_enabled.value_or(true);
  GRANARY_TRY(ReadSchemaMode(body, out));
  GRANARY_TRY(CheckDurability(body));
  GRANARY_TRY(body.NotYet("primary_key"));
  GRANARY_TRY(body.NotYet("retention"));
  GRANARY_TRY(body.Finish());
  return out;
}

}  // namespace granary::api
