#include "granary/tenant/calibration.h"

#include <arrow/api.h>

#include <memory>
#include <string>
#include <utility>

#include "granary/io/failpoint.h"
#include "granary/query/exec/aggregate.h"
#include "granary/query/exec/plan_record.h"
#include "granary/query/exec/query_feedback_of.h"
#include "granary/query/exec/search.h"
#include "granary/storage/index/index_builder.h"
#include "granary/storage/segment/segment_writer.h"
#include "granary/tenant/scratch_files.h"

namespace granary {
namespace {

using Clock = std::chrono::steady_clock;
using query::Unit;
using query::Work;

constexpr std::int64_t kManyRows = 16'384, kRowsOfAGroup = 8192, kFewRows = 256;
constexpr int kNames = 512;
constexpr ColumnId kName = 2, kAmount = 3;
constexpr const char* kFolder = "/scratch";
// The first run opens files and makes estimators: it is not timed.
constexpr int kRuns = 3;

SchemaPtr ScratchSchema() {
  return std::make_shared<Schema>(1, 4,
                                  std::vector<Column>{{1, "id", TypeKind::kInt64},
                                                      {kName, "name", TypeKind::kString},
                                                      {kAmount, "amount", TypeKind::kInt64},
                                                      {4, "note", TypeKind::kString}});
}

Status FromArrow(const arrow::Status& status) {
  return status.ok() ? Status::Ok() : Status::Internal(status.ToString());
}

/// Amounts are even: an odd one is within every bound and in no row.
Result<std::shared_ptr<arrow::RecordBatch>> Rows(const Schema& schema, std::int64_t rows) {
  arrow::Int64Builder ids, amounts;
  arrow::StringBuilder names, notes;
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::int64_t mixed = (i * 7919) % rows;
    GRANARY_TRY(FromArrow(ids.Append(i)));
    GRANARY_TRY(FromArrow(names.Append("name-" + std::to_string(mixed % kNames))));
    GRANARY_TRY(FromArrow(amounts.Append(2 * mixed)));
    GRANARY_TRY(FromArrow(notes.Append("a note of " + std::to_string(mixed))));
  }
  arrow::ArrayVector arrays(4);
  GRANARY_TRY(FromArrow(ids.Finish(&arrays[0])));
  GRANARY_TRY(FromArrow(names.Finish(&arrays[1])));
  GRANARY_TRY(FromArrow(amounts.Finish(&arrays[2])));
  GRANARY_TRY(FromArrow(notes.Finish(&arrays[3])));
  return arrow::RecordBatch::Make(schema.ToArrow(), rows, std::move(arrays));
}

Result<storage::SegmentMeta> WriteSegment(io::FileSystem& files, const SchemaPtr& schema,
                                          SegmentId id, std::int64_t rows) {
  GRANARY_ASSIGN(const auto batch, Rows(*schema, rows));
  arrow::Int64Builder builder;
  for (std::int64_t i = 0; i < rows; ++i) GRANARY_TRY(FromArrow(builder.Append(i + 1)));
  std::shared_ptr<arrow::Array> sequences;
  GRANARY_TRY(FromArrow(builder.Finish(&sequences)));
  storage::SegmentWriterOptions options;
  options.row_group_rows = kRowsOfAGroup;
  GRANARY_ASSIGN(const auto writer, storage::SegmentWriter::Create(
                                        files, io::Failpoints::None(), kFolder,
                                        std::to_string(id.value) + ".parquet", schema, options));
  GRANARY_TRY(writer->Append(batch, std::static_pointer_cast<arrow::Int64Array>(sequences)));
  GRANARY_ASSIGN(storage::SegmentMeta meta, writer->Finish());
  meta.id = id;
  for (const storage::IndexKey key : {storage::IndexKey{kName, storage::IndexKind::kHash},
                                      storage::IndexKey{kAmount, storage::IndexKind::kBtree}}) {
    const int at = schema->IndexOfId(key.column);
    const auto index = storage::IndexBuilder::Make(key, schema->FindId(key.column)->type);
    index->Add(*batch->column(at));
    GRANARY_ASSIGN(storage::IndexMeta made, index->Write(files, kFolder, meta.path, id));
    meta.indexes.push_back(std::move(made));
  }
  return meta;
}

query::Filter Where(std::string column, query::Operator op, Literal literal) {
  query::Filter filter;
  filter.kind = query::Filter::Kind::kCompare;
  filter.column = std::move(column);
  filter.op = op;
  filter.literal = std::move(literal);
  return filter;
}
Literal Number(std::int64_t value) {
  return {Literal::Kind::kNumber, false, std::to_string(value), {}};
}
Literal Text(std::string text) { return {Literal::Kind::kString, false, std::move(text), {}}; }

query::SearchRequest Find(query::Filter filter, std::string column) {
  query::SearchRequest request;
  request.filter = std::move(filter);
  request.columns = {std::move(column)};
  request.limit = std::nullopt;
  return request;
}

class Calibrator {
 public:
  explicit Calibrator(runtime::WorkerPool& pool) : pool_(pool) {
    many_.schema = few_.schema = ScratchSchema();
    for (storage::SourceSnapshot* snapshot : {&many_, &few_})
      snapshot->visible_sequence = static_cast<std::uint64_t>(kManyRows);
  }

  Status Write() {
    GRANARY_ASSIGN(many_.id, SourceId::Parse("calibration"));
    few_.id = many_.id;
    GRANARY_ASSIGN(auto few, WriteSegment(files_, few_.schema, SegmentId{1}, kFewRows));
    GRANARY_ASSIGN(auto many, WriteSegment(files_, many_.schema, SegmentId{2}, kManyRows));
    few_.segments = {
        std::make_shared<storage::Segment>(cold_, kFolder, std::move(few), few_.schema)};
    many_.segments = {std::make_shared<storage::Segment>(cold_, kFolder, many, many_.schema)};
    cached_ = many_;
    cached_.segments = {
        std::make_shared<storage::Segment>(warm_, kFolder, std::move(many), many_.schema)};
    return Status::Ok();
  }

  std::vector<WorkTiming> Measure(std::chrono::milliseconds most) {
    end_ = Clock::now() + most;
    const query::Filter no_amount = Where("amount", query::Operator::kEq, Number(kFewRows - 1));
    const query::Filter no_name = Where("name", query::Operator::kEq, Text("name-1x"));
    const query::Filter no_note = Where("note", query::Operator::kContains, Text("zebra"));
    const query::Filter some_amounts = Where("amount", query::Operator::kLt, Number(600));
    const query::Filter some_names = Where("name", query::Operator::kEq, Text("name-7"));
    using query::kScan;
    using query::kSingle;
    Search(few_, Find(no_amount, "id"), kScan);
    Search(many_, Find(no_amount, "id"), kScan);
    Search(many_, Find(no_name, "id"), kScan);
    Search(many_, Find(no_note, "id"), kScan);
    Search(cached_, Find(no_amount, "id"), kScan);
    Search(cached_, Find(no_name, "id"), kScan);
    Search(cached_, Find(some_names, "id"), kSingle);
    Search(cached_, Find(some_amounts, "amount"), kSingle);
    Search(cached_, Find(query::Filter(), "id"), kScan);
    Order();
    Group();
    CallWorkers();
    return std::move(timings_);
  }

 private:
  bool IsOver() const { return Clock::now() >= end_; }

  static double NsSince(Clock::time_point begin) {
    return std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
  }

  /// Runs `query` and adds what its operators did; `after` is what comes after those.
  template <typename Query>
  void Time(query::Way way, const Work& after, const Query& query) {
    query::OptimizerOptions options;
    options.forced = way;
    for (int run = 0; run < kRuns && !IsOver(); ++run) {
      query::PlanRecord record(query::RecordDetail::kWorked);
      const query::QueryContext context{
          .pool = pool_, .parallelism = 1, .cancel = {}, .optimizer = &options, .record = &record};
      const auto begin = Clock::now();
      if (!query(context).ok()) return;
      double left = NsSince(begin);
      if (run == 0) continue;
      for (const auto& of_source : query::FeedbackOf(record, 0, {})) {
        for (const auto& each : of_source.operators) {
          timings_.emplace_back(each.work, each.ns);
          left -= each.ns;
        }
      }
      if (after.Ns(options.model) > 0 && left > 0) timings_.emplace_back(after, left);
    }
  }

  void Search(const storage::SourceSnapshot& snapshot, const query::SearchRequest& request,
              query::Way way) {
    Time(way, {}, [&](const query::QueryContext& context) {
      return query::RunSearch(request, {snapshot}, context,
                              [](const query::ResultBatch&) { return Status::Ok(); });
    });
  }

  void Order() {
    query::SearchRequest request = Find(query::Filter(), "id");
    request.order_by = {{"note", query::Direction::kAscending, ""}};
    request.limit = 10;
    Work after;
    after[Unit::kOrderRow] = static_cast<double>(kManyRows);
    Time(query::kScan, after, [&](const query::QueryContext& context) {
      return query::RunSearch(request, {cached_}, context,
                              [](const query::ResultBatch&) { return Status::Ok(); });
    });
  }

  void Group() {
    query::AggregateRequest request;
    query::Aggregation sum;
    sum.type = query::AggregateType::kSum;
    sum.column = "amount";
    sum.alias = "sum";
    request.aggregations = {sum};
    request.group_by = {{"name", {}, "name", ""}};
    Work after;
    after[Unit::kGroupRow] = after[Unit::kAggregateValue] = static_cast<double>(kManyRows);
    Time(query::kScan, after, [&](const query::QueryContext& context) {
      return query::RunAggregate(request, {cached_}, context,
                                 [](const auto&, const auto&) { return Status::Ok(); });
    });
  }

  void CallWorkers() {
    Work call;
    call[Unit::kWorker] = 1;
    for (int run = 0; run < 2 * kRuns && !IsOver(); ++run) {
      const auto begin = Clock::now();
      const Status done = pool_.ParallelFor(2, 2, [](std::size_t) { return Status::Ok(); });
      if (done.ok()) timings_.emplace_back(call, NsSince(begin));
    }
  }

  runtime::WorkerPool& pool_;
  Clock::time_point end_;
  ScratchFiles files_;
  storage::SegmentFiles cold_{files_, {.column_cache_bytes = 0}};
  storage::SegmentFiles warm_{files_, {.column_cache_bytes = 4u << 20}};
  storage::SourceSnapshot many_, few_, cached_;
  std::vector<WorkTiming> timings_;
};

}  // namespace

std::vector<WorkTiming> MeasureWork(runtime::WorkerPool& pool, std::chrono::milliseconds most) {
  Calibrator calibrator(pool);
  if (!calibrator.Write().ok()) return {};
  return calibrator.Measure(most);
}

}  // namespace granary
