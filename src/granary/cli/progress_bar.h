// ProgressBar: one line on stderr that shows how far long work is and how fast it goes; on a
// terminal it is redrawn ten times a second, elsewhere a plain line is printed every five seconds
// and at the end.
//
// Threads    one.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace granary::cli {

/// "flights [#########-----------]  45 %  151,549 rows  83,120 rows/s"
std::string ProgressLine(const std::string& what, double fraction, std::uint64_t rows,
                         double rows_per_second);
/// 336776 -> "336,776"
std::string WithThousands(std::uint64_t number);

class ProgressBar {
 public:
  explicit ProgressBar(std::string what);
  void Update(double fraction, std::uint64_t rows);
  void Finish(std::uint64_t rows);

  double seconds() const;

 private:
  void Draw(double fraction, std::uint64_t rows, bool last);

  std::string what_;
  bool terminal_;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point drawn_;
};

}  // namespace granary::cli
