// SourceJson, SchemaHistoryJson, SourcesJson, StatsJson, TenantStatsJson, WriteJson, DeleteJson.
#include <utility>

#include "granary/api/distribution_json.h"
#include "granary/api/json_object.h"
#include "granary/api/response_json.h"
#include "granary/api/value_json.h"
#include "granary/storage/manifest/source_change.h"
#include "granary/storage/stats/stats_builder.h"
#include "granary/types/rest_column.h"

namespace granary::api {
namespace {

using storage::SourceDefinition;

void AppendPartition(const storage::DeclaredPartition& partition, std::string& out) {
  if (!partition.transform) return json::AppendString(partition.column, out);
  JsonObject object(out);
  object.Add("column", partition.column);
  object.Add("transform", partition.transform->ToString());
  object.Close();
}

void AppendIndex(const storage::DeclaredIndex& index, std::string& out) {
  if (!index.kind) return json::AppendString(index.column, out);
  JsonObject object(out);
  object.Add("column", index.column);
  object.Add("kind", storage::IndexKindName(*index.kind));
  object.Close();
}

void AppendCompression(const storage::Compression& compression, std::string& out) {
  if (compression.columns.empty())
    return json::AppendString(storage::CodecName(compression.codec), out);
  JsonObject object(out);
  object.Add("default", storage::CodecName(compression.codec));
  JsonObject columns(object.Key("columns"));
  for (const auto& [name, codec] : compression.columns)
    columns.Add(name, storage::CodecName(codec));
  columns.Close();
  object.Close();
}

void AppendColumns(const Schema& schema, std::string& out) {
  JsonObject columns(out);
  for (const Column& column : schema.columns()) {
    if (!IsRestColumn(column)) columns.Add(column.name, column.type.ToString());
  }
  columns.Close();
}

std::string_view DurabilityName(storage::Durability durability) {
  return durability == storage::Durability::kInterval ? "interval" : "sync";
}

std::string_view ModeName(storage::SchemaMode mode) {
  switch (mode) {
    case storage::SchemaMode::kStrict: return "strict";
    case storage::SchemaMode::kEvolve: return "evolve";
    case storage::SchemaMode::kJson: return "json";
  }
  return "";
}

// What a user can say comes back as it can be said again.
void AppendSource(const SourceInfo& source, std::string& out) {
  const SourceDefinition& definition = source.definition;
  JsonObject object(out);
  object.Add("source_id", definition.id.str());
  object.Add("name", definition.name);
  object.Add("connection_string", definition.connection_string);
  object.Add("data_path", definition.data_path);
  AppendColumns(*source.schema, object.Key("schema_definition"));
  AppendList(definition.partitions, object.Key("partition_columns"),
             [&](const auto& p) { AppendPartition(p, out); });
  AppendList(definition.indexes, object.Key("index_columns"),
             [&](const auto& i) { AppendIndex(i, out); });
  AppendList(definition.sort_columns, object.Key("sort_columns"),
             [&](const auto& c) { json::AppendString(c, out); });
  AppendCompression(definition.compression, object.Key("compression"));
  object.Add("compression_level", definition.compression.level);
  object.Add("max_file_size_mb", definition.max_file_size_mb);
  object.Add("wal_enabled", definition.wal_enabled);
  object.Add("schema_mode", ModeName(definition.schema_mode));
  object.Add("durability", DurabilityName(definition.durability));
  AppendList(definition.primary_key, object.Key("primary_key"),
             [&](const auto& c) { json::AppendString(c, out); });
  if (definition.retention) {
    JsonObject retention(object.Key("retention"));
    retention.Add("column", definition.retention->column);
    retention.Add("days", definition.retention->days);
    retention.Close();
  } else {
    object.AddNull("retention");
  }
  object.Add("schema_version", source.schema->version());
  object.AddInstant("created_at", source.created_us);
  object.Close();
}

void AppendColumnStats(const Column& column, const ColumnStats& stats,
                       const std::vector<storage::IndexKey>& indexes, StatsDetail detail,
                       std::string& out) {
  JsonObject object(out);
  object.Add("type", column.type.ToString());
  object.Add("nulls", stats.nulls);
  AppendValueJson(storage::LeastValue(stats), column.type, object.Key("min"));
  AppendValueJson(storage::GreatestValue(stats), column.type, object.Key("max"));
  object.Add("distinct", storage::DistinctEstimate(stats));
  std::string& values = object.Key("values");
  if (stats.values)
    AppendList(*stats.values, values,
               [&](const Value& v) { AppendValueJson(v, column.type, out); });
  else
    values.append("null");
  std::vector<std::string_view> kinds;
  for (const storage::IndexKey& index : indexes) {
    if (index.column == column.id) kinds.push_back(storage::IndexKindName(index.kind));
  }
  AppendList(kinds, object.Key("indexes"),
             [&](std::string_view kind) { json::AppendString(kind, out); });
  if (detail == StatsDetail::kHistograms) AddDistribution(stats, column.type, out, object);
  object.Close();
}

void AppendStats(const SourceStatsInfo& info, StatsDetail detail, std::string& out) {
  const storage::SourceStats& stats = info.stats;
  JsonObject object(out);
  object.Add("source_id", info.id.str());
  object.Add("rows", stats.rows);
  object.Add("bytes", stats.bytes);
  object.Add("hot_rows", stats.hot_rows);
  object.Add("deleted_rows", stats.deleted_rows);
  object.Add("segments", stats.segments);
  object.Add("files", stats.segments);
  object.Add("partitions", stats.partitions);
  object.Add("schema_version", stats.schema->version());
  object.Add("wal_bytes", stats.wal_bytes);
  object.Add("index_bytes", stats.index_bytes);
  object.AddInstant("last_write", stats.last_write_us);
  object.AddInstant("last_compaction", stats.last_compaction_us);
  JsonObject columns(object.Key("columns"));
  for (const Column& column : info.schema->columns()) {
    if (IsRestColumn(column)) continue;
    const auto known = stats.columns.find(column.id);
    AppendColumnStats(column, known == stats.columns.end() ? ColumnStats() : known->second,
                      stats.indexes, detail, columns.Key(column.name));
  }
  columns.Close();
  object.Close();
}

void AppendSchemaVersion(const storage::SchemaVersion& version, const Schema* before,
                         std::string& out) {
  JsonObject object(out);
  object.Add("schema_version", version.schema->version());
  const bool known = version.made_us != 0;
  object.AddInstant("created_at", known ? std::optional(version.made_us) : std::nullopt);
  object.Add("change", storage::DescribeChange(before, *version.schema));
  AppendList(version.schema->columns(), object.Key("columns"), [&](const Column& column) {
    JsonObject shown(out);
    shown.Add("id", column.id);
    shown.Add("name", column.name);
    shown.Add("type", column.type.ToString());
    shown.Close();
  });
  object.Close();
}

/// The first of them, and how many there are.
void AppendRejected(const Rejections& rejected, JsonObject& answer) {
  std::string& out = answer.Key("rejected");
  out.push_back('[');
  for (bool first = true; const auto& [index, detail] : rejected.shown) {
    if (!std::exchange(first, false)) out.push_back(',');
    JsonObject item(out);
    item.Add("index", index);
    item.Add("detail", detail);
    item.Close();
  }
  out.push_back(']');
  answer.Add("rejected_total", rejected.total);
}

}  // namespace

std::string SourceJson(const SourceInfo& source) {
  std::string out;
  AppendSource(source, out);
  return out;
}

std::string SchemaHistoryJson(const SourceId& id,
                              const std::vector<storage::SchemaVersion>& versions) {
  std::string out;
  JsonObject object(out);
  object.Add("source_id", id.str());
  object.Add("schema_version", versions.back().schema->version());
  const Schema* before = nullptr;
  AppendList(versions, object.Key("versions"), [&](const storage::SchemaVersion& version) {
    AppendSchemaVersion(version, before, out);
    before = version.schema.get();
  });
  object.Close();
  return out;
}

std::string SourcesJson(const SourceList& list) {
  std::string out;
  JsonObject object(out);
  AppendList(list.sources, object.Key("sources"),
             [&](const SourceInfo& source) { AppendSource(source, out); });
  if (!list.damaged.empty()) {
    AppendList(list.damaged, object.Key("damaged_sources"), [&](const auto& damaged) {
      JsonObject one(out);
      one.Add("source_id", damaged.source.str());
      one.Add("detail", damaged.why.message());
      one.Close();
    });
  }
  object.Close();
  return out;
}

std::string StatsJson(const SourceStatsInfo& stats, StatsDetail detail) {
  std::string out;
  AppendStats(stats, detail, out);
  return out;
}

std::string TenantStatsJson(const TenantStats& stats) {
  std::string out;
  JsonObject object(out);
  object.Add("tenant_id", stats.id.str());
  object.Add("tenant_name", stats.name);
  object.Add("sources", stats.sources.size());
  object.Add("rows", stats.rows);
  object.Add("bytes", stats.bytes);
  object.Add("segments", stats.segments);
  JsonObject sources(object.Key("source_stats"));
  for (const SourceStatsInfo& source : stats.sources)
    AppendStats(source, StatsDetail::kShort, sources.Key(source.id.str()));
  sources.Close();
  object.Close();
  return out;
}

std::string WriteJson(const WriteAnswer& answer) {
  std::string out;
  JsonObject object(out);
  object.Add("source_id", answer.source.str());
  object.Add("written", answer.written);
  if (answer.written == 0) {
    object.AddNull("sequence");
  } else {
    JsonObject sequence(object.Key("sequence"));
    sequence.Add("first", answer.outcome.first_sequence);
    sequence.Add("last", answer.outcome.last_sequence);
    sequence.Close();
  }
  object.Add("schema_version", answer.outcome.schema_version);
  object.Add("durable", answer.outcome.durable);
  if (answer.rejected) AppendRejected(*answer.rejected, object);
  object.Close();
  return out;
}

std::string DeleteJson(const DeleteAnswer& answer) {
  std::string out;
  JsonObject object(out);
  object.Add("source_id", answer.source.str());
  object.Add("deleted", answer.deleted);
  object.Close();
  return out;
}

}  // namespace granary::api
