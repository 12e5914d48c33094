// Sources with a primary key: a later record replaces the earlier one, wherever either of them is.
#include <algorithm>
#include <atomic>
#include <thread>

#include "granary/storage/source/store_test_support.h"

namespace granary::storage {
namespace {

using Versions = std::map<std::int64_t, std::string>;

class StoreKeyedTest : public StoreTest {
 protected:
  void SetUp() override {
    options_.compaction.automatic = false;
    Open();
  }
  static SourceDefinition Keyed(std::string_view id = "k") {
    SourceDefinition definition = TestDefinition(id);
    definition.primary_key = {"id"};
    return definition;
  }
  static std::vector<TestRow> Some(std::int64_t first, std::int64_t count, std::string value,
                                   std::string part = "p") {
    std::vector<TestRow> rows;
    for (std::int64_t id = first; id < first + count; ++id) rows.push_back(Row(id, part, value));
    return rows;
  }
  /// The value of each key; fails when a key is there twice.
  static Versions VersionsIn(const SourceSnapshot& snapshot) {
    Versions versions;
    for (const auto& [sequence, row] : RowsOf(snapshot)) {
      EXPECT_TRUE(versions.emplace(row.id, row.value.value_or("null")).second)
          << "key " << row.id << " twice";
    }
    return versions;
  }
  static Versions Expect(
      std::initializer_list<std::tuple<std::int64_t, std::int64_t, std::string>> parts) {
    Versions versions;
    for (const auto& [first, last, value] : parts) {
      for (std::int64_t id = first; id <= last; ++id) versions[id] = value;
    }
    return versions;
  }
  void BulkWell(Source& source, const std::vector<std::vector<TestRow>>& batches) {
    auto bulk = source.StartBulk().Take();
    for (const auto& rows : batches)
      ASSERT_TRUE(bulk->Append(bulk->schema(), TestBatch(*bulk->schema(), rows)).ok());
    const auto outcome = bulk->Commit();
    ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  }
};

TEST_F(StoreKeyedTest, ALaterRecordReplacesTheEarlierOneHotOrFlushed) {
  auto source = Add(Keyed());
  Write(*source, Some(1, 10, "a"));
  Flush(*source);
  Write(*source, Some(4, 3, "b"));
  const Versions now = Expect({{1, 3, "a"}, {4, 6, "b"}, {7, 10, "a"}});
  EXPECT_EQ(VersionsIn(source->Snapshot()), now);
  EXPECT_EQ(source->Stats().rows, 10u);
  Write(*source, Some(6, 2, "c"));
  const Versions then = Expect({{1, 3, "a"}, {4, 5, "b"}, {6, 7, "c"}, {8, 10, "a"}});
  EXPECT_EQ(VersionsIn(source->Snapshot()), then);
  EXPECT_EQ(source->Stats().rows, 10u);
  EXPECT_EQ(source->Stats().hot_rows, 4u);
  for (int round = 0; round < 4; ++round) {
    SCOPED_TRACE(round);
    if (round == 0) Open();
    if (round == 1) Flush(*Find("k"));
    if (round == 2) CompactWell("k");
    if (round == 3) Open();
    EXPECT_EQ(VersionsIn(Find("k")->Snapshot()), then);
    EXPECT_EQ(Find("k")->Stats().rows, 10u);
    source.reset();
  }
}

TEST_F(StoreKeyedTest, TheLastOfABatchWins) {
  auto source = Add(Keyed());
  const auto outcome = Write(*source, {Row(1, "p", "a"), Row(2, "p", "b"), Row(1, "p", "c")});
  EXPECT_EQ(outcome.last_sequence - outcome.first_sequence, 2u) << "each has its sequence";
  EXPECT_EQ(VersionsIn(source->Snapshot()), (Versions{{1, "c"}, {2, "b"}}));
  Flush(*source);
  EXPECT_EQ(VersionsIn(source->Snapshot()), (Versions{{1, "c"}, {2, "b"}}));
}

TEST_F(StoreKeyedTest, OlderSnapshotsShowTheOlderVersion) {
  auto source = Add(Keyed());
  Write(*source, Some(1, 6, "a"));
  Flush(*source);
  const SchemaPtr schema = source->schema();
  std::vector<std::pair<SnapshotMark, Versions>> marks;
  const auto mark = [&] {
    const SourceSnapshot now = Find("k")->Snapshot();
    marks.emplace_back(MarkOf(now), VersionsIn(now));
  };
  mark();
  Write(*source, Some(1, 3, "b"));
  mark();
  Write(*source, Some(2, 3, "c"));
  mark();
  const auto check = [&](std::string_view when) {
    SCOPED_TRACE(when);
    for (const auto& [then, versions] : marks) {
      const auto now = Find("k")->SnapshotOf(then.generation);
      ASSERT_TRUE(now.ok()) << now.status().ToString();
      const auto rewound = Rewind(*now, then, *schema);
      ASSERT_TRUE(rewound.ok()) << rewound.status().ToString();
      TestRows rows = RowsOf(*rewound);
      rows.erase(rows.upper_bound(then.visible_sequence), rows.end());
      Versions found;
      for (const auto& [sequence, row] : rows)
        EXPECT_TRUE(found.emplace(row.id, *row.value).second) << row.id;
      EXPECT_EQ(found, versions);
    }
  };
  check("hot");
  Flush(*source);
  check("flushed");
  mark();
  Write(*source, Some(1, 1, "d"));
  mark();
  CompactWell("k");
  check("merged");
  Write(*source, Some(1, 6, "e"));
  Flush(*source);
  check("flushed again");
  source.reset();
  Open();
  check("restarted");
}

TEST_F(StoreKeyedTest, KeysMoveBetweenPartitions) {
  SourceDefinition definition = Keyed();
  definition.partitions = {{"part", std::nullopt}};
  auto source = Add(definition);
  Write(*source, Some(1, 4, "a", "x"));
  Flush(*source);
  Write(*source, Some(2, 2, "b", "y"));
  EXPECT_EQ(VersionsIn(source->Snapshot()), Expect({{1, 1, "a"}, {2, 3, "b"}, {4, 4, "a"}}));
  Flush(*source);
  EXPECT_EQ(VersionsIn(source->Snapshot()), Expect({{1, 1, "a"}, {2, 3, "b"}, {4, 4, "a"}}));
  CompactWell("k");
  EXPECT_EQ(VersionsIn(source->Snapshot()), Expect({{1, 1, "a"}, {2, 3, "b"}, {4, 4, "a"}}));
}

TEST_F(StoreKeyedTest, ABulkReplacesWhatIsThereAndItsOwnEarlierRecords) {
  options_.flush_rows = 5;  // A set of files for every five records.
  Open();
  auto source = Add(Keyed());
  Write(*source, Some(1, 10, "a"));
  Flush(*source);
  Write(*source, Some(8, 4, "b"));
  BulkWell(*source, {Some(3, 6, "c"), Some(5, 6, "d"), {Row(9, "p", "e"), Row(9, "p", "f")}});
  const Versions now =
      Expect({{1, 2, "a"}, {3, 4, "c"}, {5, 8, "d"}, {9, 9, "f"}, {10, 10, "d"}, {11, 11, "b"}});
  EXPECT_EQ(VersionsIn(source->Snapshot()), now);
  EXPECT_EQ(source->Stats().rows, 11u);
  Write(*source, Some(1, 1, "g"));
  Versions then = now;
  then[1] = "g";
  EXPECT_EQ(VersionsIn(source->Snapshot()), then);
  source.reset();
  Open();
  EXPECT_EQ(VersionsIn(Find("k")->Snapshot()), then);
}

TEST_F(StoreKeyedTest, DeletedKeysMayComeAgain) {
  auto source = Add(Keyed());
  Write(*source, Some(1, 5, "a"));
  Flush(*source);
  Write(*source, Some(2, 2, "b"));
  EXPECT_EQ(DeleteWhere(*source, [](const TestRow& row) { return row.id <= 3; })->deleted, 3u);
  EXPECT_EQ(VersionsIn(source->Snapshot()), Expect({{4, 5, "a"}}));
  Write(*source, Some(1, 2, "c"));
  EXPECT_EQ(VersionsIn(source->Snapshot()), Expect({{1, 2, "c"}, {4, 5, "a"}}));
  Flush(*source);
  source.reset();
  Open();
  EXPECT_EQ(VersionsIn(Find("k")->Snapshot()), Expect({{1, 2, "c"}, {4, 5, "a"}}));
}

TEST_F(StoreKeyedTest, AFlushOfWhatComesMeanwhileReplacesToo) {
  // Sealed by a flush that fails, replaced by what is open, then flushed together.
  auto source = Add(Keyed());
  Write(*source, Some(1, 4, "a"));
  ASSERT_TRUE(failpoints_.Arm("flush.before_manifest=error@1").ok());
  EXPECT_FALSE(source->Flush().ok());
  Write(*source, Some(3, 4, "b"));
  EXPECT_EQ(VersionsIn(source->Snapshot()), Expect({{1, 2, "a"}, {3, 6, "b"}}));
  Flush(*source);
  EXPECT_EQ(VersionsIn(source->Snapshot()), Expect({{1, 2, "a"}, {3, 6, "b"}}));
}

TEST_F(StoreKeyedTest, ARecordWithoutItsKeyIsRefusedSayingWhere) {
  auto source = Add(Keyed());
  const SchemaPtr schema = source->schema();
  auto batch = TestBatch(*schema, {Row(1), Row(2)});
  arrow::Int64Builder ids;
  ASSERT_TRUE(ids.Append(1).ok() && ids.AppendNull().ok());
  batch = batch->SetColumn(0, batch->schema()->field(0), ids.Finish().ValueOrDie()).ValueOrDie();
  const Status refused = source->Write(schema, batch).status();
  EXPECT_EQ(refused.code(), Code::kInvalidRecord);
  ASSERT_EQ(refused.fields().size(), 1u);
  EXPECT_EQ(refused.fields()[0].pointer, "/1/id");
  auto bulk = source->StartBulk().Take();
  EXPECT_EQ(bulk->Append(schema, batch).code(), Code::kInvalidRecord);
}

TEST_F(StoreKeyedTest, AColumnOfTheKeyHasAnIndex) {
  auto source = Add(Keyed());
  Write(*source, Some(1, 10, "a"));
  Flush(*source);
  const auto segments = source->Snapshot().segments;
  ASSERT_EQ(segments.size(), 1u);
  EXPECT_EQ(segments[0]->meta().indexes.size(), 1u);
}

TEST_F(StoreKeyedTest, FewKeysAreFoundByTheIndexAndManyByReading) {
  options_.row_group_rows = 1000;
  Open();
  auto source = Add(Keyed());
  Write(*source, Some(1, 9000, "a"));
  Flush(*source);
  Write(*source, {Row(4500, "p", "b")});
  EXPECT_EQ(VersionsIn(source->Snapshot()).at(4500), "b");
  Write(*source, Some(100, 5000, "c"));
  const Versions now = VersionsIn(source->Snapshot());
  EXPECT_EQ(now, Expect({{1, 99, "a"}, {100, 5099, "c"}, {5100, 9000, "a"}}));
  Flush(*source);
  EXPECT_EQ(VersionsIn(source->Snapshot()), now);
}

TEST_F(StoreKeyedTest, ReadersSeeOneVersionOfEachKeyWhateverGoesOn) {
  auto source = Add(Keyed());
  Write(*source, Some(0, 20, "0"));
  std::atomic<bool> done = false;
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    for (int i = 1; i <= 150; ++i) Write(*source, Some(i % 15, 5, std::to_string(i)));
    done = true;
  });
  threads.emplace_back([&] {
    while (!done) {
      Flush(*source);
      CompactWell("k");
    }
  });
  threads.emplace_back([&] {
    while (!done) EXPECT_EQ(VersionsIn(source->Snapshot()).size(), 20u);
  });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(VersionsIn(source->Snapshot()).size(), 20u);
}

}  // namespace
}  // namespace granary::storage
