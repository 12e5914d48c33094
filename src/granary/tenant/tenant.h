// Tenant: everything one tenant can do, as plain C++ calls; both APIs, the CLI and the tests sit on
// it.
//
// Threads    fully safe. Calls block; searches, aggregates, explanations and deletes wait for one
//            of MAX_CONCURRENT_SEARCHES slots.
// Owns       its store. The pool, clock and log outlive it.
#pragma once

#include <atomic>
#include <chrono>
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
#include "granary/query/exec/access_plan.h"
#include "granary/query/exec/aggregate.h"
#include "granary/query/exec/explain.h"
#include "granary/query/exec/search.h"
#include "granary/query/plan/requests.h"
#include "granary/runtime/admission.h"
#include "granary/runtime/cancel.h"
#include "granary/runtime/periodic.h"
#include "granary/runtime/spill_space.h"
#include "granary/storage/source/source_paths.h"
#include "granary/storage/source/store.h"
#include "granary/tenant/query_learner.h"
#include "granary/tenant/rejections.h"
#include "granary/tenant/running_queries.h"
#include "granary/tenant/search_cursor.h"
#include "granary/tenant/tenant_memory.h"
#include "granary/tenant/tenant_traffic.h"

namespace granary {

/// Of bodies that are read as they come.
struct BodyOptions {
  std::size_t chunk_rows = 64 << 10;   ///< What fits one chunk goes through the log,
  std::size_t chunk_bytes = 16 << 20;  ///< what is longer around it.
  /// Twice, with what a flush takes each: of what comes in and of what is written meanwhile. The
  /// memory limit may be in the way before.
  std::int64_t decode_bytes_max = 256 << 20;
  std::uint64_t records_per_byte_max = 500;                ///< Past the first 2^20.
  std::uint64_t spool_bytes_max = std::uint64_t{4} << 30;  ///< Of a Parquet body.
};

struct TenantOptions {
  TenantId id;
  std::string name = "Default Tenant";
  storage::StoreOptions store;
  runtime::AdmissionOptions admission;
  json::RecordLimits records;
  TenantMemoryOptions memory;
  BodyOptions bodies;
  std::size_t pattern_bytes_max = 8'192;  ///< Of a filter.
  std::size_t query_parallelism = 0;      ///< 0: as many workers as the pool has when it begins.
  query::OptimizerOptions optimizer;
  LearnerOptions learner;
  std::int64_t snapshot_retention_us = 15ll * 60 * 1'000'000;  ///< Of cursors.
  /// So often records are deleted that are past the retention of their source.
  std::chrono::milliseconds retention_interval = std::chrono::minutes(10);
};

struct WriteRequest {
  SourceId source;
  std::string_view records;  ///< The text of the JSON array.
  std::string_view pointer = "/records";
  json::RecordShape shape = json::RecordShape::kFields;
  bool skips_wrong = false;                   ///< Records that are wrong are left out and told.
  std::optional<storage::WriteKey> key = {};  ///< Idempotency-Key.
  runtime::CancelToken cancel = {};           ///< Ends the wait for another write with the key.
};

/// A body of records in another format than JSON.
struct StreamWrite {
  SourceId source;
  formats::TableFormat format = formats::TableFormat::kNdjson;
  formats::ByteSource bytes;
  bool atomic = true;  ///< The whole is one transaction; else each chunk.
  bool skips_wrong = false;
  std::optional<std::string> key = {};  ///< Idempotency-Key; for one transaction only.
  std::uint64_t key_seed = 0;           ///< Of what a repetition repeats besides the body.
  runtime::CancelToken cancel = {};
};

struct WriteAnswer {
  SourceId source;
  std::uint64_t written = 0;
  storage::WriteOutcome outcome;
  std::optional<Rejections> rejected = {};  ///< When wrong records were to be skipped.
  bool repeated = false;                    ///< The answer of an earlier write with the same key.
};

struct DeleteRequest {
  SourceId source;
  query::Filter filter;  ///< As of a search; an empty one is of all records.
  std::optional<storage::WriteKey> key = {};
};

struct DeleteAnswer {
  SourceId source;
  std::uint64_t deleted = 0;
  bool repeated = false;  ///< The answer of an earlier delete with the same key.
};

/// What a page says besides its records.
struct SearchPageEnd {
  query::QueryStats stats;
  std::optional<std::string> next_cursor;  ///< Nothing: this was the last page.
};

struct SourceInfo {
  storage::SourceDefinition definition;
  SchemaPtr schema;
  std::int64_t created_us = 0;
};

struct SourceList {
  std::vector<SourceInfo> sources;  ///< By id.
  /// Those that cannot be used, and why: their log lost records, or may have.
  std::vector<storage::Store::Refused> damaged;
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

/// A source of a query over several tenants, this one's or another's.
struct PeerSource {
  std::string tenant;
  SourceId id;
  SchemaPtr schema;
};

/// This tenant's part of a search over several.
struct PartSearch {
  /// Sources that are named and not there contribute nothing; `cursor` is of SearchPart's.
  query::SearchRequest request;
  std::vector<PeerSource> all;  ///< Sources of all tenants, by tenant and id.
  bool pages = true;            ///< Else no limit but the request's, and no cursors.
  std::uint64_t skip = 0;       ///< So many rows behind the cursor were shown already.
};

/// What is known before the first row.
struct PartStart {
  std::string anchor;  ///< The cursor of where the rows begin: with it the part can be had again.
  std::string key_shape;  ///< Of the rows' keys (query::AnswerShape).
};

/// What a tenant holds, as Stats says it but for hot rows whose key has a newer record: they count
/// until they are flushed. Cheap: nothing of columns is looked at.
struct TenantHoldings {
  std::uint64_t sources = 0, segments = 0, rows = 0;
  std::uint64_t bytes = 0;  ///< Of live segments.
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
  SourceList ListSources() const;
  Result<SourceInfo> GetSource(const SourceId& id) const;
  /// Source::Change's errors.
  Result<SourceInfo> ChangeSource(const SourceId& id, const storage::SourceChange& change);
  Result<std::vector<storage::SchemaVersion>> SchemaHistory(const SourceId& id) const;
  /// What its documents hold; reads the footers of its files.
  Result<storage::SourcePaths> Paths(const SourceId& id) const;
  Status DropSource(const SourceId& id, bool keep_data);
  Result<SourceStatsInfo> Stats(const SourceId& id) const;
  TenantStats Stats() const;
  TenantHoldings Holdings() const;
  Status Flush(const SourceId& id);
  /// All sources; the first failure, after the rest.
  Status FlushAll();

  /// All records or none. Retries by itself when another write evolved the schema meanwhile. With a
  /// key that was used for the same body: what that write answered, and nothing is written;
  /// kIdempotencyKeyReused when it was another body.
  Result<WriteAnswer> Write(const WriteRequest& request);
  /// Reads the body as it comes, in bounded memory, however long it is. Atomic: all records or
  /// none, visible in one step. Otherwise what was written before a failure stays, and the failure
  /// says how much that is.
  /// With a key as Write, its turn being taken for as long as the body takes; kInvalidArgument for
  /// a key without atomic.
  Result<WriteAnswer> WriteStream(const StreamWrite& request);

  /// Deletes the records that match now, all of them or none: durable and gone from the next search
  /// when it returns. It is listed, waits and may be ended as a search until it is committed.
  /// Records that are written meanwhile stay.
  Result<DeleteAnswer> Delete(const DeleteRequest& request, const Caller& caller);

  /// Deletes the records of all sources that are past their retention now; how many. What cannot be
  /// deleted stays for the next round, with a warning in the log. Runs by itself every
  /// retention_interval.
  std::uint64_t DropOldRecords(const runtime::CancelToken& cancel = {});
  /// True when there is a source whose records go by the clock.
  bool HasRetention() const;

  /// A page of at most request.limit records, the first one or, with request.cursor, one that goes
  /// on; see query::RunPage. kInvalidRequest at /cursor when the cursor is damaged, foreign, or of
  /// another request; kCursorExpired when its snapshot is older than the retention or gone.
  Result<SearchPageEnd> SearchPage(const query::SearchRequest& request, const Caller& caller,
                                   const query::SearchSink& sink);
  /// All of a search; request.cursor is not looked at. `begin` hears of the columns before any row.
  Result<query::QueryStats> Search(const query::SearchRequest& request, const Caller& caller,
                                   const query::SearchSink& sink,
                                   const query::ShapeSink& begin = {});
  /// Rows to the sink as they come; or all of them, as far as the query's share of memory goes.
  Result<query::QueryStats> Aggregate(const query::AggregateRequest& request, const Caller& caller,
                                      const query::AggregateSink& sink);
  Result<query::AggregateAnswer> Aggregate(const query::AggregateRequest& request,
                                           const Caller& caller);

  using PartStartFn = std::function<Status(const PartStart& start)>;
  /// Rows as SearchPage's or Search's; with order_by they have keys. kConflict when this tenant's
  /// sources are not those of `part.all`: its schemas moved on, and whoever asks looks again.
  Result<SearchPageEnd> SearchPart(const PartSearch& part, const Caller& caller,
                                   const PartStartFn& begin, const query::SearchSink& sink);
  /// The states of an aggregate (query::RunAggregateStates) over this tenant's rows.
  Result<query::QueryStats> AggregatePart(const query::AggregateRequest& request,
                                          const std::vector<PeerSource>& all, const Caller& caller,
                                          const std::function<Status(std::string_view page)>& sink);

  /// How a search or an aggregate is carried out; with Analyze::kRun it is, and its rows are
  /// dropped. Waits for a slot and for memory as they do. A search is explained from its first
  /// page: kInvalidRequest at /cursor when it has one.
  Result<query::Explanation> Explain(const query::SearchRequest& request, query::Analyze analyze,
                                     const Caller& caller);
  Result<query::Explanation> Explain(const query::AggregateRequest& request, query::Analyze analyze,
                                     const Caller& caller);

  /// Those that wait for a slot and those that run, the oldest first.
  std::vector<RunningQuery> Queries() const { return running_.List(); }
  /// Ends one of them: its caller gets kCancelled. kNotFound.
  Status CancelQuery(const std::string& id) { return running_.Cancel(id); }

  /// The memory that a write of so much JSON text takes, held before any of it is parsed.
  /// kOverloaded when others hold it for longer than memory.wait_max; kTooLarge when it never fits.
  Result<runtime::MemoryReservation> HoldForWrite(std::uint64_t text_bytes,
                                                  const runtime::CancelToken& cancel);

  runtime::AdmissionCounts admission() const;
  TenantMemoryStats memory() const;
  /// What queries teach about plans; always there.
  QueryLearner& learner() { return *learner_; }
  /// Counted by whoever serves it.
  TenantTraffic& traffic() { return traffic_; }
  storage::Store& store() { return *store_; }
  Status Close();

 private:
  void StartRetention();
  void StopRetention();
  struct OpenBody;
  Result<OpenBody> OpenReader(formats::TableFormat format, const formats::ByteSource& bytes,
                              std::shared_ptr<formats::DecodeRoom> room, std::size_t columns_known);
  /// As bodies.chunk_bytes says, less where the memory limit has no room for it.
  std::size_t BodyChunkBytes() const;
  Tenant(storage::StoreDeps deps, TenantOptions options, std::unique_ptr<TenantMemory> memory,
         std::unique_ptr<storage::Store> store, CursorSeal seal);
  /// What a body names as its source_id: that is where kSourceNotFound points.
  Result<std::shared_ptr<storage::Source>> FindNamed(const SourceId& id) const;
  /// kSourceNotFound for named ones that are not there, at their `pointers` where the request has
  /// one for each; kCorruption for one that is damaged, also
  /// when none is named: an answer about all sources does not silently leave one out. All sources
  /// are those that may be read; kPermissionDenied for a named one that may not, or when there is
  /// nothing that `rights` would ever let them read.
  Result<std::vector<storage::SourceSnapshot>> Snapshots(
      const std::vector<SourceId>& ids, const Rights& rights,
      const std::vector<std::string>& pointers = {}) const;
  /// Of those that are named and there; all as above.
  Result<std::vector<storage::SourceSnapshot>> SnapshotsThere(const std::vector<SourceId>& ids,
                                                              const Rights& rights) const;
  /// `all` with this tenant's snapshots in their places.
  std::vector<storage::SourceSnapshot> Among(const std::vector<PeerSource>& all,
                                             const std::vector<storage::SourceSnapshot>& own) const;
  Status CheckOwn(const std::vector<PeerSource>& all,
                  const std::vector<storage::SourceSnapshot>& own) const;
  Result<SearchPageEnd> RunPartPage(const PartSearch& part, const Rights& rights,
                                    const query::QueryContext& context, const PartStartFn& begin,
                                    const query::SearchSink& sink);
  Result<std::vector<storage::SourceSnapshot>> SnapshotsAt(
      const std::vector<storage::SnapshotMark>& marks, const Rights& rights) const;
  /// Lists the query, waits for a slot and runs `body` in it.
  template <typename Answer, typename Body>
  Result<Answer> RunQuery(QueryKind kind, const std::vector<SourceId>& sources,
                          const Caller& caller, const Body& body);
  Result<SearchPageEnd> RunSearchPage(const query::SearchRequest& request, const Rights& rights,
                                      const query::QueryContext& context,
                                      const query::SearchSink& sink);
  Result<std::optional<SearchCursor>> OpenCursor(const query::SearchRequest& request) const;

  TenantOptions options_;
  storage::StoreDeps deps_;
  std::unique_ptr<TenantMemory> memory_;
  std::atomic<std::uint64_t> spool_files_ = 0;
  std::unique_ptr<storage::Store> store_;
  runtime::SpillSpace spill_;
  std::unique_ptr<query::KeptAggregates> kept_;
  std::unique_ptr<QueryLearner> learner_;
  CursorSeal seal_;
  TenantTraffic traffic_;
  runtime::Admission admission_;
  RunningQueries running_;
  runtime::CancelToken retention_token_;
  std::unique_ptr<runtime::PeriodicJob> retention_;  // Uses all of the above.
};

}  // namespace granary
