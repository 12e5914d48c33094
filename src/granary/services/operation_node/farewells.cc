#include "granary/services/operation_node/farewells.h"

#include <utility>

#include <fmt/format.h>

#include "granary/hosting/service_name.h"
#include "granary/net/http_client.h"

namespace granary::operation {
namespace {

constexpr std::int64_t kForgetTimeoutMs = 5'000;
constexpr std::uint64_t kAnswerBytesMax = 64u << 10;
constexpr std::size_t kDetailBytesMax = 300;

}  // namespace

std::function<Status(const std::string& tenant)> ForgetOverHttp(ForgetCall call) {
  return [call = std::move(call)](const std::string& tenant) -> Status {
    GRANARY_ASSIGN(net::HttpClient client, net::HttpClient::Create(call.url, kForgetTimeoutMs));
    client.set_limits({.body_bytes_max = kAnswerBytesMax, .total_ms = kForgetTimeoutMs});
    net::Headers headers;
    if (!call.key.empty()) headers.Set("Authorization", "Bearer " + call.key);
    // A tenant's id is an identifier, so it needs no escaping.
    GRANARY_ASSIGN(const net::ClientResponse answer,
                   client.Send("DELETE", call.prefix + "/" + tenant, {}, headers));
    if (answer.headers.Get(hosting::kServiceHeader) != call.service)
      return Status(Code::kUnavailable,
                    fmt::format("what answers at {} is another service", call.url));
    if (answer.status == 204 || answer.status == 404) return Status::Ok();
    return Status(Code::kUnavailable, fmt::format("HTTP {}: {}", answer.status,
                                                  answer.body.substr(0, kDetailBytesMax)));
  };
}

void Farewells::Start() {
  job_ = std::make_unique<runtime::PeriodicJob>("farewells", kRetryEvery, [this] { Work(); });
}

void Farewells::Stop() { job_.reset(); }

Status Farewells::Tell(const std::string& tenant, bool has_node_ended) {
  if (listeners_.empty()) return Status::Ok();
  bool is_news = false;
  std::string waits;
  {
    const std::lock_guard lock(mutex_);
    const auto [entry, is_new] = farewells_.try_emplace(tenant);
    Farewell& farewell = entry->second;
    if (is_new) farewell.told.resize(listeners_.size());
    is_news = is_new || (has_node_ended && !farewell.has_node_ended);
    farewell.has_node_ended = has_node_ended;
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
      if (farewell.told[i].last) continue;
      waits += fmt::format("{}{} still has what it keeps of the tenant: {}",
                           waits.empty() ? "" : "; ", listeners_[i].name, farewell.told[i].why_not);
    }
    if (waits.empty()) farewells_.erase(entry);
  }
  if (waits.empty()) return Status::Ok();
  if (is_news && job_) job_->Poke();
  return {Code::kUnavailable, std::move(waits)};
}

void Farewells::Work() {
  std::vector<std::string> tenants;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [tenant, farewell] : farewells_) tenants.push_back(tenant);
  }
  for (const std::string& tenant : tenants)
    for (std::size_t i = 0; i < listeners_.size(); ++i) TellOne(tenant, i);
}

void Farewells::TellOne(const std::string& tenant, std::size_t listener) {
  bool has_node_ended = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = farewells_.find(tenant);
    if (found == farewells_.end()) return;
    const Told& told = found->second.told[listener];
    has_node_ended = found->second.has_node_ended;
    const bool is_due = has_node_ended ? !told.last : listeners_[listener].at_once && !told.early;
    if (!is_due) return;
  }
  const Status forgotten = listeners_[listener].forget(tenant);
  const std::lock_guard lock(mutex_);
  const auto found = farewells_.find(tenant);
  if (found == farewells_.end()) return;
  Told& told = found->second.told[listener];
  if (!forgotten.ok()) {
    told.why_not = forgotten.message();
    return;
  }
  told.early = true;
  told.last = has_node_ended;
}

}  // namespace granary::operation
