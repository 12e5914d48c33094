// Merges beside writes, flushes, changes, deletes, cancels and drops.
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>
#include <utility>

#include "granary/storage/source/store_compact_test_support.h"

namespace granary::storage {
namespace {

namespace fs = std::filesystem;

// A disk on which the first new segment, once armed, takes until somebody says so.
class SlowFiles final : public io::FileSystem {
 public:
  explicit SlowFiles(io::FileSystem& files) : files_(files) {}

  void HoldNextSegment() {
    const std::lock_guard lock(mutex_);
    armed_ = true;
    held_ = false;
  }
  void AwaitHeld() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return held_; });
  }
  void LetGo() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }

  Result<std::unique_ptr<io::WritableFile>> OpenForWrite(const std::string& path,
                                                         io::OpenMode mode) override {
    if (path.ends_with(".parquet")) {
      std::unique_lock lock(mutex_);
      if (std::exchange(armed_, false)) {
        held_ = true;
        changed_.notify_all();
        changed_.wait(lock, [this] { return !held_; });
      }
    }
    return files_.OpenForWrite(path, mode);
  }
  Result<std::unique_ptr<io::RandomAccessFile>> OpenForRead(const std::string& path) override {
    return files_.OpenForRead(path);
  }
  Result<std::vector<io::DirectoryEntry>> List(const std::string& directory) override {
    return files_.List(directory);
  }
  Result<bool> Exists(const std::string& path) override { return files_.Exists(path); }
  Status CreateDirectories(const std::string& path) override {
    return files_.CreateDirectories(path);
  }
  Status Rename(const std::string& from, const std::string& to) override {
    return files_.Rename(from, to);
  }
  Status Remove(const std::string& path) override { return files_.Remove(path); }
  Status SyncDirectory(const std::string& directory) override {
    return files_.SyncDirectory(directory);
  }
  Result<std::uint64_t> AvailableBytes(const std::string& path) override {
    return files_.AvailableBytes(path);
  }
  Result<std::unique_ptr<io::FileLock>> Lock(const std::string& path) override {
    return files_.Lock(path);
  }
  Result<std::string> Resolve(const std::string& path) override { return files_.Resolve(path); }

 private:
  io::FileSystem& files_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool armed_ = false, held_ = false;
};

class StoreCompactBesideTest : public StoreCompactTest {
 protected:
  ~StoreCompactBesideTest() override { store_.reset(); }  // Before its disk.
  StoreDeps Deps() override { return {slow_, clock_, failpoints_, Logger::Null(), pool_}; }
  // A merge that is under way.
  std::string Begin() {
    slow_.HoldNextSegment();
    const auto job = store_->Compact(SourceId::Parse("s").Take());
    EXPECT_TRUE(job.ok());
    slow_.AwaitHeld();
    return job->id;
  }
  CompactionJob End(const std::string& id) {
    return store_->AwaitJob(id, runtime::CancelToken()).Take();
  }
  SlowFiles slow_{files_};
};

TEST_F(StoreCompactBesideTest, WhatIsDeletedMeanwhileIsDeletedOfTheNewFilesToo) {
  Open();
  const auto source = Add(TestDefinition("s"));
  WriteFiles(*source, 4);
  const std::vector<TestRow> rows = Rows(*source);
  ASSERT_GE(rows.size(), 4u);
  const auto is_row = [&](std::size_t i) {
    return [id = rows[i].id](const TestRow& row) { return row.id == id; };
  };
  ASSERT_EQ(DeleteWhere(*source, is_row(0))->deleted, 1u);
  const SourceSnapshot before = source->Snapshot();
  const std::string job = Begin();
  ASSERT_EQ(DeleteWhere(*source, is_row(1))->deleted, 1u);
  const SourceSnapshot between = source->Snapshot();
  ASSERT_EQ(DeleteWhere(*source, is_row(2))->deleted, 1u);
  slow_.LetGo();
  EXPECT_EQ(End(job).state, JobState::kDone);
  EXPECT_EQ(Rows(*source), std::vector<TestRow>(rows.begin() + 3, rows.end()));
  EXPECT_EQ(source->Stats().deleted_rows, 0u) << "the job went on with the file that has some";
  for (int round = 0; round < 2; ++round) {
    for (const auto& [snapshot, first] : {std::pair(&before, 1), std::pair(&between, 2)}) {
      const auto now = Find("s")->SnapshotOf(snapshot->generation);
      ASSERT_TRUE(now.ok()) << now.status().ToString();
      const auto then = Rewind(*now, MarkOf(*snapshot), *snapshot->schema);
      ASSERT_TRUE(then.ok()) << then.status().ToString();
      EXPECT_EQ(InOrder(RowsOf(*then)), std::vector<TestRow>(rows.begin() + first, rows.end()));
    }
    Open();
  }
  EXPECT_EQ(Rows(*Find("s")), std::vector<TestRow>(rows.begin() + 3, rows.end()));
}

TEST_F(StoreCompactBesideTest, WritesFlushesAndChangesGoOnMeanwhile) {
  Open();
  const auto source = Add(TestDefinition("s"));
  WriteFiles(*source, 4);
  const SourceSnapshot snapshot = source->Snapshot();
  const TestRows then = RowsOf(snapshot);
  const std::string job = Begin();
  EXPECT_EQ(store_->Compact(SourceId::Parse("s").Take())->id, job) << "one is at it";
  WriteFiles(*source, 2);
  Write(*source, {Row(500)});
  SourceChange change;
  change.add_columns = {{"late", TypeKind::kInt64}};
  change.drop_columns = {};
  change.add_indexes = {{"id", IndexKind::kBtree}};
  ASSERT_TRUE(source->Change(change).ok());
  const SourceSnapshot middle = source->Snapshot();
  const TestRows now = RowsOf(middle);
  EXPECT_EQ(now.size(), 7u);
  slow_.LetGo();
  EXPECT_EQ(End(job).counts.files_in, 4u + 3u) << "then the rest, which came meanwhile";
  EXPECT_EQ(RowsOf(source->Snapshot()), now);
  EXPECT_EQ(RowsOf(snapshot), then);
  EXPECT_EQ(RowsOf(middle), now);
  EXPECT_TRUE(Eventually([&] {
    const auto segments = source->Snapshot().segments;
    return segments.size() == 1 && segments[0]->meta().indexes.size() == 1;
  }));
  Open();
  EXPECT_EQ(RowsOf(Find("s")->Snapshot()), now);
}

TEST_F(StoreCompactBesideTest, ACancelEndsItAndLeavesNoFile) {
  Open();
  const auto source = Add(TestDefinition("s"));
  WriteFiles(*source, 4);
  const TestRows before = RowsOf(source->Snapshot());
  const std::string id = Begin();
  EXPECT_EQ(store_->Job(id)->state, JobState::kRunning);
  ASSERT_TRUE(store_->CancelJob(id).ok());
  slow_.LetGo();
  const CompactionJob job = End(id);
  EXPECT_EQ(job.state, JobState::kCancelled);
  EXPECT_EQ(RowsOf(source->Snapshot()), before);
  EXPECT_EQ(Files(*source), 4u);
  EXPECT_EQ(store_->CancelJob("compact-0-0").status().code(), Code::kNotFound);
  EXPECT_EQ(store_->CancelJob(id)->state, JobState::kCancelled);
  CompactWell("s");
}

TEST_F(StoreCompactBesideTest, ADropAndACloseStopIt) {
  Open();
  auto source = Add(TestDefinition("s"));
  const std::string folder = source->folder();
  WriteFiles(*source, 4);
  std::string id = Begin();
  std::thread drop(
      [&] { EXPECT_TRUE(store_->DropSource(SourceId::Parse("s").Take(), false).ok()); });
  slow_.LetGo();
  drop.join();
  EXPECT_TRUE(HasEnded(End(id).state));
  EXPECT_FALSE(fs::exists(folder)) << ParquetFiles(folder).size();

  source = Add(TestDefinition("s"));
  WriteFiles(*source, 4);
  const TestRows before = RowsOf(source->Snapshot());
  Begin();
  std::thread close([&] { EXPECT_TRUE(store_->Close().ok()); });
  slow_.LetGo();
  close.join();
  source.reset();
  Open();
  EXPECT_EQ(RowsOf(Find("s")->Snapshot()), before);
  EXPECT_EQ(store_->Job(id).status().code(), Code::kNotFound) << "jobs are of one process";
}

}  // namespace
}  // namespace granary::storage
