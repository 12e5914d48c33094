// The source that the optimizer is measured over: skewed, correlated and clustered columns, in
// segments of several sizes, with indexes of every kind. In memory; the same for a seed.
//
// Threads    const from many once made.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "granary/storage/source/source_snapshot.h"
#include "granary/testing/memory_file_system.h"

namespace granary::bench {

inline constexpr ColumnId kId = 1, kCustomer = 2, kCity = 3, kPostcode = 4, kAmount = 5, kDay = 6,
                          kStatus = 7, kNote = 8;
inline constexpr std::int64_t kCustomers = 5000, kCities = 50, kPostcodes = 1000;
inline constexpr std::int64_t kAmounts = 100'000, kStatuses = 6;

struct BenchShape {
  std::string name;
  std::int64_t segments = 1;
  std::int64_t rows = 1000;  ///< Of each.
};

class BenchSource {
 public:
  BenchSource(const BenchShape& shape, std::uint64_t seed);

  const storage::SourceSnapshot& snapshot() const { return snapshot_; }
  /// The same rows with statistics that are off by a thousand times: skewed columns look unique,
  /// unique ones as if they had two values, and histograms are gone or of another column. What
  /// pruning believes stays true.
  storage::SourceSnapshot Poisoned() const;
  std::int64_t rows() const { return rows_; }
  std::int64_t days() const { return days_; }

 private:
  void AddSegment(std::int64_t rows, std::uint64_t seed);

  testing::MemoryFileSystem files_;
  std::unique_ptr<storage::SegmentFiles> segment_files_;
  storage::SourceSnapshot snapshot_;
  std::int64_t rows_ = 0, days_ = 0;
};

/// Zipf's law over 0 … values - 1, for a number between 0 and 1.
std::int64_t Skewed(double chance, std::int64_t values);
std::string CustomerName(std::int64_t customer);
std::string CityName(std::int64_t city);
std::string PostcodeName(std::int64_t postcode);
std::string StatusName(std::int64_t status);

}  // namespace granary::bench
