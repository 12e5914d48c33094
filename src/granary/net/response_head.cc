#include "granary/net/response_head.h"

#include <ctime>

#include "granary/base/append_format.h"

namespace granary::net {
namespace {

void AppendHeader(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  for (const char c : value) out.push_back(c == '\r' || c == '\n' || c == '\0' ? ' ' : c);
  out.append("\r\n");
}

// RFC 9110 §5.6.7, without the locale.
void AppendDate(std::string& out) {
  constexpr std::string_view kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  AppendFormat(out, "Date: {}, {:02} {} {} {:02}:{:02}:{:02} GMT\r\n", kDays[utc.tm_wday],
               utc.tm_mday, kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
               utc.tm_sec);
}

bool HasBody(int status) { return status >= 200 && status != 204 && status != 304; }

void AppendFraming(std::string& out, int status, const HeadOptions& options) {
  if (!HasBody(status)) return;
  if (options.framing == Framing::kChunked) out.append("Transfer-Encoding: chunked\r\n");
  if (options.framing == Framing::kLength) {
    AppendFormat(out, "Content-Length: {}\r\n", options.body_bytes);
  }
}

}  // namespace

std::string MakeHead(const HttpResponse& response, const HeadOptions& options) {
  std::string out;
  out.reserve(256);
  AppendFormat(out, "HTTP/1.1 {} {}\r\n", response.status, ReasonPhrase(response.status));
  AppendDate(out);
  if (HasBody(response.status)) AppendHeader(out, "Content-Type", response.content_type);
  AppendFraming(out, response.status, options);
  if (!options.request_id.empty()) AppendHeader(out, "X-Request-Id", options.request_id);
  for (const auto& [name, value] : response.headers.all()) AppendHeader(out, name, value);
  if (!options.keep_alive) out.append("Connection: close\r\n");
  out.append("\r\n");
  return out;
}

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 499: return "Client Closed Request";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 507: return "Insufficient Storage";
    default: return "Unknown";
  }
}

}  // namespace granary::net
