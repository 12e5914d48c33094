#include "granary/hosting/dispatcher.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "granary/api/code_table.h"
#include "granary/hosting/responses.h"
#include "granary/hosting/trace_context.h"

namespace granary::hosting {
namespace {

// A misspelt parameter must not be taken for one that was left out (?keep_dat=true).
Status CheckQuery(const Route& route, const net::HttpRequest& request) {
  std::vector<std::string_view> seen;
  for (const auto& [name, value] : request.query) {
    if (std::ranges::find(route.query, name) != route.query.end()) {
      // Which one counts is a guess that two parties make differently.
      if (std::ranges::find(seen, name) != seen.end()) {
        return {Code::kInvalidArgument,
                fmt::format("the query parameter {} is given twice: give it once", name)};
      }
      seen.push_back(name);
      continue;
    }
    if (std::ranges::find(route.later_query, name) != route.later_query.end()) {
      return Status::Unsupported(
          fmt::format("the query parameter {} is not offered by this version", name));
    }
    return {Code::kInvalidArgument, fmt::format("{} {} has no query parameter '{}'", route.method,
                                                route.pattern, name.substr(0, 64))};
  }
  return Status::Ok();
}

}  // namespace

struct Dispatcher::Outcome {
  std::string method, path, route, request_id, trace_id, peer, allow;
  net::Headers problem_headers = {}, access_headers = {};
  std::optional<int> problem_status = {};
  std::int64_t start_ns = 0;
  bool is_probe = false;
  bool hides = false;         ///< The client was told less than the log is.
  bool from_handler = false;  ///< Which may name files; what is refused before names routes.
};

Dispatcher::Dispatcher(Logger& log, const io::Clock& clock, Metrics& metrics, Router router,
                       DispatcherOptions options)
    : log_(log),
      clock_(clock),
      metrics_(metrics),
      router_(std::move(router)),
      options_(std::move(options)) {}

Status Dispatcher::Told(const Status& failure) const {
  return options_.told ? options_.told(failure) : failure;
}

std::int64_t Dispatcher::RetryAfter(const Status& failure, std::string_view route) const {
  return options_.retry_after_seconds ? options_.retry_after_seconds(failure, route) : 1;
}

net::HttpResponse Dispatcher::Handle(net::HttpRequest& request) const {
  Outcome outcome{.method = request.method,
                  .path = request.path,
                  .route = "unknown",
                  .request_id = request.request_id,
                  .trace_id = TraceIdOf(request.headers),
                  .peer = request.peer,
                  .allow = {},
                  .problem_headers = {},
                  .access_headers = {},
                  .problem_status = {},
                  .start_ns = clock_.MonotonicNanos(),
                  .is_probe = false,
                  .hides = false,
                  .from_handler = false};
  Result<net::HttpResponse> answer = Answer(request, outcome);
  if (!answer.ok()) {
    // The failure says what came of the part of a body that was there.
    std::optional<int> http_status = outcome.problem_status;
    if (request.body_source != nullptr && request.body_source->timed_out()) http_status = 408;
    const Status told = outcome.from_handler ? Told(answer.status()) : answer.status();
    net::HttpResponse response = ProblemResponse(told, request.request_id, http_status,
                                                 RetryAfter(answer.status(), outcome.route));
    outcome.hides = told.message() != answer.status().message();
    if (!outcome.allow.empty()) response.headers.Set("Allow", outcome.allow);
    for (const auto& headers : {outcome.access_headers, outcome.problem_headers}) {
      for (const auto& [name, value] : headers.all()) response.headers.Set(name, value);
    }
    Record(outcome, response.status, answer.status());
    return response;
  }
  net::HttpResponse response = answer.Take();
  for (const auto& [name, value] : outcome.access_headers.all()) {
    if (!response.headers.Get(name)) response.headers.Set(name, value);
  }
  if (!response.stream || request.method == "HEAD") {
    Record(outcome, response.status, Status::Ok());
    return response;
  }
  response.stream = [this, outcome, http = response.status,
                     stream = std::move(response.stream)](net::BodySink& sink) {
    const Status status = stream(sink);
    const Status told = Told(status);
    Outcome ended = outcome;
    ended.hides = told.message() != status.message();
    Record(ended, status.ok() ? http : api::RowOf(status.code()).http, status);
    return told;
  };
  return response;
}

Result<net::HttpResponse> Dispatcher::Answer(net::HttpRequest& request, Outcome& outcome) const {
  auto found = router_.Find(request.method, request.path, outcome.allow);
  const bool needs_access = !found.ok() || found->route->needs_access;
  Access access;
  if (needs_access && options_.check_access) access = options_.check_access(request);
  outcome.access_headers = std::move(access.headers);
  GRANARY_TRY(access.status);
  if (!found.ok()) return found.status();
  const Route& route = *found->route;
  outcome.route = route.pattern;
  outcome.is_probe = !route.needs_access;
  if (route.needs_access && !route.any_query) GRANARY_TRY(CheckQuery(route, request));
  outcome.from_handler = true;
  RouteCall call{request, std::move(found->parameters), std::move(access.who)};
  Result<net::HttpResponse> answer = route.handler(call);
  outcome.problem_headers = std::move(call.problem_headers);
  outcome.problem_status = call.problem_status;
  return answer;
}

net::HttpResponse Dispatcher::Refuse(const Status& status, std::optional<int> http_status,
                                     const std::string& request_id) const {
  // What a library threw may name a file; any other refusal is about the request alone.
  const Status told = status.code() == Code::kInternal ? Told(status) : status;
  const net::HttpResponse response =
      ProblemResponse(told, request_id, http_status, RetryAfter(status, "refused"));
  const Outcome outcome{.method = "unknown",
                        .path = {},
                        .route = "refused",
                        .request_id = request_id,
                        .trace_id = {},
                        .peer = {},
                        .allow = {},
                        .problem_headers = {},
                        .access_headers = {},
                        .problem_status = {},
                        .start_ns = clock_.MonotonicNanos(),
                        .is_probe = false,
                        .hides = false,
                        .from_handler = false};
  Record(outcome, response.status, status);
  return response;
}

net::HandlerLane Dispatcher::LaneOf(const net::HttpRequest& request) const {
  std::string allow;
  const auto found = router_.Find(request.method, request.path, allow);
  if (!found.ok() || !found->route->needs_access) return net::HandlerLane::kUrgent;
  return found->route->lane;
}

void Dispatcher::Record(const Outcome& outcome, int http_status, const Status& status) const {
  const double seconds = static_cast<double>(clock_.MonotonicNanos() - outcome.start_ns) / 1e9;
  // A method that no route has must not make a series of its own.
  const bool known = outcome.route != "unknown";
  metrics_.CountRequest(known ? outcome.method : "any", outcome.route, http_status, seconds);
  // Whoever asks for health every second has the answer already. What a client was not told, the
  // log must have.
  const bool is_news = (http_status >= 500 || outcome.hides) && !outcome.is_probe;
  const LogLevel level = is_news ? api::RowOf(status.code()).log : LogLevel::kDebug;
  if (!log_.Enabled(level)) return;
  log_.Write(level, status.ok() ? std::string_view("request") : status.message(),
             {{"request_id", outcome.request_id},
              {"trace_id", outcome.trace_id},
              {"method", outcome.method},
              {"path", outcome.path},
              {"status", http_status},
              {"code", CodeName(status.code())},
              {"ms", seconds * 1000},
              {"peer", outcome.peer}});
}

}  // namespace granary::hosting
