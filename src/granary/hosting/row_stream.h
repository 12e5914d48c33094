// RowStream: rows to bytes of a streamed answer, a bounded number at a time; what is ready goes out
// when it is enough for a piece, or has waited long enough.
//
// Threads    one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "granary/api/answer_writer.h"
#include "granary/base/status.h"
#include "granary/hosting/metrics.h"
#include "granary/io/clock.h"
#include "granary/net/http_message.h"
#include "granary/query/exec/search.h"

namespace granary::hosting {

class RowStream {
 public:
  /// All outlive it.
  RowStream(net::BodySink& sink, std::unique_ptr<api::AnswerWriter> writer, const io::Clock& clock,
            Counter& rows_returned);

  /// Once, before rows.
  Status Begin(const query::AnswerShape& shape) { return writer_->Begin(shape, text_); }
  Status Add(const query::ResultBatch& rows);
  /// Sends what has waited for long enough, when no rows come that would.
  Status SendWaiting();
  std::uint64_t rows() const { return rows_; }
  Status End(const query::QueryStats& stats);
  /// What was sent cannot be taken back; the form may say why it ends here: `told`. Returns `why`.
  Status Fail(const Status& why, const Status& told);

 private:
  double Millis() const;
  void TellProgress();
  Status Send();

  net::BodySink& sink_;
  const std::unique_ptr<api::AnswerWriter> writer_;
  const io::Clock& clock_;
  Counter& rows_returned_;
  std::string text_;
  const std::int64_t start_ns_;
  std::int64_t sent_ns_, told_ns_;
  std::uint64_t rows_ = 0;
  bool sent_any_ = false;
};

}  // namespace granary::hosting
