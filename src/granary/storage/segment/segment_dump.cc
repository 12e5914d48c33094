#include <exception>

#include <fmt/format.h>
#include <parquet/file_reader.h>
#include <parquet/statistics.h>

#include "granary/storage/segment/segment_reader.h"
#include "granary/storage/segment/segment_source.h"

namespace granary::storage {
namespace {

void DumpRowGroup(const parquet::FileMetaData& metadata, int row_group, std::string& out) {
  const auto group = metadata.RowGroup(row_group);
  fmt::format_to(std::back_inserter(out), "row group {}: {} rows, {} bytes\n", row_group,
                 group->num_rows(), group->total_byte_size());
  for (int leaf = 0; leaf < metadata.num_columns(); ++leaf) {
    const auto chunk = group->ColumnChunk(leaf);
    fmt::format_to(std::back_inserter(out), "  {:<28} {:>10} bytes at {:<10}",
                   chunk->path_in_schema()->ToDotString(), chunk->total_compressed_size(),
                   chunk->data_page_offset());
    const auto stats = chunk->is_stats_set() ? chunk->statistics() : nullptr;
    if (stats != nullptr && stats->HasNullCount())
      fmt::format_to(std::back_inserter(out), "  {} nulls", stats->null_count());
    out += '\n';
  }
}

}  // namespace

Status DumpSegment(io::FileSystem& files, const std::string& path, std::string& out) {
  GRANARY_ASSIGN(const auto file, files.OpenForRead(path));
  try {
    auto ranges = std::make_shared<RangesFile>(static_cast<std::int64_t>(file->size()));
    GRANARY_ASSIGN(auto bytes, ReadRange(*file, 0, file->size()));
    ranges->Add(0, std::move(bytes));
    const auto metadata = parquet::ParquetFileReader::Open(ranges)->metadata();
    fmt::format_to(std::back_inserter(out), "{}: {} bytes, {} rows, {} row groups, written by {}\n",
                   path, file->size(), metadata->num_rows(), metadata->num_row_groups(),
                   metadata->created_by());
    out += metadata->schema()->ToString();
    for (int i = 0; i < metadata->num_row_groups(); ++i) DumpRowGroup(*metadata, i, out);
  } catch (const std::exception& error) {
    return Status::Corruption(fmt::format("{}: {}", path, error.what()));
  }
  return Status::Ok();
}

}  // namespace granary::storage
