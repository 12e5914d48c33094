#include "granary/hosting/content_rules.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "granary/base/utf8.h"
#include "granary/net/header_list.h"
#include "granary/net/quality_list.h"

namespace granary::hosting {
namespace {

using formats::TableFormat;

constexpr std::array kForms = {TableFormat::kNdjson, TableFormat::kCsv, TableFormat::kArrow,
                               TableFormat::kParquet, TableFormat::kEvents};

/// As nearly every request spells it: then there is nothing to read.
constexpr std::string_view kJsonType = "application/json";

using Parameters = std::span<const std::pair<std::string_view, std::string_view>>;

/// What is true of a form: bodies may say so, and answers may be asked for so.
Parameters ParametersOf(TableFormat format) {
  static constexpr std::pair<std::string_view, std::string_view> kOfCsv[] = {{"charset", "utf-8"},
                                                                             {"header", "present"}};
  const Parameters of_csv = kOfCsv;
  return format == TableFormat::kCsv ? of_csv : of_csv.first(1);
}

/// The one media type of a Content-Type; nothing when there is none or several.
std::optional<net::HeaderItem> MediaType(std::string_view content_type) {
  auto items = net::ParseHeaderList(content_type);
  if (items.size() != 1) return std::nullopt;
  return std::move(items[0]);
}

Status CheckParameters(const net::HeaderItem& type, TableFormat format) {
  const Parameters known = ParametersOf(format);
  for (const auto& [name, value] : type.parameters) {
    const auto found = std::ranges::find(known, name, [](const auto& one) { return one.first; });
    if (found != known.end() && net::InLowerCase(value) == found->second) continue;
    std::vector<std::string> taken;
    for (const auto& [k, v] : known) taken.push_back(fmt::format("{}={}", k, v));
    return {Code::kUnsupportedMediaType,
            fmt::format("Content-Type: the parameter {}={} of {} is not taken, but {} is",
                        Quotable(name), Quotable(value), type.value, fmt::join(taken, " or "))};
  }
  return Status::Ok();
}

}  // namespace

Status CheckJsonBody(const net::HttpRequest& request, std::string_view others) {
  const auto given = request.headers.Get("Content-Type");
  if (!given || *given == kJsonType) return Status::Ok();
  const auto type = MediaType(*given);
  if (type && type->value == kJsonType) return CheckParameters(*type, TableFormat::kJson);
  return {
      Code::kUnsupportedMediaType,
      fmt::format("Content-Type is '{}', expected application/json{}", Quotable(*given), others)};
}

Status CheckOptionalBody(const net::HttpRequest& request) {
  return request.body.empty() ? Status::Ok() : CheckJsonBody(request);
}

Result<std::optional<TableFormat>> StreamedBodyFormat(const net::HttpRequest& request) {
  const std::string_view given = request.headers.Get("Content-Type").value_or("");
  if (given == kJsonType) return std::optional<TableFormat>();
  const auto type = MediaType(given);
  if (!type) return std::optional<TableFormat>();
  const auto format = formats::FormatOfMediaType(type->value);
  const bool streams = format && *format != TableFormat::kJson && *format != TableFormat::kEvents;
  if (!streams) return std::optional<TableFormat>();
  GRANARY_TRY(CheckParameters(*type, *format));
  return format;
}

Result<api::AnswerForm> ChooseAnswerForm(const net::HttpRequest& request) {
  std::array<net::OfferedType, kForms.size()> types;
  std::ranges::transform(kForms, types.begin(), [](TableFormat format) {
    return net::OfferedType{formats::MediaTypeOf(format), ParametersOf(format)};
  });
  const std::string_view accept = request.headers.Get("Accept").value_or("");
  const auto chosen = net::ChooseMediaType(accept, types);
  if (!chosen) {
    std::array<std::string_view, kForms.size()> names;
    std::ranges::transform(kForms, names.begin(), formats::MediaTypeOf);
    return Status(Code::kNotAcceptable, fmt::format("Accept is '{}', offered are {}",
                                                    Quotable(accept), fmt::join(names, ", ")));
  }
  // Events are frames by nature.
  api::AnswerForm form{kForms[*chosen], kForms[*chosen] == TableFormat::kEvents};
  GRANARY_ASSIGN(const bool frames, BoolParameter(request, "frames", form.frames));
  if (form.format == TableFormat::kEvents && !frames) {
    return Status(Code::kInvalidArgument,
                  "frames=false, but each event of text/event-stream is a frame: leave it out, or "
                  "accept application/x-ndjson");
  }
  form.frames = frames;
  if (form.frames && form.format != TableFormat::kNdjson && form.format != TableFormat::kEvents) {
    return Status(Code::kInvalidArgument,
                  fmt::format("frames=true is for application/x-ndjson and text/event-stream, not "
                              "for {}",
                              formats::MediaTypeOf(form.format)));
  }
  return form;
}

Result<bool> BoolParameter(const net::HttpRequest& request, std::string_view name, bool fallback) {
  const auto text = request.QueryParameter(name);
  if (!text) return fallback;
  if (*text == "true" || *text == "false") return *text == "true";
  return Status(Code::kInvalidArgument,
                fmt::format("{} is '{}', expected true or false", name, Quotable(*text)));
}

}  // namespace granary::hosting
