#include "granary/cli/text_file.h"

#include <algorithm>
#include <span>
#include <utility>

#include "granary/base/byte_order_mark.h"

namespace granary::cli {
namespace {

constexpr std::size_t kPieceBytes = 1u << 20;

}  // namespace

TextFile::TextFile(std::string path, std::ifstream file, std::uint64_t bytes_total, NullTexts nulls)
    : path_(std::move(path)),
      file_(std::move(file)),
      nulls_(std::move(nulls)),
      bytes_total_(bytes_total) {}

Result<std::unique_ptr<TextFile>> TextFile::Open(const std::string& path, NullTexts nulls) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file.is_open()) return Status(Code::kNotFound, path + ": cannot open");
  const auto bytes = static_cast<std::uint64_t>(std::max<std::streamoff>(file.tellg(), 0));
  file.seekg(0);
  return std::unique_ptr<TextFile>(new TextFile(path, std::move(file), bytes, std::move(nulls)));
}

Result<std::string> TextFile::ReadPiece() {
  std::string piece(kPieceBytes, '\0');
  file_.read(piece.data(), static_cast<std::streamsize>(piece.size()));
  if (file_.bad()) return Status::IoError(path_ + ": cannot read on");
  piece.resize(static_cast<std::size_t>(file_.gcount()));
  ended_ = piece.size() < kPieceBytes;
  const bool is_first = bytes_read_ == 0;
  bytes_read_ += piece.size();
  lines_read_ += static_cast<std::uint64_t>(std::ranges::count(piece, '\n'));
  if (is_first && piece.starts_with(kByteOrderMark)) piece.erase(0, kByteOrderMark.size());
  return piece;
}

Result<std::string> TextFile::Next() {
  std::string out;
  while (out.empty() && !ended_) {
    GRANARY_ASSIGN(std::string piece, ReadPiece());
    if (nulls_.empty()) {
      out = std::move(piece);
      continue;
    }
    nulls_.Pass(piece, out);
    if (ended_) nulls_.Finish(out);
  }
  return out;
}

formats::ByteSource TextFile::AsSource() {
  return [this](std::span<char> out) -> Result<std::size_t> {
    if (given_ == piece_.size()) {
      GRANARY_ASSIGN(piece_, Next());
      given_ = 0;
    }
    const std::size_t bytes = piece_.copy(out.data(), out.size(), given_);
    given_ += bytes;
    return bytes;
  };
}

}  // namespace granary::cli
