#include "granary/query/optimizer/source_optimizer.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace granary::query {
namespace {

using Node = IndexQuestions::Node;

// With fewer rows than that no estimate is worth giving an index up.
constexpr double kRowsMaxAtLeast = 256;
// An index may name so many times what was estimated.
constexpr double kSlack = 2;
// Such a part of what reading everything costs is worth to learn whether an index names few rows.
constexpr double kInsurance = 0.03;
// How probably a limit is not reached where it was expected.
constexpr double kMissed = 0.3;
// How probably a value that is within the bounds is there, when only a bloom filter could tell.
constexpr double kPresent = 0.5;
// No estimate divides by less.
constexpr double kLeast = 1e-9;

/// How many of `bins` are met by `balls` that fall evenly.
double Met(double bins, double balls) {
  return bins <= 1 ? -std::expm1(-balls) * bins : -std::expm1(-balls / bins) * bins;
}

// More rows than a segment has.
constexpr double kRowsMost = 4e9;

std::size_t RowCount(double rows) {
  return static_cast<std::size_t>(std::clamp(rows, kRowsMaxAtLeast, kRowsMost));
}

double Sane(double share) { return share >= 0 && share <= 1 ? share : (share > 1 ? 1 : 0.5); }

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
      check_ns_(shape.filters ? shape.checks.Ns(model) : 0),
      wanted_(shape.limit ? static_cast<double>(*shape.limit) : kImpossible) {}

double SourceOptimizer::Decode(const ColumnGroup& columns, double rows) const {
  return rows * (columns.numbers * model_.decode_number_ns + columns.texts * model_.decode_text_ns);
}

/// As long as rows are wanted, so many; else a segment is read only if fewer came than were
/// expected, and then none are known to be.
double SourceOptimizer::Wanted() const {
  return wanted_ > 0 || !shape_.limit ? wanted_ : static_cast<double>(*shape_.limit);
}

/// Reading everything that is decoded already, all of it.
double SourceOptimizer::UnlimitedNs(const SegmentFacts& facts) const {
  const auto rows = static_cast<double>(facts.rows);
  const double groups = std::max<double>(static_cast<double>(facts.row_groups), 1);
  return rows * check_ns_ +
         groups * (model_.row_group_ns + shape_.filter.count() * model_.cached_chunk_ns);
}

/// Of a row that an index names: to pick it, and to check it.
double SourceOptimizer::RowCost() const {
  return std::max(check_ns_ + model_.pick_value_ns * (shape_.filter.count() + shape_.rest.count()),
                  kLeast);
}

SourceOptimizer::Cost SourceOptimizer::Scan(const SegmentFacts& facts) const {
  const auto rows = static_cast<double>(facts.rows);
  const double groups = std::max<double>(static_cast<double>(facts.row_groups), 1);
  const double in_group = rows / groups;
  const double share = facts.all_match ? 1 : Sane(facts.matches);
  Cost cost;
  cost.examined = rows;
  if (shape_.limit && in_group > 0) {
    const double wanted_groups = std::ceil(Wanted() / std::max(share, kLeast) / in_group);
    cost.examined = std::min(rows, wanted_groups * in_group);
  }
  const double read = in_group > 0 ? cost.examined / in_group : 0;
  cost.rows = std::min(cost.examined * share, Wanted());
  const double filters = facts.all_match ? 0 : shape_.filter.count();
  const double hit = facts.all_match ? 1 : -std::expm1(-share * in_group);
  const double chunks = read * (filters + hit * shape_.rest.count());
  cost.decoding = chunks * model_.chunk_ns + hit * Decode(shape_.rest, cost.examined) +
                  (facts.all_match ? 0 : Decode(shape_.filter, cost.examined));
  cost.ns = cost.decoding + chunks * model_.cached_chunk_ns + read * model_.row_group_ns +
            cost.rows * shape_.per_match_ns;
  if (!facts.all_match) {
    cost.ns += cost.examined * check_ns_ +
               cost.rows * model_.take_value_ns * (shape_.filter.count() + shape_.rest.count());
  }
  return cost;
}

SourceOptimizer::Cost SourceOptimizer::Probing(const SegmentFacts& facts, const Told& told) const {
  Cost cost;
  const auto rows = static_cast<double>(facts.rows);
  if (!told.names_rows) {  // Nothing, or everything.
    cost = Scan(facts);
    cost.ns = told.ns + told.share * cost.ns;
    cost.decoding *= told.share;
    cost.examined *= told.share;
    return cost;
  }
  const double groups = std::max<double>(static_cast<double>(facts.row_groups), 1);
  const double named = told.share * rows;
  const double matching = facts.all_match ? named : std::min(named, Sane(facts.matches) * rows);
  cost.rows = std::min(matching, Wanted());
  cost.examined = named;
  if (shape_.limit) cost.examined = std::min(named, Wanted() * named / std::max(matching, kLeast));
  const double met = Met(groups, cost.examined);
  const double filters = facts.all_match ? 0 : shape_.filter.count();
  const double columns = filters + shape_.rest.count();
  cost.decoding = met * columns * model_.chunk_ns + Decode(shape_.rest, rows * met / groups) +
                  (facts.all_match ? 0 : Decode(shape_.filter, rows * met / groups));
  cost.ns = told.ns + cost.decoding +
            met * (columns * (model_.cached_chunk_ns + model_.pick_chunk_ns) +
                   model_.row_group_ns) +
            cost.examined * (filters * model_.pick_value_ns + (facts.all_match ? 0 : check_ns_)) +
            cost.rows * (shape_.rest.count() * model_.pick_value_ns + shape_.per_match_ns);
  return cost;
}

SourceOptimizer::Cost SourceOptimizer::First(const SegmentFacts& facts) const {
  const auto orders = static_cast<double>(shape_.first_orders);
  const double rows =
      std::min(static_cast<double>(*shape_.first) * orders, static_cast<double>(facts.rows));
  Told told{.tells = true};
  told.share = facts.rows == 0 ? 0 : rows / static_cast<double>(facts.rows);
  told.ns = orders * model_.index_lookup_ns + rows * model_.index_row_ns;
  return Probing(facts, told);
}

// As Scan, of fewer rows. Who reads pages has no more than an estimate of them, unless somebody
// looked: then what they cost is at worst what a scan does and the looking.
SourceOptimizer::Cost SourceOptimizer::Pages(const SegmentFacts& facts,
                                             const PageFacts& pages) const {
  const auto rows = static_cast<double>(facts.rows);
  const double kept = std::clamp(pages.rows, 0.0, rows);
  const double groups = std::max(pages.row_groups, kept > 0 ? 1.0 : 0.0);
  const double in_group = groups > 0 ? kept / groups : 0;
  const double share = kept > 0 ? std::min(Sane(facts.matches) * rows / kept, 1.0) : 0;
  Cost cost;
  cost.examined = kept;
  if (shape_.limit && in_group > 0) {
    const double wanted_groups = std::ceil(Wanted() / std::max(share, kLeast) / in_group);
    cost.examined = std::min(kept, wanted_groups * in_group);
  }
  const double read = in_group > 0 ? cost.examined / in_group : 0;
  cost.rows = std::min(cost.examined * share, Wanted());
  const double hit = -std::expm1(-share * in_group);
  const double chunks = read * (shape_.filter.count() + hit * shape_.rest.count());
  cost.decoding = chunks * (model_.chunk_ns + model_.page_chunk_ns) +
                  hit * Decode(shape_.rest, cost.examined) + Decode(shape_.filter, cost.examined);
  cost.ns =
      pages.total * shape_.comparisons * model_.page_look_ns + cost.decoding +
      chunks * model_.cached_chunk_ns + read * model_.row_group_ns + cost.examined * check_ns_ +
      // Of what is decoded already these rows are copied.
      cost.examined * model_.take_value_ns * (shape_.filter.count() + hit * shape_.rest.count()) +
      cost.rows * (shape_.per_match_ns +
                   model_.take_value_ns * (shape_.filter.count() + shape_.rest.count()));
  return cost;
}

SourceOptimizer::Told SourceOptimizer::AskQuestion(const SegmentFacts& facts,
                                                   std::uint16_t question) {
  const QuestionIndexes& indexes = facts.indexes[question];
  const IndexQuestion& asked = questions_.questions[question];
  Told told{.begin = asked_.size(), .end = asked_.size()};
  const bool is_equal = asked.kind == IndexQuestion::Kind::kEqual;
  const bool names = indexes.btree || (is_equal && indexes.hash);
  if (!names && !(is_equal && indexes.bloom)) return told;
  told.tells = true;
  told.names_rows = names;
  const double lookups = is_equal ? static_cast<double>(asked.values.size()) : 1;
  if (is_equal && indexes.bloom) told.ns += lookups * model_.bloom_lookup_ns;
  if (names) {
    told.share = Sane(facts.named[question]);
    told.ns += lookups * model_.index_lookup_ns +
               told.share * static_cast<double>(facts.rows) * model_.index_row_ns;
  } else {
    told.share = kPresent;
  }
  asked_.push_back({.question = question});
  told.end = asked_.size();
  return told;
}

SourceOptimizer::Picking SourceOptimizer::PickingIn(const SegmentFacts& facts) const {
  const double columns = shape_.filter.count() + shape_.rest.count();
  return {.row_ns = RowCost(),
          .group_ns =
              model_.row_group_ns + columns * (model_.cached_chunk_ns + model_.pick_chunk_ns),
          .groups = std::max<double>(static_cast<double>(facts.row_groups), 1)};
}

double SourceOptimizer::Picking::RowsFor(double ns) const {
  const double all_groups = groups * (row_ns + group_ns);
  return ns <= all_groups ? ns / (row_ns + group_ns) : (ns - groups * group_ns) / row_ns;
}

SourceOptimizer::Told SourceOptimizer::AskAnd(const SegmentFacts& facts, const Node& node) {
  Told both{.begin = asked_.size(), .end = asked_.size()};
  std::vector<Told> parts;
  for (const std::uint16_t part : node.parts) {
    const Told told = Ask(facts, part);
    if (told.tells) parts.push_back(told);
  }
  std::stable_sort(parts.begin(), parts.end(), [](const Told& a, const Told& b) {
    if (a.names_rows != b.names_rows) return a.names_rows;
    return a.share < b.share;
  });
  const Picking picking = PickingIn(facts);
  const auto rows = static_cast<double>(facts.rows);
  std::vector<Asked> kept;
  for (const Told& part : parts) {
    // As many rows as cost what it takes to ask, and are then left out.
    const double enough =
        both.tells ? picking.RowsFor(part.ns / std::max(1 - part.share, kLeast)) : 0;
    if (both.tells && enough >= rows) continue;  // It never saves anything.
    const bool is_asked = !both.tells || both.share * rows > enough;
    both.names_rows = both.tells ? both.names_rows : part.names_rows;
    both.tells = true;
    if (is_asked) {
      both.share *= part.share;
      both.ns += part.ns;
    }
    const std::size_t first = kept.size();
    kept.insert(kept.end(), asked_.begin() + static_cast<std::ptrdiff_t>(part.begin),
                asked_.begin() + static_cast<std::ptrdiff_t>(part.end));
    if (first > 0) kept[first].enough = static_cast<std::uint32_t>(std::min(enough, kRowsMost));
  }
  asked_.resize(both.begin);
  asked_.insert(asked_.end(), kept.begin(), kept.end());
  both.end = asked_.size();
  return both;
}

SourceOptimizer::Told SourceOptimizer::AskOr(const SegmentFacts& facts, const Node& node) {
  Told either{.tells = true, .share = 0, .begin = asked_.size()};
  for (const std::uint16_t part : node.parts) {
    const Told told = Ask(facts, part);
    if (!told.tells) {
      asked_.resize(either.begin);
      return {.begin = either.begin, .end = either.begin};
    }
    either.share += told.share;
    either.ns += told.ns;
    either.names_rows = either.names_rows && told.names_rows;
  }
  either.share = std::min(either.share, 1.0);
  either.end = asked_.size();
  return either;
}

SourceOptimizer::Told SourceOptimizer::Ask(const SegmentFacts& facts, std::uint16_t place) {
  const Node& node = questions_.nodes[place];
  switch (node.kind) {
    case Node::Kind::kAnd: return AskAnd(facts, node);
    case Node::Kind::kOr: return AskOr(facts, node);
    case Node::Kind::kQuestion: break;
  }
  return AskQuestion(facts, node.question);
}

void SourceOptimizer::AddWays(const SegmentFacts& facts) {
  costs_[kScan] = Scan(facts);
  ways_ = kSingle;
  for (std::size_t way = kMetadata; way < kWays; ++way) costs_[way].ns = kImpossible;
  if (facts.by_metadata) {
    costs_[kMetadata] = {model_.metadata_ns, 0, static_cast<double>(facts.rows), 0};
  }
  if (choosing_ == Choosing::kPlain) return;
  if (facts.first_by_index && shape_.first) costs_[kFirst] = First(facts);
  if (facts.pages) {
    pages_ = *facts.pages;
    costs_[kPages] = Pages(facts, pages_);
  }
  if (facts.all_match || facts.indexes.empty() || questions_.empty()) return;
  const auto add = [&](std::size_t way, std::uint16_t node) {
    asked_.clear();
    const Told told = Ask(facts, node);
    if (!told.tells) return;
    costs_[way] = Probing(facts, told);
    KeepAsked(static_cast<Way>(way));
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

void SourceOptimizer::KeepAsked(Way way) {
  Probe& probe = asked_by_[way];
  probe.questions.clear();
  probe.enough.clear();
  for (const Asked& asked : asked_) {
    probe.questions.push_back(asked.question);
    probe.enough.push_back(asked.enough);
  }
  const double row_ns = RowCost();
  probe.insured_from = static_cast<std::uint32_t>(
      std::min(model_.index_lookup_ns / (kInsurance * row_ns), kRowsMost));
  probe.insured_part =
      static_cast<float>(kInsurance * row_ns / std::max(model_.index_row_ns, kLeast));
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
  double left = kInsurance * std::max(CostOf(kScan, true), kMissed * UnlimitedNs(facts));
  Probe& probe = asked_by_[way];
  std::size_t affordable = 0;
  for (; affordable < probe.questions.size(); ++affordable) {
    const IndexQuestion& asked = questions_.questions[probe.questions[affordable]];
    const double ns =
        model_.index_lookup_ns * static_cast<double>(std::max<std::size_t>(1, asked.values.size()));
    if (ns >= left) break;
    left -= ns;
  }
  // The parts of an OR are of use together.
  const Node& root = questions_.nodes[static_cast<std::size_t>(questions_.root)];
  const bool is_whole = affordable == probe.questions.size();
  if (affordable == 0 || (!is_whole && root.kind != Node::Kind::kAnd)) return;
  probe.questions.resize(affordable);
  probe.enough.resize(affordable);
  const double named =
      left / std::max(model_.index_row_ns, kLeast) / static_cast<double>(affordable);
  if (named < 1) return;
  choice.probe = ProbeOf(static_cast<Way>(way));
  choice.found_max = static_cast<std::size_t>(std::min(named, kRowsMost));
  choice.picked_max = RowCount(UnlimitedNs(facts) / RowCost());
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
    choice.picked_max = RowCount(std::max(scan_ns / RowCost(), kSlack * named));
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
  const double share = shape_.filters ? Sane(facts.matches) : 1;
  choice.rows = std::min(rows * share, wanted_);
  choice.examined = !shape_.filters && shape_.rest.count() == 0 ? 0 : rows;
  const double scan_ns = model_.row_group_ns + rows * check_ns_;
  choice.ns = scan_ns;
  if (choosing_ == Choosing::kByCost && forced_ != kScan && !facts.indexes.empty() &&
      !questions_.empty()) {
    asked_.clear();
    const Told told = Ask(facts, static_cast<std::uint16_t>(questions_.root));
    if (told.tells) {
      KeepAsked(kCombined);
      choice.way = kCombined;
      choice.probe = ProbeOf(kCombined);
      choice.examined = told.share * rows;
      choice.ns = model_.row_group_ns + choice.examined * RowCost() +
                  model_.hot_lookup_ns * static_cast<double>(asked_.size());
      choice.found_max = choice.picked_max =
          RowCount(std::max(scan_ns / RowCost(), kSlack * choice.examined));
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
