// Goal: whatever byte a crash stops at, or rots, a reader gives back frames that were written, in
// order, and says so when synced ones are missing.
// Method: write groups of frames, then cut after EVERY byte and flip EVERY byte.
#include "granary/storage/wal/wal_reader.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "granary/storage/wal/wal_testbed.h"
#include "granary/storage/wal/wal_writer.h"
#include "granary/testing/memory_file_system.h"

namespace granary::storage {
namespace {

const std::string kPath = "/wal/000007.wal";
constexpr std::uint64_t kNumber = 7;
const WalFileHeader kHeader{.lane = 0,
                            .file_number = kNumber,
                            .salt = 0xFEED,
                            .created_us = 1,
                            .previous_file = 0,
                            .previous_end = 0};

struct Read {
  std::vector<std::string> frames;
  std::vector<WalDamage> damage;
  std::vector<WalReader::Lost> lost;
  WalTail tail = WalTail::kOpen;
  std::uint64_t end = 0;
};

Read ReadAll(const std::string& bytes, std::optional<std::uint64_t> synced_end = std::nullopt) {
  testing::MemoryFileSystem files;
  EXPECT_TRUE(PutFiles(files, "/wal", {{"000007.wal", bytes}}).ok());
  auto reader = WalReader::Open(files, kPath, kNumber, synced_end);
  EXPECT_TRUE(reader.ok()) << reader.status().ToString();
  Read read;
  WalFrame frame;
  while (true) {
    auto more = (*reader)->Next(frame);
    EXPECT_TRUE(more.ok()) << more.status().ToString();
    if (!more.ok() || !*more) break;
    if (frame.kind == FrameKind::kRecords) read.frames.push_back(TextOf(frame));
  }
  read.damage = (*reader)->damage();
  read.lost = (*reader)->lost();
  read.tail = (*reader)->tail();
  read.end = (*reader)->end();
  return read;
}

/// Three groups of 1, 3 and 2 frames in a file with room behind them.
struct WalReaderTest : ::testing::Test {
  void SetUp() override {
    EXPECT_TRUE(files.CreateDirectories("/wal").ok());
    auto file = files.OpenForWrite(kPath, io::OpenMode::kCreateNew);
    ASSERT_TRUE(file.ok() && (*file)->Preallocate(2048).ok());
    auto made = WalWriter::Start(file.Take(), kHeader, io::Failpoints::None());
    ASSERT_TRUE(made.ok());
    writer = made.Take();
    WriteGroup({"a"});
    WriteGroup({"", std::string(100, 'x'), "bcd"});
    WriteGroup({"last but one", "last"});
  }

  void WriteGroup(const std::vector<std::string>& payloads) {
    group_starts.push_back(writer->end());
    std::uint64_t at = writer->end();
    std::vector<WalFrame> frames;  // Until they are written.
    frames.reserve(payloads.size());
    for (const std::string& payload : payloads) {
      const WalFrame& frame = frames.emplace_back(MakeFrame(1, written.size() + 1, payload));
      writer->Add(frame, FramePayloadCrc(frame));
      written.push_back(TextOf(frame));
      starts.push_back(at);
      at += FrameBytes(frame);
    }
    ASSERT_TRUE(writer->Commit().ok());
  }

  void WriteEndOfLane() {
    WalFrame end;
    end.kind = FrameKind::kEndOfLane;
    writer->Add(end, FramePayloadCrc(end));
    ASSERT_TRUE(writer->Commit().ok());
  }

  std::string Bytes() { return *files.ReadFile(kPath); }
  bool IsPrefixOfWritten(const std::vector<std::string>& got) const {
    return got.size() <= written.size() && std::equal(got.begin(), got.end(), written.begin());
  }
  bool IsSubsequenceOfWritten(const std::vector<std::string>& got) const {
    return IsSubsequence(got, written);
  }

  testing::MemoryFileSystem files;
  std::unique_ptr<WalWriter> writer;
  std::vector<std::string> written;
  std::vector<std::uint64_t> starts;
  std::vector<std::uint64_t> group_starts;
};

TEST_F(WalReaderTest, ReturnsEveryFrameInOrder) {
  const Read read = ReadAll(Bytes());
  EXPECT_EQ(read.frames, written);
  EXPECT_TRUE(read.damage.empty());
  EXPECT_EQ(read.tail, WalTail::kOpen);
  EXPECT_EQ(read.end, writer->end());
}

TEST_F(WalReaderTest, StopsAtACleanEndWithoutLookingFurther) {
  WriteEndOfLane();
  const Read read = ReadAll(Bytes() + std::string(4096, 'z'));
  EXPECT_EQ(read.frames, written);
  EXPECT_EQ(read.tail, WalTail::kEndOfLane);
}

TEST_F(WalReaderTest, CutAnywhereKeepsAPrefixAndIsNoDamage) {
  const std::string whole = Bytes();
  for (std::size_t keep = 0; keep <= whole.size(); ++keep) {
    const Read read = ReadAll(whole.substr(0, keep));
    EXPECT_TRUE(IsPrefixOfWritten(read.frames)) << "cut at " << keep;
    const auto ended_before =
        std::count_if(starts.begin() + 1, starts.end(), [&](auto at) { return at <= keep; });
    EXPECT_GE(static_cast<std::ptrdiff_t>(read.frames.size()),
              keep >= writer->end() ? 6 : ended_before * (keep >= 64))
        << "cut at " << keep;
    EXPECT_TRUE(read.damage.empty()) << "cut at " << keep;
  }
}

TEST_F(WalReaderTest, CutBeforeAKnownEndIsDamage) {
  const std::string whole = Bytes();
  for (std::size_t keep = 0; keep < writer->end(); ++keep) {
    const Read read = ReadAll(whole.substr(0, keep), writer->end());
    EXPECT_TRUE(IsPrefixOfWritten(read.frames)) << "cut at " << keep;
    EXPECT_FALSE(read.damage.empty()) << "cut at " << keep;
    EXPECT_EQ(read.end, writer->end());
  }
}

TEST_F(WalReaderTest, AFlippedByteLosesOneFrameAndSaysSoUnlessInTheLastGroup) {
  const std::string whole = Bytes();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    const Read read = ReadAll(damaged);
    EXPECT_TRUE(IsSubsequenceOfWritten(read.frames)) << "flipped byte " << at;
    if (at >= writer->end()) {
      EXPECT_EQ(read.frames, written) << "flipped byte " << at;
      EXPECT_TRUE(read.damage.empty());
    } else if (at < kWalFileHeaderBytes) {
      EXPECT_EQ(read.frames, written) << "flipped byte " << at;
      EXPECT_EQ(read.damage.size(), 1u) << "flipped byte " << at;
    } else if (at < group_starts.back()) {
      EXPECT_EQ(read.frames.size(), written.size() - 1) << "flipped byte " << at;
      ASSERT_EQ(read.damage.size(), 1u) << "flipped byte " << at;
      const auto frame = std::upper_bound(starts.begin(), starts.end(), at) - 1;
      EXPECT_EQ(read.damage[0].offset, *frame);
      EXPECT_EQ(read.damage[0].file, kPath);
    } else {
      EXPECT_TRUE(IsPrefixOfWritten(read.frames)) << "flipped byte " << at;
      EXPECT_GE(read.frames.size(), 4u);
      EXPECT_TRUE(read.damage.empty()) << "flipped byte " << at;
      EXPECT_EQ(read.end, *(std::upper_bound(starts.begin(), starts.end(), at) - 1));
    }
  }
}

TEST_F(WalReaderTest, EveryFlippedByteBeforeACleanEndIsDamage) {
  const std::uint64_t end = writer->end();
  WriteEndOfLane();
  const std::string whole = Bytes();
  for (std::size_t at = 0; at < writer->end(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x01);
    const Read read = ReadAll(damaged);
    EXPECT_TRUE(IsSubsequenceOfWritten(read.frames)) << "flipped byte " << at;
    EXPECT_EQ(read.damage.size(), at < end ? 1u : 0u) << "flipped byte " << at;
    EXPECT_GE(read.frames.size(), written.size() - 1);
  }
}

TEST_F(WalReaderTest, EveryFlippedByteBeforeAKnownEndIsDamage) {
  const std::string whole = Bytes();
  for (std::size_t at = 0; at < writer->end(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x80);
    const Read read = ReadAll(damaged, writer->end());
    EXPECT_TRUE(IsSubsequenceOfWritten(read.frames)) << "flipped byte " << at;
    EXPECT_EQ(read.damage.size(), 1u) << "flipped byte " << at;
    EXPECT_EQ(read.tail, WalTail::kSynced);
  }
}

TEST_F(WalReaderTest, NothingBehindAKnownEndIsReturned) {
  const Read read = ReadAll(Bytes(), group_starts[1]);
  EXPECT_EQ(read.frames, std::vector<std::string>{written[0]});
  EXPECT_TRUE(read.damage.empty());
  EXPECT_EQ(read.tail, WalTail::kSynced);
}

TEST_F(WalReaderTest, ALostSectorInsideTheLastGroupEndsTheFile) {
  std::string torn = Bytes();
  std::fill_n(torn.begin() + static_cast<std::ptrdiff_t>(starts[4]), starts[5] - starts[4], '\0');
  const Read read = ReadAll(torn);
  EXPECT_EQ(read.frames, std::vector<std::string>(written.begin(), written.begin() + 4))
      << "the frame behind the hole was never acknowledged and must not overtake the lost one";
  EXPECT_EQ(read.tail, WalTail::kTorn);
  EXPECT_TRUE(read.damage.empty());
}

TEST_F(WalReaderTest, SaysWhoseRecordsADamagedPayloadHeld) {
  std::string damaged = Bytes();
  const std::size_t payload = starts[2] + kFrameHeaderBytes + std::string("acmesource_1").size();
  ASSERT_EQ(damaged[payload], 'x');
  damaged[payload] = 'y';
  const Read read = ReadAll(damaged);
  ASSERT_EQ(read.damage.size(), 1u);
  EXPECT_NE(read.damage[0].detail.find("source source_1 of tenant acme loses sequences 3 to 3"),
            std::string::npos)
      << read.damage[0].detail;
  ASSERT_EQ(read.lost.size(), 1u);
  EXPECT_EQ(read.lost[0].source_uid, SourceUid{1});
  EXPECT_EQ(read.lost[0].last_sequence, 3u);
}

TEST_F(WalReaderTest, FramesOfAnEarlierLifeAreNeverReturned) {
  std::string bytes = Bytes();
  const std::string header = EncodeWalFileHeader({.lane = 0,
                                                  .file_number = kNumber,
                                                  .salt = 0xBEEF,
                                                  .created_us = 2,
                                                  .previous_file = 0,
                                                  .previous_end = 0});
  bytes.replace(0, header.size(), header);
  const Read read = ReadAll(bytes);
  EXPECT_TRUE(read.frames.empty());
  EXPECT_TRUE(read.damage.empty());
  EXPECT_EQ(read.tail, WalTail::kOpen);
}

TEST_F(WalReaderTest, AnUnfinishedRecyclingHoldsNothing) {
  std::string bytes = Bytes();
  const std::string header = EncodeWalFileHeader({.lane = 0,
                                                  .file_number = 3,
                                                  .salt = 0xFEED,
                                                  .created_us = 1,
                                                  .previous_file = 0,
                                                  .previous_end = 0});
  bytes.replace(0, header.size(), header);
  for (std::uint64_t at : starts) bytes[at + 8] = 3;  // And its frames say 3 as well.
  EXPECT_TRUE(ReadAll(bytes).frames.empty());
  EXPECT_TRUE(ReadAll(bytes).damage.empty());
}

TEST_F(WalReaderTest, FramesInsideAPayloadAreNeverReturned) {
  std::string forged(4, 'p');  // So that the frame inside lies on a multiple of 8.
  const WalFrame inside = MakeFrame(666, 1, "forged");
  for (int i = 0; i < 8; ++i) {
    std::string one(static_cast<std::size_t>(i), 'p');
    AppendFrame(inside, FramePayloadCrc(inside), {.file_number = kNumber, .salt = 0},
                kWalFileHeaderBytes, one);
    forged += one;
  }
  WriteGroup({forged});
  WriteGroup({"after"});
  std::string damaged = Bytes();
  damaged[starts[6] + 9] = static_cast<char>(damaged[starts[6] + 9] ^ 1);  // The outer header.
  const Read read = ReadAll(damaged);
  EXPECT_TRUE(IsSubsequenceOfWritten(read.frames));
  EXPECT_EQ(read.frames.size(), written.size() - 1);
  EXPECT_EQ(read.damage.size(), 1u);
}

TEST_F(WalReaderTest, AHugeHoleIsCrossed) {
  std::string bytes = Bytes();
  const std::uint64_t hole = 3 * WalWindow::kStepBytes + 8;
  const WalFrame late = MakeFrame(1, 7, "late");
  bytes.resize(writer->end());
  const std::uint64_t at = writer->end() + hole;
  bytes.resize(at, '\0');
  AppendFrame(late, FramePayloadCrc(late), {.file_number = kNumber, .salt = kHeader.salt}, at,
              bytes);
  const Read read = ReadAll(bytes);
  written.push_back(TextOf(late));
  EXPECT_EQ(read.frames, written);
  ASSERT_EQ(read.damage.size(), 1u);
  EXPECT_EQ(read.damage[0].offset, writer->end());
}

TEST_F(WalReaderTest, APayloadLargerThanTheWindowIsRead) {
  WriteGroup({std::string(2 * WalWindow::kStepBytes + 5, 'L'), "small"});
  EXPECT_EQ(ReadAll(Bytes()).frames, written);
}

TEST_F(WalReaderTest, RandomBytesNeverYieldAFrame) {
  std::uint64_t state = 12345;
  for (int round = 0; round < 50; ++round) {
    std::string noise(4096, '\0');
    for (char& c : noise)
      c = static_cast<char>((state = state * 6364136223846793005u + 1442695040888963407u) >> 56);
    for (std::size_t at = 64; at + 4 < noise.size(); at += 512) noise.replace(at, 4, "GFRM");
    EXPECT_TRUE(ReadAll(noise).frames.empty());
  }
}

struct FailingFile final : io::WritableFile {
  Status WriteAt(std::uint64_t offset, std::string_view) override {
    return offset == 0 || healthy ? Status::Ok() : Status::IoError("EIO");
  }
  Status Sync() override { return Status::Ok(); }
  Status Preallocate(std::uint64_t) override { return Status::Ok(); }
  Status Truncate(std::uint64_t) override { return Status::Ok(); }
  Status Close() override { return Status::Ok(); }
  bool healthy = false;
};

TEST(WalWriterTest, StaysClosedAfterAnIoError) {
  auto file = std::make_unique<FailingFile>();
  FailingFile* raw = file.get();
  auto writer = WalWriter::Start(std::move(file), kHeader, io::Failpoints::None());
  ASSERT_TRUE(writer.ok());
  const WalFrame frame = MakeFrame(1, 1, "p");
  (*writer)->Add(frame, FramePayloadCrc(frame));
  EXPECT_EQ((*writer)->Commit().code(), Code::kIoError);
  raw->healthy = true;
  EXPECT_EQ((*writer)->Commit().code(), Code::kIoError);
  EXPECT_EQ((*writer)->Close(WalWriter::Rest::kCut).code(), Code::kIoError);
  EXPECT_EQ((*writer)->end(), kWalFileHeaderBytes);
}

}  // namespace
}  // namespace granary::storage
