#include "granary/api/answer_writer.h"

#include <utility>

#include "granary/api/response_json.h"
#include "granary/api/stream_frames.h"
#include "granary/formats/table_writer.h"

namespace granary::api {
namespace {

using formats::TableFormat;

class LinesWriter final : public AnswerWriter {
 public:
  Status Begin(const query::AnswerShape&, std::string&) override { return Status::Ok(); }
  Status Add(const query::ResultBatch& rows, std::string& out) override {
    AppendNdjson(rows, out);
    return Status::Ok();
  }
  Status End(std::uint64_t, const query::QueryStats&, double, std::string&) override {
    return Status::Ok();
  }
};

class FramesWriter final : public AnswerWriter {
 public:
  FramesWriter(FrameForm form, std::string request_id)
      : frames_(form), request_id_(std::move(request_id)) {}
  Status Begin(const query::AnswerShape& shape, std::string& out) override {
    frames_.Meta(request_id_, shape, out);
    return Status::Ok();
  }
  Status Add(const query::ResultBatch& rows, std::string& out) override {
    frames_.Rows(rows, out);
    return Status::Ok();
  }
  void Progress(std::uint64_t rows, double elapsed_ms, std::string& out) override {
    frames_.Progress(rows, elapsed_ms, out);
  }
  Status End(std::uint64_t rows, const query::QueryStats& stats, double elapsed_ms,
             std::string& out) override {
    frames_.End(rows, stats, elapsed_ms, out);
    return Status::Ok();
  }
  void Fail(const Status& status, std::string& out) override {
    frames_.Error(status, request_id_, out);
  }

 private:
  const StreamFrames frames_;
  const std::string request_id_;
};

class TableAnswer final : public AnswerWriter {
 public:
  explicit TableAnswer(TableFormat format) : table_(formats::MakeTableWriter(format)) {}
  Status Begin(const query::AnswerShape& shape, std::string& out) override {
    formats::TableShape table;
    for (const query::ShapeColumn& column : shape.columns)
      table.columns.push_back({column.name, column.type});
    table.names_tenants = !shape.tenants.empty();
    table.names_sources = table.names_tenants || shape.sources.size() > 1;
    return table_->Begin(table, out);
  }
  Status Add(const query::ResultBatch& rows, std::string& out) override {
    return table_->Add({rows.source.str(), rows.columns, rows.batch, rows.tenant}, out);
  }
  Status End(std::uint64_t, const query::QueryStats&, double, std::string& out) override {
    return table_->Finish(out);
  }

 private:
  const std::unique_ptr<formats::TableWriter> table_;
};

}  // namespace

std::unique_ptr<AnswerWriter> MakeAnswerWriter(const AnswerForm& form, std::string request_id) {
  if (form.format == TableFormat::kEvents)
    return std::make_unique<FramesWriter>(FrameForm::kEvents, std::move(request_id));
  if (form.format != TableFormat::kNdjson) return std::make_unique<TableAnswer>(form.format);
  if (form.frames) return std::make_unique<FramesWriter>(FrameForm::kLines, std::move(request_id));
  return std::make_unique<LinesWriter>();
}

}  // namespace granary::api
