// KeyPages: keys of percentiles (percentile_keys.h) and the group of each, in pages of a temporary
// file; and some of the keys, drawn evenly, to cut the others by.
//
// Threads    one.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/runtime/cancel.h"
#include "granary/runtime/spill_space.h"

namespace granary::query {

/// Keys drawn from all that were added, about as far from each other, the first among them.
class KeySample {
 public:
  explicit KeySample(std::size_t keys_max) : keys_max_(keys_max) {}

  void Add(std::uint64_t key) {
    if (left_ > 0)
      --left_;
    else
      Draw(key);
  }
  const std::vector<std::uint64_t>& keys() const { return keys_; }

 private:
  void Draw(std::uint64_t key);

  const std::size_t keys_max_;
  std::vector<std::uint64_t> keys_;
  std::uint64_t left_ = 0;  ///< Are passed over before the next is drawn.
  std::uint64_t stride_ = 1;
  std::uint64_t random_ = 1;
};

/// Keys of the groups first … end - 1; of a single one groups are not written.
struct KeyPages {
  std::uint32_t first = 0;
  std::uint32_t end = 0;
  std::uint64_t keys = 0;
  std::vector<runtime::SpillExtent> pages;
  std::vector<std::uint64_t> sample;  ///< Of a single group.
};

class KeyPagesWriter {
 public:
  KeyPagesWriter(runtime::SpillFile& file, std::uint32_t first, std::uint32_t end,
                 std::size_t page_keys, std::size_t sample_keys);
  Status Add(std::uint64_t key, std::uint32_t group);
  Result<KeyPages> Finish();

  /// What one of them takes in memory.
  static std::uint64_t Bytes(std::size_t page_keys, std::size_t sample_keys);

 private:
  Status Flush();

  runtime::SpillFile& file_;
  const std::size_t page_keys_;
  KeyPages written_;
  KeySample sample_;
  std::vector<std::uint64_t> keys_;
  std::vector<std::uint32_t> groups_;
};

using KeySink = std::function<Status(std::span<const std::uint64_t> keys,
                                     std::span<const std::uint32_t> groups)>;

/// Calls `each` page by page; of a single group, groups are empty. Looks at `cancel` before each.
Status ReadKeys(const KeyPages& pages, const runtime::SpillFile& file,
                const runtime::CancelToken& cancel, const KeySink& each);

}  // namespace granary::query
