#include "granary/query/exec/row_run.h"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/compute/api_vector.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/options.h>
#include <arrow/ipc/reader.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

namespace granary::query {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHeadBytes = 2 * sizeof(std::uint32_t);

Status PageStatus(const arrow::Status& status) {
  return status.ok() ? Status::Ok() : Status::Internal("a page of rows: " + status.ToString());
}

Status Damaged() { return Status::Corruption("a page of a query's temporary file is cut short"); }

}  // namespace

Result<std::shared_ptr<arrow::RecordBatch>> WithoutDictionaries(
    std::shared_ptr<arrow::RecordBatch> batch) {
  for (int i = 0; i < batch->num_columns(); ++i) {
    if (batch->column(i)->type_id() != arrow::Type::DICTIONARY) continue;
    const auto& coded = static_cast<const arrow::DictionaryArray&>(*batch->column(i));
    auto plain = arrow::compute::Take(*coded.dictionary(), *coded.indices(),
                                      arrow::compute::TakeOptions::NoBoundsCheck());
    if (!plain.ok()) return PageStatus(plain.status());
    auto changed = batch->SetColumn(i, batch->schema()->field(i)->WithType((*plain)->type()),
                                    plain.MoveValueUnsafe());
    if (!changed.ok()) return PageStatus(changed.status());
    batch = changed.MoveValueUnsafe();
  }
  return batch;
}

Status AppendPage(runtime::SpillFile& file, std::size_t source, const arrow::RecordBatch& batch,
                  const std::vector<RankedRow>& rows, std::size_t first, RowRun& run) {
  const auto count = static_cast<std::size_t>(batch.num_rows());
  std::string page;
  PutFixed(page, static_cast<std::uint32_t>(count));
  PutFixed(page, std::uint32_t{0});
  for (std::size_t i = first; i < first + count; ++i) {
    PutFixed(page, rows[i].morsel);
    PutFixed(page, rows[i].row);
    PutString(page, rows[i].key);
  }
  page.resize((page.size() + kAlignment - 1) / kAlignment * kAlignment, '\0');
  const auto head_bytes = static_cast<std::uint32_t>(page.size() - kHeadBytes);
  page.replace(sizeof(std::uint32_t), sizeof head_bytes, reinterpret_cast<const char*>(&head_bytes),
               sizeof head_bytes);
  const auto body =
      arrow::ipc::SerializeRecordBatch(batch, arrow::ipc::IpcWriteOptions::Defaults());
  if (!body.ok()) return PageStatus(body.status());
  page.append(reinterpret_cast<const char*>((*body)->data()),
              static_cast<std::size_t>((*body)->size()));
  GRANARY_ASSIGN(const runtime::SpillExtent extent, file.Append(page));
  run.pages.push_back({extent, source});
  return Status::Ok();
}

Status RowRunReader::Load() {
  const RowRunPage& page = run_.pages[next_page_++];
  std::string bytes;
  GRANARY_TRY(file_.Read(page.extent, bytes));
  page_ = arrow::Buffer::FromString(std::move(bytes));
  const std::string_view all(reinterpret_cast<const char*>(page_->data()),
                             static_cast<std::size_t>(page_->size()));
  ByteReader in(all);
  const auto rows = in.Fixed<std::uint32_t>();
  const auto head_bytes = in.Fixed<std::uint32_t>();
  head_ = ByteReader(in.Take(head_bytes));
  if (!in.ok()) return Damaged();
  arrow::io::BufferReader body(arrow::SliceBuffer(page_, kHeadBytes + head_bytes));
  arrow::ipc::IpcReadOptions options;
  options.ensure_alignment = arrow::ipc::Alignment::kDataTypeSpecificAlignment;
  auto batch = arrow::ipc::ReadRecordBatch(schemas_[page.source], nullptr, options, &body);
  if (!batch.ok()) return PageStatus(batch.status());
  batch_ = batch.MoveValueUnsafe();
  at_ = -1;
  return batch_->num_rows() == rows ? Status::Ok() : Damaged();
}

Result<bool> RowRunReader::Next() {
  if (batch_ == nullptr || at_ + 1 == batch_->num_rows()) {
    if (next_page_ == run_.pages.size()) {
      batch_.reset();
      page_.reset();
      return false;
    }
    GRANARY_TRY(Load());
  }
  ++at_;
  morsel_ = head_.Fixed<std::uint32_t>();
  row_ = head_.Fixed<std::int32_t>();
  key_ = head_.String();
  if (!head_.ok()) return Damaged();
  return true;
}

}  // namespace granary::query
