#include "granary/query/exec/aggregate_spill.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "granary/query/exec/aggregate_blocks.h"
#include "granary/query/exec/aggregate_table.h"
#include "granary/query/exec/block_hash.h"
#include "granary/query/exec/distinct_spill.h"
#include "granary/query/exec/finish_groups.h"
#include "granary/query/exec/group_run.h"
#include "granary/query/exec/percentile_spill.h"

namespace granary::query {
namespace {

constexpr int kPartBits = 4;
constexpr std::size_t kParts = std::size_t{1} << kPartBits;
constexpr int kDepthMax = 8;  ///< 32 bits of the hash: 4 billion parts.

constexpr std::uint64_t kRunPageBytesMax = 64u << 10;
constexpr std::uint64_t kRunPageBytesMin = 1u << 10;
// A page of each run is in memory while they merge.
constexpr std::uint64_t kRunPagesOfShare = 128;
constexpr std::size_t kRunsMax = 64;
constexpr std::size_t kRowsAtOnce = 1024;  ///< For the sink.
// Groups that take more on the average are large for the values that they hold: these are worth
// files of their own. Smaller ones are better parted by group.
constexpr std::uint64_t kBytesOfLargeGroup = 4096;

using Pages = std::vector<runtime::SpillExtent>;

/// The rows of one part, lane by lane.
using Part = std::vector<Pages>;
using Parts = std::array<Part, kParts>;

std::size_t PartOf(std::uint64_t hash, int depth) {
  return hash >> (64 - kPartBits * (depth + 1)) & (kParts - 1);
}

/// Sorts rows into parts and writes them out, block by block.
class Parter {
 public:
  Parter(runtime::SpillFile& file, int depth) : file_(file), depth_(depth) {}

  Status Add(const AggregateBlocks& blocks, std::array<Pages*, kParts> parts) {
    HashRows(blocks.groups, blocks.rows, hashes_);
    for (auto& rows : rows_) rows.clear();
    for (std::size_t row = 0; row < hashes_.size(); ++row)
      rows_[PartOf(hashes_[row], depth_)].push_back(static_cast<std::int32_t>(row));
    for (std::size_t part = 0; part < kParts; ++part) {
      if (rows_[part].empty()) continue;
      page_.clear();
      blocks.Encode(rows_[part], page_);
      GRANARY_ASSIGN(const runtime::SpillExtent extent, file_.Append(page_));
      parts[part]->push_back(extent);
    }
    return Status::Ok();
  }

 private:
  runtime::SpillFile& file_;
  const int depth_;
  std::vector<std::uint64_t> hashes_;
  std::array<std::vector<std::int32_t>, kParts> rows_;
  std::string page_;
};

std::array<Pages*, kParts> PagesOfLane(Parts& parts, std::size_t lane) {
  std::array<Pages*, kParts> pages;
  for (std::size_t part = 0; part < kParts; ++part) pages[part] = &parts[part][lane];
  return pages;
}

Parts MakeParts(std::size_t lanes) {
  Parts parts;
  for (Part& part : parts) part.resize(lanes);
  return parts;
}

class Spill {
 public:
  Spill(const AggregateRequest& request, const AggregatePlan& plan, const AggregateTable& known,
        const QueryContext& context, runtime::SpillFile& file)
      : request_(request),
        plan_(plan),
        known_(known),
        context_(context),
        file_(file),
        order_(request, plan.answer),
        blocks_(plan) {
    page_bytes_ =
        std::clamp(context.memory->reach() / kRunPagesOfShare, kRunPageBytesMin, kRunPageBytesMax);
  }

  Status WriteRows(const std::vector<Morsel>& morsels, std::size_t lanes, Parts& parts,
                   QueryStats& stats) {
    std::vector<QueryStats> of_lane(lanes);
    GRANARY_TRY(context_.pool.ParallelFor(lanes, context_.parallelism, [&](std::size_t lane) {
      return WriteLane(morsels, lane, lanes, PagesOfLane(parts, lane), of_lane[lane]);
    }));
    for (const QueryStats& part : of_lane) stats.Add(part);
    return Status::Ok();
  }

  /// Adds the part's finished groups as a run, or, when they outgrow the share, those of its parts.
  Status Finish(Part part, int depth) {
    Attempt attempt{.finished = false, .groups = 1};
    // Without groups that was tried before anything was written.
    if (!plan_.groups.empty()) {
      GRANARY_ASSIGN(attempt, FinishWhole(part));
    }
    const bool is_large =
        attempt.groups <= std::max(context_.memory->reach() / kBytesOfLargeGroup, std::uint64_t{1});
    if (!attempt.finished && is_large && (plan_.HoldsValues() || plan_.groups.empty())) {
      GRANARY_ASSIGN(attempt, FinishWithoutValues(part));
    }
    if (attempt.finished) return Status::Ok();
    if (attempt.groups <= 1 || depth == kDepthMax) return OneGroupIsTooLarge();
    Parts parts = MakeParts(part.size());
    GRANARY_TRY(PartAgain(part, depth, parts));
    part = Part();
    for (Part& smaller : parts) GRANARY_TRY(Finish(std::move(smaller), depth + 1));
    return Status::Ok();
  }

  /// Written by now, values included.
  std::uint64_t bytes() const { return file_.bytes() + value_bytes_; }

  Status Emit(const AggregateSink& sink) const {
    std::vector<std::vector<Value>> rows;
    std::uint64_t left = request_.limit.value_or(~std::uint64_t{0});
    const auto take = [&](FinishedGroup group) -> Result<bool> {
      if (left == 0) return false;
      rows.push_back(std::move(group.values));
      --left;
      if (rows.size() < kRowsAtOnce) return true;
      GRANARY_TRY(sink(plan_.answer, std::exchange(rows, {})));
      return true;
    };
    GRANARY_TRY(MergeRuns(runs_, file_, order_, plan_.answer.size(), context_.cancel, take));
    return rows.empty() ? Status::Ok() : sink(plan_.answer, std::move(rows));
  }

 private:
  /// What became of a part, and how many groups were met in it until then.
  struct Attempt {
    bool finished = false;
    std::size_t groups = 0;
  };

  Result<Attempt> FinishWhole(const Part& part) {
    AggregateTable table(plan_, KeyLookup::kCompact);
    runtime::MemoryReservation held(context_.memory);
    std::vector<FirstMet> first_met;
    GRANARY_ASSIGN(bool fits, Aggregate(part, HeldValues::kAll, table, held, first_met));
    fits = fits && (Fits(held, held.bytes() + FinishedBytes(plan_, table)) || table.groups() <= 1);
    if (!fits) return Attempt{false, table.groups()};
    GRANARY_ASSIGN(AnswerColumns answer, FinishGroups(plan_, table, context_.cancel));
    GRANARY_TRY(AddRun(answer, first_met));
    return Attempt{true, table.groups()};
  }

  /// The values are gone through by themselves, which takes as much of the share as the groups may.
  Result<Attempt> FinishWithoutValues(const Part& part) {
    AggregateTable table(plan_, KeyLookup::kCompact, HeldValues::kCounted);
    runtime::MemoryReservation held(context_.memory);
    std::vector<FirstMet> first_met;
    GRANARY_ASSIGN(bool fits, Aggregate(part, HeldValues::kCounted, table, held, first_met));
    const std::uint64_t bytes = held.bytes() + FinishedBytes(plan_, table) +
                                table.groups() * plan_.aggregates.size() * sizeof(Value);
    const bool leaves_half = bytes <= context_.memory->reach() / 2 || table.groups() <= 1;
    fits = fits && leaves_half && Fits(held, bytes);
    if (!fits) return Attempt{false, table.groups()};
    GRANARY_ASSIGN(AnswerColumns answer, FinishGroups(plan_, table, context_.cancel));
    GRANARY_TRY(AddValues(part, table, answer));
    GRANARY_TRY(AddRun(answer, first_met));
    return Attempt{true, table.groups()};
  }

  /// Puts the answers of aggregates that hold values in the place of how many they are.
  Status AddValues(const Part& part, AggregateTable& table, AnswerColumns& answer) {
    const auto column_of = [&](std::size_t aggregate) -> std::vector<Value>& {
      return answer.values[plan_.groups.size() + aggregate];
    };
    std::set<std::pair<bool, int>> done;  // Those of one column at once.
    for (std::size_t i = 0; i < plan_.aggregates.size(); ++i) {
      const PlannedAggregate& first = plan_.aggregates[i];
      if (!HoldsValues(first.aggregation->type)) continue;
      const bool is_percentile = IsPercentile(first.aggregation->type);
      if (!done.insert({is_percentile, first.column}).second) continue;
      std::vector<std::size_t> alike;
      for (std::size_t j = i; j < plan_.aggregates.size(); ++j) {
        const PlannedAggregate& other = plan_.aggregates[j];
        if (other.column == first.column && HoldsValues(other.aggregation->type) &&
            IsPercentile(other.aggregation->type) == is_percentile)
          alike.push_back(j);
      }
      const GroupedValues values = [&](const GroupedValuesSink& each) {
        return ForEachValues(part, table, static_cast<std::size_t>(first.column), each);
      };
      if (is_percentile) {
        std::vector<double> ps;
        for (const std::size_t j : alike) ps.push_back(plan_.aggregates[j].aggregation->p);
        std::vector<std::uint64_t> counts;
        for (const Value& count : column_of(i))
          counts.push_back(static_cast<std::uint64_t>(std::get<std::int64_t>(count)));
        GRANARY_ASSIGN(auto picked, SpilledPercentiles(ps, counts, values, context_, value_bytes_));
        for (std::size_t k = 0; k < alike.size(); ++k) column_of(alike[k]) = std::move(picked[k]);
      } else {
        GRANARY_ASSIGN(const auto counts,
                       CountDistinct(first.shape, table.groups(), values, context_, value_bytes_));
        for (const std::size_t j : alike) column_of(j).assign(counts.begin(), counts.end());
      }
    }
    return Status::Ok();
  }

  /// The values of a column in a part, whose groups the table has.
  Status ForEachValues(const Part& part, AggregateTable& table, std::size_t column,
                       const GroupedValuesSink& each) {
    std::vector<std::int32_t> rows;
    for (const Pages& pages : part) {
      for (const runtime::SpillExtent& page : pages) {
        GRANARY_TRY(Load(page));
        table.FindGroups(blocks_);
        const ValueBlock& values = blocks_.values[column];
        rows.clear();
        for (std::int64_t row = 0; row < blocks_.rows; ++row) {
          if (values.IsValid(row)) rows.push_back(static_cast<std::int32_t>(row));
        }
        GRANARY_TRY(each(values, table.group_of().data(), rows));
      }
    }
    return Status::Ok();
  }

  Status WriteLane(const std::vector<Morsel>& morsels, std::size_t lane, std::size_t lanes,
                   const std::array<Pages*, kParts>& pages, QueryStats& stats) const {
    AggregateBlocks blocks(plan_);
    Parter parter(file_, /*depth=*/0);
    std::uint64_t next_ordinal = 0;
    for (std::size_t i = lane; i < morsels.size(); i += lanes) {
      const std::size_t source = morsels[i].source;
      GRANARY_ASSIGN(const ScannedRows scanned,
                     plan_.scans[source].Read(morsels[i], context_, stats));
      GRANARY_TRY(blocks.ForEachRun(scanned, source, context_, [&]() -> Status {
        blocks.ordinals.resize(static_cast<std::size_t>(blocks.rows));
        for (std::uint64_t& ordinal : blocks.ordinals) ordinal = next_ordinal++;
        return parter.Add(blocks, pages);
      }));
    }
    return Status::Ok();
  }

  /// Loads the rows of a page into blocks_.
  Status Load(const runtime::SpillExtent& page) {
    GRANARY_TRY(context_.cancel.Check());
    GRANARY_TRY(file_.Read(page, page_));
    return blocks_.Decode(page_);
  }

  Status PartAgain(const Part& part, int depth, Parts& parts) {
    Parter parter(file_, depth + 1);
    for (std::size_t lane = 0; lane < part.size(); ++lane) {
      const auto pages = PagesOfLane(parts, lane);
      for (const runtime::SpillExtent& page : part[lane]) {
        GRANARY_TRY(Load(page));
        GRANARY_TRY(parter.Add(blocks_, pages));
      }
    }
    return Status::Ok();
  }

  /// False when the groups outgrow the share; then the table has those that were met, and nothing
  /// else of use.
  Result<bool> Aggregate(const Part& part, HeldValues values, AggregateTable& table,
                         runtime::MemoryReservation& held, std::vector<FirstMet>& first_met) {
    if (plan_.groups.empty()) {
      GRANARY_TRY(table.MergeKnown(known_));
      first_met.emplace_back();
    }
    for (std::size_t lane = 0; lane < part.size(); ++lane) {
      if (part[lane].empty()) continue;
      AggregateTable of_lane(plan_, KeyLookup::kCompact, values);
      runtime::MemoryReservation lane_held(context_.memory);
      std::vector<std::uint64_t> first_row;  // Of each group of the lane.
      GRANARY_ASSIGN(const bool fits, AggregateLane(part[lane], of_lane, lane_held, first_row));
      if (!fits) {
        GRANARY_TRY(table.MergeGroups(of_lane, context_.cancel));
        return false;
      }
      GRANARY_TRY(table.Merge(of_lane, context_.cancel));
      for (std::size_t i = 0; i < table.group_of().size(); ++i) {
        if (table.group_of()[i] == first_met.size())
          first_met.push_back({static_cast<std::uint32_t>(lane), first_row[i]});
      }
      if (!Fits(held, table.bytes() + BytesOf(first_met))) return false;
    }
    return true;
  }

  /// The same for one lane.
  Result<bool> AggregateLane(const Pages& pages, AggregateTable& table,
                             runtime::MemoryReservation& held,
                             std::vector<std::uint64_t>& first_row) {
    for (const runtime::SpillExtent& page : pages) {
      GRANARY_TRY(Load(page));
      GRANARY_TRY(table.Add(blocks_, context_.cancel));
      for (std::size_t i = 0; i < table.group_of().size(); ++i) {
        if (table.group_of()[i] == first_row.size()) first_row.push_back(blocks_.ordinals[i]);
      }
      if (!Fits(held, table.bytes() + BytesOf(first_row))) return false;
    }
    if (plan_.groups.empty()) first_row.assign(1, 0);  // There is one, and it is known already.
    return true;
  }

  Status AddRun(AnswerColumns& answer, const std::vector<FirstMet>& first_met) {
    GRANARY_ASSIGN(const auto picked, PickGroups(request_, answer, context_.cancel));
    GroupRunWriter run(file_, page_bytes_);
    for (std::size_t i = 0; i < picked.size(); ++i) {
      if (i % kGroupsAtOnce == 0) GRANARY_TRY(context_.cancel.Check());
      FinishedGroup group{first_met[picked[i]], {}};
      for (std::vector<Value>& column : answer.values)
        group.values.push_back(std::move(column[picked[i]]));
      GRANARY_TRY(run.Add(group));
    }
    GRANARY_ASSIGN(GroupRun written, run.Finish());
    if (!written.pages.empty()) runs_.push_back(std::move(written));
    return runs_.size() < kRunsMax ? Status::Ok() : MergeIntoOne();
  }

  Status MergeIntoOne() {
    GroupRunWriter merged(file_, page_bytes_);
    GRANARY_TRY(MergeRuns(runs_, file_, order_, plan_.answer.size(), context_.cancel,
                          [&](FinishedGroup group) -> Result<bool> {
                            GRANARY_TRY(merged.Add(group));
                            return true;
                          }));
    GRANARY_ASSIGN(GroupRun written, merged.Finish());
    runs_.clear();
    runs_.push_back(std::move(written));
    return Status::Ok();
  }

  bool Fits(runtime::MemoryReservation& held, std::uint64_t bytes) {
    const runtime::MemoryBudget* refused = held.GrowTo(bytes);
    if (refused != nullptr) refused_by_ = refused;
    return refused == nullptr;
  }

  Status OneGroupIsTooLarge() const {
    return Outgrown(*refused_by_, context_).At("a single group, or too many in one place");
  }

  const AggregateRequest& request_;
  const AggregatePlan& plan_;
  const AggregateTable& known_;
  const QueryContext& context_;
  runtime::SpillFile& file_;
  const RowOrder order_;
  std::uint64_t page_bytes_ = 0;
  AggregateBlocks blocks_;
  std::string page_;
  std::vector<GroupRun> runs_;
  std::uint64_t value_bytes_ = 0;                      ///< Written to the files of values.
  const runtime::MemoryBudget* refused_by_ = nullptr;  ///< That was in the way last.
};

}  // namespace

Status SpillAggregate(const AggregateRequest& request, const AggregatePlan& plan,
                      const AggregateTable& known, const std::vector<Morsel>& morsels,
                      std::size_t lanes, const QueryContext& context, const AggregateSink& sink,
                      QueryStats& stats) {
  if (context.record != nullptr) context.record->miscounts = true;  // They may be read again.
  GRANARY_ASSIGN(const auto file, context.spill->NewFile());
  Spill spill(request, plan, known, context, *file);
  Parts parts = MakeParts(lanes);
  GRANARY_TRY(spill.WriteRows(morsels, lanes, parts, stats));
  // Without groups all rows are in one part, and the others have none.
  const std::size_t parts_used = plan.groups.empty() ? 1 : parts.size();
  for (std::size_t i = 0; i < parts_used; ++i)
    GRANARY_TRY(spill.Finish(std::move(parts[i]), /*depth=*/0));
  stats.spilled_bytes += spill.bytes();
  return spill.Emit(sink);
}

}  // namespace granary::query
