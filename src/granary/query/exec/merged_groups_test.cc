// Goal: an aggregate over parts that were aggregated apart is what it is over all sources at once,
// and pages of states that nobody wrote change nothing and break nothing.
#include "granary/query/exec/merged_groups.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "granary/query/exec/group_states.h"
#include "granary/query/exec/query_test_support.h"
#include "granary/testing/seed.h"

namespace granary::query {
namespace {

using Random = std::mt19937_64;

constexpr AggregateType kAllTypes[] = {AggregateType::kCount,
                                       AggregateType::kSum,
                                       AggregateType::kAvg,
                                       AggregateType::kMin,
                                       AggregateType::kMax,
                                       AggregateType::kCountDistinct,
                                       AggregateType::kApproxCountDistinct,
                                       AggregateType::kPercentile,
                                       AggregateType::kStddev,
                                       AggregateType::kVariance,
                                       AggregateType::kFirst,
                                       AggregateType::kLast};

/// Sources of three parts: one name is an integer here and a float there, or not there at all.
struct PartedSources {
  explicit PartedSources(Random& random) {
    const std::vector<std::pair<std::string, DataType>> wide = {
        {"s", TypeKind::kString},        {"n", TypeKind::kInt64}, {"f", TypeKind::kFloat64},
        {"d", DataType::Decimal(12, 2)}, {"j", TypeKind::kJson},  {"day", TypeKind::kDate},
        {"flag", TypeKind::kBool}};
    auto other = wide;
    other[1].second = TypeKind::kFloat64;
    other[3].second = DataType::Decimal(20, 4);
    const std::vector<std::pair<std::string, DataType>> narrow(wide.begin(), wide.begin() + 2);
    Add(random, 0, "a", SchemaOf(wide));
    Add(random, 0, "b", SchemaOf(narrow));
    Add(random, 1, "a", SchemaOf(other));
    Add(random, 2, "a", SchemaOf(wide));
  }

  void Add(Random& random, std::size_t part, const std::string& id, SchemaPtr schema) {
    auto source = std::make_unique<TestSource>(id, schema);
    std::vector<Row> rows;
    for (int i = 0; i < 150; ++i) {
      Row& row = rows.emplace_back();
      for (const Column& column : schema->columns())
        row.push_back(RandomValue(random, column.type));
    }
    source->AddSegment(rows, 40);
    sources.push_back(std::move(source));
    parts.push_back(part);
  }

  static Value RandomValue(Random& random, const DataType& type) {
    const auto number = static_cast<std::int64_t>(random() % 30);
    if (number % 7 == 0) return {};
    switch (type.kind()) {
      case TypeKind::kString: return std::string(1, static_cast<char>('a' + number % 5));
      case TypeKind::kFloat64: return static_cast<double>(number - 10) / 4;
      case TypeKind::kDecimal: return Int128{number - 10};
      case TypeKind::kBool: return number % 2 == 0;
      case TypeKind::kJson: return number % 2 == 0 ? std::to_string(number) : std::string("\"x\"");
      default: return number;
    }
  }

  std::vector<storage::SourceSnapshot> All() const {
    std::vector<storage::SourceSnapshot> all;
    for (const auto& source : sources) all.push_back(source->snapshot());
    return all;
  }
  /// Those of one part, the others without rows.
  std::vector<storage::SourceSnapshot> Of(std::size_t part) const {
    std::vector<storage::SourceSnapshot> some;
    for (std::size_t i = 0; i < sources.size(); ++i) {
      const auto& snapshot = sources[i]->snapshot();
      some.push_back(parts[i] == part ? snapshot : WithoutRows(snapshot.id, snapshot.schema));
    }
    return some;
  }

  std::vector<std::unique_ptr<TestSource>> sources;
  std::vector<std::size_t> parts;
};

AggregateRequest RandomRequest(Random& random) {
  AggregateRequest request;
  const std::vector<std::string> columns = {"s", "n", "f", "d", "j", "day", "flag", "_seq"};
  const std::size_t groups = random() % 3;
  for (std::size_t i = 0; i < groups; ++i) {
    GroupBy& group = request.group_by.emplace_back();
    group.column = columns[random() % 7];
    group.alias = "g" + std::to_string(i);
    group.pointer = "/group_by/0";
    if (group.column == "day") group.transform = DatePart::kMonth;
  }
  for (std::size_t i = 0; i < 1 + random() % 4; ++i) {
    Aggregation& aggregation = request.aggregations.emplace_back();
    aggregation.type = kAllTypes[random() % std::size(kAllTypes)];
    aggregation.column = columns[random() % columns.size()];
    aggregation.alias = "a" + std::to_string(i);
    aggregation.p = static_cast<double>(random() % 5) / 4;
    aggregation.pointer = "/aggregations/0";
  }
  return request;
}

std::string TextOf(const Value& value) {
  std::string out;
  // Floats are added up in another order: what differs in the last bits is equal. Means of quarters
  // often end in half a millionth, so that is not where one step ends and the next begins.
  constexpr double kShift = 0.1234567;
  if (const auto* number = std::get_if<double>(&value); number != nullptr && std::isfinite(*number))
    return std::to_string(std::llround(*number * 1e6 + kShift));
  EncodeValue(value, out);
  return out;
}

std::vector<std::string> Texts(const std::vector<std::vector<Value>>& rows) {
  std::vector<std::string> texts;
  for (const auto& row : rows) {
    std::string& text = texts.emplace_back();
    for (const Value& value : row) text += TextOf(value) + "|";
  }
  std::ranges::sort(texts);
  return texts;
}

std::vector<std::string> Pages(const AggregateRequest& request,
                               const std::vector<storage::SourceSnapshot>& sources,
                               runtime::MemoryBudget* memory = nullptr) {
  runtime::WorkerPool pool{{.threads = 2}};
  const QueryContext context{.pool = pool, .cancel = {}, .batch_rows = 32, .memory = memory};
  std::vector<std::string> pages;
  const auto stats = RunAggregateStates(request, sources, context, [&](std::string_view page) {
    pages.emplace_back(page);
    return Status::Ok();
  });
  EXPECT_TRUE(stats.ok()) << stats.status().ToString();
  return pages;
}

std::unique_ptr<MergedGroups> Merged(const AggregateRequest& request,
                                     const PartedSources& sources) {
  return Must(MergedGroups::Make(request, "tenant_id", sources.All(), {"x", "y", "z"}, nullptr));
}

std::vector<std::vector<Value>> Finish(MergedGroups& groups) {
  std::vector<std::vector<Value>> rows;
  EXPECT_TRUE(groups
                  .Finish({},
                          [&](const auto&, std::vector<std::vector<Value>> some) {
                            std::ranges::move(some, std::back_inserter(rows));
                            return Status::Ok();
                          })
                  .ok());
  return rows;
}

TEST(MergedGroupsTest, PartsThatWereAggregatedApartAreAsOneTable) {
  const std::uint64_t seed = testing::SeedFromEnvironment();
  SCOPED_TRACE(seed);
  Random random(seed);
  int answered = 0;
  for (int round = 0; round < 120; ++round) {
    const PartedSources sources(random);
    const AggregateRequest request = RandomRequest(random);
    runtime::WorkerPool pool{{.threads = 2}};
    const QueryContext context{.pool = pool, .cancel = {}, .batch_rows = 64};
    const auto expected = RunAggregate(request, sources.All(), context);
    const auto made =
        MergedGroups::Make(request, "tenant_id", sources.All(), {"x", "y", "z"}, nullptr);
    ASSERT_EQ(made.status().code(), expected.status().code());
    if (!expected.ok()) continue;
    ++answered;
    // A share in which little fits: the same group comes in several pages.
    runtime::MemoryBudget tight("query", 1);
    auto groups = Merged(request, sources);
    for (std::size_t part = 0; part < 3; ++part) {
      for (const std::string& page :
           Pages(request, sources.Of(part), round % 2 == 0 ? nullptr : &tight))
        ASSERT_TRUE(groups->Add(part, page, {}).ok());
    }
    EXPECT_EQ(Texts(Finish(*groups)), Texts(expected->rows)) << round;
  }
  EXPECT_GT(answered, 40);
}

TEST(MergedGroupsTest, APartMayBeAGroupAndOneThatIsLeftCountsForNothing) {
  Random random(7);
  const PartedSources sources(random);
  AggregateRequest request;
  request.group_by.push_back({"tenant_id", {}, "who", "/group_by/0"});
  request.aggregations.push_back(
      {AggregateType::kCount, std::nullopt, "n", 0.5, "/aggregations/0"});
  const PartedAggregate parted = Must(SplitByPart(request, "tenant_id"));
  EXPECT_TRUE(parted.counts_rows);
  auto groups = Merged(request, sources);
  for (std::size_t part = 0; part < 3; ++part) {
    for (const std::string& page : Pages(parted.request, sources.Of(part)))
      ASSERT_TRUE(groups->Add(part, page, {}).ok());
  }
  groups->Leave(1);
  const auto rows = Finish(*groups);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0], (std::vector<Value>{std::string("x"), std::int64_t{300}}));
  EXPECT_EQ(rows[1], (std::vector<Value>{std::string("z"), std::int64_t{150}}));
}

// Every byte, cut and flipped: refused, or taken for another number; never more.
TEST(MergedGroupsTest, AHostilePageIsRefusedOrANumberLikeAnother) {
  Random random(3);
  const PartedSources sources(random);
  AggregateRequest request;
  request.group_by.push_back({"s", {}, "s", "/group_by/0"});
  for (const AggregateType type : kAllTypes) {
    request.aggregations.push_back({type, "n", std::string(AggregateTypeName(type)), 0.5, "/a"});
    if (type != AggregateType::kCount && type < AggregateType::kPercentile)
      request.aggregations.push_back(
          {type, "j", std::string(AggregateTypeName(type)) + "j", 0.5, "/a"});
  }
  const auto pages = Pages(request, sources.Of(0));
  ASSERT_GE(pages.size(), 3u);
  for (const std::string& page : pages) {
    for (std::size_t cut = 0; cut < page.size(); cut += 1 + page.size() / 400)
      EXPECT_EQ(Merged(request, sources)->Add(0, page.substr(0, cut), {}).code(),
                Code::kCorruption);
    EXPECT_EQ(Merged(request, sources)->Add(0, page + "x", {}).code(), Code::kCorruption);
    for (std::size_t at = 0; at < page.size(); at += 1 + page.size() / 400) {
      std::string flipped = page;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << random() % 8));
      auto groups = Merged(request, sources);
      const Status added = groups->Add(0, flipped, {});
      EXPECT_TRUE(added.ok() || added.code() == Code::kCorruption) << added.ToString();
      if (added.ok()) Finish(*groups);
    }
  }
}

TEST(MergedGroupsTest, MoreGroupsThanMemoryAreRefused) {
  Random random(5);
  const PartedSources sources(random);
  AggregateRequest request;
  request.group_by.push_back({"n", {}, "n", "/group_by/0"});
  request.aggregations.push_back({AggregateType::kCountDistinct, "s", "d", 0.5, "/a"});
  runtime::MemoryBudget memory("queries", 1);
  auto groups =
      Must(MergedGroups::Make(request, "tenant_id", sources.All(), {"x", "y", "z"}, &memory));
  EXPECT_EQ(groups->Add(0, Pages(request, sources.Of(0)).front(), {}).code(), Code::kTooLarge);
}

}  // namespace
}  // namespace granary::query
