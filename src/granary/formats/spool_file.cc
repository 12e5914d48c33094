#include "granary/formats/spool_file.h"

#include <fmt/format.h>

namespace granary::formats {
namespace {

constexpr std::size_t kPieceBytes = 1u << 20;

}  // namespace

SpoolFile::~SpoolFile() { (void)files_.Remove(path_); }

Result<std::unique_ptr<SpoolFile>> SpoolFile::Fill(io::FileSystem& files, std::string path,
                                                   const ByteSource& source,
                                                   std::uint64_t bytes_max) {
  GRANARY_TRY(files.CreateDirectories(io::ParentPath(path)));
  GRANARY_ASSIGN(auto out, files.OpenForWrite(path, io::OpenMode::kCreateNew));
  std::unique_ptr<SpoolFile> spool(new SpoolFile(files, path));
  std::string piece(kPieceBytes, '\0');
  for (std::uint64_t written = 0;;) {
    GRANARY_ASSIGN(const std::size_t bytes, source(piece));
    if (bytes == 0) break;
    if (bytes > bytes_max - written)
      return Status(Code::kTooLarge, fmt::format("the file is larger than {} bytes", bytes_max));
    GRANARY_TRY(out->WriteAt(written, std::string_view(piece).substr(0, bytes)));
    written += bytes;
  }
  GRANARY_TRY(out->Close());
  GRANARY_ASSIGN(auto file, files.OpenForRead(path));
  spool->file_ = std::move(file);
  return spool;
}

}  // namespace granary::formats
