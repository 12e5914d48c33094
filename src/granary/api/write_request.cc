// ParseWrite and the requests without content.
#include <fmt/format.h>

#include "granary/api/object_reader.h"
#include "granary/api/record_locator.h"
#include "granary/api/request_json.h"
#include "granary/base/utf8.h"

namespace granary::api {
namespace {

Status CheckOnError(ObjectReader& body) {
  GRANARY_ASSIGN(const auto on_error, body.Text("on_error"));
  if (!on_error || *on_error == "reject") return Status::Ok();
  if (*on_error == "skip") return NotOffered(body.PointerOf("on_error"), "'skip'");
  return Status::Invalid(Code::kInvalidRequest, body.PointerOf("on_error"),
                         fmt::format("expected reject or skip, found '{}'", Quotable(*on_error)));
}

}  // namespace

Result<WriteBody> ParseWrite(std::string_view text, const RequestLimits& limits) {
  GRANARY_ASSIGN(const LocatedRecords located, LocateRecords(text));
  GRANARY_ASSIGN(const JsonNode root, ParseJsonObject(located.envelope, limits.depth_max));
  ObjectReader body(root, "");
  WriteBody out;
  GRANARY_ASSIGN(const std::string source, body.RequiredText("source_id"));
  GRANARY_ASSIGN(const JsonNode* records, body.Array("records"));
  GRANARY_TRY(CheckOnError(body));
  GRANARY_TRY(body.Finish());
  Result<SourceId> id = SourceId::Parse(source);
  if (!id.ok()) return AtPointer(id.status(), body.PointerOf("source_id"));
  if (records == nullptr)
    return Status::Invalid(Code::kInvalidRequest, body.PointerOf("records"),
                           "this member is required");
  if (located.records.empty()) {
    return Status::Invalid(Code::kInvalidRequest, body.PointerOf("records"),
                           "write the member's name without escapes");
  }
  out.source = id.Take();
  out.records = located.records;
  return out;
}

Status ParseNothing(std::string_view text, const RequestLimits& limits) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return Status::Ok();
  GRANARY_ASSIGN(const JsonNode root, ParseJsonObject(text, limits.depth_max));
  return ObjectReader(root, "").Finish();
}

}  // namespace granary::api
