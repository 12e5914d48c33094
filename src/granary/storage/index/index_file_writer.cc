#include "granary/storage/index/index_file_writer.h"

#include <utility>

namespace granary::storage {
namespace {

constexpr std::size_t kBufferBytes = 256u << 10;

}  // namespace

IndexFileWriter::IndexFileWriter(io::FileSystem& files, std::string path,
                                 std::unique_ptr<io::WritableFile> file)
    : files_(files), path_(std::move(path)), file_(std::move(file)) {}

IndexFileWriter::~IndexFileWriter() {
  if (file_ == nullptr) return;
  file_.reset();
  // What cannot be removed now is swept at the next start.
  static_cast<void>(files_.Remove(AsidePath()));
}

Result<std::unique_ptr<IndexFileWriter>> IndexFileWriter::Create(io::FileSystem& files,
                                                                 std::string path) {
  GRANARY_TRY(files.CreateDirectories(io::ParentPath(path)));
  GRANARY_ASSIGN(auto file, files.OpenForWrite(path + ".tmp", io::OpenMode::kTruncate));
  return std::unique_ptr<IndexFileWriter>(
      new IndexFileWriter(files, std::move(path), std::move(file)));
}

Status IndexFileWriter::WriteBuffered() {
  if (buffer_.empty()) return Status::Ok();
  GRANARY_TRY(file_->WriteAt(position_ - buffer_.size(), buffer_));
  buffer_.clear();
  return Status::Ok();
}

Status IndexFileWriter::Append(std::string_view block) {
  buffer_ += block;
  position_ += block.size();
  return buffer_.size() < kBufferBytes ? Status::Ok() : WriteBuffered();
}

Status IndexFileWriter::Finish(IndexFooterLayout footer) {
  footer.blocks_bytes = position_;
  std::string bytes;
  EncodeIndexFooter(footer, bytes);
  footer_crc_ = IndexFooterCrc(bytes);
  GRANARY_TRY(Append(bytes));
  GRANARY_TRY(WriteBuffered());
  GRANARY_TRY(file_->Sync());
  GRANARY_TRY(file_->Close());
  GRANARY_TRY(files_.Rename(AsidePath(), path_));
  file_.reset();
  return files_.SyncDirectory(io::ParentPath(path_));
}

}  // namespace granary::storage
