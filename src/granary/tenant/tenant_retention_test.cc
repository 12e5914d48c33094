// Retention by a clock that the test turns.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "granary/io/failpoint.h"
#include "granary/io/posix_file_system.h"
#include "granary/tenant/tenant.h"
#include "granary/testing/fake_clock.h"
#include "granary/testing/temp_directory.h"

namespace granary {
namespace {

constexpr std::int64_t kDay = 86'400ll * 1'000'000;

class TenantRetentionTest : public ::testing::Test {
 protected:
  void Open() {
    tenant_.reset();
    TenantOptions options;
    options.id = TenantId::Parse("acme").Take();
    options.store.root = directory_.Join("data");
    options.store.flush_age_us = std::int64_t{1} << 60;
    options.retention_interval = std::chrono::hours(24 * 365);  // Only when a test says so.
    auto opened = Tenant::Open({files_, clock_, failpoints_, Logger::Null(), pool_}, options);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    tenant_ = opened.Take();
  }
  void Add(std::string_view id, DataType type, std::optional<std::uint32_t> days) {
    storage::SourceDefinition definition;
    definition.id = SourceId::Parse(id).Take();
    definition.columns = {{"at", std::move(type)}, {"n", TypeKind::kInt64}};
    if (days) definition.retention = storage::Retention{"at", *days};
    const auto added = tenant_->AddSource(definition);
    ASSERT_TRUE(added.ok()) << added.status().ToString();
  }
  void Write(std::string_view id, const std::string& records) {
    const auto answer = tenant_->Write({.source = SourceId::Parse(id).Take(),
                                        .records = records,
                                        .shape = json::RecordShape::kBare});
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  }
  std::uint64_t Rows(std::string_view id) {
    return tenant_->Stats(SourceId::Parse(id).Take())->stats.rows;
  }
  void Change(std::string_view id, std::optional<storage::Retention> retention) {
    storage::SourceChange change;
    change.retention.emplace(std::move(retention));  // Given, if only to be removed.
    ASSERT_TRUE(tenant_->ChangeSource(SourceId::Parse(id).Take(), change).ok());
  }

  testing::TempDirectory directory_;
  io::PosixFileSystem files_;
  testing::FakeClock clock_;  // 2024-01-15T00:00:00Z.
  io::Failpoints failpoints_;
  runtime::WorkerPool pool_{{2}};
  std::unique_ptr<Tenant> tenant_;
};

TEST_F(TenantRetentionTest, DropsWhatIsPastItByTheClock) {
  Open();
  Add("d", TypeKind::kDate, 10);
  Add("t", DataType::Timestamp(TimeUnit::kMicro), 10);
  Add("kept", TypeKind::kDate, std::nullopt);
  const std::string records =
      R"([{"at":"2024-01-03","n":1},{"at":"2024-01-05","n":2},{"at":"2024-01-06","n":3},{"n":4}])";
  for (const char* id : {"d", "t", "kept"}) Write(id, records);
  // Of ten days before the 15th: the 5th is the last that stays.
  EXPECT_EQ(tenant_->DropOldRecords(), 2u);
  EXPECT_EQ(Rows("d"), 3u);
  EXPECT_EQ(Rows("t"), 3u);
  EXPECT_EQ(Rows("kept"), 4u);
  EXPECT_EQ(tenant_->DropOldRecords(), 0u);
  ASSERT_TRUE(tenant_->Flush(SourceId::Parse("d").Take()).ok());
  clock_.AdvanceMicros(
      1);  // A date goes when all of its day is past, an instant to the microsecond.
  EXPECT_EQ(tenant_->DropOldRecords(), 1u);
  EXPECT_EQ(Rows("d"), 3u);
  EXPECT_EQ(Rows("t"), 2u);
  clock_.AdvanceMicros(kDay - 1);
  EXPECT_EQ(tenant_->DropOldRecords(), 1u);
  EXPECT_EQ(Rows("d"), 2u);
  clock_.AdvanceMicros(1000 * kDay);
  tenant_->DropOldRecords();
  EXPECT_EQ(Rows("d"), 1u) << "a record without a date stays";
  EXPECT_EQ(Rows("kept"), 4u);
  Open();
  EXPECT_EQ(Rows("d"), 1u);
}

TEST_F(TenantRetentionTest, IsSetChangedAndRemoved) {
  Open();
  Add("d", TypeKind::kDate, std::nullopt);
  Write("d", R"([{"at":"2023-01-01","n":1},{"at":"2024-01-01","n":2},{"at":"2024-01-14","n":3}])");
  EXPECT_EQ(tenant_->DropOldRecords(), 0u);
  Change("d", storage::Retention{"at", 100});
  EXPECT_EQ(tenant_->DropOldRecords(), 1u);
  Change("d", std::nullopt);
  clock_.AdvanceMicros(1000 * kDay);
  EXPECT_EQ(tenant_->DropOldRecords(), 0u);
  Change("d", storage::Retention{"at", 1});
  Open();
  EXPECT_EQ(tenant_->DropOldRecords(), 2u);
  EXPECT_EQ(Rows("d"), 0u);
}

TEST_F(TenantRetentionTest, OneSourceThatCannotBeWrittenDoesNotHoldUpTheOthers) {
  Open();
  Add("a", TypeKind::kDate, 1);
  Add("b", TypeKind::kDate, 1);
  for (const char* id : {"a", "b"}) Write(id, R"([{"at":"2023-01-01","n":1}])");
  ASSERT_TRUE(failpoints_.Arm("delete.before_manifest=error@1").ok());
  EXPECT_EQ(tenant_->DropOldRecords(), 1u);
  EXPECT_EQ(Rows("a") + Rows("b"), 1u);
  EXPECT_EQ(tenant_->DropOldRecords(), 1u) << "the next round tries again";
}

}  // namespace
}  // namespace granary
