// Writers, flushes and readers at once: nothing is lost, doubled, or seen and then gone.
#include <atomic>
#include <thread>

#include "granary/storage/source/store_test_support.h"

namespace granary::storage {
namespace {

constexpr int kWriters = 4;
constexpr int kBatchesEach = 40;
constexpr int kRowsEach = 5;

class StoreConcurrencyTest : public StoreTest {
 protected:
  // Writer w's batch b has the ids (w * kBatchesEach + b) * kRowsEach and on.
  static std::vector<TestRow> BatchRows(int writer, int batch) {
    std::vector<TestRow> rows;
    for (int i = 0; i < kRowsEach; ++i) {
      const std::int64_t id = (writer * kBatchesEach + batch) * kRowsEach + i;
      rows.push_back(Row(id, "p" + std::to_string(id % 3)));
    }
    return rows;
  }
  static std::map<std::int64_t, int> CountIds(const TestRows& rows) {
    std::map<std::int64_t, int> counts;
    for (const auto& [sequence, row] : rows) ++counts[row.id];
    return counts;
  }

  void WriteAll(Source& source, int writer) {
    for (int batch = 0; batch < kBatchesEach; ++batch) {
      const auto outcome = WriteRows(source, BatchRows(writer, batch));
      ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
      // Read your writes: a snapshot taken after the acknowledgement covers it.
      EXPECT_GE(source.Snapshot().visible_sequence, outcome->last_sequence);
    }
  }
  // Reads until `done`, and once more.
  static void ReadAll(const Source& source, const std::atomic<bool>& done) {
    std::size_t rows_before = 0;
    std::uint64_t sequence_before = 0;
    for (bool last = false; !last;) {
      last = done;
      const SourceSnapshot snapshot = source.Snapshot();
      const TestRows rows = RowsOf(snapshot);
      EXPECT_GE(rows.size(), rows_before);
      EXPECT_GE(snapshot.visible_sequence, sequence_before);
      if (!rows.empty()) {
        EXPECT_EQ(rows.rbegin()->first, snapshot.visible_sequence);
      }
      EXPECT_EQ(rows.size() % kRowsEach, 0u) << "a batch is visible in part";
      for (const auto& [id, count] : CountIds(rows)) EXPECT_EQ(count, 1) << id;
      rows_before = rows.size();
      sequence_before = snapshot.visible_sequence;
    }
  }
};

TEST_F(StoreConcurrencyTest, ShowsEachRecordOnceWhileWritersFlushesAndReadersRun) {
  SourceDefinition definition = TestDefinition("s");
  definition.partitions = {{"part", std::nullopt}};
  options_.flush_rows = 120;
  options_.wal_file_bytes = 64 << 10;
  Open();
  const auto source = Add(definition);

  std::atomic<bool> done = false;
  std::vector<std::thread> readers, writers;
  readers.emplace_back([&] { ReadAll(*source, done); });
  readers.emplace_back([&] {
    while (!done) {
      EXPECT_TRUE(source->Flush().ok());
      (void)source->Stats();
    }
  });
  for (int w = 0; w < kWriters; ++w) writers.emplace_back([&, w] { WriteAll(*source, w); });
  for (std::thread& writer : writers) writer.join();
  done = true;
  for (std::thread& reader : readers) reader.join();

  const TestRows before = RowsOf(source->Snapshot());
  EXPECT_EQ(CountIds(before).size(), static_cast<std::size_t>(kWriters * kBatchesEach * kRowsEach));
  Open();
  EXPECT_EQ(RowsOf(Find("s")->Snapshot()), before);
}

TEST_F(StoreConcurrencyTest, EvolvesOnceWhenManyWritersBringTheSameColumn) {
  Open();
  const auto source = Add(TestDefinition("s"));
  std::vector<std::thread> writers;
  std::atomic<int> conflicts = 0;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      for (bool written = false; !written;) {
        SchemaPtr schema = source->schema();
        if (schema->Find("extra") == nullptr) {
          schema =
              std::make_shared<const Schema>(schema->WithColumn("extra", TypeKind::kInt64).Take());
        }
        const auto outcome = source->Write(schema, TestBatch(*schema, {Row(w)}));
        written = outcome.ok();
        if (!written) {
          ASSERT_EQ(outcome.status().code(), Code::kConflict) << outcome.status().ToString();
          ++conflicts;
        }
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(source->schema()->version(), 2u);
  EXPECT_LT(conflicts, kWriters);
  EXPECT_EQ(Rows(*source).size(), static_cast<std::size_t>(kWriters));
}

TEST_F(StoreConcurrencyTest, AddsAndDropsSourcesWhileOthersWrite) {
  Open();
  const auto steady = Add(TestDefinition("steady"));
  std::thread writer([&] { WriteAll(*steady, 0); });
  for (int i = 0; i < 10; ++i) {
    const auto source = Add(TestDefinition("passing"));
    Write(*source, {Row(i)});
    if (i % 2 == 0) Flush(*source);
    EXPECT_EQ(Rows(*source), std::vector<TestRow>{Row(i)});
    EXPECT_TRUE(store_->DropSource(source->definition()->id, false).ok());
  }
  writer.join();
  EXPECT_EQ(Rows(*steady).size(), static_cast<std::size_t>(kBatchesEach * kRowsEach));
}

}  // namespace
}  // namespace granary::storage
