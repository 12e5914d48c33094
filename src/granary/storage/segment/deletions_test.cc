#include "granary/storage/segment/deletions.h"

#include <map>
#include <random>

#include <gtest/gtest.h>

namespace granary::storage {
namespace {

using RowNumbers = std::vector<std::int32_t>;

RowSet SetOf(const RowNumbers& rows) {
  RowSet set;
  for (const std::int32_t row : rows) set.Add(static_cast<std::uint32_t>(row));
  return set;
}

RowNumbers RowsOf(const RowSetPtr& set) {
  RowNumbers rows;
  if (set != nullptr) set->AppendIn(0, UINT32_MAX, rows);
  return rows;
}

DeletionPtr DeletedAt(std::uint64_t sequence, const RowNumbers& rows, std::int64_t at_us = 0) {
  std::vector<EndedRow> ended;
  for (const std::int32_t row : rows) ended.push_back({static_cast<std::uint32_t>(row), sequence});
  return MakeDeletion(std::move(ended), at_us);
}

TEST(RowSetTest, GivesTheRowsOfAPartCountedFromItsBegin) {
  RowSet rows = SetOf({3, 100, 101, 70'000, 131'072});
  rows.AddRange(500, 900);
  RowNumbers part;
  rows.AppendIn(100, 503, part);
  EXPECT_EQ(part, (RowNumbers{0, 1, 400, 401, 402}));
  EXPECT_EQ(rows.CountIn(100, 503), 5u);
  EXPECT_EQ(rows.CountIn(131'073, 200'000), 0u);
  EXPECT_EQ(rows.count(), 405u);
}

TEST(RowSetTest, ManyRowsComeBackFromTheirBytesInOrder) {
  RowSet rows;
  RowNumbers expected;
  for (std::uint32_t row = 0; row < 300'000; row += 3) {
    rows.Add(row);
    expected.push_back(static_cast<std::int32_t>(row));
  }
  std::string bytes;
  rows.EncodeTo(bytes);
  const auto back = RowSet::Decode(bytes, 300'000);
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(*back, rows);
  RowNumbers found;
  back->AppendIn(0, 300'000, found);
  EXPECT_EQ(found, expected);
}

TEST(RowSetTest, RefusesRowsThatTheSegmentDoesNotHave) {
  std::string bytes;
  SetOf({0, 9}).EncodeTo(bytes);
  EXPECT_TRUE(RowSet::Decode(bytes, 10).ok());
  EXPECT_EQ(RowSet::Decode(bytes, 9).status().code(), Code::kCorruption);
  EXPECT_EQ(RowSet::Decode("", 10).status().code(), Code::kCorruption);
}

TEST(DeletionTest, IsReadBackWithAllItsMoments) {
  const DeletionPtr deletions[] = {DeletedAt(7, {1, 5, 9}),
                                   MakeDeletion({{4, 10}, {2, 12}, {8, 10}}, 55),
                                   MakeDeletion({{4, 10}, {2, 10 + (std::uint64_t{1} << 33)}}, 55)};
  for (const DeletionPtr& deletion : deletions) {
    std::string bytes;
    deletion->EncodeTo(bytes);
    Deletion back{.rows = {},
                  .first_sequence = deletion->first_sequence,
                  .last_sequence = deletion->last_sequence,
                  .sequences = {},
                  .at_us = deletion->at_us};
    ASSERT_TRUE(back.DecodeRows(bytes, 10).ok());
    EXPECT_TRUE(back == *deletion);
    // Cut at every byte it is none.
    for (std::size_t length = 0; length < bytes.size(); ++length)
      EXPECT_EQ(back.DecodeRows(bytes.substr(0, length), 10).code(), Code::kCorruption) << length;
    EXPECT_EQ(back.DecodeRows(bytes + "x", 10).code(), Code::kCorruption);
  }
}

TEST(DeletionsTest, ASnapshotLacksTheRowsOfMomentsUpToItsOwn) {
  const Deletions deletions(
      {DeletedAt(7, {1, 5}), MakeDeletion({{2, 9}, {3, 12}}, 0), DeletedAt(10, {4})});
  EXPECT_EQ(deletions.At(6), nullptr);
  EXPECT_EQ(RowsOf(deletions.At(7)), (RowNumbers{1, 5}));
  EXPECT_EQ(RowsOf(deletions.At(9)), (RowNumbers{1, 2, 5}));
  EXPECT_EQ(RowsOf(deletions.At(11)), (RowNumbers{1, 2, 4, 5}));
  EXPECT_EQ(RowsOf(deletions.At(12)), (RowNumbers{1, 2, 3, 4, 5}));
  EXPECT_EQ(deletions.LastUpTo(6), 0u);
  EXPECT_EQ(deletions.LastUpTo(9), 9u);
  EXPECT_EQ(deletions.LastUpTo(11), 10u);
  EXPECT_EQ(deletions.LastUpTo(99), 12u);
  EXPECT_EQ(deletions.MomentOf(3), 12u);
  EXPECT_EQ(deletions.MomentOf(1), 7u);
}

TEST(DeletionsTest, FoldsWhatNoSnapshotIsAsOldAs) {
  std::uint64_t forgotten = 0;
  DeletionsPtr deletions = WithDeletion(nullptr, DeletedAt(5, {1}, 100), {}, forgotten);
  deletions = WithDeletion(deletions, MakeDeletion({{2, 6}, {3, 8}}, 200), {}, forgotten);
  EXPECT_EQ(forgotten, 0u);
  deletions = WithDeletion(deletions, DeletedAt(9, {4}, 900), {.fold_before_us = 500}, forgotten);
  EXPECT_EQ(forgotten, 8u);
  ASSERT_EQ(deletions->versions().size(), 2u);
  EXPECT_EQ(RowsOf(deletions->At(8)), (RowNumbers{1, 2, 3}));
  EXPECT_EQ(RowsOf(deletions->At(9)), (RowNumbers{1, 2, 3, 4}));
  // What is one already is not folded again.
  const DeletionPtr folded = deletions->versions().front();
  deletions = WithDeletion(deletions, DeletedAt(10, {5}, 950), {.fold_before_us = 500}, forgotten);
  EXPECT_EQ(deletions->versions().front(), folded);
}

TEST(DeletionsTest, KeepsNoMoreVersionsThanItsLimit) {
  for (const std::size_t versions : {9u, 10u, 11u}) {
    std::uint64_t forgotten = 0;
    DeletionsPtr deletions;
    for (std::size_t i = 0; i < versions; ++i) {
      const auto row = static_cast<std::int32_t>(i);
      deletions =
          WithDeletion(deletions, DeletedAt(100 + i, {row}), {.versions_max = 10}, forgotten);
      EXPECT_LE(deletions->versions().size(), 10u);
    }
    EXPECT_EQ(deletions->rows()->count(), versions);
    EXPECT_EQ(forgotten, versions <= 10 ? 0u : 104u);
  }
}

TEST(DeletionsTest, RandomVersionsAgreeWithANaiveList) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  std::map<std::int32_t, std::uint64_t> moments;
  DeletionsPtr deletions;
  std::uint64_t sequence = 0, forgotten = 0;
  for (int round = 0; round < 60; ++round) {
    std::vector<EndedRow> ended;
    for (int i = 0; i < 5; ++i) {
      sequence += random() % 3 + 1;
      const auto row = static_cast<std::int32_t>(random() % 2000);
      if (moments.emplace(row, sequence).second)
        ended.push_back({static_cast<std::uint32_t>(row), sequence});
    }
    if (ended.empty()) continue;
    deletions = WithDeletion(deletions, MakeDeletion(ended, round), {.fold_before_us = round - 20},
                             forgotten);
    for (int look = 0; look < 20; ++look) {
      const std::uint64_t at = forgotten + random() % (sequence + 2 - forgotten);
      RowNumbers expected;
      for (const auto& [row, moment] : moments) {
        if (moment <= at) expected.push_back(row);
      }
      ASSERT_EQ(RowsOf(deletions->At(at)), expected) << at;
    }
  }
}

}  // namespace
}  // namespace granary::storage
