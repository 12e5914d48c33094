// What a query costs once its data is near: filters, groups, indices, order, decoding, text.
#include <arrow/api.h>

#include "granary/json/batch_writer.h"
#include "granary/query/exec/aggregate.h"
#include "granary/query/exec/predicate_evaluator.h"
#include "granary/query/exec/search.h"
#include "granary/storage/segment/segment_reader.h"
#include "instruction_case.h"
#include "orders.h"

namespace granary::bench {
namespace {

using query::AggregateRequest;
using query::AggregateType;
using query::Aggregation;
using query::Filter;
using query::Operator;
using query::SearchRequest;

constexpr std::int64_t kRows = 50'000;

Literal Number(std::string text) { return {Literal::Kind::kNumber, false, std::move(text), {}}; }
Literal Text(std::string text) { return {Literal::Kind::kString, false, std::move(text), {}}; }
Literal List(std::vector<Literal> items) {
  return {Literal::Kind::kList, false, {}, std::move(items)};
}

Filter Where(std::string column, Operator op, Literal literal) {
  Filter filter;
  filter.kind = Filter::Kind::kCompare;
  filter.column = std::move(column);
  filter.op = op;
  filter.literal = std::move(literal);
  return filter;
}

Filter All(std::vector<Filter> children) {
  Filter filter;
  filter.children = std::move(children);
  return filter;
}

/// The stored orders and a worker to ask them with; one for all cases.
struct Asked {
  StoredOrders orders{kRows};
  runtime::WorkerPool pool{{.threads = 1}};
  std::vector<storage::SourceSnapshot> sources = {orders.snapshot()};
  query::QueryContext context{.pool = pool, .parallelism = 1, .cancel = {}};
};

std::shared_ptr<Asked> TheOrders() {
  static const auto asked = std::make_shared<Asked>();
  return asked;
}

// The kernels alone, on columns as they lie in memory: the whole filter over one batch.
InstructionCase FilterCase(std::string name, Filter filter) {
  return {std::move(name), [filter = std::move(filter)]() -> std::function<void()> {
            const auto bound = Must(query::BindFilter(filter, *OrdersSchema()));
            const std::vector<ColumnId> columns = {kOrderId, kCustomerId, kAmount, kOrderDate,
                                                   kRegion,  kQuantity,   kNote};
            auto evaluator = std::make_shared<query::PredicateEvaluator>(
                Must(query::PredicateEvaluator::Make(*bound, columns)));
            return [evaluator, batch = OrdersBatch(0, kRows),
                    truth = std::make_shared<query::ByteMask>()] {
              Must(evaluator->Evaluate(*batch, 0, kRows, *truth));
            };
          }};
}

InstructionCase AggregateCase(std::string name, AggregateRequest request) {
  return {std::move(name), [request = std::move(request)]() -> std::function<void()> {
            return [request, asked = TheOrders()] {
              Must(query::RunAggregate(request, asked->sources, asked->context));
            };
          }};
}

AggregateRequest Ask(AggregateType type, std::string column, std::vector<std::string> groups = {},
                     query::GroupTransform transform = {}) {
  Aggregation aggregation;
  aggregation.type = type;
  aggregation.column = std::move(column);
  aggregation.alias = "result";
  AggregateRequest request;
  request.aggregations = {std::move(aggregation)};
  for (std::string& group : groups) request.group_by.push_back({group, transform, group, ""});
  return request;
}

InstructionCase SearchCase(std::string name, SearchRequest request, int times) {
  return {std::move(name), [request = std::move(request), times]() -> std::function<void()> {
            return [request, times, asked = TheOrders()] {
              for (int i = 0; i < times; ++i) {
                Must(query::RunSearch(request, asked->sources, asked->context,
                                      [](const query::ResultBatch&) { return Status::Ok(); }));
              }
            };
          }};
}

SearchRequest Find(Filter filter, std::optional<std::uint64_t> limit = 100) {
  SearchRequest request;
  request.filter = std::move(filter);
  request.limit = limit;
  return request;
}

SearchRequest Dearest(Filter filter) {
  SearchRequest request = Find(std::move(filter));
  request.order_by = {{"amount", query::Direction::kDescending, ""}};
  return request;
}

Filter KeysOf(int count) {
  std::vector<Literal> keys;
  for (int i = 0; i < count; ++i) keys.push_back(Text(OrderIdOf(i * 479 % kRows)));
  return Where("order_id", Operator::kIn, List(std::move(keys)));
}

std::function<void()> SegmentDecode() {
  return [asked = TheOrders(), reader = Must(TheOrders()->sources[0].segments[0]->Reader())] {
    const std::vector<ColumnId> columns = {kOrderId, kCustomerId, kAmount, kOrderDate,
                                           kRegion,  kQuantity,   kNote};
    for (int group = 0; group < reader->row_groups(); ++group)
      Must(reader->Read(group, columns, *OrdersSchema()));
  };
}

std::function<void()> JsonOut() {
  return [writer = std::make_shared<json::BatchWriter>(OrdersSchema()->columns()),
          batch = OrdersBatch(0, 1'000), out = std::make_shared<std::string>()] {
    out->clear();
    for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
      writer->AppendRow(*batch, row, *out);
      out->push_back('\n');
    }
  };
}

}  // namespace

std::vector<InstructionCase> ReadCases() {
  const Filter region = Where("region", Operator::kEq, Text("eu-west"));
  const Filter july = Where("order_date", Operator::kGte, Text("2024-01-20"));
  const Filter dear = Where("amount", Operator::kGt, Number("500"));
  return {
      FilterCase("filter_number", dear),
      FilterCase("filter_string", region),
      FilterCase("filter_string_in",
                 Where("region", Operator::kIn, List({Text("eu-west"), Text("ap-east")}))),
      FilterCase("filter_prefix", Where("customer_id", Operator::kStartsWith, Text("cust-0012"))),
      FilterCase("filter_and_range", All({region, july, dear})),
      AggregateCase("sum", Ask(AggregateType::kSum, "amount")),
      AggregateCase("group_by_region", Ask(AggregateType::kSum, "amount", {"region"})),
      AggregateCase("group_by_customer", Ask(AggregateType::kSum, "amount", {"customer_id"})),
      AggregateCase("group_by_month",
                    Ask(AggregateType::kSum, "amount", {"order_date"}, query::DatePart::kMonth)),
      AggregateCase("count_distinct", Ask(AggregateType::kCountDistinct, "customer_id")),
      SearchCase("index_probe", Find(Where("order_id", Operator::kEq, Text(OrderIdOf(4'711)))), 50),
      SearchCase("index_probe_100_keys", Find(KeysOf(100)), 2),
      SearchCase("top_100", Dearest(All({region, july})), 1),
      {"segment_decode", SegmentDecode},
      {"json_out", JsonOut},
  };
}

}  // namespace granary::bench
