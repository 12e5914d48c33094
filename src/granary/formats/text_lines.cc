#include "granary/formats/text_lines.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace granary::formats {
namespace {

constexpr std::size_t kReadBytes = 256u << 10;

}  // namespace

bool TextLines::FindEnd() {
  if (rule_ == LineRule::kPlain) {
    const auto at = text_.find('\n', scanned_);
    scanned_ = std::min(at, text_.size());
    return at != std::string::npos;
  }
  for (; scanned_ < text_.size(); ++scanned_) {
    const char c = text_[scanned_];
    if (c == '"') quoted_ = !quoted_;
    if (c != '\n') continue;
    if (!quoted_) return true;
    ++line_feeds_;
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
  if (bytes > 0 && text_[end - 1] == '\r') --bytes;
  block.lines.push_back({begin_, bytes});
  block.numbers.push_back(number_);
  number_ += line_feeds_ + 1;
  line_feeds_ = 0;
  begin_ = scanned_ = next;
}

Result<LineBlock> TextLines::Next(std::size_t rows_max) {
  LineBlock block;
  while (block.lines.size() < rows_max && begin_ < limits_.chunk_bytes) {
    if (FindEnd()) {
      if (scanned_ - begin_ > limits_.chunk_bytes) break;
      Take(scanned_, scanned_ + 1, block);
      continue;
    }
    if (text_.size() - begin_ > limits_.chunk_bytes) break;
    if (!at_end_) {
      GRANARY_TRY(Fill());
      continue;
    }
    if (begin_ < text_.size()) Take(text_.size(), text_.size(), block);
    break;
  }
  const std::size_t longest = FindEnd() ? scanned_ - begin_ : text_.size() - begin_;
  if (block.lines.empty() && longest > limits_.chunk_bytes) {
    return Status(Code::kTooLarge,
                  fmt::format("line {} is longer than {} bytes", number_, limits_.chunk_bytes));
  }
  std::string rest = text_.substr(begin_);
  text_.resize(begin_);
  block.text = std::exchange(text_, std::move(rest));
  scanned_ -= begin_;
  begin_ = 0;
  return block;
}

}  // namespace granary::formats
