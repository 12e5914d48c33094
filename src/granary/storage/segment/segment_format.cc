#include "granary/storage/segment/segment_format.h"

#include <algorithm>
#include <charconv>

#include <arrow/status.h>
#include <fmt/format.h>

#include "granary/base/append_format.h"

namespace granary::storage {
std::string EncodeChecksums(const std::vector<std::uint32_t>& checksums) {
  std::string text;
  for (const std::uint32_t checksum : checksums) AppendFormat(text, "{:08x}", checksum);
  return text;
}

Result<std::vector<std::uint32_t>> DecodeChecksums(std::string_view text, std::size_t count) {
  std::vector<std::uint32_t> checksums(count);
  if (text.size() != count * 8)
    return Status::Corruption("the list of column checksums has another length");
  for (std::size_t i = 0; i < count; ++i) {
    const char* const at = text.data() + i * 8;
    const auto [end, error] = std::from_chars(at, at + 8, checksums[i], 16);
    if (error != std::errc() || end != at + 8)
      return Status::Corruption("the list of column checksums is not hexadecimal");
  }
  return checksums;
}

std::string EncodePageChecksums(const std::vector<std::vector<std::uint32_t>>& chunks) {
  std::string text;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    if (i > 0) text += ',';
    text += EncodeChecksums(chunks[i]);
  }
  return text;
}

Result<std::vector<std::vector<std::uint32_t>>> DecodePageChecksums(std::string_view text,
                                                                    std::size_t chunks) {
  std::vector<std::vector<std::uint32_t>> all;
  if (chunks == 0 && text.empty()) return all;
  for (std::size_t begin = 0; begin <= text.size() && all.size() <= chunks;) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    GRANARY_ASSIGN(auto some, DecodeChecksums(text.substr(begin, end - begin), (end - begin) / 8));
    all.push_back(std::move(some));
    begin = end + 1;
  }
  if (all.size() != chunks)
    return Status::Corruption("the list of page checksums is of another number of columns");
  return all;
}

Status FromArrow(const arrow::Status& status, std::string_view path, Code otherwise) {
  if (status.ok()) return Status::Ok();
  return Status(otherwise, fmt::format("{}: {}", path, status.message()));
}

}  // namespace granary::storage
