// SourceOptimizer: chooses how each segment of a source is read, the cheapest way by its estimate,
// and keeps what the others would have cost.
//
// How        for a segment: everything is looked at; statistics answer; B-trees tell the first
//            rows; page indexes tell which pages to look at; one question is put to an index;
//            several are, and what they name is intersected or united. Of the questions of an AND,
//            the one that leaves fewest rows comes first, others follow while they save more than
//            they cost: which is decided by the rows that are really left (Probe::enough). A whole
//            plan is a choice for each segment; the ones that were not taken are
//            "this way wherever it is possible".
// Wrong      estimates make a plan slow, by a bounded amount. A choice says past how many rows an
//            index is to be given up (found_max, picked_max), which is where reading everything
//            costs as much. Where everything is to be read, indexes are asked first if that costs a
//            small part of it, and are taken at their word if they name few rows (Insure).
// Plain      with Choosing::kPlain no index is asked: what statistics answer is not read,
//            everything else is.
// Alike      segments whose facts are as good as equal (numbers within an eighth of each other) are
//            planned once: a source of a thousand segments has few kinds of them.
// Threads    one a SourceOptimizer. Pure: no clock, no disk, no chance.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "granary/query/optimizer/access_facts.h"
#include "granary/query/optimizer/access_path.h"
#include "granary/query/optimizer/cost_model.h"
#include "granary/query/optimizer/index_questions.h"
#include "granary/query/optimizer/probe_planner.h"
#include "granary/query/optimizer/segment_costs.h"

namespace granary::query {

enum class Choosing : std::uint8_t { kByCost, kPlain };

/// How a segment may be read. From kSingle on: the i-th of IndexQuestions::Alternatives alone.
enum Way : std::uint8_t { kScan, kMetadata, kFirst, kPages, kCombined, kSingle };
inline constexpr std::size_t kWays = 15;

/// Segments that are read alike.
struct PathGroup {
  AccessPath path = AccessPath::kFullScan;
  Way way = kScan;
  /// Among SourceChoices::probes; -1: no index is asked. Of kScan: what is asked before.
  int probe = -1;
  std::uint64_t segments = 0;
  double rows = 0;      ///< That match.
  double examined = 0;  ///< Whose values are looked at.
  double ns = 0;
  double pages_kept = 0, pages_total = 0;  ///< Of kPages.
};

struct SegmentChoice {
  Way way = kScan;
  int probe = -1;
  std::uint16_t group = 0;  ///< Among SourceChoices::groups.
  /// An index is given up when it names more rows, or when more are left in the end.
  std::size_t found_max = 0, picked_max = 0;
  double rows = 0, examined = 0, ns = 0;
};

/// A whole plan that was not taken.
struct Alternative {
  Way way = kScan;
  std::size_t single = 0;  ///< From kSingle on: which of the alternatives.
  double examined = 0;
  double ns = 0;
  double pages_kept = 0, pages_total = 0;  ///< Of kPages.
};

/// Segments, or hot chunks, whose facts are alike, with those of the first of them.
struct FactsClass {
  std::uint64_t segments = 0;
  bool hot = false;
  SegmentFacts facts;  ///< But for the two spans, which are these:
  std::vector<QuestionIndexes> indexes;
  std::vector<double> named;
};

struct SourceChoices {
  std::vector<PathGroup> groups;
  std::vector<Probe> probes;
  double rows = 0, examined = 0, ns = 0;
  std::vector<Alternative> rejected;  ///< The cheapest first.
  std::vector<FactsClass> classes;    ///< What it was all chosen from.
};

class SourceOptimizer {
 public:
  /// `shape`, `questions` and `model` outlive it; `model` is Sound.
  SourceOptimizer(const AccessShape& shape, const IndexQuestions& questions, const CostModel& model,
                  Choosing choosing);
  SourceOptimizer(const SourceOptimizer&) = delete;
  SourceOptimizer& operator=(const SourceOptimizer&) = delete;

  /// Takes `way` wherever it is possible, and kScan elsewhere: for those who want to run a plan
  /// that was not chosen.
  void Force(Way way) { forced_ = way; }

  /// `is_cached` tells facts.cached and is asked only where that decides. Null: they are taken to
  /// be, since an index that pays then pays the more where they are not.
  /// `pages_of` tells facts.pages better, if it can, and is asked only when they would be the way.
  SegmentChoice Choose(const SegmentFacts& facts, const std::function<bool()>& is_cached = {},
                       const std::function<std::optional<PageFacts>()>& pages_of = {});
  /// Of hot rows, which are decoded already and have hash indexes.
  SegmentChoice ChooseHot(const SegmentFacts& facts);

  const Probe& probe(int at) const { return choices_.probes[static_cast<std::size_t>(at)]; }
  /// What was chosen until now, all in all.
  SourceChoices Finish() &&;

 private:
  static constexpr double kImpossible = Cost::kImpossible;

  double Wanted() const;
  void AddWays(const SegmentFacts& facts);
  double CostOf(Way way, bool cached) const;
  Way Cheapest(bool cached) const;
  AccessPath PathOf(const SegmentFacts& facts, const SegmentChoice& choice, bool cached) const;
  int ProbeOf(Way way);
  /// What was chosen for segments that are alike.
  struct Alike {
    FactsClass of;
    SegmentChoice choice;
    AccessPath path = AccessPath::kFullScan;
    bool asks_pages = false;   ///< What page indexes leave is worth to be known exactly.
    bool asks_cached = false;  ///< It hangs on whether the columns are decoded already.
    double rows = 0;           ///< Of all of them together.
    double pages_kept = 0, pages_total = 0;
    std::array<double, kWays> ns{}, examined{};
    std::array<bool, kWays> possible{}, differs{};  ///< … from what was chosen.
  };
  /// What is known of a segment besides its facts.
  struct Known {
    std::optional<bool> cached;
    bool may_ask_cached = false;
    bool pages_are_exact = false;
  };
  Alike& AlikeTo(const SegmentFacts& facts, const Known& known);
  void Insure(const SegmentFacts& facts, SegmentChoice& choice);
  void Plan(const SegmentFacts& facts, const Known& known, Alike& alike);
  /// The choice for one more segment, of as many rows as its own facts say.
  SegmentChoice Take(Alike& alike, const SegmentFacts& facts);
  /// The place of a group, which is made when it is the first of its kind.
  std::uint16_t GroupOf(AccessPath path, const SegmentChoice& choice);

  const AccessShape& shape_;
  const IndexQuestions& questions_;
  const CostModel& model_;
  const Choosing choosing_;
  Way forced_ = static_cast<Way>(kWays);  // None.
  const std::vector<std::uint16_t> alternatives_;
  const SegmentCosts segment_costs_;
  ProbePlanner planner_;
  double wanted_;  // Of shape_.limit, still.

  // Of the segment at hand.
  std::array<Cost, kWays> costs_;
  std::array<Probe, kWays> asked_by_;
  std::size_t ways_ = 1;

  SourceChoices choices_;
  PageFacts pages_;  // Of the segment at hand.
  std::vector<Alike> alikes_;
  std::unordered_map<std::uint64_t, std::size_t> places_;  ///< Of alikes, by what they share.
};

}  // namespace granary::query
