#include "granary/services/auth_gateway/fleet_placement.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "granary/api/json_node.h"
#include "granary/base/ids.h"
#include "granary/net/http_client.h"
#include "granary/security/node_token.h"

namespace granary::gateway {
namespace {

constexpr std::size_t kAnswerDepth = 8;
constexpr std::uint64_t kAnswerBytesMax = 64u << 10;
constexpr std::int64_t kNanosPerMilli = 1'000'000;
constexpr std::size_t kFailuresKept = 10'000;
constexpr std::chrono::hours kIdle{1};  // The job is poked when there is something to do.

const api::JsonNode* FindMember(const api::JsonNode* object, std::string_view name) {
  if (object == nullptr) return nullptr;
  for (const api::JsonMember& member : object->members)
    if (member.name == name) return &member.value;
  return nullptr;
}

std::string TextOf(const api::JsonNode* node) {
  return node != nullptr && node->kind == api::JsonNode::Kind::kString ? node->text : "";
}

Status NoNodeYet(const std::string& tenant) {
  return {Code::kUnavailable,
          fmt::format("no node serves the tenant '{}' at this moment: try again soon", tenant)};
}

}  // namespace

Result<FleetAnswer> ReadFleetAnswer(int http_status, std::string_view body) {
  if (http_status == 404) return FleetAnswer{FleetAnswer::Kind::kUnknown, {}};
  const auto node = api::ParseJsonObject(body, kAnswerDepth);
  const std::string state = node.ok() ? TextOf(FindMember(&*node, "state")) : "";
  if (http_status != 200 || state.empty())
    return Status(Code::kUnavailable, fmt::format("HTTP {} of the Operation Node", http_status));
  if (state != "active") return FleetAnswer{FleetAnswer::Kind::kSuspended, {}};
  const std::string url = TextOf(FindMember(FindMember(&*node, "placement"), "url"));
  if (url.empty()) return FleetAnswer{FleetAnswer::Kind::kNotReady, {}};
  GRANARY_TRY(net::ParseUpstreamUrl(url).status());
  return FleetAnswer{FleetAnswer::Kind::kPlaced, url};
}

AskFleetFn AskOperationNode(const std::string& url, const std::string& key,
                            std::int64_t timeout_ms) {
  const auto client = std::make_shared<std::unique_ptr<net::HttpClient>>();
  return [url, key, timeout_ms, client](const std::string& tenant) -> Result<FleetAnswer> {
    if (*client == nullptr) {
      GRANARY_ASSIGN(net::HttpClient made, net::HttpClient::Create(url, timeout_ms));
      made.set_limits({.body_bytes_max = kAnswerBytesMax, .total_ms = timeout_ms});
      *client = std::make_unique<net::HttpClient>(std::move(made));
    }
    net::Headers headers;
    if (!key.empty()) headers.Set("Authorization", "Bearer " + key);
    // A tenant's id is an identifier, so it needs no escaping.
    const auto answer =
        (*client)->Send("GET", fmt::format("/tenants/{}/placement", tenant), {}, headers);
    if (answer.ok()) return ReadFleetAnswer(answer->status, answer->body);
    client->reset();
    return Status(Code::kUnavailable, std::string(answer.status().message()));
  };
}

FleetPlacement::FleetPlacement(FleetPlacementOptions options, AskFleetFn ask,
                               std::unique_ptr<Placement> listed,
                               std::unique_ptr<Placement> fallback,
                               std::unique_ptr<io::Clock> clock,
                               std::unique_ptr<io::FileSystem> files, Logger& log)
    : options_(std::move(options)),
      ask_(std::move(ask)),
      listed_(std::move(listed)),
      fallback_(std::move(fallback)),
      clock_(std::move(clock)),
      files_(std::move(files)),
      log_(log) {
  Load();
  job_ = std::make_unique<runtime::PeriodicJob>("placements", kIdle, [this] { Refresh(); });
}

FleetPlacement::~FleetPlacement() { job_->Stop(); }

Result<PlacedNode> FleetPlacement::Answered(const std::string& tenant, const Entry& entry) const {
  switch (entry.answer.kind) {
    case FleetAnswer::Kind::kPlaced: return entry.node;
    case FleetAnswer::Kind::kNotReady: return NoNodeYet(tenant);
    case FleetAnswer::Kind::kSuspended:
      return Status(Code::kPermissionDenied,
                    fmt::format("the tenant '{}' is suspended or being deleted", tenant));
    case FleetAnswer::Kind::kUnknown: break;
  }
  return fallback_->NodeOf(tenant);
}

Result<PlacedNode> FleetPlacement::NodeOf(const std::string& tenant) {
  if (auto listed = listed_->NodeOf(tenant); listed.ok()) return listed;
  if (!IsIdentifier(tenant)) return InvalidIdentifier(tenant);
  const auto find = [&]() -> std::optional<Result<PlacedNode>> {
    const std::int64_t now_ns = clock_->MonotonicNanos();
    const std::lock_guard lock(mutex_);
    const auto entry = entries_.find(tenant);
    if (entry != entries_.end()) {
      const bool is_old = now_ns - entry->second.asked_ns >= options_.cache_ms * kNanosPerMilli;
      if (is_old && due_.insert(tenant).second) job_->Poke();
      return Answered(tenant, entry->second);
    }
    const auto failed = failed_ns_.find(tenant);
    if (failed != failed_ns_.end() && now_ns - failed->second < kRetryMs * kNanosPerMilli)
      return fallback_->NodeOf(tenant);
    return std::nullopt;
  };
  if (auto known = find()) return *known;
  {
    const std::lock_guard turn(ask_mutex_);
    // Somebody may have asked while we waited for our turn.
    if (auto known = find()) return *known;
    if (const Status asked = Ask(tenant); !asked.ok()) return fallback_->NodeOf(tenant);
  }
  Save();
  if (auto known = find()) return *known;
  return NoNodeYet(tenant);
}

// Under ask_mutex_.
Status FleetPlacement::Ask(const std::string& tenant) {
  const Result<FleetAnswer> answer = ask_(tenant);
  const bool is_away = !answer.ok();
  {
    const std::lock_guard lock(mutex_);
    due_.erase(tenant);
    if (is_away) {
      if (failed_ns_.size() >= kFailuresKept) failed_ns_.clear();
      const auto entry = entries_.find(tenant);
      if (entry != entries_.end())
        entry->second.asked_ns = clock_->MonotonicNanos();  // Due again as usual.
      else
        failed_ns_[tenant] = clock_->MonotonicNanos();
    }
    if (std::exchange(is_away_, is_away) != is_away) {
      if (is_away)
        log_.Warn("the Operation Node does not answer; its last placements serve",
                  {{"error", answer.status().message()}});
      else
        log_.Info("the Operation Node answers again");
    }
  }
  if (!is_away) Take(tenant, *answer);
  return answer.status();
}

void FleetPlacement::Take(const std::string& tenant, FleetAnswer answer) {
  const std::lock_guard lock(mutex_);
  failed_ns_.erase(tenant);
  Entry& entry = entries_[tenant];
  entry.asked_ns = clock_->MonotonicNanos();
  if (answer == entry.answer && (entry.node.link != nullptr || answer.url.empty())) return;
  if (answer.kind == FleetAnswer::Kind::kPlaced) {
    const auto address = net::ParseUpstreamUrl(answer.url);
    if (!address.ok()) return;
    entry.node = {std::make_shared<net::UpstreamPool>(*address, options_.upstream),
                  security::NodeAudience(tenant), address->text()};
  }
  entry.answer = std::move(answer);
}

void FleetPlacement::Refresh() {
  std::set<std::string> due;
  {
    const std::lock_guard lock(mutex_);
    due = due_;
  }
  for (const std::string& tenant : due) {
    const std::lock_guard turn(ask_mutex_);
    (void)Ask(tenant).ok();  // It is in the log, and what was known serves.
  }
  if (!due.empty()) Save();
}

// "acme=http://127.0.0.1:8000,…": the form of TENANT_NODE_URLS.
void FleetPlacement::Load() {
  if (options_.file.empty()) return;
  const auto is_there = files_->Exists(options_.file);
  if (!is_there.ok() || !*is_there) return;
  const auto text = files_->ReadFile(options_.file);
  if (!text.ok()) return;
  const auto nodes = ParseNodeList(*text);
  if (!nodes.ok()) {
    log_.Warn("the file of last placements is passed over",
              {{"file", options_.file}, {"error", nodes.status().message()}});
    return;
  }
  saved_ = *text;
  for (const auto& [tenant, address] : *nodes)
    Take(tenant, {FleetAnswer::Kind::kPlaced, "http://" + address.text()});
  // What was known before the restart is asked for at once.
  for (auto& [tenant, entry] : entries_)
    entry.asked_ns = clock_->MonotonicNanos() - options_.cache_ms * kNanosPerMilli;
}

void FleetPlacement::Save() {
  if (options_.file.empty()) return;
  std::string text;
  const std::lock_guard turn(ask_mutex_);
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [tenant, entry] : entries_) {
      if (entry.answer.kind != FleetAnswer::Kind::kPlaced) continue;
      text += fmt::format("{}{}={}", text.empty() ? "" : ",", tenant, entry.answer.url);
    }
  }
  if (saved_ == text) return;
  const Status saved = files_->ReplaceFile(options_.file, text);
  if (saved.ok())
    saved_ = text;
  else
    log_.Warn("the last placements cannot be kept", {{"error", saved.ToString()}});
}

}  // namespace granary::gateway
