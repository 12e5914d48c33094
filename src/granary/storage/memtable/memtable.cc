#include "granary/storage/memtable/memtable.h"

#include <mutex>
#include <new>
#include <utility>

#include <arrow/record_batch.h>
#include <arrow/util/byte_size.h>

#include "granary/storage/memtable/chunk.h"

namespace granary::storage {
namespace {

/// A chunk and the last view that was built of it.
struct Slot {
  std::unique_ptr<Chunk> chunk;
  HotChunk view;
  std::int64_t view_rows = 0;
};

}  // namespace

struct Memtable::State {
  Status Write(const SchemaPtr& schema, const arrow::RecordBatch& batch,
               std::uint64_t first_sequence);
  Status WritePieces(const SchemaPtr& schema, const arrow::RecordBatch& batch,
                     std::uint64_t first_sequence);
  void Publish(std::int64_t rows, std::uint64_t last_sequence);
  Chunk* OpenChunk() { return chunks.empty() ? nullptr : chunks.back()->chunk.get(); }

  // The writer's.
  std::vector<std::unique_ptr<Chunk>> fresh;  // Made by this Append, not visible yet.
  std::uint64_t sealed_bytes = 0;             // Of all chunks but the last.

  mutable std::mutex mutex;
  std::vector<std::shared_ptr<Slot>> chunks;  // All but the last are sealed.
  std::shared_ptr<const std::vector<HotChunk>>
      view;  // Of all chunks; null once something was appended.
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::uint64_t last_sequence = 0;
};

Memtable::Memtable() : state_(std::make_unique<State>()) {}
Memtable::~Memtable() = default;

Status Memtable::Append(const SchemaPtr& schema, const arrow::RecordBatch& batch,
                        std::uint64_t first_sequence) {
  if (batch.num_rows() == 0) return Status::Ok();
  try {
    return state_->Write(schema, batch, first_sequence);
  } catch (const std::bad_alloc&) {
    state_->fresh.clear();
    if (Chunk* open = state_->OpenChunk()) open->Rollback();
    return Status::Internal("hot tier: out of memory");
  }
}

// Everything is written where no reader looks, then shown in one step.
Status Memtable::State::Write(const SchemaPtr& schema, const arrow::RecordBatch& batch,
                              std::uint64_t first_sequence) {
  const Status written = WritePieces(schema, batch, first_sequence);
  if (!written.ok()) {
    fresh.clear();
    if (Chunk* open = OpenChunk()) open->Rollback();
    return written;
  }
  Publish(batch.num_rows(), first_sequence + static_cast<std::uint64_t>(batch.num_rows()) - 1);
  return Status::Ok();
}

Status Memtable::State::WritePieces(const SchemaPtr& schema, const arrow::RecordBatch& batch,
                                    std::uint64_t first_sequence) {
  Chunk* chunk = OpenChunk();
  if (chunk != nullptr && !chunk->TakesSchema(schema)) chunk = nullptr;
  if (chunk != nullptr) GRANARY_TRY(chunk->CheckColumns(batch));
  for (std::int64_t done = 0; done < batch.num_rows();) {
    const std::int64_t piece = chunk == nullptr ? 0 : chunk->RowsThatFit(batch, done);
    if (piece == 0) {
      GRANARY_ASSIGN(auto made, Chunk::Make(schema));
      GRANARY_TRY(made->CheckColumns(batch));
      chunk = made.get();
      fresh.push_back(std::move(made));
      continue;
    }
    GRANARY_TRY(
        chunk->Append(batch, done, piece, first_sequence + static_cast<std::uint64_t>(done)));
    done += piece;
  }
  return Status::Ok();
}

void Memtable::State::Publish(std::int64_t new_rows, std::uint64_t new_last_sequence) {
  // What allocates or takes long comes before the lock, what can fail before the first change.
  std::vector<std::shared_ptr<Slot>> slots;
  slots.reserve(fresh.size());
  std::uint64_t sealed = sealed_bytes;
  std::uint64_t open = OpenChunk() == nullptr ? 0 : OpenChunk()->bytes();
  for (auto& made : fresh) {
    sealed += open;
    open = made->bytes();
    slots.push_back(std::make_shared<Slot>());
    slots.back()->chunk = std::move(made);
  }
  fresh.clear();

  std::shared_ptr<const std::vector<HotChunk>> old_view;  // Freed after the lock.
  const std::lock_guard lock(mutex);
  chunks.reserve(chunks.size() + slots.size());
  if (!chunks.empty()) chunks.back()->chunk->Publish();
  for (auto& slot : slots) {
    slot->chunk->Publish();
    chunks.push_back(std::move(slot));
  }
  old_view.swap(view);
  sealed_bytes = sealed;
  rows += static_cast<std::uint64_t>(new_rows);
  bytes = sealed + open;
  last_sequence = new_last_sequence;
}

// Snapshots under the lock, arrays outside it; whoever comes first with a view leaves it for the
// others.
std::vector<HotChunk> Memtable::View() const {
  std::shared_ptr<const std::vector<HotChunk>> shared;
  std::vector<HotChunk> views;
  std::vector<std::pair<std::shared_ptr<Slot>, ChunkSnapshot>> to_build;
  std::uint64_t rows_then = 0;
  {
    const std::lock_guard lock(state_->mutex);
    shared = state_->view;
    rows_then = state_->rows;
    if (!shared) {
      views.reserve(state_->chunks.size());
      for (const auto& slot : state_->chunks) {
        const bool current = slot->view_rows == slot->chunk->published_rows();
        views.push_back(current ? slot->view : HotChunk{});
        if (!current) to_build.emplace_back(slot, slot->chunk->Snapshot());
      }
    }
  }
  if (shared) return *shared;

  auto built = to_build.begin();
  for (HotChunk& view : views) {
    if (view.batch == nullptr) view = (built++)->second.Build();
  }
  shared = std::make_shared<const std::vector<HotChunk>>(views);

  std::vector<HotChunk> replaced;  // Freed after the lock.
  replaced.reserve(to_build.size());
  const std::lock_guard lock(state_->mutex);
  for (std::size_t i = 0, next = 0; i < views.size() && next < to_build.size(); ++i) {
    auto& [slot, snapshot] = to_build[next];
    if (state_->chunks[i] != slot) continue;
    ++next;
    if (slot->view_rows >= snapshot.rows) continue;
    replaced.push_back(std::exchange(slot->view, views[i]));
    slot->view_rows = snapshot.rows;
  }
  if (state_->rows == rows_then) state_->view = shared;
  return views;
}

std::uint64_t Memtable::rows() const {
  const std::lock_guard lock(state_->mutex);
  return state_->rows;
}

namespace {

// Bits for nulls among the elements of lists, which are counted also where there are none.
std::uint64_t ElementBits(const arrow::ArrayData& column, std::uint64_t begin_bytes) {
  std::uint64_t bytes = 0;
  for (const auto& child : column.child_data) {
    bytes += static_cast<std::uint64_t>(child->length) / 8 + begin_bytes +
             ElementBits(*child, begin_bytes);
  }
  return bytes;
}

}  // namespace

std::uint64_t GrowthMax(const arrow::RecordBatch& batch) {
  // Beside the batch's own buffers: sequences; nulls' bits, which a batch without nulls lacks; and
  // where a chunk begins, an offset of each column and the rounding of its bits.
  constexpr std::uint64_t kBeginBytes = 8;
  const auto rows = static_cast<std::uint64_t>(batch.num_rows());
  const auto columns = static_cast<std::uint64_t>(batch.num_columns());
  const std::uint64_t chunks = rows / kChunkRows + 3;
  std::uint64_t elements = 0;
  for (const auto& column : batch.column_data())
    elements += ElementBits(*column, chunks * kBeginBytes);
  return static_cast<std::uint64_t>(arrow::util::TotalBufferSize(batch)) + 8 * rows +
         columns * (rows / 8 + chunks * kBeginBytes) + elements;
}

std::uint64_t Memtable::bytes() const {
  const std::lock_guard lock(state_->mutex);
  return state_->bytes;
}

std::uint64_t Memtable::last_sequence() const {
  const std::lock_guard lock(state_->mutex);
  return state_->last_sequence;
}

}  // namespace granary::storage
