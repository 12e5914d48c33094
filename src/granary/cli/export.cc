#include "granary/cli/export.h"

#include <cstdio>
#include <functional>
#include <utility>

#include <fmt/format.h>

#include "granary/cli/node_client.h"
#include "granary/cli/query_command.h"
#include "granary/formats/table_format.h"
#include "granary/io/posix_file_system.h"
#include "granary/json/batch_writer.h"

namespace granary::cli {
namespace {

constexpr std::string_view kStandardOutput = "-";

Result<std::string_view> ChooseAccept(const ExportOptions& options) {
  std::string_view word = options.format;
  if (word.empty()) {
    const std::size_t dot = options.path.rfind('.');
    if (dot != std::string::npos) word = std::string_view(options.path).substr(dot + 1);
  }
  if (const auto accept = StreamedOutput(word)) return *accept;
  return Status(
      Code::kInvalidArgument,
      fmt::format("{}: cannot tell the format from \"{}\"; say --format ndjson, csv, arrow "
                  "or parquet",
                  options.path, word));
}

/// Lines as a search has them, {"source_id":"t","fields":{…}}, without what is around the objects.
class BareLines {
 public:
  explicit BareLines(const SourceId& id) {
    front_ = R"({"source_id":)";
    json::AppendString(id.str(), front_);
    front_ += R"(,"fields":)";
  }
  /// Appends the objects of the lines that end in `piece`.
  Status Pass(std::string_view piece, std::string& out) {
    for (std::size_t end = piece.find('\n'); end != std::string_view::npos;
         end = piece.find('\n')) {
      begun_ += piece.substr(0, end);
      piece.remove_prefix(end + 1);
      if (!begun_.starts_with(front_) || !begun_.ends_with('}'))
        return Status::Internal("the node's answer has a line that is no record");
      out += std::string_view(begun_).substr(front_.size(), begun_.size() - front_.size() - 1);
      out += '\n';
      begun_.clear();
    }
    begun_ += piece;
    return Status::Ok();
  }

 private:
  std::string front_;
  std::string begun_;  ///< The line that has not ended yet.
};

using TakeBytes = std::function<Status(std::string_view bytes)>;

Status Download(NodeClient& node, const SourceId& id, const std::string& body,
                std::string_view accept, const TakeBytes& write) {
  const bool is_ndjson = accept == formats::MediaTypeOf(formats::TableFormat::kNdjson);
  BareLines lines(id);
  std::string bare;
  const auto take = [&](std::string_view piece) -> Status {
    if (is_ndjson) {
      bare.clear();
      GRANARY_TRY(lines.Pass(piece, bare));
      piece = bare;
    }
    return write(piece);
  };
  return node.Stream("/data/search/stream", body, take, accept);
}

Status WriteOut(std::string_view bytes) {
  const bool is_written = std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size();
  return is_written ? Status::Ok() : Status::IoError("standard output takes no more");
}

}  // namespace

void SortOut(ExportOptions& options) {
  const auto is_file = [](const std::string& path) {
    ExportOptions named;
    named.path = path;
    return path == kStandardOutput || ChooseAccept(named).ok();
  };
  if (options.format.empty() && is_file(options.source) && !is_file(options.path))
    std::swap(options.source, options.path);
}

Status RunExport(const ExportOptions& options) {
  GRANARY_ASSIGN(const SourceId id, SourceId::Parse(options.source));
  GRANARY_ASSIGN(const std::string_view accept, ChooseAccept(options));
  GRANARY_ASSIGN(auto node, NodeClient::Connect(options));
  const std::string body =
      StreamBody({.sources = {id.str()}, .filters = options.filters, .columns = options.columns});
  if (options.path == kStandardOutput) {
    GRANARY_TRY(Download(node, id, body, accept, WriteOut));
    return std::fflush(stdout) == 0 ? Status::Ok()
                                    : Status::IoError("standard output takes no more");
  }
  io::PosixFileSystem files;
  const std::string part = options.path + ".part";
  std::uint64_t bytes = 0;
  {
    GRANARY_ASSIGN(const auto file, files.OpenForWrite(part, io::OpenMode::kTruncate));
    Status done = Download(node, id, body, accept, [&](std::string_view piece) -> Status {
      GRANARY_TRY(file->WriteAt(bytes, piece));
      bytes += piece.size();
      return Status::Ok();
    });
    if (done.ok()) done = file->Sync();
    if (done.ok()) done = file->Close();
    if (!done.ok()) {
      (void)files.Remove(part);
      return done;
    }
  }
  GRANARY_TRY(files.Rename(part, options.path));
  std::fprintf(stderr, "%s: %llu bytes\n", options.path.c_str(),
               static_cast<unsigned long long>(bytes));
  return Status::Ok();
}

}  // namespace granary::cli
