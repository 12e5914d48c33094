// The layout, byte for byte, and what a reader must refuse.
#include "granary/storage/wal/wal_format.h"

#include <gtest/gtest.h>

#include <cstring>

#include "granary/base/crc32c.h"

namespace granary::storage {
namespace {

const FrameHome kHome{.file_number = 7, .salt = 0x1122334455667788};
constexpr std::uint64_t kOffset = 640;

WalFrame SomeFrame() {
  WalFrame frame;
  frame.tenant = "acme";
  frame.source = "sales";
  frame.source_uid = SourceUid{3};
  frame.schema_version = 2;
  frame.first_sequence = 41;
  frame.records = 5;
  frame.idempotency_key = "key-1";
  frame.body_hash = 0xABCDEF;
  frame.payload = "thirteen byte";
  return frame;
}

std::string Encode(const WalFrame& frame, std::uint64_t group_start = 128) {
  std::string out;
  AppendFrame(frame, FramePayloadCrc(frame), kHome, group_start, out);
  return out;
}

FrameCheck CheckWhole(std::string_view bytes, const FrameHome& home = kHome) {
  FrameHeader header;
  const FrameCheck check = DecodeFrameHeader(bytes, kOffset, home, header);
  if (check != FrameCheck::kWhole) return check;
  return CheckFramePayload(header, bytes);
}

TEST(WalFormatTest, AFrameComesBackAsItWas) {
  const WalFrame frame = SomeFrame();
  const std::string bytes = Encode(frame);
  EXPECT_EQ(bytes.size(), FrameBytes(frame));
  EXPECT_EQ(bytes.size() % kWalAlignment, 0u);

  FrameHeader header;
  ASSERT_EQ(DecodeFrameHeader(bytes, kOffset, kHome, header), FrameCheck::kWhole);
  ASSERT_EQ(CheckFramePayload(header, bytes), FrameCheck::kWhole);
  WalFrame back;
  FillFrame(header, bytes, back);
  EXPECT_EQ(back.kind, frame.kind);
  EXPECT_EQ(back.tenant, frame.tenant);
  EXPECT_EQ(back.source, frame.source);
  EXPECT_EQ(back.source_uid, frame.source_uid);
  EXPECT_EQ(back.schema_version, frame.schema_version);
  EXPECT_EQ(back.first_sequence, frame.first_sequence);
  EXPECT_EQ(back.records, frame.records);
  EXPECT_EQ(back.idempotency_key, frame.idempotency_key);
  EXPECT_EQ(back.body_hash, frame.body_hash);
  EXPECT_EQ(back.payload, frame.payload);
  EXPECT_EQ(header.fields.group_start, 128u);
}

TEST(WalFormatTest, TheFieldsLieWhereTheDocumentSays) {
  const std::string bytes = Encode(SomeFrame());
  const auto u64 = [&](std::size_t at) {
    std::uint64_t value;
    std::memcpy(&value, bytes.data() + at, sizeof(value));
    return value;
  };
  EXPECT_EQ(bytes.substr(0, 4), "GFRM");
  EXPECT_EQ(u64(8), 7u);
  EXPECT_EQ(u64(16), 0x1122334455667788u);
  EXPECT_EQ(u64(24), 128u);
  EXPECT_EQ(u64(32), 3u);
  EXPECT_EQ(u64(40), 41u);
  EXPECT_EQ(u64(48), 0xABCDEFu);
  EXPECT_EQ(u64(56), 2u | std::uint64_t{5} << 32);
  EXPECT_EQ(static_cast<std::uint32_t>(u64(64)), 13u);
  EXPECT_EQ(u64(72), 4u | 5u << 16 | std::uint64_t{5} << 32 | std::uint64_t{1} << 48);
  EXPECT_EQ(bytes.substr(80), std::string("acmesaleskey-1thirteen byte") + std::string(5, '\0'));
  EXPECT_EQ(static_cast<std::uint32_t>(u64(0) >> 32),
            Crc32c(std::string_view(bytes).substr(8, 86)));
}

TEST(WalFormatTest, NoFlippedBitPasses) {
  const std::string whole = Encode(SomeFrame());
  ASSERT_EQ(CheckWhole(whole), FrameCheck::kWhole);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      EXPECT_NE(CheckWhole(damaged), FrameCheck::kWhole) << "byte " << at << " bit " << bit;
    }
  }
}

TEST(WalFormatTest, NoPrefixPasses) {
  const std::string whole = Encode(SomeFrame());
  for (std::size_t keep = 0; keep < whole.size(); ++keep) {
    EXPECT_NE(CheckWhole(std::string_view(whole).substr(0, keep)), FrameCheck::kWhole) << keep;
  }
}

TEST(WalFormatTest, FramesOfAnotherFileOrLifeAreNotOurs) {
  const std::string bytes = Encode(SomeFrame());
  EXPECT_EQ(CheckWhole(bytes, {.file_number = 8, .salt = kHome.salt}), FrameCheck::kOtherLife);
  EXPECT_EQ(CheckWhole(bytes, {.file_number = 7, .salt = 1}), FrameCheck::kOtherLife);
  EXPECT_EQ(CheckWhole(bytes, {.file_number = 7, .salt = std::nullopt}), FrameCheck::kWhole);
}

TEST(WalFormatTest, AGroupCannotBeginBehindItsFrame) {
  EXPECT_EQ(CheckWhole(Encode(SomeFrame(), kOffset)), FrameCheck::kWhole);
  EXPECT_EQ(CheckWhole(Encode(SomeFrame(), kOffset + 8)), FrameCheck::kBadLimits);
  EXPECT_EQ(CheckWhole(Encode(SomeFrame(), 0)), FrameCheck::kBadLimits);
}

TEST(WalFormatTest, NoLengthIsBelievedOverItsLimit) {
  std::string bytes = Encode(SomeFrame());
  const std::uint32_t huge = 0xFFFFFFF0;
  std::memcpy(bytes.data() + 64, &huge, sizeof(huge));
  EXPECT_EQ(CheckWhole(bytes), FrameCheck::kBadLimits);
}

TEST(WalFormatTest, RefusesAFrameThatDoesNotFit) {
  WalFrame frame = SomeFrame();
  EXPECT_TRUE(CheckFrameFits(frame, 13).ok());
  EXPECT_EQ(CheckFrameFits(frame, 12).code(), Code::kTooLarge);
  frame.idempotency_key = std::string(kWalKeyMaxBytes, 'k');
  EXPECT_TRUE(CheckFrameFits(frame, 13).ok());
  frame.idempotency_key += 'k';
  EXPECT_EQ(CheckFrameFits(frame, 13).code(), Code::kTooLarge);
}

TEST(WalFormatTest, AFileHeaderComesBackAsItWas) {
  const WalFileHeader header{1, 7, 99, 1'705'276'800'000'000, 6, 4096};
  const std::string bytes = EncodeWalFileHeader(header);
  ASSERT_EQ(bytes.size(), kWalFileHeaderBytes);
  const auto back = DecodeWalFileHeader(bytes);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, header);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    EXPECT_EQ(DecodeWalFileHeader(damaged).status().code(), Code::kCorruption) << at;
  }
  EXPECT_EQ(DecodeWalFileHeader(bytes.substr(0, 63)).status().code(), Code::kCorruption);
}

TEST(WalFormatTest, ReadsTheFirstFormat) {
  std::string bytes = EncodeWalFileHeader({1, 7, 99, 0, 0, 0});
  bytes[8] = 1;
  const std::uint32_t crc = Crc32c(std::string_view(bytes).substr(0, 60));
  std::memcpy(bytes.data() + 60, &crc, sizeof(crc));
  EXPECT_TRUE(DecodeWalFileHeader(bytes).ok());
}

TEST(WalFormatTest, RefusesANewerFormatByName) {
  std::string bytes = EncodeWalFileHeader({1, 7, 99, 0, 0, 0});
  bytes[8] = 3;
  const std::uint32_t crc = Crc32c(std::string_view(bytes).substr(0, 60));
  std::memcpy(bytes.data() + 60, &crc, sizeof(crc));
  const Status status = DecodeWalFileHeader(bytes).status();
  EXPECT_EQ(status.code(), Code::kConflict);
  EXPECT_EQ(status.message(), "log format 3, this version reads 1 to 2");
}

}  // namespace
}  // namespace granary::storage
