// Records of a shop: text to columns, columns to text. Bytes per second are those of the JSON.
#include <benchmark/benchmark.h>

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include "granary/json/batch_writer.h"
#include "granary/json/json_path.h"
#include "granary/json/record_parser.h"

namespace granary::json {
namespace {

SchemaPtr Sales() {
  return std::make_shared<const Schema>(
      1, 6,
      std::vector<Column>{{1, "order_id", TypeKind::kString},
                          {2, "customer_id", TypeKind::kString},
                          {3, "amount", TypeKind::kFloat64},
                          {4, "quantity", TypeKind::kInt64},
                          {5, "region", TypeKind::kString},
                          {6, "order_date", DataType::Timestamp(TimeUnit::kMicro)}});
}

std::string Records(int count) {
  std::string out = "[";
  for (int i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    out += fmt::format(
        R"({{"fields":{{"order_id":"ORD_{:08}","customer_id":"CUST_{:05}","amount":{}.{:02},"quantity":{},)"
        R"("region":"us-east-{}","order_date":"2024-01-{:02}T10:{:02}:00Z"}}}})",
        i, i % 1000, i % 997, i % 100, i % 13, i % 4, i % 28 + 1, i % 60);
  }
  return out + "]";
}

ParsedRecords Parsed(const std::string& text, const SchemaPtr& schema) {
  return RecordParser({})
      .Parse(text, "/records", RecordShape::kFields, SchemaMode::kEvolve, schema)
      .Take();
}

void Parse(benchmark::State& state) {
  const std::string text = Records(static_cast<int>(state.range(0)));
  const SchemaPtr schema = Sales();
  RecordParser parser({});
  for (auto _ : state) {
    auto parsed = parser.Parse(text, "/records", RecordShape::kFields, SchemaMode::kEvolve, schema);
    benchmark::DoNotOptimize(parsed);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(Parse)->Arg(1)->Arg(100)->Arg(10'000);

void ParseIntoNothing(benchmark::State& state) {
  const std::string text = Records(static_cast<int>(state.range(0)));
  const auto schema = std::make_shared<const Schema>();
  RecordParser parser({});
  for (auto _ : state) {
    auto parsed = parser.Parse(text, "/records", RecordShape::kFields, SchemaMode::kEvolve, schema);
    benchmark::DoNotOptimize(parsed);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(ParseIntoNothing)->Arg(10'000);

void Write(benchmark::State& state) {
  const ParsedRecords parsed = Parsed(Records(10'000), Sales());
  const BatchWriter writer(parsed.schema->columns());
  std::string out;
  for (auto _ : state) {
    out.clear();
    for (std::int64_t row = 0; row < parsed.batch->num_rows(); ++row) {
      writer.AppendRow(*parsed.batch, row, out);
      out.push_back('\n');
    }
    benchmark::DoNotOptimize(out);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(out.size()));
  state.SetItemsProcessed(state.iterations() * parsed.batch->num_rows());
}
BENCHMARK(Write);

void WriteDoubles(benchmark::State& state) {
  std::string out;
  for (auto _ : state) {
    out.clear();
    for (int i = 0; i < 1000; ++i) AppendDouble(i * 1.1 + 1e-3, out);
    benchmark::DoNotOptimize(out);
  }
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(WriteDoubles);

void MatchPath(benchmark::State& state) {
  std::string text = "[";
  for (int i = 0; i < 10'000; ++i) {
    text += fmt::format(
        R"({}{{"doc":{{"kind":"commit","commit":{{"record":{{"langs":["en","de"],"n":{}}}}}}}}})",
        i > 0 ? "," : "", i);
  }
  const auto schema = std::make_shared<const Schema>();
  const auto parsed = RecordParser({})
                          .Parse(text + "]", "", RecordShape::kBare, SchemaMode::kEvolve, schema)
                          .Take();
  Predicate leaf;
  leaf.kind = Predicate::Kind::kLess;
  leaf.path = {"commit", "record", "n"};
  leaf.json = {{Literal::Kind::kNumber, false, "100", {}}};
  for (auto _ : state) benchmark::DoNotOptimize(EvaluatePath(*parsed.batch->column(0), leaf));
  state.SetItemsProcessed(state.iterations() * 10'000);
}
BENCHMARK(MatchPath);

}  // namespace
}  // namespace granary::json
