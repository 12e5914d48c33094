#include "granary/services/tenant_node/search_stream.h"

#include <utility>

#include <arrow/record_batch.h>

#include "granary/api/request_json.h"
#include "granary/services/tenant_node/answer_writer.h"
#include "granary/services/tenant_node/content_rules.h"
#include "granary/services/tenant_node/gateway_guard.h"

namespace granary::services {
namespace {

constexpr std::size_t kPieceBytes = 64u << 10;
constexpr std::int64_t kRowsAtOnce = 1024;        // So that a wide batch is not all text at once.
constexpr std::int64_t kHoldBackNs = 50'000'000;  // A slow query's first rows do not wait for more.
constexpr std::int64_t kProgressNs = 1'000'000'000;

// Rows to bytes, a bounded number at a time.
class RowStream {
 public:
  RowStream(NodeState& state, net::BodySink& sink, std::unique_ptr<AnswerWriter> writer)
      : state_(state),
        sink_(sink),
        writer_(std::move(writer)),
        start_ns_(state.clock.MonotonicNanos()),
        sent_ns_(start_ns_),
        told_ns_(start_ns_) {}

  Status Begin(const query::AnswerShape& shape) { return writer_->Begin(shape, text_); }

  Status Add(const query::ResultBatch& rows) {
    for (std::int64_t at = 0; at < rows.batch->num_rows(); at += kRowsAtOnce) {
      const query::ResultBatch part{rows.source, rows.columns, rows.batch->Slice(at, kRowsAtOnce)};
      GRANARY_TRY(writer_->Add(part, text_));
      rows_ += static_cast<std::uint64_t>(part.batch->num_rows());
      state_.rows_returned.Add(static_cast<std::uint64_t>(part.batch->num_rows()));
      TellProgress();
      if (text_.size() >= kPieceBytes || state_.clock.MonotonicNanos() - sent_ns_ >= kHoldBackNs)
        GRANARY_TRY(Send());
    }
    return Status::Ok();
  }

  Status End(const query::QueryStats& stats) {
    GRANARY_TRY(writer_->End(rows_, stats, Millis(), text_));
    return Send();
  }

  /// What was sent cannot be taken back; the form may say why it ends here.
  Status Fail(const Status& why) {
    if (sent_any_) {
      text_.clear();
      writer_->Fail(state_.paths.Hide(why), text_);
      sink_.WriteLast(text_);
    }
    return why;
  }

 private:
  double Millis() const {
    return static_cast<double>(state_.clock.MonotonicNanos() - start_ns_) / 1e6;
  }

  void TellProgress() {
    const std::int64_t now_ns = state_.clock.MonotonicNanos();
    if (now_ns - told_ns_ < kProgressNs) return;
    told_ns_ = now_ns;
    writer_->Progress(rows_, Millis(), text_);
  }

  Status Send() {
    if (text_.empty()) return Status::Ok();
    sent_any_ = true;
    GRANARY_TRY(sink_.Write(text_));
    text_.clear();
    sent_ns_ = state_.clock.MonotonicNanos();
    return Status::Ok();
  }

  NodeState& state_;
  net::BodySink& sink_;
  const std::unique_ptr<AnswerWriter> writer_;
  std::string text_;
  const std::int64_t start_ns_;
  std::int64_t sent_ns_, told_ns_;
  std::uint64_t rows_ = 0;
  bool sent_any_ = false;
};

}  // namespace

Result<net::HttpResponse> SearchStream(NodeState& state, hosting::RouteCall& call) {
  GRANARY_TRY(CheckJsonBody(call.request));
  GRANARY_ASSIGN(const AnswerForm form, ChooseAnswerForm(call.request));
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, state.tenant.Get());
  GRANARY_ASSIGN(query::SearchRequest request,
                 api::ParseSearch(call.request.body, /*streaming=*/true, state.limits));
  net::HttpResponse response;
  response.content_type = formats::MediaTypeOf(form.format);
  // Else clients read text/* as Latin-1.
  if (form.format == formats::TableFormat::kCsv) response.content_type += "; charset=utf-8";
  response.headers.Set("Vary", "Accept");
  response.stream = [&state, tenant, request = std::move(request), form,
                     caller = Caller{call.request.cancel, call.request.request_id, RightsOf(call)}](
                        net::BodySink& sink) -> Status {
    RowStream rows(state, sink, MakeAnswerWriter(form, caller.request_id));
    const auto stats = tenant->Search(
        request, caller, [&](const query::ResultBatch& batch) { return rows.Add(batch); },
        [&](const query::AnswerShape& shape) { return rows.Begin(shape); });
    const Status ended = stats.ok() ? rows.End(*stats) : stats.status();
    return ended.ok() ? ended : rows.Fail(ended);
  };
  return response;
}

}  // namespace granary::services
