// SpreadQuery: one query over several tenants while it is carried out: whom it asks, over which
// sources, what it does when one of them fails, and whom its answer is without.
//
// Schemas    are kept from earlier queries; a node whose own moved on says so, and the query begins
//            again with those of now.
// Threads    one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "granary/api/request_json.h"
#include "granary/base/status.h"
#include "granary/hosting/router.h"
#include "granary/query/exec/query_context.h"
#include "granary/services/operation_node/desk.h"
#include "granary/services/operation_node/node_parts.h"
#include "granary/services/operation_node/query_desk.h"
#include "granary/services/operation_node/query_targets.h"
#include "granary/storage/source/source_snapshot.h"

namespace granary::operation {

class SpreadQuery {
 public:
  /// How often a query begins again because schemas moved on meanwhile.
  static constexpr int kMovesMax = 4;

  /// All outlive it; `sources`: those that the request names.
  SpreadQuery(Desk& desk, net::HttpRequest& request, api::Spread spread,
              std::vector<SourceId> sources);

  /// Finds the tenants by the fleet; or takes those of a cursor, and whom it is without.
  Status Find();
  Status Find(const std::vector<std::string>& tenants, std::vector<MissingTenant> missing);

  /// Learns of the sources of all of them. kSourceNotFound for a named one that none has.
  Status LearnSources();
  /// Those that have sources to ask, or, after Find with a cursor's tenants, all: what is gone by
  /// now their nodes say. Each ask has the sources of all.
  std::vector<PartAsk> Asks(api::PartRequest::Kind kind) const;
  NodePartsOptions PartsOptions() const;

  /// After a failure of a plan made of what was learned: true when that may be out of date, and has
  /// been learned anew.
  Result<bool> LearnAnew();
  /// After the failure of a tenant's part: OK when the query goes on without it, or begins again,
  /// which `again` then says; else the failure as the client is told it.
  Status Failed(const std::string& tenant, const Status& why, bool& again);

  /// The failure of a tenant's part when the answer has begun, as the client is told it; the log has
  /// it in full.
  Status Broke(const std::string& tenant, const Status& why);

  /// Counts what the parts did, once they have ended or nobody wants more of them.
  void Count(const NodeParts& parts);

  const std::vector<QueryTarget>& targets() const { return targets_.targets; }
  const std::vector<MissingTenant>& missing() const { return targets_.missing; }
  const std::vector<storage::SourceSnapshot>& known() const { return known_; }
  const api::Spread& spread() const { return spread_; }
  net::HttpRequest& request() const { return request_; }
  QueryDesk& queries() const { return *desk_.queries; }
  /// Since it began.
  double Millis() const;
  /// `missing` and what each part took, behind the other members of an answer that is whole.
  void AppendParts(std::string& json) const;

 private:
  bool HasSources(const std::string& tenant) const;
  Status Leave(const std::string& tenant, const Status& why);
  void Note(const std::string& tenant, const Status& why) const;

  Desk& desk_;
  net::HttpRequest& request_;
  const std::string request_id_;
  const api::Spread spread_;
  const std::vector<SourceId> named_;
  const std::int64_t start_ns_;
  QueryTargets targets_;
  std::vector<PeerSource> all_;
  std::vector<storage::SourceSnapshot> known_;
  bool goes_on_ = false;  ///< By a cursor.
  bool anew_ = false;     ///< What is known is of now.
  int moves_ = 0;
  struct Took {
    std::string tenant;
    double millis = 0;
  };
  std::vector<Took> took_;
};

/// The failure with the tenant's name in front, its pointers as they are.
Status OfTenant(const std::string& tenant, const Status& why);
/// A part's failure as a client is told it: what a node says, or does not say, is no failure of this
/// service.
Status AsTold(const Status& why);
/// Whether a failure is a node's, or of what is between: an answer may be without it.
bool IsNodesFailure(const Status& why);

}  // namespace granary::operation
