// EngineStore: what the CBO Engine remembers, in Granary itself: an embedded tenant with three
// sources: execution_history, models, promotions.
//
// Promise    what was added is durable when the call returns.
// Threads    fully safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "granary/api/feedback_json.h"
#include "granary/base/status.h"
#include "granary/hosting/embedded_tenant.h"
#include "granary/query/learning/learned_model.h"
#include "granary/runtime/cancel.h"

namespace granary::services {

struct Promotion {
  std::string version;
  std::string action;  ///< "promote", "force" or "rollback".
  std::string reason;
  double regret_before = 0;  ///< Of what ran until then.
  double regret_after = 0;   ///< Replayed.
  std::int64_t at_us = 0;
};

/// What was executed, for people.
struct ExecutionSummary {
  struct OfPath {
    std::string path;
    std::int64_t queries = 0;
    double rows = 0, ms = 0, estimated_ms = 0, q_error_median = 0;
  };
  struct OfNode {
    std::string node;
    std::int64_t queries = 0;
    double ms = 0;
  };
  std::vector<OfPath> paths;
  std::vector<OfNode> nodes;
};

class EngineStore {
 public:
  /// Makes the sources that are not there yet. Errors of Tenant::Open.
  static Result<std::unique_ptr<EngineStore>> Open(const std::string& root,
                                                   std::int64_t history_days, Logger& log);

  Status AddFeedback(const api::FeedbackBody& feedback, std::int64_t now_us);
  /// The newest, in the order in which they came. What cannot be read any more is left out.
  Result<std::vector<query::QueryFeedback>> LatestFeedback(std::size_t most);
  Result<ExecutionSummary> Summary(const runtime::CancelToken& cancel = {});

  Status AddModel(const query::LearnedModel& model);
  Result<std::vector<query::LearnedModel>> Models();
  Status AddPromotion(const Promotion& promotion);
  Result<std::vector<Promotion>> Promotions();

  Status Close();

 private:
  explicit EngineStore(std::unique_ptr<hosting::EmbeddedTenant> tenant)
      : tenant_(std::move(tenant)) {}
  /// Calls `read` with each row's values, in the order of `columns`; the newest `most` ones, oldest
  /// first.
  Status ReadNewest(std::string_view source, std::vector<std::string> columns, std::size_t most,
                    const std::function<void(std::vector<Value>& row)>& read);

  std::unique_ptr<hosting::EmbeddedTenant> tenant_;
};

}  // namespace granary::services
