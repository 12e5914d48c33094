#include "granary/cli/import.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <future>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "granary/cli/csv_columns.h"
#include "granary/cli/file_body.h"
#include "granary/cli/node_client.h"
#include "granary/cli/null_texts.h"
#include "granary/cli/progress_bar.h"
#include "granary/cli/record_file.h"
#include "granary/formats/table_format.h"
#include "granary/types/widening.h"

namespace granary::cli {
namespace {

// Half of the node's default body limit.
constexpr std::size_t kBodyBytes = 8u << 20;
constexpr std::size_t kBatchRecords = 5'000;
// What a node does when a large body has ended takes its time.
constexpr std::int64_t kImportTimeoutMs = 3'600'000;

constexpr std::string_view kUsage =
    "granary import FILE --source SOURCE, as in granary import sales.csv --source sales";

const std::string_view kCsvType = formats::MediaTypeOf(formats::TableFormat::kCsv);

struct Chunk {
  std::string records;
  std::size_t count = 0;
  std::uint64_t first_line = 0;
};

Result<Chunk> ReadChunk(RecordFile& file, std::size_t records) {
  Chunk chunk;
  GRANARY_ASSIGN(chunk.count, file.Next(records, kBodyBytes, chunk.records));
  chunk.first_line = file.first_line();
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

/// What became of the source that was made for a file of which nothing is written: it goes again,
/// unless others write into it by now.
std::string TakenBack(NodeClient& node, const SourceId& id) {
  const auto unwritten = node.IsUnwritten(id);
  const bool gone =
      unwritten.ok() && *unwritten && node.Call("DELETE", "/sources/" + id.str()).ok();
  return gone
             ? "; the source that was made for it is removed again: 'granary source add' makes one "
               "with columns of your own"
             : "; the source that was made for it stays";
}

Result<std::uint64_t> ImportWhole(NodeClient& node, const SourceId& id, FileBody& body,
                                  ProgressBar& bar) {
  // The node takes no empty body. Of CSV it says that there is no header.
  if (body.bytes_total() == 0 && body.media_type() != kCsvType) return std::uint64_t{0};
  const auto next = [&]() -> Result<std::string> {
    GRANARY_ASSIGN(std::string piece, body.Next());
    bar.Update(ShareOf(body.bytes_read(), body.bytes_total()), body.rows_read());
    return piece;
  };
  return node.WriteBody(id, body.media_type(), next);
}

Status Send(NodeClient& node, const SourceId& id, std::string_view media_type, std::string body) {
  if (media_type == "application/json") return node.Write(id, body);
  return node
      .WriteBody(id, media_type,
                 [&]() -> Result<std::string> { return std::exchange(body, std::string()); })
      .status();
}

/// Which records of the file a refused write had: its error counts from the first of them.
std::string PlaceOf(const Chunk& chunk, std::uint64_t written, const std::string& path) {
  const std::string lines =
      chunk.first_line == 0
          ? ""
          : fmt::format(", from line {} on, which was sent as line 2", chunk.first_line);
  return fmt::format("records {} to {} of {}{} (all before them are written)", written,
                     written + chunk.count - 1, path, lines);
}

/// `written`: records that the node has, also where the rest fails.
Status ImportInBatches(NodeClient& node, const SourceId& id, RecordFile& file,
                       const ImportOptions& options, ProgressBar& bar, std::uint64_t& written) {
  const std::size_t batch = options.batch_records == 0 ? kBatchRecords : options.batch_records;
  GRANARY_ASSIGN(Chunk chunk, ReadChunk(file, batch));
  while (chunk.count > 0) {
    // The next chunk is read and encoded while the node works on this one.
    auto next = std::async(std::launch::async, [&] { return ReadChunk(file, batch); });
    const Status sent = Send(node, id, file.media_type(), std::move(chunk.records));
    auto read = next.get();
    if (!sent.ok()) return sent.At(PlaceOf(chunk, written, options.path));
    written += chunk.count;
    bar.Update(ShareOf(file.bytes_read(), file.bytes_total()), written);
    if (!read.ok()) return read.status().At(fmt::format("after record {}", written));
    chunk = read.Take();
  }
  return Status::Ok();
}

/// Of a CSV file that is to become a source. What is wrong with the file the node will say, and
/// where.
std::vector<storage::DeclaredColumn> ColumnsOfCsv(const std::string& path, const NullTexts& nulls) {
  auto columns = InferCsvColumns(path, nulls);
  return columns.ok() ? columns.Take() : std::vector<storage::DeclaredColumn>();
}

Result<std::uint64_t> Import(NodeClient& node, const SourceId& id, const ImportOptions& options,
                             ProgressBar& bar) {
  if (options.path == "-") {
    return Status(Code::kInvalidArgument,
                  "-: a file, not standard input: its beginning is read twice, for the types");
  }
  GRANARY_ASSIGN(const FileFormat format, ChooseFormat(options.format, options.path));
  const bool is_csv = format == FileFormat::kCsv;
  if (!is_csv && !options.null_texts.empty()) {
    return Status(Code::kInvalidArgument,
                  options.path + ": --null is for CSV; other formats say what is null");
  }
  GRANARY_ASSIGN(const NullTexts nulls, NullTexts::Make(options.null_texts));
  GRANARY_ASSIGN(const auto there, node.ColumnsOf(id));
  std::vector<storage::DeclaredColumn> columns;
  if (is_csv && !there) columns = ColumnsOfCsv(options.path, nulls);
  if (options.batch_records == 0 && options.flush && format != FileFormat::kJson) {
    GRANARY_ASSIGN(auto body, FileBody::Open(options.path, format, nulls));
    if (!there || Fits(body->columns(), *there)) {
      GRANARY_TRY(EnsureSource(node, id, there, is_csv ? columns : body->columns()));
      const auto written = ImportWhole(node, id, *body, bar);
      if (written.ok()) return written;
      return written.status().At(fmt::format("{} (nothing of it is written{})", options.path,
                                             there ? "" : TakenBack(node, id)));
    }
  }
  GRANARY_ASSIGN(auto file, RecordFile::Open(options.path, format, nulls));
  GRANARY_TRY(EnsureSource(node, id, there, is_csv ? columns : file->columns()));
  std::uint64_t written = 0;
  const Status imported = ImportInBatches(node, id, *file, options, bar, written);
  if (imported.ok()) return written;
  if (there || written > 0) return imported;
  return imported.At(
      fmt::format("{} (nothing of it is written{})", options.path, TakenBack(node, id)));
}

}  // namespace

Status SortOut(ImportOptions& options) {
  const auto is_file = [](const std::string& path) {
    std::error_code none;
    return path == "-" ||
           (std::filesystem::exists(path, none) && !std::filesystem::is_directory(path, none));
  };
  if (options.source.empty())
    return {Code::kInvalidArgument, fmt::format("--source is required; expected {}", kUsage)};
  if (is_file(options.path)) return Status::Ok();
  if (is_file(options.source)) {
    std::swap(options.path, options.source);
    return Status::Ok();
  }
  return {Code::kInvalidArgument,
          fmt::format("there is no file '{}'; expected {}", options.path, kUsage)};
}

Status RunImport(const ImportOptions& options) {
  GRANARY_ASSIGN(const SourceId id, SourceId::Parse(options.source));
  GRANARY_ASSIGN(auto node, NodeClient::Connect(options, kImportTimeoutMs));
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
