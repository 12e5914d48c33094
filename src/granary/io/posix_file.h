// Open files of posix_file_system.h.
#pragma once

#include <string>

#include "granary/io/file_system.h"
#include "granary/io/posix_descriptor.h"

namespace granary::io {

class PosixRandomAccessFile final : public RandomAccessFile {
 public:
  PosixRandomAccessFile(PosixDescriptor file, std::string path, std::uint64_t bytes)
      : file_(std::move(file)), path_(std::move(path)), bytes_(bytes) {}
  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<char> out) const override;
  std::uint64_t size() const override { return bytes_; }  ///< When it was opened.

 private:
  PosixDescriptor file_;
  std::string path_;
  std::uint64_t bytes_;
};

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(PosixDescriptor file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}
  Status WriteAt(std::uint64_t offset, std::string_view bytes) override;
  Status Sync() override;
  Status Preallocate(std::uint64_t bytes) override;
  Status Truncate(std::uint64_t bytes) override;
  Status Close() override;

 private:
  Status WriteZeroesUpTo(std::uint64_t bytes);

  PosixDescriptor file_;
  std::string path_;
};

}  // namespace granary::io
