// AppendString, AppendDouble, AppendFloat (batch_writer.h).
#include <cmath>

#include "granary/base/utf8.h"
#include "granary/json/batch_writer.h"
#include "granary/json/plain_text.h"
#include "granary/types/number_text.h"

namespace granary::json {
namespace {

void AppendEscape(unsigned char c, std::string& out) {
  switch (c) {
    case '"': out.append("\\\""); return;
    case '\\': out.append("\\\\"); return;
    case '\b': out.append("\\b"); return;
    case '\f': out.append("\\f"); return;
    case '\n': out.append("\\n"); return;
    case '\r': out.append("\\r"); return;
    case '\t': out.append("\\t"); return;
    default: break;
  }
  constexpr char kHex[] = "0123456789abcdef";
  out.append("\\u00");
  out.push_back(kHex[c >> 4]);
  out.push_back(kHex[c & 15]);
}

void AppendValidUtf8(std::string_view text, std::string& out) {
  std::size_t start = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text.substr(start, at - start));
    AppendEscape(c, out);
    start = at + 1;
  }
  out.append(text.substr(start));
}

/// Each byte that no character begins with, or that breaks one off, becomes U+FFFD.
void AppendRepaired(std::string_view text, std::string& out) {
  while (!text.empty()) {
    const std::size_t valid = ValidUtf8PrefixBytes(text);
    AppendValidUtf8(text.substr(0, valid), out);
    text.remove_prefix(valid);
    if (text.empty()) return;
    out.append("\xEF\xBF\xBD");
    text.remove_prefix(1);
  }
}

template <typename Float>
void AppendNumber(Float value, void (*append)(Float, std::string&), std::string& out) {
  if (std::isfinite(value)) return append(value, out);
  out.push_back('"');
  append(value, out);
  out.push_back('"');
}

}  // namespace

void AppendString(std::string_view text, std::string& out) {
  out.push_back('"');
  const std::size_t plain = PlainPrefix(text);
  out.append(text.substr(0, plain));
  if (plain < text.size()) {
    text.remove_prefix(plain);
    if (IsValidUtf8(text)) {
      AppendValidUtf8(text, out);
    } else {
      AppendRepaired(text, out);
    }
  }
  out.push_back('"');
}

void AppendDouble(double value, std::string& out) { AppendNumber(value, &AppendDoubleText, out); }
void AppendFloat(float value, std::string& out) { AppendNumber(value, &AppendFloatText, out); }

}  // namespace granary::json
