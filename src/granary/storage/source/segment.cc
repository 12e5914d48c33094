#include "granary/storage/source/segment.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <arrow/record_batch.h>

#include "granary/types/unnamed_batch.h"

namespace granary::storage {

Segment::Segment(SegmentFiles& files, std::string directory, SegmentMeta meta,
                 SchemaPtr file_schema, DeletionsPtr deletions,
                 std::shared_ptr<ReplacedRows> replaced)
    : files_(files),
      directory_(std::move(directory)),
      meta_(std::move(meta)),
      file_schema_(std::move(file_schema)),
      deletions_(std::move(deletions)),
      replaced_(std::move(replaced)),
      holders_(std::make_shared<const char>()),
      estimators_(
          std::make_unique<std::atomic<const ColumnEstimator*>[]>(file_schema_->columns().size())) {
  for (const Column& column : file_schema_->columns()) {
    const auto stats = meta_.columns.find(column.id);
    stats_.push_back(stats == meta_.columns.end() ? nullptr : &stats->second);
  }
}

Segment::~Segment() {
  for (std::size_t i = 0; i < file_schema_->columns().size(); ++i)
    delete estimators_[i].load(std::memory_order_relaxed);
}

std::shared_ptr<const Segment> Segment::With(SegmentMeta meta) const {
  auto next = std::make_shared<Segment>(files_, directory_, std::move(meta), file_schema_,
                                        deletions_, replaced_);
  next->holders_ = holders_;
  return next;
}

std::shared_ptr<const Segment> Segment::WithDeletions(DeletionsPtr deletions) const {
  return WithDeletions(std::move(deletions), replaced_);
}

std::shared_ptr<const Segment> Segment::WithDeletions(
    DeletionsPtr deletions, std::shared_ptr<ReplacedRows> replaced) const {
  auto next = std::make_shared<Segment>(files_, directory_, meta_, file_schema_,
                                        std::move(deletions), std::move(replaced));
  next->holders_ = holders_;
  return next;
}

RowSetPtr Segment::DeletedAt(std::uint64_t sequence) const {
  RowSetPtr deleted = deletions_ == nullptr ? nullptr : deletions_->At(sequence);
  return replaced_ == nullptr ? deleted : replaced_->With(deleted, sequence);
}

std::uint64_t Segment::DeletionMark(std::uint64_t sequence) const {
  const std::uint64_t deleted = deletions_ == nullptr ? 0 : deletions_->LastUpTo(sequence);
  return replaced_ == nullptr ? deleted : std::max(deleted, replaced_->LastUpTo(sequence));
}

Result<std::shared_ptr<const SegmentReader>> Segment::Reader() const {
  return files_.readers.Get(meta_.id, [this] {
    return SegmentReader::Open(files_.files, directory_, meta_, file_schema_);
  });
}

Result<std::shared_ptr<arrow::RecordBatch>> Segment::Read(int row_group,
                                                          std::span<const ColumnId> columns,
                                                          const Schema& schema, ReadCounts& counts,
                                                          const SegmentReader::GoOn& go_on) const {
  const auto key_of = [&](ColumnId column) {
    return ColumnCache::Key{meta_.id, row_group, column, schema.version()};
  };
  arrow::ArrayVector arrays(columns.size());
  std::vector<ColumnId> missing;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    arrays[i] = files_.columns.Find(key_of(columns[i]));
    if (arrays[i] == nullptr) missing.push_back(columns[i]);
  }
  counts.columns_cached += columns.size() - missing.size();
  counts.columns_decoded += missing.size();
  std::int64_t rows = -1;
  if (!missing.empty() || columns.empty()) {
    GRANARY_ASSIGN(const auto reader, Reader());
    GRANARY_ASSIGN(const auto batch, reader->Read(row_group, missing, schema, &counts.bytes_read,
                                                  go_on, TextForm::kCoded));
    rows = batch->num_rows();
    for (std::size_t i = 0, next = 0; i < columns.size(); ++i) {
      if (arrays[i] != nullptr) continue;
      arrays[i] = batch->column(static_cast<int>(next++));
      files_.columns.Insert(key_of(columns[i]), arrays[i]);
    }
  }
  if (!arrays.empty()) rows = arrays.front()->length();
  return UnnamedBatch(rows, std::move(arrays));
}

arrow::ArrayVector Segment::ReadCached(int row_group, std::span<const ColumnId> columns,
                                       const Schema& schema) const {
  arrow::ArrayVector arrays;
  arrays.reserve(columns.size());
  for (const ColumnId column : columns) {
    arrays.push_back(files_.columns.Find({meta_.id, row_group, column, schema.version()}));
    if (arrays.back() == nullptr) return {};
  }
  return arrays;
}

std::shared_ptr<const SegmentReader> Segment::OpenReader() const {
  return files_.readers.Peek(meta_.id);
}

void Segment::TellOfPages(const SegmentReader& reader) const {
  const Status failure = reader.page_index_failure();
  if (failure.ok() || !files_.distrusted_pages.Add(meta_.id)) return;
  files_.log.Warn("page index not used, everything is read",
                  {{"segment", meta_.id.value}, {"reason", failure.message()}});
}

void Segment::LoadPages(const SegmentReader& reader, std::span<const ColumnId> columns,
                        std::uint64_t& bytes_read) const {
  reader.LoadPages(columns, &bytes_read);
  TellOfPages(reader);
}

// What some pages hold is kept under their rows: who asks for the same range of a sorted column
// again wants the same pages.
Result<std::shared_ptr<arrow::RecordBatch>> Segment::ReadRows(
    int row_group, const RowSpans& spans, std::span<const ColumnId> columns, const Schema& schema,
    ReadCounts& counts, const SegmentReader::GoOn& go_on) const {
  const auto key_of = [&](ColumnId column) {
    return ColumnCache::Key{meta_.id, row_group, column, schema.version()};
  };
  const auto part_of = [&](ColumnId column) {
    ColumnCache::Key key = key_of(column);
    key.first_row = spans.front().begin;
    key.rows = spans.front().rows();
    return key;
  };
  arrow::ArrayVector arrays(columns.size());
  std::vector<ColumnId> missing;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (const auto whole = files_.columns.Find(key_of(columns[i]))) {
      GRANARY_ASSIGN(arrays[i], SliceRows(whole, spans));
    } else if (spans.size() == 1) {
      arrays[i] = files_.columns.Find(part_of(columns[i]));
    }
    if (arrays[i] == nullptr) missing.push_back(columns[i]);
  }
  counts.columns_cached += columns.size() - missing.size();
  counts.columns_decoded += missing.size();
  if (!missing.empty()) {
    GRANARY_ASSIGN(const auto reader, Reader());
    GRANARY_ASSIGN(const auto batch, reader->ReadRows(row_group, spans, missing, schema,
                                                      &counts.bytes_read, go_on, TextForm::kCoded));
    TellOfPages(*reader);
    for (std::size_t i = 0, next = 0; i < columns.size(); ++i) {
      if (arrays[i] != nullptr) continue;
      arrays[i] = batch->column(static_cast<int>(next++));
      if (spans.size() == 1) files_.columns.Insert(part_of(columns[i]), arrays[i]);
    }
  }
  return UnnamedBatch(CountRows(spans), std::move(arrays));
}

bool Segment::IsCached(std::span<const ColumnId> columns, const Schema& schema) const {
  return std::all_of(columns.begin(), columns.end(), [&](ColumnId column) {
    return files_.columns.Contains({meta_.id, 0, column, schema.version()});
  });
}

const ColumnEstimator* Segment::Estimator(ColumnId column) const {
  const int at = file_schema_->IndexOfId(column);
  return at < 0 ? nullptr : EstimatorAt(static_cast<std::size_t>(at));
}

const ColumnEstimator* Segment::EstimatorAt(std::size_t place) const {
  std::atomic<const ColumnEstimator*>& slot = estimators_[place];
  if (const ColumnEstimator* made = slot.load(std::memory_order_acquire)) return made;
  if (stats_[place] == nullptr) return nullptr;
  auto mine = std::make_unique<const ColumnEstimator>(*stats_[place]);
  const ColumnEstimator* first = nullptr;  // Who comes second takes the first one's.
  if (slot.compare_exchange_strong(first, mine.get(), std::memory_order_acq_rel))
    return mine.release();
  return first;
}

Result<std::shared_ptr<arrow::Array>> Segment::ReadPath(int row_group, ColumnId column,
                                                        std::span<const std::string> path,
                                                        const Schema& schema, ReadCounts& counts,
                                                        const SegmentReader::GoOn& go_on) const {
  GRANARY_ASSIGN(const auto reader, Reader());
  const json::ShredLayout* layout = reader->Layout(column, schema);
  const json::ShreddedPath* own = layout == nullptr ? nullptr : layout->Find(path);
  if (own == nullptr) {
    GRANARY_ASSIGN(auto read,
                   reader->ReadPath(row_group, column, path, schema, &counts.bytes_read, go_on));
    if (read != nullptr) ++counts.columns_decoded;
    return read;
  }
  // A lane's field is one path's alone.
  const ColumnCache::Key key{meta_.id, row_group, own->lanes.front().field_id, schema.version()};
  if (auto cached = files_.columns.Find(key)) {
    ++counts.columns_cached;
    return cached;
  }
  GRANARY_ASSIGN(auto read,
                 reader->ReadPath(row_group, column, path, schema, &counts.bytes_read, go_on));
  if (read == nullptr) return read;
  ++counts.columns_decoded;
  files_.columns.Insert(key, read);
  return read;
}

std::shared_ptr<const IndexReader> Segment::Index(const IndexKey& key) const {
  const auto found = std::find_if(meta_.indexes.begin(), meta_.indexes.end(),
                                  [&](const IndexMeta& index) { return index.key == key; });
  if (found == meta_.indexes.end() || files_.damaged.Contains({meta_.id, key})) return nullptr;
  auto reader = files_.indexes.Get({meta_.id, key}, [&] {
    return IndexReader::Open(files_.files, directory_, meta_.path, *found, meta_.id, files_.blocks);
  });
  if (reader.ok()) return reader.Take();
  ReportDamage(key);
  return nullptr;
}

void Segment::ReportDamage(const IndexKey& key) const {
  files_.damaged.Add({meta_.id, key});
  files_.indexes.Forget({meta_.id, key});
}

}  // namespace granary::storage
