// PlanRecord: what a query planned for each of its sources and, where it ran, what that took. Kept
// for EXPLAIN, and in less detail for those who learn from queries.
//
// Threads    Begin and Add from the thread that plans; the measurements from all.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "granary/query/exec/access_plan.h"
#include "granary/query/exec/query_context.h"
#include "granary/query/learning/query_feedback.h"

namespace granary::query {

struct Measured {
  std::atomic<std::uint64_t> rows = 0;  ///< That came out.
  std::atomic<std::uint64_t> ns = 0;    ///< Of all workers together.
  std::array<std::atomic<std::uint64_t>, kCounted> work = {};
  // Of an index that was asked:
  std::atomic<std::uint64_t> calls = 0;
  std::atomic<std::uint64_t> rows_at_least = 0;  ///< Where it was given up for naming too many.

  void Add(std::uint64_t more_rows, std::uint64_t more_ns) {
    rows.fetch_add(more_rows, std::memory_order_relaxed);
    ns.fetch_add(more_ns, std::memory_order_relaxed);
  }
};

/// What an aggregate does with states that are kept.
struct KeptPlan {
  double groups = 0;      ///< Of the kept state.
  double ns = 0;          ///< Estimated, to merge it.
  double instead_ns = 0;  ///< To read what it covers, and merge that.
  std::uint64_t segments = 0;
  Measured measured;
};

/// How much of a query's plan is kept.
enum class RecordDetail : std::uint8_t {
  kAll,    ///< For people: also what costs time to find out.
  kWorked  ///< What was chosen from what, and what it took.
};

struct PlanRecord {
  struct OfSource {
    OfSource(AccessPlan of, std::size_t question_count)
        : plan(std::move(of)), groups(plan.choices.groups.size()), questions(question_count) {}
    AccessPlan plan;
    std::deque<Measured> groups;                 ///< As plan.choices.groups.
    std::deque<Measured> questions;              ///< As the source's IndexQuestions.
    std::optional<QueryFeedback> feedback = {};  ///< With kWorked: what is known before it runs.
  };

  explicit PlanRecord(RecordDetail of = RecordDetail::kAll) : detail(of) {}

  const RecordDetail detail;
  std::deque<OfSource> sources;  ///< As the query's scans.
  std::deque<OfSource> earlier;  ///< With kWorked: of the runs that a query consists of.
  /// Rows that match were left out, or counted twice: how many there are is not known.
  bool miscounts = false;
  std::unique_ptr<KeptPlan> kept;
  std::size_t workers = 1;
  std::string workers_reason;
  Measured fetched;  ///< Columns of the rows that an ordered search chose.

  /// A query that begins anew plans anew.
  void Begin() {
    sources.clear();
    kept.reset();
  }
  /// Another part of the query, over other rows, is planned.
  void GoOn() {
    if (detail == RecordDetail::kWorked)
      std::move(sources.begin(), sources.end(), std::back_inserter(earlier));
    Begin();
  }
  /// The plan of the next source.
  void Add(AccessPlan plan, std::size_t questions) {
    sources.emplace_back(std::move(plan), questions);
  }
};

/// True when EXPLAIN wants to know everything.
inline bool WantsAll(const PlanRecord* record) {
  return record != nullptr && record->detail == RecordDetail::kAll;
}

/// Measures from here to the end of its scope; nothing when there is nowhere to put it.
class Stopwatch {
 public:
  /// What `stats` count meanwhile is measured, too, and what they waited is left out.
  explicit Stopwatch(Measured* measured, const QueryStats* stats = nullptr)
      : measured_(measured), stats_(stats) {
    if (measured_ == nullptr) return;
    if (stats_ != nullptr) {
      before_ = stats_->work;
      waited_ns_ = stats_->waited_ns;
    }
    begin_ = std::chrono::steady_clock::now();
  }
  ~Stopwatch() {
    if (measured_ == nullptr) return;
    const auto took = std::chrono::steady_clock::now() - begin_;
    auto ns = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(took).count());
    if (stats_ != nullptr) ns -= std::min(ns, stats_->waited_ns - waited_ns_);
    measured_->Add(rows, ns);
    if (stats_ == nullptr) return;
    for (std::size_t i = 0; i < kCounted; ++i) {
      const auto what = static_cast<Counted>(i);
      if (const std::uint64_t more = stats_->work[what] - before_[what]; more > 0)
        measured_->work[i].fetch_add(more, std::memory_order_relaxed);
    }
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

  std::uint64_t rows = 0;

 private:
  Measured* const measured_;
  const QueryStats* const stats_;
  WorkCounts before_;
  std::uint64_t waited_ns_ = 0;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace granary::query
