// What the Metadata Catalog answers to a node's publication, both ways: what it missed, policies of
// merging where the node has others, and compactions that it wants made.
//
//   {"resend": ["s"], "policies": {"version": 7, "timed": true, "others": {…}, "sources": {"s": {…}}},
//    "compactions": [{"id": 5, "source_id": "s", "all": true}]}
//
// Threads    values; pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/api/compaction_policy_json.h"
#include "granary/base/ids.h"
#include "granary/base/status.h"

namespace granary::api {

inline constexpr std::size_t kOrdersOfAnAnswerMax = 100;

struct NodePolicies {
  std::uint64_t version = 0;
  bool timed = false;       ///< The catalog says when an interval is over.
  CompactionPolicy others;  ///< Of sources that are not named.
  std::map<SourceId, CompactionPolicy> sources;
};

struct CompactionOrder {
  std::uint64_t id = 0;
  SourceId source;
  bool all = false;  ///< Merge whatever is not whole; else what pays.
};

struct CatalogAnswer {
  std::vector<SourceId> resend;  ///< Sources to be told from their beginning.
  std::optional<NodePolicies> policies;
  std::vector<CompactionOrder> compactions;
};

std::string CatalogAnswerJson(const CatalogAnswer& answer);
/// kInvalidJson, kInvalidRequest, kInvalidIdentifier, kUnknownMember.
Result<CatalogAnswer> ReadCatalogAnswer(std::string_view body);

}  // namespace granary::api
