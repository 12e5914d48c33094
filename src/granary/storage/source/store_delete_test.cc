// Deletes: what they take away, from whom, and what they leave.
#include <atomic>
#include <thread>

#include "granary/storage/source/store_test_support.h"

namespace granary::storage {
namespace {

class StoreDeleteTest : public StoreTest {
 protected:
  void SetUp() override {
    options_.compaction.automatic = false;
    Open();
  }
  static std::vector<TestRow> Some(std::int64_t first, std::int64_t count) {
    std::vector<TestRow> rows;
    for (std::int64_t id = first; id < first + count; ++id) rows.push_back(Row(id));
    return rows;
  }
  std::uint64_t Delete(Source& source, const std::function<bool(const TestRow&)>& matches) {
    const auto outcome = DeleteWhere(source, matches);
    EXPECT_TRUE(outcome.ok()) << outcome.status().ToString();
    return outcome.ok() ? outcome->deleted : 0;
  }
  static std::vector<std::int64_t> Ids(const SourceSnapshot& snapshot) {
    std::vector<std::int64_t> ids;
    for (const auto& [sequence, row] : RowsOf(snapshot)) ids.push_back(row.id);
    return ids;
  }
  static std::vector<std::int64_t> Range(std::int64_t first, std::int64_t last) {
    std::vector<std::int64_t> ids;
    for (std::int64_t id = first; id <= last; ++id) ids.push_back(id);
    return ids;
  }
};

bool IsAll(const TestRow&) { return true; }

TEST_F(StoreDeleteTest, TakesHotAndFlushedRowsInOneStepAndForGood) {
  auto source = Add(TestDefinition("a"));
  Write(*source, Some(1, 10));
  Flush(*source);
  Write(*source, Some(11, 10));
  EXPECT_EQ(Delete(*source, [](const TestRow& row) { return row.id > 5 && row.id < 15; }), 9u);
  std::vector<std::int64_t> left = Range(1, 5);
  for (const std::int64_t id : Range(15, 20)) left.push_back(id);
  EXPECT_EQ(Ids(source->Snapshot()), left);
  EXPECT_EQ(source->Stats().rows, 11u);
  EXPECT_EQ(source->Stats().deleted_rows, 9u);
  Open();
  EXPECT_EQ(Ids(Find("a")->Snapshot()), left);
  EXPECT_EQ(Find("a")->Stats().rows, 11u);
}

TEST_F(StoreDeleteTest, OfRowsThatAreGoneDeletesNothingAndTakesNoSequence) {
  auto source = Add(TestDefinition("a"));
  Write(*source, Some(1, 4));
  EXPECT_EQ(Delete(*source, [](const TestRow& row) { return row.id < 3; }), 2u);
  EXPECT_EQ(Delete(*source, [](const TestRow& row) { return row.id < 3; }), 0u);
  EXPECT_EQ(Write(*source, Some(5, 1)).first_sequence, 6u) << "the first delete took 5";
}

TEST_F(StoreDeleteTest, NothingStaysHotBelowADeletesMoment) {
  auto source = Add(TestDefinition("a"));
  Write(*source, Some(1, 4));
  Flush(*source);
  Write(*source, Some(5, 4));
  EXPECT_EQ(Delete(*source, [](const TestRow& row) { return row.id > 100; }), 0u);
  EXPECT_EQ(source->Stats().hot_rows, 4u) << "where nothing is deleted nothing is flushed";
  EXPECT_EQ(Delete(*source, [](const TestRow& row) { return row.id < 3; }), 2u);
  EXPECT_EQ(source->Stats().hot_rows, 0u);
  Open();
  EXPECT_EQ(Ids(Find("a")->Snapshot()), Range(3, 8));
  Write(*Find("a"), Some(9, 1));
  Open();
  EXPECT_EQ(Ids(Find("a")->Snapshot()), Range(3, 9));
}

TEST_F(StoreDeleteTest, OlderSnapshotsStillShowTheRows) {
  auto source = Add(TestDefinition("a"));
  Write(*source, Some(1, 10));
  Flush(*source);
  const SourceSnapshot held = source->Snapshot();
  const SnapshotMark mark = MarkOf(held);
  const SchemaPtr schema = source->schema();
  Delete(*source, [](const TestRow& row) { return row.id % 2 == 0; });
  const SnapshotMark between = MarkOf(source->Snapshot());
  Delete(*source, [](const TestRow& row) { return row.id == 1; });
  Write(*source, Some(11, 1));
  EXPECT_EQ(Ids(held), Range(1, 10));
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(round);
    for (const auto& [then, ids] : {std::pair(mark, Range(1, 10)),
                                    std::pair(between, std::vector<std::int64_t>{1, 3, 5, 7, 9})}) {
      const auto now = Find("a")->SnapshotOf(then.generation);
      ASSERT_TRUE(now.ok()) << now.status().ToString();
      const auto rewound = Rewind(*now, then, *schema);
      ASSERT_TRUE(rewound.ok()) << rewound.status().ToString();
      EXPECT_EQ(Ids(*rewound), ids);
    }
    if (round == 0) {
      Flush(*Find("a"));
      CompactWell("a");
    }
    if (round == 1) Open();
  }
  EXPECT_EQ(Ids(Find("a")->Snapshot()), (std::vector<std::int64_t>{3, 5, 7, 9, 11}));
}

TEST_F(StoreDeleteTest, CompactionFoldsTheRowsAway) {
  options_.snapshot_retention_us = -1;
  Open();
  auto source = Add(TestDefinition("a"));
  Write(*source, Some(1, 100));
  Flush(*source);
  Delete(*source, [](const TestRow& row) { return row.id % 10 != 0; });
  EXPECT_EQ(source->Stats().deleted_rows, 90u);
  CompactWell("a");
  EXPECT_EQ(source->Stats().deleted_rows, 0u);
  EXPECT_EQ(source->Stats().rows, 10u);
  const SourceSnapshot now = source->Snapshot();
  ASSERT_EQ(now.segments.size(), 1u);
  EXPECT_EQ(now.segments.front()->meta().rows, 10u);
  Open();
  EXPECT_EQ(Ids(Find("a")->Snapshot()).size(), 10u);
}

TEST_F(StoreDeleteTest, OfEverythingLeavesNoFile) {
  options_.snapshot_retention_us = -1;
  Open();
  auto source = Add(TestDefinition("a"));
  Write(*source, Some(1, 10));
  Flush(*source);
  Write(*source, Some(11, 10));
  EXPECT_EQ(Delete(*source, IsAll), 20u);
  EXPECT_EQ(source->Stats().rows, 0u);
  CompactWell("a");
  CompactWell("a");
  EXPECT_EQ(source->Stats().segments, 0u);
  EXPECT_TRUE(ParquetFiles(source->folder()).empty());
  Open();
  const auto outcome = Write(*Find("a"), Some(21, 1));
  EXPECT_EQ(outcome.first_sequence, 22u) << "sequences are never given twice";
  EXPECT_EQ(Ids(Find("a")->Snapshot()), Range(21, 21));
}

TEST_F(StoreDeleteTest, FindsTheRowsAgainWhereTheyWereFlushedOrMergedMeanwhile) {
  auto source = Add(TestDefinition("a"));
  Write(*source, Some(1, 10));
  Flush(*source);
  Write(*source, Some(11, 10));
  int searches = 0;
  const auto outcome = source->Delete([&](const SourceSnapshot& snapshot) -> Result<MatchedRows> {
    MatchedRows found = FindMatches(snapshot, [](const TestRow& row) { return row.id % 2 == 0; });
    if (++searches == 1) {
      Write(*source, Some(21, 10));  // Later: these stay.
      Flush(*source);
      CompactWell("a");
    }
    return found;
  });
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(outcome->deleted, 10u);
  EXPECT_EQ(searches, 2);
  std::vector<std::int64_t> left;
  for (std::int64_t id = 1; id <= 30; ++id) {
    if (id > 20 || id % 2 != 0) left.push_back(id);
  }
  EXPECT_EQ(Ids(source->Snapshot()), left);
}

TEST_F(StoreDeleteTest, AKeyAnswersTheFirstDeleteAlsoAfterARestart) {
  Add(TestDefinition("a"));
  Write(*Find("a"), Some(1, 10));
  const WriteKey key{"once", Digest128{1, 2}};
  {
    const auto turn = Find("a")->TakeKey(key, runtime::CancelToken());
    ASSERT_TRUE(turn.ok() && !turn->first().has_value());
    const auto outcome = DeleteWhere(
        *Find("a"), [](const TestRow& row) { return row.id < 4; }, &*turn);
    ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
    EXPECT_EQ(outcome->deleted, 3u);
  }
  Write(*Find("a"), Some(1, 1));
  for (int round = 0; round < 2; ++round) {
    const auto turn = Find("a")->TakeKey(key, runtime::CancelToken());
    ASSERT_TRUE(turn.ok() && turn->first().has_value()) << round;
    EXPECT_EQ(turn->first()->records, 3u);
    EXPECT_EQ(Ids(Find("a")->Snapshot()).size(), 8u);
    if (round == 0) {
      const auto other = Find("a")->TakeKey({"once", Digest128{3, 4}}, runtime::CancelToken());
      EXPECT_EQ(other.status().code(), Code::kIdempotencyKeyReused);
    }
  }
  Open();
  const auto turn = Find("a")->TakeKey(key, runtime::CancelToken());
  ASSERT_TRUE(turn.ok() && turn->first().has_value());
  EXPECT_EQ(turn->first()->records, 3u);
}

TEST_F(StoreDeleteTest, OfASourceWithoutALogIsDurableToo) {
  SourceDefinition definition = TestDefinition("a");
  definition.wal_enabled = false;
  auto source = Add(definition);
  Write(*source, Some(1, 10));
  EXPECT_EQ(Delete(*source, [](const TestRow& row) { return row.id < 6; }), 5u);
  source.reset();
  Open();
  EXPECT_EQ(Ids(Find("a")->Snapshot()), Range(6, 10));
}

TEST_F(StoreDeleteTest, BoundsOfColumnsStayBoundsAndCountsAreNotGuessed) {
  auto source = Add(TestDefinition("a"));
  Write(*source, Some(1, 10));
  Flush(*source);
  Delete(*source, [](const TestRow& row) { return row.id == 10; });
  const ColumnStats stats = source->Stats().columns.at(1);
  EXPECT_EQ(stats.rows, 9u);
  EXPECT_EQ(stats.nulls, std::optional<std::uint64_t>(0));
  EXPECT_FALSE(stats.max_exact);
  EXPECT_FALSE(stats.values.has_value());
}

TEST_F(StoreDeleteTest, AVersionThatWasFoldedEndsOlderCursors) {
  options_.deletion_versions_max = 4;
  Open();
  auto source = Add(TestDefinition("a"));
  Write(*source, Some(1, 20));
  Flush(*source);
  const SnapshotMark mark = MarkOf(source->Snapshot());
  const SchemaPtr schema = source->schema();
  for (std::int64_t id = 1; id <= 4; ++id)
    Delete(*source, [&](const TestRow& row) { return row.id == id; });
  ASSERT_TRUE(Rewind(*source->SnapshotOf(0), mark, *schema).ok());
  Delete(*source, [&](const TestRow& row) { return row.id == 5; });
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(Rewind(*Find("a")->SnapshotOf(0), mark, *schema).status().code(),
              Code::kCursorExpired);
    EXPECT_EQ(Ids(Find("a")->Snapshot()), Range(6, 20));
    if (round == 0) Open();
  }
}

TEST_F(StoreDeleteTest, ConcurrentDeletesTakeEachRowOnceAndLeaveWhatIsWrittenMeanwhile) {
  auto source = Add(TestDefinition("a"));
  Write(*source, Some(1, 1000));
  std::atomic<std::uint64_t> deleted = 0;
  std::atomic<bool> done = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (int part = 9; part >= 0; --part) {
        deleted += Delete(*source, [part](const TestRow& row) {
          return row.id <= 1000 && row.id % 10 >= part && row.id % 2 == 0;
        });
      }
    });
  }
  threads.emplace_back([&] {
    for (std::int64_t id = 1001; !done; ++id) Write(*source, {Row(id)});
  });
  threads.emplace_back([&] {
    while (!done) {
      Flush(*source);
      CompactWell("a");
    }
  });
  for (int i = 0; i < 3; ++i) threads[static_cast<std::size_t>(i)].join();
  done = true;
  threads[3].join();
  threads[4].join();
  EXPECT_EQ(deleted, 500u);
  std::uint64_t old = 0;
  for (const std::int64_t id : Ids(source->Snapshot())) old += id <= 1000 ? 1 : 0;
  EXPECT_EQ(old, 500u);
}

}  // namespace
}  // namespace granary::storage
