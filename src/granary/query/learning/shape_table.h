// ShapeTable: how far off the estimated rows of each predicate shape were, lately.
//
// How        of a shape the last kRatios ratios of actual to estimated rows are kept; their median
//            is by what estimates are multiplied, so that up to three of seven outliers move
//            nothing, and a change is followed within four queries. Ratios that contradict each
//            other more than they agree (a shape whose literals differ) correct nothing. What is
//            not seen again fades out.
// Bounds     kShapesMax shapes, those go that were not seen for longest; factors within
//            1 / kFactorMax and kFactorMax.
// Threads    one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/query/optimizer/cardinality_corrections.h"

namespace granary::query {

struct ShapeRatios {
  std::uint64_t shape = 0;
  std::string text;            ///< For people.
  std::vector<double> ratios;  ///< Logarithms of (actual + 1) / (estimated + 1), the oldest first.
  std::uint64_t seen_at = 0;   ///< When the table had learned so much.
  bool inferred = false;       ///< From queries with other conditions: not worth keeping.
};

class ShapeTable {
 public:
  static constexpr std::size_t kShapesMax = 512;
  static constexpr std::size_t kRatios = 7;
  static constexpr std::size_t kEvidenceLeast = 3;  ///< With fewer ratios nothing is corrected …
  static constexpr std::size_t kEvidenceOfGross =
      2;  ///< … but those that are off by kGross, or once by far more.
  static constexpr double kGross = 8;
  static constexpr double kFactorMax = 1e4;
  static constexpr double kFactorLeast = 1.25;        ///< Less is not worth correcting.
  static constexpr std::uint64_t kHalfLife = 20'000;  ///< Of a correction, in what is learned.
  static constexpr std::size_t kTextMax = 120;
  static constexpr double kRowsMax = 1e15;
  static constexpr double kRowsUnknown = -1;  ///< Of a question that nobody asked: not learned.

  /// False, and nothing changes, for rows that are no number of rows.
  bool Learn(std::uint64_t shape, std::string_view text, double estimated, double actual);
  /// The same of a ratio that only follows from others; it says nothing where one was seen.
  void Infer(std::uint64_t shape, std::string_view text, double log_ratio);
  /// The median of the logarithms of what was seen or inferred; nothing where that is nothing.
  std::optional<double> MedianLog(std::uint64_t shape) const;
  bool HasSeen(std::uint64_t shape) const;

  /// Puts back what was kept of another table; what is out of bounds is left out.
  void Restore(const std::vector<ShapeRatios>& shapes);
  std::vector<ShapeRatios> shapes() const;  ///< Without those that are inferred.
  CardinalityCorrections Corrections() const;
  /// 1 where nothing is corrected.
  double FactorOf(const ShapeRatios& shape) const;
  std::uint64_t learned() const { return learned_; }

 private:
  void MakeRoom();
  void Add(std::uint64_t shape, std::string_view text, double log_ratio, bool inferred);

  std::map<std::uint64_t, ShapeRatios> shapes_;
  std::uint64_t learned_ = 0;
};

}  // namespace granary::query
