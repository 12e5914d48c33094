#include "granary/api/source_members.h"

#include <charconv>

#include <fmt/format.h>

#include "granary/base/utf8.h"

namespace granary::api {
namespace {

Status Bad(std::string pointer, std::string detail) {
  return Status::Invalid(Code::kInvalidDefinition, std::move(pointer), std::move(detail));
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
  WrongPlaces wrong;
  for (const JsonMember& member : node.members)
    wrong.Put(ReadCodec(member.value, PointerTo(pointer, member.name)), out.columns[member.name]);
  return wrong.Take();
}

Status ReadCodecsAt(const JsonNode& node, const std::string& pointer, storage::Compression& out) {
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

Result<storage::DeclaredColumn> ReadColumn(const JsonMember& column, const std::string& at) {
  if (column.value.kind != JsonNode::Kind::kString)
    return WrongKind(at, "a type's name", column.value);
  if (const Status status = CheckColumnName(column.name); !status.ok())
    return AtPointer(status, at);
  const Result<DataType> type = DataType::Parse(column.value.text);
  if (!type.ok()) return AtPointer(type.status(), at);
  return storage::DeclaredColumn{column.name, *type};
}

}  // namespace

Status ReadColumns(ObjectReader& body, std::string_view member,
                   std::vector<storage::DeclaredColumn>& out) {
  const JsonNode* node = body.Find(member);
  if (node == nullptr) return Status::Ok();
  const std::string pointer = body.PointerOf(member);
  if (node->kind != JsonNode::Kind::kObject)
    return WrongKind(pointer, "an object of column names and types", *node);
  WrongPlaces wrong;
  for (const JsonMember& column : node->members)
    wrong.Put(ReadColumn(column, PointerTo(pointer, column.name)), out.emplace_back());
  return wrong.Take();
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
    return Bad(reader.PointerOf("kind"),
               fmt::format("unknown index '{}'; there are btree, hash, bloom", Quotable(*kind)));
  return out;
}

Result<bool> ReadCodecs(ObjectReader& body, storage::Compression& out) {
  const JsonNode* node = body.Find("compression");
  if (node == nullptr) return false;
  GRANARY_TRY(ReadCodecsAt(*node, body.PointerOf("compression"), out));
  return true;
}

Result<std::optional<int>> ReadLevel(ObjectReader& body) {
  const JsonNode* level = body.Find("compression_level");
  if (level == nullptr) return std::optional<int>();
  int value = 0;
  const char* last = level->text.data() + level->text.size();
  const auto [end, error] = std::from_chars(level->text.data(), last, value);
  if (level->kind != JsonNode::Kind::kNumber || error != std::errc() || end != last)
    return WrongKind(body.PointerOf("compression_level"), "a whole number", *level);
  return std::optional(value);
}

Result<std::optional<storage::SchemaMode>> ReadSchemaMode(ObjectReader& body) {
  using storage::SchemaMode;
  GRANARY_ASSIGN(const auto mode, body.Text("schema_mode"));
  const std::string pointer = body.PointerOf("schema_mode");
  if (!mode) return std::optional<SchemaMode>();
  if (*mode == "json") return std::optional(SchemaMode::kJson);
  if (*mode == "strict") return std::optional(SchemaMode::kStrict);
  if (*mode == "evolve") return std::optional(SchemaMode::kEvolve);
  return Bad(pointer, fmt::format("expected strict, evolve or json, found '{}'", Quotable(*mode)));
}

Result<std::optional<storage::Durability>> ReadDurability(ObjectReader& body) {
  using storage::Durability;
  GRANARY_ASSIGN(const auto durability, body.Text("durability"));
  if (!durability) return std::optional<Durability>();
  if (*durability == "sync") return std::optional(Durability::kSync);
  if (*durability == "interval") return std::optional(Durability::kInterval);
  return Bad(body.PointerOf("durability"),
             fmt::format("expected sync or interval, found '{}'", Quotable(*durability)));
}

Result<std::optional<std::optional<storage::Retention>>> ReadRetention(ObjectReader& body) {
  using Given = std::optional<std::optional<storage::Retention>>;
  const JsonNode* node = body.Find("retention");
  if (node == nullptr) return Given();
  const std::string pointer = body.PointerOf("retention");
  if (node->kind == JsonNode::Kind::kString && node->text == "none")
    return Given(std::optional<storage::Retention>());
  if (node->kind != JsonNode::Kind::kObject)
    return WrongKind(pointer, "an object of column and days, or \"none\"", *node);
  ObjectReader reader(*node, pointer);
  storage::Retention retention;
  GRANARY_ASSIGN(retention.column, reader.RequiredText("column"));
  GRANARY_ASSIGN(const auto days, reader.WholeNumber("days", 1, kRetentionDaysMax));
  GRANARY_TRY(reader.Finish());
  if (!days) {
    return Status::Invalid(Code::kInvalidRequest, reader.PointerOf("days"),
                           "this member is required");
  }
  retention.days = static_cast<std::uint32_t>(*days);
  return Given(std::move(retention));
}

}  // namespace granary::api
