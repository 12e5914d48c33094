// Queries: listed while they wait and run, over one snapshot of their sources or, page by page,
// over the one that their cursor began with.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "granary/query/exec/find_rows.h"
#include "granary/query/exec/merged_groups.h"
#include "granary/query/exec/plan_record.h"
#include "granary/query/exec/query_feedback_of.h"
#include "granary/query/exec/search_pages.h"
#include "granary/query/plan/fingerprint.h"
#include "granary/runtime/cpu_shares.h"
#include "granary/tenant/tenant.h"

namespace granary {
namespace {

Status DroppedSince() {
  return {Code::kCursorExpired,
          "a source that the cursor began with was dropped; search again without a cursor"};
}

Result<storage::SourceSnapshot> SnapshotAt(const storage::Source& source,
                                           const storage::SnapshotMark& mark) {
  GRANARY_ASSIGN(storage::SourceSnapshot now, source.SnapshotOf(mark.generation));
  const std::vector<storage::SchemaVersion> history = source.schema_history();
  for (const storage::SchemaVersion& version : history) {
    if (version.schema->version() == mark.schema_version)
      return storage::Rewind(std::move(now), mark, *version.schema, history);
  }
  return DroppedSince();
}

// While the sink waits for a slow client, the slot may go to a search that has work to do.
query::SearchSink Pausing(const query::SearchSink& sink, runtime::Admission::Slot& slot,
                          const runtime::CancelToken& cancel) {
  return [&sink, &slot, cancel](const query::ResultBatch& rows) -> Status {
    slot.Pause();
    GRANARY_TRY(sink(rows));
    return slot.Resume(cancel);
  };
}
query::AggregateSink Pausing(const query::AggregateSink& sink, runtime::Admission::Slot& slot,
                             const runtime::CancelToken& cancel) {
  return [&sink, &slot, cancel](const std::vector<query::AggregateColumn>& columns,
                                std::vector<std::vector<Value>> rows) -> Status {
    slot.Pause();
    GRANARY_TRY(sink(columns, std::move(rows)));
    return slot.Resume(cancel);
  };
}

}  // namespace

Result<std::vector<storage::SourceSnapshot>> Tenant::SnapshotsAt(
    const std::vector<storage::SnapshotMark>& marks, const Rights& rights) const {
  std::map<SourceUid, std::shared_ptr<storage::Source>> sources;
  for (auto& source : store_->List()) sources.emplace(source->uid(), source);
  std::vector<storage::SourceSnapshot> snapshots;
  for (const storage::SnapshotMark& mark : marks) {
    const auto found = sources.find(mark.uid);
    if (found == sources.end()) return DroppedSince();
    // Somebody else's cursor, or one from when they might do more.
    GRANARY_TRY(rights.Need(security::Verb::kRead, found->second->definition()->id));
    GRANARY_ASSIGN(storage::SourceSnapshot snapshot, SnapshotAt(*found->second, mark));
    snapshots.push_back(std::move(snapshot));
  }
  return snapshots;
}

// Nothing when the request has no cursor.
Result<std::optional<SearchCursor>> Tenant::OpenCursor(const query::SearchRequest& request) const {
  if (!request.cursor) return std::optional<SearchCursor>();
  GRANARY_ASSIGN(SearchCursor cursor, seal_.Read(*request.cursor));
  if (cursor.request != query::Fingerprint(request)) {
    return Status::Invalid(Code::kInvalidRequest, "/cursor",
                           "the cursor belongs to another request: only limit and cursor may "
                           "differ from the one that gave it");
  }
  const std::int64_t age_us = deps_.clock.WallMicros() - cursor.began_us;
  if (age_us > options_.snapshot_retention_us) {
    return Status(Code::kCursorExpired,
                  fmt::format("the cursor's search began {} s ago, snapshots are kept for {} s; "
                              "search again without a cursor",
                              age_us / 1'000'000, options_.snapshot_retention_us / 1'000'000));
  }
  return std::optional(std::move(cursor));
}

template <typename Answer, typename Body>
Result<Answer> Tenant::RunQuery(QueryKind kind, const std::vector<SourceId>& sources,
                                const Caller& caller, const Body& body) {
  const auto entry = running_.Begin(kind, sources, caller);
  auto entered = admission_.Enter(caller.cancel, {.name = options_.id.str()});
  if (!entered.ok()) return entry->Explain(entered.status());
  runtime::Admission::Slot slot = entered.Take();
  const TenantMemoryOptions& limits = options_.memory;
  // Who waits for memory works on nothing: those that hold it may be waiting for a slot.
  slot.Pause();
  runtime::MemoryBudget share("query", limits.query_bytes, &memory_->queries);
  const auto start = memory_->query_line.Enter(
      share, std::min(limits.query_start_bytes, limits.query_bytes / 4), caller.cancel);
  if (!start.ok()) return entry->Explain(start.status());
  if (const Status resumed = slot.Resume(caller.cancel); !resumed.ok())
    return entry->Explain(resumed);
  entry->Start();
  const auto planning = learner_->Current();
  std::optional<query::PlanRecord> record;
  if (learner_->enabled()) record.emplace(query::RecordDetail::kWorked);
  const std::size_t workers =
      options_.query_parallelism > 0 ? options_.query_parallelism : deps_.pool.size();
  Result<Answer> answer = body(query::QueryContext{.pool = deps_.pool,
                                                   .parallelism = workers,
                                                   .cancel = caller.cancel.Paced(deps_.pacer),
                                                   .progress = &entry->progress(),
                                                   .memory = &share,
                                                   .memory_wait_max = limits.wait_max,
                                                   .spill = &spill_,
                                                   .kept = kept_.get(),
                                                   .optimizer = planning.get(),
                                                   .record = record ? &*record : nullptr,
                                                   .pattern_bytes_max = options_.pattern_bytes_max},
                               slot);
  runtime::CpuShares::EndSlice();
  if (!answer.ok()) return entry->Explain(answer.status());
  if (record)
    learner_->Note(query::FeedbackOf(*record, deps_.clock.WallMicros(), planning->model.version));
  return answer;
}

Result<query::QueryStats> Tenant::Search(const query::SearchRequest& request, const Caller& caller,
                                         const query::SearchSink& sink,
                                         const query::ShapeSink& begin) {
  return RunQuery<query::QueryStats>(
      QueryKind::kStream, request.sources, caller,
      [&](const query::QueryContext& context,
          runtime::Admission::Slot& slot) -> Result<query::QueryStats> {
        GRANARY_ASSIGN(const auto snapshots,
                       Snapshots(request.sources, caller.rights, request.source_pointers));
        return query::RunSearch(request, snapshots, context, Pausing(sink, slot, caller.cancel),
                                begin);
      });
}

Result<query::QueryStats> Tenant::Aggregate(const query::AggregateRequest& request,
                                            const Caller& caller,
                                            const query::AggregateSink& sink) {
  return RunQuery<query::QueryStats>(
      QueryKind::kAggregate, request.sources, caller,
      [&](const query::QueryContext& context,
          runtime::Admission::Slot& slot) -> Result<query::QueryStats> {
        GRANARY_ASSIGN(const auto snapshots,
                       Snapshots(request.sources, caller.rights, request.source_pointers));
        return query::RunAggregate(request, snapshots, context, Pausing(sink, slot, caller.cancel));
      });
}

Result<query::AggregateAnswer> Tenant::Aggregate(const query::AggregateRequest& request,
                                                 const Caller& caller) {
  return RunQuery<query::AggregateAnswer>(
      QueryKind::kAggregate, request.sources, caller,
      [&](const query::QueryContext& context,
          runtime::Admission::Slot&) -> Result<query::AggregateAnswer> {
        GRANARY_ASSIGN(const auto snapshots,
                       Snapshots(request.sources, caller.rights, request.source_pointers));
        return query::RunAggregate(request, snapshots, context);
      });
}

Result<query::Explanation> Tenant::Explain(const query::SearchRequest& request,
                                           query::Analyze analyze, const Caller& caller) {
  if (request.cursor) {
    return Status::Invalid(Code::kInvalidRequest, "/cursor",
                           "a search is explained from its first page; leave the cursor out");
  }
  return RunQuery<query::Explanation>(
      QueryKind::kSearch, request.sources, caller,
      [&](const query::QueryContext& context,
          runtime::Admission::Slot&) -> Result<query::Explanation> {
        GRANARY_ASSIGN(const auto snapshots,
                       Snapshots(request.sources, caller.rights, request.source_pointers));
        return query::ExplainSearch(request, snapshots, context, analyze);
      });
}

Result<query::Explanation> Tenant::Explain(const query::AggregateRequest& request,
                                           query::Analyze analyze, const Caller& caller) {
  return RunQuery<query::Explanation>(
      QueryKind::kAggregate, request.sources, caller,
      [&](const query::QueryContext& context,
          runtime::Admission::Slot&) -> Result<query::Explanation> {
        GRANARY_ASSIGN(const auto snapshots,
                       Snapshots(request.sources, caller.rights, request.source_pointers));
        return query::ExplainAggregate(request, snapshots, context, analyze);
      });
}

Result<DeleteAnswer> Tenant::Delete(const DeleteRequest& request, const Caller& caller) {
  GRANARY_TRY(caller.rights.Need(security::Verb::kWrite, request.source));
  GRANARY_ASSIGN(const auto source, FindNamed(request.source));
  std::optional<storage::KeyTurn> turn;
  if (request.key) {
    GRANARY_ASSIGN(storage::KeyTurn taken, source->TakeKey(*request.key, caller.cancel));
    if (const auto& first = taken.first())
      return DeleteAnswer{request.source, first->records, /*repeated=*/true};
    turn.emplace(std::move(taken));
  }
  return RunQuery<DeleteAnswer>(
      QueryKind::kDelete, {request.source}, caller,
      [&](const query::QueryContext& context, runtime::Admission::Slot&) -> Result<DeleteAnswer> {
        const auto find = [&](const storage::SourceSnapshot& snapshot) {
          return query::FindRows(request.filter, snapshot, context);
        };
        GRANARY_ASSIGN(const storage::DeleteOutcome outcome,
                       source->Delete(find, turn ? &*turn : nullptr, caller.cancel));
        return DeleteAnswer{request.source, outcome.deleted};
      });
}

Result<SearchPageEnd> Tenant::SearchPage(const query::SearchRequest& request, const Caller& caller,
                                         const query::SearchSink& sink) {
  return RunQuery<SearchPageEnd>(
      QueryKind::kSearch, request.sources, caller,
      [&](const query::QueryContext& context, runtime::Admission::Slot& slot) {
        return RunSearchPage(request, caller.rights, context, Pausing(sink, slot, caller.cancel));
      });
}

Result<SearchPageEnd> Tenant::RunSearchPage(const query::SearchRequest& request,
                                            const Rights& rights,
                                            const query::QueryContext& context,
                                            const query::SearchSink& sink) {
  GRANARY_ASSIGN(std::optional<SearchCursor> cursor, OpenCursor(request));
  const std::int64_t now_us = deps_.clock.WallMicros();
  GRANARY_ASSIGN(const auto snapshots,
                 cursor ? SnapshotsAt(cursor->sources, rights)
                        : Snapshots(request.sources, rights, request.source_pointers));
  std::optional<query::SearchPosition> after;
  if (cursor) after = std::move(cursor->position);
  if (cursor && context.record != nullptr) context.record->miscounts = true;
  GRANARY_ASSIGN(query::SearchPage page, query::RunPage(request, snapshots, after, context, sink));
  SearchPageEnd end{std::move(page.stats), std::nullopt};
  if (!page.next) return end;
  SearchCursor next{.began_us = cursor ? cursor->began_us : now_us,
                    .request = query::Fingerprint(request),
                    .sources = {},
                    .position = std::move(*page.next)};
  if (cursor)
    next.sources = std::move(cursor->sources);
  else
    for (const auto& snapshot : snapshots) next.sources.push_back(storage::MarkOf(snapshot));
  GRANARY_ASSIGN(end.next_cursor, seal_.Write(next));
  return end;
}

Result<std::vector<storage::SourceSnapshot>> Tenant::SnapshotsThere(
    const std::vector<SourceId>& ids, const Rights& rights) const {
  if (ids.empty()) return Snapshots(ids, rights);
  for (const SourceId& id : ids) GRANARY_TRY(rights.Need(security::Verb::kRead, id));
  std::vector<SourceId> there;
  for (const SourceId& id : ids) {
    const auto found = store_->Find(id);
    if (found.ok()) there.push_back(id);
    if (!found.ok() && found.status().code() != Code::kSourceNotFound) return found.status();
  }
  if (there.empty()) return std::vector<storage::SourceSnapshot>();
  return Snapshots(there, rights);
}

Status Tenant::CheckOwn(const std::vector<PeerSource>& all,
                        const std::vector<storage::SourceSnapshot>& own) const {
  std::size_t mine = 0;
  for (const PeerSource& peer : all) {
    if (peer.tenant != id().str()) continue;
    const auto found = std::ranges::find(own, peer.id, &storage::SourceSnapshot::id);
    if (found == own.end() || !(*found->schema == *peer.schema)) break;
    ++mine;
  }
  if (mine == own.size() &&
      mine == static_cast<std::size_t>(std::ranges::count(all, id().str(), &PeerSource::tenant)))
    return Status::Ok();
  return {Code::kConflict, "the sources of the tenant, or their schemas, moved on"};
}

std::vector<storage::SourceSnapshot> Tenant::Among(
    const std::vector<PeerSource>& all, const std::vector<storage::SourceSnapshot>& own) const {
  std::vector<storage::SourceSnapshot> out;
  for (const PeerSource& peer : all) {
    if (peer.tenant != id().str()) {
      out.push_back(query::WithoutRows(peer.id, peer.schema));
      continue;
    }
    const auto found = std::ranges::find(own, peer.id, &storage::SourceSnapshot::id);
    if (found != own.end()) out.push_back(*found);
  }
  return out;
}

Result<SearchPageEnd> Tenant::SearchPart(const PartSearch& part, const Caller& caller,
                                         const PartStartFn& begin, const query::SearchSink& sink) {
  return RunQuery<SearchPageEnd>(
      part.pages ? QueryKind::kSearch : QueryKind::kStream, part.request.sources, caller,
      [&](const query::QueryContext& given,
          runtime::Admission::Slot& slot) -> Result<SearchPageEnd> {
        query::QueryContext context = given;
        context.wants_keys = !part.request.order_by.empty();
        const query::SearchSink pausing = Pausing(sink, slot, caller.cancel);
        if (part.pages) return RunPartPage(part, caller.rights, context, begin, pausing);
        GRANARY_ASSIGN(const auto own, SnapshotsThere(part.request.sources, caller.rights));
        GRANARY_TRY(CheckOwn(part.all, own));
        const auto known = Among(part.all, own);
        GRANARY_ASSIGN(query::QueryStats stats, query::RunSearch(
                                                    part.request, own, context, pausing,
                                                    [&](const query::AnswerShape& shape) {
                                                      return begin({{}, shape.key_shape});
                                                    },
                                                    &known));
        return SearchPageEnd{std::move(stats), std::nullopt};
      });
}

// Rows that were shown are gone through again: so a cursor over several tenants need not hold where
// each of them stopped in its own words.
Result<SearchPageEnd> Tenant::RunPartPage(const PartSearch& part, const Rights& rights,
                                          const query::QueryContext& context,
                                          const PartStartFn& begin, const query::SearchSink& sink) {
  GRANARY_ASSIGN(const std::optional<SearchCursor> cursor, OpenCursor(part.request));
  SearchCursor here{.began_us = cursor ? cursor->began_us : deps_.clock.WallMicros(),
                    .request = query::Fingerprint(part.request),
                    .sources = {},
                    .position = cursor ? cursor->position : std::nullopt};
  std::vector<storage::SourceSnapshot> own;
  if (cursor) {
    GRANARY_ASSIGN(own, SnapshotsAt(cursor->sources, rights));
    if (context.record != nullptr) context.record->miscounts = true;
  } else {
    GRANARY_ASSIGN(own, SnapshotsThere(part.request.sources, rights));
    GRANARY_TRY(CheckOwn(part.all, own));
  }
  for (const auto& snapshot : own) here.sources.push_back(storage::MarkOf(snapshot));
  if (cursor) here.sources = cursor->sources;
  const auto known = Among(part.all, own);
  SearchPageEnd end;
  if (part.skip > 0) {
    query::SearchRequest shown = part.request;
    shown.limit = part.skip;
    GRANARY_ASSIGN(query::SearchPage page,
                   query::RunPage(
                       shown, own, here.position, context,
                       [](const query::ResultBatch&) { return Status::Ok(); }, {}, &known));
    end.stats.Add(page.stats);
    if (!page.next) {
      GRANARY_TRY(begin({}));
      return end;
    }
    here.position = std::move(*page.next);
  }
  GRANARY_ASSIGN(query::SearchPage page, query::RunPage(
                                             part.request, own, here.position, context, sink,
                                             [&](const query::AnswerShape& shape) -> Status {
                                               GRANARY_ASSIGN(std::string anchor,
                                                              seal_.Write(here));
                                               return begin({std::move(anchor), shape.key_shape});
                                             },
                                             &known));
  end.stats.Add(page.stats);
  if (!page.next) return end;
  here.position = std::move(*page.next);
  GRANARY_ASSIGN(end.next_cursor, seal_.Write(here));
  return end;
}

Result<query::QueryStats> Tenant::AggregatePart(
    const query::AggregateRequest& request, const std::vector<PeerSource>& all,
    const Caller& caller, const std::function<Status(std::string_view page)>& sink) {
  return RunQuery<query::QueryStats>(
      QueryKind::kAggregate, request.sources, caller,
      [&](const query::QueryContext& context,
          runtime::Admission::Slot& slot) -> Result<query::QueryStats> {
        GRANARY_ASSIGN(const auto own, SnapshotsThere(request.sources, caller.rights));
        GRANARY_TRY(CheckOwn(all, own));
        return query::RunAggregateStates(request, Among(all, own), context,
                                         [&](std::string_view page) -> Status {
                                           slot.Pause();
                                           GRANARY_TRY(sink(page));
                                           return slot.Resume(caller.cancel);
                                         });
      });
}

}  // namespace granary
