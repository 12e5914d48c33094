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

LineBlock NdjsonReader::TakePiece() {
  if (rest_.lines.size() <= piece_lines_) return std::exchange(rest_, {});
  const auto count = static_cast<std::ptrdiff_t>(piece_lines_);
  const std::size_t end = rest_.lines[piece_lines_].offset;
  LineBlock piece{.text = rest_.text.substr(0, end),
                  .lines = {rest_.lines.begin(), rest_.lines.begin() + count},
                  .numbers = {rest_.numbers.begin(), rest_.numbers.begin() + count}};
  rest_.text.erase(0, end);
  rest_.lines.erase(rest_.lines.begin(), rest_.lines.begin() + count);
  rest_.numbers.erase(rest_.numbers.begin(), rest_.numbers.begin() + count);
  for (json::TextLine& line : rest_.lines) line.offset -= end;
  return piece;
}

}  // namespace granary::formats
