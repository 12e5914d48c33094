#include "granary/storage/wal/wal_retention.h"

#include <gtest/gtest.h>

namespace granary::storage {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

std::shared_ptr<const ClosedWalFile> File(std::uint64_t number, std::int64_t closed_s,
                                          LastSequences last, bool damaged = false) {
  return std::make_shared<const ClosedWalFile>(
      ClosedWalFile{number, 100, 100, closed_s * kSecond, damaged, std::move(last)});
}

FlushedSequenceFn Flushed(LastSequences flushed) {
  return [flushed](SourceUid source) -> std::optional<std::uint64_t> {
    const auto at = flushed.find(source);
    return at == flushed.end() ? std::nullopt : std::optional(at->second);
  };
}

std::vector<std::uint64_t> Numbers(const std::vector<WalFileChoice>& choices) {
  std::vector<std::uint64_t> numbers;
  for (const WalFileChoice& choice : choices) {
    numbers.push_back(choice.number);
    EXPECT_FALSE(choice.reason.empty());
  }
  return numbers;
}

const SourceUid kA{1}, kB{2}, kGone{3};
const ClosedWalFiles kFiles = {File(1, 10, {{kA, 5}, {kB, 2}}), File(2, 20, {{kA, 9}, {kGone, 7}}),
                               File(3, 30, {{kA, 12}})};
constexpr std::uint64_t kNoLimit = 1u << 30;

TEST(WalRetentionTest, AFileThatASourceNeedsStays) {
  const auto flushed = Flushed({{kA, 9}, {kB, 1}});
  EXPECT_EQ(Numbers(PickDroppable(kFiles, flushed, {0, 0}, 100 * kSecond, 0)),
            std::vector<std::uint64_t>{2});
}

TEST(WalRetentionTest, AFlushedFileStaysUntilItIsOldOrThereIsNoRoom) {
  const auto all = Flushed({{kA, 12}, {kB, 2}});
  const std::int64_t now = 35 * kSecond;
  EXPECT_TRUE(PickDroppable(kFiles, all, {60 * kSecond, kNoLimit}, now, 0).empty());
  EXPECT_EQ(Numbers(PickDroppable(kFiles, all, {15 * kSecond, kNoLimit}, now, 0)),
            (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(Numbers(PickDroppable(kFiles, all, {60 * kSecond, 250}, now, 50)),
            std::vector<std::uint64_t>{1});
  EXPECT_EQ(Numbers(PickDroppable(kFiles, all, {60 * kSecond, 0}, now, 0)),
            (std::vector<std::uint64_t>{1, 2, 3}));
}

TEST(WalRetentionTest, ANeededFileTakesRoomFromOlderOnes) {
  const auto flushed = Flushed({{kA, 9}, {kB, 2}});
  EXPECT_EQ(Numbers(PickDroppable(kFiles, flushed, {60 * kSecond, 200}, 35 * kSecond, 0)),
            std::vector<std::uint64_t>{1});
}

TEST(WalRetentionTest, ADamagedFileIsKeptForPeople) {
  const ClosedWalFiles files = {File(1, 10, {}, true)};
  EXPECT_TRUE(PickDroppable(files, Flushed({}), {0, 0}, 100 * kSecond, 0).empty());
}

TEST(WalRetentionTest, LaggardsComeOldestFileFirstAndOnce) {
  EXPECT_EQ(PickLaggards(kFiles, Flushed({{kA, 5}, {kB, 0}})), (std::vector<SourceUid>{kB, kA}));
  EXPECT_TRUE(PickLaggards(kFiles, Flushed({{kA, 12}, {kB, 2}})).empty());
}

TEST(WalRetentionTest, NotesTheLastSequenceOfEachSource) {
  LastSequences last;
  WalFrame frame;
  frame.source_uid = kA;
  frame.first_sequence = 5;
  frame.records = 3;
  NoteRecords(frame, last);
  frame.records = 0;
  frame.first_sequence = 100;
  NoteRecords(frame, last);
  EXPECT_EQ(last, (LastSequences{{kA, 7}}));
}

}  // namespace
}  // namespace granary::storage
