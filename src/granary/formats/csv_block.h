// CsvBlock: 64 bytes of CSV at once, as bits: where records end, and where the block leaves off.
//
// Shape      each quote opens or closes, so a running sum of quote bits tells what stands in
//            quotes. That holds while quotes open only at the front of a cell; a block in which one
//            stands elsewhere, or a line ends inside quotes, is for its reader to walk through.
// Threads    const from many.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace granary::formats {

/// Where in a CSV record a place is.
enum class InCsv : std::uint8_t { kCellFront, kText, kQuotes, kAfterQuote };

struct CsvBlock {
  static constexpr std::size_t kBytes = 64;

  std::size_t begin = 0;    ///< In the text that it is of; its reader's to say.
  std::uint64_t ends = 0;   ///< A bit for each byte that ends a line outside quotes.
  bool opens = false;       ///< Quotes opened at the front of a cell.
  InCsv in = InCsv::kText;  ///< Behind the last byte.

  /// Reads kBytes at `bytes`, of which the first is `in` a record. Nothing where bits do not do.
  static std::optional<CsvBlock> Read(const char* bytes, InCsv in);
};

}  // namespace granary::formats
