// AnswerReader: finds the end of an HTTP/1.1 answer in the bytes of a connection, and keeps its
// status and, when it is a refusal, the beginning of its body. Bodies are counted, not kept.
//
// Knows      Content-Length and chunked bodies, as servers send them to clients that asked with
//            keep-alive; nothing of trailers and interim answers.
// Threads    one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace granary::bench {

class AnswerReader {
 public:
  enum class Progress { kMore, kDone, kBroken };

  /// Takes what came. After kDone, Reset() comes first; bytes behind the answer's end make it
  /// kBroken, because only one request was sent.
  Progress Feed(std::string_view bytes);
  void Reset();

  int status() const { return status_; }
  /// At most kKeptBytes of it.
  const std::string& refusal() const { return refusal_; }

  static constexpr std::size_t kKeptBytes = 400;
  static constexpr std::size_t kHeadMaxBytes = 64 << 10;

 private:
  enum class State { kHead, kBody, kChunkLine, kChunk, kChunkEnd, kLastLine, kDone };

  bool ReadHead();
  bool TakeLine(std::string_view& bytes);
  void TakeBody(std::string_view& bytes);

  State state_ = State::kHead;
  std::string text_;  // Of the head, then of a chunk's line.
  std::uint64_t left_ = 0;
  int status_ = 0;
  std::string refusal_;
};

}  // namespace granary::bench
