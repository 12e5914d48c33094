#include "granary/services/tenant_node/content_rules.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace granary::services {
namespace {

constexpr std::array<std::string_view, 4> kTableTypes = {"application/x-ndjson", "text/csv",
                                                         "application/vnd.apache.arrow.stream",
                                                         "application/vnd.apache.parquet"};

std::string_view Trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

// "text/csv; charset=utf-8" -> "text/csv".
std::string MediaType(std::string_view value) {
  return Lower(Trimmed(value.substr(0, value.find(';'))));
}

bool HasForeignCharset(std::string_view value) {
  const std::string text = Lower(value);
  const auto at = text.find("charset=");
  if (at == std::string::npos) return false;
  std::string_view charset = std::string_view(text).substr(at + 8);
  charset = charset.substr(0, charset.find(';'));
  return Trimmed(charset) != "utf-8" && Trimmed(charset) != "\"utf-8\"";
}

}  // namespace

Status CheckJsonBody(const net::HttpRequest& request, bool offers_tables) {
  if (const auto encoding = request.headers.Get("Content-Encoding");
      encoding && Lower(*encoding) != "identity") {
    return Status::Unsupported(fmt::format("Content-Encoding: {} is not offered by this version",
                                           encoding->substr(0, 64)));
  }
  const auto given = request.headers.Get("Content-Type");
  if (!given) return Status::Ok();
  const std::string type = MediaType(*given);
  if (type == "application/json" && !HasForeignCharset(*given)) return Status::Ok();
  if (offers_tables && std::ranges::find(kTableTypes, type) != kTableTypes.end()) {
    return Status::Unsupported(
        fmt::format("a body of {} is not offered by this version, only application/json", type));
  }
  return {Code::kUnsupportedMediaType,
          fmt::format("Content-Type is '{}', expected application/json (in UTF-8)",
                      given->substr(0, 128))};
}

Status CheckStreamAccept(const net::HttpRequest& request) {
  const auto given = request.headers.Get("Accept");
  if (!given || Trimmed(*given).empty()) return Status::Ok();
  std::string_view rest = *given;
  while (!rest.empty()) {
    const auto end = std::min(rest.find(','), rest.size());
    const std::string type = MediaType(rest.substr(0, end));
    if (type == "application/x-ndjson" || type == "application/*" || type == "*/*")
      return Status::Ok();
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return Status::Unsupported(
      fmt::format("a stream as '{}' is not offered by this version, only application/x-ndjson",
                  given->substr(0, 128)));
}

}  // namespace granary::services
