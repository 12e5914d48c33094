// The records of a write. The first byte chooses shape, mode and schema; the rest is the array.
//
// Promises   what is accepted reads back from its own JSON as the same values; a refusal points at
//            values that are there.
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <memory>
#include <string>

#include "granary/base/check.h"
#include "granary/json/batch_writer.h"
#include "granary/json/every_type_test_support.h"
#include "granary/json/record_parser.h"
#include "granary/testing/fuzz_target.h"
#include "granary/testing/json_place.h"

namespace granary::json {
namespace {

constexpr std::string_view kAt = "/records";

std::string ArrayOf(const ParsedRecords& parsed, RecordShape shape) {
  const BatchWriter writer(parsed.schema->columns());
  std::string out = "[";
  for (std::int64_t row = 0; row < parsed.batch->num_rows(); ++row) {
    if (row > 0) out.push_back(',');
    if (shape == RecordShape::kFields) out.append("{\"fields\":");
    writer.AppendRow(*parsed.batch, row, out);
    if (shape == RecordShape::kFields) out.push_back('}');
  }
  return out + "]";
}

void CheckAccepted(RecordParser& parser, const ParsedRecords& parsed, RecordShape shape) {
  const auto valid = parsed.batch->ValidateFull();
  GRANARY_CHECK(valid.ok(), "{}", valid.ToString());
  GRANARY_CHECK(parsed.batch->schema()->Equals(*parsed.schema->ToArrow()));
  const std::string text = ArrayOf(parsed, shape);
  auto again = parser.Parse(text, kAt, shape, SchemaMode::kStrict, parsed.schema);
  GRANARY_CHECK(again.ok(), "{} in {}", again.status().ToString(), text);
  GRANARY_CHECK(ArrayOf(*again, shape) == text, "{} became {}", text, ArrayOf(*again, shape));
}

void CheckRefused(const Status& refusal, std::string_view array) {
  switch (refusal.code()) {
    case Code::kInvalidJson:
    case Code::kInvalidRequest:
    case Code::kUnknownMember:
    case Code::kInvalidRecord:
    case Code::kTooLarge: break;
    default: GRANARY_CHECK(false, "{}", refusal.ToString());
  }
  GRANARY_CHECK(!refusal.fields().empty() && refusal.fields().size() <= kRecordErrorsMax);
  testing::CheckRefusal(refusal, "{\"records\":" + std::string(array) + "}");
}

void Run(testing::FuzzInput input) {
  static const SchemaPtr every_type = EveryTypeSchema();
  static const auto no_columns = std::make_shared<const Schema>();
  const std::uint8_t choice = input.Byte();
  const auto shape = (choice & 1) != 0 ? RecordShape::kBare : RecordShape::kFields;
  const auto mode = (choice & 2) != 0 ? SchemaMode::kEvolve : SchemaMode::kStrict;
  RecordParser parser(RecordLimits{});
  const auto parsed =
      parser.Parse(input.rest(), kAt, shape, mode, (choice & 4) != 0 ? no_columns : every_type);
  if (parsed.ok())
    CheckAccepted(parser, *parsed, shape);
  else
    CheckRefused(parsed.status(), input.rest());
}

}  // namespace
}  // namespace granary::json

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  granary::json::Run({data, size});
  return 0;
}
