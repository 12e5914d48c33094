// Retention: records that are older than their source keeps them are deleted, like any others.
#include <algorithm>
#include <chrono>
#include <string>

#include "granary/tenant/tenant.h"
#include "granary/types/time_text.h"

namespace granary {
namespace {

constexpr std::int64_t kMicrosPerDay = 86'400ll * 1'000'000;

// A date is past once its whole day is; an instant to the microsecond.
std::string CutoffText(const DataType& type, std::int64_t cutoff_us) {
  std::string text;
  if (type.kind() == TypeKind::kDate) {
    const std::int64_t days = cutoff_us / kMicrosPerDay - (cutoff_us % kMicrosPerDay < 0 ? 1 : 0);
    AppendDate(days, text);
  } else {
    AppendTimestamp(cutoff_us, TimeUnit::kMicro, text);
  }
  return text;
}

}  // namespace

void Tenant::StartRetention() {
  retention_ = std::make_unique<runtime::PeriodicJob>(
      "retention", options_.retention_interval, [this] { DropOldRecords(retention_token_); },
      deps_.jobs);
  // Where tenants are closed while nobody asks for them, some of it may be due since.
  if (deps_.jobs != nullptr) retention_->Poke();
}

void Tenant::StopRetention() {
  retention_token_.Cancel();
  if (retention_ != nullptr) retention_->Stop();
}

bool Tenant::HasRetention() const {
  const auto sources = store_->List();
  return std::ranges::any_of(
      sources, [](const auto& source) { return source->definition()->retention.has_value(); });
}

std::uint64_t Tenant::DropOldRecords(const runtime::CancelToken& cancel) {
  std::uint64_t deleted = 0;
  for (const auto& source : store_->List()) {
    const storage::SourceShape shape = source->shape();
    const auto& retention = shape.definition->retention;
    if (!retention) continue;
    const Column* column = shape.schema->Find(retention->column);
    if (column == nullptr) continue;
    const std::int64_t cutoff_us =
        deps_.clock.WallMicros() - static_cast<std::int64_t>(retention->days) * kMicrosPerDay;
    DeleteRequest request{.source = shape.definition->id, .filter = {}};
    request.filter.kind = query::Filter::Kind::kCompare;
    request.filter.column = column->name;
    request.filter.op = query::Operator::kLt;
    request.filter.literal.kind = Literal::Kind::kString;
    request.filter.literal.text = CutoffText(column->type, cutoff_us);
    const Result<DeleteAnswer> answer = Delete(request, Caller(cancel, "retention"));
    if (!answer.ok()) {
      // The next round tries again; a drop or a change in between is nobody's fault.
      deps_.log.Warn("records past their retention stay for now",
                     {{"source", request.source.str()}, {"cause", answer.status().ToString()}});
      continue;
    }
    deleted += answer->deleted;
    if (answer->deleted > 0) {
      deps_.log.Info("records were deleted that are past their retention",
                     {{"source", request.source.str()},
                      {"rows", answer->deleted},
                      {"before", request.filter.literal.text}});
    }
  }
  return deleted;
}

}  // namespace granary
