// Frames whose writers are answered before the disk has them.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "granary/storage/wal/wal_format.h"
#include "granary/storage/wal/wal_testbed.h"
#include "granary/testing/fake_random.h"
#include "granary/testing/faulty_file_system.h"
#include "granary/testing/memory_file_system.h"
#include "granary/testing/seed.h"

namespace granary::storage {
namespace {

WalLaneOptions Options() {
  WalLaneOptions options;
  options.directory = "/data/wal/lane-0";
  options.file_bytes = 4096;
  return options;
}

struct WalSyncLaterTest : ::testing::Test {
  void SetUp() override { ASSERT_TRUE(bed->Open().ok()); }

  Status Write(std::uint64_t sequence, WalSync sync, std::size_t bytes = 200) {
    const WalFrame frame =
        MakeFrame(1, sequence, std::string(bytes, static_cast<char>('a' + sequence % 26)));
    GRANARY_ASSIGN(const WalLane::Ticket ticket, bed->lane().Enqueue(frame, {}, sync));
    GRANARY_TRY(bed->lane().Wait(ticket));
    written.push_back(TextOf(frame));
    return Status::Ok();
  }
  void Answered(std::uint64_t sequence, std::size_t bytes = 200) {
    const Status s = Write(sequence, WalSync::kLater, bytes);
    ASSERT_TRUE(s.ok()) << s.ToString();
  }
  void CutAndOpen() {
    bed->Drop();
    files.PowerCut();
    ASSERT_TRUE(bed->Open().ok());
  }

  testing::MemoryFileSystem files;
  testing::FaultyFileSystem faulty{files};
  WalLaneOptions options = Options();
  std::optional<WalTestbed> bed{std::in_place, faulty, options};
  std::vector<std::string> written;
};

TEST_F(WalSyncLaterTest, OutliveTheProcessAtOnceAndAPowerCutOnceSynced) {
  Answered(1);
  EXPECT_EQ(bed->lane().stats().syncs, 0u);
  EXPECT_EQ(bed->lane().stats().unsynced_bytes, FrameBytes(MakeFrame(1, 1, std::string(200, 'x'))));
  ASSERT_TRUE(bed->Open().ok());
  EXPECT_EQ(bed->replayed(), written) << "a killed process";
  CutAndOpen();
  EXPECT_EQ(bed->replayed(), written) << "recovery syncs what it read";

  Answered(2);
  ASSERT_TRUE(bed->lane().Sync().ok());
  EXPECT_EQ(bed->lane().stats().syncs, 1u);
  EXPECT_EQ(bed->lane().stats().unsynced_bytes, 0u);
  ASSERT_TRUE(bed->lane().Sync().ok());
  EXPECT_EQ(bed->lane().stats().syncs, 1u) << "nothing to sync";
  CutAndOpen();
  EXPECT_EQ(bed->replayed(), written);

  Answered(3);
  CutAndOpen();
  written.pop_back();
  EXPECT_EQ(bed->replayed(), written) << "nobody was promised the third one";
}

TEST_F(WalSyncLaterTest, AreCoveredByWhoeverSyncsBehindThem) {
  Answered(1);
  Answered(2);
  ASSERT_TRUE(Write(3, WalSync::kBeforeAnswer).ok());
  EXPECT_EQ(bed->lane().stats().syncs, 1u);
  EXPECT_EQ(bed->lane().stats().unsynced_bytes, 0u);
  CutAndOpen();
  EXPECT_EQ(bed->replayed(), written);
}

TEST_F(WalSyncLaterTest, AChangeOfFilesAndACleanStopSyncThem) {
  for (std::uint64_t sequence = 1; sequence <= 40; ++sequence) Answered(sequence);
  ASSERT_GT(bed->lane().stats().files, 2u);
  bed->Drop();
  files.PowerCut();
  ASSERT_TRUE(bed->Open().ok());
  EXPECT_TRUE(bed->lane().damage().empty()) << bed->lane().damage()[0].detail;
  ASSERT_GE(bed->replayed().size(), 20u) << "closed files are whole";
  written = bed->replayed();

  Answered(41);
  ASSERT_TRUE(bed->lane().Close().ok());
  CutAndOpen();
  EXPECT_EQ(bed->replayed(), written);
}

TEST_F(WalSyncLaterTest, TellOnceThatTheyWait) {
  int told = 0;
  options.on_unsynced = [&] { ++told; };
  bed.emplace(faulty, options);
  ASSERT_TRUE(bed->Open().ok());
  ASSERT_TRUE(Write(1, WalSync::kBeforeAnswer).ok());
  EXPECT_EQ(told, 0);
  ASSERT_TRUE(Write(2, WalSync::kLater).ok());
  ASSERT_TRUE(Write(3, WalSync::kLater).ok());
  EXPECT_EQ(told, 1);
  ASSERT_TRUE(bed->lane().Sync().ok());
  ASSERT_TRUE(Write(4, WalSync::kLater).ok());
  EXPECT_EQ(told, 2);
}

TEST_F(WalSyncLaterTest, NoMoreThanSoManyBytesWait) {
  const std::uint64_t frame = FrameBytes(MakeFrame(1, 1, std::string(200, 'x')));
  options.unsynced_bytes_max = 3 * frame;
  bed.emplace(faulty, options);
  ASSERT_TRUE(bed->Open().ok());
  for (const std::uint64_t waiting : {1, 2, 3}) {
    Answered(waiting);
    EXPECT_EQ(bed->lane().stats().unsynced_bytes, waiting * frame);
  }
  EXPECT_EQ(bed->lane().stats().syncs, 0u) << "at the limit";
  Answered(4);
  EXPECT_EQ(bed->lane().stats().unsynced_bytes, 0u);
  EXPECT_EQ(bed->lane().stats().syncs, 1u) << "past it";
}

TEST_F(WalSyncLaterTest, APowerCutLeavesAPrefixWithAllThatWasSynced) {
  testing::FakeRandom random(testing::SeedFromEnvironment());
  std::uint64_t sequence = 0, lost = 0;
  for (int cut = 0; cut < 300; ++cut) {
    std::size_t secure = written.size();
    for (std::uint64_t n = random.Below(8); n > 0; --n) {
      const std::uint64_t dice = random.Below(10);
      const std::size_t bytes = 1 + random.Below(900);
      if (dice == 0) {
        ASSERT_TRUE(bed->lane().Sync().ok());
      } else if (dice == 1) {
        ASSERT_TRUE(Write(++sequence, WalSync::kBeforeAnswer, bytes).ok());
      } else {
        ASSERT_TRUE(Write(++sequence, WalSync::kLater, bytes).ok());
      }
      if (bed->lane().stats().unsynced_bytes == 0) secure = written.size();
    }
    bed->Drop();
    files.PowerCut(random.Next64());
    ASSERT_TRUE(bed->Open().ok());
    EXPECT_TRUE(bed->lane().damage().empty()) << bed->lane().damage()[0].detail;
    ASSERT_GE(bed->replayed().size(), secure) << "cut " << cut;
    ASSERT_LE(bed->replayed().size(), written.size());
    ASSERT_TRUE(std::equal(bed->replayed().begin(), bed->replayed().end(), written.begin()))
        << "cut " << cut;
    lost += written.size() - bed->replayed().size();
    written = bed->replayed();
    sequence = written.size();
  }
  EXPECT_GT(lost, 0u) << "the test cut nothing off";
  EXPECT_GT(written.size(), 100u);
}

TEST_F(WalSyncLaterTest, AFailedSyncClosesTheLaneForGoodAlsoOnAFullDisk) {
  for (const Code code : {Code::kIoError, Code::kDiskFull}) {
    ASSERT_TRUE(bed->Open().ok());
    const std::uint64_t next = written.size() + 1;
    Answered(next);
    faulty.FailChange({.nth = 1, .code = code});
    EXPECT_EQ(bed->lane().Sync().code(), Code::kIoError)
        << "a full disk is no excuse: it was answered";
    faulty.Heal();
    EXPECT_EQ(bed->lane().closed_by().code(), Code::kIoError);
    EXPECT_EQ(bed->lane().Sync().code(), Code::kIoError) << "never tried again as if it were new";
    EXPECT_EQ(Write(next + 1, WalSync::kLater).code(), Code::kIoError);
    EXPECT_EQ(bed->lane().stats().unsynced_bytes,
              FrameBytes(MakeFrame(1, 1, std::string(200, 'x'))));
  }
  ASSERT_TRUE(bed->Open().ok());
  EXPECT_EQ(bed->replayed(), written) << "the file still has them";
}

TEST_F(WalSyncLaterTest, AFailedWriteStillSyncsThoseThatWereAnswered) {
  Answered(1);
  faulty.FailChange({.nth = 1, .short_write = true});
  EXPECT_EQ(Write(2, WalSync::kLater).code(), Code::kIoError);
  faulty.Heal();
  CutAndOpen();
  EXPECT_EQ(bed->replayed(), written);
}

// Room on the disk does not bring back what a failed sync may have lost.
TEST_F(WalSyncLaterTest, AFullDiskThatTakesNoSyncEitherClosesTheLaneForGood) {
  Answered(1);
  faulty.FailChange({.nth = 1, .code = Code::kDiskFull, .and_later = true});
  EXPECT_EQ(Write(2, WalSync::kLater).code(), Code::kIoError);
  faulty.Heal();
  EXPECT_EQ(bed->lane().closed_by().code(), Code::kIoError);
}

}  // namespace
}  // namespace granary::storage
