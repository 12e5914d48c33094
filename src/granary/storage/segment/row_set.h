// RowSet: row numbers of one segment, as a compressed bitmap.
//
// Shape      a Roaring bitmap; its bytes are the portable format that every Roaring library reads.
// Units      rows count from 0 in the order of the file.
// Threads    const from many; changing by one.
// Source     Lemire et al., "Roaring Bitmaps: Implementation of an Optimized Software Library".
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"

struct roaring_bitmap_s;

namespace granary::storage {

class RowSet {
 public:
  RowSet();
  RowSet(const RowSet& other);
  RowSet(RowSet&& other) noexcept;
  RowSet& operator=(RowSet other) noexcept;
  ~RowSet();

  /// kCorruption for bytes that are no bitmap, or one of rows that `rows_max` rows do not have.
  static Result<RowSet> Decode(std::string_view bytes, std::uint64_t rows_max);
  void EncodeTo(std::string& out) const;

  void Add(std::uint32_t row);
  void AddRange(std::uint64_t begin, std::uint64_t end);  ///< Without `end`.
  void AddAll(const RowSet& other);
  void RemoveAll(const RowSet& other);

  bool empty() const { return count() == 0; }
  std::uint64_t count() const;
  bool Contains(std::uint32_t row) const;
  /// How many there are from `begin` on and before `end`.
  std::uint64_t CountIn(std::uint64_t begin, std::uint64_t end) const;
  /// Those, ascending, counted from `begin`.
  void AppendIn(std::uint64_t begin, std::uint64_t end, std::vector<std::int32_t>& rows) const;
  /// All of them, ascending.
  void ForEach(const std::function<void(std::uint32_t row)>& visit) const;

  bool operator==(const RowSet& other) const;

 private:
  struct Free {
    void operator()(roaring_bitmap_s* bitmap) const;
  };
  std::unique_ptr<roaring_bitmap_s, Free> bitmap_;
};

using RowSetPtr = std::shared_ptr<const RowSet>;

}  // namespace granary::storage
