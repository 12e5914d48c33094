#include "granary/metadata/clickhouse_client.h"

#include <algorithm>

#include <fmt/format.h>

#include "granary/base/base64.h"
#include "granary/metadata/tab_separated.h"
#include "granary/net/request_target.h"

namespace granary::metadata {
namespace {

constexpr std::uint64_t kAnswerBytesMax = 1u << 30;
constexpr std::size_t kWordsMax = 300;
constexpr std::string_view kPlainText = "text/plain";
// It stands behind a carriage return, which is written as \r in a row: no row looks like it.
constexpr std::string_view kBoundary = "granary-rows";

// "Code: 241, e.displayText() = …": ErrorCodes.cpp.
Code CodeOfWords(std::string_view words, int http_status) {
  const auto is = [words](std::string_view number) {
    return words.starts_with(std::string("Code: ").append(number)) ||
           words.find(std::string("\nCode: ").append(number)) != std::string_view::npos;
  };
  if (is("243,") || is("243.")) return Code::kDiskFull;  // NOT_ENOUGH_SPACE
  if (http_status == 401 || http_status == 403 || is("192") || is("193") || is("194") ||
      is("497") || is("516"))
    return Code::kPermissionDenied;
  // TIMEOUT_EXCEEDED, TOO_MANY_SIMULTANEOUS_QUERIES, MEMORY_LIMIT_EXCEEDED, TABLE_IS_READ_ONLY,
  // TOO_MANY_PARTS
  for (const std::string_view passing : {"159", "202", "241", "242", "252"})
    if (is(passing)) return Code::kUnavailable;
  return http_status == 503 ? Code::kUnavailable : Code::kInternal;
}

std::string FirstWords(std::string_view text) {
  std::string out(text.substr(0, std::min(text.find('\n'), kWordsMax)));
  return out.empty() ? "no words" : out;
}

}  // namespace

Result<std::string> ClickHouseClient::Send(Query query, std::string_view body,
                                           std::string_view body_type) {
  if (!client_) {
    const std::string host =
        place_.host.find(':') == std::string::npos ? place_.host : "[" + place_.host + "]";
    GRANARY_ASSIGN(net::HttpClient client,
                   net::HttpClient::Create(
                       fmt::format("{}://{}:{}", place_.tls ? "https" : "http", host, place_.port),
                       place_.timeout_ms));
    client.set_limits({.body_bytes_max = kAnswerBytesMax, .total_ms = place_.timeout_ms});
    client_ = std::move(client);
  }
  // An answer begins once it is whole, so a failure in the middle is no 200.
  query.emplace_back("wait_end_of_query", "1");
  net::Headers headers;
  headers.Set("Content-Type", body_type);
  if (!place_.user.empty()) {
    headers.Set("Authorization",
                "Basic " + Base64Encode(fmt::format("{}:{}", place_.user, place_.password)));
  }
  Result<net::ClientResponse> answer =
      client_->Send("POST", net::FormatTarget("/", query), body, headers);
  if (!answer.ok()) {
    client_.reset();
    return Status(Code::kUnavailable, std::string(answer.status().message()));
  }
  if (answer->status == 200) return std::move(answer->body);
  return Status(CodeOfWords(answer->body, answer->status),
                fmt::format("HTTP {}: {}", answer->status, FirstWords(answer->body)));
}

Result<ClickHouseClient::Rows> ClickHouseClient::Ask(std::string_view sql, std::size_t columns) {
  GRANARY_ASSIGN(const std::string text,
                 Send({}, fmt::format("{} FORMAT TabSeparated", sql), kPlainText));
  return ParseTabSeparated(text, columns);
}

Status ClickHouseClient::Do(std::string_view sql) { return Send({}, sql, kPlainText).status(); }

// As an INSERT … SELECT from a table that comes with the request: unlike an INSERT with data it has
// a condition, and no profile's async_insert puts it off.
Status ClickHouseClient::Insert(const Insertion& insertion) {
  std::string columns;
  for (std::string_view rest = insertion.structure; !rest.empty();) {
    const std::string_view column = rest.substr(0, rest.find(','));
    columns.append(columns.empty() ? "" : ",").append(column.substr(0, column.rfind(' ')));
    rest.remove_prefix(std::min(column.size() + 1, rest.size()));
  }
  std::string body = fmt::format(
      "--{}\r\nContent-Disposition: form-data; name=\"sent\"; filename=\"sent\"\r\n"
      "Content-Type: text/plain\r\n\r\n",
      kBoundary);
  for (const auto& row : insertion.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) body.push_back('\t');
      AppendTabSeparated(row[i], body);
    }
    body.push_back('\n');
  }
  body += fmt::format("\r\n--{}--\r\n", kBoundary);
  // The rows are one block of the table that comes along, and stay one, whatever a profile says.
  Query query = {{"query", fmt::format("INSERT INTO {} SELECT {} FROM sent WHERE {}",
                                       insertion.table, columns, insertion.condition)},
                 {"sent_structure", insertion.structure},
                 {"sent_format", "TabSeparated"},
                 {"max_block_size", "65536"},
                 {"min_insert_block_size_rows", "1048576"},
                 {"min_insert_block_size_bytes", "268435456"},
                 {"query_id", insertion.query_id}};
  return Send(std::move(query), body, fmt::format("multipart/form-data; boundary={}", kBoundary))
      .status();
}

}  // namespace granary::metadata
