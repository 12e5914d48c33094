// PartitionPath, and a key's bytes for the manifest (partition.h).
#include <fmt/format.h>

#include "granary/base/check.h"
#include "granary/base/hash.h"
#include "granary/storage/partition/civil_time.h"
#include "granary/storage/partition/partition.h"

namespace granary::storage {
namespace {

constexpr std::size_t kPartMaxBytes = 200;  // File systems stop at 255, and tools add to names.
constexpr std::size_t kHashBytes = 1 + 16;
constexpr std::string_view kNullText = "__null__";

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

void AppendEscaped(std::string_view text, std::string& out) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  for (const char c : text) {
    if (IsPlain(c)) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kDigits[static_cast<std::uint8_t>(c) >> 4]);
      out.push_back(kDigits[static_cast<std::uint8_t>(c) & 15]);
    }
  }
}

std::string_view SuffixOf(TransformKind kind) {
  switch (kind) {
    case TransformKind::kIdentity: return "";
    case TransformKind::kYear: return "_year";
    case TransformKind::kMonth: return "_month";
    case TransformKind::kDay: return "_day";
    case TransformKind::kHour: return "_hour";
    case TransformKind::kBucket: return "_bucket";
    case TransformKind::kTruncate: return "_trunc";
  }
  return "";
}

std::string KeyText(const Transform& transform, const DataType& type, const Value& key) {
  switch (transform.kind) {
    case TransformKind::kIdentity:
    case TransformKind::kTruncate: return ValueToText(key, type);
    case TransformKind::kBucket: return ValueToText(key, TypeKind::kInt64);
    default: return PeriodText(transform.kind, std::get<std::int64_t>(key));
  }
}

void AppendKey(const Transform& transform, const DataType& type, const Value& key,
               std::string& out) {
  if (IsNull(key)) {
    out += kNullText;
    return;
  }
  const std::string text = KeyText(transform, type, key);
  if (text == kNullText) {
    out += "%5F";
    AppendEscaped(std::string_view(text).substr(1), out);
  } else {
    AppendEscaped(text, out);
  }
}

/// "~" is in no other part, so a shortened one meets none.
void Shorten(std::string& part) {
  if (part.size() <= kPartMaxBytes) return;
  const std::string hash = fmt::format("~{:016x}", Hash64(part));
  part.resize(kPartMaxBytes - kHashBytes);
  for (std::size_t i = 1; i <= 2; ++i) {  // No half escape at the end.
    if (part[part.size() - i] == '%') {
      part.resize(part.size() - i);
      break;
    }
  }
  part += hash;
}

}  // namespace

std::string PartitionPath(const PartitionSpec& spec, const Schema& schema,
                          const PartitionKey& key) {
  GRANARY_CHECK(spec.size() == key.size(), "{} fields, {} values", spec.size(), key.size());
  std::string path;
  for (std::size_t i = 0; i < spec.size(); ++i) {
    const Column* column = schema.FindId(spec[i].column);
    GRANARY_CHECK(column != nullptr, "the schema lacks column {}", spec[i].column);
    std::string part;
    AppendEscaped(column->name, part);
    part += SuffixOf(spec[i].transform.kind);
    part += '=';
    AppendKey(spec[i].transform, column->type, key[i], part);
    Shorten(part);
    if (i > 0) path += '/';
    path += part;
  }
  return path;
}

void EncodePartitionKey(const PartitionKey& key, std::string& out) {
  PutFixed(out, static_cast<std::uint16_t>(key.size()));
  for (const Value& value : key) EncodeValue(value, out);
}

Result<PartitionKey> DecodePartitionKey(std::string_view bytes) {
  ByteReader in(bytes);
  const auto count = in.Fixed<std::uint16_t>();
  PartitionKey key;
  for (std::uint16_t i = 0; i < count; ++i) {
    GRANARY_ASSIGN(key.emplace_back(), DecodeValue(in));
  }
  if (!in.ok() || in.remaining() != 0) {
    return Status::Corruption("partition key: cut short or too long");
  }
  return key;
}

}  // namespace granary::storage
