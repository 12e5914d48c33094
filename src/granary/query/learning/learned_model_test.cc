// Goal: a model comes back to the last bit, and one that is damaged or foreign is refused by name.
#include "granary/query/learning/learned_model.h"

#include <gtest/gtest.h>

#include <string>

#include "granary/base/crc32c.h"
#include "granary/query/optimizer/coefficients.h"

namespace granary::query {
namespace {

LearnedModel SomeModel() {
  LearnedModel model;
  model.costs.chunk_ns = 12'345.678901234567;
  model.costs.index_row_ns = 1.0 / 3;
  model.parent = "calibrated-1-00000000";
  model.origin = ModelOrigin::kLearned;
  model.owner = "tenant";
  model.made_us = 1'234'567'890'123'456;
  model.queries = 42;
  model.shapes = {
      {.shape = 0xFEDC'BA98'7654'3210, .text = "a = ? AND b > ?", .ratios = {0.1, -2.5}},
      {.shape = 1, .text = "", .ratios = {1.0 / 7}}};
  model.costs.version = VersionOf(model, 17);
  return model;
}

/// The text with another checksum, that of what it says now.
std::string Resealed(std::string text) {
  text.resize(text.rfind("crc32c "));
  char sum[16];
  std::snprintf(sum, sizeof sum, "%08x", Crc32c(text));
  return text + "crc32c " + sum + "\n";
}

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(LearnedModelTest, ComesBackToTheLastBit) {
  const LearnedModel model = SomeModel();
  const auto again = ReadModel(WriteModel(model));
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  for (const Coefficient& each : Coefficients())
    EXPECT_EQ(again->costs.*each.ns, model.costs.*each.ns) << each.name;
  EXPECT_EQ(again->version(), model.version());
  EXPECT_TRUE(again->version().starts_with("learned-17-")) << again->version();
  EXPECT_EQ(CountOf(again->version()), 17u);
  EXPECT_EQ(again->parent, model.parent);
  EXPECT_EQ(again->origin, model.origin);
  EXPECT_EQ(again->owner, model.owner);
  EXPECT_EQ(again->made_us, model.made_us);
  EXPECT_EQ(again->queries, model.queries);
  ASSERT_EQ(again->shapes.size(), 2u);
  EXPECT_EQ(again->shapes[0].shape, model.shapes[0].shape);
  EXPECT_EQ(again->shapes[0].text, model.shapes[0].text);
  EXPECT_EQ(again->shapes[0].ratios, model.shapes[0].ratios);
}

TEST(LearnedModelTest, IsRefusedWhereverItIsCutOrAByteIsAnother) {
  const std::string text = WriteModel(SomeModel());
  for (std::size_t i = 0; i < text.size(); ++i) {
    EXPECT_FALSE(ReadModel(text.substr(0, i)).ok()) << i;
    std::string flipped = text;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    EXPECT_FALSE(ReadModel(flipped).ok()) << i;
  }
}

TEST(LearnedModelTest, SaysWhatItRefuses) {
  const std::string text = WriteModel(SomeModel());
  const auto why = [&](std::string_view from, std::string_view to) {
    const auto read = ReadModel(Resealed(Replaced(text, from, to)));
    EXPECT_FALSE(read.ok()) << to;
    return std::string(read.status().message());
  };
  EXPECT_NE(why("granary-cost-model 1", "granary-cost-model 9").find("format \"9\""),
            std::string::npos);
  EXPECT_NE(why("price chunk_ns", "price junk_ns").find("junk_ns"), std::string::npos);
  EXPECT_NE(why("price chunk_ns 1", "price chunk_ns -1").find("chunk_ns is -1"), std::string::npos);
  EXPECT_NE(why("price bloom_lookup_ns 220", "price bloom_lookup_ns nan").find("nan"),
            std::string::npos);
  EXPECT_NE(why("price bloom_lookup_ns 220", "price bloom_lookup_ns 1e12").find("1e12"),
            std::string::npos);
  EXPECT_NE(why("price bloom_lookup_ns 220\n", "").find("24 prices of 25"), std::string::npos);
  EXPECT_NE(why("origin learned", "origin stolen").find("stolen"), std::string::npos);
  EXPECT_NE(why("shape 0000000000000001 0", "shape 0000000000000001 x").find("shape"),
            std::string::npos);
  EXPECT_NE(std::string(ReadModel("hello").status().message()).find("no cost model"),
            std::string::npos);
}

}  // namespace
}  // namespace granary::query
