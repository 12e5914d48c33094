#include "granary/formats/text_lines.h"

#include <algorithm>
#include <bit>
#include <utility>

#include <fmt/format.h>

#include "granary/base/byte_order_mark.h"

namespace granary::formats {
namespace {

constexpr std::size_t kReadBytes = 256u << 10;

}  // namespace

Status TextLines::PassByteOrderMark() {
  if (std::exchange(started_, true)) return Status::Ok();
  while (!at_end_ && text_.size() < kByteOrderMark.size()) GRANARY_TRY(Fill());
  if (text_.starts_with(kByteOrderMark)) begin_ = scanned_ = kByteOrderMark.size();
  return Status::Ok();
}

bool TextLines::FindEnd() {
  if (rule_ == LineRule::kQuoted) return FindRecordEnd();
  const auto at = text_.find('\n', scanned_);
  scanned_ = std::min(at, text_.size());
  return at != std::string::npos;
}

// Whether it came with the block before or comes only now must not show in what the next one holds.
void TextLines::PassLineFeed() {
  if (begin_ == 0) {
    text_.erase(0, 1);
    block_.reset();
  } else {
    scanned_ = ++begin_;
  }
}

bool TextLines::FindRecordEnd() {
  if (after_return_ && begin_ < text_.size()) {
    if (text_[begin_] == '\n') PassLineFeed();
    after_return_ = false;
  }
  while (scanned_ < text_.size()) {
    if (block_ || ReadBlock()) {
      const std::size_t passed = scanned_ - block_->begin;
      if (passed >= CsvBlock::kBytes) {  // Its last byte ended a record.
        block_.reset();
        continue;
      }
      const std::uint64_t left = block_->ends >> passed;
      if (left == 0) {
        PassBlock();
        continue;
      }
      scanned_ += static_cast<std::size_t>(std::countr_zero(left));
      in_ = In::kText;  // Whatever it was: the record ends here.
      return true;
    }
    // To the next block, or to the end where no block fits.
    const std::size_t end = std::min(scanned_ + CsvBlock::kBytes, text_.size());
    for (; scanned_ < end; ++scanned_) {
      if (PassByte()) return true;
    }
  }
  return false;
}

bool TextLines::ReadBlock() {
  if (text_.size() - scanned_ < CsvBlock::kBytes) return false;
  block_ = CsvBlock::Read(text_.data() + scanned_, in_);
  if (block_) block_->begin = scanned_;
  return block_.has_value();
}

void TextLines::PassBlock() {
  if (block_->opens && block_->in == In::kQuotes) quote_line_ = number_ + line_ends_;
  in_ = block_->in;
  scanned_ = block_->begin + CsvBlock::kBytes;
  block_.reset();
}

bool TextLines::PassByte() {
  const char c = text_[scanned_];
  const bool ends_line = c == '\n' || c == '\r';
  if (in_ == In::kQuotes) {
    if (c == '"') in_ = In::kAfterQuote;
    // "\r\n" is one, counted at its first half.
    if (ends_line && (c == '\r' || text_[scanned_ - 1] != '\r')) ++line_ends_;
  } else if (ends_line) {
    return true;
  } else if (c == '"' && in_ != In::kText) {
    if (in_ == In::kCellFront) quote_line_ = number_ + line_ends_;
    in_ = In::kQuotes;
  } else {
    in_ = c == ',' ? In::kCellFront : In::kText;
  }
  return false;
}

Status TextLines::Fill() {
  // Apart from text_, whose end would have to be made anew for each byte that arrives alone.
  arrived_.resize(kReadBytes);
  GRANARY_ASSIGN(const std::size_t got, source_(arrived_));
  text_.append(arrived_, 0, got);
  at_end_ = got == 0;
  return Status::Ok();
}

void TextLines::Take(std::size_t end, std::size_t next, LineBlock& block) {
  std::size_t bytes = end - begin_;
  after_return_ = next > end && text_[end] == '\r';
  if (rule_ == LineRule::kPlain && bytes > 0 && text_[end - 1] == '\r') --bytes;
  block.lines.push_back({begin_, bytes});
  block.numbers.push_back(number_);
  number_ += line_ends_ + 1;
  line_ends_ = 0;
  in_ = In::kCellFront;
  begin_ = scanned_ = next;
}

Status TextLines::TooLong() const {
  return {Code::kTooLarge,
          fmt::format("line {} is longer than {} bytes{}", number_, line_bytes_max_,
                      rule_ == LineRule::kQuoted ? ": are all of its quotes closed?" : "")};
}

Result<LineBlock> TextLines::Next(std::size_t rows_max) {
  GRANARY_TRY(PassByteOrderMark());
  LineBlock block;
  std::size_t taken = 0;  // Of the text, by the lines so far.
  while (block.lines.size() < rows_max && taken < limits_.chunk_bytes) {
    if (FindEnd()) {
      if (scanned_ - begin_ > line_bytes_max_) break;
      Take(scanned_, scanned_ + 1, block);
      taken = begin_;
      continue;
    }
    if (text_.size() - begin_ > line_bytes_max_) break;
    if (!at_end_) {
      GRANARY_TRY(Fill());
      continue;
    }
    if (in_ == In::kQuotes) break;
    if (begin_ < text_.size()) Take(text_.size(), text_.size(), block);
    break;
  }
  const bool ends = FindEnd();
  if (block.lines.empty()) {
    const std::size_t longest = (ends ? scanned_ : text_.size()) - begin_;
    if (longest > line_bytes_max_) return TooLong();
    if (at_end_ && in_ == In::kQuotes) {
      return Status(Code::kInvalidRequest,
                    fmt::format("line {}: the quotes that open here are not closed before the body "
                                "ends: no record from here on can be told",
                                quote_line_));
    }
  }
  std::string rest = text_.substr(begin_);
  text_.resize(begin_);
  block.text = std::exchange(text_, std::move(rest));
  scanned_ -= begin_;
  begin_ = 0;
  block_.reset();
  return block;
}

}  // namespace granary::formats
