#include "granary/api/publication_json.h"

#include <algorithm>

#include "granary/api/json_object.h"
#include "granary/api/response_json.h"
#include "granary/api/value_json.h"
#include "granary/base/base64.h"
#include "granary/base/utf8.h"
#include "granary/storage/stats/stats_builder.h"

namespace granary::api {
namespace {

template <typename T>
std::string Encoded(const T& value) {
  std::string bytes;
  value.EncodeTo(bytes);
  return Base64Encode(bytes);
}

// A bound that was cut may end within a character.
void AppendFileBound(const Value& bound, const DataType& type, std::string& out) {
  const auto* text = std::get_if<std::string>(&bound);
  const bool is_cut = text != nullptr && !IsValidUtf8(*text) && type.kind() == TypeKind::kString;
  AppendValueJson(is_cut ? Value() : bound, type, out);
}

void AppendFileColumns(const FileNews& file, std::string& out) {
  std::vector<ColumnId> ids;
  for (const auto& [id, stats] : file.meta->columns) ids.push_back(id);
  std::ranges::sort(ids);
  if (ids.size() > kPublishedColumnsMax) ids.resize(kPublishedColumnsMax);
  JsonObject columns(out);
  for (const ColumnId id : ids) {
    const Column* column = file.schema->FindId(id);
    if (column == nullptr) continue;
    const ColumnStats& stats = file.meta->columns.at(id);
    JsonObject one(columns.Key(std::to_string(id)));
    one.Add("nulls", stats.nulls);
    AppendFileBound(stats.min, column->type, one.Key("min"));
    AppendFileBound(stats.max, column->type, one.Key("max"));
    one.Close();
  }
  columns.Close();
}

void AppendFile(const FileNews& file, std::string& out) {
  const storage::SegmentMeta& meta = *file.meta;
  JsonObject object(out);
  object.Add("id", meta.id.value);
  object.Add("path", meta.path);
  object.Add("partition", file.partition);
  object.Add("bytes", meta.bytes);
  object.Add("rows", meta.rows);
  object.Add("deleted_rows", file.deleted_rows);
  object.Add("min_sequence", meta.min_sequence);
  object.Add("max_sequence", meta.max_sequence);
  object.Add("generation", meta.generation);
  object.Add("schema_version", meta.schema_version);
  object.Add("created_us", meta.created_us);
  AppendFileColumns(file, object.Key("columns"));
  object.Close();
}

// Without sketches and distributions: what a widening is judged by.
void AppendBounds(const storage::SourceStats& stats, std::string& out) {
  JsonObject bounds(out);
  for (const auto& [id, column] : stats.columns) {
    std::string bytes;
    ColumnStats known = storage::WithoutSketches(column);
    known.values.reset();
    storage::EncodeStats(known, bytes);
    bounds.Add(std::to_string(id), Base64Encode(bytes));
  }
  bounds.Close();
}

void AddStatistics(const SourceNews& news, JsonObject& object) {
  if (!news.stats) return;
  const std::string statistics = StatsJson(*news.stats);
  if (statistics.size() > kPublishedTextBytesMax) return;  // It would not be taken.
  object.Key("statistics").append(statistics);
  AppendBounds(news.stats->stats, object.Key("bounds"));
  if (!news.merges) return;
  JsonObject merges(object.Key("merges"));
  merges.Add("merges", news.merges->merges);
  merges.Add("bytes", news.merges->bytes);
  merges.Add("reason", news.merges->reason);
  merges.Add("debt_files", news.merges->debt.files);
  merges.Add("debt_bytes", news.merges->debt.bytes);
  merges.Close();
}

void AppendSourceNews(const SourceNews& news, std::string& out) {
  JsonObject object(out);
  object.Add("source_id", news.source.str());
  object.Add("uid", news.uid);
  object.Add("base", news.base);
  object.Add("number", news.number);
  object.Add("complete", news.complete);
  object.Add("created_us", news.created_us);
  if (news.last_write_us) object.Add("last_write_us", *news.last_write_us);
  object.Add("flushed_sequence", news.flushed_sequence);
  if (news.definition != nullptr) object.Add("definition", Encoded(*news.definition));
  AppendList(news.schemas, object.Key("schemas"), [&](const storage::SchemaVersion& version) {
    JsonObject one(out);
    one.Add("schema", Encoded(*version.schema));
    one.Add("made_us", version.made_us);
    one.Close();
  });
  AppendList(news.files, object.Key("files"), [&](const FileNews& file) { AppendFile(file, out); });
  AppendList(news.files_gone, object.Key("files_gone"),
             [&](SegmentId id) { AppendFormat(out, "{}", id.value); });
  AddStatistics(news, object);
  object.Close();
}

void AppendCompaction(const CompactionProgress& progress, std::string& out) {
  const storage::CompactionJob& job = progress.job;
  JsonObject object(out);
  object.Add("id", progress.id);
  object.Add("state", storage::JobStateName(job.state));
  object.Add("job", job.id);
  object.Add("reason", job.reason);
  object.Add("failure", job.failure.ok() ? std::string() : job.failure.ToString());
  object.Add("bytes_total", job.bytes_total);
  object.Add("bytes_done", job.bytes_done);
  object.Add("merges", job.counts.merges);
  object.Add("files_in", job.counts.files_in);
  object.Add("files_out", job.counts.files_out);
  object.Add("bytes_in", job.counts.bytes_in);
  object.Add("bytes_out", job.counts.bytes_out);
  object.Add("rows", job.counts.rows);
  object.Close();
}

}  // namespace

std::string PublicationJson(const PublicationHead& head, const News& news,
                            const std::vector<CompactionProgress>& compactions) {
  std::string out;
  JsonObject object(out);
  object.Add("key", head.key);
  object.Add("tenant_id", head.tenant);
  object.Add("session", head.session);
  object.Add("policies", head.policies);
  object.Add("all_told", news.all_told);
  AppendList(news.gone, object.Key("gone"),
             [&](const SourceId& id) { json::AppendString(id.str(), out); });
  AppendList(news.sources, object.Key("sources"),
             [&](const SourceNews& one) { AppendSourceNews(one, out); });
  AppendList(compactions, object.Key("compactions"),
             [&](const CompactionProgress& one) { AppendCompaction(one, out); });
  object.Close();
  return out;
}

}  // namespace granary::api
