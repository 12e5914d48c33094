#include "granary/tenant/key_nulls.h"

#include <utility>

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/compute/api.h>
#include <arrow/record_batch.h>
#include <fmt/format.h>

#include "granary/storage/source/record_keys.h"

namespace granary {
namespace {

Status Keep(const std::vector<bool>& stays, json::ParsedRecords& parsed) {
  arrow::BooleanBuilder builder;
  arrow::Status built = builder.AppendValues(stays);
  std::shared_ptr<arrow::Array> mask;
  if (built.ok()) built = builder.Finish(&mask);
  if (!built.ok()) return Status::Internal(built.ToString());
  auto left = arrow::compute::Filter(parsed.batch, mask);
  if (!left.ok()) return Status::Internal(left.status().ToString());
  parsed.batch = left->record_batch();
  return Status::Ok();
}

}  // namespace

Status TakeOutNullKeys(const std::vector<std::string>& key, std::int64_t first,
                       const FieldPointer& pointer, json::ParsedRecords& parsed,
                       json::RejectedRecords* rejected) {
  bool any = false;
  for (const std::string& name : key) {
    const int at = parsed.schema->IndexOf(name);
    any = any || (at >= 0 && parsed.batch->column(at)->null_count() > 0);
  }
  if (!any) return Status::Ok();
  // Where each row of the batch stood: those that were rejected are not in it.
  std::vector<std::int64_t> places;
  for (std::int64_t place = first;
       static_cast<std::int64_t>(places.size()) < parsed.batch->num_rows(); ++place) {
    if (rejected == nullptr || !rejected->contains(place)) places.push_back(place);
  }
  std::vector<FieldError> errors;
  std::vector<bool> stays(places.size(), true);
  for (std::size_t row = 0; row < places.size(); ++row) {
    for (const std::string& name : key) {
      const int at = parsed.schema->IndexOf(name);
      if (at < 0 || !parsed.batch->column(at)->IsNull(static_cast<std::int64_t>(row))) continue;
      stays[row] = false;
      std::string at_field = pointer(places[row], name);
      if (rejected != nullptr)
        rejected->emplace(places[row],
                          fmt::format("{}: {}", at_field, storage::MissingKeyText(name)));
      else if (errors.size() < json::kRecordErrorsMax)
        errors.push_back({std::move(at_field), storage::MissingKeyText(name)});
    }
  }
  if (rejected != nullptr) return Keep(stays, parsed);
  std::string message = fmt::format("{}: {}", errors.front().pointer, errors.front().detail);
  return {Code::kInvalidRecord, std::move(message), std::move(errors)};
}

}  // namespace granary
