// SegmentReader: single pages of a column. The pages that are wanted are decoded as what they are
// by themselves: a Parquet file with one column and one row group, which Parquet's own reader
// reads.
//
// Damage     what an index says is read only under the checksum of the footer, a page under its own
//            one. Where a page has none, or one that does not match, its whole chunk is read: that
//            has one, too, and tells what is damaged.
#include <algorithm>
#include <exception>
#include <utility>

#include <arrow/api.h>
#include <arrow/array/concatenate.h>
#include <arrow/util/key_value_metadata.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/properties.h>

#include "granary/base/crc32c.h"
#include "granary/storage/segment/segment_reader_state.h"
#include "granary/types/rest_column.h"

namespace granary::storage {
namespace {

constexpr std::int64_t kMagicBytes = 4;  // In front of any Parquet file.

struct DecodedPages {
  std::shared_ptr<arrow::Buffer> bytes;  // A dictionary, if there is one, and the pages.
  std::int64_t dictionary_bytes = 0;
  std::int64_t rows = 0;
  bool coded = false;
};

/// The column alone, as a schema.
parquet::schema::NodePtr SchemaOfOne(const parquet::ColumnDescriptor& column) {
  using parquet::schema::GroupNode;
  using parquet::schema::PrimitiveNode;
  const auto& node = static_cast<const PrimitiveNode&>(*column.schema_node());
  const auto leaf = PrimitiveNode::Make(node.name(), node.repetition(), node.logical_type(),
                                        node.physical_type(), node.type_length(), node.field_id());
  return GroupNode::Make("schema", parquet::Repetition::REQUIRED, {leaf});
}

std::shared_ptr<parquet::FileMetaData> MetadataOf(const DecodedPages& pages,
                                                  const parquet::ColumnDescriptor& column,
                                                  const parquet::ColumnChunkMetaData& chunk) {
  parquet::SchemaDescriptor schema;
  schema.Init(SchemaOfOne(column));
  const auto properties = parquet::WriterProperties::Builder()
                              .version(parquet::ParquetVersion::PARQUET_2_6)
                              ->compression(chunk.compression())
                              ->build();
  const auto file = parquet::FileMetaDataBuilder::Make(&schema, properties);
  auto* group = file->AppendRowGroup();
  // One row more than there should be: the reader ends with the bytes, and whether the pages have
  // just the rows that their index says is seen by their number.
  group->set_num_rows(pages.rows + 1);
  const std::int64_t bytes = pages.bytes->size();
  const bool has_dictionary = pages.dictionary_bytes > 0;
  group->NextColumnChunk()->Finish(pages.rows + 1, has_dictionary ? kMagicBytes : 0,
                                   /*index_page_offset=*/-1, kMagicBytes + pages.dictionary_bytes,
                                   bytes, bytes, has_dictionary, /*dictionary_fallback=*/false,
                                   {{parquet::Encoding::PLAIN, 1}},
                                   {{parquet::Encoding::RLE_DICTIONARY, 1}});
  group->Finish(bytes);
  return file->Finish();
}

Result<std::shared_ptr<arrow::Array>> Decode(const DecodedPages& pages,
                                             const parquet::ColumnDescriptor& column,
                                             const parquet::ColumnChunkMetaData& chunk) {
  const auto broken = [](const arrow::Status& status) {
    return Status::Corruption(status.message());
  };
  auto file = std::make_shared<RangesFile>(kMagicBytes + pages.bytes->size());
  file->Add(kMagicBytes, pages.bytes);
  parquet::ArrowReaderProperties properties(/*use_threads=*/false);
  properties.set_pre_buffer(false);
  if (pages.coded) properties.set_read_dictionary(0, true);
  auto opened = parquet::ParquetFileReader::Open(file, parquet::default_reader_properties(),
                                                 MetadataOf(pages, column, chunk));
  auto reader =
      parquet::arrow::FileReader::Make(arrow::default_memory_pool(), std::move(opened), properties);
  if (!reader.ok()) return broken(reader.status());
  auto table = (*reader)->ReadRowGroup(0);
  if (!table.ok()) return broken(table.status());
  auto combined = (*table)->CombineChunks();
  if (!combined.ok()) return broken(combined.status());
  const auto& decoded = *(*combined)->column(0);
  if (decoded.length() != pages.rows || decoded.num_chunks() != 1)
    return Status::Corruption("pages that have other rows than their index says");
  auto array = decoded.chunk(0);
  if (array->type_id() == arrow::Type::EXTENSION)
    array = static_cast<const arrow::ExtensionArray&>(*array).storage();
  return array;
}

}  // namespace

/// Pages that lie side by side.
struct SegmentReader::State::PageRun {
  std::size_t first = 0;
  std::size_t end = 0;
};

Result<std::shared_ptr<arrow::Array>> SliceRows(const std::shared_ptr<arrow::Array>& array,
                                                const RowSpans& spans) {
  if (spans.size() == 1 && spans.front() == RowSpan{0, array->length()}) return array;
  if (spans.empty()) return array->Slice(0, 0);
  arrow::ArrayVector parts;
  for (const RowSpan& span : spans) parts.push_back(array->Slice(span.begin, span.rows()));
  auto together = arrow::Concatenate(parts);
  if (!together.ok()) return Status::Internal("rows of a column: " + together.status().ToString());
  return together.MoveValueUnsafe();
}

int SegmentReader::State::FlatLeafOf(ColumnId column) const {
  const std::vector<int>* own = LeavesOf(column);
  if (own == nullptr || own->size() != 1) return -1;
  const auto* descriptor = metadata->schema()->Column(own->front());
  const bool is_flat = descriptor->max_repetition_level() == 0 &&
                       metadata->schema()->GetColumnRoot(own->front())->is_primitive();
  return is_flat ? own->front() : -1;
}

void SegmentReader::State::Distrust(Status failure) const {
  const std::lock_guard lock(pages_mutex);
  if (pages_failure.ok()) pages_failure = std::move(failure);
}

/// Whoever opened the file has verified it, but did not keep it.
Result<std::shared_ptr<arrow::Buffer>> SegmentReader::State::ReadTail(
    std::uint64_t* bytes_read) const {
  if (footer_bytes == 0 || footer_bytes > file->size())
    return Damaged("nothing is known that its page indexes could be verified by");
  GRANARY_ASSIGN(auto tail, ReadRange(*file, file->size() - footer_bytes, footer_bytes));
  if (bytes_read != nullptr) *bytes_read += footer_bytes;
  if (Crc32c(ViewOf(*tail)) != footer_crc)
    return Damaged(fmt::format("byte {}: the footer does not match its checksum",
                               file->size() - footer_bytes));
  return tail;
}

std::shared_ptr<const SegmentReader::State::PagesOfLeaf> SegmentReader::State::PagesIn(
    int leaf, ColumnId column, const FileTail& tail) const {
  auto found = std::make_shared<PagesOfLeaf>(group_rows.size());
  const DataType type = column == kSequenceColumnId ? DataType(TypeKind::kInt64)
                                                    : TypeInFile({column, "", TypeKind::kString});
  for (std::size_t group = 0; group < group_rows.size(); ++group) {
    Result<ColumnPages> read = [&]() -> Result<ColumnPages> {
      try {
        return ReadColumnPages(*metadata->RowGroup(static_cast<int>(group))->ColumnChunk(leaf),
                               *metadata->schema()->Column(leaf), group_rows[group], type, tail);
      } catch (const std::exception& error) {
        return Status::Corruption(error.what());
      }
    }();
    if (!read.ok()) {
      if (pages_failure.ok()) {
        pages_failure = read.status().At(
            fmt::format("{}: column \"{}\" of row group {}", path,
                        metadata->schema()->Column(leaf)->path()->ToDotString(), group));
      }
      continue;
    }
    if (column == kSequenceColumnId) {
      for (ColumnStats& stats : read->stats) ShiftBounds(stats, sequence_base);
    }
    (*found)[group] = std::make_shared<const ColumnPages>(read.Take());
  }
  return found;
}

void SegmentReader::LoadPages(std::span<const ColumnId> columns, std::uint64_t* bytes_read) const {
  const std::lock_guard lock(state_->pages_mutex);
  std::shared_ptr<arrow::Buffer> bytes;  // Read when the first one is missing.
  for (const ColumnId column : columns) {
    const int leaf = state_->FlatLeafOf(column);
    if (leaf < 0 || state_->pages.contains(leaf)) continue;
    if (bytes == nullptr) {
      auto tail = state_->ReadTail(bytes_read);
      if (!tail.ok()) {
        if (state_->pages_failure.ok()) state_->pages_failure = tail.status();
        bytes = std::make_shared<arrow::Buffer>(nullptr, 0);  // Has no page index.
      } else {
        bytes = tail.Take();
      }
    }
    const FileTail tail{state_->file->size() - static_cast<std::uint64_t>(bytes->size()),
                        ViewOf(*bytes)};
    state_->pages[leaf] = state_->PagesIn(leaf, column, tail);
  }
}

bool SegmentReader::HasLoadedPages(std::span<const ColumnId> columns) const {
  const std::lock_guard lock(state_->pages_mutex);
  return std::ranges::all_of(columns, [&](ColumnId column) {
    const int leaf = state_->FlatLeafOf(column);
    return leaf < 0 || state_->pages.contains(leaf);
  });
}

std::shared_ptr<const ColumnPages> SegmentReader::Pages(int row_group, ColumnId column) const {
  const int leaf = state_->FlatLeafOf(column);
  if (leaf < 0) return nullptr;
  const std::lock_guard lock(state_->pages_mutex);
  const auto found = state_->pages.find(leaf);
  return found == state_->pages.end() ? nullptr
                                      : (*found->second)[static_cast<std::size_t>(row_group)];
}

Status SegmentReader::page_index_failure() const {
  const std::lock_guard lock(state_->pages_mutex);
  return state_->pages_failure;
}

/// Empty when the file has none.
std::vector<std::uint32_t> SegmentReader::State::PageChecksums(int row_group, int leaf) const {
  const std::lock_guard lock(pages_mutex);
  if (!page_checksums) {
    page_checksums.emplace();
    const auto& pairs = metadata->key_value_metadata();
    if (pairs != nullptr && pairs->Contains(std::string(kPageChecksumsKey))) {
      auto decoded = DecodePageChecksums(
          pairs->Get(std::string(kPageChecksumsKey)).ValueOr(""),
          group_rows.size() * static_cast<std::size_t>(metadata->num_columns()));
      if (decoded.ok())
        page_checksums = decoded.Take();
      else if (pages_failure.ok())
        pages_failure = decoded.status().At(path);
    }
  }
  const std::size_t at =
      static_cast<std::size_t>(row_group) * static_cast<std::size_t>(metadata->num_columns()) +
      static_cast<std::size_t>(leaf);
  return at < page_checksums->size() ? (*page_checksums)[at] : std::vector<std::uint32_t>();
}

/// The dictionary and the pages of the runs, one behind the other.
Result<std::shared_ptr<arrow::Buffer>> SegmentReader::State::ReadPages(
    int row_group, int leaf, const ColumnPages& pages_of, const std::vector<PageRun>& runs,
    std::uint64_t& bytes_read) const {
  std::vector<ByteRange> ranges;
  const auto add = [&](std::int64_t begin, std::int64_t end) {
    if (!ranges.empty() && ranges.back().offset + ranges.back().bytes == begin)
      ranges.back().bytes += end - begin;
    else
      ranges.push_back({begin, end - begin});
  };
  if (pages_of.has_dictionary()) add(pages_of.dictionary_offset, pages_of.offsets.front());
  for (const PageRun& run : runs) add(pages_of.offsets[run.first], pages_of.offsets[run.end]);
  std::int64_t total = 0;
  for (const ByteRange& range : ranges) total += range.bytes;
  if (pages_of.offsets.back() > static_cast<std::int64_t>(file->size()))
    return Damaged("a column lies outside the file");

  const std::vector<std::uint32_t> expected = PageChecksums(row_group, leaf);
  const std::size_t before = pages_of.has_dictionary() ? 1 : 0;
  const bool is_guarded = expected.size() == pages_of.count() + before;
  if (is_guarded) {
    auto allocated = arrow::AllocateBuffer(total);
    if (!allocated.ok())
      return Status(Code::kOverloaded, "out of memory: " + allocated.status().message());
    std::shared_ptr<arrow::Buffer> buffer = allocated.MoveValueUnsafe();
    char* to = reinterpret_cast<char*>(buffer->mutable_data());
    for (const ByteRange& range : ranges) {
      const auto bytes = static_cast<std::size_t>(range.bytes);
      auto got = file->ReadAt(static_cast<std::uint64_t>(range.offset), {to, bytes});
      if (!got.ok()) return got.status().At(path);
      if (*got != bytes) return Damaged("the file ends early");
      to += bytes;
    }
    bytes_read += static_cast<std::uint64_t>(total);
    std::string_view left = ViewOf(*buffer);
    const auto matches = [&](std::int64_t bytes, std::uint32_t checksum) {
      const std::string_view page = left.substr(0, static_cast<std::size_t>(bytes));
      left.remove_prefix(page.size());
      return Crc32c(page) == checksum;
    };
    bool all_match =
        before == 0 || matches(pages_of.offsets.front() - pages_of.dictionary_offset, expected[0]);
    for (const PageRun& run : runs) {
      for (std::size_t page = run.first; page < run.end && all_match; ++page)
        all_match =
            matches(pages_of.offsets[page + 1] - pages_of.offsets[page], expected[before + page]);
    }
    if (all_match) return buffer;
    Distrust(
        Damaged(fmt::format("a page of column \"{}\" of row group {} does not match its checksum",
                            metadata->schema()->Column(leaf)->path()->ToDotString(), row_group)));
  }
  RangesFile whole(static_cast<std::int64_t>(file->size()));
  GRANARY_TRY(AddChunk(row_group, leaf, whole, bytes_read));
  std::vector<std::shared_ptr<arrow::Buffer>> parts;
  for (const ByteRange& range : ranges) {
    auto part = whole.ReadAt(range.offset, range.bytes);
    GRANARY_TRY(FromArrow(part.status(), path, Code::kCorruption));
    parts.push_back(part.MoveValueUnsafe());
  }
  if (parts.size() == 1) return parts.front();
  auto together = arrow::ConcatenateBuffers(parts);
  if (!together.ok())
    return Status(Code::kOverloaded, "out of memory: " + together.status().message());
  return together.MoveValueUnsafe();
}

Result<std::shared_ptr<arrow::Array>> SegmentReader::State::DecodePages(
    int row_group, int leaf, bool coded, const ColumnPages& pages_of, const RowSpans& spans,
    std::uint64_t& bytes_read) const {
  std::vector<PageRun> runs;
  for (const RowSpan& span : spans) {
    const std::size_t first = pages_of.PageOf(span.begin), end = pages_of.PageOf(span.end - 1) + 1;
    if (!runs.empty() && first <= runs.back().end)
      runs.back().end = std::max(runs.back().end, end);
    else
      runs.push_back({first, end});
  }
  DecodedPages pages_read{.coded = coded};
  RowSpans within;  // The spans, among the rows of the pages.
  auto run = runs.begin();
  std::int64_t before = 0;  // Rows of earlier runs.
  for (const RowSpan& span : spans) {
    while (span.begin >= pages_of.first_rows[run->end]) {
      before += pages_of.first_rows[run->end] - pages_of.first_rows[run->first];
      ++run;
    }
    const std::int64_t shift = before - pages_of.first_rows[run->first];
    AddSpan(within, {span.begin + shift, span.end + shift});
  }
  for (const PageRun& each : runs)
    pages_read.rows += pages_of.first_rows[each.end] - pages_of.first_rows[each.first];
  GRANARY_ASSIGN(pages_read.bytes, ReadPages(row_group, leaf, pages_of, runs, bytes_read));
  if (pages_of.has_dictionary())
    pages_read.dictionary_bytes = pages_of.offsets.front() - pages_of.dictionary_offset;
  try {
    const auto chunk = metadata->RowGroup(row_group)->ColumnChunk(leaf);
    auto decoded = storage::Decode(pages_read, *metadata->schema()->Column(leaf), *chunk);
    if (!decoded.ok()) return decoded.status().At(path);
    return SliceRows(*decoded, within);
  } catch (const std::exception& error) {
    return Damaged(error.what());
  }
}

Result<std::shared_ptr<arrow::RecordBatch>> SegmentReader::ReadRows(
    int row_group, const RowSpans& spans, std::span<const ColumnId> columns, const Schema& schema,
    std::uint64_t* bytes_read, const GoOn& go_on, TextForm texts) const {
  LoadPages(columns, bytes_read);
  const std::vector<Column> younger = YoungerColumns(*state_->file_schema, schema);
  const auto has_pages = [&](ColumnId id) {
    const bool may_be_split =
        !younger.empty() &&
        (id == RestColumn(*state_->file_schema)->id ||
         std::ranges::any_of(younger, [&](const Column& other) { return other.id == id; }));
    return !may_be_split && state_->LayoutOf(id) == nullptr && Pages(row_group, id) != nullptr;
  };
  std::vector<ColumnId> whole, paged;
  for (const ColumnId id : columns) (has_pages(id) ? paged : whole).push_back(id);
  std::shared_ptr<arrow::RecordBatch> others;
  if (!whole.empty()) {
    GRANARY_ASSIGN(others, Read(row_group, whole, schema, bytes_read, go_on, texts));
  }
  std::vector<int> coded;
  if (texts == TextForm::kCoded) coded = state_->CodedLeaves(row_group, paged, schema);
  const std::int64_t count = CountRows(spans);
  std::uint64_t read = 0;
  arrow::FieldVector fields;
  arrow::ArrayVector out;
  for (const ColumnId id : columns) {
    const auto at = std::find(whole.begin(), whole.end(), id);
    if (at != whole.end()) {
      const auto position = static_cast<int>(at - whole.begin());
      fields.push_back(others->schema()->field(position));
      GRANARY_ASSIGN(auto rows, SliceRows(others->column(position), spans));
      out.push_back(std::move(rows));
      continue;
    }
    if (go_on) GRANARY_TRY(go_on());
    const int leaf = state_->FlatLeafOf(id);
    const bool is_coded = std::ranges::find(coded, leaf) != coded.end();
    auto array = state_->DecodePages(row_group, leaf, is_coded, *Pages(row_group, id), spans, read);
    if (array.ok()) array = state_->Shaped(id, array.Take(), count, schema);
    if (array.status().code() == Code::kCorruption) {  // Then the whole column says what is wrong.
      state_->Distrust(array.status());
      GRANARY_ASSIGN(const auto all,
                     Read(row_group, std::span(&id, 1), schema, &read, go_on, texts));
      array = SliceRows(all->column(0), spans);
    }
    GRANARY_TRY(array.status());
    fields.push_back(arrow::field(ColumnIn(schema, id)->name, (*array)->type()));
    out.push_back(array.Take());
  }
  if (bytes_read != nullptr) *bytes_read += read;
  return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), count, std::move(out));
}

}  // namespace granary::storage
