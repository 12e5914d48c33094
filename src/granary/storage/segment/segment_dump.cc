// DumpSegment (segment_reader.h): a Parquet file for people, and whether its bytes are what was
// written.
#include <cstring>
#include <exception>

#include <arrow/buffer.h>
#include <arrow/util/compression.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>
#include <parquet/file_reader.h>
#include <parquet/statistics.h>
#include <parquet/types.h>

#include "granary/base/append_format.h"
#include "granary/base/crc32c.h"
#include "granary/base/utf8.h"
#include "granary/storage/segment/segment_format.h"
#include "granary/storage/segment/segment_reader.h"
#include "granary/storage/segment/segment_source.h"

namespace granary::storage {
namespace {

constexpr std::size_t kShownBytes = 40;

class Dump {
 public:
  Dump(const io::RandomAccessFile& file, std::string& out) : file_(file), out_(out) {}

  /// Says what it can; the result is the first damage.
  Status Write(const std::string& path) {
    GRANARY_TRY(ReadFooter(path));
    Line("{}: {} bytes, {} rows, {} row groups, {} columns, written by {}", path, file_.size(),
         metadata_->num_rows(), metadata_->num_row_groups(), metadata_->num_columns(),
         metadata_->created_by());
    for (int i = 0; i < metadata_->num_columns(); ++i) WriteColumn(*metadata_->schema()->Column(i));
    ReadChecksums();
    for (int i = 0; i < metadata_->num_row_groups(); ++i) WriteRowGroup(i);
    return first_damage_.At(path);
  }

 private:
  template <typename... Args>
  void Line(fmt::format_string<Args...> format, Args&&... args) {
    AppendFormat(out_, format, std::forward<Args>(args)...);
    out_ += '\n';
  }

  Status Damaged(std::string what) {
    if (first_damage_.ok()) first_damage_ = Status::Corruption(std::move(what));
    return first_damage_;
  }

  Status ReadFooter(const std::string& path) {
    try {
      const auto whole = std::make_shared<RangesFile>(static_cast<std::int64_t>(file_.size()));
      GRANARY_ASSIGN(auto bytes, ReadRange(file_, 0, file_.size()));
      whole->Add(0, std::move(bytes));
      metadata_ = parquet::ParquetFileReader::Open(whole)->metadata();
    } catch (const std::exception& error) {
      Line("{}: {} bytes, no readable Parquet footer", path, file_.size());
      return Status::Corruption(fmt::format("{}: {}", path, error.what()));
    }
    return Status::Ok();
  }

  void WriteColumn(const parquet::ColumnDescriptor& column) {
    const auto& root = *metadata_->schema()->GetColumnRoot(column_++);
    Line("  {:<10} {:<32} {}{}", root.field_id(), column.path()->ToDotString(),
         parquet::TypeToString(column.physical_type()),
         column.logical_type()->is_none() ? "" : ", " + column.logical_type()->ToString());
  }

  void ReadChecksums() {
    const auto& pairs = metadata_->key_value_metadata();
    const std::string key(kChunkChecksumsKey);
    if (pairs == nullptr || !pairs->Contains(key)) return Line("no column checksums");
    auto decoded =
        DecodeChecksums(pairs->Get(key).ValueOr(""), ChunkIndex(metadata_->num_row_groups(), 0));
    if (!decoded.ok())
      return Line("{}", Damaged(std::string(decoded.status().message())).message());
    checksums_ = decoded.Take();
  }

  std::size_t ChunkIndex(int row_group, int leaf) const {
    return static_cast<std::size_t>(row_group) *
               static_cast<std::size_t>(metadata_->num_columns()) +
           static_cast<std::size_t>(leaf);
  }

  void WriteRowGroup(int row_group) {
    const auto group = metadata_->RowGroup(row_group);
    Line("row group {}: {} rows, {} bytes uncompressed", row_group, group->num_rows(),
         group->total_byte_size());
    for (int leaf = 0; leaf < metadata_->num_columns(); ++leaf) {
      const auto chunk = group->ColumnChunk(leaf);
      Line("  {:<32} {:>10} bytes at {:<10} {:<12} {}{}{}", chunk->path_in_schema()->ToDotString(),
           chunk->total_compressed_size(), ChunkRange(*chunk).offset,
           arrow::util::Codec::GetCodecAsString(chunk->compression()), Encodings(*chunk),
           Statistics(*chunk), Verdict(ChunkIndex(row_group, leaf), *chunk));
    }
  }

  static std::string Encodings(const parquet::ColumnChunkMetaData& chunk) {
    std::string text;
    for (const auto encoding : chunk.encodings()) {
      text += (text.empty() ? "" : "+") + parquet::EncodingToString(encoding);
    }
    return text;
  }

  static std::string Statistics(const parquet::ColumnChunkMetaData& chunk) {
    const auto stats = chunk.is_stats_set() ? chunk.statistics() : nullptr;
    if (stats == nullptr) return ", no statistics";
    std::string text;
    if (stats->HasNullCount()) text += fmt::format(", {} nulls", stats->null_count());
    if (!stats->HasMinMax()) return text;
    const auto shown = [&](const std::string& bound) {
      const std::string value =
          parquet::FormatStatValue(stats->physical_type(), bound, stats->descr()->logical_type());
      return value.substr(0, ValidUtf8PrefixBytes(std::string_view(value).substr(0, kShownBytes)));
    };
    return text + fmt::format(", {} to {}", shown(stats->EncodeMin()), shown(stats->EncodeMax()));
  }

  std::string Verdict(std::size_t index, const parquet::ColumnChunkMetaData& chunk) {
    if (checksums_.empty()) return "";
    const ByteRange range = ChunkRange(chunk);
    const auto bytes = ReadRange(file_, static_cast<std::uint64_t>(range.offset),
                                 static_cast<std::uint64_t>(range.bytes));
    if (bytes.ok() && Crc32c(ViewOf(**bytes)) == checksums_[index]) return "";
    return "  DAMAGED: " +
           std::string(Damaged(fmt::format("byte {}: column \"{}\" does not match its checksum",
                                           range.offset, chunk.path_in_schema()->ToDotString()))
                           .message());
  }

  const io::RandomAccessFile& file_;
  std::string& out_;
  std::shared_ptr<parquet::FileMetaData> metadata_;
  std::vector<std::uint32_t> checksums_;
  int column_ = 0;
  Status first_damage_;
};

}  // namespace

Status DumpSegment(io::FileSystem& files, const std::string& path, std::string& out) {
  GRANARY_ASSIGN(const auto file, files.OpenForRead(path));
  try {
    return Dump(*file, out).Write(path);
  } catch (const std::exception& error) {
    return Status::Corruption(fmt::format("{}: {}", path, error.what()));
  }
}

}  // namespace granary::storage
