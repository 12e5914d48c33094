// What a lane promises while nothing fails: order, replay, rotation, collection, recycling.
#include "granary/storage/wal/wal_lane.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "granary/storage/wal/wal_files.h"
#include "granary/storage/wal/wal_format.h"
#include "granary/storage/wal/wal_testbed.h"
#include "granary/testing/fake_clock.h"
#include "granary/testing/memory_file_system.h"

namespace granary::storage {
namespace {

const std::string kFolder = "/data/wal/lane-0";
constexpr std::int64_t kHour = 3'600'000'000;
constexpr std::uint64_t kPlenty = 1u << 30;

WalLaneOptions Options(std::uint64_t file_bytes = 4096) {
  WalLaneOptions options;
  options.directory = kFolder;
  options.file_bytes = file_bytes;
  return options;
}

WalLane::FlushedFn FlushedUpTo(std::uint64_t sequence) {
  return [sequence](SourceUid) { return std::optional(sequence); };
}

struct WalLaneTest : ::testing::Test {
  void SetUp() override {
    bed.UseClock(clock);
    ASSERT_TRUE(bed.Open().ok());
  }

  /// Sequences `first` to `last` of source 1, a group each.
  void Write(std::uint64_t first, std::uint64_t last, std::size_t bytes = 200) {
    for (std::uint64_t sequence = first; sequence <= last; ++sequence) {
      const WalFrame frame =
          MakeFrame(1, sequence, std::string(bytes, static_cast<char>('a' + sequence % 26)));
      written.push_back(TextOf(frame));
      ASSERT_TRUE(bed.Write(frame).ok());
    }
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    const auto entries = files.List(kFolder);
    for (const auto& entry : *entries) names.push_back(entry.name);
    return names;
  }

  testing::MemoryFileSystem files;
  testing::FakeClock clock;
  WalTestbed bed{files, Options()};
  std::vector<std::string> written;
};

TEST_F(WalLaneTest, ReplaysWhatWasWrittenInOrderAlsoWithoutAClose) {
  Write(1, 5);
  ASSERT_TRUE(bed.Open().ok());
  EXPECT_EQ(bed.replayed(), written);
  ASSERT_TRUE(bed.Open().ok());
  EXPECT_EQ(bed.replayed(), written) << "replay takes nothing away";
  Write(6, 7);
  ASSERT_TRUE(bed.Open().ok());
  EXPECT_EQ(bed.replayed(), written);
}

TEST_F(WalLaneTest, AFrameKeepsEveryField) {
  WalFrame frame = MakeFrame(3, 41, "payload");
  frame.records = 5;
  frame.schema_version = 9;
  frame.idempotency_key = std::string("k\0\n", 3);
  frame.body_hash = ~std::uint64_t{0};
  ASSERT_TRUE(bed.Write(frame).ok());
  ASSERT_TRUE(bed.Open().ok());
  ASSERT_EQ(bed.replayed_frames().size(), 1u);
  const WalFrame& back = bed.replayed_frames()[0];
  EXPECT_EQ(back.tenant, "acme");
  EXPECT_EQ(back.source, "source_3");
  EXPECT_EQ(TextOf(back), TextOf(frame));
  EXPECT_EQ(back.schema_version, 9u);
  EXPECT_EQ(back.idempotency_key, frame.idempotency_key);
  EXPECT_EQ(back.body_hash, frame.body_hash);
}

TEST_F(WalLaneTest, SyncsOnceForAGroup) {
  ASSERT_TRUE(
      bed.WriteGroup({MakeFrame(1, 1, "a"), MakeFrame(2, 1, "b"), MakeFrame(1, 2, "c")}).ok());
  EXPECT_EQ(bed.lane().stats().frames, 3u);
  EXPECT_EQ(bed.lane().stats().syncs, 1u);
}

TEST_F(WalLaneTest, LargePayloadsAmongSmallOnesComeBackWhole) {
  constexpr std::size_t kLarge = 256u << 10;  // From here on they are not copied.
  std::vector<WalFrame> group;
  std::uint64_t sequence = 0;
  for (const std::size_t bytes : {std::size_t{1}, kLarge - 1, kLarge, kLarge + 1, std::size_t{7},
                                  2 * kLarge + 3, 2 * kLarge + 4, std::size_t{0}}) {
    ++sequence;
    group.push_back(
        MakeFrame(1, sequence, std::string(bytes, static_cast<char>('a' + sequence % 26))));
    written.push_back(TextOf(group.back()));
  }
  ASSERT_TRUE(bed.WriteGroup(std::move(group)).ok());
  Write(sequence + 1, sequence + 2);
  ASSERT_TRUE(bed.Open().ok());
  EXPECT_TRUE(bed.replayed() == written);
}

TEST_F(WalLaneTest, RefusesWhatIsTooLargeWithoutClosing) {
  WalLaneOptions options = Options();
  options.payload_bytes_max = 10;
  options.directory = "/data/wal/lane-1";
  WalTestbed small(files, options);
  ASSERT_TRUE(small.Open().ok());
  bool called = false;
  const auto refused =
      small.lane().Enqueue(MakeFrame(1, 1, "eleven byte"), [&](const Status&) { called = true; });
  EXPECT_EQ(refused.status().code(), Code::kTooLarge);
  EXPECT_FALSE(called);
  EXPECT_TRUE(small.Write(MakeFrame(1, 1, "ten bytes!")).ok());
}

TEST_F(WalLaneTest, RotatesAndReplaysAllFiles) {
  Write(1, 40);
  EXPECT_GT(bed.lane().stats().files, 2u);
  EXPECT_EQ(bed.lane().stats().bytes, 40 * FrameBytes(MakeFrame(1, 1, std::string(200, 'x'))));
  ASSERT_TRUE(bed.Open().ok());
  EXPECT_EQ(bed.replayed(), written);
  EXPECT_EQ(bed.lane().stats().bytes, 40 * FrameBytes(MakeFrame(1, 1, std::string(200, 'x'))));
}

TEST_F(WalLaneTest, AFrameLargerThanAFileGetsItsOwn) {
  Write(1, 2);
  Write(3, 3, 20'000);
  Write(4, 5);
  ASSERT_TRUE(bed.Open().ok());
  EXPECT_EQ(bed.replayed(), written);
}

TEST_F(WalLaneTest, RotateLetsAHalfFullFileBeCollected) {
  Write(1, 1);
  EXPECT_TRUE(bed.lane().Laggards(FlushedUpTo(0)).empty()) << "the current file holds nobody back";
  ASSERT_TRUE(bed.lane().Rotate().ok());
  ASSERT_TRUE(bed.lane().Rotate().ok()) << "an empty file is not rotated";
  EXPECT_EQ(bed.lane().stats().files, 2u);
  EXPECT_EQ(bed.lane().Laggards(FlushedUpTo(0)), std::vector<SourceUid>{SourceUid{1}});
  EXPECT_TRUE(bed.lane().Laggards(FlushedUpTo(1)).empty());
  ASSERT_TRUE(bed.lane().Collect(FlushedUpTo(1), 0, kPlenty).ok());
  EXPECT_EQ(bed.lane().stats().files, 1u);
  ASSERT_TRUE(bed.Open().ok());
  EXPECT_TRUE(bed.replayed().empty());
}

TEST_F(WalLaneTest, CollectsOnlyWhatIsFlushedAndOldEnough) {
  Write(1, 40);
  const std::uint64_t before = bed.lane().stats().files;
  ASSERT_TRUE(bed.lane().Collect(FlushedUpTo(0), 0, kPlenty).ok());
  EXPECT_EQ(bed.lane().stats().files, before) << "not flushed";
  ASSERT_TRUE(bed.lane().Collect(FlushedUpTo(40), kHour, kPlenty).ok());
  EXPECT_EQ(bed.lane().stats().files, before) << "too young";
  clock.AdvanceMicros(kHour);
  ASSERT_TRUE(bed.lane().Collect(FlushedUpTo(20), kHour, kPlenty).ok());
  EXPECT_LT(bed.lane().stats().files, before);
  EXPECT_GT(bed.lane().stats().files, 1u);
  ASSERT_TRUE(bed.Open().ok());
  EXPECT_TRUE(std::equal(bed.replayed().rbegin(), bed.replayed().rend(), written.rbegin()));
  EXPECT_LE(bed.replayed().size(), 40u);
  EXPECT_GE(bed.replayed().size(), 20u);
}

TEST_F(WalLaneTest, RecyclesFilesAndNeverReplaysTheirOldFrames) {
  for (std::uint64_t round = 0; round < 20; ++round) {
    Write(round * 20 + 1, round * 20 + 20);
    const std::uint64_t flushed = round * 20 + 10;
    ASSERT_TRUE(bed.lane().Collect(FlushedUpTo(flushed), 0, kPlenty).ok());
    ASSERT_TRUE(bed.Open().ok());
    ASSERT_LE(bed.replayed().size(), written.size());
    EXPECT_TRUE(std::equal(bed.replayed().rbegin(), bed.replayed().rend(), written.rbegin()))
        << round;
    EXPECT_LT(bed.replayed().size(), 80u) << "old frames are gone";
    EXPECT_TRUE(bed.lane().damage().empty());
  }
  EXPECT_LE(
      std::ranges::count_if(Names(), [](const std::string& n) { return n.ends_with(".spare"); }),
      2);
}

TEST_F(WalLaneTest, RestartsDoNotPileUpEmptyFiles) {
  Write(1, 1);
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(bed.Open().ok());
    if (i % 2 == 0) {
      ASSERT_TRUE(bed.lane().Close().ok());
    }
  }
  EXPECT_EQ(bed.replayed(), written);
  EXPECT_LE(Names().size(), 5u);
}

TEST_F(WalLaneTest, ACleanStopIsFinalAndSaysSo) {
  Write(1, 3);
  ASSERT_TRUE(bed.lane().Close().ok());
  EXPECT_EQ(bed.Write(MakeFrame(1, 4, "late")).code(), Code::kUnavailable);
  EXPECT_EQ(bed.lane().closed_by().code(), Code::kUnavailable);
  EXPECT_EQ(bed.lane().Rotate().code(), Code::kUnavailable);
  EXPECT_TRUE(bed.lane().Close().ok());
  ASSERT_TRUE(bed.Open().ok());
  EXPECT_EQ(bed.replayed(), written);
}

TEST_F(WalLaneTest, CloseWritesWhatNobodyWaitedFor) {
  bool durable = false;
  ASSERT_TRUE(
      bed.lane().Enqueue(MakeFrame(1, 1, "x"), [&](const Status& s) { durable = s.ok(); }).ok());
  ASSERT_TRUE(bed.lane().Close().ok());
  EXPECT_TRUE(durable);
  ASSERT_TRUE(bed.Open().ok());
  EXPECT_EQ(bed.replayed().size(), 1u);
}

TEST_F(WalLaneTest, FramesMissingBeforeACleanStopAreDamage) {
  Write(1, 3);
  const std::uint64_t end = bed.lane().stats().bytes + kWalFileHeaderBytes;
  ASSERT_TRUE(bed.lane().Close().ok());
  ASSERT_TRUE(files.FlipBits(kFolder + "/000001.wal", end - 100, 0xFF).ok());
  ASSERT_TRUE(bed.Open().ok());
  EXPECT_EQ(bed.replayed(), (std::vector<std::string>{written[0], written[1]}));
  ASSERT_EQ(bed.lane().damage().size(), 1u);
  EXPECT_EQ(bed.lane().damage()[0].file, kFolder + "/000001.wal");
  ASSERT_TRUE(bed.Open().ok());
  EXPECT_EQ(bed.lane().damage().size(), 1u) << "damage does not go away by a restart";
}

TEST_F(WalLaneTest, ADamagedFileIsNeverCollected) {
  Write(1, 3);
  ASSERT_TRUE(bed.lane().Close().ok());
  ASSERT_TRUE(files.FlipBits(kFolder + "/000001.wal", kWalFileHeaderBytes, 0xFF).ok());
  ASSERT_TRUE(bed.Open().ok());
  ASSERT_TRUE(bed.lane().Collect(FlushedUpTo(100), 0, 0).ok());
  EXPECT_TRUE(*files.Exists(kFolder + "/000001.wal"));
}

TEST_F(WalLaneTest, TheLastGroupOfAFormerLifeIsGuardedByTheNextFile) {
  Write(1, 3);
  const std::uint64_t end = bed.lane().stats().bytes + kWalFileHeaderBytes;
  ASSERT_TRUE(bed.Open().ok());  // Not closed; recovery writes down where the file ends.
  Write(4, 4);
  ASSERT_TRUE(files.FlipBits(kFolder + "/000001.wal", end - 100, 0xFF).ok());
  ASSERT_TRUE(bed.Open().ok());
  EXPECT_EQ(bed.replayed(), (std::vector<std::string>{written[0], written[1], written[3]}));
  EXPECT_EQ(bed.lane().damage().size(), 1u);
}

TEST_F(WalLaneTest, RefusesAFileOfAnotherLane) {
  Write(1, 1);
  WalLaneOptions options = Options();
  options.lane = 1;
  WalTestbed other(files, options);
  EXPECT_EQ(other.Open().code(), Code::kCorruption);
}

TEST_F(WalLaneTest, AFailedReplayFailsTheOpenAndLosesNothing) {
  Write(1, 3);
  bed.Drop();
  const auto lane = WalLane::Open(files, clock, io::Failpoints::None(), Logger::Null(), Options(),
                                  [](const WalFrame&) { return Status::Internal("no memory"); });
  EXPECT_EQ(lane.status().code(), Code::kInternal);
  ASSERT_TRUE(bed.Open().ok());
  EXPECT_EQ(bed.replayed(), written);
}

TEST_F(WalLaneTest, LeavesForeignFilesAlone) {
  bed.Drop();
  ASSERT_TRUE(
      PutFiles(files, kFolder, {{"notes.txt", "x"}, {"7.wal", "x"}, {"0000008.wal", "x"}}).ok());
  ASSERT_TRUE(bed.Open().ok());
  for (const char* name : {"notes.txt", "7.wal", "0000008.wal"})
    EXPECT_TRUE(*files.Exists(kFolder + "/" + name));
}

TEST_F(WalLaneTest, CallbacksRunInOrderOfEnqueueingBeforeTheirWaitersReturn) {
  constexpr int kThreads = 8, kEach = 200;
  std::mutex order;
  std::uint64_t next = 1;
  std::vector<std::uint64_t> heard;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        std::atomic<bool> called = false;
        Result<WalLane::Ticket> ticket = Status::Internal("none");
        {
          const std::lock_guard lock(order);
          const std::uint64_t sequence = next++;
          ticket = bed.lane().Enqueue(MakeFrame(1, sequence, std::to_string(sequence)),
                                      [&, sequence](const Status& s) {
                                        EXPECT_TRUE(s.ok());
                                        heard.push_back(sequence);
                                        called = true;
                                      });
        }
        ASSERT_TRUE(ticket.ok());
        EXPECT_TRUE(bed.lane().Wait(*ticket).ok());
        EXPECT_TRUE(called);
      }
    });
  }
  std::thread collector([&] {
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE(bed.lane().Rotate().ok());
      EXPECT_TRUE(bed.lane().Collect(FlushedUpTo(0), 0, kPlenty).ok());
      EXPECT_GE(bed.lane().stats().files, 1u);
    }
  });
  for (std::thread& thread : threads) thread.join();
  collector.join();
  ASSERT_EQ(heard.size(), static_cast<std::size_t>(kThreads * kEach));
  EXPECT_TRUE(std::is_sorted(heard.begin(), heard.end()));
  ASSERT_TRUE(bed.Open().ok());
  ASSERT_EQ(bed.replayed().size(), heard.size());
  for (std::size_t i = 0; i < heard.size(); ++i) {
    EXPECT_EQ(bed.replayed_frames()[i].first_sequence, i + 1);
  }
}

TEST(WalFilesTest, OnlyItsOwnSpellingIsAName) {
  EXPECT_EQ(WalFileName(7), "000007.wal");
  EXPECT_EQ(WalFileName(12'345'678), "12345678.wal");
  EXPECT_EQ(ParseWalFileName("000007.wal"), 7u);
  EXPECT_EQ(ParseWalFileName("12345678.wal"), 12'345'678u);
  for (const char* name :
       {"7.wal", "0000007.wal", "000000.wal", "-00007.wal", "+00007.wal", "000007.wal.tmp", ".wal",
        "000007.spare", "99999999999999999999.wal", "00000a.wal", " 00007.wal"}) {
    EXPECT_EQ(ParseWalFileName(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace granary::storage
