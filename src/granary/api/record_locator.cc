#include "granary/api/record_locator.h"

#include <fmt/format.h>

#include "granary/api/container_end.h"

namespace granary::api {
namespace {

constexpr std::string_view kName = "\"records\"";
constexpr std::size_t kMembersMax =
    64;  // Far more than a write has; bounds what a hostile body costs.

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  char Peek() {
    while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  void Skip() { ++at_; }
  std::size_t at() const { return at_; }

  /// Steps over one value; false when it does not end.
  bool SkipValue() {
    const char c = Peek();
    if (c == '"') return SkipString();
    if (c == '[' || c == '{') return SkipContainer();
    const std::size_t begin = at_;
    while (at_ < text_.size() && !IsSpace(text_[at_]) && text_[at_] != ',' && text_[at_] != '}' &&
           text_[at_] != ']')
      ++at_;
    return at_ > begin;
  }

  bool SkipString() {
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\')
        ++at_;
      else if (text_[at_] == '"')
        return ++at_, true;
    }
    return false;
  }

 private:
  static bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

  bool SkipContainer() {
    at_ = ContainerEnd(text_, at_);
    return at_ != text_.npos;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

Status NotJson(std::size_t at, std::string_view expected) {
  return {Code::kInvalidJson,
          fmt::format("the body is not JSON: expected {} at byte {}", expected, at)};
}

}  // namespace

Result<LocatedRecords> LocateRecords(std::string_view body) {
  LocatedRecords out;
  Scanner scan(body);
  if (scan.Peek() == '\0')
    return Status(Code::kInvalidJson, "the body is empty, expected a JSON object");
  if (scan.Peek() != '{') return Status(Code::kInvalidRequest, "the body is not a JSON object");
  scan.Skip();
  std::size_t copied = 0;
  for (std::size_t members = 0; scan.Peek() != '}'; ++members) {
    if (members == kMembersMax)
      return Status(Code::kTooLarge, fmt::format("the body has more than {} members", kMembersMax));
    const char before = scan.Peek();
    const std::size_t name_begin = scan.at();
    if (before != '"' || !scan.SkipString()) return NotJson(name_begin, "a member's name");
    const bool is_records = body.substr(name_begin, scan.at() - name_begin) == kName;
    if (scan.Peek() != ':') return NotJson(scan.at(), "':'");
    scan.Skip();
    const bool is_array = scan.Peek() == '[';
    const std::size_t begin = scan.at();
    if (!scan.SkipValue()) return NotJson(begin, "a value that ends");
    if (is_records && is_array) {
      out.records = body.substr(begin, scan.at() - begin);
      out.envelope.append(body.substr(copied, begin - copied)).append("[]");
      copied = scan.at();
    }
    if (scan.Peek() == ',')
      scan.Skip();
    else if (scan.Peek() != '}')
      return NotJson(scan.at(), "',' or '}'");
  }
  out.envelope.append(body.substr(copied));
  return out;
}

}  // namespace granary::api
