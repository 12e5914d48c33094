// Answers of the tenant as JSON text, as api.md §2 shows them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "granary/query/exec/aggregate.h"
#include "granary/query/exec/search.h"
#include "granary/tenant/tenant.h"

namespace granary::api {

std::string SourceJson(const SourceInfo& source);
/// All versions of a source's schema, oldest first.
std::string SchemaHistoryJson(const SourceId& id,
                              const std::vector<storage::SchemaVersion>& versions);
std::string SourcesJson(const SourceList& list);
/// kHistograms: each column has `most_common` and `histogram` (distribution_json.h).
enum class StatsDetail : std::uint8_t { kShort, kHistograms };
std::string StatsJson(const SourceStatsInfo& stats, StatsDetail detail = StatsDetail::kShort);
std::string TenantStatsJson(const TenantStats& stats);
std::string WriteJson(const WriteAnswer& answer);
std::string DeleteJson(const DeleteAnswer& answer);
std::string QueriesJson(const std::vector<RunningQuery>& queries);
std::string JobJson(const storage::CompactionJob& job);
std::string JobsJson(const std::vector<storage::CompactionJob>& jobs);
/// What a compaction of the source would do.
std::string CompactionPlanJson(const SourceId& id, const storage::CompactionPlan& plan);
std::string AggregateJson(const query::AggregateAnswer& answer, double elapsed_ms);

/// The same piece by piece, appended to `out`.
class AggregateJsonText {
 public:
  void Add(const std::vector<query::AggregateColumn>& columns,
           const std::vector<std::vector<Value>>& rows, std::string& out);
  void Finish(const query::QueryStats& stats, double elapsed_ms, std::string& out);

 private:
  void Begin(std::string& out);
  std::uint64_t count_ = 0;
  bool begun_ = false;
};

/// Collects records as they come: {"records":[…],"count":n,"next_cursor":…,"stats":{…}}.
class SearchJson {
 public:
  SearchJson();
  void Add(const query::ResultBatch& rows);
  /// What there is, taken out: the answer is its pieces and what Finish returns.
  std::string Take() { return std::exchange(text_, {}); }
  std::size_t bytes() const { return text_.size(); }
  std::string Finish(const query::QueryStats& stats, double elapsed_ms,
                     const std::optional<std::string>& next_cursor = {});

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
