// Collector: what StatsBuilder knows of one column's values, by their kind. Rows and nulls are the
// builder's.
//
// Place      StatsBuilder calls Add with values, each of which may come several times or, out of a
//            dictionary, once; and Sample with rows as they are.
#pragma once

#include <memory>
#include <span>

#include <arrow/type_fwd.h>

#include "granary/storage/stats/distinct_sketch.h"
#include "granary/storage/stats/distribution.h"
#include "granary/types/column_stats.h"
#include "granary/types/data_type.h"

namespace granary::storage {

class Collector {
 public:
  virtual ~Collector() = default;
  /// Looks at every value that is not null.
  virtual void Add(const arrow::Array& array) = 0;
  /// Takes some values of these rows into the sample; `rows` may be coded by a dictionary.
  virtual void Sample(const arrow::Array& rows) = 0;
  /// Sets all but rows, nulls and the distribution.
  virtual void Finish(ColumnStats& stats) const = 0;
  /// What is in the sample.
  virtual Observations Observe() const = 0;
};

/// For numbers, decimals, dates and times.
std::unique_ptr<Collector> MakeFixedCollector(const DataType& type);
/// For string, json, binary and uuid; of json no sample is taken, because nobody compares documents
/// by their text.
std::unique_ptr<Collector> MakeBytesCollector(const DataType& type);
std::unique_ptr<Collector> MakeBoolCollector();

/// Sorts the set into `stats`, or, when there is a sketch because they are too many, keeps that.
void FinishDistinct(std::vector<Value> values, const DistinctSketch* sketch, ColumnStats& stats);

}  // namespace granary::storage
