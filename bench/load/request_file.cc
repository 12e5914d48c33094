#include "request_file.h"

#include <cstring>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

namespace granary::bench {

void WriteStamp(std::uint32_t n, char* out) {
  // An odd factor and a sum are both reversible in 32 bits: no two n share a stamp.
  std::uint32_t mixed = n * 0x9E3779B1u + 0x01234567u;
  for (int digit = 7; digit >= 0; --digit, mixed >>= 4) out[digit] = "0123456789abcdef"[mixed & 15];
}

Result<RequestFile> RequestFile::Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Status::IoError(fmt::format("{}: cannot be opened", path));
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (file.bad()) return Status::IoError(fmt::format("{}: cannot be read", path));
  auto parsed = Parse(std::move(bytes));
  if (!parsed.ok()) return parsed.status().At(path);
  return parsed;
}

Result<RequestFile> RequestFile::Parse(std::string bytes) {
  RequestFile file;
  file.bytes_ = std::move(bytes);
  const std::string& all = file.bytes_;
  for (std::size_t at = 0; at < all.size();) {
    std::uint32_t length = 0;
    if (all.size() - at >= sizeof(length)) std::memcpy(&length, all.data() + at, sizeof(length));
    if (all.size() - at < sizeof(length) || all.size() - at - sizeof(length) < length) {
      return Status(Code::kInvalidArgument,
                    fmt::format("byte {}: the file ends inside a request", at));
    }
    at += sizeof(length);
    Request request{at, length, file.stamps_.size(), 0};
    const auto whole = std::string_view(all).substr(at, length);
    for (auto found = whole.find(kStamp); found != std::string_view::npos;
         found = whole.find(kStamp, found + kStamp.size())) {
      file.stamps_.push_back(at + found);
    }
    request.end_stamp = file.stamps_.size();
    file.requests_.push_back(request);
    at += length;
  }
  if (file.requests_.empty()) return Status(Code::kInvalidArgument, "it has no requests");
  return file;
}

std::string_view RequestFile::Next() {
  const Request& request = requests_[taken_++ % requests_.size()];
  for (std::size_t i = request.first_stamp; i < request.end_stamp; ++i)
    WriteStamp(next_stamp_++, bytes_.data() + stamps_[i]);
  return std::string_view(bytes_).substr(request.offset, request.bytes);
}

bool RequestFile::CanServe(std::size_t connections) const {
  return stamps_.empty() || requests_.size() >= connections;
}

}  // namespace granary::bench
