#include "granary/net/http_exchange.h"

#include <algorithm>
#include <charconv>
#include <exception>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "granary/io/clock.h"
#include "granary/net/request_target.h"

namespace granary::net {
namespace {

constexpr std::int64_t kTimeoutMsMax = std::int64_t{365} * 24 * 3600 * 1000;

Result<std::optional<std::int64_t>> TimeoutMs(const Headers& headers) {
  const auto text = headers.Get("X-Timeout-Ms");
  if (!text) return std::optional<std::int64_t>();
  std::int64_t ms = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), ms);
  const bool digits =
      !text->empty() && std::ranges::all_of(*text, [](char c) { return c >= '0' && c <= '9'; });
  if (digits && error == std::errc::result_out_of_range) ms = kTimeoutMsMax;
  if (!digits || ms < 1) {
    return Status(Code::kInvalidArgument,
                  fmt::format("X-Timeout-Ms is '{}', expected a whole number of at least 1",
                              text->substr(0, 64)));
  }
  return std::optional(std::min(ms, kTimeoutMsMax));
}

}  // namespace

HttpExchange::~HttpExchange() {
  Uncharge();
  GiveBackPlace();
}

std::optional<HttpResponse> HttpExchange::Admit() {
  if (std::exchange(admitted, true) || !context.options.admit) return std::nullopt;
  try {
    Admission admission = context.options.admit(request);
    admitted_bytes_max = admission.body_bytes_max;
    return std::move(admission.refusal);
  } catch (const std::exception& e) {
    return context.refuse(Status::Internal(e.what()), std::nullopt, request.request_id);
  }
}

std::uint64_t HttpExchange::body_bytes_max() const {
  return std::min(admitted_bytes_max, context.options.body_bytes_max);
}

Status HttpExchange::BodyTooLarge() const {
  return {Code::kTooLarge, fmt::format("the body is larger than {} bytes", body_bytes_max())};
}

bool HttpExchange::TakePlace() {
  const std::size_t most = context.options.streamed_bodies_max;
  has_place = context.streamed_bodies.fetch_add(1, std::memory_order_relaxed) < most;
  if (!has_place) context.streamed_bodies.fetch_sub(1, std::memory_order_relaxed);
  return has_place;
}

void HttpExchange::GiveBackPlace() {
  if (std::exchange(has_place, false))
    context.streamed_bodies.fetch_sub(1, std::memory_order_relaxed);
}

Status HttpExchange::Charge(std::uint64_t bytes) {
  const std::uint64_t all = context.bodies_bytes.fetch_add(bytes) + bytes;
  charged_bytes += bytes;
  if (all > context.options.bodies_bytes_max) {
    return {Code::kOverloaded,
            fmt::format("the bodies of all requests take more than {} bytes: try again shortly",
                        context.options.bodies_bytes_max)};
  }
  if (context.options.bodies == nullptr) return Status::Ok();
  runtime::MemoryBudget& bodies = *context.options.bodies;
  if (const auto* refused_by = bodies.TryReserveSmall(bytes)) {
    refused_by->Press(bytes);  // Nobody waits here: for the next attempt.
    return runtime::OutOfMemory(*refused_by, bytes);
  }
  reserved_bytes += bytes;
  return Status::Ok();
}

void HttpExchange::Uncharge() {
  context.bodies_bytes.fetch_sub(std::exchange(charged_bytes, 0));
  const std::uint64_t reserved = std::exchange(reserved_bytes, 0);
  if (reserved > 0) context.options.bodies->Release(reserved);
}

Result<std::shared_ptr<HttpExchange>> MakeExchange(ConnectionContext& context,
                                                   const RequestHead& head) {
  auto exchange = std::make_shared<HttpExchange>(context);
  HttpRequest& request = exchange->request;
  request.request_id = context.ids.Choose(head.headers.Get("X-Request-Id"));
  GRANARY_ASSIGN(RequestTarget target, ParseTarget(head.target));
  GRANARY_ASSIGN(const auto timeout_ms, TimeoutMs(head.headers));
  request.method = head.method;
  request.path = std::move(target.path);
  request.query = std::move(target.query);
  request.headers = head.headers;
  if (timeout_ms) {
    request.cancel =
        runtime::CancelToken(io::SystemClock().MonotonicNanos() + *timeout_ms * 1'000'000);
  }
  exchange->http_1_1 = head.http_1_1;
  exchange->keep_alive = head.keep_alive && head.http_1_1;
  exchange->head_only = head.method == "HEAD";
  return exchange;
}

}  // namespace granary::net
