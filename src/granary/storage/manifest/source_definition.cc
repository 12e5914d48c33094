#include "granary/storage/manifest/source_definition.h"

#include <fmt/format.h>

#include "granary/base/bytes.h"

namespace granary::storage {
namespace {

// Versions before `durability` read 1 alone, so it is written as long as it says everything.
constexpr std::uint8_t kEncoding = 1;
constexpr std::uint8_t kEncodingWithDurability = 2;
constexpr std::uint8_t kEncodingWithKey = 3;  // And retention.
constexpr std::uint8_t kAbsent = 0xff;        // An optional enum or level that was not given.

void PutNames(std::string& out, const std::vector<std::string>& names) {
  PutFixed(out, static_cast<std::uint32_t>(names.size()));
  for (const std::string& name : names) PutString(out, name);
}

void PutCompression(std::string& out, const Compression& compression) {
  PutFixed(out, static_cast<std::uint8_t>(compression.codec));
  PutFixed(out, static_cast<std::uint8_t>(compression.level.has_value() ? 1 : 0));
  PutFixed(out, static_cast<std::int32_t>(compression.level.value_or(0)));
  PutFixed(out, static_cast<std::uint32_t>(compression.columns.size()));
  for (const auto& [name, codec] : compression.columns) {
    PutString(out, name);
    PutFixed(out, static_cast<std::uint8_t>(codec));
  }
}

// A count that the remaining bytes can hold, each item being at least one byte.
std::size_t TakeCount(ByteReader& in) {
  const auto count = in.Fixed<std::uint32_t>();
  return count <= in.remaining() ? count : 0;
}

Status Malformed(std::string_view what) {
  return Status::Corruption(fmt::format("source definition: {} does not decode", what));
}

/// What does not parse here is damage, not what a user wrote.
template <typename T>
Result<T> Intact(Result<T> parsed, std::string_view what) {
  if (parsed.ok()) return parsed;
  return Status::Corruption(
      fmt::format("source definition: {} does not decode: {}", what, parsed.status().message()));
}

template <typename Enum>
Result<Enum> TakeEnum(ByteReader& in, Enum last, std::string_view what) {
  const auto raw = in.Fixed<std::uint8_t>();
  if (!in.ok() || raw > static_cast<std::uint8_t>(last)) return Malformed(what);
  return static_cast<Enum>(raw);
}

Status DecodeColumns(ByteReader& in, std::vector<DeclaredColumn>& columns) {
  const std::size_t count = TakeCount(in);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    std::string name(in.String());
    GRANARY_ASSIGN(DataType type, Intact(DataType::Parse(in.String()), "columns"));
    columns.push_back({std::move(name), std::move(type)});
  }
  return in.ok() ? Status::Ok() : Malformed("columns");
}

Status DecodePartitions(ByteReader& in, std::vector<DeclaredPartition>& partitions) {
  const std::size_t count = TakeCount(in);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    DeclaredPartition partition{std::string(in.String()), std::nullopt};
    if (const std::string_view transform = in.String(); !transform.empty()) {
      GRANARY_ASSIGN(partition.transform, Intact(Transform::Parse(transform), "partitions"));
    }
    partitions.push_back(std::move(partition));
  }
  return in.ok() ? Status::Ok() : Malformed("partitions");
}

Status DecodeIndexes(ByteReader& in, std::vector<DeclaredIndex>& indexes) {
  const std::size_t count = TakeCount(in);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    DeclaredIndex index{std::string(in.String()), std::nullopt};
    const auto raw = in.Fixed<std::uint8_t>();
    if (raw != kAbsent) {
      if (raw > static_cast<std::uint8_t>(IndexKind::kBloom)) return Malformed("indexes");
      index.kind = static_cast<IndexKind>(raw);
    }
    indexes.push_back(std::move(index));
  }
  return in.ok() ? Status::Ok() : Malformed("indexes");
}

Status DecodeCompression(ByteReader& in, Compression& compression) {
  GRANARY_ASSIGN(compression.codec, TakeEnum(in, Codec::kBrotli, "compression"));
  const bool has_level = in.Fixed<std::uint8_t>() != 0;
  const auto level = in.Fixed<std::int32_t>();
  if (has_level) compression.level = level;
  const std::size_t count = TakeCount(in);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    std::string name(in.String());
    GRANARY_ASSIGN(compression.columns[std::move(name)],
                   TakeEnum(in, Codec::kBrotli, "compression"));
  }
  return in.ok() ? Status::Ok() : Malformed("compression");
}

}  // namespace

void SourceDefinition::EncodeTo(std::string& out) const {
  const bool is_default = durability == Durability::kSync;
  const bool has_key = !primary_key.empty() || retention.has_value();
  PutFixed(out, has_key ? kEncodingWithKey : is_default ? kEncoding : kEncodingWithDurability);
  PutString(out, id.str());
  PutString(out, name);
  PutString(out, connection_string);
  PutString(out, data_path);
  PutFixed(out, static_cast<std::uint32_t>(columns.size()));
  for (const DeclaredColumn& column : columns) {
    PutString(out, column.name);
    PutString(out, column.type.ToString());
  }
  PutFixed(out, static_cast<std::uint32_t>(partitions.size()));
  for (const DeclaredPartition& partition : partitions) {
    PutString(out, partition.column);
    PutString(out, partition.transform.has_value() ? partition.transform->ToString() : "");
  }
  PutFixed(out, static_cast<std::uint32_t>(indexes.size()));
  for (const DeclaredIndex& index : indexes) {
    PutString(out, index.column);
    PutFixed(out, index.kind.has_value() ? static_cast<std::uint8_t>(*index.kind) : kAbsent);
  }
  PutNames(out, sort_columns);
  PutCompression(out, compression);
  PutFixed(out, max_file_size_mb);
  PutFixed(out, static_cast<std::uint8_t>(wal_enabled ? 1 : 0));
  PutFixed(out, static_cast<std::uint8_t>(schema_mode));
  if (has_key || !is_default) PutFixed(out, static_cast<std::uint8_t>(durability));
  if (!has_key) return;
  PutNames(out, primary_key);
  PutString(out, retention.has_value() ? retention->column : "");
  PutFixed(out, retention.has_value() ? retention->days : 0);
}

Result<SourceDefinition> SourceDefinition::Decode(std::string_view bytes) {
  ByteReader in(bytes);
  const auto encoding = in.Fixed<std::uint8_t>();
  if (encoding < kEncoding || encoding > kEncodingWithKey) {
    return Status::Corruption(fmt::format("source definition: encoding {}, expected {} to {}",
                                          encoding, kEncoding, kEncodingWithKey));
  }
  SourceDefinition definition;
  GRANARY_ASSIGN(definition.id, Intact(SourceId::Parse(in.String()), "the id"));
  definition.name = in.String();
  definition.connection_string = in.String();
  definition.data_path = in.String();
  GRANARY_TRY(DecodeColumns(in, definition.columns));
  GRANARY_TRY(DecodePartitions(in, definition.partitions));
  GRANARY_TRY(DecodeIndexes(in, definition.indexes));
  const std::size_t sorted = TakeCount(in);
  for (std::size_t i = 0; i < sorted && in.ok(); ++i)
    definition.sort_columns.emplace_back(in.String());
  GRANARY_TRY(DecodeCompression(in, definition.compression));
  definition.max_file_size_mb = in.Fixed<std::uint32_t>();
  definition.wal_enabled = in.Fixed<std::uint8_t>() != 0;
  GRANARY_ASSIGN(definition.schema_mode, TakeEnum(in, SchemaMode::kJson, "schema mode"));
  if (encoding >= kEncodingWithDurability) {
    GRANARY_ASSIGN(definition.durability, TakeEnum(in, Durability::kInterval, "durability"));
  }
  if (encoding >= kEncodingWithKey) {
    const std::size_t keys = TakeCount(in);
    for (std::size_t i = 0; i < keys && in.ok(); ++i)
      definition.primary_key.emplace_back(in.String());
    Retention retention{std::string(in.String()), in.Fixed<std::uint32_t>()};
    if (!retention.column.empty()) definition.retention = std::move(retention);
  }
  if (!in.ok() || in.remaining() != 0) return Malformed("the end");
  return definition;
}

}  // namespace granary::storage
