#include "granary/cli/import.h"

#include <cstdio>
#include <future>

#include <fmt/format.h>

#include "granary/cli/node_client.h"
#include "granary/cli/progress_bar.h"
#include "granary/cli/record_file.h"

namespace granary::cli {
namespace {

// Half of the node's default body limit.
constexpr std::size_t kBodyBytes = 8u << 20;

struct Chunk {
  std::string records;
  std::size_t count = 0;
};

Result<Chunk> ReadChunk(RecordFile& file, std::size_t records) {
  Chunk chunk;
  GRANARY_ASSIGN(chunk.count, file.Next(records, kBodyBytes, chunk.records));
  return chunk;
}

Status EnsureSource(NodeClient& node, const SourceId& id, const RecordFile& file) {
  GRANARY_ASSIGN(const bool there, node.HasSource(id));
  return there ? Status::Ok() : node.AddSource(id, file.columns());
}

}  // namespace

Status RunImport(const ImportOptions& options) {
  GRANARY_ASSIGN(const SourceId id, SourceId::Parse(options.source));
  GRANARY_ASSIGN(const FileFormat format, ChooseFormat(options.format, options.path));
  GRANARY_ASSIGN(auto file, RecordFile::Open(options.path, format));
  GRANARY_ASSIGN(auto node, NodeClient::Create(options.url, options.ca_file));
  GRANARY_TRY(EnsureSource(node, id, *file));

  ProgressBar bar(id.str());
  std::uint64_t written = 0;
  GRANARY_ASSIGN(Chunk chunk, ReadChunk(*file, options.batch_records));
  while (chunk.count > 0) {
    // The next chunk is read and encoded while the node works on this one.
    auto next =
        std::async(std::launch::async, [&] { return ReadChunk(*file, options.batch_records); });
    const Status sent = node.Write(id, chunk.records);
    auto read = next.get();
    if (!sent.ok()) {
      return sent.At(fmt::format("records {} to {} of {} (all before them are written)", written,
                                 written + chunk.count - 1, options.path));
    }
    written += chunk.count;
    const double total = static_cast<double>(std::max<std::uint64_t>(file->bytes_total(), 1));
    bar.Update(static_cast<double>(file->bytes_read()) / total, written);
    if (!read.ok()) return read.status().At(fmt::format("after record {}", written));
    chunk = read.Take();
  }
  if (options.flush) GRANARY_TRY(node.Call("POST", "/sources/" + id.str() + "/flush").status());
  bar.Finish(written);
  std::printf("%s: %s records in %.2f s (%s rows/s, each write acknowledged before the next)\n",
              id.str().c_str(), WithThousands(written).c_str(), bar.seconds(),
              WithThousands(static_cast<std::uint64_t>(static_cast<double>(written) /
                                                       std::max(bar.seconds(), 1e-3)))
                  .c_str());
  return Status::Ok();
}

}  // namespace granary::cli
