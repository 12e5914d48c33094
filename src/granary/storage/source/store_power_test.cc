// Power cuts: files live in memory and lose what was not synced, wholly or in part; the manifest
// lies on the real disk, as one that keeps what SQLite synced.
#include <fmt/format.h>

#include <filesystem>

#include "granary/storage/source/store_test_support.h"
#include "granary/testing/fake_random.h"
#include "granary/testing/memory_file_system.h"
#include "granary/testing/seed.h"

namespace granary::storage {
namespace {

constexpr int kCuts = 40;

class StorePowerTest : public StoreTest {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(options_.root + "/tenants/acme");
    options_.wal_lanes = 1;
    options_.wal_file_bytes = 16 << 10;
    options_.flush_rows = 10;  // Of a bulk: a set of files.
    options_.wal_retention_us = 0;
    options_.wal_retention_bytes = 0;
    Open();
    // The store looks for the manifest among its files.
    const std::string stand_in = options_.root + "/tenants/acme/manifest.db";
    ASSERT_TRUE(memory_.ReplaceFile(stand_in, "on the real disk").ok());
  }
  StoreDeps Deps() override { return {memory_, clock_, failpoints_, Logger::Null(), pool_}; }

  void Act() {
    const std::string id = fmt::format("s{}", random_.Below(2));
    const std::uint64_t dice = random_.Below(20);
    if (!expected_.contains(id)) {
      SourceDefinition definition = TestDefinition(id);
      definition.partitions = {{"part", std::nullopt}};
      Add(definition);
      expected_[id] = {};
    } else if (dice == 0) {
      ASSERT_TRUE(store_->DropSource(SourceId::Parse(id).Take(), false).ok());
      expected_.erase(id);
    } else if (dice < 5) {
      Flush(*Find(id));
    } else {
      std::vector<TestRow> rows;
      for (std::uint64_t n = 1 + random_.Below(30); n > 0; --n) {
        rows.push_back(Row(next_id_++, fmt::format("p{}", random_.Below(3)),
                           std::string(random_.Below(60), 'x')));
      }
      std::uint64_t sequence =
          dice < 8 ? Bulk(*Find(id), rows) : Write(*Find(id), rows).first_sequence;
      for (const TestRow& row : rows) expected_[id].emplace(sequence++, row);
    }
  }
  static std::uint64_t Bulk(Source& source, const std::vector<TestRow>& rows) {
    auto bulk = source.StartBulk();
    EXPECT_TRUE(bulk.ok()) << bulk.status().ToString();
    const SchemaPtr schema = source.schema();
    for (const TestRow& row : rows) {
      const Status appended = (*bulk)->Append(schema, TestBatch(*schema, {row}));
      EXPECT_TRUE(appended.ok()) << appended.ToString();
    }
    const auto outcome = (*bulk)->Commit();
    EXPECT_TRUE(outcome.ok()) << outcome.status().ToString();
    return outcome.ok() ? outcome->first_sequence : 0;
  }
  // Nothing was under way at a cut, so exactly what was acknowledged is there.
  void Check() {
    EXPECT_EQ(store_->List().size(), expected_.size());
    for (const auto& [id, rows] : expected_) EXPECT_EQ(RowsOf(Find(id)->Snapshot()), rows) << id;
  }

  testing::MemoryFileSystem memory_;
  testing::FakeRandom random_{testing::SeedFromEnvironment()};
  std::map<std::string, TestRows> expected_;
  std::int64_t next_id_ = 1;
};

TEST_F(StorePowerTest, KeepsExactlyWhatWasAcknowledged) {
  for (int cut = 0; cut < kCuts && !HasFailure(); ++cut) {
    for (std::uint64_t n = random_.Below(12); n > 0; --n) Act();
    if (random_.OneIn(2))
      memory_.PowerCut();
    else
      memory_.PowerCut(random_.Next64());
    Open();
    Check();
  }
}

}  // namespace
}  // namespace granary::storage
