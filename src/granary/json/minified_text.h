// Stepping through minified JSON: a text that AppendMinified wrote, so nothing of it is checked but
// that the steps stay inside it. What is no such text ends in a null pointer or in a value that
// spans what it should not, never outside.
//
// Why        a document that is taken apart for its columns, or put together of them, is walked
//            byte by byte once more; a parser would copy it, index it and unescape what is copied
//            as it stands.
// Threads    pure functions.
#pragma once

#include <string_view>

namespace granary::json {

/// `at` is at an opening quote: behind the closing one, or null when there is none before `end`.
const char* SkipString(const char* at, const char* end);

/// `at` is at the first byte of a value: behind its last one, or null.
const char* SkipValue(const char* at, const char* end);

/// The members of an object, one after the other.
class MemberWalk {
 public:
  /// `at` is behind the opening brace.
  MemberWalk(const char* at, const char* end) : at_(at), end_(end) {}

  /// True when there is another member: then key() and value() tell. The caller moves on with
  /// Leave(behind its value). False at the closing brace, where at() is behind it, or when the text
  /// is none, where at() is null.
  bool Next();
  void Leave(const char* behind) { at_ = behind; }

  std::string_view key() const { return key_; }  ///< As it stands, without its quotes.
  const char* value() const { return value_; }
  const char* at() const { return at_; }

 private:
  const char* at_;
  const char* const end_;
  std::string_view key_;
  const char* value_ = nullptr;
  bool first_ = true;
};

}  // namespace granary::json
