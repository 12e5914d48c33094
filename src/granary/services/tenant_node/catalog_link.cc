#include "granary/services/tenant_node/catalog_link.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "granary/api/json_node.h"
#include "granary/api/json_object.h"
#include "granary/api/object_reader.h"
#include "granary/runtime/thread_priority.h"

namespace granary::services {
namespace {

constexpr std::int64_t kCatalogTimeoutMs = 5'000;
constexpr std::uint64_t kCatalogAnswerMax = 16u << 20;
constexpr std::size_t kCatalogDepth = 8;
constexpr int kPartsOfARound = 50;
constexpr std::int64_t kFirstWaitNs = 500'000'000, kLongestWaitNs = 30'000'000'000;
constexpr int kConflictStatus = 409, kTooLargeStatus = 413;

std::string CatalogWords(const net::ClientResponse& answer) {
  if (const auto problem = api::ParseJsonObject(answer.body, kCatalogDepth); problem.ok()) {
    for (const api::JsonMember& member : problem->members)
      if (member.name == "detail") return member.value.text;
  }
  return "no words";
}

storage::CompactionRule RuleOf(const api::CompactionPolicy& policy) {
  const auto bytes = [](const std::optional<double>& megabytes) -> std::optional<std::uint64_t> {
    if (!megabytes) return {};
    return static_cast<std::uint64_t>(*megabytes * static_cast<double>(1u << 20));
  };
  storage::CompactionRule rule;
  rule.automatic = policy.enabled;
  if (policy.interval_minutes)
    rule.interval_us = static_cast<std::int64_t>(*policy.interval_minutes * 60'000'000);
  rule.min_bytes = bytes(policy.min_file_size_mb);
  rule.target_bytes = bytes(policy.target_file_size_mb);
  rule.max_bytes = bytes(policy.max_file_size_mb);
  if (policy.window) rule.hours = DailyWindow::Parse(*policy.window).value_or(DailyWindow());
  return rule;
}

}  // namespace

Result<std::unique_ptr<CatalogLink>> CatalogLink::Start(CatalogLinkOptions options, Tenant& tenant,
                                                        const io::Clock& clock, Logger& log,
                                                        runtime::JobThreads* shared) {
  GRANARY_ASSIGN(auto client, net::HttpClient::Create(options.url, kCatalogTimeoutMs));
  client.set_limits({.body_bytes_max = kCatalogAnswerMax, .total_ms = kCatalogTimeoutMs});
  return std::unique_ptr<CatalogLink>(
      new CatalogLink(std::move(options), std::move(client), tenant, clock, log, shared));
}

CatalogLink::CatalogLink(CatalogLinkOptions options, net::HttpClient client, Tenant& tenant,
                         const io::Clock& clock, Logger& log, runtime::JobThreads* shared)
    : options_(std::move(options)),
      has_own_thread_(shared == nullptr),
      client_(std::move(client)),
      tenant_(tenant),
      clock_(clock),
      log_(log),
      news_(tenant, clock, {.statistics_interval_us = options_.statistics_interval_us}),
      orders_(tenant.store()) {
  job_ = std::make_unique<runtime::PeriodicJob>(
      "catalog-link", options_.interval, [this] { Run(); }, shared);
  job_->Poke();
}

CatalogLink::~CatalogLink() { job_->Stop(); }

void CatalogLink::Run() {
  if (has_own_thread_) {
    thread_local const bool gives_way = (runtime::GiveWay(), true);
    (void)gives_way;
  }
  const std::int64_t now_ns = clock_.MonotonicNanos();
  if (is_timed_ && now_ns - heard_ns_ > std::chrono::nanoseconds(kTimedWithoutCatalog).count())
    ApplyPolicies(/*timed=*/false);
  if (now_ns < retry_ns_) return;
  const Status talked = Talk();
  const std::string trouble(talked.message());
  if (talked.ok()) {
    heard_ns_ = now_ns;
    wait_ns_ = retry_ns_ = 0;
    if (policies_.timed != is_timed_) ApplyPolicies(policies_.timed);
    if (!was_heard_ || !trouble_.empty())
      log_.Info("the Metadata Catalog hears this node", {{"url", options_.url}});
    was_heard_ = true;
  } else {
    wait_ns_ = std::clamp(2 * wait_ns_, kFirstWaitNs, kLongestWaitNs);
    retry_ns_ = clock_.MonotonicNanos() + wait_ns_;
    if (trouble != trouble_) {
      log_.Warn("the Metadata Catalog does not hear this node, which goes on serving",
                {{"url", options_.url}, {"error", trouble}});
    }
  }
  trouble_ = trouble;
}

Status CatalogLink::Talk() {
  if (session_ == 0) GRANARY_TRY(OpenSession());
  for (int part = 0; part < kPartsOfARound; ++part) {
    if (part_.empty()) MakePart();
    GRANARY_TRY(Publish());
    if (!more_) break;
  }
  return Status::Ok();
}

Result<net::ClientResponse> CatalogLink::Send(std::string_view method, const std::string& target,
                                              const std::string& body) {
  net::Headers headers;
  headers.Set("Content-Type", "application/json");
  if (!options_.fleet_key.empty()) headers.Set("Authorization", "Bearer " + options_.fleet_key);
  return client_.Send(method, "/metadata/nodes/" + options_.node_id + target, body, headers);
}

Status CatalogLink::OpenSession() {
  std::string body;
  api::JsonObject object(body);
  object.Add("key", options_.node_key);
  object.Add("tenant_id", tenant_.id().str());
  object.Add("version", options_.version);
  object.Key("settings").append(options_.settings);
  object.Close();
  GRANARY_ASSIGN(const net::ClientResponse answer, Send("PUT", "", body));
  if (answer.status != 200) {
    return {Code::kUnavailable, fmt::format("HTTP {}: {}", answer.status, CatalogWords(answer))};
  }
  GRANARY_ASSIGN(const api::JsonNode node, api::ParseJsonObject(answer.body, kCatalogDepth));
  api::ObjectReader reader(node, "");
  GRANARY_ASSIGN(const auto session, reader.WholeNumber("session", 1, INT64_MAX));
  if (!session) return {Code::kUnavailable, "the catalog gave no session"};
  session_ = *session;
  ++sessions_;
  news_.ForgetAll();
  orders_.Clear();
  policies_.version = 0;
  return Status::Ok();
}

void CatalogLink::MakePart() {
  const News news = news_.Take();
  more_ = news.more;
  reported_ = orders_.Report();
  part_ = api::PublicationJson({.key = options_.node_key,
                                .tenant = tenant_.id().str(),
                                .session = session_,
                                .policies = policies_.version},
                               news, reported_);
}

Status CatalogLink::Publish() {
  GRANARY_ASSIGN(const net::ClientResponse answer, Send("POST", "/publications", part_));
  if (answer.status != 200) {
    Refused(answer);
    return {Code::kUnavailable, fmt::format("HTTP {}: {}", answer.status, CatalogWords(answer))};
  }
  part_.clear();
  ++parts_;
  orders_.Heard(reported_);
  GRANARY_ASSIGN(const api::CatalogAnswer said, api::ReadCatalogAnswer(answer.body));
  Obey(said);
  return Status::Ok();
}

// What was refused will be refused again: it begins anew. A catalog that only fails gets it again.
void CatalogLink::Refused(const net::ClientResponse& answer) {
  if (answer.status >= 500) return;
  session_ = 0;
  part_.clear();
  if (answer.status == kConflictStatus) wait_ns_ = 0;  // It lost its memory, and hears us soon.
  if (answer.status == kTooLargeStatus) news_.Halve();
}

void CatalogLink::Obey(const api::CatalogAnswer& answer) {
  for (const SourceId& source : answer.resend) news_.Forget(source);
  orders_.Start(answer.compactions);
  if (!answer.policies) return;
  policies_ = *answer.policies;
  ApplyPolicies(policies_.timed);
}

void CatalogLink::ApplyPolicies(bool timed) {
  is_timed_ = timed;
  storage::CompactionRules rules;
  rules.timed_elsewhere = timed;
  rules.others = RuleOf(policies_.others);
  for (const auto& [source, policy] : policies_.sources) rules.sources[source] = RuleOf(policy);
  tenant_.store().SetCompactionRules(std::move(rules));
}

}  // namespace granary::services
