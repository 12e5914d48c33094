#include "granary/hosting/responses.h"

#include "granary/api/code_table.h"
#include "granary/api/problem.h"

namespace granary::hosting {

net::HttpResponse JsonResponse(std::string body, int status) {
  net::HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

net::HttpResponse ProblemResponse(const Status& status, const std::string& request_id,
                                  std::optional<int> http_status,
                                  std::int64_t retry_after_seconds) {
  const api::CodeRow& row = api::RowOf(status.code());
  net::HttpResponse response;
  response.status = http_status.value_or(row.http);
  response.content_type = "application/problem+json";
  response.body = api::ProblemJson(status, request_id, http_status);
  if (row.retry) response.headers.Set("Retry-After", std::to_string(retry_after_seconds));
  if (response.status == 401) response.headers.Set("WWW-Authenticate", "Bearer");
  return response;
}

}  // namespace granary::hosting
