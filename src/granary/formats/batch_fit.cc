#include "granary/formats/batch_fit.h"

#include <map>
#include <optional>
#include <set>

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <fmt/format.h>

#include "granary/formats/json_texts.h"
#include "granary/formats/plain_array.h"
#include "granary/formats/rest_of_batch.h"
#include "granary/types/rest_column.h"

namespace granary::formats {
namespace {

using ArrayPtr = std::shared_ptr<arrow::Array>;

std::string PointerTo(std::string_view name) {
  std::string out = "/";
  for (const char c : name) {
    if (c == '~' || c == '/')
      out.append(c == '~' ? "~0" : "~1");
    else
      out.push_back(c);
  }
  return out;
}

bool IsNested(const arrow::DataType& type) {
  return type.id() == arrow::Type::STRUCT || type.id() == arrow::Type::MAP;
}

/// The batch's column as ours, nested ones as JSON texts.
Result<PlainArray> Readable(const ArrayPtr& array, arrow::MemoryPool* pool) {
  auto plain = ToPlainArray(array, pool);
  if (plain.ok() || plain.status().code() != Code::kUnsupported) return plain;
  const bool list = array->type_id() == arrow::Type::LIST ||
                    array->type_id() == arrow::Type::LARGE_LIST ||
                    array->type_id() == arrow::Type::FIXED_SIZE_LIST;
  if (!IsNested(*array->type()) && !list) return plain;
  GRANARY_ASSIGN(auto texts, ToJsonTexts(array, pool));
  return PlainArray{std::move(texts), TypeKind::kJson};
}

/// The type that a column takes on for values that do not fit it; nothing when none is safe.
std::optional<DataType> WiderFor(const DataType& column, const DataType& values) {
  if (IsSafeWidening(column, values)) return values;
  if (column.IsInteger() && values.IsFloat()) return DataType(TypeKind::kFloat64);
  return std::nullopt;
}

class Fitter {
 public:
  Fitter(const arrow::RecordBatch& batch, const FitOptions& options)
      : batch_(batch), options_(options), next_(*options.schema) {}

  /// Settles the schema; finds the records that are wrong.
  Status Plan(json::RejectedRecords* rejected) {
    GRANARY_TRY(CheckNames());
    if (options_.mode == json::SchemaMode::kJson) GRANARY_TRY(PlanRest(rejected));
    for (int i = 0; i < batch_.num_columns(); ++i) {
      const std::string& name = batch_.schema()->field(i)->name();
      if (IsOfRest(name)) continue;
      if (batch_.column(i)->type_id() == arrow::Type::NA) {
        if (options_.mode == json::SchemaMode::kStrict && options_.schema->Find(name) == nullptr)
          return NoSuchColumn(name);
        continue;
      }
      auto plain = Readable(batch_.column(i), options_.pool);
      if (!plain.ok()) return At(name, plain.status());
      GRANARY_TRY(PlanColumn(name, plain.Take(), rejected));
    }
    return Status::Ok();
  }

  Result<json::ParsedRecords> Finish(const json::RejectedRecords* rejected) {
    json::ParsedRecords parsed;
    parsed.schema = options_.schema;
    if (changed_) {
      parsed.schema =
          std::make_shared<const Schema>(next_.WithVersion(options_.schema->version() + 1));
    }
    const ArrayPtr kept = KeptRows(rejected);
    const std::int64_t rows = kept == nullptr ? batch_.num_rows() : kept->length();
    arrow::ArrayVector arrays;
    for (const Column& column : parsed.schema->columns()) {
      const auto found = columns_.find(column.name);
      if (found == columns_.end()) {
        auto nulls = arrow::MakeArrayOfNull(column.type.ToArrow(), rows, options_.pool);
        if (!nulls.ok()) return Status(Code::kTooLarge, nulls.status().message());
        arrays.push_back(nulls.MoveValueUnsafe());
        continue;
      }
      PlainArray plain = found->second;
      if (kept != nullptr) {
        auto taken = arrow::compute::Take(*plain.array, *kept);
        if (!taken.ok()) return Status::Internal(taken.status().ToString());
        plain.array = taken.MoveValueUnsafe();
      }
      auto fitted = FitToType(plain, column.type, options_.pool);
      if (!fitted.ok()) return At(column.name, fitted.status());
      arrays.push_back(fitted.Take());
    }
    parsed.batch = arrow::RecordBatch::Make(parsed.schema->ToArrow(), rows, std::move(arrays));
    return parsed;
  }

 private:
  static Status At(const std::string& name, const Status& status) {
    const Code code = status.code() == Code::kUnsupported ? Code::kInvalidRecord : status.code();
    return Status::Invalid(code, PointerTo(name), std::string(status.message()));
  }

  Status CheckNames() const {
    std::set<std::string_view> names;
    for (const auto& field : batch_.schema()->fields()) {
      if (!names.insert(field->name()).second)
        return At(field->name(), {Code::kInvalidRecord, "the column is there twice"});
    }
    return Status::Ok();
  }

  /// In json mode: what no declared column takes.
  bool IsOfRest(const std::string& name) const {
    if (options_.mode != json::SchemaMode::kJson) return false;
    return name == kRestColumnName || options_.schema->Find(name) == nullptr;
  }

  Status PlanRest(json::RejectedRecords* rejected) {
    std::vector<int> positions;
    for (int i = 0; i < batch_.num_columns(); ++i) {
      if (IsOfRest(batch_.schema()->field(i)->name())) positions.push_back(i);
    }
    GRANARY_ASSIGN(RestOfBatch rest,
                   MakeRestOfBatch(batch_, positions, *options_.schema, options_.first_record,
                                   rejected, options_.pool));
    for (auto& [name, plain] : rest.columns) columns_.emplace(name, std::move(plain));
    return Status::Ok();
  }

  Status PlanColumn(const std::string& name, PlainArray plain, json::RejectedRecords* rejected) {
    const bool evolves = options_.mode == json::SchemaMode::kEvolve;
    const Column* known = next_.Find(name);
    if (known == nullptr) {
      if (!evolves) return NoSuchColumn(name);
      if (next_.columns().size() >= options_.columns_max) {
        return At(name, {Code::kInvalidRecord,
                         fmt::format("a source has at most {} columns", options_.columns_max)});
      }
      auto grown = next_.WithColumn(name, plain.type);
      if (!grown.ok())
        return At(name, {Code::kInvalidRecord, std::string(grown.status().message())});
      next_ = grown.Take();
      changed_ = true;
      GRANARY_TRY(FindWrong(name, plain, plain.type, 0, rejected));
      columns_.emplace(name, std::move(plain));
      return Status::Ok();
    }
    const DataType type = known->type;
    const Status fits = FitToType(plain, type, options_.pool).status();
    const auto wider = evolves && !fits.ok() ? WiderFor(type, plain.type) : std::nullopt;
    if (wider && FitToType(plain, *wider, options_.pool).ok()) {
      GRANARY_ASSIGN(next_, next_.WithWidened(known->id, *wider));
      changed_ = true;
    } else if (!fits.ok()) {
      GRANARY_TRY(FindWrong(name, plain, type, 0, rejected));
    }
    columns_.emplace(name, std::move(plain));
    return Status::Ok();
  }

  /// Halves what does not fit until it is single values.
  Status FindWrong(const std::string& name, const PlainArray& plain, const DataType& type,
                   std::int64_t first, json::RejectedRecords* rejected) {
    const Status fits = FitToType(plain, type, options_.pool).status();
    if (fits.ok()) return Status::Ok();
    if (fits.code() == Code::kTooLarge) return fits;
    const std::int64_t rows = plain.array->length();
    if (rows > 1) {
      const PlainArray left{plain.array->Slice(0, rows / 2), plain.type};
      const PlainArray right{plain.array->Slice(rows / 2), plain.type};
      GRANARY_TRY(FindWrong(name, left, type, first, rejected));
      return FindWrong(name, right, type, first + rows / 2, rejected);
    }
    if (plain.array->length() == 0 || plain.array->IsNull(0)) return At(name, fits);
    std::string pointer = fmt::format(
        "/{}{}", options_.first_record + static_cast<std::uint64_t>(first), PointerTo(name));
    if (rejected == nullptr)
      return Status::Invalid(Code::kInvalidRecord, std::move(pointer), std::string(fits.message()));
    rejected->emplace(first, fmt::format("{}: {}", pointer, fits.message()));
    return Status::Ok();
  }

  ArrayPtr KeptRows(const json::RejectedRecords* rejected) const {
    if (rejected == nullptr || rejected->empty()) return nullptr;
    arrow::Int64Builder rows(options_.pool);
    for (std::int64_t row = 0; row < batch_.num_rows(); ++row) {
      if (!rejected->contains(row) && !rows.Append(row).ok()) return nullptr;
    }
    ArrayPtr kept;
    return rows.Finish(&kept).ok() ? kept : nullptr;
  }

  const arrow::RecordBatch& batch_;
  const FitOptions& options_;
  Schema next_;
  bool changed_ = false;
  std::map<std::string, PlainArray> columns_;
};

}  // namespace

Status NoSuchColumn(std::string_view name) {
  return Status::Invalid(Code::kInvalidRecord, PointerTo(name), "the source has no such column");
}

Result<json::ParsedRecords> FitBatch(const arrow::RecordBatch& batch, const FitOptions& options,
                                     json::RejectedRecords* rejected) {
  Fitter fitter(batch, options);
  GRANARY_TRY(fitter.Plan(rejected));
  return fitter.Finish(rejected);
}

}  // namespace granary::formats
