#include "granary/api/stream_frames.h"

#include <fmt/format.h>

#include "granary/api/json_object.h"
#include "granary/api/problem.h"
#include "granary/api/response_json.h"
#include "granary/base/append_format.h"

namespace granary::api {
namespace {

void AppendSources(const std::vector<SourceId>& sources, std::string& out) {
  AppendList(sources, out,
             [&out](const SourceId& source) { json::AppendString(source.str(), out); });
}
void AppendNames(const std::vector<std::string>& names, std::string& out) {
  AppendList(names, out, [&out](const std::string& name) { json::AppendString(name, out); });
}

void AppendColumns(const std::vector<query::ShapeColumn>& columns, std::string& out) {
  out.push_back('[');
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) out.push_back(',');
    JsonObject column(out);
    column.Add("name", columns[i].name);
    if (columns[i].type)
      column.Add("type", columns[i].type->ToString());
    else
      column.AddNull("type");
    column.Close();
  }
  out.push_back(']');
}

}  // namespace

std::string StreamFrames::Head(std::string_view name) const {
  return form_ == FrameForm::kLines ? fmt::format("{{\"{}\":", name)
                                    : fmt::format("event: {}\ndata: ", name);
}

std::string_view StreamFrames::Tail() const {
  return form_ == FrameForm::kLines ? std::string_view("}\n") : std::string_view("\n\n");
}

void StreamFrames::Meta(std::string_view request_id, const query::AnswerShape& shape,
                        std::string& out) const {
  out.append(Head("meta"));
  JsonObject meta(out);
  meta.Add("request_id", request_id);
  if (!shape.tenants.empty()) AppendNames(shape.tenants, meta.Key("tenants"));
  AppendSources(shape.sources, meta.Key("sources"));
  AppendColumns(shape.columns, meta.Key("columns"));
  meta.Close();
  out.append(Tail());
}

void StreamFrames::Rows(const query::ResultBatch& rows, std::string& out) const {
  AppendRecordsJson(rows, Head("row"), Tail(), out);
}

void StreamFrames::Progress(std::uint64_t rows, double elapsed_ms, std::string& out) const {
  out.append(Head("progress"));
  JsonObject progress(out);
  progress.Add("rows", rows);
  AppendFormat(progress.Key("elapsed_ms"), "{:.3f}", elapsed_ms);
  progress.Close();
  out.append(Tail());
}

void StreamFrames::End(std::uint64_t rows, const query::QueryStats& stats, double elapsed_ms,
                       std::string& out) const {
  out.append(Head("end"));
  JsonObject end(out);
  end.Add("rows", rows);
  AppendStatsJson(stats, elapsed_ms, end.Key("stats"));
  end.Close();
  out.append(Tail());
}

void StreamFrames::Error(const Status& status, std::string_view request_id,
                         std::string& out) const {
  out.append(Head("error"));
  out.append(ProblemJson(status, request_id));
  out.append(Tail());
}

}  // namespace granary::api
