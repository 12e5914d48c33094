// PlanRecord: what a query planned for each of its sources and, where it ran, what that took. Kept
// for EXPLAIN; a query that nobody explains has none.
//
// Threads    Begin and Add from the thread that plans; the measurements from all.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>

#include "granary/query/exec/access_plan.h"

namespace granary::query {

struct Measured {
  std::atomic<std::uint64_t> rows = 0;  ///< That came out.
  std::atomic<std::uint64_t> ns = 0;    ///< Of all workers together.

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

struct PlanRecord {
  struct OfSource {
    explicit OfSource(AccessPlan of) : plan(std::move(of)), groups(plan.choices.groups.size()) {}
    AccessPlan plan;
    std::deque<Measured> groups;     ///< As plan.choices.groups.
    std::deque<Measured> questions;  ///< As the source's IndexQuestions.
  };
  std::deque<OfSource> sources;  ///< As the query's scans.
  std::unique_ptr<KeptPlan> kept;
  std::size_t workers = 1;
  std::string workers_reason;
  Measured fetched;  ///< Columns of the rows that an ordered search chose.

  /// A query that begins anew plans anew.
  void Begin() {
    sources.clear();
    kept.reset();
  }
  void Add(const AccessPlan& plan, std::size_t questions) {
    sources.emplace_back(plan).questions.resize(questions);
  }
};

/// Measures from here to the end of its scope; nothing when there is nowhere to put it.
class Stopwatch {
 public:
  explicit Stopwatch(Measured* measured) : measured_(measured) {
    if (measured_ != nullptr) begin_ = std::chrono::steady_clock::now();
  }
  ~Stopwatch() {
    if (measured_ == nullptr) return;
    const auto took = std::chrono::steady_clock::now() - begin_;
    measured_->Add(rows, static_cast<std::uint64_t>(
                             std::chrono::duration_cast<std::chrono::nanoseconds>(took).count()));
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

  std::uint64_t rows = 0;

 private:
  Measured* const measured_;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace granary::query
