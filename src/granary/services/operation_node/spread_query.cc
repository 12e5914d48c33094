#include "granary/services/operation_node/spread_query.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "granary/api/json_object.h"
#include "granary/query/exec/merged_groups.h"

namespace granary::operation {
namespace {

PassedOn PassedOnOf(const net::HttpRequest& request) {
  return {request.request_id, std::string(request.headers.Get("traceparent").value_or("")),
          std::string(request.headers.Get("tracestate").value_or(""))};
}

/// Calls `each(i)` for 0 … count - 1, so many at once.
template <typename Each>
void SideBySide(std::size_t count, std::size_t at_once, const Each& each) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < count; i = next++) each(i);
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < std::min(count, at_once); ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

Status OfTenant(const std::string& tenant, const Status& why) {
  return {why.code(), fmt::format("tenant '{}': {}", tenant, why.message()), why.fields()};
}

Status AsTold(const Status& why) {
  switch (why.code()) {
    case Code::kCorruption:
    case Code::kIoError:
    case Code::kInternal:
    case Code::kCancelled:
      return {Code::kUnavailable, "its node broke off its answer, or gave one that is none"};
    default: return why;
  }
}

bool IsNodesFailure(const Status& why) {
  switch (why.code()) {
    case Code::kUnavailable:
    case Code::kOverloaded:
    case Code::kQuotaExceeded:
    case Code::kDeadlineExceeded:
    case Code::kCancelled:
    case Code::kIoError:
    case Code::kDiskFull:
    case Code::kCorruption:
    case Code::kUnsupported:
    case Code::kInternal: return true;
    default: return false;
  }
}

SpreadQuery::SpreadQuery(Desk& desk, net::HttpRequest& request, api::Spread spread,
                         std::vector<SourceId> sources)
    : desk_(desk),
      request_(request),
      request_id_(request.request_id),
      spread_(std::move(spread)),
      named_(std::move(sources)),
      start_ns_(desk.clock.MonotonicNanos()) {}

Status SpreadQuery::Find() {
  GRANARY_ASSIGN(const Fleet::Seen seen, desk_.fleet.Look());
  GRANARY_ASSIGN(targets_,
                 FindQueryTargets(desk_, *seen.view, spread_, queries().limits.tenants_max));
  return Status::Ok();
}

Status SpreadQuery::Find(const std::vector<std::string>& tenants,
                         std::vector<MissingTenant> missing) {
  GRANARY_ASSIGN(const Fleet::Seen seen, desk_.fleet.Look());
  api::Spread whom;
  for (const std::string& tenant : tenants) {
    GRANARY_ASSIGN(TenantId id, TenantId::Parse(tenant));
    if (seen.view->FindTenant(tenant) == nullptr) {
      return {Code::kCursorExpired,
              fmt::format("the tenant '{}' that the cursor began with is gone; search again "
                          "without a cursor",
                          tenant)};
    }
    whom.tenants.push_back(std::move(id));
  }
  goes_on_ = true;
  targets_.missing = std::move(missing);
  if (whom.tenants.empty()) return Status::Ok();
  // A page that lacks what earlier ones had would not be a page of the same answer.
  GRANARY_ASSIGN(QueryTargets found,
                 FindQueryTargets(desk_, *seen.view, whom, queries().limits.tenants_max));
  targets_.targets = std::move(found.targets);
  return Status::Ok();
}

Status SpreadQuery::LearnSources() {
  struct Learned {
    Status status;
    std::vector<PeerSource> sources;
  };
  std::vector<Learned> learned(targets_.targets.size());
  std::vector<std::size_t> unknown;
  for (std::size_t i = 0; i < learned.size(); ++i) {
    auto known = queries().links.KnownSources(targets_.targets[i].tenant);
    if (known && !anew_)
      learned[i].sources = std::move(*known);
    else
      unknown.push_back(i);
  }
  const PassedOn passed = PassedOnOf(request_);
  SideBySide(unknown.size(), queries().limits.fan_out, [&](std::size_t at) {
    const std::size_t i = unknown[at];
    auto sources = queries().links.AskSources(targets_.targets[i], passed, request_.cancel);
    learned[i].status = sources.status();
    if (sources.ok()) learned[i].sources = sources.Take();
  });
  GRANARY_TRY(request_.cancel.Check());
  const std::vector<QueryTarget> asked = targets_.targets;
  all_.clear();
  known_.clear();
  std::vector<bool> is_there(named_.size(), false);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (!learned[i].status.ok()) {
      GRANARY_TRY(Leave(asked[i].tenant, learned[i].status));
      continue;
    }
    for (PeerSource& source : learned[i].sources) {
      const auto named = std::ranges::find(named_, source.id);
      if (!named_.empty() && named == named_.end()) continue;
      if (!named_.empty()) is_there[static_cast<std::size_t>(named - named_.begin())] = true;
      known_.push_back(query::WithoutRows(source.id, source.schema));
      all_.push_back(std::move(source));
    }
  }
  const auto none = std::ranges::find(is_there, false);
  if (none == is_there.end()) return Status::Ok();
  if (!anew_) {
    anew_ = true;
    return LearnSources();
  }
  return {Code::kSourceNotFound,
          fmt::format("no tenant of the query has a source '{}'",
                      named_[static_cast<std::size_t>(none - is_there.begin())].str())};
}

bool SpreadQuery::HasSources(const std::string& tenant) const {
  return std::ranges::find(all_, tenant, &PeerSource::tenant) != all_.end();
}

std::vector<PartAsk> SpreadQuery::Asks(api::PartRequest::Kind kind) const {
  std::vector<PartAsk> asks;
  for (const QueryTarget& target : targets_.targets) {
    if (!goes_on_ && !HasSources(target.tenant)) continue;
    PartAsk& ask = asks.emplace_back();
    ask.target = target;
    ask.request.kind = kind;
    ask.request.tenant = target.tenant;
    ask.request.body = request_.body;
    ask.request.all = all_;
  }
  return asks;
}

NodePartsOptions SpreadQuery::PartsOptions() const {
  NodePartsOptions options;
  options.at_once = queries().limits.fan_out;
  options.node_bytes_max = queries().limits.node_bytes_max;
  options.memory = &queries().memory;
  options.passed = PassedOnOf(request_);
  options.cancel = request_.cancel;
  return options;
}

Result<bool> SpreadQuery::LearnAnew() {
  if (std::exchange(anew_, true)) return false;
  GRANARY_TRY(LearnSources());
  return true;
}

Status SpreadQuery::Failed(const std::string& tenant, const Status& why, bool& again) {
  again = false;
  GRANARY_TRY(request_.cancel.Check());
  if (why.code() == Code::kConflict && moves_++ < kMovesMax) {
    anew_ = true;
    GRANARY_TRY(LearnSources());
    again = true;
    return Status::Ok();
  }
  if (why.code() == Code::kConflict) {
    return OfTenant(tenant, {Code::kOverloaded,
                             "its schemas change faster than they can be asked for: try again"});
  }
  GRANARY_TRY(Leave(tenant, why));
  GRANARY_TRY(LearnSources());
  again = true;
  return Status::Ok();
}

void SpreadQuery::Note(const std::string& tenant, const Status& why) const {
  queries().part_failures.Add(1);
  const auto target = std::ranges::find(targets_.targets, tenant, &QueryTarget::tenant);
  desk_.log.Warn("a part of a query failed",
                 {{"request_id", request_id_},
                  {"tenant", tenant},
                  {"node", target == targets_.targets.end() ? std::string() : target->node},
                  {"error", why.ToString()}});
}

Status SpreadQuery::Leave(const std::string& tenant, const Status& why) {
  if (!IsNodesFailure(why)) return OfTenant(tenant, why);
  Note(tenant, why);
  const Status told = AsTold(why);
  if (!spread_.may_miss) return OfTenant(tenant, told);
  std::erase_if(targets_.targets, [&](const QueryTarget& one) { return one.tenant == tenant; });
  targets_.missing.push_back({tenant, std::string(told.message())});
  std::ranges::sort(targets_.missing, {}, &MissingTenant::tenant);
  return Status::Ok();
}

Status SpreadQuery::Broke(const std::string& tenant, const Status& why) {
  if (IsNodesFailure(why)) Note(tenant, why);
  return OfTenant(tenant, AsTold(why));
}

void SpreadQuery::Count(const NodeParts& parts) {
  took_.clear();
  queries().parts.Add(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const double millis = parts.MillisOf(i);
    took_.push_back({parts.tenant_of(i), millis});
    queries().part_micros.Add(static_cast<std::uint64_t>(millis * 1000));
  }
}

double SpreadQuery::Millis() const {
  return static_cast<double>(desk_.clock.MonotonicNanos() - start_ns_) / 1e6;
}

void SpreadQuery::AppendParts(std::string& json) const {
  json.pop_back();
  json.append(",\"missing\":");
  api::AppendList(targets_.missing, json, [&json](const MissingTenant& tenant) {
    api::JsonObject object(json);
    object.Add("tenant_id", tenant.tenant);
    object.Add("reason", tenant.reason);
    object.Close();
  });
  json.append(",\"parts\":");
  api::AppendList(took_, json, [&json](const Took& took) {
    api::JsonObject object(json);
    object.Add("tenant_id", took.tenant);
    AppendFormat(object.Key("elapsed_ms"), "{:.3f}", took.millis);
    object.Close();
  });
  json.push_back('}');
}

}  // namespace granary::operation
