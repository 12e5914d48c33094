#include "granary/json/minified_text.h"

#include <cstddef>
#include <cstring>

namespace granary::json {
namespace {

bool EndsScalar(char c) { return c == ',' || c == '}' || c == ']'; }

}  // namespace

const char* SkipString(const char* at, const char* end) {
  for (const char* from = at + 1; from < end;) {
    const auto* quote =
        static_cast<const char*>(std::memchr(from, '"', static_cast<std::size_t>(end - from)));
    if (quote == nullptr) return nullptr;
    // An odd number of backslashes in front escapes it.
    const char* before = quote;
    while (before > at + 1 && before[-1] == '\\') --before;
    if (((quote - before) & 1) == 0) return quote + 1;
    from = quote + 1;
  }
  return nullptr;
}

const char* SkipValue(const char* at, const char* end) {
  if (at == nullptr || at >= end) return nullptr;
  if (*at == '"') return SkipString(at, end);
  if (*at != '{' && *at != '[') {
    const char* behind = at;
    while (behind < end && !EndsScalar(*behind)) ++behind;
    return behind == at ? nullptr : behind;
  }
  std::size_t depth = 0;
  while (at < end) {
    switch (*at) {
      case '"':
        at = SkipString(at, end);
        if (at == nullptr) return nullptr;
        continue;
      case '{':
      case '[': ++depth; break;
      case '}':
      case ']':
        if (--depth == 0) return at + 1;
        break;
      default: break;
    }
    ++at;
  }
  return nullptr;
}

bool MemberWalk::Next() {
  if (at_ == nullptr || at_ >= end_) {
    at_ = nullptr;
    return false;
  }
  if (*at_ == '}') {
    ++at_;
    return false;
  }
  if (!first_) {
    if (*at_ != ',') {
      at_ = nullptr;
      return false;
    }
    ++at_;
  }
  first_ = false;
  const char* behind = at_ < end_ && *at_ == '"' ? SkipString(at_, end_) : nullptr;
  if (behind == nullptr || behind + 1 >= end_ || *behind != ':') {
    at_ = nullptr;
    return false;
  }
  key_ = {at_ + 1, static_cast<std::size_t>(behind - at_) - 2};
  value_ = behind + 1;
  return true;
}

}  // namespace granary::json
