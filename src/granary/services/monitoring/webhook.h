// Webhook: tells somebody's URL of alerts, in order, from a thread of its own.
//
// Promise    an alert is tried kTries times, retry_wait apart; a 2xx answer is enough. What cannot
//            be told is logged. At most kQueuedMax wait: past it the oldest is dropped, and logged.
// Threads    fully safe; destruction drops what waits.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "granary/base/log.h"
#include "granary/runtime/job_thread.h"

namespace granary::services {

class Webhook {
 public:
  static constexpr int kTries = 3;
  static constexpr std::size_t kQueuedMax = 1'000;

  /// Whether `url` is one: http or https, a host, and a path or none.
  static bool IsUrl(std::string_view url);
  Webhook(std::string url, std::int64_t timeout_ms, std::chrono::milliseconds retry_wait,
          Logger& log);
  ~Webhook();

  void Tell(std::string json);

 private:
  void Run();
  bool TellOnce(const std::string& json);

  const std::string url_;
  const std::int64_t timeout_ms_;
  const std::chrono::milliseconds retry_wait_;
  Logger& log_;
  runtime::JobThread thread_;
  std::deque<std::string> queue_;  // Guarded by thread_.mutex.
};

}  // namespace granary::services
