// StreamFrames: a streamed answer whose parts say what they are, so that a client can tell a whole
// answer from one that was cut, and why.
//
// Shape      one of each a frame:
//   meta       first: {"request_id":…,"sources":[…],"columns":[{"name":…,"type":…},…]}; the type is
//              null where sources differ in a way that no one type holds
//   row        a record as in `records` of POST /data/search
//   progress   now and then between rows: {"rows":…,"elapsed_ms":…}, rows sent so far
//   end        last, of a whole answer only: {"rows":…,"stats":{…}}
//   error      last, of any other: the problem (RFC 9457); then the body is cut as well. A client
//              that takes nothing for a second goes without
// Promise    an answer is whole exactly when its last frame is `end`, whose rows are as many as the
//            row frames.
// Forms      lines (NDJSON): {"meta":{…}}; events (server-sent): "event: meta\ndata: {…}\n\n".
// Threads    one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "granary/base/status.h"
#include "granary/query/exec/search.h"

namespace granary::api {

enum class FrameForm : std::uint8_t { kLines, kEvents };

class StreamFrames {
 public:
  explicit StreamFrames(FrameForm form) : form_(form) {}

  void Meta(std::string_view request_id, const query::AnswerShape& shape, std::string& out) const;
  void Rows(const query::ResultBatch& rows, std::string& out) const;
  void Progress(std::uint64_t rows, double elapsed_ms, std::string& out) const;
  void End(std::uint64_t rows, const query::QueryStats& stats, double elapsed_ms,
           std::string& out) const;
  void Error(const Status& status, std::string_view request_id, std::string& out) const;

 private:
  std::string Head(std::string_view name) const;
  std::string_view Tail() const;

  const FrameForm form_;
};

}  // namespace granary::api
