#include "granary/storage/stats/distinct_sketch.h"

#include <gtest/gtest.h>

#include <cmath>

#include "granary/storage/stats/value_hash.h"

namespace granary::storage {
namespace {

DistinctSketch SketchOf(std::uint64_t first, std::uint64_t count) {
  DistinctSketch sketch;
  for (std::uint64_t i = first; i < first + count; ++i) sketch.Add(HashInteger(i));
  return sketch;
}

TEST(DistinctSketchTest, EstimatesWithinFivePercent) {
  // Three standard errors of 1.6 %; consecutive numbers show that the hash mixes.
  for (const std::uint64_t count :
       {1, 2, 10, 65, 500, 3'000, 8'000, 10'240, 12'000, 20'000, 100'000, 1'000'000}) {
    const double estimate = static_cast<double>(SketchOf(7, count).Estimate());
    EXPECT_NEAR(estimate, static_cast<double>(count),
                std::max(0.5, 0.05 * static_cast<double>(count)));
  }
}

TEST(DistinctSketchTest, AnEmptyOneCountsNothing) {
  EXPECT_EQ(DistinctSketch().Estimate(), 0u);
  EXPECT_LE(DistinctSketch().Encode().size(), 23u);
}

TEST(DistinctSketchTest, AValueThatComesAgainChangesNothing) {
  DistinctSketch sketch = SketchOf(0, 1000);
  const DistinctSketch before = sketch;
  for (std::uint64_t i = 0; i < 1000; ++i) sketch.Add(HashInteger(i));
  EXPECT_EQ(sketch, before);
}

TEST(DistinctSketchTest, MergedIsTheSketchOfTheUnion) {
  DistinctSketch merged = SketchOf(0, 5000);
  merged.Merge(SketchOf(3000, 9000));
  EXPECT_EQ(merged, SketchOf(0, 12'000));
}

TEST(DistinctSketchTest, DecodesWhatItEncodes) {
  for (const std::uint64_t count : {0, 1, 64, 1000, 3000, 200'000}) {
    const DistinctSketch sketch = SketchOf(1, count);
    const std::string bytes = sketch.Encode();
    EXPECT_LE(bytes.size(), 3073u);
    const auto decoded = DistinctSketch::Decode(bytes);
    ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
    EXPECT_EQ(*decoded, sketch);
  }
}

TEST(DistinctSketchTest, RefusesDamagedBytesInsteadOfReadingBeyondThem) {
  for (const std::uint64_t count : {0, 10, 200'000}) {
    const std::string bytes = SketchOf(1, count).Encode();
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      EXPECT_EQ(DistinctSketch::Decode(bytes.substr(0, cut)).status().code(), Code::kCorruption);
    }
    EXPECT_EQ(DistinctSketch::Decode(bytes + '\1').status().code(), Code::kCorruption);
  }
  EXPECT_EQ(DistinctSketch::Decode(std::string(3073, '\1') + "x").status().code(),
            Code::kCorruption);
  EXPECT_EQ(DistinctSketch::Decode("\x02").status().code(), Code::kCorruption);
}

TEST(DistinctSketchTest, SurvivesAHashOfAllZeroesOrOnes) {
  DistinctSketch sketch;
  sketch.Add(0);
  sketch.Add(~0ull);
  EXPECT_TRUE(DistinctSketch::Decode(sketch.Encode()).ok());
}

}  // namespace
}  // namespace granary::storage
