#include "granary/services/tenant_node/heartbeats.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "granary/api/json_node.h"
#include "granary/api/json_object.h"
#include "granary/security/digest.h"
#include "granary/security/secret_file.h"

namespace granary::services {
namespace {

constexpr std::int64_t kBeatTimeoutMs = 2'000;
constexpr std::uint64_t kBeatAnswerBytesMax = 16u << 20;  // Of a node with ten thousand tenants.
constexpr std::size_t kNodeKeyLetters = 43;
constexpr std::size_t kNodeIdBytes = 8;
constexpr std::size_t kProblemDepth = 8;

bool IsLoopbackUrl(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::string_view rest = scheme == std::string_view::npos ? url : url.substr(scheme + 3);
  return rest.starts_with("127.") || rest.starts_with("localhost") || rest.starts_with("[::1]");
}

std::string WordsOf(const net::ClientResponse& answer) {
  if (const auto problem = api::ParseJsonObject(answer.body, kProblemDepth); problem.ok()) {
    for (const api::JsonMember& member : problem->members)
      if (member.name == "detail") return member.value.text;
  }
  return "no words";
}

}  // namespace

std::string HeartbeatJson(const HeartbeatOptions& options, const NodeMeasure& measure) {
  std::string out;
  api::JsonObject object(out);
  object.Add("key", std::string_view(options.node_key));
  object.Add("url", std::string_view(options.node_url));
  std::string& tenants = object.Key("tenants");
  api::AppendList(measure.tenants, tenants,
                  [&](const std::string& id) { json::AppendString(id, tenants); });
  // Also when there is none: who says it opens and closes tenants as the answer says.
  if (options.capacity > 1) {
    std::string& gone = object.Key("gone");
    api::AppendList(measure.gone, gone, [&](const GoneTenant& one) {
      api::JsonObject member(gone);
      member.Add("tenant_id", std::string_view(one.id));
      member.Add("changed_us", one.changed_us);
      member.Close();
    });
  }
  object.Add("capacity", options.capacity);
  object.Add("version", std::string_view(options.version));
  api::JsonObject load(object.Key("load"));
  AppendFormat(load.Key("cpu_percent"), "{:.3f}", measure.cpu_percent);
  AppendFormat(load.Key("memory_percent"), "{:.3f}", measure.memory_percent);
  AppendFormat(load.Key("queue_delay_ms"), "{:.3f}", measure.queue_delay_ms);
  load.Add("queued", measure.queued);
  load.Add("workers", measure.workers);
  load.Close();
  object.Close();
  return out;
}

Result<std::string> LoadNodeKey(const std::string& data_path, io::FileSystem& files,
                                io::Random& random) {
  const std::string path = io::JoinPath(data_path, "node_key");
  GRANARY_ASSIGN(const bool is_there, files.Exists(path));
  std::string key;
  if (is_there) {
    GRANARY_ASSIGN(key, files.ReadFile(path));
  }
  // An empty one is what a crash of an earlier version left, before anybody was told the key.
  if (key.empty()) {
    key = security::RandomText(random, kNodeKeyLetters);
    GRANARY_TRY(security::WriteSecretFile(files, path, key + "\n"));
    return key;
  }
  if (key.ends_with('\n')) key.pop_back();
  if (key.size() == kNodeKeyLetters) return key;
  return Status::Corruption(fmt::format(
      "{}: it holds no key: remove it, and the node gets another one, and another NODE_ID", path));
}

std::string NodeIdOf(const std::string& key) {
  return "node-" + security::Hex(security::Sha256(key).substr(0, kNodeIdBytes));
}

std::string NodeUrlOf(const std::string& rest_host, std::uint16_t port, bool has_tls,
                      const std::string& operation_node_url, const std::string& machine) {
  const bool everywhere = rest_host == "0.0.0.0" || rest_host == "::";
  std::string host = rest_host;
  if (everywhere) host = IsLoopbackUrl(operation_node_url) ? "127.0.0.1" : machine;
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return fmt::format("{}://{}:{}", has_tls ? "https" : "http", host, port);
}

Heartbeats::Heartbeats(HeartbeatOptions options, std::function<NodeMeasure()> measure,
                       AnsweredFn answered, Logger& log)
    : options_(std::move(options)),
      measure_(std::move(measure)),
      answered_(std::move(answered)),
      log_(log) {
  job_ = std::make_unique<runtime::PeriodicJob>(
      "heartbeats", std::chrono::milliseconds(options_.every_ms), [this] { Beat(); });
  job_->Poke();
}

Heartbeats::~Heartbeats() { Stop(); }

void Heartbeats::Stop() {
  if (job_) job_->Stop();
}

void Heartbeats::Beat() {
  const Status sent = Send();
  if (sent.ok()) {
    if (!was_heard_ || !trouble_.empty()) {
      log_.Info("the Operation Node hears this node",
                {{"operation_node", options_.operation_node_url}, {"node", options_.node_id}});
    }
    was_heard_ = true;
    trouble_.clear();
    return;
  }
  client_.reset();
  const std::string trouble(sent.message());
  if (trouble == trouble_) return;
  trouble_ = trouble;
  log_.Warn("the Operation Node does not hear this node, which goes on serving",
            {{"operation_node", options_.operation_node_url},
             {"node", options_.node_id},
             {"error", trouble}});
}

Status Heartbeats::Send() {
  if (client_ == nullptr) {
    GRANARY_ASSIGN(net::HttpClient client,
                   net::HttpClient::Create(options_.operation_node_url, kBeatTimeoutMs));
    client.set_limits({.body_bytes_max = kBeatAnswerBytesMax, .total_ms = kBeatTimeoutMs});
    client_ = std::make_unique<net::HttpClient>(std::move(client));
  }
  net::Headers headers;
  if (!options_.operation_node_key.empty())
    headers.Set("Authorization", "Bearer " + options_.operation_node_key);
  GRANARY_ASSIGN(const net::ClientResponse answer,
                 client_->Send("PUT", "/nodes/" + options_.node_id,
                               HeartbeatJson(options_, measure_()), headers));
  if (answer.status == 200) {
    if (answered_ == nullptr) return Status::Ok();
    GRANARY_ASSIGN(const bool has_news, answered_(answer.body));
    if (has_news) job_->Poke();
    return Status::Ok();
  }
  return {Code::kUnavailable, fmt::format("HTTP {}: {}", answer.status, WordsOf(answer))};
}

}  // namespace granary::services
