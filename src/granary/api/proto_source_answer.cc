// Answers about sources, the tenant and the node.
#include <storage.pb.h>

#include "granary/api/proto_answer.h"
#include "granary/api/proto_value.h"
#include "granary/storage/stats/stats_builder.h"
#include "granary/types/rest_column.h"

namespace granary::api {
namespace {

void SetMicros(std::int64_t micros, v1::Timestamp& out) {
  out.set_value(micros);
  out.set_unit(v1::TIME_UNIT_MICROSECOND);
}

const char* IndexName(storage::IndexKind kind) {
  switch (kind) {
    case storage::IndexKind::kHash: return "hash";
    case storage::IndexKind::kBtree: return "btree";
    case storage::IndexKind::kBloom: return "bloom";
  }
  return "";
}

v1::SchemaMode ModeOf(storage::SchemaMode mode) {
  switch (mode) {
    case storage::SchemaMode::kStrict: return v1::SCHEMA_MODE_STRICT;
    case storage::SchemaMode::kEvolve: return v1::SCHEMA_MODE_EVOLVE;
    case storage::SchemaMode::kJson: return v1::SCHEMA_MODE_JSON;
  }
  return v1::SCHEMA_MODE_UNSPECIFIED;
}

void SetColumns(const storage::SourceDefinition& definition, v1::Source& out) {
  for (const auto& partition : definition.partitions) {
    v1::PartitionColumn& column = *out.add_partition_columns();
    column.set_column(partition.column);
    if (partition.transform) column.set_transform(partition.transform->ToString());
  }
  for (const auto& index : definition.indexes) {
    v1::IndexColumn& column = *out.add_index_columns();
    column.set_column(index.column);
    if (index.kind) column.set_kind(IndexName(*index.kind));
  }
  for (const std::string& column : definition.sort_columns) out.add_sort_columns(column);
}

void SetCompression(const storage::Compression& compression, v1::Source& out) {
  const auto text = [](storage::Codec codec) { return std::string(storage::CodecName(codec)); };
  out.mutable_compression()->set_default_(text(compression.codec));
  for (const auto& [name, codec] : compression.columns)
    (*out.mutable_compression()->mutable_columns())[name] = text(codec);
  if (compression.level) out.set_compression_level(*compression.level);
}

void SetSource(const SourceInfo& source, v1::Source& out) {
  const storage::SourceDefinition& definition = source.definition;
  out.set_source_id(definition.id.str());
  out.set_name(definition.name);
  out.set_connection_string(definition.connection_string);
  out.set_data_path(definition.data_path);
  for (const Column& column : source.schema->columns()) {
    if (IsRestColumn(column)) continue;
    v1::ColumnDefinition& one = *out.add_schema_definition();
    one.set_name(column.name);
    one.set_type(column.type.ToString());
  }
  SetColumns(definition, out);
  SetCompression(definition.compression, out);
  out.set_max_file_size_mb(definition.max_file_size_mb);
  out.set_wal_enabled(definition.wal_enabled);
  out.set_schema_mode(ModeOf(definition.schema_mode));
  out.set_durability(definition.durability == storage::Durability::kInterval
                         ? v1::DURABILITY_INTERVAL
                         : v1::DURABILITY_SYNC);
  for (const std::string& column : definition.primary_key) out.add_primary_key(column);
  if (definition.retention) {
    out.mutable_retention()->set_column(definition.retention->column);
    out.mutable_retention()->set_days(definition.retention->days);
  }
  out.set_schema_version(source.schema->version());
  SetMicros(source.created_us, *out.mutable_created_at());
}

void SetColumnStats(const Column& column, const ColumnStats& stats,
                    const std::vector<storage::IndexKey>& indexes, v1::ColumnStats& out) {
  out.set_name(column.name);
  out.set_type(column.type.ToString());
  for (const storage::IndexKey& index : indexes) {
    if (index.column == column.id) out.add_indexes(IndexName(index.kind));
  }
  if (stats.nulls) out.set_nulls(*stats.nulls);
  const Value least = storage::LeastValue(stats);
  const Value greatest = storage::GreatestValue(stats);
  if (!IsNull(least)) SetProtoValue(least, column.type, *out.mutable_min());
  if (!IsNull(greatest)) SetProtoValue(greatest, column.type, *out.mutable_max());
  if (const auto distinct = storage::DistinctEstimate(stats)) out.set_distinct(*distinct);
  if (!stats.values) return;
  v1::ListValue& values = *out.mutable_values();
  for (const Value& value : *stats.values) SetProtoValue(value, column.type, *values.add_values());
}

void SetStats(const SourceStatsInfo& info, v1::SourceStats& out) {
  const storage::SourceStats& stats = info.stats;
  out.set_source_id(info.id.str());
  out.set_rows(stats.rows);
  out.set_bytes(stats.bytes);
  out.set_hot_rows(stats.hot_rows);
  out.set_deleted_rows(stats.deleted_rows);
  out.set_segments(stats.segments);
  out.set_files(stats.segments);
  out.set_index_bytes(stats.index_bytes);
  out.set_partitions(stats.partitions);
  out.set_schema_version(stats.schema->version());
  out.set_wal_bytes(stats.wal_bytes);
  if (stats.last_write_us) SetMicros(*stats.last_write_us, *out.mutable_last_write());
  if (stats.last_compaction_us)
    SetMicros(*stats.last_compaction_us, *out.mutable_last_compaction());
  for (const Column& column : stats.schema->columns()) {
    if (IsRestColumn(column)) continue;
    const auto known = stats.columns.find(column.id);
    SetColumnStats(column, known == stats.columns.end() ? ColumnStats() : known->second,
                   stats.indexes, *out.add_columns());
  }
}

}  // namespace

std::string AddedSourceMessage(const Tenant::Added& added) {
  v1::AddSourceResponse response;
  SetSource(added.source, *response.mutable_source());
  response.set_created(added.created);
  return response.SerializeAsString();
}

std::string SourceMessage(const SourceInfo& source) {
  v1::Source response;
  SetSource(source, response);
  return response.SerializeAsString();
}

std::string SourcesMessage(const SourceList& list) {
  v1::ListSourcesResponse response;
  for (const SourceInfo& source : list.sources) SetSource(source, *response.add_sources());
  for (const auto& damaged : list.damaged) {
    v1::DamagedSource& one = *response.add_damaged_sources();
    one.set_source_id(damaged.source.str());
    one.set_detail(std::string(damaged.why.message()));
  }
  return response.SerializeAsString();
}

std::string SourceStatsMessage(const SourceStatsInfo& stats) {
  v1::SourceStats response;
  SetStats(stats, response);
  return response.SerializeAsString();
}

std::string TenantStatsMessage(const TenantStats& stats) {
  v1::TenantStats response;
  response.set_tenant_id(stats.id.str());
  response.set_tenant_name(stats.name);
  response.set_rows(stats.rows);
  response.set_bytes(stats.bytes);
  response.set_segments(stats.segments);
  for (const SourceStatsInfo& source : stats.sources) SetStats(source, *response.add_sources());
  return response.SerializeAsString();
}

std::string HealthMessage(const std::string& tenant_id, const std::string& tenant_name,
                          std::string_view version, double uptime_seconds) {
  v1::HealthCheckResponse response;
  response.set_status("ok");
  response.set_tenant_id(tenant_id);
  response.set_tenant_name(tenant_name);
  response.set_version(std::string(version));
  response.set_uptime_seconds(uptime_seconds);
  return response.SerializeAsString();
}

}  // namespace granary::api
