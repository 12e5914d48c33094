#include "granary/storage/wal/wal_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "granary/base/check.h"

namespace granary::storage {
namespace {

constexpr std::string_view kLogSuffix = ".wal";
/// Far above what any disk lives to see, and far from the end of 64 bits.
constexpr std::uint64_t kNumberMax = 999'999'999'999'999;

std::string NumberedName(std::uint64_t number, std::string_view suffix) {
  return fmt::format("{:06}{}", number, suffix);
}

std::optional<std::uint64_t> ParseNumberedName(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return std::nullopt;
  const std::string_view digits = name.substr(0, name.size() - suffix.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || number == 0 || number > kNumberMax) return std::nullopt;
  // Only the one spelling, so that two files never claim one number.
  return NumberedName(number, suffix) == name ? std::optional(number) : std::nullopt;
}

}  // namespace

std::string WalFileName(std::uint64_t number) { return NumberedName(number, kLogSuffix); }

std::optional<std::uint64_t> ParseWalFileName(std::string_view name) {
  return ParseNumberedName(name, kLogSuffix);
}

WalFiles::WalFiles(io::FileSystem& files, std::string directory, std::uint64_t file_bytes,
                   std::size_t spares_max)
    : files_(files),
      directory_(std::move(directory)),
      file_bytes_(file_bytes),
      spares_max_(spares_max) {}

Result<std::unique_ptr<WalFiles>> WalFiles::Open(io::FileSystem& files, std::string directory,
                                                 std::uint64_t file_bytes, std::size_t spares_max) {
  GRANARY_TRY(files.CreateDirectories(directory));
  std::unique_ptr<WalFiles> folder(
      new WalFiles(files, std::move(directory), file_bytes, spares_max));
  GRANARY_TRY(folder->Scan());
  GRANARY_TRY(folder->DropSurplusSpares());
  return folder;
}

Status WalFiles::Scan() {
  GRANARY_ASSIGN(const std::vector<io::DirectoryEntry> entries, files_.List(directory_));
  for (const io::DirectoryEntry& entry : entries) {
    if (entry.is_directory) continue;
    if (const auto number = ParseWalFileName(entry.name)) {
      found_.push_back({*number, entry.bytes});
      highest_ = std::max(highest_, *number);
    } else if (const auto spare = ParseNumberedName(entry.name, kSpareSuffix)) {
      spares_.push_back(*spare);
      highest_ = std::max(highest_, *spare);
    }
  }
  std::sort(found_.begin(), found_.end(),
            [](const File& a, const File& b) { return a.number < b.number; });
  return Status::Ok();
}

Status WalFiles::DropSurplusSpares() {
  while (spares_.size() > spares_max_) {
    GRANARY_TRY(
        files_.Remove(io::JoinPath(directory_, NumberedName(spares_.back(), kSpareSuffix))));
    spares_.pop_back();
  }
  return Status::Ok();
}

std::uint64_t WalFiles::next_number() const {
  const std::lock_guard lock(mutex_);
  return highest_ + 1;
}

std::string WalFiles::PathOf(std::uint64_t number) const {
  return io::JoinPath(directory_, WalFileName(number));
}

std::optional<std::uint64_t> WalFiles::TakeSpare() {
  const std::lock_guard lock(mutex_);
  if (spares_.empty()) return std::nullopt;
  const std::uint64_t spare = spares_.back();
  spares_.pop_back();
  return spare;
}

Result<std::unique_ptr<WalWriter>> WalFiles::Start(const WalFileHeader& header,
                                                   io::Failpoints& failpoints) {
  GRANARY_CHECK(header.file_number == next_number(), "file {}", header.file_number);
  {
    const std::lock_guard lock(mutex_);
    highest_ = header.file_number;
  }
  const std::string path = PathOf(header.file_number);
  if (const auto spare = TakeSpare()) {
    GRANARY_ASSIGN(auto file, Recycle(*spare, path));
    return WalWriter::Start(std::move(file), header, failpoints);
  }
  GRANARY_ASSIGN(auto file, Create(path));
  GRANARY_ASSIGN(auto writer, WalWriter::Start(std::move(file), header, failpoints));
  GRANARY_TRY(files_.SyncDirectory(directory_));
  return writer;
}

Result<std::unique_ptr<io::WritableFile>> WalFiles::Create(const std::string& path) {
  GRANARY_ASSIGN(auto file, files_.OpenForWrite(path, io::OpenMode::kCreateNew));
  if (Status s = file->Preallocate(file_bytes_); !s.ok()) {
    file.reset();
    (void)files_.Remove(path);  // Gives back what a full disk did reserve.
    return s;
  }
  return file;
}

Result<std::unique_ptr<io::WritableFile>> WalFiles::Recycle(std::uint64_t spare,
                                                            const std::string& path) {
  GRANARY_TRY(files_.Rename(io::JoinPath(directory_, NumberedName(spare, kSpareSuffix)), path));
  GRANARY_TRY(files_.SyncDirectory(directory_));
  GRANARY_ASSIGN(auto file, files_.OpenForWrite(path, io::OpenMode::kExisting));
  GRANARY_TRY(file->Preallocate(file_bytes_));
  return file;
}

Status WalFiles::Retire(const File& file) {
  // A file of another size would waste disk or have to grow.
  bool keep = file.bytes >= file_bytes_ && file.bytes <= file_bytes_ + file_bytes_ / 4;
  {
    const std::lock_guard lock(mutex_);
    keep = keep && spares_.size() < spares_max_;
  }
  if (!keep) return files_.Remove(PathOf(file.number));
  GRANARY_TRY(files_.Rename(PathOf(file.number),
                            io::JoinPath(directory_, NumberedName(file.number, kSpareSuffix))));
  const std::lock_guard lock(mutex_);
  spares_.push_back(file.number);
  return Status::Ok();
}

Status WalFiles::SyncFolder() { return files_.SyncDirectory(directory_); }

}  // namespace granary::storage
