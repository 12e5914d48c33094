// What lanes say of a path is what the documents say.
#include "granary/json/path_lanes.h"

#include <gtest/gtest.h>

#include <random>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "granary/json/json_path.h"
#include "granary/json/random_document_test_support.h"
#include "granary/json/shred_layout.h"
#include "granary/json/shred_merger.h"
#include "granary/json/shredder.h"
#include "granary/testing/seed.h"

namespace granary::json {
namespace {

using Kind = Predicate::Kind;
using Path = std::vector<std::string>;

std::shared_ptr<arrow::Array> Coded(const std::shared_ptr<arrow::Array>& array) {
  return arrow::compute::DictionaryEncode(array).ValueOrDie().make_array();
}

/// Documents taken apart, and what lies at a path of them as a reader of a file gives it.
class Shredded {
 public:
  Shredded(std::shared_ptr<arrow::Array> documents, const ShredLimits& limits, bool coded)
      : documents_(std::move(documents)) {
    PathCensus census(10'000);
    census.Add(static_cast<const arrow::StringArray&>(*documents_));
    const ShredChoice choice = ChoosePaths(census.Counted(), census.documents(), limits);
    Shredder shredder(choice.paths);
    column_ = shredder.Shred({documents_}).Take();
    const auto left = shredder.left();
    layout_.complete = true;
    layout_.counted = census.Counted();
    for (std::size_t i = 0; i < choice.paths.size(); ++i) {
      ShreddedPath& path =
          layout_.paths.emplace_back(ShreddedPath{choice.paths[i].path, {}, left[i]});
      for (const Lane lane : choice.paths[i].lanes) path.lanes.push_back({lane, next_++});
    }
    for (std::size_t i = 0; i < column_.lanes.size(); ++i) {
      if (coded && column_.lanes[i]->type_id() == arrow::Type::STRING)
        column_.lanes[i] = Coded(column_.lanes[i]);
    }
  }

  std::shared_ptr<arrow::Array> At(const Path& path) const {
    const std::int64_t rows = documents_->length();
    if (layout_.IsAbsent(path)) return MakePathLanes({}, nullptr, rows);
    LaneArrays own;
    arrow::ArrayVector below(column_.lanes.size());
    std::vector<std::uint8_t> open(static_cast<std::size_t>(rows), 1);
    std::uint64_t left = 1;
    std::size_t at = 0;
    for (const ShreddedPath& shredded : layout_.paths) {
      for (const ShreddedLane& lane : shredded.lanes) {
        const auto& array = column_.lanes[at++];
        if (shredded.path == path) {
          left = shredded.left;
          own.emplace_back(lane.lane, array);
          for (std::int64_t row = 0; row < rows; ++row)
            if (array->IsValid(row)) open[static_cast<std::size_t>(row)] = 0;
        } else if (IsUnder(shredded.path, path)) {
          below[at - 1] = array;
        }
      }
    }
    if (left == 0) return MakePathLanes(own, nullptr, rows);
    auto merged = ShredMerger(layout_.paths).Merge(*column_.documents, below, open.data());
    EXPECT_TRUE(merged.ok());
    return MakePathLanes(own, merged.Take(), rows);
  }

  const std::vector<ShreddedPath>& paths() const { return layout_.paths; }

 private:
  std::shared_ptr<arrow::Array> documents_;
  ShreddedColumn column_;
  ShredLayout layout_;
  std::int32_t next_ = 1'000'000'000;
};

Literal RandomLiteral(std::mt19937_64& random) {
  static const std::vector<std::string> kNumbers = {"0",
                                                    "1",
                                                    "1.0",
                                                    "1.5",
                                                    "42",
                                                    "-0.0",
                                                    "1e3",
                                                    "0.1",
                                                    "7.5",
                                                    "9223372036854775807",
                                                    "9223372036854775808",
                                                    "9007199254740992.5",
                                                    "1e+21",
                                                    "500"};
  static const std::vector<std::string> kStrings = {"", "create", "null", "é\u0001", "d"};
  Literal literal;
  switch (random() % 3) {
    case 0:
      literal.kind = Literal::Kind::kNumber;
      literal.text = kNumbers[random() % kNumbers.size()];
      break;
    case 1:
      literal.kind = Literal::Kind::kString;
      literal.text = kStrings[random() % kStrings.size()];
      break;
    default: literal.kind = Literal::Kind::kBool; literal.boolean = random() % 2 == 0;
  }
  return literal;
}

Predicate RandomLeaf(std::mt19937_64& random, Path path) {
  static constexpr Kind kKinds[] = {Kind::kIsNull,       Kind::kNotNullIs, Kind::kEqual,
                                    Kind::kLess,         Kind::kLessEqual, Kind::kGreater,
                                    Kind::kGreaterEqual, Kind::kIn,        Kind::kLike,
                                    Kind::kStartsWith,   Kind::kContains,  Kind::kRegex};
  Predicate leaf;
  leaf.kind = kKinds[random() % std::size(kKinds)];
  leaf.type = TypeKind::kJson;
  leaf.path = std::move(path);
  leaf.constant = random() % 2 == 0;
  if (leaf.kind == Kind::kIn) {
    for (int i = 0; i < 3; ++i) leaf.json.push_back(RandomLiteral(random));
    leaf.in_has_null = random() % 4 == 0;
  } else if (leaf.kind >= Kind::kLike) {
    leaf.pattern = leaf.kind == Kind::kLike ? "%e%" : "e";
    Literal literal;
    literal.kind = Literal::Kind::kString;
    literal.text = leaf.pattern;
    if (leaf.kind == Kind::kContains && random() % 2 == 0) literal = RandomLiteral(random);
    leaf.json = {literal};
  } else if (leaf.kind >= Kind::kEqual) {
    leaf.json = {RandomLiteral(random)};
  }
  return leaf;
}

Path RandomPath(std::mt19937_64& random, const std::vector<ShreddedPath>& known) {
  static const std::vector<std::string> kKeys = {"id", "kind", "at", "commit", "record",
                                                 "",   "a.b",  "n",  "x"};
  if (!known.empty() && random() % 2 == 0) return known[random() % known.size()].path;
  Path path;
  for (std::uint64_t i = 1 + random() % 3; i > 0; --i)
    path.push_back(kKeys[random() % kKeys.size()]);
  return path;
}

TEST(PathLanesTest, SayWhatTheDocumentsSay) {
  std::mt19937_64 random(testing::SeedFromEnvironment());
  int with_lanes = 0;
  for (int round = 0; round < 60; ++round) {
    RandomDocuments documents(random());
    arrow::StringBuilder builder;
    for (int i = 0; i < 120; ++i)
      ASSERT_TRUE((i % 13 == 5 ? builder.AppendNull() : builder.Append(documents.Next())).ok());
    const auto texts = builder.Finish().ValueOrDie();
    const ShredLimits limits{.paths_max = 1 + random() % 40, .documents_each = 1 + random() % 100};
    const Shredded shredded(texts, limits, round % 2 == 0);
    for (int question = 0; question < 40; ++question) {
      const Predicate leaf = RandomLeaf(random, RandomPath(random, shredded.paths()));
      const auto lanes = shredded.At(leaf.path);
      with_lanes += lanes->type()->num_fields() > 0;
      const auto outcomes = EvaluatePath(*texts, leaf);
      ASSERT_TRUE(outcomes.ok()) << outcomes.status().message();
      const auto& expected = static_cast<const arrow::BooleanArray&>(**outcomes);
      for (const bool looked_for : {true, false}) {
        std::vector<std::uint8_t> wanted(100), out(100);
        for (auto& want : wanted) want = random() % 3 != 0;
        const bool all = random() % 2 == 0;
        ASSERT_TRUE(EvaluateLanes(*lanes, leaf, looked_for, 15, 100, all ? nullptr : wanted.data(),
                                  out.data())
                        .ok());
        for (std::int64_t i = 0; i < 100; ++i) {
          const bool is_wanted = all || wanted[static_cast<std::size_t>(i)] != 0;
          const bool holds = expected.IsValid(15 + i) && expected.Value(15 + i) == looked_for;
          ASSERT_EQ(out[static_cast<std::size_t>(i)] != 0, is_wanted && holds)
              << static_cast<int>(leaf.kind) << " row " << 15 + i;
        }
      }
      const auto extracted = ExtractPath(*texts, leaf.path);
      ASSERT_TRUE((*ExtractLanes(*lanes, leaf.path))->Equals(**extracted));
      auto coded = ExtractCodedLanes(*lanes, leaf.path).Take();
      if (coded->type_id() == arrow::Type::DICTIONARY)
        coded = arrow::compute::Cast(*coded, arrow::utf8()).ValueOrDie();
      ASSERT_TRUE(coded->Equals(**extracted));
    }
  }
  EXPECT_GT(with_lanes, 1000);
}

}  // namespace
}  // namespace granary::json
