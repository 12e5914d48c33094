#include "granary/storage/segment/column_pages.h"

#include <algorithm>
#include <exception>
#include <limits>

#include <fmt/format.h>
#include <parquet/metadata.h>
#include <parquet/page_index.h>
#include <parquet/properties.h>
#include <parquet/schema.h>
#include <parquet/statistics.h>

#include "granary/storage/segment/row_group_stats.h"
#include "granary/storage/segment/segment_source.h"

namespace granary::storage {
namespace {

/// The bytes of an index; nothing when they lie elsewhere.
std::optional<std::string_view> IndexBytes(const parquet::IndexLocation& at, const FileTail& tail) {
  if (at.offset < 0 || at.length <= 0) return std::nullopt;
  const auto offset = static_cast<std::uint64_t>(at.offset);
  const auto length = static_cast<std::uint64_t>(at.length);
  if (offset < tail.begin || offset - tail.begin > tail.bytes.size() ||
      length > tail.bytes.size() - (offset - tail.begin))
    return std::nullopt;
  return tail.bytes.substr(offset - tail.begin, length);
}

Status Contradicts(std::string_view what) {
  return Status::Corruption(fmt::format("the page index contradicts the footer: {}", what));
}

/// Pages that fill the chunk, and rows that fill the row group.
Status TakePlaces(const parquet::OffsetIndex& index, const parquet::ColumnChunkMetaData& chunk,
                  std::int64_t rows, ColumnPages& pages) {
  const ByteRange range = ChunkRange(chunk);
  const auto& locations = index.page_locations();
  if (locations.empty() || rows <= 0) return Contradicts("a column without pages");
  if (rows > std::numeric_limits<std::int32_t>::max())
    return Status(Code::kNotFound, "pages of so many rows are not looked at");
  if (range.offset < 0 || range.bytes < 0) return Contradicts("a column outside the file");
  pages.dictionary_offset = range.offset;
  std::int64_t offset = chunk.data_page_offset();
  if (offset < range.offset || (offset > range.offset) != chunk.has_dictionary_page())
    return Contradicts("where the first page begins");
  std::int64_t first_row = 0;
  for (std::size_t i = 0; i < locations.size(); ++i) {
    const parquet::PageLocation& page = locations[i];
    const std::int64_t next_row =
        i + 1 < locations.size() ? locations[i + 1].first_row_index : rows;
    if (page.offset != offset || page.compressed_page_size <= 0)
      return Contradicts(fmt::format("page {} does not begin where the one before it ends", i));
    if (page.first_row_index != first_row || next_row <= first_row || next_row > rows)
      return Contradicts(fmt::format("page {} has the rows of another one", i));
    pages.offsets.push_back(offset);
    pages.first_rows.push_back(first_row);
    offset += page.compressed_page_size;
    first_row = next_row;
  }
  if (offset - range.offset != range.bytes) return Contradicts("where the last page ends");
  pages.offsets.push_back(offset);
  pages.first_rows.push_back(rows);
  return Status::Ok();
}

bool IsAbove(const Value& a, const Value& b) {
  return !IsNull(a) && !IsNull(b) && Compare(a, b) > 0;
}

/// The bounds of all pages together are the chunk's, where both say.
Status CompareWithChunk(const std::vector<ColumnStats>& pages, const ColumnStats& chunk) {
  std::uint64_t nulls = 0;
  bool all_nulls_known = true;
  for (const ColumnStats& page : pages) {
    if (IsAbove(page.min, page.max))
      return Contradicts("a page's least value is above its greatest");
    if (IsAbove(chunk.min, page.min) || IsAbove(page.max, chunk.max))
      return Contradicts("a page's values lie beyond those of its column");
    all_nulls_known = all_nulls_known && page.nulls;
    nulls += page.nulls.value_or(0);
  }
  if (all_nulls_known && chunk.nulls && nulls != *chunk.nulls)
    return Contradicts("its pages have other nulls than the column");
  return Status::Ok();
}

Result<std::vector<ColumnStats>> BoundsOf(const parquet::ColumnIndex& index,
                                          const parquet::ColumnDescriptor& column,
                                          const ColumnPages& pages, const DataType& type) {
  const std::size_t count = pages.count();
  const auto& nulls = index.null_counts();
  const auto& is_null = index.null_pages();
  const auto& mins = index.encoded_min_values();
  const auto& maxs = index.encoded_max_values();
  if (is_null.size() != count || mins.size() != count || maxs.size() != count ||
      (index.has_null_counts() && nulls.size() != count))
    return Contradicts("its two parts have other numbers of pages");
  std::vector<ColumnStats> stats;
  stats.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t rows = pages.first_rows[i + 1] - pages.first_rows[i];
    const std::int64_t null_count = index.has_null_counts() ? nulls[i] : 0;
    if (null_count < 0 || null_count > rows) return Contradicts("more nulls than rows");
    if (index.has_null_counts() && is_null[i] != (null_count == rows))
      return Contradicts("a page of nulls alone that has values, or the other way round");
    const auto encoded = parquet::Statistics::Make(
        &column, mins[i], maxs[i], rows - null_count, null_count, 0, /*has_min_max=*/!is_null[i],
        index.has_null_counts(), /*has_distinct_count=*/false);
    ColumnStats page = StatsOf(*encoded, rows, type);
    if (is_null[i] && !page.nulls) page.nulls = page.rows;
    page.min_exact = page.max_exact = false;
    stats.push_back(std::move(page));
  }
  return stats;
}

}  // namespace

std::size_t ColumnPages::PageOf(std::int64_t row) const {
  const auto next = std::upper_bound(first_rows.begin(), first_rows.end(), row);
  return static_cast<std::size_t>(next - first_rows.begin()) - 1;
}

Result<ColumnPages> ReadColumnPages(const parquet::ColumnChunkMetaData& chunk,
                                    const parquet::ColumnDescriptor& column, std::int64_t rows,
                                    const DataType& type, const FileTail& tail) try {
  const auto& properties = parquet::default_reader_properties();
  const auto places = chunk.GetOffsetIndexLocation();
  if (!places) return Status(Code::kNotFound, "the column has no page index");
  const auto place_bytes = IndexBytes(*places, tail);
  if (!place_bytes) return Status::Corruption("the page index lies outside its place in the file");
  ColumnPages pages;
  const auto offsets = parquet::OffsetIndex::Make(
      place_bytes->data(), static_cast<std::int64_t>(place_bytes->size()), properties);
  GRANARY_TRY(TakePlaces(*offsets, chunk, rows, pages));

  const auto bounds = chunk.GetColumnIndexLocation();
  if (!bounds) return pages;
  const auto bound_bytes = IndexBytes(*bounds, tail);
  if (!bound_bytes) return Status::Corruption("the page index lies outside its place in the file");
  const auto index = parquet::ColumnIndex::Make(
      column, bound_bytes->data(), static_cast<std::int64_t>(bound_bytes->size()), properties);
  GRANARY_ASSIGN(pages.stats, BoundsOf(*index, column, pages, type));
  GRANARY_TRY(CompareWithChunk(pages.stats, ChunkStats(chunk, rows, type)));
  return pages;
} catch (const std::exception& error) {
  return Status::Corruption(fmt::format("the page index does not read: {}", error.what()));
}

}  // namespace granary::storage
