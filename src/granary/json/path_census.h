// PathCensus: which paths the documents of a column have, and what values lie there.
//
// Rules      paths go through objects only; an array is a value. Of keys that stand twice in one
//            object the first counts, as it does for whoever asks for the path.
// Limits     the first `paths_max` paths are counted. More make it incomplete, and then a path that
//            it does not name may be there all the same.
// Threads    one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/json/lane_value.h"

namespace granary::json {

/// What lies at a path, by kind.
struct PathCounts {
  std::array<std::uint64_t, kLanes> lanes{};  ///< Values that the lane holds to the digit.
  std::uint64_t numbers = 0;                  ///< Those that neither lane of numbers does.
  std::uint64_t strings = 0;                  ///< Spelled otherwise than we spell them.
  std::uint64_t objects = 0;
  std::uint64_t arrays = 0;
  std::uint64_t nulls = 0;

  std::uint64_t scalars() const;  ///< In all lanes.
  void Add(const PathCounts& other);
  bool operator==(const PathCounts&) const = default;
};

struct CountedPath {
  std::vector<std::string> path;
  PathCounts counts;
  /// Of the strings: hardly any came twice, as far as was looked.
  bool mostly_distinct = false;
};

class PathCensus {
 public:
  explicit PathCensus(std::size_t paths_max);
  ~PathCensus();
  PathCensus(PathCensus&&) noexcept;

  /// A text that is no JSON makes the census incomplete.
  void Add(const arrow::StringArray& documents);
  bool is_complete() const;
  std::uint64_t documents() const;  ///< That are not null.
  std::uint64_t others() const;     ///< Those of them that are no objects.
  /// In the order in which they were first met.
  std::vector<CountedPath> Counted() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace granary::json
