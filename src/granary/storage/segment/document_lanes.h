// DocumentLanes: the json columns of a file being written, and the columns that frequent values in
// the rest of its records become. Columns that were declared json are counted and stay whole.
//
// Use        Count each batch; Begin when the file begins, which is when the first row group's rows
//            were counted; then Shred each row group; Describe for the footer. Begin again for a
//            file that is written anew: the lanes stay.
// Threads    one.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/json/shred_choice.h"
#include "granary/json/shred_layout.h"
#include "granary/json/shredder.h"
#include "granary/storage/segment/parquet_file.h"
#include "granary/types/schema.h"

namespace granary::storage {

/// Paths that are told apart while a file is written, and those of them that its footer lists.
inline constexpr std::size_t kPathsCountedMax = 10'000;
inline constexpr std::size_t kPathsListedMax = 1'000;

class DocumentLanes {
 public:
  /// `schema` outlives it.
  DocumentLanes(const Schema& schema, const json::ShredLimits& limits);
  static bool AnyIn(const Schema& schema);

  void Count(const arrow::RecordBatch& batch);
  std::vector<ParquetFile::Lane> Begin();
  /// Values were taken out of the column's documents: what is left of them repeats.
  bool HasLanes(std::size_t position) const;
  /// `columns` are the schema's and `_seq`, each some arrays. The lanes come behind them.
  Status Shred(std::vector<arrow::ArrayVector>& columns);
  /// json::ShredLayout of all that was shredded.
  std::string Describe() const;

 private:
  struct Documents {
    std::size_t position = 0;  ///< In the schema.
    json::PathCensus census;
    std::vector<json::ChosenPath> paths;
    std::vector<ParquetFile::Lane> lanes;
    std::int32_t first_id = 0;
    std::unique_ptr<json::Shredder> shredder;
  };

  void Choose();
  std::string FreeName(const std::string& wanted);
  json::ShredLayout LayoutOf(const Documents& documents) const;

  const Schema& schema_;
  const json::ShredLimits limits_;
  std::vector<Documents> documents_;
  std::set<std::string> names_;  ///< Of the file's columns.
  bool chosen_ = false;
};

}  // namespace granary::storage
