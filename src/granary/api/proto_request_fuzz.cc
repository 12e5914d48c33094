// Bytes of gRPC requests, as the JSON body that REST has for them, and read as that. The first byte
// says of which: 's' search, 'g' aggregate, 'w' write, 'a' add a source, 'p' update, 'r' remove,
// 'i' one source, 'n' nothing; any other picks one of these.
//
// Promises   a refusal is the client's fault, in words; a body that is made is one that the shared
//            readers take or refuse at a place that is in it, and the same bytes make it again.
#include <google/protobuf/stubs/logging.h>

#include <string>

#include "granary/api/code_table.h"
#include "granary/api/json_node.h"
#include "granary/api/proto_request.h"
#include "granary/api/request_json.h"
#include "granary/base/check.h"
#include "granary/testing/fuzz_target.h"
#include "granary/testing/json_place.h"

namespace granary::api {
namespace {

constexpr std::string_view kKinds = "sgwaprin";

/// Without a body: where it would have been is not known.
void CheckRefused(const Status& refusal, std::string_view body = {}) {
  const CodeRow& row = RowOf(refusal.code());
  GRANARY_CHECK(row.http >= 400 && (row.http < 500 || row.http == 501), "{}", refusal.ToString());
  testing::CheckRefusal(refusal, body);
}

template <typename Read>
void ReadBody(const std::string& body, const Read& read) {
  const auto request = read(body);
  if (!request.ok()) CheckRefused(request.status(), body);
}

void Search(std::string_view bytes) {
  const auto message = ReadSearchMessage(bytes);
  if (!message.ok()) return CheckRefused(message.status());
  GRANARY_CHECK(ReadSearchMessage(bytes)->body == message->body);
  ReadBody(message->body,
           [&](const std::string& body) { return ParseSearch(body, message->streaming); });
}

void Aggregate(std::string_view bytes) {
  const auto message = ReadAggregateMessage(bytes);
  if (!message.ok()) return CheckRefused(message.status());
  GRANARY_CHECK(ReadAggregateMessage(bytes)->body == message->body);
  ReadBody(message->body, [](const std::string& body) { return ParseAggregate(body); });
}

void Write(std::string_view bytes) {
  std::string source = "sales";
  const auto message = ReadWriteMessage(bytes, source);
  if (!message.ok()) return CheckRefused(message.status());
  ReadBody(message->body, [](const std::string& body) { return ParseWrite(body); });
}

void AddSource(std::string_view bytes) {
  const auto body = ReadAddSourceMessage(bytes);
  if (!body.ok()) return CheckRefused(body.status());
  ReadBody(*body, [](const std::string& text) { return ParseSource(text); });
}

void UpdateSource(std::string_view bytes) {
  const auto message = ReadUpdateSourceMessage(bytes);
  if (!message.ok()) return CheckRefused(message.status());
  ReadBody(message->body, [](const std::string& body) { return ParseSourceChange(body); });
}

void CheckRead(const Status& status) {
  if (!status.ok()) CheckRefused(status);
}

void Run(testing::FuzzInput input) {
  // Protobuf writes a line about each text that is not UTF-8: most of the inputs.
  static google::protobuf::LogHandler* const log_handler = google::protobuf::SetLogHandler(nullptr);
  (void)log_handler;
  char kind = static_cast<char>(input.Byte());
  if (kKinds.find(kind) == std::string_view::npos)
    kind = kKinds[static_cast<unsigned char>(kind) % kKinds.size()];
  const std::string_view bytes = input.rest();
  switch (kind) {
    case 's': return Search(bytes);
    case 'g': return Aggregate(bytes);
    case 'w': return Write(bytes);
    case 'a': return AddSource(bytes);
    case 'p': return UpdateSource(bytes);
    case 'r': return CheckRead(ReadRemoveSourceMessage(bytes).status());
    case 'i': return CheckRead(ReadSourceIdMessage(bytes).status());
    default: return CheckRead(ReadListSourcesMessage(bytes));
  }
}

}  // namespace
}  // namespace granary::api

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  granary::api::Run({data, size});
  return 0;
}
