#include "granary/storage/segment/row_set.h"

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include <fmt/format.h>
#include <roaring/roaring.h>

namespace granary::storage {
namespace {

constexpr std::uint32_t kRowsAtOnce = 256;

roaring_bitmap_t* NotNull(roaring_bitmap_t* bitmap) {
  if (bitmap == nullptr) throw std::bad_alloc();
  return bitmap;
}

struct FreeIterator {
  void operator()(roaring_uint32_iterator_t* it) const { roaring_free_uint32_iterator(it); }
};
using IteratorPtr = std::unique_ptr<roaring_uint32_iterator_t, FreeIterator>;

}  // namespace

void RowSet::Free::operator()(roaring_bitmap_s* bitmap) const { roaring_bitmap_free(bitmap); }

RowSet::RowSet() : bitmap_(NotNull(roaring_bitmap_create())) {}
RowSet::RowSet(const RowSet& other) : bitmap_(NotNull(roaring_bitmap_copy(other.bitmap_.get()))) {}
RowSet::RowSet(RowSet&& other) noexcept : bitmap_(std::move(other.bitmap_)) {}
RowSet& RowSet::operator=(RowSet other) noexcept {
  bitmap_ = std::move(other.bitmap_);
  return *this;
}
RowSet::~RowSet() = default;

Result<RowSet> RowSet::Decode(std::string_view bytes, std::uint64_t rows_max) {
  const std::size_t length = roaring_bitmap_portable_deserialize_size(bytes.data(), bytes.size());
  if (length == 0 || length != bytes.size())
    return Status::Corruption("a bitmap of rows that does not read");
  RowSet rows;
  rows.bitmap_.reset(roaring_bitmap_portable_deserialize_safe(bytes.data(), bytes.size()));
  if (rows.bitmap_ == nullptr) return Status::Corruption("a bitmap of rows that does not read");
  if (!rows.empty() && roaring_bitmap_maximum(rows.bitmap_.get()) >= rows_max) {
    return Status::Corruption(fmt::format("a bitmap that names row {} of {}",
                                          roaring_bitmap_maximum(rows.bitmap_.get()), rows_max));
  }
  return rows;
}

void RowSet::EncodeTo(std::string& out) const {
  RowSet packed(*this);
  roaring_bitmap_run_optimize(packed.bitmap_.get());
  const std::size_t begin = out.size();
  out.resize(begin + roaring_bitmap_portable_size_in_bytes(packed.bitmap_.get()));
  roaring_bitmap_portable_serialize(packed.bitmap_.get(), out.data() + begin);
}

void RowSet::Add(std::uint32_t row) { roaring_bitmap_add(bitmap_.get(), row); }

void RowSet::AddRange(std::uint64_t begin, std::uint64_t end) {
  if (begin < end)
    roaring_bitmap_add_range_closed(bitmap_.get(), static_cast<std::uint32_t>(begin),
                                    static_cast<std::uint32_t>(end - 1));
}

void RowSet::AddAll(const RowSet& other) {
  roaring_bitmap_or_inplace(bitmap_.get(), other.bitmap_.get());
}
void RowSet::RemoveAll(const RowSet& other) {
  roaring_bitmap_andnot_inplace(bitmap_.get(), other.bitmap_.get());
}
std::uint64_t RowSet::count() const { return roaring_bitmap_get_cardinality(bitmap_.get()); }

bool RowSet::Contains(std::uint32_t row) const {
  return roaring_bitmap_contains(bitmap_.get(), row);
}

std::uint64_t RowSet::CountIn(std::uint64_t begin, std::uint64_t end) const {
  return begin < end ? roaring_bitmap_range_cardinality(bitmap_.get(), begin, end) : 0;
}

void RowSet::AppendIn(std::uint64_t begin, std::uint64_t end,
                      std::vector<std::int32_t>& rows) const {
  const IteratorPtr it(roaring_create_iterator(bitmap_.get()));
  if (it == nullptr) throw std::bad_alloc();
  if (!roaring_move_uint32_iterator_equalorlarger(it.get(), static_cast<std::uint32_t>(begin)))
    return;
  std::array<std::uint32_t, kRowsAtOnce> some{};
  for (;;) {
    const std::uint32_t read = roaring_read_uint32_iterator(it.get(), some.data(), kRowsAtOnce);
    for (std::uint32_t i = 0; i < read; ++i) {
      if (some[i] >= end) return;
      rows.push_back(static_cast<std::int32_t>(some[i] - begin));
    }
    if (read < kRowsAtOnce) return;
  }
}

void RowSet::ForEach(const std::function<void(std::uint32_t row)>& visit) const {
  roaring_iterate(
      bitmap_.get(),
      [](std::uint32_t row, void* context) {
        (*static_cast<const std::function<void(std::uint32_t)>*>(context))(row);
        return true;
      },
      const_cast<std::function<void(std::uint32_t)>*>(&visit));
}

bool RowSet::operator==(const RowSet& other) const {
  return roaring_bitmap_equals(bitmap_.get(), other.bitmap_.get());
}

}  // namespace granary::storage
