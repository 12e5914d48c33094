#include "granary/net/response_head.h"

#include <charconv>
#include <cstdint>
#include <ctime>

#include <fmt/format.h>

namespace granary::net {
namespace {

void AppendHeader(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  for (const char c : value) out.push_back(c == '\r' || c == '\n' || c == '\0' ? ' ' : c);
  out.append("\r\n");
}

void AppendNumber(std::string& out, std::uint64_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, end.ptr);
}

// RFC 9110 §5.6.7, without the locale.
std::string DateHeader(std::time_t now) {
  constexpr std::string_view kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  return fmt::format("Date: {}, {:02} {} {} {:02}:{:02}:{:02} GMT\r\n", kDays[utc.tm_wday],
                     utc.tm_mday, kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                     utc.tm_sec);
}

// Written once a second and thread: it is a tenth of what a short answer costs.
void AppendDate(std::string& out) {
  thread_local std::time_t written = -1;
  thread_local std::string header;
  const std::time_t now = std::time(nullptr);
  if (now != written) {
    header = DateHeader(now);
    written = now;
  }
  out.append(header);
}

bool HasBody(int status) { return status >= 200 && status != 204 && status != 304; }

void AppendFraming(std::string& out, int status, const HeadOptions& options) {
  if (!HasBody(status)) return;
  if (options.framing == Framing::kChunked) out.append("Transfer-Encoding: chunked\r\n");
  if (options.framing == Framing::kLength) {
    out.append("Content-Length: ");
    AppendNumber(out, options.body_bytes);
    out.append("\r\n");
  }
}

}  // namespace

std::string MakeHead(const HttpResponse& response, const HeadOptions& options) {
  std::string out;
  out.reserve(256);
  out.append("HTTP/1.1 ");
  AppendNumber(out, static_cast<std::uint64_t>(response.status));
  out.append(" ").append(ReasonPhrase(response.status)).append("\r\n");
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
