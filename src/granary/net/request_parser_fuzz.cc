// One HTTP request: its head, its target, and its body when that is chunked. The first byte is the
// size of the pieces in which the body comes.
//
// Promises   a body that comes in pieces is the one that comes whole; a body keeps to its limit;
//            nothing that is read holds what could end a line or a text early; a target that is
//            taken apart is the same when written out again.
#include <fmt/format.h>

#include <string>

#include "granary/base/check.h"
#include "granary/base/utf8.h"
#include "granary/net/request_parser.h"
#include "granary/net/request_target.h"
#include "granary/testing/fuzz_target.h"

namespace granary::net {
namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::uint64_t kBodyBytesMax = 256;

void CheckRefused(const Status& refusal) {
  GRANARY_CHECK(refusal.code() == Code::kInvalidArgument || refusal.code() == Code::kUnsupported ||
                    refusal.code() == Code::kTooLarge,
                "{}", refusal.ToString());
}

std::string Escaped(std::string_view text, bool keep_slashes) {
  std::string out;
  for (const char c : text)
    out += c == '/' && keep_slashes ? "/" : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return out;
}

void CheckTarget(std::string_view text) {
  const auto target = ParseTarget(text);
  if (!target.ok()) return CheckRefused(target.status());
  GRANARY_CHECK(target->path.starts_with('/') && IsValidUtf8(target->path));
  std::string written = Escaped(target->path, true);
  for (std::size_t i = 0; i < target->query.size(); ++i) {
    const auto& [name, value] = target->query[i];
    written +=
        fmt::format("{}{}={}", i == 0 ? "?" : "&", Escaped(name, false), Escaped(value, false));
  }
  const auto again = ParseTarget(written);
  GRANARY_CHECK(again.ok() && again->path == target->path && again->query == target->query, "{}",
                written);
}

void CheckHead(const RequestHead& head) {
  const std::string_view ends("\r\n\0", 3);
  GRANARY_CHECK(!head.method.empty() && !head.target.empty());
  GRANARY_CHECK(head.target.find_first_of(ends) == std::string::npos);
  GRANARY_CHECK(!head.chunked || head.content_length == 0);
  GRANARY_CHECK(!head.http_1_1 || head.headers.Get("host").has_value());
  for (const auto& [name, value] : head.headers.all()) {
    GRANARY_CHECK(!name.empty() && name.find_first_of(": \t\r\n") == std::string::npos);
    GRANARY_CHECK(value.find_first_of(ends) == std::string::npos, "{}: {}", name, value);
    GRANARY_CHECK(head.headers.Get(name) == value, "{} stands twice", name);
  }
}

struct Body {
  enum class End { kDone, kUnfinished, kRefused } end = End::kUnfinished;
  std::string bytes;
  std::string left;  ///< What follows it.
  bool operator==(const Body&) const = default;
};

/// As a connection does it: what was not used comes again, with more behind it.
Body ReadChunked(std::string_view head, std::string_view rest, std::size_t piece_bytes) {
  RequestParser parser(kBodyBytesMax);
  GRANARY_CHECK(parser.ParseHead(head).ok());
  Body body;
  std::string in;
  do {
    in += rest.substr(0, piece_bytes);
    rest.remove_prefix(std::min(piece_bytes, rest.size()));
    const auto used = parser.FeedChunked(in);
    if (!used.ok()) {
      CheckRefused(used.status());
      return {Body::End::kRefused, {}, {}};
    }
    GRANARY_CHECK(*used <= in.size());
    in.erase(0, *used);
  } while (!parser.done() && !rest.empty());
  if (!parser.done()) return {Body::End::kUnfinished, {}, {}};
  body.end = Body::End::kDone;
  body.bytes = parser.TakeChunkedBody();
  GRANARY_CHECK(body.bytes.size() <= kBodyBytesMax);
  body.left = in + std::string(rest);
  return body;
}

void Run(testing::FuzzInput input) {
  const std::size_t piece_bytes = std::size_t{input.Byte()} + 1;
  const std::string_view request = input.rest();
  const auto end = request.find(kHeadEnd);
  if (end == std::string_view::npos) return CheckTarget(request);
  const std::string_view head = request.substr(0, end + kHeadEnd.size());
  const std::string_view rest = request.substr(head.size());
  RequestParser parser(kBodyBytesMax);
  const auto parsed = parser.ParseHead(head);
  if (!parsed.ok()) return CheckRefused(parsed.status());
  CheckHead(*parsed);
  CheckTarget(parsed->target);
  if (!parsed->chunked) return;
  const Body whole = ReadChunked(head, rest, rest.size() + 1);
  const Body pieces = ReadChunked(head, rest, piece_bytes);
  // The parser looks for the end of a chunk's line in what is there before it judges what is in
  // front of it, so one that is no body may be refused sooner or later. It is never taken.
  if (whole.end != Body::End::kDone && pieces.end != Body::End::kDone) return;
  GRANARY_CHECK(whole == pieces, "whole: {} '{}' '{}', in pieces of {}: {} '{}' '{}'",
                static_cast<int>(whole.end), whole.bytes, whole.left, piece_bytes,
                static_cast<int>(pieces.end), pieces.bytes, pieces.left);
}

}  // namespace
}  // namespace granary::net

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  granary::net::Run({data, size});
  return 0;
}
