// Random operations on a store beside a std::map that knows what must be there.
#include <fmt/format.h>

#include "granary/storage/source/store_test_support.h"
#include "granary/testing/fake_random.h"
#include "granary/testing/seed.h"

namespace granary::storage {
namespace {

class StoreModelTest : public StoreTest {
 protected:
  struct Expected {
    bool exists = false;
    TestRows rows;
    bool keyed = false;  // By id.

    // In a source with a key the last record of each stays.
    void Add(std::uint64_t sequence, const TestRow& row) {
      if (keyed) std::erase_if(rows, [&](const auto& old) { return old.second.id == row.id; });
      rows.emplace(sequence, row);
    }
  };

  TestRow RandomRow(const std::string& id) {
    TestRow row{static_cast<std::int64_t>(random_.Next64()), std::nullopt, std::nullopt};
    if (expected_[id].keyed) row.id = static_cast<std::int64_t>(random_.Below(200));
    if (!random_.OneIn(5)) row.part = fmt::format("p{}", random_.Below(4));
    if (!random_.OneIn(5))
      row.value = std::string(random_.Below(40), static_cast<char>('a' + random_.Below(26)));
    return row;
  }
  SourceDefinition RandomDefinition(const std::string& id) {
    SourceDefinition definition = TestDefinition(id);
    if (random_.OneIn(2)) definition.partitions = {{"part", std::nullopt}};
    if (random_.OneIn(2)) definition.sort_columns = {"value"};
    definition.wal_enabled = !random_.OneIn(3);
    if (random_.OneIn(2)) definition.primary_key = {"id"};
    return definition;
  }

  void WriteSome(const std::string& id) {
    const auto source = Find(id);
    SchemaPtr schema = source->schema();
    if (random_.OneIn(12)) {
      schema = std::make_shared<const Schema>(
          schema->WithColumn(fmt::format("extra{}", schema->last_id()), TypeKind::kInt64).Take());
    }
    std::vector<TestRow> rows;
    for (std::uint64_t count = random_.Below(random_.OneIn(20) ? 2000 : 8); count > 0; --count)
      rows.push_back(RandomRow(id));
    const auto outcome = source->Write(schema, TestBatch(*schema, rows));
    ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
    std::uint64_t sequence = outcome->first_sequence;
    for (const TestRow& row : rows) expected_[id].Add(sequence++, row);
  }
  // Around the log: nothing of it is there before the commit, all of it after.
  void BulkSome(const std::string& id) {
    const auto source = Find(id);
    auto started = source->StartBulk();
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    const std::unique_ptr<BulkWrite> bulk = started.Take();
    std::vector<TestRow> all;
    for (std::uint64_t batches = 1 + random_.Below(5); batches > 0; --batches) {
      SchemaPtr schema = bulk->schema();
      if (random_.OneIn(12)) {
        schema = std::make_shared<const Schema>(
            schema->WithColumn(fmt::format("bulk{}", schema->last_id()), TypeKind::kInt64).Take());
      }
      std::vector<TestRow> rows;
      for (std::uint64_t count = random_.Below(1500); count > 0; --count)
        rows.push_back(RandomRow(id));
      const Status appended = bulk->Append(schema, TestBatch(*schema, rows));
      ASSERT_TRUE(appended.ok()) << appended.ToString();
      all.insert(all.end(), rows.begin(), rows.end());
    }
    if (random_.OneIn(4)) return;  // The client went away.
    const auto outcome = bulk->Commit();
    ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
    std::uint64_t sequence = outcome->first_sequence;
    for (const TestRow& row : all) expected_[id].Add(sequence++, row);
  }
  // Some of what is there; what comes later is never among it.
  void DeleteSome(const std::string& id) {
    const std::uint64_t part = random_.OneIn(10) ? 1 : 2 + random_.Below(20);
    const auto matches = [&](const TestRow& row) {
      return static_cast<std::uint64_t>(row.id) % part == 0;
    };
    const auto outcome = DeleteWhere(*Find(id), matches);
    ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
    const std::size_t gone =
        std::erase_if(expected_[id].rows, [&](const auto& row) { return matches(row.second); });
    EXPECT_EQ(outcome->deleted, gone);
  }
  // What a cursor that begins now will show later, whatever happens meanwhile.
  void Mark(const std::string& id) {
    const SourceSnapshot snapshot = Find(id)->Snapshot();
    marks_[id].push_back({MarkOf(snapshot), snapshot.schema, RowsOf(snapshot), Places(snapshot)});
  }
  // Pages go by the places of rows: file after file of those that are old.
  static std::vector<std::pair<std::uint64_t, std::uint64_t>> Places(
      const SourceSnapshot& snapshot) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> places;
    for (const auto& segment : OldSegments(snapshot).segments)
      places.emplace_back(segment->meta().min_sequence, segment->meta().id.value);
    return places;
  }
  void CheckMarks(const std::string& id) {
    for (const Marked& marked : marks_[id]) {
      const auto places = Find(id)->SnapshotOf(marked.mark.generation);
      ASSERT_TRUE(places.ok()) << places.status().ToString();
      const auto then = Rewind(*places, marked.mark, *marked.schema);
      if (then.status().code() == Code::kCursorExpired) continue;  // Without a log, restarted.
      ASSERT_TRUE(then.ok()) << then.status().ToString();
      TestRows rows = RowsUpTo(RowsOf(*then), marked.mark.visible_sequence);
      EXPECT_EQ(rows, marked.rows) << id;
      EXPECT_EQ(Places(*then), marked.places) << id;
      // The two legs of paging are the whole, and nothing is in both.
      TestRows legs = RowsOf(OldSegments(*then));
      for (const auto& [sequence, row] : RowsOf(After(*then, then->flushed_sequence))) {
        if (sequence <= then->flushed_sequence || sequence > then->visible_sequence) continue;
        EXPECT_TRUE(legs.emplace(sequence, row).second) << sequence << " twice";
      }
      EXPECT_EQ(legs, marked.rows) << id;
    }
  }
  // A rewound snapshot may have files that reach beyond it.
  static TestRows RowsUpTo(TestRows rows, std::uint64_t sequence) {
    rows.erase(rows.upper_bound(sequence), rows.end());
    return rows;
  }

  void Step() {
    const std::string id = fmt::format("s{}", random_.Below(3));
    Expected& expected = expected_[id];
    const std::uint64_t dice = random_.Below(100);
    if (dice < 4) return Open();
    if (!expected.exists) {
      const SourceDefinition definition = RandomDefinition(id);
      Add(definition);
      expected.exists = true;
      expected.keyed = !definition.primary_key.empty();
    } else if (dice < 54) {
      WriteSome(id);
    } else if (dice < 62) {
      BulkSome(id);
    } else if (dice < 70) {
      DeleteSome(id);
    } else if (dice < 82) {
      Flush(*Find(id));
    } else if (dice < 85) {
      CompactWell(id);
    } else if (dice < 88) {
      ASSERT_TRUE(store_->DropSource(SourceId::Parse(id).Take(), false).ok());
      expected = {};
      marks_[id].clear();
    } else if (dice < 92) {
      Mark(id);
    } else {
      CheckMarks(id);
      EXPECT_EQ(RowsOf(Find(id)->Snapshot()), expected.rows);
      EXPECT_EQ(Find(id)->Stats().rows, expected.rows.size());
    }
  }
  void CheckAll() {
    for (const auto& [id, expected] : expected_) {
      const auto found = store_->Find(SourceId::Parse(id).Take());
      ASSERT_EQ(found.ok(), expected.exists) << id;
      if (found.ok()) {
        EXPECT_EQ(RowsOf((*found)->Snapshot()), expected.rows) << id;
      }
    }
  }

  testing::FakeRandom random_{testing::SeedFromEnvironment()};
  std::map<std::string, Expected> expected_;
  struct Marked {
    SnapshotMark mark;
    SchemaPtr schema;
    TestRows rows;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> places;
  };
  std::map<std::string, std::vector<Marked>> marks_;
};

TEST_F(StoreModelTest, AgreesWithAMapAfterAnyOperations) {
  options_.wal_file_bytes = 256 << 10;
  options_.wal_retention_us = 0;
  options_.wal_retention_bytes = 0;
  options_.row_group_rows = 300;
  options_.segment_files.open_segments_max = 3;
  options_.flush_rows = 3000;
  options_.compaction.target_bytes = 20 << 10;
  options_.compaction.memory_bytes = 64 << 10;  // Runs of 8 KB: sorting spills.
  Open();
  for (int step = 0; step < 400 && !HasFailure(); ++step) Step();
  CheckAll();
  Open();
  CheckAll();
  // Everything merged into as few files as there may be, and the old ones are gone.
  options_.snapshot_retention_us = -1;
  Open();
  for (auto& [id, expected] : expected_) {
    if (!expected.exists) continue;
    Flush(*Find(id));
    CompactWell(id);
    // Statistics that are refreshed beside hold some of the files: those go when that is done.
    Eventually([&, &id = id] {
      CompactWell(id);
      return ParquetFiles(Find(id)->folder()).size() == Find(id)->Stats().segments;
    });
    EXPECT_EQ(ParquetFiles(Find(id)->folder()).size(), Find(id)->Stats().segments);
  }
  CheckAll();
}

}  // namespace
}  // namespace granary::storage
