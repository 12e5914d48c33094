#include "granary/services/monitoring/series_store.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "granary/api/json_object.h"
#include "granary/types/time_text.h"

namespace granary::services {
namespace {

constexpr std::int64_t kMicros = 1'000'000;
constexpr std::size_t kRecordsAtOnce = 5'000;

std::string SourceBody(std::int64_t retention_days) {
  return fmt::format(
      R"({{"source_id":"series","name":"What was measured","schema_mode":"strict",)"
      R"("schema_definition":{{"service":"string","name":"string","labels":"string","at":"timestamp","value":"float64"}},)"
      R"("partition_columns":["at"],"sort_columns":["name","service","at"],"compression":"zstd","durability":"interval",)"
      R"("retention":{{"column":"at","days":{}}}}})",
      retention_days);
}

void AppendInstant(std::int64_t at_us, std::string& out) {
  out.push_back('"');
  AppendTimestamp(at_us, TimeUnit::kMicro, out);
  out.push_back('"');
}

std::string LabelsJson(const std::string& node, const MetricSample& sample) {
  std::string out;
  api::JsonObject object(out);
  if (!node.empty()) object.Add("node", std::string_view(node));
  if (node.empty())
    for (const auto& [name, value] : sample.labels) object.Add(name, std::string_view(value));
  else
    for (const auto& [name, value] : ExportedLabels(sample, /*with_node=*/true))
      object.Add(name, value);
  object.Close();
  return out;
}

// Records of one batch as they are collected.
class RecordText {
 public:
  void Add(const Scrape& scrape, const MetricSample& sample) {
    if (!std::isfinite(sample.value)) return;
    text_.push_back(count_++ == 0 ? '[' : ',');
    api::JsonObject record(text_);
    record.Add("service", scrape.target.service);
    record.Add("name", sample.name);
    record.Add("labels", LabelsJson(scrape.target.node, sample));
    AppendInstant(scrape.at_us, record.Key("at"));
    AppendFormat(record.Key("value"), "{}", sample.value);
    record.Close();
  }
  std::size_t count() const { return count_; }
  std::string Take() {
    count_ = 0;
    std::string out = std::move(text_) + "]";
    text_.clear();
    return out;
  }

 private:
  std::string text_;
  std::size_t count_ = 0;
};

bool IsBucket(const MetricFamily& family, const MetricSample& sample) {
  return family.type == "histogram" && sample.name.ends_with("_bucket");
}

// What is asked of each step: its value; of a counter also when it was read, and the first reading.
std::string_view AggregationsOf(SeriesOf of) {
  switch (of) {
    case SeriesOf::kAvg: return R"([{"type":"avg","column":"value"}])";
    case SeriesOf::kMin: return R"([{"type":"min","column":"value"}])";
    case SeriesOf::kMax: return R"([{"type":"max","column":"value"}])";
    case SeriesOf::kLast: return R"([{"type":"last","column":"value"}])";
    case SeriesOf::kRate: break;
  }
  return R"([{"type":"last","column":"value"},{"type":"max","column":"at"},)"
         R"({"type":"first","column":"value"},{"type":"min","column":"at"}])";
}

Status CheckRange(const SeriesRange& range) {
  if (range.step_us < kMicros) return {Code::kInvalidArgument, "step: at least one second"};
  if (range.end_us <= range.start_us)
    return {Code::kInvalidArgument, "end: it must come after start"};
  const std::int64_t points = (range.end_us - range.start_us - 1) / range.step_us + 1;
  if (points > kPointsMax) {
    return {Code::kInvalidArgument,
            fmt::format("step: {} points in a series, at most {}: take a longer step", points,
                        kPointsMax)};
  }
  return Status::Ok();
}

std::string RangeBody(const SeriesRange& range) {
  // A rate at the first step needs what was there before it.
  const std::int64_t start_us =
      range.of == SeriesOf::kRate ? range.start_us - range.step_us : range.start_us;
  std::string out;
  api::JsonObject body(out);
  body.Key("source_ids").append(R"(["series"])");
  api::JsonObject filters(body.Key("filters"));
  filters.Add("name", range.name);
  if (!range.service.empty()) filters.Add("service", range.service);
  if (!range.node.empty()) {
    api::JsonObject labels(filters.Key("labels"));
    labels.Add("starts_with", fmt::format(R"({{"node":"{}")", range.node));
    labels.Close();
  }
  api::JsonObject at(filters.Key("at"));
  AppendInstant(start_us, at.Key("gte"));
  AppendInstant(range.end_us, at.Key("lt"));
  at.Close();
  filters.Close();
  body.Key("group_by")
      .append(fmt::format(
          R"(["service","labels",{{"column":"at","transform":{{"interval":"{}s"}},"alias":"step"}}])",
          range.step_us / kMicros));
  body.Key("aggregations").append(AggregationsOf(range.of));
  body.Key("order_by").append(R"([{"column":"service"},{"column":"labels"},{"column":"step"}])");
  body.Close();
  return out;
}

// A counter in one step.
struct CounterStep {
  std::int64_t at_us = 0;  ///< The beginning of the step.
  double last = 0;
  std::int64_t last_us = 0;
  double first = 0;
  std::int64_t first_us = 0;
};

// Growth in a second between the last readings of two steps, by when they were read: a step that has
// only begun is no slower than it is. The first step has only itself.
std::optional<SeriesPoint> RateOf(const std::optional<CounterStep>& before,
                                  const CounterStep& now) {
  const double from = before ? before->last : now.first;
  const std::int64_t from_us = before ? before->last_us : now.first_us;
  if (now.last_us <= from_us) return std::nullopt;
  // A counter that fell began anew.
  const double grown = now.last >= from ? now.last - from : now.last;
  return SeriesPoint{now.at_us, grown * kMicros / static_cast<double>(now.last_us - from_us)};
}

template <typename T>
T As(const Value& value) {
  const T* found = std::get_if<T>(&value);
  return found == nullptr ? T() : *found;
}

}  // namespace

Result<std::unique_ptr<SeriesStore>> SeriesStore::Open(const SeriesStoreOptions& options,
                                                       Logger& log) {
  GRANARY_ASSIGN(auto tenant,
                 hosting::EmbeddedTenant::Open(
                     {.root = options.root, .memory_bytes = options.memory_bytes}, log));
  Status added = tenant->AddSource(SourceBody(options.retention_days));
  if (added.code() == Code::kSourceConflict) {
    // Another SERIES_RETENTION_DAYS than before.
    GRANARY_TRY(tenant->ChangeSource(
        "series",
        fmt::format(R"({{"retention":{{"column":"at","days":{}}}}})", options.retention_days)));
    added = Status::Ok();
  }
  GRANARY_TRY(added);
  return std::unique_ptr<SeriesStore>(new SeriesStore(std::move(tenant)));
}

Status SeriesStore::Append(const std::vector<Scrape>& scrapes) {
  RecordText records;
  const auto write = [&] {
    return records.count() == 0 ? Status::Ok() : tenant_->Write("series", records.Take());
  };
  for (const Scrape& scrape : scrapes) {
    if (!scrape.is_new) continue;
    records.Add(scrape, {.name = "up", .labels = {}, .value = scrape.up ? 1.0 : 0.0});
    records.Add(scrape, {.name = "ready", .labels = {}, .value = scrape.ready ? 1.0 : 0.0});
    for (const MetricFamily& family : scrape.metrics.families) {
      for (const MetricSample& sample : family.samples) {
        if (!IsBucket(family, sample)) records.Add(scrape, sample);
        if (records.count() == kRecordsAtOnce) GRANARY_TRY(write());
      }
    }
  }
  return write();
}

Result<std::vector<Series>> SeriesStore::Read(const SeriesRange& range,
                                              const runtime::CancelToken& cancel) {
  GRANARY_TRY(CheckRange(range));
  GRANARY_ASSIGN(const query::AggregateAnswer answer, tenant_->Aggregate(RangeBody(range), cancel));
  std::vector<Series> out;
  std::optional<CounterStep> before;
  for (const std::vector<Value>& row : answer.rows) {
    const std::string service = As<std::string>(row[0]), labels = As<std::string>(row[1]);
    if (out.empty() || out.back().service != service || out.back().labels != labels) {
      out.push_back({service, labels, {}});
      before.reset();
    }
    const auto at_us = As<std::int64_t>(row[2]);
    if (range.of != SeriesOf::kRate) {
      out.back().points.push_back({at_us, As<double>(row[3])});
      continue;
    }
    const CounterStep now{at_us, As<double>(row[3]), As<std::int64_t>(row[4]), As<double>(row[5]),
                          As<std::int64_t>(row[6])};
    const auto rate = RateOf(before, now);
    if (rate && at_us >= range.start_us) out.back().points.push_back(*rate);
    before = now;
  }
  return out;
}

Result<std::vector<std::string>> SeriesStore::Names(const runtime::CancelToken& cancel) {
  GRANARY_ASSIGN(
      const query::AggregateAnswer answer,
      tenant_->Aggregate(R"({"source_ids":["series"],"group_by":["name"],)"
                         R"("aggregations":[{"type":"count"}],"order_by":[{"column":"name"}]})",
                         cancel));
  std::vector<std::string> out;
  for (const std::vector<Value>& row : answer.rows) out.push_back(As<std::string>(row[0]));
  return out;
}

}  // namespace granary::services
