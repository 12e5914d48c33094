// EngineLink: tells a CBO Engine what queries taught, and takes the model that it promoted.
//
// Promise    beside serving, on a thread of its own: a query never waits for it. What the engine
//            does not take stays with the learner, whose outbox lets the oldest go and counts them;
//            the model that served last goes on serving.
// Threads    one of its own; the counts are fully safe.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/net/http_client.h"
#include "granary/runtime/job_threads.h"
#include "granary/runtime/periodic.h"
#include "granary/tenant/query_learner.h"

namespace granary::services {

struct EngineLinkOptions {
  std::string url;   ///< CBO_ENGINE_URL
  std::string node;  ///< What this node calls itself.
  std::string tenant;
  std::chrono::milliseconds interval{5000};
};

struct EngineLinkCounts {
  std::uint64_t pushed = 0;   ///< Records that the engine took.
  std::uint64_t refused = 0;  ///< Records that it did not believe.
  std::uint64_t pulled = 0;   ///< Models that were adopted.
};

class EngineLink {
 public:
  /// kInvalidArgument for a URL that is none. `learner` and `log` outlive it.
  /// `shared` null: it has a thread of its own. Else they outlive it.
  static Result<std::unique_ptr<EngineLink>> Start(EngineLinkOptions options, QueryLearner& learner,
                                                   Logger& log,
                                                   runtime::JobThreads* shared = nullptr);
  ~EngineLink();

  EngineLinkCounts counts() const;

 private:
  EngineLink(EngineLinkOptions options, net::HttpClient client, QueryLearner& learner, Logger& log,
             runtime::JobThreads* shared);
  void Run();
  Status Push();
  Status Pull();

  const EngineLinkOptions options_;
  net::HttpClient client_;
  QueryLearner& learner_;
  Logger& log_;
  bool is_reached_ = true;     // Or at least nothing else is known.
  std::string refused_model_;  // That is not worth another warning.
  std::atomic<std::uint64_t> pushed_ = 0, refused_ = 0, pulled_ = 0;
  std::unique_ptr<runtime::PeriodicJob> job_;
};

}  // namespace granary::services
