// Documents taken apart and put together: random ones come back to the byte.
#include <gtest/gtest.h>

#include <random>

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <fmt/format.h>

#include "granary/json/batch_writer.h"
#include "granary/json/document_reader.h"
#include "granary/json/random_document_test_support.h"
#include "granary/json/shred_layout.h"
#include "granary/json/shred_merger.h"
#include "granary/json/shredder.h"
#include "granary/testing/seed.h"

namespace granary::json {
namespace {

std::shared_ptr<arrow::StringArray> Texts(const std::vector<std::string>& texts) {
  arrow::StringBuilder builder;
  for (const std::string& text : texts)
    EXPECT_TRUE((text.empty() ? builder.AppendNull() : builder.Append(text)).ok());
  return std::static_pointer_cast<arrow::StringArray>(builder.Finish().ValueOrDie());
}

struct Apart {
  std::vector<ShreddedPath> paths;
  ShreddedColumn column;
};

Apart TakeApart(const std::shared_ptr<arrow::StringArray>& documents, const ShredLimits& limits) {
  PathCensus census(10'000);
  census.Add(*documents);
  const ShredChoice choice = ChoosePaths(census.Counted(), census.documents(), limits);
  Shredder shredder(choice.paths);
  Apart apart;
  auto column = shredder.Shred(
      {documents->Slice(0, documents->length() / 2), documents->Slice(documents->length() / 2)});
  EXPECT_TRUE(column.ok()) << column.status().message();
  apart.column = column.Take();
  const auto left = shredder.left();
  std::int32_t id = 1000;
  for (std::size_t i = 0; i < choice.paths.size(); ++i) {
    ShreddedPath path{choice.paths[i].path, {}, left[i]};
    for (const Lane lane : choice.paths[i].lanes) path.lanes.push_back({lane, id++});
    apart.paths.push_back(std::move(path));
  }
  return apart;
}

constexpr ShredLimits kAll{.paths_max = 1000, .path_bytes_max = 1000, .documents_each = 1'000'000};

std::string Residual(const std::string& document) {
  const auto apart = TakeApart(Texts({document}), kAll);
  return std::string(static_cast<const arrow::StringArray&>(*apart.column.documents).GetView(0));
}

TEST(ShredTest, ValuesLeaveNullsBehind) {
  EXPECT_EQ(Residual(R"({"a":1,"b":{"c":"x","d":[1],"e":null},"f":true})"),
            R"({"a":null,"b":{"c":null,"d":[1],"e":null},"f":null})");
  EXPECT_EQ(Residual(R"({"a":1e3,"b":-0})"), R"({"a":1e3,"b":-0})");
  EXPECT_EQ(Residual(R"({"a":1,"a":2})"), R"({"a":null,"a":2})");
  EXPECT_EQ(Residual("[1]"), "[1]");
}

TEST(ShredTest, CountsWhatIsLeft) {
  const auto apart = TakeApart(
      Texts({R"({"a":{"b":1}})", R"({"a":[{"b":2}]})", R"({"a":{"b":[3]}})", R"({"a":{"b":1e3}})",
             R"({"a":{"b":null}})", R"({"a":7})", R"([1])", "", R"({"a":{"b":{}}})"}),
      kAll);
  ASSERT_EQ(apart.paths.size(), 2u);
  EXPECT_EQ(apart.paths[0].path, (std::vector<std::string>{"a"}));
  EXPECT_EQ(apart.paths[0].left, 5u + 1u + 1u);  // Objects, the array, the other document.
  EXPECT_EQ(apart.paths[1].path, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(apart.paths[1].left, 3u + 1u + 1u);
}

TEST(ShredTest, RandomDocumentsComeBackToTheByte) {
  std::mt19937_64 random(testing::SeedFromEnvironment());
  for (int round = 0; round < 40; ++round) {
    RandomDocuments documents(random());
    std::vector<std::string> texts;
    for (int i = 0; i < 250; ++i) texts.push_back(i % 17 == 3 ? "" : documents.Next());
    const auto in = Texts(texts);
    const ShredLimits limits{.paths_max = random() % 40, .documents_each = 1 + random() % 100};
    const Apart apart = TakeApart(in, limits);
    for (const bool coded : {false, true}) {
      arrow::ArrayVector lanes;
      std::size_t at = 0;
      for (const ShreddedPath& path : apart.paths) {
        for (const ShreddedLane& lane : path.lanes) {
          auto array = apart.column.lanes[at++];
          if (coded && lane.lane == Lane::kString)
            array = arrow::compute::DictionaryEncode(array).ValueOrDie().make_array();
          lanes.push_back(array);
        }
      }
      auto rest = apart.column.documents;
      if (coded) rest = arrow::compute::DictionaryEncode(rest).ValueOrDie().make_array();
      ShredMerger merger(apart.paths);
      const auto merged = merger.Merge(*rest, lanes);
      ASSERT_TRUE(merged.ok()) << merged.status().message();
      ASSERT_TRUE((*merged)->Equals(*in)) << (*merged)->ToString() << in->ToString();
    }
  }
}

TEST(ShredTest, LanesThatAreNotAskedForStayNull) {
  const auto apart = TakeApart(Texts({R"({"a":1,"b":2})"}), kAll);
  ShredMerger merger(apart.paths);
  const auto merged = merger.Merge(*apart.column.documents, {nullptr, apart.column.lanes[1]});
  EXPECT_EQ(static_cast<const arrow::StringArray&>(**merged).GetView(0), R"({"a":null,"b":2})");
}

TEST(ShredTest, DamageIsTold) {
  const auto apart = TakeApart(Texts({R"({"a":1,"b":"x"})"}), kAll);
  ShredMerger merger(apart.paths);
  for (const char* text : {R"({"a":null)", "{", R"({"a")", R"({"a":null}})"}) {
    const auto damaged = Texts({text});
    EXPECT_EQ(merger.Merge(*damaged, apart.column.lanes).status().code(), Code::kCorruption);
  }
  EXPECT_EQ(merger.Merge(*apart.column.documents, {apart.column.lanes[1], apart.column.lanes[0]})
                .status()
                .code(),
            Code::kCorruption);
  EXPECT_EQ(Shredder({}).Shred({Texts({R"({"a":)"})}).status().code(), Code::kCorruption);
}

TEST(ShredLayoutTest, ReadsBackWhatItWrites) {
  ShredLayout layout{.column = 7, .documents = 10, .others = 1, .complete = true};
  layout.paths = {
      {{"a", "b.c\"é"}, {{Lane::kString, 1'000'000'000}, {Lane::kBool, 1'000'000'001}}, 3},
      {{""}, {{Lane::kInt64, 1'000'000'002}}, 0}};
  CountedPath counted{{"a"}, {}, false};
  counted.counts.objects = 4;
  counted.counts.arrays = 2;
  counted.counts.lanes[1] = 1;
  layout.counted = {counted};
  const std::vector<ShredLayout> all = {layout, {.column = 9}};
  const auto read = ShredLayout::Decode(ShredLayout::Encode(all));
  ASSERT_TRUE(read.ok());
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ((*read)[0].paths, layout.paths);
  EXPECT_EQ((*read)[0].counted[0].counts, counted.counts);
  EXPECT_EQ(((*read)[0].documents), 10u);
  EXPECT_EQ(((*read)[0].others), 1u);
  EXPECT_TRUE((*read)[0].complete);
  EXPECT_FALSE((*read)[1].complete);
  for (const char* text :
       {"", "{", "[{}]", R"([{"column":1}])", "7",
        R"([{"column":1,"complete":true,"paths":[{"path":[],"lanes":[]}],"counted":[]}])"})
    EXPECT_EQ(ShredLayout::Decode(text).status().code(), Code::kCorruption) << text;
}

TEST(ShredLayoutTest, KnowsWhatIsNowhere) {
  CountedPath a{{"a"}, {}, false}, b{{"a", "b"}, {}, false}, list{{"l"}, {}, false};
  a.counts.objects = 1;
  b.counts.nulls = 1;
  list.counts.arrays = 1;
  ShredLayout layout{.complete = true};
  layout.counted = {a, b, list};
  const auto absent = [&](std::vector<std::string> path) { return layout.IsAbsent(path); };
  EXPECT_FALSE(absent({"a"}));
  EXPECT_TRUE(absent({"a", "b"}));
  EXPECT_TRUE(absent({"a", "c"}));
  EXPECT_TRUE(absent({"nobody"}));
  EXPECT_FALSE(absent({"l"}));
  EXPECT_FALSE(absent({"l", "x", "y"}));
  layout.complete = false;
  EXPECT_FALSE(absent({"nobody"}));
}

}  // namespace
}  // namespace granary::json
