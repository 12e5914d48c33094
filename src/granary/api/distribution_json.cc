#include "granary/api/distribution_json.h"

#include <algorithm>

#include "granary/api/value_json.h"
#include "granary/storage/stats/distribution_merge.h"

namespace granary::api {
namespace {

void AppendCounted(std::string_view name, const Value& value, const DataType& type,
                   std::uint64_t rows, std::string& out) {
  if (out.back() != '[') out.push_back(',');
  JsonObject item(out);
  AppendValueJson(value, type, item.Key(name));
  item.Add("rows", rows);
  item.Close();
}

}  // namespace

void AddDistribution(const ColumnStats& stats, const DataType& type, std::string& out,
                     JsonObject& object) {
  std::string reason;
  auto known = storage::DistributionOf(stats, reason);
  if (!known) {
    object.AddNull("most_common");
    object.AddNull("histogram");
    return;
  }
  std::stable_sort(known->common.begin(), known->common.end(),
                   [](const auto& a, const auto& b) { return a.rows > b.rows; });
  object.Key("most_common").push_back('[');
  for (const storage::CommonValue& common : known->common)
    AppendCounted("value", common.value, type, common.rows, out);
  out.push_back(']');
  JsonObject histogram(object.Key("histogram"));
  histogram.Add("described", known->described);
  histogram.Add("sampled", known->sampled);
  histogram.Add("nans", known->nans);
  AppendValueJson(known->lower, type, histogram.Key("from"));
  histogram.Key("buckets").push_back('[');
  for (const storage::HistogramBucket& bucket : known->buckets)
    AppendCounted("to", bucket.upper, type, bucket.rows, out);
  out.push_back(']');
  histogram.Close();
}

}  // namespace granary::api
