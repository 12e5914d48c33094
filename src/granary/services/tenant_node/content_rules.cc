#include "granary/services/tenant_node/content_rules.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "granary/net/quality_list.h"

namespace granary::services {
namespace {

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

Status CheckJsonBody(const net::HttpRequest& request, std::string_view others) {
  const auto given = request.headers.Get("Content-Type");
  if (!given) return Status::Ok();
  const std::string type = MediaType(*given);
  if (type == "application/json" && !HasForeignCharset(*given)) return Status::Ok();
  return {Code::kUnsupportedMediaType,
          fmt::format("Content-Type is '{}', expected application/json{} (in UTF-8)",
                      given->substr(0, 128), others)};
}

Result<std::optional<formats::TableFormat>> StreamedBodyFormat(const net::HttpRequest& request) {
  using formats::TableFormat;
  const std::string_view given = request.headers.Get("Content-Type").value_or("");
  const auto format = formats::FormatOfMediaType(MediaType(given));
  const bool streams = format && *format != TableFormat::kJson && *format != TableFormat::kEvents;
  if (!streams) return std::optional<TableFormat>();
  if (HasForeignCharset(given)) {
    return Status(Code::kUnsupportedMediaType,
                  fmt::format("Content-Type is '{}', expected UTF-8", given.substr(0, 128)));
  }
  return format;
}

Result<AnswerForm> ChooseAnswerForm(const net::HttpRequest& request) {
  using formats::TableFormat;
  constexpr std::array kForms = {TableFormat::kNdjson, TableFormat::kCsv, TableFormat::kArrow,
                                 TableFormat::kParquet, TableFormat::kEvents};
  std::array<std::string_view, kForms.size()> types;
  std::ranges::transform(kForms, types.begin(), formats::MediaTypeOf);
  const std::string_view accept = request.headers.Get("Accept").value_or("");
  const auto chosen = net::ChooseMediaType(accept, types);
  if (!chosen) {
    return Status(Code::kNotAcceptable, fmt::format("Accept is '{}', offered are {}",
                                                    accept.substr(0, 128), fmt::join(types, ", ")));
  }
  AnswerForm form{kForms[*chosen], false};
  GRANARY_ASSIGN(form.frames, BoolParameter(request, "frames", false));
  if (form.frames && form.format != TableFormat::kNdjson) {
    return Status(Code::kInvalidArgument,
                  fmt::format("frames=true is for application/x-ndjson, not for {}",
                              formats::MediaTypeOf(form.format)));
  }
  return form;
}

Result<bool> BoolParameter(const net::HttpRequest& request, std::string_view name, bool fallback) {
  const auto text = request.QueryParameter(name);
  if (!text) return fallback;
  if (*text == "true" || *text == "false") return *text == "true";
  return Status(Code::kInvalidArgument,
                fmt::format("{} is '{}', expected true or false", name, text->substr(0, 64)));
}

}  // namespace granary::services
