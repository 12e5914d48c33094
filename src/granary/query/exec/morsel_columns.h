// MorselColumns: the columns of a scanned morsel in the form that grouping, aggregation and
// ordering load blocks from; documents are opened here, once a morsel.
//
// Threads    one.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/query/exec/source_scan.h"
#include "granary/query/exec/value_block.h"
#include "granary/query/plan/filter.h"

namespace granary::query {

/// What of a column is wanted.
enum class ColumnUse : std::uint8_t {
  kValues,       ///< As they are; of json the texts.
  kCanonical,    ///< Of json one text for equal values (CanonicalTexts).
  kNumbers,      ///< Of json the numbers as float64 (NumbersOf).
  kNumberTexts,  ///< Numbers as texts that compare exactly (number_texts.h).
  kPresence,     ///< Only whether a value is there.
};

class MorselColumn {
 public:
  /// `position` is ref's column in the scanned batch; without a ref all values are null.
  static Result<MorselColumn> Make(const ScannedRows& scanned, const std::optional<ColumnRef>& ref,
                                   int position, ColumnUse use);

  /// Rows [first, first + count) of the matching ones, in to's domain.
  Status Load(std::int64_t first, std::int64_t count, const DataType& to, ValueBlock& block) const;

 private:
  Status TakeLanes(const ScannedRows& scanned, const std::vector<std::string>& path);

  std::shared_ptr<arrow::Array> array_;  ///< Null: all values are.
  DataType type_;
  ColumnUse use_ = ColumnUse::kValues;
  const std::int32_t* selected_ = nullptr;  ///< Null when the array has only the matching rows.
};

}  // namespace granary::query
