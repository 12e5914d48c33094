#include "granary/api/proto_error.h"

#include <google/protobuf/stubs/logging.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include "granary/api/code_table.h"

namespace granary::api {
namespace {

constexpr std::size_t kMessageBytesMax = 700;
constexpr std::size_t kDetailBytesMax = 512;

// Cut between two characters.
std::string Shortened(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

std::size_t Base64Bytes(std::size_t bytes) { return (bytes + 2) / 3 * 4; }

// How many of the places fit.
google::rpc::BadRequest Violations(const Status& status, std::size_t bytes_max) {
  google::rpc::BadRequest out;
  for (const FieldError& field : status.fields()) {
    auto& violation = *out.add_field_violations();
    violation.set_field(Shortened(field.pointer, kDetailBytesMax));
    violation.set_description(Shortened(field.detail, kDetailBytesMax));
    if (Base64Bytes(out.ByteSizeLong()) <= bytes_max) continue;
    out.mutable_field_violations()->RemoveLast();
    break;
  }
  return out;
}

}  // namespace

RichError ToRichError(const Status& status, const std::map<std::string, std::string>& metadata,
                      std::int64_t retry_after_seconds) {
  const CodeRow& row = RowOf(status.code());
  RichError out;
  out.code = row.grpc;
  if (status.ok()) return out;
  out.message = Shortened(status.message(), kMessageBytesMax);

  // The message goes out twice: percent-encoded, and in the details.
  const std::size_t room = kErrorBytesMax - 5 * out.message.size() - 512;
  const google::rpc::BadRequest places = Violations(status, room);
  const auto told = static_cast<std::size_t>(places.field_violations_size());
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(CodeName(status.code())));
  info.set_domain("granary");
  info.mutable_metadata()->insert(metadata.begin(), metadata.end());
  if (told < status.fields().size()) {
    (*info.mutable_metadata())["violations_left_out"] =
        std::to_string(status.fields().size() - told);
  }

  google::rpc::Status rich;
  rich.set_code(row.grpc);
  rich.set_message(out.message);
  rich.add_details()->PackFrom(info);
  if (told > 0) rich.add_details()->PackFrom(places);
  if (row.retry) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(retry_after_seconds);
    rich.add_details()->PackFrom(retry);
  }
  out.details = rich.SerializeAsString();
  return out;
}

void SilenceProtobuf() { google::protobuf::SetLogHandler(nullptr); }

}  // namespace granary::api
