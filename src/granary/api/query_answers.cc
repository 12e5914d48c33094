// SearchJson, AppendNdjson, AggregateJson.
#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <arrow/record_batch.h>
#include "granary/api/json_object.h"
#include "granary/api/response_json.h"
#include "granary/api/value_json.h"
#include "granary/types/number_text.h"
#include "granary/types/short_text.h"

namespace granary::api {
namespace {

/// 1.234. Not by fmt, which looks for the digits of any double: as long as all the rest takes.
void AppendMilliseconds(double elapsed_ms, std::string& out) {
  const auto micros = static_cast<std::uint64_t>(std::llround(std::max(elapsed_ms, 0.0) * 1'000));
  std::array<char, kShortTextMax> text;
  char* to = WriteChar('.', WriteInteger(micros / 1'000, text.data()));
  out.append(text.data(), WriteDigits(micros % 1'000, 3, to));
}

void AppendStats(const query::QueryStats& stats, double elapsed_ms, std::string& out) {
  JsonObject object(out);
  AppendMilliseconds(elapsed_ms, object.Key("elapsed_ms"));
  object.Add("rows_scanned", stats.rows_scanned);
  object.Add("segments_total", stats.segments_total);
  object.Add("segments_pruned", stats.segments_pruned);
  object.Add("bytes_read", stats.bytes_read);
  if (stats.spilled_bytes > 0) object.Add("spilled_bytes", stats.spilled_bytes);
  object.Key("access_paths").push_back('[');
  for (bool first = true; const std::string& path : stats.access_paths) {
    if (!std::exchange(first, false)) out.push_back(',');
    json::AppendString(path, out);
  }
  out.push_back(']');
  object.Close();
}

// Calls `before` and `after` each record.
template <typename Before, typename After>
void AppendRecords(const query::ResultBatch& rows, std::string& out, const Before& before,
                   const After& after) {
  const json::BatchWriter writer(rows.columns);
  std::string head = "{";
  if (!rows.tenant.empty()) {
    head.append("\"tenant_id\":");
    json::AppendString(rows.tenant, head);
    head.push_back(',');
  }
  head.append("\"source_id\":");
  json::AppendString(rows.source.str(), head);
  head.append(",\"fields\":");
  for (std::int64_t row = 0; row < rows.batch->num_rows(); ++row) {
    before();
    out.append(head);
    writer.AppendRow(*rows.batch, row, out);
    out.push_back('}');
    after();
  }
}

void AppendAggregateValue(const Value& value, const query::AggregateColumn& column,
                          std::string& out) {
  const auto* wide = std::get_if<Int128>(&value);
  if (column.json_integer && wide != nullptr)
    out.append(ToString(*wide));
  else
    AppendValueJson(value, column.type, out);
}

}  // namespace

SearchJson::SearchJson() : text_("{\"records\":[") {}

void SearchJson::Add(const query::ResultBatch& rows) {
  AppendRecords(
      rows, text_,
      [this] {
        if (count_++ > 0) text_.push_back(',');
      },
      [] {});
}

std::string SearchJson::Finish(const query::QueryStats& stats, double elapsed_ms,
                               const std::optional<std::string>& next_cursor) {
  text_.append("],\"count\":");
  AppendInteger(static_cast<std::uint64_t>(count_), text_);
  text_.append(",\"next_cursor\":");
  if (next_cursor)
    json::AppendString(*next_cursor, text_);
  else
    text_.append("null");
  text_.append(",\"stats\":");
  AppendStats(stats, elapsed_ms, text_);
  text_.push_back('}');
  return std::move(text_);
}

void AppendNdjson(const query::ResultBatch& rows, std::string& out) {
  AppendRecords(
      rows, out, [] {}, [&out] { out.push_back('\n'); });
}

void AppendRecordsJson(const query::ResultBatch& rows, std::string_view before,
                       std::string_view after, std::string& out) {
  AppendRecords(
      rows, out, [&] { out.append(before); }, [&] { out.append(after); });
}

void AppendStatsJson(const query::QueryStats& stats, double elapsed_ms, std::string& out) {
  AppendStats(stats, elapsed_ms, out);
}

void AggregateJsonText::Begin(std::string& out) {
  if (!std::exchange(begun_, true)) out.append("{\"results\":[");
}

void AggregateJsonText::Add(const std::vector<query::AggregateColumn>& columns,
                            const std::vector<std::vector<Value>>& rows, std::string& out) {
  Begin(out);
  for (const std::vector<Value>& row : rows) {
    if (count_++ > 0) out.push_back(',');
    JsonObject object(out);
    for (std::size_t i = 0; i < columns.size(); ++i)
      AppendAggregateValue(row[i], columns[i], object.Key(columns[i].alias));
    object.Close();
  }
}

void AggregateJsonText::Finish(const query::QueryStats& stats, double elapsed_ms,
                               std::string& out) {
  Begin(out);
  out.append("],\"stats\":");
  AppendStats(stats, elapsed_ms, out);
  out.push_back('}');
}

std::string AggregateJson(const query::AggregateAnswer& answer, double elapsed_ms) {
  std::string out;
  AggregateJsonText text;
  text.Add(answer.columns, answer.rows, out);
  text.Finish(answer.stats, elapsed_ms, out);
  return out;
}

}  // namespace granary::api
