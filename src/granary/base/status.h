// Status and Result<T>: how every fallible function in this project reports failure.
//
//   Status     "it worked", or one Code, a sentence for a person and, for bad input, the places.
//   Result<T>  a T, or the Status that says why there is none.
//
// Cost       an OK Status is one null shared_ptr (16 bytes, no allocation).
// Threads    immutable after construction, so sharing copies needs no lock.
// Not for    bugs. A broken invariant is GRANARY_CHECK (base/check.h), which stops the process.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace granary {

/// What a caller can do about a failure. The name in CodeName() is the `code` of the API's errors;
/// api/code_table.h has one row each (HTTP, gRPC, retry, log level).
enum class Code : std::uint8_t {
  kOk = 0,
  // The request is wrong and stays wrong: do not retry.
  kInvalidJson,     ///< Not JSON, not UTF-8, or nested too deep.
  kInvalidRequest,  ///< A member is missing or of the wrong shape.
  kUnknownMember,   ///< A member that the request does not have.
  kUnknownOperator,
  kUnknownColumn,
  kInvalidIdentifier,
  kInvalidLiteral,     ///< A filter's literal does not fit its column's type.
  kInvalidRecord,      ///< A record's value does not fit the schema.
  kInvalidDefinition,  ///< A source definition contradicts itself or names an unknown type.
  kInvalidPath,        ///< data_path outside the allowed roots.
  kInvalidArgument,    ///< A header, a query parameter, a flag.
  kTypeMismatch,       ///< An operation that the column's type lacks (sum of a string).
  kTooLarge,           ///< A body, batch, page or header over its limit.
  kUnsupportedMediaType,
  kNotAcceptable,  ///< No form of answer that Accept leaves room for.
  kMethodNotAllowed,
  kUnauthenticated,
  kPermissionDenied,
  // The named thing is not there, or in the way.
  kNotFound,  ///< No such endpoint, job or file.
  kSourceNotFound,
  kSourceConflict,        ///< The same id with another definition, or a folder that is taken.
  kConflict,              ///< Any other conflict: a locked folder, a schema that moved on.
  kIdempotencyKeyReused,  ///< The key came before, with another body.
  kCursorExpired,
  // Retry later.
  kQuotaExceeded,
  kOverloaded,   ///< A queue or the memory budget is full.
  kUnavailable,  ///< Not ready, shutting down, or a source that went read-only.
  kCancelled,
  kDeadlineExceeded,
  kDiskFull,
  // Ours.
  kUnsupported,  ///< Not offered by this version; answered by name.
  kIoError,      ///< The operating system refused; the message carries errno.
  kCorruption,   ///< Bytes on disk do not match their checksum: never retry, page someone.
  kInternal,
};

/// Returns the stable UPPER_SNAKE name ("INVALID_LITERAL") used in errors, logs and metrics.
std::string_view CodeName(Code code);

/// One place in a request that is wrong.
struct FieldError {
  std::string pointer;  ///< JSON Pointer (RFC 6901) into the request; empty means the whole of it.
  std::string detail;
  bool operator==(const FieldError&) const = default;
};

class [[nodiscard]] Status {
 public:
  Status() = default;  ///< OK.
  Status(Code code, std::string message, std::vector<FieldError> fields = {});

  static Status Ok() { return {}; }
  /// A failure at one place of the request: the message is "<pointer>: <detail>".
  static Status Invalid(Code code, std::string pointer, std::string detail);
  static Status Corruption(std::string m) { return {Code::kCorruption, std::move(m)}; }
  static Status IoError(std::string m) { return {Code::kIoError, std::move(m)}; }
  static Status Internal(std::string m) { return {Code::kInternal, std::move(m)}; }
  static Status Unsupported(std::string m) { return {Code::kUnsupported, std::move(m)}; }

  bool ok() const { return failure_ == nullptr; }
  Code code() const { return ok() ? Code::kOk : failure_->code; }
  std::string_view message() const { return ok() ? std::string_view{} : failure_->message; }
  const std::vector<FieldError>& fields() const;

  /// Returns the same failure with "<where>: " in front; an OK status stays OK.
  Status At(std::string_view where) const;

  /// "CORRUPTION: wal/000007.wal: crc mismatch at byte 40", or "OK".
  std::string ToString() const;

 private:
  struct Failure {
    Code code;
    std::string message;
    std::vector<FieldError> fields;
  };
  std::shared_ptr<const Failure> failure_;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}           // NOLINT: implicit on purpose
  Result(Status failure) : state_(std::move(failure)) {}  // NOLINT: implicit on purpose

  bool ok() const { return std::holds_alternative<T>(state_); }
  Status status() const { return ok() ? Status::Ok() : std::get<Status>(state_); }
  T& value() { return std::get<T>(state_); }
  const T& value() const { return std::get<T>(state_); }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T Take() { return std::move(std::get<T>(state_)); }

 private:
  std::variant<Status, T> state_;
};

/// Returns early when `expr` (a Status) failed.
#define GRANARY_TRY(expr)                                                        \
  do {                                                                           \
    if (::granary::Status granary_s = (expr); !granary_s.ok()) return granary_s; \
  } while (false)

#define GRANARY_CONCAT_INNER(a, b) a##b
#define GRANARY_CONCAT(a, b) GRANARY_CONCAT_INNER(a, b)

/// GRANARY_ASSIGN(auto x, Fallible()): binds the value, or returns the failure early.
#define GRANARY_ASSIGN(lhs, expr) \
  GRANARY_ASSIGN_INNER(GRANARY_CONCAT(granary_result_, __LINE__), lhs, expr)
#define GRANARY_ASSIGN_INNER(tmp, lhs, expr) \
  auto tmp = (expr);                         \
  if (!tmp.ok()) return tmp.status();        \
  lhs = tmp.Take()

}  // namespace granary
