#include "granary/query/exec/aggregate_spill.h"

#include <algorithm>
#include <array>
#include <utility>

#include "granary/query/exec/aggregate_blocks.h"
#include "granary/query/exec/aggregate_table.h"
#include "granary/query/exec/block_hash.h"
#include "granary/query/exec/finish_groups.h"
#include "granary/query/exec/group_run.h"

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
  Spill(const AggregateRequest& request, const AggregatePlan& plan, const QueryContext& context,
        runtime::SpillFile& file)
      : request_(request),
        plan_(plan),
        context_(context),
        file_(file),
        order_(request, plan.answer),
        blocks_(plan) {
    const std::uint64_t share =
        context.memory == nullptr ? runtime::MemoryBudget::kNoLimit : context.memory->limit();
    page_bytes_ = std::clamp(share / kRunPagesOfShare, kRunPageBytesMin, kRunPageBytesMax);
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
    bool finished = false;
    {
      AggregateTable table(plan_, KeyLookup::kCompact);
      runtime::MemoryReservation held(context_.memory);
      std::vector<FirstMet> first_met;
      GRANARY_ASSIGN(finished, Aggregate(part, table, held, first_met));
      if (finished) {
        GRANARY_ASSIGN(finished, AddRun(table, held, first_met));
      }
      if (!finished && (table.groups() <= 1 || depth == kDepthMax)) return OneGroupIsTooLarge();
    }
    if (finished) return Status::Ok();
    Parts parts = MakeParts(part.size());
    GRANARY_TRY(PartAgain(part, depth, parts));
    part = Part();
    for (Part& smaller : parts) GRANARY_TRY(Finish(std::move(smaller), depth + 1));
    return Status::Ok();
  }

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

  /// False when the groups outgrow the share.
  Result<bool> Aggregate(const Part& part, AggregateTable& table, runtime::MemoryReservation& held,
                         std::vector<FirstMet>& first_met) {
    for (std::size_t lane = 0; lane < part.size(); ++lane) {
      if (part[lane].empty()) continue;
      AggregateTable of_lane(plan_, KeyLookup::kCompact);
      runtime::MemoryReservation lane_held(context_.memory);
      std::vector<std::uint64_t> first_row;  // Of each group of the lane.
      GRANARY_ASSIGN(bool fits, AggregateLane(part[lane], of_lane, lane_held, first_row));
      // What does not fit is merged all the same as long as there is one group alone, so that
      // whoever looks sees whether parting again can help.
      if (fits || table.groups() <= 1) {
        GRANARY_TRY(table.Merge(of_lane, context_.cancel));
        for (std::size_t i = 0; i < table.group_of().size(); ++i) {
          if (table.group_of()[i] == first_met.size())
            first_met.push_back({static_cast<std::uint32_t>(lane), first_row[i]});
        }
        fits = fits && Fits(held, table.bytes() + BytesOf(first_met));
      }
      if (!fits) return false;
    }
    return true;
  }

  /// The same for one lane. Stops at once, unless all rows so far are of one group.
  Result<bool> AggregateLane(const Pages& pages, AggregateTable& table,
                             runtime::MemoryReservation& held,
                             std::vector<std::uint64_t>& first_row) {
    for (const runtime::SpillExtent& page : pages) {
      GRANARY_TRY(Load(page));
      GRANARY_TRY(table.Add(blocks_));
      for (std::size_t i = 0; i < table.group_of().size(); ++i) {
        if (table.group_of()[i] == first_row.size()) first_row.push_back(blocks_.ordinals[i]);
      }
      if (!Fits(held, table.bytes() + BytesOf(first_row))) return false;
    }
    return true;
  }

  /// False when the finished groups outgrow the share.
  Result<bool> AddRun(AggregateTable& table, runtime::MemoryReservation& held,
                      const std::vector<FirstMet>& first_met) {
    if (!Fits(held, held.bytes() + FinishedBytes(plan_, table)) && table.groups() > 1) return false;
    GRANARY_ASSIGN(AnswerColumns answer, FinishGroups(plan_, table, context_.cancel));
    GRANARY_ASSIGN(const auto picked, PickGroups(request_, answer));
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
    if (runs_.size() < kRunsMax) return true;
    GRANARY_TRY(MergeIntoOne());
    return true;
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
  const QueryContext& context_;
  runtime::SpillFile& file_;
  const RowOrder order_;
  std::uint64_t page_bytes_ = 0;
  AggregateBlocks blocks_;
  std::string page_;
  std::vector<GroupRun> runs_;
  const runtime::MemoryBudget* refused_by_ = nullptr;  ///< That was in the way last.
};

}  // namespace

Status SpillAggregate(const AggregateRequest& request, const AggregatePlan& plan,
                      const std::vector<Morsel>& morsels, std::size_t lanes,
                      const QueryContext& context, const AggregateSink& sink, QueryStats& stats) {
  GRANARY_ASSIGN(const auto file, context.spill->NewFile());
  Spill spill(request, plan, context, *file);
  Parts parts = MakeParts(lanes);
  GRANARY_TRY(spill.WriteRows(morsels, lanes, parts, stats));
  for (Part& part : parts) GRANARY_TRY(spill.Finish(std::move(part), /*depth=*/0));
  stats.spilled_bytes += file->bytes();
  return spill.Emit(sink);
}

}  // namespace granary::query
