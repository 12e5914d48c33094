// Bodies of REST requests. The first byte says of which: 'w' write, 'a' add a source, 'p' PATCH,
// 's' search, 't' stream, 'g' aggregate, 'n' nothing; any other picks one of these.
//
// Promises   a refusal is the client's fault, in words, and points at something in the body; what
//            is accepted means the same when it is written out and read again.
#include <memory>
#include <string>

#include "granary/api/code_table.h"
#include "granary/api/json_node.h"
#include "granary/api/request_json.h"
#include "granary/base/check.h"
#include "granary/json/every_type_test_support.h"
#include "granary/json/record_parser.h"
#include "granary/query/plan/fingerprint.h"
#include "granary/storage/manifest/source_change.h"
#include "granary/testing/fuzz_target.h"
#include "granary/testing/json_place.h"

namespace granary::api {
namespace {

constexpr std::string_view kKinds = "wapstgn";
constexpr std::size_t kColumnsMax = 1000;

void CheckRefused(const Status& refusal, std::string_view body) {
  const CodeRow& row = RowOf(refusal.code());
  GRANARY_CHECK(row.http >= 400 && (row.http < 500 || row.http == 501), "{}", refusal.ToString());
  testing::CheckRefusal(refusal, body);
}

const SchemaPtr& EveryType() {
  static const SchemaPtr schema = json::EveryTypeSchema();
  return schema;
}

void Write(std::string_view body) {
  const auto write = ParseWrite(body);
  if (!write.ok()) return CheckRefused(write.status(), body);
  GRANARY_CHECK(IsIdentifier(write->source.str()) && !write->records.empty());
  const auto parsed =
      json::RecordParser({}).Parse(write->records, "/records", json::RecordShape::kFields,
                                   json::SchemaMode::kEvolve, EveryType());
  if (!parsed.ok()) CheckRefused(parsed.status(), body);
}

void AddSource(std::string_view body) {
  const auto definition = ParseSource(body);
  if (!definition.ok()) return CheckRefused(definition.status(), body);
  std::string bytes;
  definition->EncodeTo(bytes);
  const auto decoded = storage::SourceDefinition::Decode(bytes);
  GRANARY_CHECK(decoded.ok() && *decoded == *definition, "{}", decoded.status().ToString());

  const auto schema = storage::InitialSchema(*definition);
  if (!schema.ok()) return CheckRefused(schema.status(), body);
  GRANARY_CHECK(storage::CheckDefinition(*definition, *schema).ok());
  GRANARY_CHECK(storage::ResolvePartitions(*definition, *schema).ok());
  (void)storage::ResolveIndexes(*definition, *schema);
  bytes.clear();
  schema->EncodeTo(bytes);
  const auto same = Schema::Decode(bytes);
  GRANARY_CHECK(same.ok() && *same == *schema);
}

/// A source with every type, with a partition, an index and a sort column.
storage::SourceDefinition SourceToChange() {
  storage::SourceDefinition definition;
  definition.id = SourceId::Parse("sales").Take();
  definition.name = "sales";
  for (const Column& column : EveryType()->columns())
    definition.columns.push_back({column.name, column.type});
  definition.partitions.push_back({"day", std::nullopt});
  definition.indexes.push_back({"s", std::nullopt});
  definition.sort_columns.push_back("i");
  return definition;
}

void ChangeSource(std::string_view body) {
  static const storage::SourceDefinition before = SourceToChange();
  const auto change = ParseSourceChange(body);
  if (!change.ok()) return CheckRefused(change.status(), body);
  const auto after = storage::ApplyChange(*change, *EveryType(), before, kColumnsMax);
  if (!after.ok()) return CheckRefused(after.status(), body);
  GRANARY_CHECK(storage::CheckDefinition(after->definition, after->schema).ok());
  GRANARY_CHECK(after->schema.last_id() >= EveryType()->last_id());
  (void)storage::DescribeChange(EveryType().get(), after->schema);
}

void CheckBinds(const std::optional<query::Filter>& filter, std::string_view body) {
  if (!filter) return;
  const auto bound = query::BindFilter(*filter, *EveryType());
  if (!bound.ok()) return CheckRefused(bound.status(), body);
  if (*bound) (void)(*bound)->ToString(*EveryType());
}

void Search(std::string_view body, bool streaming) {
  const auto request = ParseSearch(body, streaming);
  if (!request.ok()) return CheckRefused(request.status(), body);
  CheckBinds(request->filter, body);
  const auto node = ParseJsonObject(body, RequestLimits().depth_max);
  GRANARY_CHECK(node.ok());
  std::string text;
  AppendJson(*node, text);
  const auto again = ParseSearch(text, streaming);
  GRANARY_CHECK(again.ok(), "{} in {}", again.status().ToString(), text);
  GRANARY_CHECK(query::Fingerprint(*again) == query::Fingerprint(*request));
}

void Aggregate(std::string_view body) {
  const auto request = ParseAggregate(body);
  if (!request.ok()) return CheckRefused(request.status(), body);
  CheckBinds(request->filter, body);
  for (const query::Aggregation& aggregation : request->aggregations)
    GRANARY_CHECK(!aggregation.alias.empty() && aggregation.p >= 0 && aggregation.p <= 1);
}

/// A body that is read at all reads the same from its own text.
void CheckText(std::string_view body) {
  const auto node = ParseJsonObject(body, RequestLimits().depth_max);
  if (!node.ok()) return CheckRefused(node.status(), body);
  std::string once, twice;
  AppendJson(*node, once);
  const auto again = ParseJsonObject(once, RequestLimits().depth_max);
  GRANARY_CHECK(again.ok(), "{} in {}", again.status().ToString(), once);
  AppendJson(*again, twice);
  GRANARY_CHECK(once == twice, "{} became {}", once, twice);
}

void Run(testing::FuzzInput input) {
  char kind = static_cast<char>(input.Byte());
  if (kKinds.find(kind) == std::string_view::npos)
    kind = kKinds[static_cast<unsigned char>(kind) % kKinds.size()];
  const std::string_view body = input.rest();
  CheckText(body);
  switch (kind) {
    case 'w': return Write(body);
    case 'a': return AddSource(body);
    case 'p': return ChangeSource(body);
    case 's': return Search(body, false);
    case 't': return Search(body, true);
    case 'g': return Aggregate(body);
    default:
      if (const Status s = ParseNothing(body); !s.ok()) CheckRefused(s, body);
  }
}

}  // namespace
}  // namespace granary::api

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  granary::api::Run({data, size});
  return 0;
}
