// Answers about data: writes, searches, aggregates.
#include "granary/api/proto_answer.h"

#include <algorithm>

#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/writer.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>
#include <storage.pb.h>

#include "granary/api/proto_value.h"
#include "granary/base/int128.h"
#include "granary/query/exec/number_texts.h"
#include "granary/types/number_text.h"

namespace granary::api {
namespace {

constexpr std::int64_t kRowsBetweenLooks = 64;

template <typename T>
Result<T> Take(arrow::Result<T> result) {
  if (!result.ok()) return Status::Internal(result.status().ToString());
  return std::move(result).ValueUnsafe();
}

Result<std::string> IpcStream(const std::shared_ptr<arrow::RecordBatch>& batch) {
  GRANARY_ASSIGN(auto sink, Take(arrow::io::BufferOutputStream::Create()));
  GRANARY_ASSIGN(auto writer, Take(arrow::ipc::MakeStreamWriter(sink, batch->schema())));
  arrow::Status status = writer->WriteRecordBatch(*batch);
  if (status.ok()) status = writer->Close();
  if (!status.ok()) return Status::Internal(status.ToString());
  GRANARY_ASSIGN(const auto buffer, Take(sink->Finish()));
  return buffer->ToString();
}

template <typename Columns, typename Name>
std::shared_ptr<arrow::Schema> ArrowSchema(const Columns& columns, Name name) {
  arrow::FieldVector fields;
  for (const auto& column : columns)
    fields.push_back(arrow::field(column.*name, column.type.ToArrow()));
  return arrow::schema(std::move(fields));
}

void AddColumn(const std::string& name, const DataType& type, v1::Column& out) {
  out.set_name(name);
  out.set_type(type.ToString());
}

Status SendRows(const query::ResultBatch& rows, std::size_t piece_bytes,
                const std::function<Status(std::string_view)>& send) {
  const std::int64_t total = rows.batch->num_rows();
  for (std::int64_t row = 0; row < total;) {
    v1::SearchDataResponse response;
    v1::Rows& out = *response.mutable_rows();
    out.set_source_id(rows.source.str());
    for (const Column& column : rows.columns)
      AddColumn(column.name, column.type, *out.add_columns());
    do {
      for (const std::int64_t end = std::min(total, row + kRowsBetweenLooks); row < end; ++row) {
        v1::Row& one = *out.add_rows();
        for (std::size_t i = 0; i < rows.columns.size(); ++i) {
          SetProtoValue(*rows.batch->column(static_cast<int>(i)), row, rows.columns[i].type,
                        *one.add_values());
        }
      }
    } while (row < total && response.ByteSizeLong() < piece_bytes);
    GRANARY_TRY(send(response.SerializeAsString()));
  }
  return Status::Ok();
}

Status SendArrow(const query::ResultBatch& rows, std::size_t piece_bytes,
                 const std::function<Status(std::string_view)>& send) {
  const std::int64_t total = rows.batch->num_rows();
  const auto batch = arrow::RecordBatch::Make(ArrowSchema(rows.columns, &Column::name), total,
                                              rows.batch->columns());
  GRANARY_ASSIGN(const std::int64_t bytes, Take(arrow::util::ReferencedBufferSize(*batch)));
  const std::int64_t row_bytes =
      std::max<std::int64_t>(1, bytes / std::max<std::int64_t>(1, total));
  const std::int64_t step =
      std::max<std::int64_t>(1, static_cast<std::int64_t>(piece_bytes) / row_bytes);
  for (std::int64_t row = 0; row < total; row += step) {
    v1::SearchDataResponse response;
    response.mutable_arrow()->set_source_id(rows.source.str());
    GRANARY_ASSIGN(std::string stream, IpcStream(batch->Slice(row, step)));
    response.mutable_arrow()->set_ipc_stream(std::move(stream));
    GRANARY_TRY(send(response.SerializeAsString()));
  }
  return Status::Ok();
}

void SetStats(const query::QueryStats& stats, double elapsed_ms, v1::QueryStats& out) {
  out.set_elapsed_ms(elapsed_ms);
  out.set_rows_scanned(stats.rows_scanned);
  out.set_segments_total(stats.segments_total);
  out.set_segments_pruned(stats.segments_pruned);
  out.set_bytes_read(stats.bytes_read);
  out.set_spilled_bytes(stats.spilled_bytes);
  for (const std::string& path : stats.access_paths) out.add_access_paths(path);
}

// A number that was an integer in one source and a float in another is what holds it exactly.
void SetNumberText(std::string_view text, v1::Value& out) {
  const auto whole = IsPlainInteger(text) ? ParseInt128(text) : std::nullopt;
  if (whole && *whole == static_cast<Int128>(static_cast<std::int64_t>(*whole))) {
    out.set_int64_value(static_cast<std::int64_t>(*whole));
  } else if (whole && *whole == static_cast<Int128>(static_cast<std::uint64_t>(*whole))) {
    out.set_uint64_value(static_cast<std::uint64_t>(*whole));
  } else if (const auto real = query::ExactDouble(text)) {
    out.set_float64_value(*real);
  } else {
    out.set_decimal_value(std::string(text));
  }
}

/// As whoever asked knows the column: texts of numbers are numbers.
DataType TypeOf(const query::AggregateColumn& column) {
  return column.number_texts ? DataType(TypeKind::kFloat64) : column.type;
}

// An integer sum is a number to whoever asked, as long as 64 bits hold it.
void SetAggregate(const Value& value, const query::AggregateColumn& column, v1::Value& out) {
  if (column.number_texts && !IsNull(value))
    return SetNumberText(std::get<std::string>(value), out);
  const auto* wide = std::get_if<Int128>(&value);
  if (!column.json_integer || wide == nullptr) return SetProtoValue(value, column.type, out);
  if (*wide == static_cast<Int128>(static_cast<std::int64_t>(*wide)))
    out.set_int64_value(static_cast<std::int64_t>(*wide));
  else
    out.set_decimal_value(ToString(*wide));
}

// In a float64 column, where that is exact.
Result<Value> ArrowValue(const Value& value, const query::AggregateColumn& column) {
  if (!column.number_texts || IsNull(value)) return value;
  const auto real = query::ExactDouble(std::get<std::string>(value));
  if (real) return Value(*real);
  return Status(Code::kTypeMismatch,
                fmt::format("\"{}\" has types in the sources that no one type holds exactly: leave "
                            "it out, ask one source, or take rows instead of Arrow",
                            column.alias));
}

Result<std::string> AggregateStream(const query::AggregateAnswer& answer) {
  arrow::ArrayVector arrays;
  for (std::size_t i = 0; i < answer.columns.size(); ++i) {
    arrow::ArrayVector cells;
    const DataType type = TypeOf(answer.columns[i]);
    for (const auto& row : answer.rows) {
      GRANARY_ASSIGN(const Value value, ArrowValue(row[i], answer.columns[i]));
      GRANARY_ASSIGN(auto cell, MakeConstantArray(type, value, 1));
      cells.push_back(std::move(cell));
    }
    if (cells.empty()) {
      GRANARY_ASSIGN(auto none, Take(arrow::MakeEmptyArray(type.ToArrow())));
      cells.push_back(std::move(none));
    }
    GRANARY_ASSIGN(auto column, Take(arrow::Concatenate(cells)));
    arrays.push_back(std::move(column));
  }
  std::vector<query::AggregateColumn> columns = answer.columns;
  for (query::AggregateColumn& column : columns) column.type = TypeOf(column);
  return IpcStream(arrow::RecordBatch::Make(ArrowSchema(columns, &query::AggregateColumn::alias),
                                            static_cast<std::int64_t>(answer.rows.size()),
                                            std::move(arrays)));
}

}  // namespace

Status SendRowMessages(const query::ResultBatch& rows, RowFormat format, std::size_t piece_bytes,
                       const std::function<Status(std::string_view message)>& send) {
  return format == RowFormat::kArrow ? SendArrow(rows, piece_bytes, send)
                                     : SendRows(rows, piece_bytes, send);
}

std::string SummaryMessage(std::uint64_t count, const SearchPageEnd& end, double elapsed_ms) {
  v1::SearchDataResponse response;
  v1::SearchSummary& summary = *response.mutable_summary();
  summary.set_count(count);
  if (end.next_cursor) summary.set_next_cursor(*end.next_cursor);
  SetStats(end.stats, elapsed_ms, *summary.mutable_stats());
  return response.SerializeAsString();
}

Result<std::string> AggregateAnswerMessage(const query::AggregateAnswer& answer, RowFormat format,
                                           double elapsed_ms) {
  v1::AggregateDataResponse response;
  for (const auto& column : answer.columns)
    AddColumn(column.alias, TypeOf(column), *response.add_columns());
  SetStats(answer.stats, elapsed_ms, *response.mutable_stats());
  if (format == RowFormat::kArrow) {
    GRANARY_ASSIGN(std::string stream, AggregateStream(answer));
    response.set_ipc_stream(std::move(stream));
    return response.SerializeAsString();
  }
  for (const auto& row : answer.rows) {
    v1::Row& out = *response.add_rows();
    for (std::size_t i = 0; i < row.size(); ++i)
      SetAggregate(row[i], answer.columns[i], *out.add_values());
  }
  return response.SerializeAsString();
}

std::string ExplainAnswerMessage(std::string plan_json) {
  v1::ExplainResponse response;
  response.set_plan_json(std::move(plan_json));
  return response.SerializeAsString();
}

std::string WriteAnswerMessage(const WriteAnswer& answer) {
  v1::WriteDataResponse response;
  response.set_source_id(answer.source.str());
  response.set_written(answer.written);
  if (answer.written > 0) {
    response.mutable_sequence()->set_first(answer.outcome.first_sequence);
    response.mutable_sequence()->set_last(answer.outcome.last_sequence);
  }
  response.set_schema_version(answer.outcome.schema_version);
  response.set_durable(answer.outcome.durable);
  response.set_replayed(answer.repeated);
  if (answer.rejected) {
    for (const auto& [index, detail] : answer.rejected->shown) {
      v1::RejectedRecord& record = *response.add_rejected();
      record.set_index(static_cast<std::uint64_t>(index));
      record.set_detail(detail);
    }
    response.set_rejected_total(answer.rejected->total);
  }
  return response.SerializeAsString();
}

std::string WriteStreamAnswerMessage(std::uint64_t batches, std::uint64_t written, bool durable,
                                     std::uint64_t rejected) {
  v1::WriteStreamResponse response;
  response.set_batches(batches);
  response.set_written(written);
  response.set_durable(durable);
  response.set_rejected_total(rejected);
  return response.SerializeAsString();
}

}  // namespace granary::api
