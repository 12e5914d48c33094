#include "granary/tenant/scratch_files.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace granary {
namespace {

constexpr std::uint64_t kScratchBytesMax = 64u << 20;

class ScratchReader final : public io::RandomAccessFile {
 public:
  explicit ScratchReader(std::shared_ptr<const std::string> bytes) : bytes_(std::move(bytes)) {}
  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<char> out) const override {
    if (offset >= bytes_->size()) return std::size_t{0};
    const std::size_t count = std::min<std::size_t>(out.size(), bytes_->size() - offset);
    std::memcpy(out.data(), bytes_->data() + offset, count);
    return count;
  }
  std::uint64_t size() const override { return bytes_->size(); }

 private:
  const std::shared_ptr<const std::string> bytes_;
};

class ScratchWriter final : public io::WritableFile {
 public:
  explicit ScratchWriter(std::shared_ptr<std::string> bytes) : bytes_(std::move(bytes)) {}
  Status WriteAt(std::uint64_t offset, std::string_view bytes) override {
    if (offset + bytes.size() > kScratchBytesMax)
      return {Code::kDiskFull, "a scratch file is full"};
    if (bytes_->size() < offset + bytes.size()) bytes_->resize(offset + bytes.size());
    std::memcpy(bytes_->data() + offset, bytes.data(), bytes.size());
    return Status::Ok();
  }
  Status Sync() override { return Status::Ok(); }
  Status Preallocate(std::uint64_t) override { return Status::Ok(); }
  Status Truncate(std::uint64_t bytes) override {
    if (bytes > kScratchBytesMax) return {Code::kDiskFull, "a scratch file is full"};
    bytes_->resize(bytes);
    return Status::Ok();
  }
  Status Close() override { return Status::Ok(); }

 private:
  const std::shared_ptr<std::string> bytes_;
};

Status NoSuch(const std::string& path) { return {Code::kNotFound, path + ": no such file"}; }

}  // namespace

Result<std::unique_ptr<io::RandomAccessFile>> ScratchFiles::OpenForRead(const std::string& path) {
  const auto at = files_.find(path);
  if (at == files_.end()) return NoSuch(path);
  return std::unique_ptr<io::RandomAccessFile>(std::make_unique<ScratchReader>(at->second));
}

Result<std::unique_ptr<io::WritableFile>> ScratchFiles::OpenForWrite(const std::string& path,
                                                                     io::OpenMode mode) {
  auto& file = files_[path];
  if (file == nullptr) file = std::make_shared<std::string>();
  if (mode != io::OpenMode::kExisting) file->clear();
  return std::unique_ptr<io::WritableFile>(std::make_unique<ScratchWriter>(file));
}

Result<std::vector<io::DirectoryEntry>> ScratchFiles::List(const std::string& directory) {
  std::vector<io::DirectoryEntry> entries;
  for (const auto& [path, bytes] : files_) {
    if (path.starts_with(directory + "/"))
      entries.push_back({.name = path.substr(directory.size() + 1), .bytes = bytes->size()});
  }
  return entries;
}

Result<bool> ScratchFiles::Exists(const std::string& path) { return files_.contains(path); }
Status ScratchFiles::CreateDirectories(const std::string&) { return Status::Ok(); }
Status ScratchFiles::SyncDirectory(const std::string&) { return Status::Ok(); }
Result<std::uint64_t> ScratchFiles::AvailableBytes(const std::string&) { return kScratchBytesMax; }

Status ScratchFiles::Rename(const std::string& from, const std::string& to) {
  auto file = files_.extract(from);
  if (file.empty()) return NoSuch(from);
  files_.erase(to);
  file.key() = to;
  files_.insert(std::move(file));
  return Status::Ok();
}

Status ScratchFiles::Remove(const std::string& path) {
  return files_.erase(path) > 0 ? Status::Ok() : NoSuch(path);
}

Result<std::unique_ptr<io::FileLock>> ScratchFiles::Lock(const std::string&) {
  return Status(Code::kUnsupported, "scratch files are not shared");
}

}  // namespace granary
