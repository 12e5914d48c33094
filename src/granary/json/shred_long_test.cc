// A million random documents taken apart and put together.
#include <gtest/gtest.h>

#include <random>

#include <arrow/api.h>

#include "granary/json/random_document_test_support.h"
#include "granary/json/shred_layout.h"
#include "granary/json/shred_merger.h"
#include "granary/json/shredder.h"
#include "granary/testing/seed.h"

namespace granary::json {
namespace {

TEST(ShredLongTest, AMillionRandomDocumentsComeBackToTheByte) {
  std::mt19937_64 random(testing::SeedFromEnvironment());
  constexpr int kRounds = 100, kDocuments = 10'000;
  for (int round = 0; round < kRounds; ++round) {
    RandomDocuments documents(random());
    arrow::StringBuilder builder;
    for (int i = 0; i < kDocuments; ++i) ASSERT_TRUE(builder.Append(documents.Next()).ok());
    const auto in = builder.Finish().ValueOrDie();
    PathCensus census(10'000);
    census.Add(static_cast<const arrow::StringArray&>(*in));
    const ShredLimits limits{.paths_max = random() % 200, .documents_each = 1 + random() % 1000};
    const ShredChoice choice = ChoosePaths(census.Counted(), census.documents(), limits);
    Shredder shredder(choice.paths);
    const auto apart = shredder.Shred({in});
    ASSERT_TRUE(apart.ok()) << apart.status().message();
    std::vector<ShreddedPath> paths;
    for (const ChosenPath& chosen : choice.paths) {
      ShreddedPath& path = paths.emplace_back(ShreddedPath{chosen.path, {}, 0});
      for (const Lane lane : chosen.lanes) path.lanes.push_back({lane, 0});
    }
    const auto merged = ShredMerger(paths).Merge(*apart->documents, apart->lanes);
    ASSERT_TRUE(merged.ok()) << merged.status().message();
    ASSERT_TRUE((*merged)->Equals(*in));
  }
}

}  // namespace
}  // namespace granary::json
