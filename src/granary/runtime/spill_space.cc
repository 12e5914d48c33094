#include "granary/runtime/spill_space.h"

#include <fmt/format.h>

#include "granary/base/crc32c.h"

namespace granary::runtime {

SpillSpace::SpillSpace(io::FileSystem& files, std::string folder, SpillOptions options)
    : files_(files), folder_(std::move(folder)), options_(options) {}

Status SpillSpace::Take(std::uint64_t bytes) {
  std::uint64_t now = bytes_.load();
  do {
    if (bytes <= options_.max_bytes && now <= options_.max_bytes - bytes) continue;
    return {
        Code::kDiskFull,
        fmt::format("{} more bytes do not fit: temporary files of all queries take {} of the {} "
                    "bytes that they may (SPILL_MAX_MB); try again later, or ask for less",
                    bytes, now, options_.max_bytes)};
  } while (!bytes_.compare_exchange_weak(now, now + bytes));
  const Status enough = LookAtDisk(bytes);
  if (!enough.ok()) GiveBack(bytes);
  return enough;
}

Status SpillSpace::LookAtDisk(std::uint64_t bytes) {
  if (options_.keep_free_bytes == 0) return Status::Ok();
  if (unlooked_.fetch_add(bytes) + bytes < kLookAtDiskBytes) return Status::Ok();
  GRANARY_ASSIGN(const std::uint64_t free, files_.AvailableBytes(folder_));
  if (free >= bytes && free - bytes >= options_.keep_free_bytes) {
    unlooked_.store(0);
    return Status::Ok();
  }
  return {Code::kDiskFull,
          fmt::format("{} has {} bytes free, and temporary files leave {} of them to writes unless "
                      "SPILL_MAX_MB says how much they may take",
                      folder_, free, options_.keep_free_bytes)};
}

Status SpillSpace::Sweep() { return files_.RemoveTree(folder_); }

Result<std::unique_ptr<SpillFile>> SpillSpace::NewFile() {
  GRANARY_TRY(files_.CreateDirectories(folder_));
  const std::string path =
      io::JoinPath(folder_, fmt::format("{:012}.spill", next_.fetch_add(1) + 1));
  GRANARY_ASSIGN(auto writer, files_.OpenForWrite(path, io::OpenMode::kTruncate));
  auto reader = files_.OpenForRead(path);
  GRANARY_TRY(files_.Remove(path));
  if (!reader.ok()) return reader.status();
  return std::make_unique<SpillFile>(*this, path, std::move(writer), reader.Take());
}

SpillFile::SpillFile(SpillSpace& space, std::string path, std::unique_ptr<io::WritableFile> writer,
                     std::unique_ptr<io::RandomAccessFile> reader)
    : space_(space),
      path_(std::move(path)),
      writer_(std::move(writer)),
      reader_(std::move(reader)) {}

SpillFile::~SpillFile() { space_.GiveBack(bytes_.load()); }

Result<SpillExtent> SpillFile::Append(std::string_view bytes) {
  SpillExtent extent;
  extent.bytes = static_cast<std::uint32_t>(bytes.size());
  extent.checksum = Crc32c(bytes);
  const std::lock_guard lock(mutex_);
  extent.offset = bytes_.load();
  GRANARY_TRY(space_.Take(bytes.size()));
  if (Status s = writer_->WriteAt(extent.offset, bytes); !s.ok()) {
    space_.GiveBack(bytes.size());
    return s.At("while moving a query's data out of memory");
  }
  bytes_.fetch_add(bytes.size());
  space_.bytes_total_.fetch_add(bytes.size());
  return extent;
}

Status SpillFile::Read(const SpillExtent& extent, std::string& out) const {
  out.resize(extent.bytes);
  GRANARY_ASSIGN(const std::size_t read, reader_->ReadAt(extent.offset, out));
  if (read == out.size() && Crc32c(out) == extent.checksum) return Status::Ok();
  return Status::Corruption(fmt::format("{}: {} bytes at byte {} are not what was written", path_,
                                        extent.bytes, extent.offset));
}

}  // namespace granary::runtime
