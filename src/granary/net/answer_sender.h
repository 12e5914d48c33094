// AnswerSender: runs the handler of a request and sends what it answers, as far as that goes
// without waiting; all of a stream.
//
// Threads    one of the handlers', while the connection only watches whether the client is there.
// Owns       nothing.
#pragma once

#include <optional>

#include "granary/base/status.h"
#include "granary/net/content_coding.h"
#include "granary/net/http_exchange.h"
#include "granary/net/http_message.h"
#include "granary/net/wire.h"

namespace granary::net {

class AnswerSender {
 public:
  AnswerSender(HttpExchange& exchange, Wire& wire, int descriptor)
      : exchange_(exchange), context_(exchange.context), wire_(wire), descriptor_(descriptor) {}

  /// Leaves what is to be sent yet, and whether the connection can go on, in the exchange. Never
  /// throws.
  void Run();

 private:
  Status DecodeBody();
  /// The handler's answer, or the refusal of what must be right before it runs.
  HttpResponse Answer(const Status& wishes);
  void ChooseCoding(const AnswerCodings& codings, HttpResponse& response);
  void SendStream(HttpResponse response, const AnswerCodings& codings);
  void SendPlain(HttpResponse response);
  HttpResponse Refusal(const Status& status, std::optional<int> http_status = {}) const;

  HttpExchange& exchange_;
  ConnectionContext& context_;
  Wire& wire_;
  const int descriptor_;
};

}  // namespace granary::net
