#include "granary/tenant/search_cursor.h"

#include <algorithm>

#include "granary/base/base64.h"
#include "granary/base/bytes.h"
#include "granary/security/hmac.h"

namespace granary {
namespace {

constexpr std::uint8_t kFormat = 2;
constexpr std::uint8_t kWithoutGenerations = 1;  // Of before the first compaction.
constexpr std::uint8_t kAtTheBeginning = 3;

Status NotOurs() {
  return Status::Invalid(Code::kInvalidRequest, "/cursor",
                         "not a cursor of this tenant; send next_cursor as it was given");
}

std::string ToUrl(std::string text) {
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  text.resize(std::min(text.find('='), text.size()));
  return text;
}

std::optional<std::string> FromUrl(std::string_view text) {
  if (text.find_first_of("+/=") != std::string_view::npos) return std::nullopt;
  std::string plain(text);
  std::replace(plain.begin(), plain.end(), '-', '+');
  std::replace(plain.begin(), plain.end(), '_', '/');
  plain.append((4 - plain.size() % 4) % 4, '=');
  return Base64Decode(plain);
}

Result<SearchCursor> Decode(std::string_view bytes) {
  ByteReader in(bytes);
  const auto format = in.Fixed<std::uint8_t>();
  if (format < kWithoutGenerations || format > kAtTheBeginning) return NotOurs();
  SearchCursor cursor;
  cursor.began_us = in.Fixed<std::int64_t>();
  cursor.request.low = in.Fixed<std::uint64_t>();
  cursor.request.high = in.Fixed<std::uint64_t>();
  const auto sources = in.Fixed<std::uint32_t>();
  for (std::uint32_t i = 0; i < sources && in.ok(); ++i) {
    storage::SnapshotMark& mark = cursor.sources.emplace_back();
    mark.uid.value = in.Fixed<std::uint64_t>();
    mark.visible_sequence = in.Fixed<std::uint64_t>();
    mark.flushed_sequence = in.Fixed<std::uint64_t>();
    mark.schema_version = in.Fixed<std::uint32_t>();
    mark.life = in.Fixed<std::uint64_t>();
    if (format != kWithoutGenerations) mark.generation = in.Fixed<std::uint64_t>();
  }
  if (format != kAtTheBeginning) {
    auto position = query::DecodePosition(in);
    if (!position.ok()) return NotOurs();
    cursor.position = position.Take();
  }
  if (!in.ok() || in.remaining() != 0) return NotOurs();
  return cursor;
}

}  // namespace

Result<std::string> CursorSeal::Write(const SearchCursor& cursor) const {
  std::string bytes;
  PutFixed(bytes, cursor.position ? kFormat : kAtTheBeginning);
  PutFixed(bytes, cursor.began_us);
  PutFixed(bytes, cursor.request.low);
  PutFixed(bytes, cursor.request.high);
  PutFixed(bytes, static_cast<std::uint32_t>(cursor.sources.size()));
  for (const storage::SnapshotMark& mark : cursor.sources) {
    PutFixed(bytes, mark.uid.value);
    PutFixed(bytes, mark.visible_sequence);
    PutFixed(bytes, mark.flushed_sequence);
    PutFixed(bytes, mark.schema_version);
    PutFixed(bytes, mark.life);
    PutFixed(bytes, mark.generation);
  }
  if (cursor.position) query::EncodePosition(*cursor.position, bytes);
  GRANARY_ASSIGN(const std::string mac, security::HmacSha256(key_, bytes));
  return ToUrl(Base64Encode(bytes + mac));
}

Result<SearchCursor> CursorSeal::Read(std::string_view text) const {
  const std::optional<std::string> all = FromUrl(text);
  if (!all || all->size() <= security::kHmacBytes) return NotOurs();
  const std::string_view bytes =
      std::string_view(*all).substr(0, all->size() - security::kHmacBytes);
  GRANARY_ASSIGN(const std::string mac, security::HmacSha256(key_, bytes));
  // Before anything in it is believed.
  if (!security::EqualInConstantTime(mac, std::string_view(*all).substr(bytes.size())))
    return NotOurs();
  return Decode(bytes);
}

}  // namespace granary
