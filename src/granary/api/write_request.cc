// ParseWrite and the requests without content.
#include <fmt/format.h>

#include "granary/api/object_reader.h"
#include "granary/api/record_locator.h"
#include "granary/api/request_json.h"
#include "granary/base/byte_order_mark.h"
#include "granary/base/utf8.h"

namespace granary::api {
Result<bool> ParseOnError(std::optional<std::string_view> text, const std::string& pointer) {
  if (!text || *text == "reject") return false;
  if (*text == "skip") return true;
  return Status::Invalid(Code::kInvalidRequest, pointer,
                         fmt::format("expected reject or skip, found '{}'", Quotable(*text)));
}

Result<WriteBody> ParseWrite(std::string_view text, const RequestLimits& limits) {
  GRANARY_ASSIGN(const LocatedRecords located, LocateRecords(WithoutByteOrderMark(text)));
  GRANARY_ASSIGN(const JsonNode root, ParseJsonObject(located.envelope, limits.depth_max));
  ObjectReader body(root, "");
  WriteBody out;
  GRANARY_ASSIGN(const std::string source, body.RequiredText("source_id"));
  GRANARY_ASSIGN(const JsonNode* records, body.Array("records"));
  GRANARY_ASSIGN(const auto on_error, body.Text("on_error"));
  GRANARY_ASSIGN(out.skips_wrong, ParseOnError(on_error, body.PointerOf("on_error")));
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
  text = WithoutByteOrderMark(text);
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return Status::Ok();
  GRANARY_ASSIGN(const JsonNode root, ParseJsonObject(text, limits.depth_max));
  return ObjectReader(root, "").Finish();
}

}  // namespace granary::api
