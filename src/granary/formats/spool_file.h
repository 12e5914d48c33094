// SpoolFile: a body on disk, for formats whose end says where everything is. Gone with the object;
// what a crash leaves is removed at the next start.
//
// Threads    one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "granary/base/status.h"
#include "granary/formats/table_reader.h"
#include "granary/io/file_system.h"

namespace granary::formats {

class SpoolFile {
 public:
  /// Reads all of `source` into the new file `path`, whose folder is made. kTooLarge past
  /// `bytes_max`; kDiskFull; the source's failures. Nothing is left then.
  static Result<std::unique_ptr<SpoolFile>> Fill(io::FileSystem& files, std::string path,
                                                 const ByteSource& source, std::uint64_t bytes_max);
  ~SpoolFile();

  const std::shared_ptr<const io::RandomAccessFile>& file() const { return file_; }

 private:
  SpoolFile(io::FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}

  io::FileSystem& files_;
  const std::string path_;
  std::shared_ptr<const io::RandomAccessFile> file_;
};

}  // namespace granary::formats
