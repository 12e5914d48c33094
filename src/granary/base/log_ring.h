// LogRing: the last log lines of a service in memory, for whoever asks for them later.
//
// Shape      each line is a JSON object, as log.h has it, whatever the format on stderr is.
// Bounds     bytes_max of lines; the oldest go first. A line that alone is larger is not kept.
// Place      a line's position is the instant at which it was written, in µs, made larger than
//            that of the line before. So it is a cursor that holds across a restart.
// Units      bytes of JSON text; what the ring itself needs beside them (some 80 bytes a line) is
//            not counted.
// Threads    fully safe. Whoever looks for a text holds up nobody who writes: lines are shared, and
//            searched outside of the lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/log_level.h"

namespace granary {

struct LogQuery {
  LogLevel level = LogLevel::kDebug;        ///< At least.
  std::string text;                         ///< Stands in the line, in letters of either case.
  std::string request_id;                   ///< Empty: of any request and of none.
  std::int64_t since_us = 0;                ///< Written then or later.
  std::optional<std::int64_t> after = {};   ///< The first lines behind that position, …
  std::optional<std::int64_t> before = {};  ///< … else the last ones before that one, …
  std::size_t lines_max = 200;              ///< … else the last of all.
};

struct LogPage {
  std::vector<std::string> lines;  ///< The oldest first.
  std::int64_t first = 0;          ///< The position of its first line, for `before`.
  std::int64_t next = 0;           ///< Where to go on: the next page's `after`.
  bool more = false;               ///< There are further lines that way that match.
};

class LogRing {
 public:
  explicit LogRing(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  void Append(LogLevel level, std::int64_t at_us, std::string line);
  LogPage Read(const LogQuery& query) const;

  struct Counts {
    std::size_t lines = 0, bytes = 0;
    std::uint64_t gone = 0;  ///< Lines that were let go of since the start.
  };
  Counts counts() const;

 private:
  struct Line {
    LogLevel level;
    std::int64_t position;
    std::shared_ptr<const std::string> json;
  };
  /// Those behind the one position and before the other; the position of the newest of all.
  std::vector<Line> Between(std::int64_t after, std::int64_t before,
                            std::int64_t& last_position) const;

  const std::size_t bytes_max_;
  mutable std::mutex mutex_;
  std::deque<Line> lines_;  // Guarded by mutex_, as what follows.
  std::size_t bytes_ = 0;
  std::uint64_t gone_ = 0;
  std::int64_t last_position_ = 0;
};

}  // namespace granary
