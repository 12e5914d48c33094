#include "granary/api/proto_request.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <storage.pb.h>

#include "granary/api/json_node.h"
#include "granary/api/object_reader.h"
#include "granary/api/proto_body.h"
#include "granary/api/proto_value.h"
#include "granary/json/batch_writer.h"

namespace granary::api {
namespace {

template <typename Message>
Result<Message> Parse(std::string_view bytes) {
  Message out;
  GRANARY_TRY(ParseMessage(bytes, out));
  return out;
}

/// Refuses what a newer client may have set.
template <typename Message>
Status CheckFields(const Message& message) {
  return BodyOf(message).status();
}

Result<RowFormat> ReadFormat(v1::Format format) {
  switch (format) {
    case v1::FORMAT_UNSPECIFIED:
    case v1::FORMAT_ROWS: return RowFormat::kRows;
    case v1::FORMAT_ARROW: return RowFormat::kArrow;
    default: break;
  }
  return Status::Invalid(Code::kInvalidRequest, "/format",
                         fmt::format("expected ROWS or ARROW, found {}", static_cast<int>(format)));
}

// ---- Records

Status BadValue(int record, const std::string& name, std::string detail) {
  const std::string at = PointerTo("/records", static_cast<std::size_t>(record)) + "/fields";
  return Status::Invalid(Code::kInvalidRecord, PointerTo(at, name), std::move(detail));
}

// Field by field in the order of their names: a map has none, and the order in which new columns
// appear must not be chance.
Status AppendRecord(const v1::Record& record, int index, std::string& out) {
  if (!record.GetReflection()->GetUnknownFields(record).empty()) {
    return Status::Invalid(Code::kUnknownMember,
                           PointerTo("/records", static_cast<std::size_t>(index)),
                           "the record has a field that this version does not know");
  }
  using Field = std::pair<std::string_view, const v1::Value*>;
  std::vector<Field> fields;
  fields.reserve(record.fields().size());
  for (const auto& [name, value] : record.fields()) fields.emplace_back(name, &value);
  std::ranges::sort(fields, {}, &Field::first);
  out.append("{\"fields\":{");
  for (bool first = true; const auto& [name, value] : fields) {
    if (!std::exchange(first, false)) out.push_back(',');
    json::AppendString(name, out);
    out.push_back(':');
    if (auto wrong = AppendProtoValue(*value, ValueUse::kRecord, out))
      return BadValue(index, std::string(name), std::move(*wrong));
  }
  out.append("}}");
  return Status::Ok();
}

Status AppendRecords(const v1::WriteDataRequest& request, std::string& out) {
  if (!request.records_json().empty()) {
    if (request.records_size() > 0) {
      return Status::Invalid(Code::kInvalidRequest, "/records_json",
                             "give records or records_json, not both");
    }
    out.append(request.records_json());
    return Status::Ok();
  }
  out.push_back('[');
  for (int i = 0; i < request.records_size(); ++i) {
    if (i > 0) out.push_back(',');
    GRANARY_TRY(AppendRecord(request.records(i), i, out));
  }
  out.push_back(']');
  return Status::Ok();
}

template <typename Message>
Status CheckEmpty(std::string_view bytes) {
  GRANARY_ASSIGN(const auto request, Parse<Message>(bytes));
  return CheckFields(request);
}

}  // namespace

Result<SearchMessage> ReadSearchMessage(std::string_view bytes) {
  GRANARY_ASSIGN(const auto request, Parse<v1::SearchDataRequest>(bytes));
  SearchMessage out;
  GRANARY_ASSIGN(out.format, ReadFormat(request.format()));
  GRANARY_ASSIGN(out.body, BodyOf(request, {"stream", "format"}));
  out.streaming = request.stream();
  return out;
}

Result<AggregateMessage> ReadAggregateMessage(std::string_view bytes) {
  GRANARY_ASSIGN(const auto request, Parse<v1::AggregateDataRequest>(bytes));
  AggregateMessage out;
  GRANARY_ASSIGN(out.format, ReadFormat(request.format()));
  GRANARY_ASSIGN(out.body, BodyOf(request, {"format"}));
  return out;
}

Result<ExplainMessage> ReadExplainMessage(std::string_view bytes) {
  GRANARY_ASSIGN(const auto request, Parse<v1::ExplainRequest>(bytes));
  GRANARY_ASSIGN(std::string body, BodyOf(request, {"analyze"}));
  return ExplainMessage{std::move(body), request.analyze()};
}

Result<WriteMessage> ReadWriteMessage(std::string_view bytes, std::string& source_id) {
  GRANARY_ASSIGN(auto request, Parse<v1::WriteDataRequest>(bytes));
  if (!request.source_id().empty()) source_id = request.source_id();
  request.set_source_id(source_id);
  GRANARY_ASSIGN(std::string out, BodyOf(request, {"records", "records_json", "idempotency_key"}));
  out.pop_back();
  out.append(out.size() > 1 ? ",\"records\":" : "\"records\":");
  GRANARY_TRY(AppendRecords(request, out));
  out.push_back('}');
  return WriteMessage{std::move(out), request.idempotency_key()};
}

Result<std::string> ReadAddSourceMessage(std::string_view bytes) {
  GRANARY_ASSIGN(const auto request, Parse<v1::AddSourceRequest>(bytes));
  return BodyOf(request);
}

Result<UpdateSourceMessage> ReadUpdateSourceMessage(std::string_view bytes) {
  GRANARY_ASSIGN(const auto request, Parse<v1::UpdateSourceRequest>(bytes));
  GRANARY_ASSIGN(std::string body,
                 BodyOf(request, {"source_id", "clear_sort_columns", "clear_retention"}));
  if (request.clear_sort_columns()) {
    if (request.sort_columns_size() > 0) {
      return Status::Invalid(Code::kInvalidRequest, "/clear_sort_columns",
                             "give sort_columns or clear_sort_columns, not both");
    }
    body.insert(1, body.size() > 2 ? "\"sort_columns\":[]," : "\"sort_columns\":[]");
  }
  if (request.clear_retention()) {
    if (request.has_retention()) {
      return Status::Invalid(Code::kInvalidRequest, "/clear_retention",
                             "give retention or clear_retention, not both");
    }
    body.insert(1, body.size() > 2 ? "\"retention\":\"none\"," : "\"retention\":\"none\"");
  }
  return UpdateSourceMessage{request.source_id(), std::move(body)};
}

Result<RemoveSourceMessage> ReadRemoveSourceMessage(std::string_view bytes) {
  GRANARY_ASSIGN(const auto request, Parse<v1::RemoveSourceRequest>(bytes));
  GRANARY_TRY(CheckFields(request));
  return RemoveSourceMessage{request.source_id(), request.keep_data()};
}

Result<std::string> ReadSourceIdMessage(std::string_view bytes) {
  GRANARY_ASSIGN(const auto request, Parse<v1::GetSourceStatsRequest>(bytes));
  GRANARY_TRY(CheckFields(request));
  return request.source_id();
}

Status ReadListSourcesMessage(std::string_view bytes) {
  return CheckEmpty<v1::ListSourcesRequest>(bytes);
}
Status ReadGetTenantStatsMessage(std::string_view bytes) {
  return CheckEmpty<v1::GetTenantStatsRequest>(bytes);
}
Status ReadHealthCheckMessage(std::string_view bytes) {
  return CheckEmpty<v1::HealthCheckRequest>(bytes);
}

}  // namespace granary::api
