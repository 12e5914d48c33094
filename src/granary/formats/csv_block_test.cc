#include "granary/formats/csv_block.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace granary::formats {
namespace {

/// A byte further: what TextLines does where bits do not do.
InCsv Behind(char c, InCsv in) {
  const bool ends_line = c == '\n' || c == '\r';
  if (in == InCsv::kQuotes) return c == '"' ? InCsv::kAfterQuote : in;
  if (c == '"' && in != InCsv::kText) return InCsv::kQuotes;
  return c == ',' || ends_line ? InCsv::kCellFront : InCsv::kText;
}

TEST(CsvBlockTest, SeesWhatReadingByBytesSees) {
  const std::uint64_t seed = 3;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  int read = 0;
  constexpr int kRounds = 100'000;
  for (int round = 0; round < kRounds; ++round) {
    // Many cells in quotes, and now and then anything at all.
    std::string text;
    while (text.size() < CsvBlock::kBytes) {
      const auto kind = random() % 16;
      if (kind < 6) text += "\"a\"\"b,\",";
      if (kind >= 6 && kind < 12) text += "12.5,";
      if (kind >= 12 && kind < 15) text += random() % 2 == 0 ? "\n" : "\"\"\r\n";
      if (kind == 15) text += "a\",\n\r"[random() % 5];
    }
    text = text.substr(random() % (text.size() - CsvBlock::kBytes + 1), CsvBlock::kBytes);
    const auto begins = static_cast<InCsv>(random() % 4);
    const auto block = CsvBlock::Read(text.data(), begins);
    if (!block) continue;
    ++read;
    InCsv in = begins;
    std::uint64_t ends = 0;
    bool opens = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
      const bool ends_line = text[at] == '\n' || text[at] == '\r';
      if (ends_line && in != InCsv::kQuotes) ends |= std::uint64_t{1} << at;
      if (text[at] == '"' && in == InCsv::kCellFront) opens = true;
      in = Behind(text[at], in);
    }
    ASSERT_EQ(block->ends, ends) << text;
    ASSERT_EQ(block->in, in) << text;
    ASSERT_EQ(block->opens, opens) << text;
  }
  EXPECT_GT(read, kRounds / 4);
}

TEST(CsvBlockTest, ReadsOrdinaryCsv) {
  const std::string text = "\"ord-01234567\",\"cust-002291\",88.9,2022-01-01 19:02:38.632190\r\n1,";
  const auto block = CsvBlock::Read(text.data(), InCsv::kCellFront);
  ASSERT_TRUE(block);
  EXPECT_EQ(block->ends, std::uint64_t{3} << text.find('\r'));
  EXPECT_TRUE(block->opens);
  EXPECT_EQ(block->in, InCsv::kCellFront);
}

TEST(CsvBlockTest, LeavesTheRareToItsReader) {
  const auto reads = [](std::string text, InCsv in) {
    text.resize(CsvBlock::kBytes, 'x');
    return CsvBlock::Read(text.data(), in).has_value();
  };
  EXPECT_TRUE(reads("\"a\"", InCsv::kCellFront));
  EXPECT_FALSE(reads("a\"b", InCsv::kCellFront));
  EXPECT_FALSE(reads("\"b", InCsv::kText));
  EXPECT_FALSE(reads("\"a\nb\"", InCsv::kCellFront));
  EXPECT_FALSE(reads("a\n\"", InCsv::kQuotes));
}

}  // namespace
}  // namespace granary::formats
