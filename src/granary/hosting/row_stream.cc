#include "granary/hosting/row_stream.h"

#include <algorithm>
#include <utility>

#include <arrow/record_batch.h>

#include "granary/hosting/row_pieces.h"

namespace granary::hosting {
namespace {

constexpr std::size_t kPieceBytes = 64u << 10;
constexpr std::int64_t kHoldBackNs = 50'000'000;  // A slow query's first rows do not wait for more.
constexpr std::int64_t kProgressNs = 1'000'000'000;

}  // namespace

RowStream::RowStream(net::BodySink& sink, std::unique_ptr<api::AnswerWriter> writer,
                     const io::Clock& clock, Counter& rows_returned)
    : sink_(sink),
      writer_(std::move(writer)),
      clock_(clock),
      rows_returned_(rows_returned),
      start_ns_(clock.MonotonicNanos()),
      sent_ns_(start_ns_),
      told_ns_(start_ns_) {}

Status RowStream::Add(const query::ResultBatch& rows) {
  for (std::int64_t at = 0, count = 0; at < rows.batch->num_rows(); at += count) {
    count = RowsInPiece(*rows.batch, at);
    query::ResultBatch part{rows.source, rows.columns, rows.batch->Slice(at, count)};
    part.tenant = rows.tenant;
    GRANARY_TRY(writer_->Add(part, text_));
    rows_ += static_cast<std::uint64_t>(part.batch->num_rows());
    rows_returned_.Add(static_cast<std::uint64_t>(part.batch->num_rows()));
    TellProgress();
    if (text_.size() >= kPieceBytes) GRANARY_TRY(Send());
    GRANARY_TRY(SendWaiting());
  }
  return Status::Ok();
}

Status RowStream::SendWaiting() {
  return clock_.MonotonicNanos() - sent_ns_ >= kHoldBackNs ? Send() : Status::Ok();
}

Status RowStream::End(const query::QueryStats& stats) {
  GRANARY_TRY(writer_->End(rows_, stats, Millis(), text_));
  return Send();
}

Status RowStream::Fail(const Status& why, const Status& told) {
  if (sent_any_) {
    text_.clear();
    writer_->Fail(told, text_);
    sink_.WriteLast(text_);
  }
  return why;
}

double RowStream::Millis() const {
  return static_cast<double>(clock_.MonotonicNanos() - start_ns_) / 1e6;
}

void RowStream::TellProgress() {
  const std::int64_t now_ns = clock_.MonotonicNanos();
  if (now_ns - told_ns_ < kProgressNs) return;
  told_ns_ = now_ns;
  writer_->Progress(rows_, Millis(), text_);
}

Status RowStream::Send() {
  if (text_.empty()) return Status::Ok();
  sent_any_ = true;
  GRANARY_TRY(sink_.Write(text_));
  text_.clear();
  sent_ns_ = clock_.MonotonicNanos();
  return Status::Ok();
}

}  // namespace granary::hosting
