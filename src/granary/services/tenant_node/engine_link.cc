#include "granary/services/tenant_node/engine_link.h"

#include <utility>

#include <fmt/format.h>

#include "granary/api/feedback_json.h"
#include "granary/api/json_node.h"
#include "granary/api/object_reader.h"
#include "granary/hosting/service_name.h"

namespace granary::services {
namespace {

constexpr std::int64_t kEngineTimeoutMs = 5000;
constexpr std::uint64_t kAnswerMax = 4 << 20;  // A model has some hundred kilobytes at most.
constexpr std::size_t kPushMax = 500;
// In a round at most so much is pushed: the rest waits for the next.
constexpr int kPushesMax = 8;

/// Another service at that address would say 404, as the engine does before there is a model.
Status FromEngine(const net::ClientResponse& response) {
  const auto service = response.headers.Get(hosting::kServiceHeader);
  if (service == hosting::kCboEngine) return Status::Ok();
  return {Code::kUnavailable, fmt::format("what answers there is no CBO Engine but {}: see "
                                          "CBO_ENGINE_URL",
                                          service ? service->substr(0, 64) : "something else")};
}

Status Answered(const net::ClientResponse& response, std::string_view what) {
  GRANARY_TRY(FromEngine(response));
  if (response.status / 100 == 2) return Status::Ok();
  return {Code::kUnavailable,
          fmt::format("{}: {} {}", what, response.status, response.body.substr(0, 300))};
}

/// "refused" of what the engine answers.
std::uint64_t RefusedIn(std::string_view body) {
  const auto root = api::ParseJsonObject(body, 8);
  if (!root.ok()) return 0;
  api::ObjectReader object(*root, "");
  const auto refused = object.WholeNumber("refused", 0, kPushMax);
  return refused.ok() && *refused ? **refused : 0;
}

}  // namespace

Result<std::unique_ptr<EngineLink>> EngineLink::Start(EngineLinkOptions options,
                                                      QueryLearner& learner, Logger& log,
                                                      runtime::JobThreads* shared) {
  GRANARY_ASSIGN(auto client, net::HttpClient::Create(options.url, kEngineTimeoutMs));
  client.set_limits({.body_bytes_max = kAnswerMax, .total_ms = kEngineTimeoutMs});
  return std::unique_ptr<EngineLink>(
      new EngineLink(std::move(options), std::move(client), learner, log, shared));
}

EngineLink::EngineLink(EngineLinkOptions options, net::HttpClient client, QueryLearner& learner,
                       Logger& log, runtime::JobThreads* shared)
    : options_(std::move(options)), client_(std::move(client)), learner_(learner), log_(log) {
  job_ = std::make_unique<runtime::PeriodicJob>(
      "cbo-link", options_.interval, [this] { Run(); }, shared);
  job_->Poke();
}

EngineLink::~EngineLink() { job_->Stop(); }

void EngineLink::Run() {
  Status done = Push();
  if (done.ok()) done = Pull();
  if (done.ok() != is_reached_) {
    is_reached_ = done.ok();
    if (is_reached_)
      log_.Info("the CBO Engine answers", {{"url", options_.url}});
    else
      log_.Warn("the CBO Engine does not answer; plans go on with the model that they have",
                {{"url", options_.url}, {"error", done.ToString()}});
  }
}

Status EngineLink::Push() {
  for (int push = 0; push < kPushesMax; ++push) {
    auto records = learner_.TakeOutbox(kPushMax);
    if (records.empty()) break;
    net::Headers headers;
    headers.Set("Content-Type", "application/json");
    const auto response = client_.Send(
        "POST", "/feedback", api::FeedbackJson(options_.node, options_.tenant, records), headers);
    const Status told = response.ok() ? Answered(*response, "POST /feedback") : response.status();
    if (!told.ok()) {
      learner_.ReturnToOutbox(std::move(records));
      return told;
    }
    const std::uint64_t refused = RefusedIn(response->body);
    refused_ += refused;
    pushed_ += records.size() - refused;
  }
  return Status::Ok();
}

Status EngineLink::Pull() {
  GRANARY_ASSIGN(const auto response, client_.Send("GET", "/models/serving?format=text", {}));
  GRANARY_TRY(FromEngine(response));
  if (response.status == 404) return Status::Ok();  // None was promoted yet.
  GRANARY_TRY(Answered(response, "GET /models/serving"));
  auto model = query::ReadModel(response.body);
  Status adopted = model.status();
  if (model.ok()) {
    if (model->version() == learner_.model().version()) return Status::Ok();
    adopted = learner_.Adopt(model.Take());
  }
  if (adopted.ok()) {
    ++pulled_;
    return Status::Ok();
  }
  // A model that is not believed is no reason to stop telling.
  std::string why(adopted.message());
  if (why == refused_model_) return Status::Ok();
  log_.Warn("the CBO Engine's model is not believed", {{"url", options_.url}, {"why", why}});
  refused_model_ = std::move(why);
  return Status::Ok();
}

EngineLinkCounts EngineLink::counts() const {
  return {pushed_.load(), refused_.load(), pulled_.load()};
}

}  // namespace granary::services
