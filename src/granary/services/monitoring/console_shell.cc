#include "granary/services/monitoring/console_shell.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "granary/net/quality_list.h"

namespace granary::services {
namespace {

// Of the page; harmless on the other files, and they are then never a page of another kind.
constexpr std::string_view kContentPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types svelte-trusted-html";

bool Wants(const std::vector<net::QualityItem>& codings, std::string_view name) {
  const auto found = std::ranges::find(codings, name, &net::QualityItem::value);
  return found != codings.end() && found->thousandths > 0;
}

// Weak comparison; an entity tag of ours has no comma.
bool HasTag(std::string_view if_none_match, std::string_view tag) {
  return if_none_match == "*" || if_none_match.find(tag) != std::string_view::npos;
}

}  // namespace

net::HttpResponse ConsoleAnswer(const ConsoleFile& file, std::string_view accept_encoding,
                                std::string_view if_none_match) {
  net::HttpResponse response;
  response.content_type = file.content_type;
  net::Headers& headers = response.headers;
  // One tag for all forms of a file: weak, since their bytes differ.
  const std::string tag = fmt::format("\"{}\"", file.hash);
  headers.Set("ETag", "W/" + tag);
  headers.Set("Cache-Control", file.immutable ? "public, max-age=31536000, immutable" : "no-cache");
  headers.Set("Content-Security-Policy", kContentPolicy);
  headers.Set("X-Content-Type-Options", "nosniff");
  headers.Set("Referrer-Policy", "no-referrer");
  headers.Set("Cross-Origin-Opener-Policy", "same-origin");
  headers.Set("Cross-Origin-Resource-Policy", "same-origin");
  if (HasTag(if_none_match, tag)) {
    response.status = 304;
    headers.Set("Vary", "Accept-Encoding");
    return response;
  }
  const auto codings = net::ParseQualityList(accept_encoding);
  if (!file.brotli.empty() && Wants(codings, "br")) {
    headers.Set("Content-Encoding", "br");
    response.body = file.brotli;
  } else if (!file.gzip.empty() && Wants(codings, "gzip")) {
    headers.Set("Content-Encoding", "gzip");
    response.body = file.gzip;
  } else {
    response.body = file.plain;
    return response;  // The server may still compress it, and says what it varies by.
  }
  headers.Set("Vary", "Accept-Encoding");
  return response;
}

void AddConsoleShell(hosting::Router& router) {
  for (const ConsoleFile& file : ConsoleFiles()) {
    router.Add({.method = "GET",
                .pattern = std::string(file.path),
                .handler = [&file](hosting::RouteCall& call) -> Result<net::HttpResponse> {
                  const net::Headers& sent = call.request.headers;
                  return ConsoleAnswer(file, sent.Get("Accept-Encoding").value_or(""),
                                       sent.Get("If-None-Match").value_or(""));
                },
                .needs_access = false});
  }
}

}  // namespace granary::services
