#include "answer_reader.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace granary::bench {
namespace {

bool StartsWithName(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line[name.size()] == ':' &&
         std::equal(name.begin(), name.end(), line.begin(), [](char want, char have) {
           return want == std::tolower(static_cast<unsigned char>(have));
         });
}

template <typename Number>
bool ReadNumber(std::string_view text, int base, Number& number) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return std::from_chars(text.data(), text.data() + text.size(), number, base).ec == std::errc();
}

}  // namespace

void AnswerReader::Reset() { *this = AnswerReader(); }

AnswerReader::Progress AnswerReader::Feed(std::string_view bytes) {
  while (!bytes.empty() && state_ != State::kDone) {
    switch (state_) {
      case State::kHead: {
        // The end may lie across two pieces.
        const std::size_t searched = text_.size() < 3 ? 0 : text_.size() - 3;
        const std::size_t before = text_.size();
        text_.append(bytes);
        const auto end = text_.find("\r\n\r\n", searched);
        if (end == std::string::npos) {
          if (text_.size() > kHeadMaxBytes) return Progress::kBroken;
          return Progress::kMore;
        }
        bytes.remove_prefix(end + 4 - before);
        text_.resize(end + 2);
        if (!ReadHead()) return Progress::kBroken;
        text_.clear();
        break;
      }
      case State::kBody:
        TakeBody(bytes);
        if (left_ == 0) state_ = State::kDone;
        break;
      case State::kChunkLine:
        if (!TakeLine(bytes)) break;
        if (!ReadNumber(text_, 16, left_)) return Progress::kBroken;
        text_.clear();
        state_ = left_ == 0 ? State::kLastLine : State::kChunk;
        break;
      case State::kChunk:
        TakeBody(bytes);
        if (left_ == 0) state_ = State::kChunkEnd;
        break;
      case State::kChunkEnd:
      case State::kLastLine:
        if (!TakeLine(bytes)) break;
        if (!text_.empty()) return Progress::kBroken;
        state_ = state_ == State::kLastLine ? State::kDone : State::kChunkLine;
        break;
      case State::kDone: break;
    }
  }
  if (state_ != State::kDone) return Progress::kMore;
  return bytes.empty() ? Progress::kDone : Progress::kBroken;
}

bool AnswerReader::ReadHead() {
  const std::string_view head = text_;
  if (!head.starts_with("HTTP/1.1 ") || !ReadNumber(head.substr(9, 3), 10, status_)) return false;
  bool chunked = false;
  left_ = 0;
  for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
    const std::size_t end = head.find("\r\n", at);
    const std::string_view line = head.substr(at, end - at);
    if (StartsWithName(line, "content-length") && !ReadNumber(line.substr(15), 10, left_))
      return false;
    if (StartsWithName(line, "transfer-encoding")) chunked = line.find("chunked") != line.npos;
    at = end + 2;
  }
  if (chunked) {
    state_ = State::kChunkLine;
  } else {
    state_ = left_ == 0 ? State::kDone : State::kBody;
  }
  return true;
}

// A line without its end, into text_. False while its end is not there.
bool AnswerReader::TakeLine(std::string_view& bytes) {
  const auto end = bytes.find('\n');
  text_.append(bytes.substr(0, end));
  bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
  if (end == std::string_view::npos) return false;
  if (!text_.empty() && text_.back() == '\r') text_.pop_back();
  return true;
}

void AnswerReader::TakeBody(std::string_view& bytes) {
  const auto piece =
      bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
  if (status_ / 100 != 2 && refusal_.size() < kKeptBytes)
    refusal_.append(piece.substr(0, kKeptBytes - refusal_.size()));
  left_ -= piece.size();
  bytes.remove_prefix(piece.size());
}

}  // namespace granary::bench
