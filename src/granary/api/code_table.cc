#include "granary/api/code_table.h"

#include <array>

#include "granary/base/check.h"

namespace granary::api {
namespace {

// In the order of the enum, so that a row is found by position. A new Code needs a row here.
constexpr std::array kRows = {
    CodeRow{Code::kOk, 200, 0, "OK"},
    CodeRow{Code::kInvalidJson, 400, 3, "Invalid JSON"},
    CodeRow{Code::kInvalidRequest, 400, 3, "Invalid request"},
    CodeRow{Code::kUnknownMember, 400, 3, "Unknown member"},
    CodeRow{Code::kUnknownOperator, 400, 3, "Unknown operator"},
    CodeRow{Code::kUnknownColumn, 400, 3, "Unknown column"},
    CodeRow{Code::kInvalidIdentifier, 400, 3, "Invalid identifier"},
    CodeRow{Code::kInvalidLiteral, 400, 3, "Invalid literal"},
    CodeRow{Code::kInvalidRecord, 400, 3, "Invalid record"},
    CodeRow{Code::kInvalidDefinition, 400, 3, "Invalid source definition"},
    CodeRow{Code::kInvalidPath, 400, 3, "Invalid path"},
    CodeRow{Code::kInvalidArgument, 400, 3, "Invalid argument"},
    CodeRow{Code::kTypeMismatch, 422, 3, "Operation not defined for the type"},
    CodeRow{Code::kTooLarge, 413, 8, "Too large", false, LogLevel::kInfo, 431},
    CodeRow{Code::kUnsupportedMediaType, 415, 3, "Unsupported media type"},
    CodeRow{Code::kNotAcceptable, 406, 3, "Not acceptable"},
    CodeRow{Code::kMethodNotAllowed, 405, 12, "Method not allowed"},
    CodeRow{Code::kUnauthenticated, 401, 16, "Not authenticated"},
    CodeRow{Code::kPermissionDenied, 403, 7, "Permission denied"},
    CodeRow{Code::kNotFound, 404, 5, "Not found"},
    CodeRow{Code::kSourceNotFound, 404, 5, "Source not found"},
    CodeRow{Code::kSourceConflict, 409, 6, "Source conflict"},
    CodeRow{Code::kConflict, 409, 10, "Conflict"},
    CodeRow{Code::kIdempotencyKeyReused, 409, 6, "Idempotency key reused"},
    CodeRow{Code::kCursorExpired, 410, 9, "Cursor expired"},
    CodeRow{Code::kQuotaExceeded, 429, 8, "Quota exceeded", true},
    CodeRow{Code::kOverloaded, 503, 14, "Overloaded", true, LogLevel::kWarn},
    CodeRow{Code::kUnavailable, 503, 14, "Unavailable", true, LogLevel::kWarn},
    CodeRow{Code::kCancelled, 499, 1, "Cancelled"},
    CodeRow{Code::kDeadlineExceeded, 504, 4, "Deadline exceeded", false, LogLevel::kWarn, 408},
    CodeRow{Code::kDiskFull, 507, 8, "Disk full", true, LogLevel::kError},
    CodeRow{Code::kUnsupported, 501, 12, "Not offered by this version"},
    CodeRow{Code::kIoError, 500, 13, "Input/output error", false, LogLevel::kError},
    CodeRow{Code::kCorruption, 500, 15, "Data corruption", false, LogLevel::kError},
    CodeRow{Code::kInternal, 500, 13, "Internal error", false, LogLevel::kError},
};

}  // namespace

const CodeRow& RowOf(Code code) {
  const auto at = static_cast<std::size_t>(code);
  GRANARY_CHECK(at < kRows.size() && kRows[at].code == code, "code={}", at);
  return kRows[at];
}

std::span<const CodeRow> AllRows() { return kRows; }

}  // namespace granary::api
