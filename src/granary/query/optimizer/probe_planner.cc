#include "granary/query/optimizer/probe_planner.h"

#include <algorithm>

namespace granary::query {
namespace {

using Node = IndexQuestions::Node;

// How probably a value that is within the bounds is there, when only a bloom filter could tell.
constexpr double kPresent = 0.5;

}  // namespace

Told ProbePlanner::Plan(const SegmentFacts& facts, std::uint16_t node, Probe& probe) {
  asked_.clear();
  const Told told = Ask(facts, node);
  if (!told.tells) return told;
  probe.questions.clear();
  probe.enough.clear();
  for (const Asked& asked : asked_) {
    probe.questions.push_back(asked.question);
    probe.enough.push_back(asked.enough);
  }
  probe.insured_from = static_cast<std::uint32_t>(
      std::min(model_.index_lookup_ns / (kInsurance * costs_.row_ns()), kRowsMost));
  probe.insured_part =
      static_cast<float>(kInsurance * costs_.row_ns() / std::max(model_.index_row_ns, kLeast));
  return told;
}

double ProbePlanner::Afford(double ns, Probe& probe) const {
  std::size_t affordable = 0;
  for (; affordable < probe.questions.size(); ++affordable) {
    const IndexQuestion& asked = questions_.questions[probe.questions[affordable]];
    const double lookup_ns =
        model_.index_lookup_ns * static_cast<double>(std::max<std::size_t>(1, asked.values.size()));
    if (lookup_ns >= ns) break;
    ns -= lookup_ns;
  }
  // The parts of an OR are of use together.
  const Node& root = questions_.nodes[static_cast<std::size_t>(questions_.root)];
  const bool is_whole = affordable == probe.questions.size();
  if (affordable == 0 || (!is_whole && root.kind != Node::Kind::kAnd)) return 0;
  probe.questions.resize(affordable);
  probe.enough.resize(affordable);
  return ns / std::max(model_.index_row_ns, kLeast) / static_cast<double>(affordable);
}

ProbePlanner::Run ProbePlanner::AskQuestion(const SegmentFacts& facts, std::uint16_t question) {
  const QuestionIndexes& indexes = facts.indexes[question];
  const IndexQuestion& asked = questions_.questions[question];
  Run told{{}, asked_.size(), asked_.size()};
  const bool is_equal = asked.kind == IndexQuestion::Kind::kEqual;
  const bool names = indexes.btree || (is_equal && indexes.hash);
  if (!names && !(is_equal && indexes.bloom)) return told;
  told.tells = true;
  told.names_rows = names;
  const double lookups = is_equal ? static_cast<double>(asked.values.size()) : 1;
  if (is_equal && indexes.bloom) told.ns += lookups * model_.bloom_lookup_ns;
  if (names) {
    told.share = SaneShare(facts.named[question]);
    told.ns += lookups * model_.index_lookup_ns +
               told.share * static_cast<double>(facts.rows) * model_.index_row_ns;
  } else {
    told.share = kPresent;
  }
  asked_.push_back({.question = question});
  told.end = asked_.size();
  return told;
}

ProbePlanner::Run ProbePlanner::AskAnd(const SegmentFacts& facts, const Node& node) {
  Run both{{}, asked_.size(), asked_.size()};
  std::vector<Run> parts;
  for (const std::uint16_t part : node.parts) {
    const Run told = Ask(facts, part);
    if (told.tells) parts.push_back(told);
  }
  std::stable_sort(parts.begin(), parts.end(), [](const Run& a, const Run& b) {
    if (a.names_rows != b.names_rows) return a.names_rows;
    return a.share < b.share;
  });
  const Picking picking = costs_.PickingIn(facts);
  const auto rows = static_cast<double>(facts.rows);
  std::vector<Asked> kept;
  for (const Run& part : parts) {
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

ProbePlanner::Run ProbePlanner::AskOr(const SegmentFacts& facts, const Node& node) {
  Run either{{.tells = true, .share = 0}, asked_.size(), 0};
  for (const std::uint16_t part : node.parts) {
    const Run told = Ask(facts, part);
    if (!told.tells) {
      asked_.resize(either.begin);
      return {{}, either.begin, either.begin};
    }
    either.share += told.share;
    either.ns += told.ns;
    either.names_rows = either.names_rows && told.names_rows;
  }
  either.share = std::min(either.share, 1.0);
  either.end = asked_.size();
  return either;
}

ProbePlanner::Run ProbePlanner::Ask(const SegmentFacts& facts, std::uint16_t place) {
  const Node& node = questions_.nodes[place];
  switch (node.kind) {
    case Node::Kind::kAnd: return AskAnd(facts, node);
    case Node::Kind::kOr: return AskOr(facts, node);
    case Node::Kind::kQuestion: break;
  }
  return AskQuestion(facts, node.question);
}

}  // namespace granary::query
