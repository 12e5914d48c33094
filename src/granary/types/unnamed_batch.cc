#include "granary/types/unnamed_batch.h"

#include <array>
#include <cstddef>

#include <arrow/record_batch.h>
#include <arrow/type.h>

namespace granary {
namespace {

// Batches with more columns have a schema of their own: there are few, and much else to do in them.
constexpr std::size_t kSharedMax = 64;

using SchemaRef = std::shared_ptr<arrow::Schema>;

SchemaRef SchemaOfCount(std::size_t columns) {
  return arrow::schema(arrow::FieldVector(columns, arrow::field("", arrow::null())));
}

const SchemaRef& SharedSchema(std::size_t columns) {
  static const std::array<SchemaRef, kSharedMax + 1> kSchemas = [] {
    std::array<SchemaRef, kSharedMax + 1> made;
    for (std::size_t i = 0; i <= kSharedMax; ++i) made[i] = SchemaOfCount(i);
    return made;
  }();
  return kSchemas[columns];
}

}  // namespace

std::shared_ptr<arrow::RecordBatch> UnnamedBatch(std::int64_t rows, arrow::ArrayVector columns) {
  const std::size_t count = columns.size();
  return arrow::RecordBatch::Make(count <= kSharedMax ? SharedSchema(count) : SchemaOfCount(count),
                                  rows, std::move(columns));
}

}  // namespace granary
