#include "granary/cli/import.h"

#include <algorithm>
#include <cstdio>
#include <future>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "granary/cli/file_body.h"
#include "granary/cli/node_client.h"
#include "granary/cli/progress_bar.h"
#include "granary/cli/record_file.h"
#include "granary/types/widening.h"

namespace granary::cli {
namespace {

// Half of the node's default body limit.
constexpr std::size_t kBodyBytes = 8u << 20;
constexpr std::size_t kBatchRecords = 5'000;
// What a node does when a large body has ended takes its time.
constexpr std::int64_t kImportTimeoutMs = 3'600'000;

struct Chunk {
  std::string records;
  std::size_t count = 0;
};

Result<Chunk> ReadChunk(RecordFile& file, std::size_t records) {
  Chunk chunk;
  GRANARY_ASSIGN(chunk.count, file.Next(records, kBodyBytes, chunk.records));
  return chunk;
}

using Columns = std::map<std::string, std::string>;

/// A node takes such a column where each value is exact in the source's type; its JSON text would
/// be taken then, and only then, too.
bool TakesTyped(const DataType& file, const DataType& source) {
  if (file == source) return true;
  const bool instants =
      file.kind() == TypeKind::kTimestamp && source.kind() == TypeKind::kTimestamp;
  return instants || (DigitsOf(file) > 0 && DigitsOf(source) > 0);
}

bool Fits(const std::vector<storage::DeclaredColumn>& columns, const Columns& source) {
  return std::ranges::all_of(columns, [&](const storage::DeclaredColumn& column) {
    const auto found = source.find(column.name);
    if (found == source.end()) return false;
    const Result<DataType> type = DataType::Parse(found->second);
    return type.ok() && TakesTyped(column.type, *type);
  });
}

Status EnsureSource(NodeClient& node, const SourceId& id, const std::optional<Columns>& there,
                    const std::vector<storage::DeclaredColumn>& columns) {
  return there ? Status::Ok() : node.AddSource(id, columns);
}

double ShareOf(std::uint64_t read, std::uint64_t total) {
  return static_cast<double>(read) / static_cast<double>(std::max<std::uint64_t>(total, 1));
}

Result<std::uint64_t> ImportWhole(NodeClient& node, const SourceId& id, FileBody& body,
                                  const std::string& path, ProgressBar& bar) {
  if (body.bytes_total() == 0) return std::uint64_t{0};
  const auto next = [&]() -> Result<std::string> {
    GRANARY_ASSIGN(std::string piece, body.Next());
    bar.Update(ShareOf(body.bytes_read(), body.bytes_total()), body.rows_read());
    return piece;
  };
  Result<std::uint64_t> written = node.WriteBody(id, body.media_type(), next);
  if (!written.ok()) return written.status().At(path + " (nothing of it is written)");
  return written;
}

Result<std::uint64_t> ImportInBatches(NodeClient& node, const SourceId& id, RecordFile& file,
                                      const ImportOptions& options, ProgressBar& bar) {
  const std::size_t batch = options.batch_records == 0 ? kBatchRecords : options.batch_records;
  std::uint64_t written = 0;
  GRANARY_ASSIGN(Chunk chunk, ReadChunk(file, batch));
  while (chunk.count > 0) {
    // The next chunk is read and encoded while the node works on this one.
    auto next = std::async(std::launch::async, [&] { return ReadChunk(file, batch); });
    const Status sent = node.Write(id, chunk.records);
    auto read = next.get();
    if (!sent.ok()) {
      return sent.At(fmt::format("records {} to {} of {} (all before them are written)", written,
                                 written + chunk.count - 1, options.path));
    }
    written += chunk.count;
    bar.Update(ShareOf(file.bytes_read(), file.bytes_total()), written);
    if (!read.ok()) return read.status().At(fmt::format("after record {}", written));
    chunk = read.Take();
  }
  return written;
}

Result<std::uint64_t> Import(NodeClient& node, const SourceId& id, const ImportOptions& options,
                             ProgressBar& bar) {
  GRANARY_ASSIGN(const FileFormat format, ChooseFormat(options.format, options.path));
  GRANARY_ASSIGN(const auto there, node.ColumnsOf(id));
  if (options.batch_records == 0 && options.flush && format != FileFormat::kJson) {
    GRANARY_ASSIGN(auto body, FileBody::Open(options.path, format));
    if (!there || Fits(body->columns(), *there)) {
      GRANARY_TRY(EnsureSource(node, id, there, body->columns()));
      return ImportWhole(node, id, *body, options.path, bar);
    }
  }
  GRANARY_ASSIGN(auto file, RecordFile::Open(options.path, format));
  GRANARY_TRY(EnsureSource(node, id, there, file->columns()));
  return ImportInBatches(node, id, *file, options, bar);
}

}  // namespace

Status RunImport(const ImportOptions& options) {
  GRANARY_ASSIGN(const SourceId id, SourceId::Parse(options.source));
  GRANARY_ASSIGN(auto node, NodeClient::Create(options.url, options.ca_file, kImportTimeoutMs));
  ProgressBar bar(id.str());
  GRANARY_ASSIGN(const std::uint64_t written, Import(node, id, options, bar));
  if (options.flush) GRANARY_TRY(node.Call("POST", "/sources/" + id.str() + "/flush").status());
  bar.Finish(written);
  std::printf("%s: %s records in %.2f s (%s rows/s)\n", id.str().c_str(),
              WithThousands(written).c_str(), bar.seconds(),
              WithThousands(static_cast<std::uint64_t>(static_cast<double>(written) /
                                                       std::max(bar.seconds(), 1e-3)))
                  .c_str());
  return Status::Ok();
}

}  // namespace granary::cli
