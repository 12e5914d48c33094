#include "granary/testing/memory_file_system.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "granary/testing/fake_clock.h"
#include "granary/testing/fake_random.h"
#include "granary/testing/seed.h"

namespace granary::testing {
namespace {

using io::OpenMode;

struct MemoryFileSystemTest : ::testing::Test {
  std::unique_ptr<io::WritableFile> Open(const std::string& path,
                                         OpenMode mode = OpenMode::kTruncate) {
    return files.OpenForWrite(path, mode).Take();
  }
  std::string Get(const std::string& path) {
    auto bytes = files.ReadFile(path);
    return bytes.ok() ? *bytes : std::string(CodeName(bytes.status().code()));
  }

  FakeClock clock;
  MemoryFileSystem files{&clock};
};

TEST_F(MemoryFileSystemTest, APowerCutDropsBytesThatWereNotSynced) {
  const auto file = Open("/a");
  ASSERT_TRUE(file->WriteAt(0, "synced").ok());
  ASSERT_TRUE(file->Sync().ok());
  ASSERT_TRUE(files.SyncDirectory("/").ok());
  ASSERT_TRUE(file->WriteAt(3, "XXXXXX").ok());
  EXPECT_EQ(Get("/a"), "synXXXXXX");
  files.PowerCut();
  EXPECT_EQ(Get("/a"), "synced");
}

TEST_F(MemoryFileSystemTest, APowerCutDropsANameWhoseDirectoryWasNotSynced) {
  const auto file = Open("/a");
  ASSERT_TRUE(file->WriteAt(0, "synced").ok());
  ASSERT_TRUE(file->Sync().ok());
  files.PowerCut();
  EXPECT_EQ(Get("/a"), "NOT_FOUND");
}

TEST_F(MemoryFileSystemTest, ASyncedNameOfUnsyncedBytesIsAnEmptyFile) {
  ASSERT_TRUE(files.ReplaceFile("/a", "old").ok());
  ASSERT_TRUE(Open("/a.tmp")->WriteAt(0, "new").ok());
  ASSERT_TRUE(files.Rename("/a.tmp", "/a").ok());
  ASSERT_TRUE(files.SyncDirectory("/").ok());
  files.PowerCut();
  EXPECT_EQ(Get("/a"), "");
}

TEST_F(MemoryFileSystemTest, AnUnsyncedRemovalIsUndone) {
  ASSERT_TRUE(files.ReplaceFile("/a", "old").ok());
  ASSERT_TRUE(files.Remove("/a").ok());
  files.PowerCut();
  EXPECT_EQ(Get("/a"), "old");
  ASSERT_TRUE(files.Remove("/a").ok());
  ASSERT_TRUE(files.SyncDirectory("/").ok());
  files.PowerCut();
  EXPECT_EQ(Get("/a"), "NOT_FOUND");
}

TEST_F(MemoryFileSystemTest, CreatedDirectoriesSurvive) {
  ASSERT_TRUE(files.CreateDirectories("/x/y/z").ok());
  files.PowerCut();
  EXPECT_TRUE(*files.Exists("/x/y/z"));
}

TEST_F(MemoryFileSystemTest, WhatWasOpenBeforeTheCutOnlyFails) {
  ASSERT_TRUE(files.ReplaceFile("/a", "old").ok());
  const auto writer = Open("/a", OpenMode::kExisting);
  const auto reader = files.OpenForRead("/a").Take();
  auto lock = files.Lock("/LOCK").Take();
  files.PowerCut();
  EXPECT_EQ(writer->WriteAt(0, "new").code(), Code::kIoError);
  EXPECT_EQ(writer->Sync().code(), Code::kIoError);
  char byte[1];
  EXPECT_EQ(reader->ReadAt(0, byte).status().code(), Code::kIoError);
  const auto relocked = files.Lock("/LOCK");
  EXPECT_TRUE(relocked.ok());
  lock.reset();  // The old lock does not release the new one.
  EXPECT_FALSE(files.Lock("/LOCK").ok());
  EXPECT_EQ(Get("/a"), "old");
}

TEST_F(MemoryFileSystemTest, ARandomCutTearsWritesAtSectors) {
  const std::uint64_t seed = SeedFromEnvironment();
  std::set<std::string> outcomes;
  for (std::uint64_t round = 0; round < 2'000; ++round) {
    MemoryFileSystem disk;
    ASSERT_TRUE(disk.ReplaceFile("/a", std::string(2048, 'o')).ok());
    ASSERT_TRUE(disk.OpenForWrite("/a", OpenMode::kExisting)
                    .Take()
                    ->WriteAt(256, std::string(1024, 'n'))
                    .ok());
    disk.PowerCut(seed + round);
    const std::string got = disk.ReadFile("/a").Take();
    ASSERT_EQ(got.size(), 2048u);
    EXPECT_EQ(got.substr(0, 256), std::string(256, 'o'));
    EXPECT_EQ(got.substr(1280), std::string(768, 'o'));
    outcomes.insert({got[256], got[512], got[1024]});
  }
  EXPECT_EQ(outcomes.size(), 8u) << "every subset of the three sectors comes up";
}

TEST_F(MemoryFileSystemTest, ARandomCutKeepsARenameWholeOrNotAtAll) {
  const std::uint64_t seed = SeedFromEnvironment();
  std::map<std::string, int> outcomes;
  for (std::uint64_t round = 0; round < 100; ++round) {
    MemoryFileSystem disk;
    ASSERT_TRUE(disk.ReplaceFile("/a", "old").ok());
    ASSERT_TRUE(disk.ReplaceFile("/b", "new").ok());
    ASSERT_TRUE(disk.Rename("/b", "/a").ok());
    disk.PowerCut(seed + round);
    const std::string b = *disk.Exists("/b") ? "with b" : "alone";
    ++outcomes[disk.ReadFile("/a").Take() + " " + b];
  }
  EXPECT_EQ(outcomes.size(), 2u);
  EXPECT_TRUE(outcomes.contains("old with b"));
  EXPECT_TRUE(outcomes.contains("new alone"));
}

// ReplaceFile's promise, cut at random, whatever happens to be on its way to the disk.
TEST_F(MemoryFileSystemTest, ReplaceFileIsWholeAfterAnyCut) {
  const std::uint64_t seed = SeedFromEnvironment();
  for (std::uint64_t round = 0; round < 200; ++round) {
    MemoryFileSystem disk;
    ASSERT_TRUE(disk.ReplaceFile("/a", "old").ok());
    ASSERT_TRUE(disk.ReplaceFile("/a", std::string(3000, 'n')).ok());
    disk.PowerCut(seed + round);
    EXPECT_EQ(disk.ReadFile("/a").Take(), std::string(3000, 'n'));
  }
}

TEST_F(MemoryFileSystemTest, SyncedFilesMatchAModelAfterRandomOperationsAndCuts) {
  const std::uint64_t seed = SeedFromEnvironment();
  FakeRandom random(seed);
  std::map<std::string, std::string> now;
  std::map<std::string, std::string> durable;
  for (int step = 0; step < 3000; ++step) {
    const std::string path = "/f" + std::to_string(random.Below(5));
    const std::uint64_t what = random.Below(10);
    if (what < 4) {  // Write somewhere.
      const std::string bytes(random.Below(2000), static_cast<char>('a' + random.Below(26)));
      const std::uint64_t at = random.Below(3000);
      ASSERT_TRUE(Open(path, now.contains(path) ? OpenMode::kExisting : OpenMode::kCreateNew)
                      ->WriteAt(at, bytes)
                      .ok());
      std::string& content = now[path];
      if (!bytes.empty()) content.resize(std::max<std::size_t>(content.size(), at + bytes.size()));
      content.replace(bytes.empty() ? content.size() : at, bytes.size(), bytes);
    } else if (what < 6) {  // Cut to a length.
      if (!now.contains(path)) continue;
      const std::uint64_t length = random.Below(4000);
      ASSERT_TRUE(Open(path, OpenMode::kExisting)->Truncate(length).ok());
      now[path].resize(length);
    } else if (what == 6) {
      EXPECT_EQ(files.Remove(path).ok(), now.erase(path) == 1);
    } else if (what == 7) {
      const std::string to = "/f" + std::to_string(random.Below(5));
      ASSERT_EQ(files.Rename(path, to).ok(), now.contains(path));
      if (!now.contains(path) || path == to) continue;
      now[to] = now[path];
      now.erase(path);
    } else if (what == 8) {  // Everything to the disk.
      for (const auto& [name, content] : now)
        ASSERT_TRUE(Open(name, OpenMode::kExisting)->Sync().ok());
      ASSERT_TRUE(files.SyncDirectory("/").ok());
      durable = now;
    } else if (random.OneIn(4)) {
      files.PowerCut();
      now = durable;
    }
    const auto entries = files.List("/").Take();
    ASSERT_EQ(entries.size(), now.size()) << "step " << step;
    for (const auto& [name, content] : now)
      ASSERT_EQ(Get(name), content) << name << " step " << step;
  }
}

TEST_F(MemoryFileSystemTest, AFullDiskTakesWhatFitsAndFreesWhatIsRemoved) {
  files.SetCapacity(100);
  const auto file = Open("/a");
  ASSERT_TRUE(file->WriteAt(0, std::string(60, 'a')).ok());
  EXPECT_EQ(*files.AvailableBytes("/"), 40u);
  EXPECT_EQ(file->WriteAt(50, std::string(60, 'b')).code(), Code::kDiskFull);
  EXPECT_EQ(Get("/a"), std::string(50, 'a') + std::string(50, 'b'));
  EXPECT_TRUE(file->WriteAt(0, std::string(100, 'c')).ok()) << "an overwrite needs no space";
  EXPECT_EQ(file->Preallocate(101).code(), Code::kDiskFull);
  EXPECT_EQ(Open("/b")->WriteAt(10, "x").code(), Code::kDiskFull);
  ASSERT_TRUE(files.Remove("/a").ok());
  EXPECT_TRUE(Open("/b")->WriteAt(10, "x").ok());
}

TEST_F(MemoryFileSystemTest, FlippedBitsAreOnTheDiskToo) {
  ASSERT_TRUE(files.ReplaceFile("/a", "abc").ok());
  ASSERT_TRUE(files.FlipBits("/a", 1, 0x20).ok());
  EXPECT_EQ(Get("/a"), "aBc");
  files.PowerCut();
  EXPECT_EQ(Get("/a"), "aBc");
  EXPECT_EQ(files.FlipBits("/a", 3, 1).code(), Code::kNotFound);
}

TEST_F(MemoryFileSystemTest, ChangesAreStampedByTheClock) {
  clock.AdvanceMicros(5);
  Open("/a");
  EXPECT_EQ(files.List("/").Take()[0].modified_us, clock.WallMicros());
}

}  // namespace
}  // namespace granary::testing
