#include "granary/services/metadata_catalog/routes.h"

#include <charconv>

#include <fmt/format.h>

#include "granary/base/ids.h"
#include "granary/base/utf8.h"

namespace granary::catalog {
namespace {

constexpr int kIcebergSegmentsMax = 8;

}  // namespace

void AddDeskRoute(const FindDesk& find, std::string method, std::string pattern,
                  DeskHandler handler, hosting::Router& router, std::vector<std::string> query) {
  router.Add({.method = std::move(method),
              .pattern = std::move(pattern),
              .handler = [find, handler = std::move(handler)](
                             hosting::RouteCall& call) -> Result<net::HttpResponse> {
                GRANARY_ASSIGN(const auto desk, find());
                return handler(*desk, call);
              },
              .query = std::move(query)});
}

// The Iceberg REST Catalog comes later; its place is kept.
void AddIcebergRoutes(hosting::Router& router) {
  std::string pattern = "/iceberg/v1";
  for (int segment = 1; segment <= kIcebergSegmentsMax; ++segment) {
    pattern += fmt::format("/{{part_{}}}", segment);
    for (const char* method : {"GET", "POST", "PUT", "DELETE"}) {
      router.Add({.method = method,
                  .pattern = pattern,
                  .handler = [](hosting::RouteCall&) -> Result<net::HttpResponse> {
                    return Status::Unsupported(
                        "the Iceberg REST Catalog (/iceberg/v1/…) is not offered by this version");
                  },
                  .any_query = true});
    }
  }
}

Result<std::string> PathIdentifier(const hosting::RouteCall& call, std::size_t at) {
  const std::string& text = call.parameters[at];
  if (IsIdentifier(text)) return text;
  return InvalidIdentifier(text);
}

Status CheckJson(const net::HttpRequest& request) {
  const std::string_view type = request.headers.Get("Content-Type").value_or("application/json");
  if (type.substr(0, type.find(';')) == "application/json") return Status::Ok();
  return {Code::kUnsupportedMediaType, "expected Content-Type application/json"};
}

Result<std::uint64_t> NumberQuery(const net::HttpRequest& request, std::string_view name,
                                  std::uint64_t least, std::uint64_t most,
                                  std::uint64_t otherwise) {
  const auto text = request.QueryParameter(name);
  if (!text) return otherwise;
  std::uint64_t value = 0;
  const char* last = text->data() + text->size();
  const auto [end, error] = std::from_chars(text->data(), last, value);
  if (error == std::errc() && end == last && value >= least && value <= most) return value;
  return Status(Code::kInvalidArgument,
                fmt::format("{} is '{}', allowed: a whole number from {} to {}", name,
                            Quotable(*text), least, most));
}

Result<std::optional<std::string>> IdentifierQuery(const net::HttpRequest& request,
                                                   std::string_view name) {
  const auto text = request.QueryParameter(name);
  if (!text) return std::optional<std::string>();
  if (IsIdentifier(*text)) return std::optional(std::string(*text));
  return Status(Code::kInvalidArgument,
                fmt::format("{}: {}", name, InvalidIdentifier(*text).message()));
}

}  // namespace granary::catalog
