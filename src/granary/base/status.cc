#include "granary/base/status.h"

namespace granary {

std::string_view CodeName(Code code) {
  switch (code) {  // No default: -Wswitch points here when a Code is added.
    case Code::kOk: return "OK";
    case Code::kInvalidJson: return "INVALID_JSON";
    case Code::kInvalidRequest: return "INVALID_REQUEST";
    case Code::kUnknownMember: return "UNKNOWN_MEMBER";
    case Code::kUnknownOperator: return "UNKNOWN_OPERATOR";
    case Code::kUnknownColumn: return "UNKNOWN_COLUMN";
    case Code::kInvalidIdentifier: return "INVALID_IDENTIFIER";
    case Code::kInvalidLiteral: return "INVALID_LITERAL";
    case Code::kInvalidRecord: return "INVALID_RECORD";
    case Code::kInvalidDefinition: return "INVALID_DEFINITION";
    case Code::kInvalidPath: return "INVALID_PATH";
    case Code::kInvalidArgument: return "INVALID_ARGUMENT";
    case Code::kTypeMismatch: return "TYPE_MISMATCH";
    case Code::kTooLarge: return "TOO_LARGE";
    case Code::kUnsupportedMediaType: return "UNSUPPORTED_MEDIA_TYPE";
    case Code::kNotAcceptable: return "NOT_ACCEPTABLE";
    case Code::kMethodNotAllowed: return "METHOD_NOT_ALLOWED";
    case Code::kUnauthenticated: return "UNAUTHENTICATED";
    case Code::kPermissionDenied: return "PERMISSION_DENIED";
    case Code::kNotFound: return "NOT_FOUND";
    case Code::kSourceNotFound: return "SOURCE_NOT_FOUND";
    case Code::kSourceConflict: return "SOURCE_CONFLICT";
    case Code::kConflict: return "CONFLICT";
    case Code::kIdempotencyKeyReused: return "IDEMPOTENCY_KEY_REUSED";
    case Code::kCursorExpired: return "CURSOR_EXPIRED";
    case Code::kQuotaExceeded: return "QUOTA_EXCEEDED";
    case Code::kOverloaded: return "OVERLOADED";
    case Code::kUnavailable: return "UNAVAILABLE";
    case Code::kCancelled: return "CANCELLED";
    case Code::kDeadlineExceeded: return "DEADLINE_EXCEEDED";
    case Code::kDiskFull: return "DISK_FULL";
    case Code::kUnsupported: return "UNSUPPORTED";
    case Code::kIoError: return "IO_ERROR";
    case Code::kCorruption: return "CORRUPTION";
    case Code::kInternal: return "INTERNAL";
  }
  return "UNKNOWN";
}

Status::Status(Code code, std::string message, std::vector<FieldError> fields)
    : failure_(code == Code::kOk ? nullptr
                                 : std::make_shared<const Failure>(
                                       Failure{code, std::move(message), std::move(fields)})) {}

Status Status::Invalid(Code code, std::string pointer, std::string detail) {
  std::string message = pointer.empty() ? detail : pointer + ": " + detail;
  std::vector<FieldError> fields;
  fields.push_back({std::move(pointer), std::move(detail)});
  return {code, std::move(message), std::move(fields)};
}

const std::vector<FieldError>& Status::fields() const {
  static const std::vector<FieldError> kNone;
  return ok() ? kNone : failure_->fields;
}

Status Status::At(std::string_view where) const {
  if (ok()) return *this;
  std::string message(where);
  message.append(": ").append(failure_->message);
  return {failure_->code, std::move(message), failure_->fields};
}

std::string Status::ToString() const {
  std::string text(CodeName(code()));
  if (!ok()) text.append(": ").append(failure_->message);
  return text;
}

}  // namespace granary
