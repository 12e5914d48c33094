#include "granary/query/learning/shape_table.h"

#include <algorithm>
#include <cmath>

namespace granary::query {
namespace {

double MedianOf(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Counted rows that are off by more are no chance: once is enough, until another says otherwise.
constexpr double kHuge = 100;

double MostLog() { return std::log(ShapeTable::kFactorMax); }

}  // namespace

bool ShapeTable::Learn(std::uint64_t shape, std::string_view text, double estimated,
                       double actual) {
  const auto is_count = [](double rows) { return rows >= 0 && rows <= kRowsMax; };
  if (!is_count(estimated) || !is_count(actual)) return false;
  Add(shape, text, std::log(actual + 1) - std::log(estimated + 1), /*inferred=*/false);
  return true;
}

void ShapeTable::Infer(std::uint64_t shape, std::string_view text, double log_ratio) {
  if (HasSeen(shape) || !std::isfinite(log_ratio)) return;
  Add(shape, text, log_ratio, /*inferred=*/true);
}

bool ShapeTable::HasSeen(std::uint64_t shape) const {
  const auto at = shapes_.find(shape);
  return at != shapes_.end() && !at->second.inferred;
}

std::optional<double> ShapeTable::MedianLog(std::uint64_t shape) const {
  const auto at = shapes_.find(shape);
  if (at == shapes_.end()) return std::nullopt;
  return MedianOf(at->second.ratios);
}

void ShapeTable::Add(std::uint64_t shape, std::string_view text, double log_ratio, bool inferred) {
  ++learned_;
  const auto [at, is_new] = shapes_.try_emplace(shape);
  ShapeRatios& of = at->second;
  if (is_new) {
    of.shape = shape;
    of.text = text.substr(0, kTextMax);
  } else if (of.inferred && !inferred) {
    of.ratios.clear();
  }
  of.inferred = inferred;
  of.seen_at = learned_;
  if (of.ratios.size() == kRatios) of.ratios.erase(of.ratios.begin());
  of.ratios.push_back(std::clamp(log_ratio, -MostLog(), MostLog()));
  if (shapes_.size() > kShapesMax) MakeRoom();
}

void ShapeTable::MakeRoom() {
  shapes_.erase(std::ranges::min_element(
      shapes_, [](const auto& a, const auto& b) { return a.second.seen_at < b.second.seen_at; }));
}

void ShapeTable::Restore(const std::vector<ShapeRatios>& shapes) {
  for (const ShapeRatios& shape : shapes) {
    const bool is_sane = !shape.ratios.empty() && shape.ratios.size() <= kRatios &&
                         std::ranges::all_of(shape.ratios, [](double ratio) {
                           return std::abs(ratio) <= MostLog() + 1e-9;
                         });
    if (!is_sane) continue;
    ShapeRatios& own = shapes_[shape.shape] = shape;
    own.seen_at = learned_;
    if (shapes_.size() > kShapesMax) MakeRoom();
  }
}

std::vector<ShapeRatios> ShapeTable::shapes() const {
  std::vector<ShapeRatios> out;
  for (const auto& [hash, shape] : shapes_) {
    if (!shape.inferred) out.push_back(shape);
  }
  return out;
}

double ShapeTable::FactorOf(const ShapeRatios& shape) const {
  if (shape.ratios.empty()) return 1;
  const double median = MedianOf(shape.ratios);
  const std::size_t evidence = shape.ratios.size();
  if (evidence < kEvidenceLeast) {
    const double least = std::log(evidence < kEvidenceOfGross ? kHuge : kGross);
    const auto is_gross = [&](double ratio) {
      return std::abs(ratio) >= least && (ratio > 0) == (median > 0);
    };
    if (!std::ranges::all_of(shape.ratios, is_gross)) return 1;
  }
  std::vector<double> off;
  for (const double ratio : shape.ratios) off.push_back(std::abs(ratio - median));
  if (MedianOf(off) > std::abs(median)) return 1;
  const auto age = static_cast<double>(learned_ - std::min(shape.seen_at, learned_));
  const double faded = median * std::exp2(-age / static_cast<double>(kHalfLife));
  return std::abs(faded) < std::log(kFactorLeast) ? 1 : std::exp(faded);
}

CardinalityCorrections ShapeTable::Corrections() const {
  std::vector<CardinalityCorrections::Factor> factors;
  for (const auto& [hash, shape] : shapes_) {
    if (const double times = FactorOf(shape); times != 1) factors.push_back({hash, times});
  }
  return CardinalityCorrections(std::move(factors));
}

}  // namespace granary::query
