#include "granary/api/value_json.h"

#include "granary/base/append_format.h"
#include "granary/base/base64.h"
#include "granary/json/batch_writer.h"
#include "granary/types/time_text.h"

namespace granary::api {
namespace {

std::string UuidText(std::string_view bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out.push_back('-');
    AppendFormat(out, "{:02x}", static_cast<unsigned char>(bytes[i]));
  }
  return out;
}

void AppendText(const std::string& text, const DataType& type, std::string& out) {
  switch (type.kind()) {
    case TypeKind::kBinary: return json::AppendString(Base64Encode(text), out);
    case TypeKind::kUuid: return json::AppendString(UuidText(text), out);
    case TypeKind::kJson: out.append(text); return;
    default: return json::AppendString(text, out);
  }
}

void AppendInteger(std::int64_t value, const DataType& type, std::string& out) {
  if (!type.IsTemporal()) {
    AppendFormat(out, "{}", value);
    return;
  }
  out.push_back('"');
  if (type.kind() == TypeKind::kDate)
    AppendDate(value, out);
  else if (type.kind() == TypeKind::kTime)
    AppendTime(value, out);
  else
    AppendTimestamp(value, type.unit(), out);
  out.push_back('"');
}

}  // namespace

void AppendValueJson(const Value& value, const DataType& type, std::string& out) {
  if (IsNull(value)) {
    out.append("null");
  } else if (const auto* boolean = std::get_if<bool>(&value)) {
    out.append(*boolean ? "true" : "false");
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    AppendInteger(*integer, type, out);
  } else if (const auto* natural = std::get_if<std::uint64_t>(&value)) {
    AppendFormat(out, "{}", *natural);
  } else if (const auto* number = std::get_if<double>(&value)) {
    if (type.kind() == TypeKind::kFloat32)
      json::AppendFloat(static_cast<float>(*number), out);
    else
      json::AppendDouble(*number, out);
  } else if (std::holds_alternative<Int128>(value)) {
    json::AppendString(ValueToText(value, type), out);
  } else {
    AppendText(std::get<std::string>(value), type, out);
  }
}

}  // namespace granary::api
