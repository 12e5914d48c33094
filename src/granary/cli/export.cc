#include "granary/cli/export.h"

#include <cstdio>

#include <fmt/format.h>

#include "granary/cli/node_client.h"
#include "granary/cli/query_command.h"
#include "granary/io/posix_file_system.h"

namespace granary::cli {
namespace {

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

Status Download(NodeClient& node, const std::string& body, std::string_view accept,
                io::WritableFile& file, std::uint64_t& bytes) {
  const auto take = [&](std::string_view piece) -> Status {
    GRANARY_TRY(file.WriteAt(bytes, piece));
    bytes += piece.size();
    return Status::Ok();
  };
  GRANARY_TRY(node.Stream("/data/search/stream", body, take, accept));
  GRANARY_TRY(file.Sync());
  return file.Close();
}

}  // namespace

Status RunExport(const ExportOptions& options) {
  GRANARY_ASSIGN(const SourceId id, SourceId::Parse(options.source));
  GRANARY_ASSIGN(const std::string_view accept, ChooseAccept(options));
  GRANARY_ASSIGN(auto node, NodeClient::Create(options.url, options.ca_file));
  const std::string body =
      StreamBody({.sources = {id.str()}, .filters = options.filters, .columns = options.columns});
  io::PosixFileSystem files;
  const std::string part = options.path + ".part";
  std::uint64_t bytes = 0;
  {
    GRANARY_ASSIGN(const auto file, files.OpenForWrite(part, io::OpenMode::kTruncate));
    if (Status s = Download(node, body, accept, *file, bytes); !s.ok()) {
      (void)files.Remove(part);
      return s;
    }
  }
  GRANARY_TRY(files.Rename(part, options.path));
  std::fprintf(stderr, "%s: %llu bytes\n", options.path.c_str(),
               static_cast<unsigned long long>(bytes));
  return Status::Ok();
}

}  // namespace granary::cli
