#include "granary/api/compaction_policy_json.h"

#include <fmt/format.h>

#include "granary/api/json_object.h"
#include "granary/api/real_number.h"
#include "granary/base/daily_window.h"

namespace granary::api {
namespace {

Status ReadReal(ObjectReader& object, std::string_view name, double least, double most,
                std::optional<double>& out) {
  const JsonNode* node = object.Find(name);
  if (node == nullptr) return Status::Ok();
  GRANARY_ASSIGN(out, RealNumber(*node, object.PointerOf(name), least, most));
  return Status::Ok();
}

Status CheckOrder(const ObjectReader& object, std::string_view small, std::optional<double> lower,
                  std::string_view large, std::optional<double> upper) {
  if (!lower || !upper || *lower <= *upper) return Status::Ok();
  return WrongValue(object.PointerOf(small), fmt::format("it is more than {}", large));
}

void AddOptional(JsonObject& object, std::string_view name, std::optional<double> value) {
  if (value) AddReal(object, name, *value);
}

template <typename T>
std::optional<T> First(const std::optional<T>& upper, const std::optional<T>& lower) {
  return upper ? upper : lower;
}

}  // namespace

Result<CompactionPolicy> ReadCompactionPolicy(const JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(ObjectReader object, ObjectReader::Of(node, pointer));
  CompactionPolicy out;
  GRANARY_ASSIGN(out.enabled, object.Boolean("enabled"));
  GRANARY_TRY(ReadReal(object, "interval_minutes", kIntervalMinutesMin, kIntervalMinutesMax,
                       out.interval_minutes));
  GRANARY_TRY(ReadReal(object, "min_file_size_mb", 0, kPolicyMegabytesMax, out.min_file_size_mb));
  GRANARY_TRY(
      ReadReal(object, "target_file_size_mb", 1, kPolicyMegabytesMax, out.target_file_size_mb));
  GRANARY_TRY(ReadReal(object, "max_file_size_mb", 1, kPolicyMegabytesMax, out.max_file_size_mb));
  GRANARY_ASSIGN(out.window, object.Text("window"));
  if (out.window && !out.window->empty() && !DailyWindow::Parse(*out.window))
    return WrongValue(object.PointerOf("window"),
                      "expected hours of the day as 22:00-06:00, or \"\"");
  GRANARY_TRY(CheckOrder(object, "min_file_size_mb", out.min_file_size_mb, "target_file_size_mb",
                         out.target_file_size_mb));
  GRANARY_TRY(CheckOrder(object, "target_file_size_mb", out.target_file_size_mb, "max_file_size_mb",
                         out.max_file_size_mb));
  GRANARY_TRY(CheckOrder(object, "min_file_size_mb", out.min_file_size_mb, "max_file_size_mb",
                         out.max_file_size_mb));
  GRANARY_TRY(object.Finish());
  return out;
}

void AppendCompactionPolicy(const CompactionPolicy& policy, std::string& out) {
  JsonObject object(out);
  if (policy.enabled) object.Add("enabled", *policy.enabled);
  AddOptional(object, "interval_minutes", policy.interval_minutes);
  AddOptional(object, "min_file_size_mb", policy.min_file_size_mb);
  AddOptional(object, "target_file_size_mb", policy.target_file_size_mb);
  AddOptional(object, "max_file_size_mb", policy.max_file_size_mb);
  if (policy.window) object.Add("window", std::string_view(*policy.window));
  object.Close();
}

CompactionPolicy Over(const CompactionPolicy& upper, const CompactionPolicy& lower) {
  return {.enabled = First(upper.enabled, lower.enabled),
          .interval_minutes = First(upper.interval_minutes, lower.interval_minutes),
          .min_file_size_mb = First(upper.min_file_size_mb, lower.min_file_size_mb),
          .target_file_size_mb = First(upper.target_file_size_mb, lower.target_file_size_mb),
          .max_file_size_mb = First(upper.max_file_size_mb, lower.max_file_size_mb),
          .window = First(upper.window, lower.window)};
}

}  // namespace granary::api
