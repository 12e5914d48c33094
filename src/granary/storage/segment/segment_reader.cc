#include "granary/storage/segment/segment_reader.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <exception>
#include <optional>

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/extension_type.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/file_reader.h>

#include "granary/base/crc32c.h"
#include "granary/json/shred_merger.h"
#include "granary/storage/segment/row_group_stats.h"
#include "granary/storage/segment/segment_reader_state.h"
#include "granary/storage/stats/stats_builder.h"
#include "granary/types/rest_column.h"
#include "granary/types/widening.h"

namespace granary::storage {
namespace {

constexpr std::uint64_t kTrailerBytes = 8;  // Footer length and magic.
// Measured on files of 990 columns: 2.8 MiB, each column with its name and type, and in each row
// group with its place, statistics and pages.
constexpr std::uint64_t kBytesOfColumn = 1024, kBytesOfChunk = 2048;

void AppendLeaves(const parquet::arrow::SchemaField& field, std::vector<int>& leaves) {
  if (field.is_leaf()) leaves.push_back(field.column_index);
  for (const auto& child : field.children) AppendLeaves(child, leaves);
}

// The values that codes inside of their dictionary stand for.
arrow::Result<std::shared_ptr<arrow::Array>> SpeltOut(const arrow::DictionaryArray& coded) {
  return arrow::compute::Take(*coded.dictionary(), *coded.indices(),
                              arrow::compute::TakeOptions::NoBoundsCheck());
}

// -1 where the field carries no id.
std::int32_t FieldId(const arrow::Field& field) {
  std::int32_t id = -1;
  if (field.metadata() == nullptr) return id;
  const auto text = field.metadata()->Get("PARQUET:field_id");
  if (text.ok()) std::from_chars(text->data(), text->data() + text->size(), id);
  return id;
}

std::shared_ptr<arrow::Array> Unwrapped(const std::shared_ptr<arrow::Array>& array) {
  if (array->type_id() != arrow::Type::EXTENSION) return array;
  return static_cast<const arrow::ExtensionArray&>(*array).storage();
}

/// Every value of the chunk is a code of its dictionary.
bool IsCodedWhole(const parquet::ColumnChunkMetaData& chunk) {
  if (!chunk.has_dictionary_page()) return false;
  const auto is_coded = [](const parquet::PageEncodingStats& pages) {
    return pages.page_type == parquet::PageType::DICTIONARY_PAGE ||
           pages.encoding == parquet::Encoding::RLE_DICTIONARY ||
           pages.encoding == parquet::Encoding::PLAIN_DICTIONARY;
  };
  const auto& stats = chunk.encoding_stats();
  return !stats.empty() && std::ranges::all_of(stats, is_coded);
}

void ShiftBound(Value& bound, std::int64_t by) {
  if (auto* value = std::get_if<std::int64_t>(&bound)) *value += by;
}

std::shared_ptr<arrow::Array> Shifted(std::shared_ptr<arrow::Array> sequences, std::int64_t by) {
  if (by == 0) return sequences;
  const auto& from = static_cast<const arrow::Int64Array&>(*sequences);
  std::vector<std::int64_t> values(from.raw_values(), from.raw_values() + from.length());
  for (std::int64_t& value : values) value += by;
  return std::make_shared<arrow::Int64Array>(from.length(),
                                             arrow::Buffer::FromVector(std::move(values)));
}

}  // namespace

void ShiftBounds(ColumnStats& stats, std::int64_t by) {
  ShiftBound(stats.min, by);
  ShiftBound(stats.max, by);
}

const Column* ColumnIn(const Schema& schema, ColumnId id) {
  static const Column kSequence{kSequenceColumnId, std::string(kSequenceColumnName),
                                TypeKind::kInt64};
  return id == kSequenceColumnId ? &kSequence : schema.FindId(id);
}

bool CodesAreInside(const arrow::Array& array) {
  const auto& coded = static_cast<const arrow::DictionaryArray&>(array);
  if (coded.indices()->type_id() != arrow::Type::INT32 ||
      coded.dictionary()->type_id() != arrow::Type::STRING)
    return false;
  const auto* codes = coded.indices()->data()->GetValues<std::int32_t>(1);
  const auto size = static_cast<std::uint64_t>(coded.dictionary()->length());
  const bool has_nulls = array.null_count() > 0;
  for (std::int64_t row = 0; row < array.length(); ++row) {
    if (static_cast<std::uint32_t>(codes[row]) >= size && !(has_nulls && array.IsNull(row)))
      return false;
  }
  return true;
}

bool SegmentReader::State::IsCoded(int row_group, int leaf) const {
  try {
    return IsCodedWhole(*metadata->RowGroup(row_group)->ColumnChunk(leaf));
  } catch (const std::exception&) {
    return false;  // Reading it says what is wrong.
  }
}

Status SegmentReader::State::ReadFooter(const SegmentMeta& meta) {
  const std::uint64_t bytes = file->size();
  if (meta.bytes != 0 && bytes != meta.bytes) {
    return Damaged(fmt::format("the file has {} bytes, the manifest says {}", bytes, meta.bytes));
  }
  if (bytes < kTrailerBytes + 4) return Damaged("too short for a Parquet file");
  auto ranges = std::make_shared<RangesFile>(static_cast<std::int64_t>(bytes));
  std::uint64_t tail_bytes = meta.footer_bytes;
  if (tail_bytes == 0) {  // Not one of ours: learn the length from the trailer.
    GRANARY_ASSIGN(const auto trailer, ReadRange(*file, bytes - kTrailerBytes, kTrailerBytes));
    std::uint32_t footer = 0;
    std::memcpy(&footer, trailer->data(), sizeof(footer));
    tail_bytes = std::min<std::uint64_t>(footer + kTrailerBytes, bytes);
  }
  if (tail_bytes > bytes) return Damaged("the footer is longer than the file");
  GRANARY_ASSIGN(const auto tail, ReadRange(*file, bytes - tail_bytes, tail_bytes));
  if (meta.footer_bytes != 0 && Crc32c(ViewOf(*tail)) != meta.footer_crc) {
    return Damaged(
        fmt::format("byte {}: the footer does not match its checksum", bytes - tail_bytes));
  }
  ranges->Add(static_cast<std::int64_t>(bytes - tail_bytes), tail);
  try {
    parquet::ReaderProperties properties;
    properties.set_footer_read_size(std::min<std::size_t>(tail_bytes, 64 << 10));
    metadata = parquet::ParquetFileReader::Open(ranges, properties)->metadata();
  } catch (const std::exception& error) {
    return Damaged(error.what());
  }
  return CountRows(meta);
}

// Parquet reads the parts of its footer when they are asked for, and throws then.
Status SegmentReader::State::CountRows(const SegmentMeta& meta) {
  if (meta.rows != 0 && metadata->num_rows() != static_cast<std::int64_t>(meta.rows)) {
    return Damaged(
        fmt::format("the file has {} rows, the manifest says {}", metadata->num_rows(), meta.rows));
  }
  try {
    for (int group = 0; group < metadata->num_row_groups(); ++group) {
      group_rows.push_back(metadata->RowGroup(group)->num_rows());
      if (group_rows.back() < 0)
        return Damaged(fmt::format("row group {} has {} rows", group, group_rows.back()));
    }
  } catch (const std::exception& error) {
    return Damaged(error.what());
  }
  return Status::Ok();
}

Status SegmentReader::State::IndexColumns() {
  try {
    parquet::arrow::SchemaManifest manifest;
    const auto made =
        parquet::arrow::SchemaManifest::Make(metadata->schema(), metadata->key_value_metadata(),
                                             parquet::ArrowReaderProperties(), &manifest);
    GRANARY_TRY(FromArrow(made, path, Code::kCorruption));
    for (const auto& field : manifest.schema_fields)
      AppendLeaves(field, leaves[FieldId(*field.field)]);
  } catch (const std::exception& error) {
    return Damaged(error.what());
  }
  const auto& pairs = metadata->key_value_metadata();
  if (pairs == nullptr || !pairs->Contains(std::string(kChunkChecksumsKey))) return Status::Ok();
  const auto count = static_cast<std::size_t>(metadata->num_row_groups()) *
                     static_cast<std::size_t>(metadata->num_columns());
  const std::string text = pairs->Get(std::string(kChunkChecksumsKey)).ValueOr("");
  auto decoded = DecodeChecksums(text, count);
  if (!decoded.ok()) return decoded.status().At(path);
  checksums = decoded.Take();
  return Status::Ok();
}

// A bulk's files are written before their sequences are given, so they count from 0; the manifest
// says where they begin.
Status SegmentReader::State::FindSequenceBase(const SegmentMeta& meta) {
  const std::vector<int>* leaf = LeavesOf(kSequenceColumnId);
  if (meta.rows == 0 || leaf == nullptr || leaf->size() != 1) return Status::Ok();
  std::optional<std::int64_t> least;
  try {
    for (int i = 0; i < metadata->num_row_groups(); ++i) {
      const auto group = metadata->RowGroup(i);
      const ColumnStats stats =
          ChunkStats(*group->ColumnChunk(leaf->front()), group->num_rows(), TypeKind::kInt64);
      const auto* min = std::get_if<std::int64_t>(&stats.min);
      if (min == nullptr) return Damaged("a row group does not say its least sequence");
      least = std::min(least.value_or(*min), *min);
    }
  } catch (const std::exception& error) {
    return Damaged(error.what());
  }
  sequence_base = static_cast<std::int64_t>(meta.min_sequence) - least.value_or(0);
  return Status::Ok();
}

Status SegmentReader::State::AddChunk(int row_group, int leaf, RangesFile& ranges,
                                      std::uint64_t& bytes_read) const {
  const ByteRange range = ChunkRange(*metadata->RowGroup(row_group)->ColumnChunk(leaf));
  if (range.offset < 0 || range.bytes < 0) return Damaged("a column lies outside the file");
  auto bytes = ReadRange(*file, static_cast<std::uint64_t>(range.offset),
                         static_cast<std::uint64_t>(range.bytes));
  if (!bytes.ok()) return bytes.status().At(path);
  if (!checksums.empty()) {
    const std::size_t at =
        static_cast<std::size_t>(row_group) * static_cast<std::size_t>(metadata->num_columns()) +
        static_cast<std::size_t>(leaf);
    if (Crc32c(ViewOf(**bytes)) != checksums[at]) {
      return Damaged(fmt::format(
          "byte {}: column \"{}\" of row group {} does not match its checksum", range.offset,
          metadata->schema()->Column(leaf)->path()->ToDotString(), row_group));
    }
  }
  bytes_read += static_cast<std::uint64_t>(range.bytes);
  ranges.Add(range.offset, *bytes);
  return Status::Ok();
}

/// The leaves of each column, in order.
std::vector<std::vector<int>> SegmentReader::State::ColumnsOf(
    const std::vector<int>& wanted) const {
  std::vector<std::vector<int>> columns;
  const parquet::schema::Node* root = nullptr;
  for (const int leaf : wanted) {
    const parquet::schema::Node* own = metadata->schema()->GetColumnRoot(leaf);
    if (columns.empty() || own != root) columns.emplace_back();
    columns.back().push_back(leaf);
    root = own;
  }
  return columns;
}

Status SegmentReader::State::DecodeColumn(parquet::arrow::FileReader& reader, int row_group,
                                          const std::vector<int>& leaves_of, Arrays& arrays) const {
  auto table = reader.ReadRowGroup(row_group, leaves_of);
  GRANARY_TRY(FromArrow(table.status(), path, Code::kCorruption));
  auto combined = (*table)->CombineChunks();
  GRANARY_TRY(FromArrow(combined.status(), path, Code::kCorruption));
  const std::int64_t rows = group_rows[static_cast<std::size_t>(row_group)];
  for (int i = 0; i < (*combined)->num_columns(); ++i) {
    const auto& column = *(*combined)->column(i);
    if (column.length() != rows) return Damaged("a column has another length than its row group");
    auto array = column.num_chunks() == 0 ? arrow::MakeEmptyArray(column.type()).ValueOrDie()
                                          : column.chunk(0);
    arrays.emplace(FieldId(*(*combined)->field(i)), Unwrapped(array));
  }
  return Status::Ok();
}

Result<SegmentReader::State::Arrays> SegmentReader::State::Decode(int row_group,
                                                                  const std::vector<int>& wanted,
                                                                  const std::vector<int>& coded,
                                                                  std::uint64_t* bytes_read,
                                                                  const GoOn& go_on) const {
  Arrays arrays;
  if (wanted.empty()) return arrays;
  auto ranges = std::make_shared<RangesFile>(static_cast<std::int64_t>(file->size()));
  try {
    parquet::ArrowReaderProperties properties(/*use_threads=*/false);
    properties.set_pre_buffer(false);
    for (const int leaf : coded) properties.set_read_dictionary(leaf, true);
    auto opened =
        parquet::ParquetFileReader::Open(ranges, parquet::default_reader_properties(), metadata);
    auto reader = parquet::arrow::FileReader::Make(arrow::default_memory_pool(), std::move(opened),
                                                   properties);
    GRANARY_TRY(FromArrow(reader.status(), path, Code::kCorruption));
    // Column by column, so that nobody waits for all of them who wants none any more, and of one
    // only there are both the bytes and the values.
    for (const std::vector<int>& column : ColumnsOf(wanted)) {
      if (go_on) GRANARY_TRY(go_on());
      std::uint64_t read = 0;
      for (const int leaf : column) GRANARY_TRY(AddChunk(row_group, leaf, *ranges, read));
      if (bytes_read != nullptr) *bytes_read += read;
      GRANARY_TRY(DecodeColumn(**reader, row_group, column, arrays));
      ranges->Clear();
    }
  } catch (const std::exception& error) {
    return Damaged(error.what());
  }
  return arrays;
}

/// Of columns that are strings in the file and stay strings.
std::vector<int> SegmentReader::State::CodedLeaves(int row_group, std::span<const ColumnId> columns,
                                                   const Schema& schema) const {
  std::vector<int> coded;
  for (const ColumnId id : columns) {
    const Column* column = schema.FindId(id);
    const std::vector<int>* own = column == nullptr ? nullptr : LeavesOf(id);
    if (own == nullptr || own->size() != 1 || column->type.kind() != TypeKind::kString ||
        TypeInFile(*column).kind() != TypeKind::kString)
      continue;
    if (IsCoded(row_group, own->front())) coded.push_back(own->front());
  }
  return coded;
}

DataType SegmentReader::State::TypeInFile(const Column& column) const {
  const Column* written = file_schema->FindId(column.id);
  return written == nullptr ? column.type : written->type;
}

/// From the form in the file to the type that the column was written with, then to the one asked
/// for.
Result<std::shared_ptr<arrow::Array>> SegmentReader::State::InShapeOf(
    const Column& column, std::shared_ptr<arrow::Array> array, std::int64_t rows) const {
  if (array == nullptr) return MakeConstantArray(column.type, {}, rows);
  const DataType written = TypeInFile(column);
  if (array->type_id() == arrow::Type::DICTIONARY) {
    if (CodesAreInside(*array)) return array;
    return Status::Corruption("a value is none of its dictionary");
  }
  const auto written_type = written.ToArrow();
  if (!array->type()->Equals(written_type)) {
    auto cast = arrow::compute::Cast(*array, written_type);
    if (!cast.ok()) return Status::Corruption(cast.status().message());
    array = cast.MoveValueUnsafe();
  }
  return WidenArray(array, written, column.type);
}

Result<std::shared_ptr<arrow::Array>> SegmentReader::State::Shaped(
    ColumnId id, std::shared_ptr<arrow::Array> array, std::int64_t rows,
    const Schema& schema) const {
  const Column* column = ColumnIn(schema, id);
  if (column == nullptr) return Status::Internal(fmt::format("column {} is not in the schema", id));
  auto shaped = InShapeOf(*column, std::move(array), rows);
  if (!shaped.ok()) return shaped.status().At(fmt::format("{}: column \"{}\"", path, column->name));
  return id == kSequenceColumnId ? Shifted(shaped.Take(), sequence_base) : shaped.Take();
}

SegmentReader::SegmentReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
SegmentReader::~SegmentReader() = default;

Result<std::shared_ptr<const SegmentReader>> SegmentReader::Open(io::FileSystem& files,
                                                                 const std::string& directory,
                                                                 const SegmentMeta& meta,
                                                                 SchemaPtr file_schema) {
  auto state = std::make_unique<State>();
  state->path = io::JoinPath(directory, meta.path);
  state->file_schema = std::move(file_schema);
  auto file = files.OpenForRead(state->path);
  // The manifest names it, so it is not for a client to look elsewhere.
  if (file.status().code() == Code::kNotFound) return state->Damaged("the file is gone");
  GRANARY_TRY(file.status());
  state->file = file.Take();
  state->footer_bytes = meta.footer_bytes;
  state->footer_crc = meta.footer_crc;
  GRANARY_TRY(state->ReadFooter(meta));
  GRANARY_TRY(state->IndexColumns());
  GRANARY_TRY(state->ReadLayouts());
  GRANARY_TRY(state->FindSequenceBase(meta));
  return std::shared_ptr<const SegmentReader>(new SegmentReader(std::move(state)));
}

const Schema& SegmentReader::file_schema() const { return *state_->file_schema; }

std::uint64_t SegmentReader::memory_bytes() const {
  const auto columns = static_cast<std::uint64_t>(state_->metadata->num_columns());
  return columns * (kBytesOfColumn + kBytesOfChunk * state_->group_rows.size());
}

int SegmentReader::row_groups() const { return static_cast<int>(state_->group_rows.size()); }

std::int64_t SegmentReader::rows(int row_group) const {
  return state_->group_rows[static_cast<std::size_t>(row_group)];
}

ColumnStats SegmentReader::State::StatsOf(int row_group, int leaf,
                                          const DataType& file_type) const {
  const auto key = static_cast<std::uint64_t>(row_group) << 32 | static_cast<std::uint32_t>(leaf);
  {
    const std::lock_guard lock(stats_mutex);
    if (const auto known = stats.find(key); known != stats.end()) return known->second;
  }
  const auto group = metadata->RowGroup(row_group);
  ColumnStats made = ChunkStats(*group->ColumnChunk(leaf), group->num_rows(), file_type);
  const std::lock_guard lock(stats_mutex);
  return stats.try_emplace(key, std::move(made)).first->second;
}

ColumnStats SegmentReader::RowGroupStats(int row_group, ColumnId column,
                                         const DataType& type) const {
  ColumnStats unknown;
  unknown.rows = static_cast<std::uint64_t>(rows(row_group));
  const std::vector<int>* leaves = state_->LeavesOf(column);
  if (leaves == nullptr) {
    if (RestColumn(*state_->file_schema) != nullptr) return unknown;  // It may hold values of it.
    unknown.nulls = unknown.rows;  // The file is older than the column.
    unknown.may_have_nan = false;
    return unknown;
  }
  const DataType file_type = state_->TypeInFile({column, "", type});
  if (leaves->size() != 1 || file_type.kind() == TypeKind::kList) return unknown;
  try {
    ColumnStats stats = state_->StatsOf(row_group, leaves->front(), file_type);
    if (column == kSequenceColumnId) ShiftBounds(stats, state_->sequence_base);
    return ConvertStats(stats, file_type, type);
  } catch (const std::exception&) {
    return unknown;  // Statistics that do not decode only cost speed.
  }
}

Result<std::shared_ptr<arrow::RecordBatch>> SegmentReader::Read(
    int row_group, std::span<const ColumnId> columns, const Schema& schema,
    std::uint64_t* bytes_read, const GoOn& go_on, TextForm texts) const {
  const std::vector<Column> younger = YoungerColumns(*state_->file_schema, schema);
  const Column* rest = RestColumn(*state_->file_schema);
  const bool splits =
      !younger.empty() &&
      (HasColumn(columns, rest->id) ||
       std::ranges::any_of(younger, [&](const Column& c) { return HasColumn(columns, c.id); }));
  return splits ? ReadSplit(row_group, columns, schema, younger, bytes_read, go_on, texts)
                : ReadStored(row_group, columns, schema, bytes_read, go_on, texts);
}

Result<std::shared_ptr<arrow::RecordBatch>> SegmentReader::ReadStored(
    int row_group, std::span<const ColumnId> columns, const Schema& schema,
    std::uint64_t* bytes_read, const GoOn& go_on, TextForm texts) const {
  std::vector<int> wanted;
  // Plain ones, too: spelling codes out costs a quarter of what the library takes to decode them.
  std::vector<int> coded = state_->CodedLeaves(row_group, columns, schema);
  for (const ColumnId id : columns) {
    if (const auto* leaves = state_->LeavesOf(id))
      wanted.insert(wanted.end(), leaves->begin(), leaves->end());
    if (const auto* layout = state_->LayoutOf(id))
      GRANARY_TRY(state_->AddLanes(row_group, layout->paths, wanted, coded));
  }
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  GRANARY_ASSIGN(const auto arrays, state_->Decode(row_group, wanted, coded, bytes_read, go_on));

  arrow::FieldVector fields;
  arrow::ArrayVector out;
  for (const ColumnId id : columns) {
    const auto at = arrays.find(id == kSequenceColumnId ? kSequenceFieldId : id);
    GRANARY_ASSIGN(auto array, state_->Shaped(id, at == arrays.end() ? nullptr : at->second,
                                              rows(row_group), schema));
    const std::string& name = ColumnIn(schema, id)->name;
    if (const auto* layout = state_->LayoutOf(id)) {
      GRANARY_ASSIGN(const auto lanes, state_->LanesOf(layout->paths, arrays, rows(row_group)));
      auto merged = json::ShredMerger(layout->paths).Merge(*array, lanes);
      if (!merged.ok())
        return merged.status().At(fmt::format("{}: column \"{}\"", state_->path, name));
      array = merged.Take();
    }
    if (texts == TextForm::kPlain && array->type_id() == arrow::Type::DICTIONARY) {
      auto plain = SpeltOut(static_cast<const arrow::DictionaryArray&>(*array));
      GRANARY_TRY(FromArrow(plain.status(), state_->path, Code::kCorruption));
      array = plain.MoveValueUnsafe();
    }
    fields.push_back(arrow::field(name, array->type()));
    out.push_back(std::move(array));
  }
  return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), rows(row_group),
                                  std::move(out));
}

}  // namespace granary::storage
