// Answers of the tenant as JSON text, as api.md §2 shows them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "granary/query/exec/aggregate.h"
#include "granary/query/exec/search.h"
#include "granary/tenant/tenant.h"

namespace granary::api {

std::string SourceJson(const SourceInfo& source);
std::string SourcesJson(const std::vector<SourceInfo>& sources);
std::string StatsJson(const SourceStatsInfo& stats);
std::string TenantStatsJson(const TenantStats& stats);
std::string WriteJson(const WriteAnswer& answer);
std::string AggregateJson(const query::AggregateAnswer& answer, double elapsed_ms);

/// Collects records as they come: {"records":[…],"count":n,"next_cursor":null,"stats":{…}}.
class SearchJson {
 public:
  SearchJson();
  void Add(const query::ResultBatch& rows);
  std::string Finish(const query::QueryStats& stats, double elapsed_ms);

 private:
  std::string text_;
  std::uint64_t count_ = 0;
};

/// Each record as in SearchJson, between `before` and `after`.
void AppendRecordsJson(const query::ResultBatch& rows, std::string_view before,
                       std::string_view after, std::string& out);
/// The member `stats` of an answer.
void AppendStatsJson(const query::QueryStats& stats, double elapsed_ms, std::string& out);

/// One line a record, {"source_id":…,"fields":{…}}\n, appended to `out`.
void AppendNdjson(const query::ResultBatch& rows, std::string& out);

}  // namespace granary::api
