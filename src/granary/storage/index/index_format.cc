#include "granary/storage/index/index_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "granary/base/bytes.h"
#include "granary/base/check.h"
#include "granary/base/crc32c.h"

namespace granary::storage {
namespace {

constexpr std::size_t kVarintBytesMax = 10;
constexpr std::size_t kCrcBytes = sizeof(std::uint32_t);

std::size_t SharedPrefix(std::string_view a, std::string_view b) {
  const std::size_t most = std::min(a.size(), b.size());
  std::size_t n = 0;
  while (n < most && a[n] == b[n]) ++n;
  return n;
}

/// At most kVarintBytesMax; behind them.
char* WriteVarint(std::uint64_t value, char* at) {
  for (; value >= 0x80; value >>= 7) *at++ = static_cast<char>(value | 0x80);
  *at++ = static_cast<char>(value);
  return at;
}

bool IsSane(const IndexFooterLayout& footer) {
  const bool is_tree = footer.kind != static_cast<std::uint8_t>(IndexKind::kBloom);
  const bool has_root = footer.levels > 0;
  if (footer.kind > static_cast<std::uint8_t>(IndexKind::kBloom)) return false;
  if (footer.key_form < 1 || footer.key_form > static_cast<std::uint8_t>(KeyForm::kBytes))
    return false;
  if (footer.levels > kIndexLevelsMax || (!is_tree && has_root)) return false;
  if (footer.keys > footer.entries || footer.entries > footer.rows) return false;
  if (!is_tree) return true;
  if (has_root != (footer.entries > 0)) return false;
  return !has_root || (footer.root_offset <= footer.blocks_bytes &&
                       footer.root_bytes == footer.blocks_bytes - footer.root_offset);
}

}  // namespace

void EncodeIndexFooter(IndexFooterLayout footer, std::string& out) {
  std::memcpy(footer.magic, kIndexMagic.data(), sizeof(footer.magic));
  footer.format_version = kIndexFormatVersion;
  footer.reserved = 0;
  std::string bytes(sizeof(footer), '\0');
  std::memcpy(bytes.data(), &footer, sizeof(footer));
  footer.crc = Crc32c(std::string_view(bytes).substr(0, sizeof(footer) - kCrcBytes));
  std::memcpy(bytes.data(), &footer, sizeof(footer));
  out += bytes;
}

Result<IndexFooterLayout> DecodeIndexFooter(std::string_view bytes) {
  IndexFooterLayout footer;
  if (bytes.size() != sizeof(footer)) return Status::Corruption("shorter than a footer");
  std::memcpy(&footer, bytes.data(), sizeof(footer));
  if (std::string_view(footer.magic, sizeof(footer.magic)) != kIndexMagic)
    return Status::Corruption("not an index file");
  if (footer.crc != Crc32c(bytes.substr(0, sizeof(footer) - kCrcBytes)))
    return Status::Corruption("the footer's checksum does not match");
  if (footer.format_version > kIndexFormatVersion) {
    return Status(Code::kConflict, fmt::format("format {} is newer than this version reads ({})",
                                               footer.format_version, kIndexFormatVersion));
  }
  if (!IsSane(footer)) return Status::Corruption("the footer contradicts itself");
  return footer;
}

std::uint32_t IndexFooterCrc(std::string_view bytes) {
  std::uint32_t crc = 0;
  std::memcpy(&crc, bytes.data() + bytes.size() - sizeof(crc), sizeof(crc));
  return crc;
}

void SealBlock(std::string& payload) { PutFixed(payload, Crc32c(payload)); }

Result<std::string_view> OpenBlock(std::string_view block) {
  if (block.size() < kCrcBytes) return Status::Corruption("shorter than a checksum");
  const std::string_view payload = block.substr(0, block.size() - kCrcBytes);
  std::uint32_t crc = 0;
  std::memcpy(&crc, block.data() + payload.size(), kCrcBytes);
  if (crc != Crc32c(payload)) return Status::Corruption("a block's checksum does not match");
  return payload;
}

void PutVarint(std::uint64_t value, std::string& out) {
  char bytes[kVarintBytesMax];
  out.append(bytes, static_cast<std::size_t>(WriteVarint(value, bytes) - bytes));
}

/// Room for an entry of `key` and `more` numbers, and its key at the front of that: where the
/// numbers go, of which EndEntry then hears the end.
char* BlockBuilder::BeginEntry(std::string_view key, std::size_t more) {
  if (payload_.empty()) {
    first_key_ = key;
    payload_.reserve(kIndexBlockBytes + kIndexBlockBytes / 8);  // Blocks end a little behind.
  }
  const std::size_t shared = payload_.empty() ? 0 : SharedPrefix(last_key_, key);
  const std::size_t begin = payload_.size();
  payload_.resize(begin + key.size() + (2 + more) * kVarintBytesMax);
  char* at = WriteVarint(shared, payload_.data() + begin);
  at = WriteVarint(key.size() - shared, at);
  std::memcpy(at, key.data() + shared, key.size() - shared);
  last_key_ = key;
  return at + (key.size() - shared);
}

void BlockBuilder::EndEntry(const char* end) {
  payload_.resize(static_cast<std::size_t>(end - payload_.data()));
}

void BlockBuilder::AddRows(std::string_view key, const std::uint32_t* rows, std::size_t count) {
  GRANARY_CHECK(count > 0 && count <= kEntryRowsMax, "count={}", count);
  char* at = WriteVarint(count, BeginEntry(key, 1 + count));
  std::uint32_t before = 0;
  for (std::size_t i = 0; i < count; ++i)
    at = WriteVarint(rows[i] - std::exchange(before, rows[i]), at);
  EndEntry(at);
}

void BlockBuilder::AddChild(std::string_view key, std::uint64_t offset, std::uint64_t bytes) {
  EndEntry(WriteVarint(bytes, WriteVarint(offset, BeginEntry(key, 2))));
}

std::string BlockBuilder::Take() {
  std::string block = std::exchange(payload_, {});
  SealBlock(block);
  return block;
}

BlockCursor::BlockCursor(std::string_view rest, std::string_view key)
    : at_(rest.data()),
      end_(rest.data() + rest.size()),
      has_key_(true),
      key_bytes_(std::min(key.size(), sizeof(key_))) {
  std::memcpy(key_, key.data(), key_bytes_);
}

bool BlockCursor::Varint(std::uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && at_ != end_; shift += 7) {
    const auto byte = static_cast<unsigned char>(*at_++);
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

bool BlockCursor::NextKey() {
  if (std::exchange(has_key_, false)) return true;
  std::uint64_t shared = 0, more = 0;
  if (!Varint(shared) || !Varint(more)) return false;
  if (shared > key_bytes_ || more > remaining() || more > sizeof(key_) - shared) return false;
  // Keys with a common beginning are in order as their ends are.
  const std::size_t old = key_bytes_ - shared;
  const int order = std::memcmp(at_, key_ + shared, std::min<std::size_t>(more, old));
  if (order < 0 || (order == 0 && more < old)) return false;
  std::memcpy(key_ + shared, at_, more);
  key_bytes_ = shared + more;
  at_ += more;
  return true;
}

template <typename Take>
bool BlockCursor::EachRow(const Take& take) {
  std::uint64_t count = 0;
  if (!Varint(count) || count == 0 || count > kEntryRowsMax) return false;
  constexpr std::uint64_t kRowMax = std::numeric_limits<std::uint32_t>::max();
  std::uint64_t row = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t delta = 0;
    if (!Varint(delta) || delta > kRowMax - row || (delta == 0 && i > 0)) return false;
    row += delta;
    take(static_cast<std::uint32_t>(row));
  }
  return true;
}

bool BlockCursor::NextRows(std::vector<std::uint32_t>& rows) {
  rows.clear();
  return EachRow([&rows](std::uint32_t row) { rows.push_back(row); });
}

bool BlockCursor::SkipRows() {
  return EachRow([](std::uint32_t) {});
}

bool BlockCursor::NextChild(std::uint64_t& offset, std::uint64_t& bytes) {
  return Varint(offset) && Varint(bytes);
}

}  // namespace granary::storage
