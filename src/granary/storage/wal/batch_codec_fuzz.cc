// The payload of a log frame, which only its checksum vouches for.
//
// Promises   anything but a batch of the schema is refused; a batch that is returned is valid, and
//            comes back from its own encoding. (Without rows it does not: Arrow's validation leaves
//            out the first offset of an array of none, its writer believes it. Nobody encodes what
//            was decoded.)
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <memory>
#include <string>

#include "granary/base/check.h"
#include "granary/storage/wal/batch_codec.h"
#include "granary/testing/fuzz_target.h"
#include "granary/types/schema.h"

namespace granary::storage {
namespace {

std::shared_ptr<arrow::Schema> ColumnsOfTheSeeds() {
  return Schema(1, 4,
                {{1, "n", TypeKind::kInt64},
                 {2, "s", TypeKind::kString},
                 {3, "l", DataType::List(TypeKind::kInt64)},
                 {4, "d", DataType::Decimal(10, 2)}})
      .ToArrow();
}

void Run(std::string_view payload) {
  static const std::shared_ptr<arrow::Schema> schema = ColumnsOfTheSeeds();
  const auto batch = DecodeBatch(payload, schema);
  if (!batch.ok()) {
    GRANARY_CHECK(batch.status().code() == Code::kCorruption, "{}", batch.status().ToString());
    return;
  }
  const auto valid = (*batch)->ValidateFull();
  GRANARY_CHECK(valid.ok(), "{}", valid.ToString());
  if ((*batch)->num_rows() == 0) return;
  const auto encoded = EncodeBatch(**batch);
  GRANARY_CHECK(encoded.ok(), "{}", encoded.status().ToString());
  const auto again = DecodeBatch(*encoded, schema);
  GRANARY_CHECK(again.ok() && (*again)->Equals(**batch), "{}", again.status().ToString());
}

}  // namespace
}  // namespace granary::storage

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  granary::storage::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
