#include "granary/hosting/dispatcher.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "granary/api/code_table.h"
#include "granary/base/check.h"
#include "granary/hosting/responses.h"
#include "granary/hosting/service_name.h"
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
    return {Code::kInvalidArgument,
            fmt::format("{} {} has no query parameter '{}': {}", route.method, route.pattern,
                        name.substr(0, 64),
                        route.query.empty()
                            ? "it takes none"
                            : fmt::format("it takes {}", fmt::join(route.query, ", ")))};
  }
  return Status::Ok();
}

// What a body says that nobody reads must not be taken for heard: {"keep_data": true}.
Status CheckNoBody(const Route& route, const net::HttpRequest& request) {
  const bool takes_one = route.method != "GET" && route.method != "DELETE";
  if (takes_one || request.body.empty() || !route.needs_access) return Status::Ok();
  std::string told = fmt::format("{} {} takes no body, and one of {} bytes came: leave it out",
                                 route.method, route.pattern, request.body.size());
  if (!route.query.empty())
    told += fmt::format("; what may be said is in the query: {}", fmt::join(route.query, ", "));
  return {Code::kInvalidArgument, std::move(told)};
}

}  // namespace

struct Dispatcher::Outcome {
  std::string method = {}, path = {}, route = {}, request_id = {}, trace_id = {}, peer = {},
              allow = {};
  net::Headers problem_headers = {}, access_headers = {};
  std::optional<int> problem_status = {};
  std::int64_t start_ns = 0;
  bool is_probe = false;
  bool hides = false;           ///< The client was told less than the log is.
  bool may_name_files = false;  ///< The failure; what is refused before it can, names routes.
};

/// A request whose head is known: HttpRequest::admission from Admit to Handle.
struct Dispatcher::Entry {
  Outcome outcome;
  const Route* route = nullptr;
  std::vector<std::string> parameters = {};
  std::shared_ptr<const void> who = {};
  std::uint64_t body_bytes_max = ~std::uint64_t{0};
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

net::Admission Dispatcher::Admit(net::HttpRequest& request) const {
  auto entry = std::make_shared<Entry>(Entry{.outcome = {.method = request.method,
                                                         .path = request.path,
                                                         .route = "unknown",
                                                         .request_id = request.request_id,
                                                         .trace_id = TraceIdOf(request.headers),
                                                         .peer = request.peer,
                                                         .start_ns = clock_.MonotonicNanos()}});
  if (const Status status = Enter(request, *entry); !status.ok())
    return {.refusal = Problem(request, status, entry->outcome)};
  const std::uint64_t body_bytes_max = entry->body_bytes_max;
  request.admission = std::move(entry);
  return {.body_bytes_max = body_bytes_max};
}

Status Dispatcher::Enter(net::HttpRequest& request, Entry& entry) const {
  Outcome& outcome = entry.outcome;
  auto found = router_.Find(request.method, request.path, outcome.allow);
  const bool needs_access = !found.ok() || found->route->needs_access;
  Access access;
  outcome.may_name_files = true;
  const bool for_fleet = found.ok() && found->route->for_fleet && options_.check_fleet;
  const auto& check = for_fleet ? options_.check_fleet : options_.check_access;
  if (needs_access && check) access = check(request);
  outcome.access_headers = std::move(access.headers);
  GRANARY_TRY(access.status);
  outcome.may_name_files = false;
  if (!found.ok()) return found.status();
  entry.route = found->route;
  entry.parameters = std::move(found->parameters);
  entry.who = std::move(access.who);
  if (!needs_access || access.anybody) entry.body_bytes_max = kStrangersBodyBytesMax;
  outcome.route = entry.route->pattern;
  outcome.is_probe = !needs_access;
  return needs_access && !entry.route->any_query ? CheckQuery(*entry.route, request) : Status::Ok();
}

net::HttpResponse Dispatcher::Handle(net::HttpRequest& request) const {
  GRANARY_CHECK(request.admission != nullptr, "{} {}", request.method, request.path);
  const auto entry = std::static_pointer_cast<Entry>(std::move(request.admission));
  Outcome& outcome = entry->outcome;
  outcome.start_ns = clock_.MonotonicNanos();  // How slowly a body came is its client's doing.
  if (const Status status = CheckNoBody(*entry->route, request); !status.ok())
    return Problem(request, status, outcome);
  outcome.may_name_files = true;
  RouteCall call{request, std::move(entry->parameters), std::move(entry->who)};
  Result<net::HttpResponse> answer = entry->route->handler(call);
  if (!answer.ok()) {
    outcome.problem_headers = std::move(call.problem_headers);
    outcome.problem_status = call.problem_status;
    return Problem(request, answer.status(), outcome);
  }
  net::HttpResponse response = answer.Take();
  Name(response);
  for (const auto& [name, value] : outcome.access_headers.all()) {
    if (!response.headers.Get(name)) response.headers.Set(name, value);
  }
  if (!response.stream || request.method == "HEAD") {
    Record(outcome, response.status, Status::Ok());
    return response;
  }
  response.stream = [this, entry, http = response.status,
                     stream = std::move(response.stream)](net::BodySink& sink) {
    const Status status = stream(sink);
    const Status told = Told(status);
    entry->outcome.hides = told.message() != status.message();
    Record(entry->outcome, status.ok() ? http : api::RowOf(status.code()).http, status);
    return told;
  };
  return response;
}

net::HttpResponse Dispatcher::Problem(const net::HttpRequest& request, const Status& failure,
                                      Outcome& outcome) const {
  // The failure says what came of the part of a body that was there.
  std::optional<int> http_status = outcome.problem_status;
  if (request.body_source != nullptr && request.body_source->timed_out()) http_status = 408;
  const Status told = outcome.may_name_files ? Told(failure) : failure;
  net::HttpResponse response =
      ProblemResponse(told, request.request_id, http_status, RetryAfter(failure, outcome.route));
  Name(response);
  outcome.hides = told.message() != failure.message();
  if (!outcome.allow.empty()) response.headers.Set("Allow", outcome.allow);
  for (const net::Headers* headers : {&outcome.access_headers, &outcome.problem_headers}) {
    for (const auto& [name, value] : headers->all()) response.headers.Set(name, value);
  }
  Record(outcome, response.status, failure);
  return response;
}

net::HttpResponse Dispatcher::Refuse(const Status& status, std::optional<int> http_status,
                                     const std::string& request_id) const {
  // What a library threw may name a file; any other refusal is about the request alone.
  const Status told = status.code() == Code::kInternal ? Told(status) : status;
  net::HttpResponse response =
      ProblemResponse(told, request_id, http_status, RetryAfter(status, "refused"));
  Name(response);
  const Outcome outcome{.method = "unknown",
                        .route = "refused",
                        .request_id = request_id,
                        .start_ns = clock_.MonotonicNanos()};
  Record(outcome, response.status, status);
  return response;
}

void Dispatcher::Name(net::HttpResponse& response) const {
  if (!options_.service.empty()) response.headers.Set(kServiceHeader, options_.service);
}

net::HandlerLane Dispatcher::LaneOf(const net::HttpRequest& request) const {
  std::string allow;
  const auto found = router_.Find(request.method, request.path, allow);
  // That a request is refused is found out in its lane, and check_access may take its time.
  if (!found.ok()) return net::HandlerLane::kOrdinary;
  return found->route->needs_access ? found->route->lane : net::HandlerLane::kUrgent;
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
