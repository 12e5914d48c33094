#include "granary/query/optimizer/source_optimizer.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace granary::query {
namespace {

// With fewer rows than that no estimate is worth giving an index up.
constexpr double kRowsMaxAtLeast = 256;
// An index may name so many times what was estimated.
constexpr double kSlack = 2;
// How probably a limit is not reached where it was expected.
constexpr double kMissed = 0.3;

std::size_t RowCount(double rows) {
  return static_cast<std::size_t>(std::clamp(rows, kRowsMaxAtLeast, kRowsMost));
}

/// Equal for numbers within an eighth of each other: the exponent and the first bits after it.
std::uint64_t Rounded(double value) { return std::bit_cast<std::uint64_t>(value) >> 49; }
std::uint64_t Rounded(std::uint64_t value) { return Rounded(static_cast<double>(value)); }

std::uint64_t CodeOf(std::optional<bool> known) { return !known ? 0 : *known ? 1 : 2; }

/// Equal for segments that are planned alike.
std::uint64_t KindOf(const SegmentFacts& facts, std::optional<bool> cached, bool pages_are_exact,
                     double wanted) {
  const auto flags = static_cast<std::uint64_t>(facts.all_match) |
                     static_cast<std::uint64_t>(facts.by_metadata) << 1 |
                     static_cast<std::uint64_t>(facts.first_by_index) << 2 | CodeOf(cached) << 3 |
                     CodeOf(facts.pages ? std::optional(pages_are_exact) : std::nullopt) << 5;
  std::uint64_t kind = flags;
  const auto add = [&kind](std::uint64_t next) {
    kind = (kind ^ next) * 0x9E37'79B9'7F4A'7C15;
    kind ^= kind >> 29;
  };
  add(Rounded(facts.rows));
  add(Rounded(facts.row_groups));
  add(Rounded(facts.matches));
  add(Rounded(wanted));
  if (facts.pages) {
    add(Rounded(facts.pages->rows));
    add(Rounded(facts.pages->kept));
    add(Rounded(facts.pages->total));
    add(Rounded(facts.pages->row_groups));
    add(facts.pages->kept >= facts.pages->total ? 1 : 0);
  }
  for (std::size_t i = 0; i < facts.indexes.size(); ++i) {
    const QuestionIndexes& has = facts.indexes[i];
    const auto bits = static_cast<std::uint64_t>(has.hash) |
                      static_cast<std::uint64_t>(has.btree) << 1 |
                      static_cast<std::uint64_t>(has.bloom) << 2;
    if (bits != 0)
      add(Rounded(facts.named[i]) << 3 | bits);
    else
      add(i);
  }
  // What decides on answers is never shared by chance.
  return (kind << 7) | flags;
}

}  // namespace

SourceOptimizer::SourceOptimizer(const AccessShape& shape, const IndexQuestions& questions,
                                 const CostModel& model, Choosing choosing)
    : shape_(shape),
      questions_(questions),
      model_(model),
      choosing_(choosing),
      alternatives_(questions.Alternatives()),
      segment_costs_(shape, model),
      planner_(questions, model, segment_costs_),
      wanted_(shape.limit ? static_cast<double>(*shape.limit) : kImpossible) {}

/// As long as rows are wanted, so many; else a segment is read only if fewer came than were
/// expected, and then none are known to be.
double SourceOptimizer::Wanted() const {
  return wanted_ > 0 || !shape_.limit ? wanted_ : static_cast<double>(*shape_.limit);
}

void SourceOptimizer::AddWays(const SegmentFacts& facts) {
  costs_[kScan] = segment_costs_.Scan(facts, Wanted());
  ways_ = kSingle;
  for (std::size_t way = kMetadata; way < kWays; ++way) costs_[way].ns = kImpossible;
  if (facts.by_metadata) {
    costs_[kMetadata] = {model_.metadata_ns, 0, static_cast<double>(facts.rows), 0};
  }
  if (choosing_ == Choosing::kPlain) return;
  if (facts.first_by_index && shape_.first) costs_[kFirst] = segment_costs_.First(facts, Wanted());
  if (facts.pages) {
    pages_ = *facts.pages;
    costs_[kPages] = segment_costs_.Pages(facts, pages_, Wanted());
  }
  if (facts.all_match || facts.indexes.empty() || questions_.empty()) return;
  const auto add = [&](std::size_t way, std::uint16_t node) {
    const Told told = planner_.Plan(facts, node, asked_by_[way]);
    if (told.tells) costs_[way] = segment_costs_.Probing(facts, told, Wanted());
  };
  for (std::size_t i = 0; i < alternatives_.size() && kSingle + i < kWays; ++i) {
    add(kSingle + i, alternatives_[i]);
    ways_ = kSingle + i + 1;
  }
  if (alternatives_.size() < 2) return;
  add(kCombined, static_cast<std::uint16_t>(questions_.root));
  // What asks the same as a single one is that one.
  for (std::size_t other = kSingle; other < ways_; ++other) {
    if (costs_[other].ns < kImpossible && asked_by_[other] == asked_by_[kCombined])
      costs_[kCombined].ns = kImpossible;
  }
}

double SourceOptimizer::CostOf(Way way, bool cached) const {
  return costs_[way].ns - (cached ? costs_[way].decoding : 0);
}

Way SourceOptimizer::Cheapest(bool cached) const {
  Way best = kScan;
  double least = CostOf(kScan, cached) + model_.tie_ns;
  for (std::size_t way = kMetadata; way < ways_; ++way) {
    if (costs_[way].ns == kImpossible) continue;
    if (way == kPages && pages_.kept >= pages_.total) continue;  // It is a scan, and a look before.
    const double ns = CostOf(static_cast<Way>(way), cached);
    if (ns > least || (best != kScan && ns == least)) continue;
    best = static_cast<Way>(way);
    least = ns;
  }
  return best;
}

int SourceOptimizer::ProbeOf(Way way) {
  if (way < kCombined) return -1;
  const auto at = std::ranges::find(choices_.probes, asked_by_[way]);
  const auto place = static_cast<int>(at - choices_.probes.begin());
  if (at == choices_.probes.end()) choices_.probes.push_back(asked_by_[way]);
  return place;
}

void SourceOptimizer::Insure(const SegmentFacts& facts, SegmentChoice& choice) {
  if (facts.all_match || choosing_ == Choosing::kPlain || forced_ < kWays) return;
  const auto possible = [&](std::size_t way) { return costs_[way].ns < kImpossible; };
  std::size_t way = kCombined;
  // Where the combined one is missing a single one asks as much.
  for (std::size_t other = kSingle; other < ways_ && !possible(way); ++other) way = other;
  if (way >= ways_ || !possible(way)) return;
  // A limit makes reading cheap if rows are where they are expected, and else does not.
  const double ns =
      kInsurance * std::max(CostOf(kScan, true), kMissed * segment_costs_.ScanAllNs(facts));
  const double named = planner_.Afford(ns, asked_by_[way]);
  if (named < 1) return;
  choice.probe = ProbeOf(static_cast<Way>(way));
  choice.found_max = static_cast<std::size_t>(std::min(named, kRowsMost));
  choice.picked_max = RowCount(segment_costs_.ScanAllNs(facts) / segment_costs_.row_ns());
}

void SourceOptimizer::Plan(const SegmentFacts& facts, const Known& known, Alike& alike) {
  AddWays(facts);
  SegmentChoice& choice = alike.choice;
  const auto& cached = known.cached;
  if (forced_ < kWays) {
    choice.way = costs_[forced_].ns < kImpossible ? forced_ : kScan;
  } else {
    choice.way = Cheapest(cached.value_or(true));
    alike.asks_cached = !cached && known.may_ask_cached && Cheapest(false) != choice.way;
  }
  alike.asks_pages = !alike.asks_cached && choice.way == kPages && !known.pages_are_exact;
  if (alike.asks_cached) return;  // Nobody takes it: those that know are planned apart.
  const bool is_cached = cached.value_or(false);
  choice.probe = ProbeOf(choice.way);
  if (choice.way == kFirst || choice.probe >= 0) {
    const double scan_ns = CostOf(kScan, true);
    const double named = costs_[choice.way].examined;
    choice.found_max =
        RowCount(std::max(scan_ns / std::max(model_.index_row_ns, kLeast), kSlack * named));
    choice.picked_max = RowCount(std::max(scan_ns / segment_costs_.row_ns(), kSlack * named));
  } else if (choice.way == kScan) {
    Insure(facts, choice);
  }
  const Cost& cost = costs_[choice.way];
  choice.rows = cost.rows;
  choice.examined = cost.examined;
  choice.ns = CostOf(choice.way, is_cached);
  alike.path = PathOf(facts, choice, is_cached);
  for (std::size_t way = 0; way < kWays; ++way) {
    const bool possible = way < ways_ && costs_[way].ns < kImpossible;
    const Way taken = possible ? static_cast<Way>(way) : kScan;
    alike.ns[way] = CostOf(taken, is_cached);
    alike.examined[way] = costs_[taken].examined;
    alike.possible[way] = possible;
    alike.differs[way] = way < ways_ && taken != choice.way;
  }
  if (wanted_ > 0) return;  // Else it is expected not to be read at all.
  choice.rows = choice.examined = choice.ns = 0;
  alike.ns.fill(0);
  alike.examined.fill(0);
}

SourceOptimizer::Alike& SourceOptimizer::AlikeTo(const SegmentFacts& facts, const Known& known) {
  const std::uint64_t kind =
      KindOf(facts, known.cached, known.pages_are_exact, shape_.limit ? wanted_ : 0);
  const auto [at, is_new] = places_.try_emplace(kind, alikes_.size());
  if (!is_new) return alikes_[at->second];
  Alike& alike = alikes_.emplace_back();
  alike.of.facts = facts;
  alike.of.facts.cached = known.cached;
  alike.of.indexes.assign(facts.indexes.begin(), facts.indexes.end());
  alike.of.named.assign(facts.named.begin(), facts.named.end());
  alike.of.facts.indexes = {};
  alike.of.facts.named = {};
  Plan(facts, known, alike);
  return alike;
}

SegmentChoice SourceOptimizer::Take(Alike& alike, const SegmentFacts& facts) {
  // Not before: what is planned and then known better is no group.
  if (alike.of.segments == 0) alike.choice.group = GroupOf(alike.path, alike.choice);
  SegmentChoice choice = alike.choice;
  const SegmentFacts& first = alike.of.facts;
  const double of_first = static_cast<double>(first.rows) * (first.all_match ? 1 : first.matches);
  const double of_this = static_cast<double>(facts.rows) * (first.all_match ? 1 : facts.matches);
  if (of_first > 0 && of_this >= 0) choice.rows *= of_this / of_first;
  if (shape_.limit) {
    choice.rows = std::min(choice.rows, wanted_);
    wanted_ -= choice.rows;
  }
  ++alike.of.segments;
  alike.rows += choice.rows;
  if (facts.pages) {
    alike.pages_kept += facts.pages->kept;
    alike.pages_total += facts.pages->total;
  }
  return choice;
}

SegmentChoice SourceOptimizer::Choose(const SegmentFacts& given,
                                      const std::function<bool()>& is_cached,
                                      const std::function<std::optional<PageFacts>()>& pages_of) {
  Known known{.cached = given.cached, .may_ask_cached = static_cast<bool>(is_cached)};
  Alike* alike = &AlikeTo(given, known);
  if (!alike->asks_cached && !alike->asks_pages) return Take(*alike, given);
  SegmentFacts facts = given;
  if (alike->asks_cached) {
    known.cached = is_cached();
    alike = &AlikeTo(facts, known);
  }
  if (alike->asks_pages) {
    if (const auto exact = pages_of ? pages_of() : std::nullopt) {
      facts.pages = exact;
      known.pages_are_exact = true;
      alike = &AlikeTo(facts, known);
      // Known better, pages may lose to what hangs on the cache.
      if (alike->asks_cached) {
        known.cached = is_cached();
        alike = &AlikeTo(facts, known);
      }
    }
  }
  return Take(*alike, facts);
}

AccessPath SourceOptimizer::PathOf(const SegmentFacts& facts, const SegmentChoice& choice,
                                   bool cached) const {
  const bool reads_nothing = choice.way == kScan && facts.all_match && shape_.rest.count() == 0 &&
                             shape_.filter.count() == 0;
  if (reads_nothing || choice.way == kMetadata) return AccessPath::kMetadata;
  if (choice.way == kFirst) return AccessPath::kBtreeIndex;
  if (choice.way == kPages) return AccessPath::kPageIndex;
  if (choice.way == kScan) return cached ? AccessPath::kColumnCache : AccessPath::kFullScan;
  const std::uint16_t first = choices_.probes[static_cast<std::size_t>(choice.probe)].questions[0];
  const QuestionIndexes& indexes = facts.indexes[first];
  const bool is_equal = questions_.questions[first].kind == IndexQuestion::Kind::kEqual;
  if (is_equal && indexes.hash) return AccessPath::kHashIndex;
  return indexes.btree ? AccessPath::kBtreeIndex : AccessPath::kBloom;
}

std::uint16_t SourceOptimizer::GroupOf(AccessPath path, const SegmentChoice& choice) {
  const auto at =
      std::find_if(choices_.groups.begin(), choices_.groups.end(), [&](const PathGroup& g) {
        return g.path == path && g.way == choice.way && g.probe == choice.probe;
      });
  const auto place = static_cast<std::uint16_t>(at - choices_.groups.begin());
  if (at == choices_.groups.end())
    choices_.groups.push_back({.path = path, .way = choice.way, .probe = choice.probe});
  return place;
}

SegmentChoice SourceOptimizer::ChooseHot(const SegmentFacts& facts) {
  Alike& alike = alikes_.emplace_back();
  alike.of = {.hot = true,
              .facts = facts,
              .indexes = {facts.indexes.begin(), facts.indexes.end()},
              .named = {facts.named.begin(), facts.named.end()}};
  alike.of.facts.indexes = {};
  alike.of.facts.named = {};
  SegmentChoice& choice = alike.choice;
  const auto rows = static_cast<double>(facts.rows);
  const double share = shape_.filters ? SaneShare(facts.matches) : 1;
  choice.rows = std::min(rows * share, wanted_);
  choice.examined = !shape_.filters && shape_.rest.count() == 0 ? 0 : rows;
  const double scan_ns = model_.row_group_ns + rows * segment_costs_.check_ns();
  choice.ns = scan_ns;
  if (choosing_ == Choosing::kByCost && forced_ != kScan && !facts.indexes.empty() &&
      !questions_.empty()) {
    Probe& probe = asked_by_[kCombined];
    const Told told = planner_.Plan(facts, static_cast<std::uint16_t>(questions_.root), probe);
    if (told.tells) {
      choice.way = kCombined;
      choice.probe = ProbeOf(kCombined);
      choice.examined = told.share * rows;
      choice.ns = model_.row_group_ns + choice.examined * segment_costs_.row_ns() +
                  model_.hot_lookup_ns * static_cast<double>(probe.questions.size());
      choice.found_max = choice.picked_max =
          RowCount(std::max(scan_ns / segment_costs_.row_ns(), kSlack * choice.examined));
    }
  }
  choice.ns += choice.rows * shape_.per_match_ns;
  if (shape_.limit) wanted_ = std::max(wanted_ - choice.rows, 0.0);
  choice.group = GroupOf(AccessPath::kHot, choice);
  alike.of.segments = 1;
  alike.rows = choice.rows;
  alike.ns.fill(choice.ns);
  alike.examined.fill(choice.examined);
  return choice;
}

SourceChoices SourceOptimizer::Finish() && {
  std::array<double, kWays> total_ns{}, total_examined{};
  std::array<bool, kWays> possible{}, differs{};
  double pages_kept = 0, pages_total = 0;  // Of segments whose page indexes have a say.
  for (Alike& alike : alikes_) {
    if (alike.of.segments == 0) continue;
    const auto times = static_cast<double>(alike.of.segments);
    PathGroup& group = choices_.groups[alike.choice.group];
    group.segments += alike.of.segments;
    group.rows += alike.rows;
    group.examined += times * alike.choice.examined;
    group.ns += times * alike.choice.ns;
    pages_kept += alike.pages_kept;
    pages_total += alike.pages_total;
    if (alike.choice.way == kPages) {
      group.pages_kept += alike.pages_kept;
      group.pages_total += alike.pages_total;
    }
    for (std::size_t way = 0; way < kWays; ++way) {
      possible[way] = possible[way] || alike.possible[way];
      differs[way] = differs[way] || alike.differs[way];
      total_ns[way] += times * alike.ns[way];
      total_examined[way] += times * alike.examined[way];
    }
    choices_.classes.push_back(std::move(alike.of));
  }
  for (const PathGroup& group : choices_.groups) {
    choices_.rows += group.rows;
    choices_.examined += group.examined;
    choices_.ns += group.ns;
  }
  for (std::size_t way = 0; way < kWays; ++way) {
    if (!differs[way] || (way != kScan && !possible[way])) continue;
    choices_.rejected.push_back({static_cast<Way>(way), way < kSingle ? 0 : way - kSingle,
                                 total_examined[way], total_ns[way]});
    if (way == kPages) {
      choices_.rejected.back().pages_kept = pages_kept;
      choices_.rejected.back().pages_total = pages_total;
    }
  }
  std::stable_sort(choices_.rejected.begin(), choices_.rejected.end(),
                   [](const Alternative& a, const Alternative& b) { return a.ns < b.ns; });
  return std::move(choices_);
}

}  // namespace granary::query
