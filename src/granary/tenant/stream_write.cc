// Tenant::WriteStream: bodies of any length.
#include <utility>

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include "granary/formats/spool_file.h"
#include "granary/tenant/parser_mode.h"
#include "granary/tenant/tenant.h"

namespace granary {
namespace {

using ChunkPtr = std::unique_ptr<formats::TableChunk>;

constexpr int kEvolveAttemptsMax = 128;

/// Counts what came, and says so when nothing did.
formats::ByteSource Counted(formats::ByteSource source, std::shared_ptr<std::uint64_t> bytes) {
  return [source = std::move(source), bytes = std::move(bytes)](std::span<char> out) {
    Result<std::size_t> got = source(out);
    if (got.ok()) *bytes += *got;
    return got;
  };
}

void Count(const storage::WriteOutcome& outcome, std::uint64_t rows, WriteAnswer& answer) {
  if (answer.written == 0) answer.outcome.first_sequence = outcome.first_sequence;
  answer.outcome.last_sequence = outcome.last_sequence;
  answer.outcome.schema_version = outcome.schema_version;
  answer.outcome.durable = outcome.durable;
  answer.written += rows;
}

/// Through the log, like any other write.
Status WriteChunk(storage::Source& source, formats::TableChunk& chunk, json::SchemaMode mode,
                  WriteAnswer& answer) {
  for (int attempt = 1;; ++attempt) {
    json::RejectedRecords found;
    GRANARY_ASSIGN(auto parsed,
                   chunk.Parse(source.schema(), mode, answer.rejected ? &found : nullptr));
    const auto rows = static_cast<std::uint64_t>(parsed.batch->num_rows());
    const auto outcome = source.Write(parsed.schema, std::move(parsed.batch));
    if (outcome.ok()) {
      Count(*outcome, rows, answer);
      if (answer.rejected) answer.rejected->Add(std::move(found));
      return Status::Ok();
    }
    if (outcome.status().code() != Code::kConflict || attempt == kEvolveAttemptsMax)
      return outcome.status();
  }
}

}  // namespace

void Rejections::Add(json::RejectedRecords found) {
  total += found.size();
  for (auto& [index, detail] : found) {
    if (shown.size() >= kShownMax) break;
    shown.emplace(index, std::move(detail));
  }
}

/// A body on its way in. The reader goes before its file.
struct Tenant::OpenBody {
  std::shared_ptr<std::uint64_t> bytes = std::make_shared<std::uint64_t>(0);
  std::unique_ptr<formats::SpoolFile> spool;
  std::unique_ptr<formats::TableReader> reader;
};

Result<Tenant::OpenBody> Tenant::OpenReader(const StreamWrite& request) {
  const formats::ReadLimits limits{
      .chunk_rows = options_.bodies.chunk_rows,
      .chunk_bytes = options_.bodies.chunk_bytes,
      .decode_bytes_max =
          options_.bodies.decode_bytes_max + static_cast<std::int64_t>(options_.store.flush_bytes),
      .columns_max = options_.records.columns_max,
      .depth_max = options_.records.depth_max};
  OpenBody body;
  const formats::ByteSource bytes = Counted(request.bytes, body.bytes);
  if (request.format != formats::TableFormat::kParquet) {
    GRANARY_ASSIGN(body.reader, formats::MakeTableReader(request.format, bytes, limits));
    return body;
  }
  const std::string path = io::JoinPath(
      store_->spool_folder(), fmt::format("{:012}.parquet", spool_files_.fetch_add(1) + 1));
  GRANARY_ASSIGN(body.spool, formats::SpoolFile::Fill(deps_.files, path, bytes,
                                                      options_.bodies.spool_bytes_max));
  if (*body.bytes == 0) return body;
  GRANARY_ASSIGN(body.reader, formats::MakeParquetReader(body.spool->file(), limits));
  return body;
}

Result<WriteAnswer> Tenant::WriteStream(const StreamWrite& request) {
  GRANARY_ASSIGN(const auto source, store_->Find(request.source));
  GRANARY_ASSIGN(const auto mode, ParserMode(source->definition().schema_mode));
  const Status nothing = {Code::kInvalidRequest, "the body is empty"};
  GRANARY_ASSIGN(const OpenBody body, OpenReader(request));
  if (body.reader == nullptr) return nothing;
  Result<ChunkPtr> read = body.reader->Next();
  if (*body.bytes == 0) return nothing;
  GRANARY_TRY(read.status());
  ChunkPtr chunk = read.Take();

  WriteAnswer answer{request.source, 0, {}, std::nullopt};
  if (request.skips_wrong) answer.rejected.emplace();
  answer.outcome.schema_version = source->schema()->version();
  if (chunk == nullptr) return answer;
  GRANARY_ASSIGN(ChunkPtr next, body.reader->Next());
  if (next == nullptr) {
    GRANARY_TRY(WriteChunk(*source, *chunk, mode, answer));
    return answer;
  }
  if (!request.atomic) {
    const auto part = [&](const Status& status) {
      return status.At(fmt::format("{} records before are written", answer.written));
    };
    while (chunk != nullptr) {
      if (Status s = WriteChunk(*source, *chunk, mode, answer); !s.ok()) return part(s);
      chunk = std::move(next);
      if (chunk == nullptr) break;
      read = body.reader->Next();
      if (!read.ok()) {
        // What was read whole before the failure counts.
        if (Status s = WriteChunk(*source, *chunk, mode, answer); !s.ok()) return part(s);
        return part(read.status());
      }
      next = read.Take();
    }
    return answer;
  }
  GRANARY_ASSIGN(const auto bulk, source->StartBulk());
  std::uint64_t written = 0;
  while (chunk != nullptr) {
    GRANARY_TRY(request.cancel.Check());
    json::RejectedRecords found;
    GRANARY_ASSIGN(const auto parsed,
                   chunk->Parse(bulk->schema(), mode, request.skips_wrong ? &found : nullptr));
    GRANARY_TRY(bulk->Append(parsed.schema, parsed.batch));
    written += static_cast<std::uint64_t>(parsed.batch->num_rows());
    if (answer.rejected) answer.rejected->Add(std::move(found));
    chunk = std::move(next);
    if (chunk != nullptr) {
      GRANARY_ASSIGN(next, body.reader->Next());
    }
  }
  GRANARY_ASSIGN(const auto outcome, bulk->Commit());
  Count(outcome, written, answer);
  return answer;
}

}  // namespace granary
