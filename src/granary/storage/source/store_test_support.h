// What the tests of this room share: a store on some folder, rows to write, and all rows of a
// snapshot.
#pragma once

#include <arrow/api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "granary/io/clock.h"
#include "granary/io/posix_file_system.h"
#include "granary/storage/source/store.h"
#include "granary/testing/temp_directory.h"

namespace granary::storage {

/// A record of the test sources: columns id, part, value; `part` and `value` may be null.
struct TestRow {
  std::int64_t id = 0;
  std::optional<std::string> part;
  std::optional<std::string> value;
  bool operator==(const TestRow&) const = default;
};

inline void PrintTo(const TestRow& row, std::ostream* out) {
  *out << "{" << row.id << " " << row.part.value_or("null") << " " << row.value.value_or("null")
       << "}";
}

inline TestRow Row(std::int64_t id, std::string part = "p", std::string value = "v") {
  return {id, std::move(part), std::move(value)};
}

inline SourceDefinition TestDefinition(std::string_view id) {
  SourceDefinition definition;
  definition.id = SourceId::Parse(id).Take();
  definition.columns = {
      {"id", TypeKind::kInt64}, {"part", TypeKind::kString}, {"value", TypeKind::kString}};
  return definition;
}

inline std::shared_ptr<arrow::Array> StringArray(const std::vector<TestRow>& rows,
                                                 std::optional<std::string> TestRow::*member) {
  arrow::StringBuilder builder;
  for (const TestRow& row : rows) {
    const auto& text = row.*member;
    if (!(text.has_value() ? builder.Append(*text) : builder.AppendNull()).ok()) std::abort();
  }
  return builder.Finish().ValueOrDie();
}

/// In the columns of `schema`: id, part, value, and nulls for any other.
inline std::shared_ptr<arrow::RecordBatch> TestBatch(const Schema& schema,
                                                     const std::vector<TestRow>& rows) {
  arrow::ArrayVector columns;
  for (const Column& column : schema.columns()) {
    if (column.name == "id") {
      arrow::Int64Builder ids;
      for (const TestRow& row : rows) {
        if (!ids.Append(row.id).ok()) std::abort();
      }
      columns.push_back(ids.Finish().ValueOrDie());
    } else if (column.name == "part") {
      columns.push_back(StringArray(rows, &TestRow::part));
    } else if (column.name == "value") {
      columns.push_back(StringArray(rows, &TestRow::value));
    } else {
      columns.push_back(
          arrow::MakeArrayOfNull(column.type.ToArrow(), static_cast<std::int64_t>(rows.size()))
              .ValueOrDie());
    }
  }
  return arrow::RecordBatch::Make(schema.ToArrow(), static_cast<std::int64_t>(rows.size()),
                                  std::move(columns));
}

inline std::optional<std::string> TextAt(const arrow::Array& array, std::int64_t row) {
  if (array.IsNull(row)) return std::nullopt;
  return static_cast<const arrow::StringArray&>(array).GetString(row);
}

/// Rows by sequence. Fails the test when a sequence comes twice.
using TestRows = std::map<std::uint64_t, TestRow>;

inline void CollectRows(const arrow::RecordBatch& batch, const arrow::Int64Array& sequences,
                        TestRows& rows, const std::function<bool(std::int64_t row)>& is_gone = {}) {
  const auto ids = batch.GetColumnByName("id"), parts = batch.GetColumnByName("part"),
             values = batch.GetColumnByName("value");
  for (std::int64_t i = 0; i < batch.num_rows(); ++i) {
    if (is_gone && is_gone(i)) continue;
    TestRow row{static_cast<const arrow::Int64Array&>(*ids).Value(i), TextAt(*parts, i),
                TextAt(*values, i)};
    const auto sequence = static_cast<std::uint64_t>(sequences.Value(i));
    EXPECT_TRUE(rows.emplace(sequence, std::move(row)).second)
        << "sequence " << sequence << " twice";
  }
}

/// Everything that a search would see.
inline TestRows RowsOf(const SourceSnapshot& snapshot) {
  TestRows rows;
  EXPECT_TRUE(snapshot.failure.ok()) << snapshot.failure.ToString();
  std::vector<ColumnId> columns;
  for (const char* name : {"id", "part", "value"})
    columns.push_back(snapshot.schema->Find(name)->id);
  columns.push_back(kSequenceColumnId);
  for (const auto& segment : snapshot.segments) {
    const auto reader = segment->Reader();
    EXPECT_TRUE(reader.ok()) << reader.status().ToString();
    if (!reader.ok()) continue;
    const RowSetPtr deleted = segment->DeletedAt(snapshot.visible_sequence);
    std::int64_t begin = 0;
    for (int group = 0; group < (*reader)->row_groups(); ++group) {
      const auto batch = (*reader)->Read(group, columns, *snapshot.schema);
      EXPECT_TRUE(batch.ok()) << batch.status().ToString();
      if (!batch.ok()) continue;
      CollectRows(**batch, static_cast<const arrow::Int64Array&>(*(*batch)->column(3)), rows,
                  [&](std::int64_t row) {
                    return deleted && deleted->Contains(static_cast<std::uint32_t>(begin + row));
                  });
      begin += (*batch)->num_rows();
    }
  }
  for (const HotChunk& chunk : snapshot.hot) {
    CollectRows(*chunk.batch, *chunk.sequences, rows, [&](std::int64_t row) {
      const std::uint64_t end =
          chunk.ends == nullptr ? 0 : chunk.ends->EndOf(chunk.ends_first + row);
      return end != 0 && end <= snapshot.visible_sequence;
    });
  }
  return rows;
}

inline std::vector<TestRow> InOrder(const TestRows& rows) {
  std::vector<TestRow> list;
  for (const auto& [sequence, row] : rows) list.push_back(row);
  return list;
}

inline Result<WriteOutcome> WriteRows(Source& source, const std::vector<TestRow>& rows) {
  const SchemaPtr schema = source.schema();
  return source.Write(schema, TestBatch(*schema, rows));
}

/// What a delete of the rows that `matches` would find in a snapshot, row by row.
inline MatchedRows FindMatches(const SourceSnapshot& snapshot,
                               const std::function<bool(const TestRow&)>& matches) {
  MatchedRows matched;
  for (const auto& segment : snapshot.segments) {
    SourceSnapshot alone = snapshot;
    alone.hot.clear();
    alone.segments = {segment};
    TestRows rows = RowsOf(alone);
    const auto reader = segment->Reader();
    if (!reader.ok()) continue;
    std::uint32_t at = 0;
    for (int group = 0; group < (*reader)->row_groups(); ++group) {
      const auto batch = (*reader)->Read(group, {&kSequenceColumnId, 1}, *snapshot.schema);
      EXPECT_TRUE(batch.ok()) << batch.status().ToString();
      if (!batch.ok()) continue;
      const auto& sequences = static_cast<const arrow::Int64Array&>(*(*batch)->column(0));
      for (std::int64_t i = 0; i < sequences.length(); ++i, ++at) {
        const auto sequence = static_cast<std::uint64_t>(sequences.Value(i));
        const auto row = rows.find(sequence);
        if (sequence > snapshot.visible_sequence || row == rows.end() || !matches(row->second))
          continue;
        matched.segments[segment->meta().id].Add(at);
      }
    }
  }
  SourceSnapshot hot = snapshot;
  hot.segments.clear();
  for (const auto& [sequence, row] : RowsOf(hot)) matched.hot += matches(row) ? 1 : 0;
  return matched;
}

inline Result<DeleteOutcome> DeleteWhere(Source& source,
                                         const std::function<bool(const TestRow&)>& matches,
                                         const KeyTurn* turn = nullptr) {
  return source.Delete(
      [&](const SourceSnapshot& snapshot) -> Result<MatchedRows> {
        return FindMatches(snapshot, matches);
      },
      turn);
}

/// Relative to `folder`, sorted.
inline std::vector<std::string> ParquetFiles(const std::string& folder) {
  std::vector<std::string> names;
  if (!std::filesystem::exists(folder)) return names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".parquet")
      names.push_back(std::filesystem::relative(entry.path(), folder).string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Waits for something that a background thread does; the limit only ends a failing test.
template <typename Condition>
bool Eventually(const Condition& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

/// A store on a folder of its own, opened by the test.
class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    options_.root = directory_.Join("data");
    options_.tenant = TenantId::Parse("acme").Take();
    // Only what a test asks for runs in the background.
    options_.flush_age_us = std::int64_t{1} << 60;
  }
  ~StoreTest() override { store_.reset(); }

  virtual StoreDeps Deps() { return {files_, clock_, failpoints_, Logger::Null(), pool_}; }

  Status TryOpen() {
    store_.reset();
    auto opened = Store::Open(Deps(), options_);
    if (!opened.ok()) return opened.status();
    store_ = opened.Take();
    return Status::Ok();
  }
  void Open() {
    const Status s = TryOpen();
    ASSERT_TRUE(s.ok()) << s.ToString();
  }
  std::shared_ptr<Source> Add(const SourceDefinition& definition) {
    const auto added = store_->AddSource(definition);
    EXPECT_TRUE(added.ok()) << added.status().ToString();
    return added.ok() ? added->source : nullptr;
  }
  std::shared_ptr<Source> Find(std::string_view id) {
    const auto found = store_->Find(SourceId::Parse(id).Take());
    EXPECT_TRUE(found.ok()) << found.status().ToString();
    return found.ok() ? *found : nullptr;
  }
  WriteOutcome Write(Source& source, const std::vector<TestRow>& rows) {
    const auto outcome = WriteRows(source, rows);
    EXPECT_TRUE(outcome.ok()) << outcome.status().ToString();
    return outcome.ok() ? *outcome : WriteOutcome{};
  }
  static void Flush(Source& source) {
    const Status s = source.Flush();
    EXPECT_TRUE(s.ok()) << s.ToString();
  }
  /// By request, to its end.
  CompactionJob Compact(std::string_view id) {
    const auto started = store_->Compact(SourceId::Parse(id).Take());
    EXPECT_TRUE(started.ok()) << started.status().ToString();
    if (!started.ok()) return {};
    const auto ended = store_->AwaitJob(started->id, runtime::CancelToken());
    EXPECT_TRUE(ended.ok()) << ended.status().ToString();
    return ended.ok() ? *ended : CompactionJob{};
  }
  void CompactWell(std::string_view id) {
    const CompactionJob job = Compact(id);
    EXPECT_EQ(job.state, JobState::kDone) << job.failure.ToString();
  }
  static std::vector<TestRow> Rows(const Source& source) {
    return InOrder(RowsOf(source.Snapshot()));
  }

  testing::TempDirectory directory_;
  io::PosixFileSystem files_;
  io::SystemClock clock_;
  io::Failpoints failpoints_;
  runtime::WorkerPool pool_{{2}};
  StoreOptions options_;
  std::unique_ptr<Store> store_;
};

}  // namespace granary::storage
