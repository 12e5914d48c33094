#include "granary/net/content_coding.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "granary/base/utf8.h"
#include "granary/net/header_list.h"
#include "granary/net/quality_list.h"

namespace granary::net {

std::string_view CodingName(ContentCoding coding) {
  switch (coding) {
    case ContentCoding::kGzip: return "gzip";
    case ContentCoding::kZstd: return "zstd";
    case ContentCoding::kIdentity: break;
  }
  return "identity";
}

Result<ContentCoding> ParseCoding(std::string_view content_encoding) {
  const auto items = ParseHeaderList(content_encoding);
  if (items.empty()) return ContentCoding::kIdentity;
  if (items.size() == 1 && items[0].parameters.empty()) {
    const std::string& name = items[0].value;
    if (name == "identity") return ContentCoding::kIdentity;
    if (name == "gzip" || name == "x-gzip") return ContentCoding::kGzip;
    if (name == "zstd") return ContentCoding::kZstd;
  }
  return Status(Code::kUnsupportedMediaType,
                fmt::format("Content-Encoding is '{}', expected gzip, zstd or identity",
                            Quotable(content_encoding)));
}

Result<AnswerCodings> ChooseCodings(std::string_view accept_encoding) {
  const auto items = ParseQualityList(accept_encoding);
  const auto quality = [&](std::string_view name) -> std::optional<int> {
    std::optional<int> any;
    for (const QualityItem& item : items) {
      const std::string_view value = item.value == "x-gzip" ? "gzip" : std::string_view(item.value);
      if (value == name) return item.thousandths;
      if (value == "*") any = item.thousandths;
    }
    return any;
  };
  AnswerCodings out;
  // Without a word about it, identity is fine.
  out.identity = quality("identity").value_or(1000) > 0;
  // Whoever names identity may like it better; else any coding that is taken is wanted.
  int best_quality = 0;
  for (const QualityItem& item : items) {
    if (item.value == "identity") best_quality = std::max(item.thousandths - 1, 0);
  }
  for (const ContentCoding coding : {ContentCoding::kZstd, ContentCoding::kGzip}) {
    const int given = quality(CodingName(coding)).value_or(0);
    if (given <= best_quality) continue;
    out.best = coding;
    best_quality = given;
  }
  if (!out.identity && out.best == ContentCoding::kIdentity) {
    return Status(Code::kNotAcceptable,
                  fmt::format("Accept-Encoding is '{}', offered are zstd, gzip and identity",
                              Quotable(accept_encoding)));
  }
  return out;
}

}  // namespace granary::net
