#include "granary/services/monitoring/webhook.h"

#include <utility>

#include <fmt/format.h>

#include "granary/net/http_client.h"

namespace granary::services {
namespace {

constexpr std::uint64_t kAnswerBytesMax = 64u << 10;

struct UrlParts {
  std::string base, target;
};

// "http://host:1/a/b" -> "http://host:1" and "/a/b".
UrlParts SplitUrl(std::string_view url) {
  const std::size_t host = url.find("//");
  const std::size_t slash =
      host == std::string_view::npos ? std::string_view::npos : url.find('/', host + 2);
  if (slash == std::string_view::npos) return {std::string(url), "/"};
  return {std::string(url.substr(0, slash)), std::string(url.substr(slash))};
}

}  // namespace

bool Webhook::IsUrl(std::string_view url) {
  return net::HttpClient::Create(SplitUrl(url).base, 1).ok();
}

Webhook::Webhook(std::string url, std::int64_t timeout_ms, std::chrono::milliseconds retry_wait,
                 Logger& log)
    : url_(std::move(url)), timeout_ms_(timeout_ms), retry_wait_(retry_wait), log_(log) {
  thread_.Start("webhook", [this] { Run(); });
}

Webhook::~Webhook() { thread_.Stop(); }

void Webhook::Tell(std::string json) {
  const std::lock_guard lock(thread_.mutex);
  if (queue_.size() == kQueuedMax) {
    log_.Warn("an alert was not told: too many wait", {{"url", url_}, {"alert", queue_.front()}});
    queue_.pop_front();
  }
  queue_.push_back(std::move(json));
  thread_.wake.notify_all();
}

bool Webhook::TellOnce(const std::string& json) {
  const UrlParts parts = SplitUrl(url_);
  auto client = net::HttpClient::Create(parts.base, timeout_ms_);
  if (!client.ok()) return false;
  client->set_limits({.body_bytes_max = kAnswerBytesMax, .total_ms = timeout_ms_});
  net::Headers headers;
  headers.Set("Content-Type", "application/json");
  const auto answer = client->Send("POST", parts.target, json, headers);
  return answer.ok() && answer->status / 100 == 2;
}

void Webhook::Run() {
  std::unique_lock lock(thread_.mutex);
  for (;;) {
    thread_.wake.wait(lock, [this] { return thread_.stopping || !queue_.empty(); });
    if (thread_.stopping) return;
    const std::string json = std::move(queue_.front());
    queue_.pop_front();
    bool told = false;
    for (int i = 0; i < kTries && !told && !thread_.stopping; ++i) {
      if (i > 0) {
        thread_.wake.wait_for(lock, retry_wait_, [this] { return thread_.stopping; });
        if (thread_.stopping) return;
      }
      lock.unlock();
      told = TellOnce(json);
      lock.lock();
    }
    if (!told) log_.Warn("an alert could not be told", {{"url", url_}, {"alert", json}});
  }
}

}  // namespace granary::services
