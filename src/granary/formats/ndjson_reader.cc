#include "granary/formats/ndjson_reader.h"

#include <algorithm>
#include <utility>

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include "granary/formats/key_sample.h"
#include "granary/formats/record_places.h"

namespace granary::formats {
namespace {

class NdjsonChunk final : public TableChunk {
 public:
  NdjsonChunk(json::RecordParser& parser, LineBlock block, std::uint64_t first)
      : parser_(parser), block_(std::move(block)), first_(first) {}

  std::uint64_t rows() const override { return block_.lines.size(); }

  Result<json::ParsedRecords> Parse(const SchemaPtr& schema, json::SchemaMode mode,
                                    json::RejectedRecords* rejected) override {
    json::RejectedRecords found;
    auto parsed = parser_.ParseLines(block_.text, block_.lines, mode, schema,
                                     rejected == nullptr ? nullptr : &found);
    const auto line_of = [this](std::int64_t index) {
      return fmt::format("line {}", block_.numbers[static_cast<std::size_t>(index)]);
    };
    if (!parsed.ok()) return AtPlaces(parsed.status(), first_, line_of);
    if (rejected != nullptr) AddRejected(found, first_, line_of, *rejected);
    MoveWidened(first_, parsed->widened);
    return parsed;
  }

 private:
  json::RecordParser& parser_;
  const LineBlock block_;
  const std::uint64_t first_;
};

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

json::RecordLimits ParserLimits(const ReadLimits& limits) {
  return {.records_max = limits.chunk_rows,
          .columns_max = limits.columns_max,
          .depth_max = limits.depth_max};
}

NdjsonReader::NdjsonReader(ByteSource source, const ReadLimits& limits)
    : limits_(limits),
      lines_(std::move(source), LineRule::kPlain, limits),
      parser_(ParserLimits(limits)) {}

Result<std::unique_ptr<TableChunk>> NdjsonReader::Next() {
  while (rest_.lines.empty()) {
    GRANARY_ASSIGN(rest_, lines_.Next(limits_.chunk_rows));
    if (rest_.lines.empty()) return std::unique_ptr<TableChunk>();
    rest_.DropBlankLines(IsBlank);
    piece_lines_ = limits_.rows_max(ColumnsIn(rest_, limits_.columns_max));
  }
  LineBlock block = TakePiece();
  const std::uint64_t first = records_;
  records_ += block.lines.size();
  return std::unique_ptr<TableChunk>(
      std::make_unique<NdjsonChunk>(parser_, std::move(block), first));
}

// What was taken stays in rest_ until all of it is: cutting it off each time would copy the others.
LineBlock NdjsonReader::TakePiece() {
  const std::size_t lines = rest_.lines.size();
  const std::size_t first = next_line_, last = first + std::min(piece_lines_, lines - first);
  const bool is_last = last == lines;
  next_line_ = is_last ? 0 : last;
  if (is_last && first == 0) return std::exchange(rest_, {});
  const auto begin = static_cast<std::ptrdiff_t>(first), end = static_cast<std::ptrdiff_t>(last);
  const std::size_t from = rest_.lines[first].offset;
  const std::size_t to = is_last ? rest_.text.size() : rest_.lines[last].offset;
  LineBlock piece{.text = rest_.text.substr(from, to - from),
                  .lines = {rest_.lines.begin() + begin, rest_.lines.begin() + end},
                  .numbers = {rest_.numbers.begin() + begin, rest_.numbers.begin() + end}};
  for (json::TextLine& line : piece.lines) line.offset -= from;
  if (is_last) rest_ = {};
  return piece;
}

}  // namespace granary::formats
