// Tenant::WriteStream: bodies of any length.
#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include "granary/base/hash.h"
#include "granary/formats/spool_file.h"
#include "granary/storage/manifest/findings.h"
#include "granary/tenant/body_memory.h"
#include "granary/tenant/key_nulls.h"
#include "granary/tenant/parser_mode.h"
#include "granary/tenant/repeated_answer.h"
#include "granary/tenant/tenant.h"
#include "granary/tenant/widened_records.h"

namespace granary {
namespace {

using ChunkPtr = std::unique_ptr<formats::TableChunk>;

constexpr std::size_t kDrainBytes = 64u << 10;
/// A chunk has a part of the memory limit at most, three times of which is held while it is written:
/// so it finds room beside the program also where there is as little as may be.
constexpr std::uint64_t kLimitPartsOfAChunk = 32;
constexpr std::uint64_t kChunkBytesMin = 1u << 20;

/// The bytes of a body on their way to its reader, counted, and hashed when a key asks for it.
class BodyBytes {
 public:
  BodyBytes(const formats::ByteSource& source, bool hashes, std::uint64_t seed) : source_(source) {
    if (hashes) hasher_.emplace(seed);
  }

  Result<std::size_t> Read(std::span<char> out) {
    GRANARY_ASSIGN(const std::size_t got, source_(out));
    bytes_ += got;
    ended_ = ended_ || got == 0;
    if (hasher_) hasher_->Add({out.data(), got});
    return got;
  }
  /// What no reader asked for counts, too.
  Status Drain() {
    std::array<char, kDrainBytes> waste;
    for (;;) {
      GRANARY_ASSIGN(const std::size_t got, Read(waste));
      if (got == 0) return Status::Ok();
    }
  }
  /// It ended, and nothing came before. A body that could not be read is not empty.
  bool is_empty() const { return ended_ && bytes_ == 0; }
  Digest128 digest() const { return hasher_->Get(); }

 private:
  const formats::ByteSource& source_;
  std::uint64_t bytes_ = 0;
  bool ended_ = false;
  std::optional<Hasher128> hasher_;
};

/// One body on its way into one source.
class BodyWrite {
 public:
  BodyWrite(storage::Source& source, const StreamWrite& request, json::SchemaMode mode,
            formats::TableReader& reader, BodyBytes& bytes, std::optional<storage::KeyTurn>& turn)
      : source_(source),
        request_(request),
        mode_(mode),
        reader_(reader),
        bytes_(bytes),
        turn_(turn),
        answer_{.source = request.source, .written = 0, .outcome = {}} {
    if (request.skips_wrong) answer_.rejected.emplace();
    answer_.outcome.schema_version = source.schema()->version();
  }

  Result<WriteAnswer> Run() {
    Result<ChunkPtr> read = reader_.Next();
    if (bytes_.is_empty()) return Status(Code::kInvalidRequest, "the body is empty");
    GRANARY_TRY(read.status());
    ChunkPtr chunk = read.Take();
    ChunkPtr next;
    Status end;
    if (chunk != nullptr) {
      read = reader_.Next();
      end = read.status();
      if (end.ok()) next = read.Take();
      if (!end.ok() && request_.atomic) return end;
    }
    if (chunk == nullptr) {
      GRANARY_TRY(WriteNothing());
    } else if (next == nullptr && end.ok()) {
      GRANARY_TRY(EndBody());
      GRANARY_TRY(WriteLogged(*chunk));
    } else if (request_.atomic) {
      GRANARY_TRY(WriteBulk(std::move(chunk), std::move(next)));
    } else {
      GRANARY_TRY(WriteChunks(std::move(chunk), std::move(next), std::move(end)));
    }
    return std::move(answer_);
  }

 private:
  json::RejectedRecords* Rejected(json::RejectedRecords& found) const {
    return request_.skips_wrong ? &found : nullptr;
  }

  Status CheckKeys(const storage::SourceDefinition& definition, json::ParsedRecords& parsed,
                   json::RejectedRecords* rejected) const {
    return TakeOutNullKeys(
        definition.primary_key, first_record_,
        [](std::int64_t record, const std::string& column) {
          return fmt::format("/{}/{}", record, storage::PointerStep(column));
        },
        parsed, rejected);
  }

  /// The whole body was read: its key can say what it was.
  Status EndBody() {
    if (!turn_) return Status::Ok();
    GRANARY_TRY(bytes_.Drain());
    turn_->set_body(bytes_.digest());
    return Status::Ok();
  }

  void Count(const storage::WriteOutcome& outcome, std::uint64_t rows) {
    if (answer_.written == 0) answer_.outcome.first_sequence = outcome.first_sequence;
    answer_.outcome.last_sequence = outcome.last_sequence;
    answer_.outcome.schema_version = outcome.schema_version;
    answer_.outcome.durable = outcome.durable;
    answer_.written += rows;
  }

  /// A key is remembered for it. What the body names counts though it has no records.
  Status WriteNothing() {
    GRANARY_TRY(EndBody());
    if (mode_ == json::SchemaMode::kStrict) GRANARY_TRY(reader_.CheckColumns(*source_.schema()));
    if (!turn_) return Status::Ok();
    turn_->set_note(Rejections::ToNote(answer_.rejected));
    const SchemaPtr schema = source_.schema();
    auto empty = arrow::RecordBatch::MakeEmpty(schema->ToArrow());
    if (!empty.ok()) return Status::Internal(empty.status().ToString());
    GRANARY_ASSIGN(const auto outcome,
                   source_.Write(schema, empty.MoveValueUnsafe(), &*turn_, request_.cancel));
    Count(outcome, 0);
    return Status::Ok();
  }

  /// Through the log, like any other write.
  Status WriteLogged(formats::TableChunk& chunk) {
    for (int attempt = 1;; ++attempt) {
      json::RejectedRecords found;
      const storage::SourceShape shape = source_.shape();
      const json::SchemaMode mode = ParserMode(shape.definition->schema_mode);
      GRANARY_ASSIGN(auto parsed, chunk.Parse(shape.schema, mode, Rejected(found)));
      GRANARY_TRY(CheckKeys(*shape.definition, parsed, Rejected(found)));
      std::optional<Rejections> rejected = answer_.rejected;
      if (rejected) rejected->Add(std::move(found));
      if (turn_) turn_->set_note(Rejections::ToNote(rejected));
      const auto rows = static_cast<std::uint64_t>(parsed.batch->num_rows());
      const auto outcome = source_.Write(parsed.schema, std::move(parsed.batch),
                                         turn_ ? &*turn_ : nullptr, request_.cancel);
      if (outcome.ok()) {
        Count(*outcome, rows);
        answer_.rejected = std::move(rejected);
        first_record_ += static_cast<std::int64_t>(chunk.rows());
        return Status::Ok();
      }
      if (outcome.status().code() != Code::kConflict || attempt == kEvolveAttemptsMax)
        return AtRecord(outcome.status(), parsed.widened);
    }
  }

  /// Each a transaction. What was read whole before a failure counts.
  /// `end`: why there is no next chunk.
  Status WriteChunks(ChunkPtr chunk, ChunkPtr next, Status end) {
    while (chunk != nullptr) {
      Status status = request_.cancel.Check();
      if (status.ok()) status = WriteLogged(*chunk);
      if (status.ok()) status = end;
      if (!status.ok())
        return status.At(fmt::format("{} records before are written", answer_.written));
      chunk = std::move(next);
      if (chunk == nullptr) break;
      Result<ChunkPtr> read = reader_.Next();
      end = read.status();
      next = read.ok() ? read.Take() : nullptr;
    }
    return Status::Ok();
  }

  /// All of it around the log.
  Status WriteBulk(ChunkPtr chunk, ChunkPtr next) {
    GRANARY_ASSIGN(const auto bulk, source_.StartBulk(request_.cancel));
    std::vector<json::WidenedColumn> widened;
    std::uint64_t written = 0;
    while (chunk != nullptr) {
      GRANARY_TRY(request_.cancel.Check());
      json::RejectedRecords found;
      GRANARY_ASSIGN(auto parsed, chunk->Parse(bulk->schema(), mode_, Rejected(found)));
      GRANARY_TRY(CheckKeys(*source_.definition(), parsed, Rejected(found)));
      first_record_ += static_cast<std::int64_t>(chunk->rows());
      GRANARY_TRY(bulk->Append(parsed.schema, parsed.batch));
      written += static_cast<std::uint64_t>(parsed.batch->num_rows());
      if (answer_.rejected) answer_.rejected->Add(std::move(found));
      std::ranges::move(parsed.widened, std::back_inserter(widened));
      chunk = std::move(next);
      if (chunk != nullptr) {
        GRANARY_ASSIGN(next, reader_.Next());
      }
    }
    GRANARY_TRY(EndBody());
    if (turn_) turn_->set_note(Rejections::ToNote(answer_.rejected));
    const auto outcome = bulk->Commit(turn_ ? &*turn_ : nullptr);
    if (!outcome.ok()) return AtRecord(outcome.status(), widened);
    Count(*outcome, written);
    return Status::Ok();
  }

  storage::Source& source_;
  const StreamWrite& request_;
  const json::SchemaMode mode_;
  formats::TableReader& reader_;
  BodyBytes& bytes_;
  std::optional<storage::KeyTurn>& turn_;
  WriteAnswer answer_;
  std::int64_t first_record_ = 0;  // Of the chunk that is next, in the body.
};

}  // namespace

/// A reader and, for a format whose end says where everything is, the file that it reads. The
/// reader goes first.
struct Tenant::OpenBody {
  std::unique_ptr<formats::SpoolFile> spool;
  std::unique_ptr<formats::TableReader> reader;
};

std::size_t Tenant::BodyChunkBytes() const {
  const std::uint64_t part = memory_->all.reach() / kLimitPartsOfAChunk;
  return std::min<std::uint64_t>(options_.bodies.chunk_bytes,
                                 std::max<std::uint64_t>(part, kChunkBytesMin));
}

Result<Tenant::OpenBody> Tenant::OpenReader(formats::TableFormat format,
                                            const formats::ByteSource& bytes,
                                            std::shared_ptr<formats::DecodeRoom> room,
                                            std::size_t columns_known) {
  const formats::ReadLimits limits{
      .chunk_rows = options_.bodies.chunk_rows,
      .chunk_bytes = BodyChunkBytes(),
      .line_bytes_max = options_.bodies.chunk_bytes,
      // One set of a bulk is written while the next one comes in, and holds on to its batches.
      .decode_bytes_max = 2 * (options_.bodies.decode_bytes_max +
                               static_cast<std::int64_t>(options_.store.flush_bytes)),
      .decode_room = std::move(room),
      .records_per_byte_max = options_.bodies.records_per_byte_max,
      .columns_max = options_.records.columns_max,
      .depth_max = options_.records.depth_max,
      .columns_known = columns_known};
  OpenBody body;
  if (format != formats::TableFormat::kParquet) {
    GRANARY_ASSIGN(body.reader, formats::MakeTableReader(format, bytes, limits));
    return body;
  }
  const std::string path = io::JoinPath(
      store_->spool_folder(), fmt::format("{:012}.parquet", spool_files_.fetch_add(1) + 1));
  GRANARY_ASSIGN(body.spool, formats::SpoolFile::Fill(deps_.files, path, bytes,
                                                      options_.bodies.spool_bytes_max));
  if (body.spool->file()->size() == 0) return Status(Code::kInvalidRequest, "the body is empty");
  GRANARY_ASSIGN(body.reader, formats::MakeParquetReader(body.spool->file(), limits));
  return body;
}

Result<WriteAnswer> Tenant::WriteStream(const StreamWrite& request) {
  GRANARY_ASSIGN(const auto source, store_->Find(request.source));
  const json::SchemaMode mode = ParserMode(source->definition()->schema_mode);
  BodyBytes bytes(request.bytes, request.key.has_value(), request.key_seed);
  std::optional<storage::KeyTurn> turn;
  if (request.key) {
    if (!request.atomic) {
      return Status(Code::kInvalidArgument,
                    "an Idempotency-Key promises that all of a body is written once, or none of "
                    "it, and atomic=false lets a part of it stay: leave atomic=false away (a body "
                    "of any length is one transaction), or send parts with a key each");
    }
    GRANARY_ASSIGN(storage::KeyTurn taken,
                   source->TakeKey({*request.key, std::nullopt}, request.cancel));
    if (const auto& first = taken.first()) {
      GRANARY_TRY(bytes.Drain());
      if (bytes.digest() != first->body) return storage::KeyWasReused(*request.key);
      return RepeatedAnswer(request.source, *first);
    }
    turn.emplace(std::move(taken));
  }
  const auto memory = std::make_shared<BodyMemory>(memory_->writes, options_.memory.wait_max,
                                                   request.cancel, BodyChunkBytes());
  const formats::ByteSource read = [&](std::span<char> out) -> Result<std::size_t> {
    GRANARY_ASSIGN(const std::size_t got, bytes.Read(out));
    GRANARY_TRY(memory->TextCame(got));
    return got;
  };
  GRANARY_ASSIGN(const OpenBody body,
                 OpenReader(request.format, read, memory, source->schema()->columns().size()));
  return BodyWrite(*source, request, mode, *body.reader, bytes, turn).Run();
}

}  // namespace granary
