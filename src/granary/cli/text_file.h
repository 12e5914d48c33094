// TextFile: the text of a file, a piece at a time: CSV, NDJSON.
//
// Memory     a piece of a megabyte.
// Threads    one.
#pragma once

#include <cstdint>
#include <fstream>
#include <memory>
#include <string>

#include "granary/base/status.h"
#include "granary/cli/null_texts.h"
#include "granary/formats/table_reader.h"

namespace granary::cli {

class TextFile {
 public:
  /// kNotFound when it cannot be opened. `nulls` are those of a CSV file.
  static Result<std::unique_ptr<TextFile>> Open(const std::string& path, NullTexts nulls = {});

  /// The next piece, without a byte order mark in front; empty at the end. kIoError.
  Result<std::string> Next();
  /// The same for a reader of the formats; the file must outlive it.
  formats::ByteSource AsSource();

  std::uint64_t bytes_total() const { return bytes_total_; }
  std::uint64_t bytes_read() const { return bytes_read_; }
  std::uint64_t lines_read() const { return lines_read_; }

 private:
  TextFile(std::string path, std::ifstream file, std::uint64_t bytes_total, NullTexts nulls);
  Result<std::string> ReadPiece();

  std::string path_;
  std::ifstream file_;
  NullTexts nulls_;
  std::uint64_t bytes_total_ = 0, bytes_read_ = 0, lines_read_ = 0;
  bool ended_ = false;
  std::string piece_;      ///< What AsSource reads from,
  std::size_t given_ = 0;  ///< up to here.
};

}  // namespace granary::cli
