// Estimates of a source's columns, as the background makes them.
#include "granary/storage/source/source_estimates.h"
#include "granary/storage/source/store_test_support.h"
#include "granary/testing/fake_clock.h"

namespace granary::storage {
namespace {

class StoreEstimatesTest : public StoreTest {
 protected:
  ~StoreEstimatesTest() override { store_.reset(); }  // Before its clock.
  StoreDeps Deps() override { return {files_, time_, failpoints_, Logger::Null(), pool_}; }

  static std::vector<TestRow> Some(std::int64_t first, std::int64_t rows) {
    std::vector<TestRow> made;
    for (std::int64_t i = first; i < first + rows; ++i)
      made.push_back({i, i % 4 == 0 ? "a" : "b", "v" + std::to_string(i)});
    return made;
  }
  static std::uint64_t EstimatedRows(const Source& source) {
    const auto estimates = source.Snapshot().estimates;
    return estimates == nullptr ? 0 : estimates->rows;
  }

  testing::FakeClock time_;
};

TEST_F(StoreEstimatesTest, AreMadeOfHotAndFlushedRowsOnceThereAreSome) {
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, Some(0, 60));
  Flush(*source);
  Write(*source, Some(60, 40));
  EXPECT_TRUE(Eventually([&] {
    time_.AdvanceMicros(kRefreshLeastUs);
    return EstimatedRows(*source) == 100;
  }));
  const SourceSnapshot snapshot = source->Snapshot();
  const ColumnEstimator* part = snapshot.estimates->Find(snapshot.schema->Find("part")->id);
  ASSERT_NE(part, nullptr);
  EXPECT_EQ(part->distrusted(), "");
  EXPECT_NEAR(part->Equal(Value(std::string("a"))).fraction, 0.25, 1e-9);
  EXPECT_EQ(part->Equal(Value(std::string("a"))).basis, EstimateBasis::kCommonValues);
  const ColumnEstimator* id = snapshot.estimates->Find(snapshot.schema->Find("id")->id);
  EXPECT_NEAR(id->Range({}, {Value(std::int64_t{50}), RangeEdge::kOpen}).fraction, 0.5, 0.03);
  EXPECT_EQ(snapshot.estimates->Find(999), nullptr);
}

TEST_F(StoreEstimatesTest, ASnapshotKeepsThoseThatItHas) {
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, Some(0, 10));
  ASSERT_TRUE(Eventually([&] { return EstimatedRows(*source) == 10; }));
  const SourceSnapshot before = source->Snapshot();
  Write(*source, Some(10, 200));
  ASSERT_TRUE(Eventually([&] {
    time_.AdvanceMicros(kRefreshLeastUs);
    return EstimatedRows(*source) == 210;
  }));
  EXPECT_EQ(before.estimates->rows, 10u);
}

TEST_F(StoreEstimatesTest, AreRenewedAfterTheIntervalWhereTheyGrewLittle) {
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, Some(0, 1000));
  ASSERT_TRUE(Eventually([&] { return EstimatedRows(*source) == 1000; }));
  Write(*source, Some(1000, 5));
  time_.AdvanceMicros(options_.statistics_interval_us);
  EXPECT_TRUE(Eventually([&] {
    time_.AdvanceMicros(1'000'000);  // The background looks each second.
    return EstimatedRows(*source) == 1005;
  }));
}

TEST_F(StoreEstimatesTest, AreMadeAgainAfterARestart) {
  Open();
  auto source = Add(TestDefinition("s"));
  Write(*source, Some(0, 20));
  Flush(*source);
  source.reset();
  Open();
  EXPECT_TRUE(Eventually([&] { return EstimatedRows(*Find("s")) == 20; }));
}

TEST_F(StoreEstimatesTest, ACompactionLeavesTheDistributionOfAllRows) {
  Open();
  const auto source = Add(TestDefinition("s"));
  for (int file = 0; file < 5; ++file) {
    Write(*source, Some(file * 40, 40));
    Flush(*source);
  }
  CompactWell("s");
  const SourceStats stats = source->Stats();
  EXPECT_EQ(stats.segments, 1u);
  const ColumnEstimator value(stats.columns.at(source->schema()->Find("id")->id));
  ASSERT_TRUE(value.distribution().has_value());
  EXPECT_EQ(value.distribution()->described, 200u);
}

}  // namespace
}  // namespace granary::storage
