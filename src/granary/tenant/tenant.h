// Tenant: everything one tenant can do, as plain C++ calls; both APIs, the CLI and the tests sit on
// it.
//
// Threads    fully safe. Calls block; searches and aggregates wait for one of
// MAX_CONCURRENT_SEARCHES slots. Owns       its store. The pool, clock and log outlive it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/ids.h"
#include "granary/formats/table_reader.h"
#include "granary/json/record_parser.h"
#include "granary/query/exec/aggregate.h"
#include "granary/query/exec/search.h"
#include "granary/query/plan/requests.h"
#include "granary/runtime/admission.h"
#include "granary/runtime/cancel.h"
#include "granary/storage/source/store.h"

namespace granary {

/// Of bodies that are read as they come.
struct BodyOptions {
  std::size_t chunk_rows = 64 << 10;          ///< What fits one chunk goes through the log,
  std::size_t chunk_bytes = 16 << 20;         ///< what is longer around it.
  std::int64_t decode_bytes_max = 256 << 20;  ///< Besides what waits to be written.
  std::uint64_t spool_bytes_max = std::uint64_t{4} << 30;  ///< Of a Parquet body.
};

struct TenantOptions {
  TenantId id;
  std::string name = "Default Tenant";
  storage::StoreOptions store;
  runtime::AdmissionOptions admission;
  json::RecordLimits records;
  BodyOptions bodies;
  std::size_t query_parallelism = 2;
};

struct WriteRequest {
  SourceId source;
  std::string_view records;  ///< The text of the JSON array.
  std::string_view pointer = "/records";
  json::RecordShape shape = json::RecordShape::kFields;
  bool skips_wrong = false;  ///< Records that are wrong are left out and told.
};

/// A body of records in another format than JSON.
struct StreamWrite {
  SourceId source;
  formats::TableFormat format = formats::TableFormat::kNdjson;
  formats::ByteSource bytes;
  bool atomic = true;  ///< The whole is one transaction; else each chunk.
  bool skips_wrong = false;
  runtime::CancelToken cancel;
};

/// Records that were left out.
struct Rejections {
  static constexpr std::size_t kShownMax = 100;
  json::RejectedRecords shown;  ///< The first ones.
  std::uint64_t total = 0;

  void Add(json::RejectedRecords found);
};

struct WriteAnswer {
  SourceId source;
  std::uint64_t written = 0;
  storage::WriteOutcome outcome;
  std::optional<Rejections> rejected;  ///< When wrong records were to be skipped.
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
  /// Reads the body as it comes, in bounded memory, however long it is. Atomic: all records or
  /// none, visible in one step. Otherwise what was written before a failure stays, and the failure
  /// says how much that is.
  Result<WriteAnswer> WriteStream(const StreamWrite& request);

  Result<query::QueryStats> Search(const query::SearchRequest& request,
                                   const runtime::CancelToken& cancel,
                                   const query::SearchSink& sink,
                                   const query::ShapeSink& begin = {});
  Result<query::AggregateAnswer> Aggregate(const query::AggregateRequest& request,
                                           const runtime::CancelToken& cancel);

  runtime::AdmissionCounts admission() const;
  storage::Store& store() { return *store_; }
  Status Close();

 private:
  struct OpenBody;
  Result<OpenBody> OpenReader(const StreamWrite& request);
  Tenant(storage::StoreDeps deps, TenantOptions options, std::unique_ptr<storage::Store> store);
  /// kSourceNotFound for a named one that is not there.
  Result<std::vector<storage::SourceSnapshot>> Snapshots(const std::vector<SourceId>& ids) const;

  TenantOptions options_;
  storage::StoreDeps deps_;
  std::atomic<std::uint64_t> spool_files_ = 0;
  std::unique_ptr<storage::Store> store_;
  runtime::Admission admission_;
};

}  // namespace granary
