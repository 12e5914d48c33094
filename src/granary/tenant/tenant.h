// Tenant: everything one tenant can do, as plain C++ calls; both APIs, the CLI and the tests sit on
// it.
//
// Threads    fully safe. Calls block; searches and aggregates wait for one of
// MAX_CONCURRENT_SEARCHES slots. Owns       its store. The pool, clock and log outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/ids.h"
#include "granary/json/record_parser.h"
#include "granary/query/exec/aggregate.h"
#include "granary/query/exec/search.h"
#include "granary/query/plan/requests.h"
#include "granary/runtime/admission.h"
#include "granary/runtime/cancel.h"
#include "granary/storage/source/store.h"

namespace granary {

struct TenantOptions {
  TenantId id;
  std::string name = "Default Tenant";
  storage::StoreOptions store;
  runtime::AdmissionOptions admission;
  json::RecordLimits records;
  std::size_t query_parallelism = 2;
};

struct WriteRequest {
  SourceId source;
  std::string_view records;  ///< The text of the JSON array.
  std::string_view pointer = "/records";
  json::RecordShape shape = json::RecordShape::kFields;
};

struct WriteAnswer {
  SourceId source;
  std::uint64_t written = 0;
  storage::WriteOutcome outcome;
};

struct SourceInfo {
  storage::SourceDefinition definition;
  SchemaPtr schema;
  std::int64_t created_us = 0;
};

struct SourceStatsInfo {
  SourceId id;
  SchemaPtr schema;
  storage::SourceStats stats;
};

struct TenantStats {
  TenantId id;
  std::string name;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::uint64_t segments = 0;
  std::vector<SourceStatsInfo> sources;  ///< By id.
};

class Tenant {
 public:
  static Result<std::unique_ptr<Tenant>> Open(storage::StoreDeps deps, TenantOptions options);
  ~Tenant();

  const TenantId& id() const { return options_.id; }
  const TenantOptions& options() const { return options_; }

  struct Added {
    SourceInfo source;
    bool created = false;
  };
  Result<Added> AddSource(const storage::SourceDefinition& definition);
  std::vector<SourceInfo> ListSources() const;
  Result<SourceInfo> GetSource(const SourceId& id) const;
  Status DropSource(const SourceId& id, bool keep_data);
  Result<SourceStatsInfo> Stats(const SourceId& id) const;
  TenantStats Stats() const;
  Status Flush(const SourceId& id);

  /// All records or none. Retries by itself when another write evolved the schema meanwhile.
  Result<WriteAnswer> Write(const WriteRequest& request);

  Result<query::QueryStats> Search(const query::SearchRequest& request,
                                   const runtime::CancelToken& cancel,
                                   const query::SearchSink& sink);
  Result<query::AggregateAnswer> Aggregate(const query::AggregateRequest& request,
                                           const runtime::CancelToken& cancel);

  runtime::AdmissionCounts admission() const;
  storage::Store& store() { return *store_; }
  Status Close();

 private:
  Tenant(storage::StoreDeps deps, TenantOptions options, std::unique_ptr<storage::Store> store);
  /// kSourceNotFound for a named one that is not there.
  Result<std::vector<storage::SourceSnapshot>> Snapshots(const std::vector<SourceId>& ids) const;

  TenantOptions options_;
  storage::StoreDeps deps_;
  std::unique_ptr<storage::Store> store_;
  runtime::Admission admission_;
};

}  // namespace granary
