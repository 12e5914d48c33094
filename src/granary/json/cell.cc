#include "granary/json/cell.h"

#include <fmt/format.h>

#include "granary/base/utf8.h"
#include "granary/json/batch_writer.h"
#include "granary/types/number_text.h"

namespace granary::json {
namespace {

namespace ondemand = simdjson::ondemand;
using ondemand::json_type;

constexpr std::size_t kShownBytes = 64;

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

std::string_view WithoutSpace(std::string_view token) {
  while (!token.empty() && IsSpace(token.back())) token.remove_suffix(1);
  return token;
}

/// A string stays where it stands when nothing of it is escaped. Bytes that no string may have were
/// refused before.
Taken ReadString(std::string_view token, Cell& cell, CellContext& context) {
  token = WithoutSpace(token);
  const bool plain = token.size() >= 2 && token.back() == '"' && token.find('\\') == token.npos;
  if (!plain) {
    const auto error = cell.value.get_string().get(cell.text);
    return error ? context.Break(error) : Taken::kYes;
  }
  cell.text = token.substr(1, token.size() - 2);
  ondemand::raw_json_string behind;  // Steps over it.
  const auto error = cell.value.get_raw_json_string().get(behind);
  return error ? context.Break(error) : Taken::kYes;
}

std::string_view Cut(std::string_view text) {
  if (text.size() <= kShownBytes) return text;
  return text.substr(0, ValidUtf8PrefixBytes(text.substr(0, kShownBytes)));
}

std::string Shown(const Cell& cell, std::string_view atom) {
  const std::string_view dots = cell.text.size() > kShownBytes ? "…" : "";
  switch (cell.type) {
    case json_type::string: return fmt::format("string \"{}{}\"", Cut(cell.text), dots);
    case json_type::number: return fmt::format("number {}{}", Cut(cell.text), dots);
    case json_type::array: return "an array";
    case json_type::object: return "an object";
    default: return std::string(atom);
  }
}

Taken TooDeep(CellContext& context) {
  return context.Break(fmt::format("nested deeper than {} levels", context.depth_max));
}

Taken AppendArray(Cell& cell, CellContext& context, std::string& out) {
  ondemand::array array;
  if (const auto error = cell.value.get_array().get(array)) return context.Break(error);
  out.push_back('[');
  bool first = true;
  for (auto item : array) {
    ondemand::value value;
    if (const auto error = item.get(value)) return context.Break(error);
    if (!first) out.push_back(',');
    first = false;
    Cell element;
    if (const Taken taken = ReadCell(value, context, element); taken != Taken::kYes) return taken;
    if (const Taken taken = AppendMinified(element, context, out); taken != Taken::kYes)
      return taken;
  }
  out.push_back(']');
  return Taken::kYes;
}

Taken AppendObject(Cell& cell, CellContext& context, std::string& out) {
  ondemand::object object;
  if (const auto error = cell.value.get_object().get(object)) return context.Break(error);
  out.push_back('{');
  bool first = true;
  for (auto item : object) {
    ondemand::field field;
    if (const auto error = std::move(item).get(field)) return context.Break(error);
    std::string_view key;
    if (const auto error = field.unescaped_key().get(key)) return context.Break(error);
    if (!first) out.push_back(',');
    first = false;
    AppendString(key, out);
    out.push_back(':');
    Cell member;
    if (const Taken taken = ReadCell(field.value(), context, member); taken != Taken::kYes)
      return taken;
    if (const Taken taken = AppendMinified(member, context, out); taken != Taken::kYes)
      return taken;
  }
  out.push_back('}');
  return Taken::kYes;
}

}  // namespace

Taken CellContext::Refuse(std::string text) {
  where.clear();
  detail = std::move(text);
  return Taken::kRefused;
}

Taken CellContext::Break(simdjson::error_code error) {
  return Break(std::string(simdjson::error_message(error)));
}

Taken CellContext::Break(std::string text) {
  failure = Status(Code::kInvalidJson, std::move(text));
  return Taken::kBroken;
}

Taken ReadCell(const ondemand::value& value, CellContext& context, Cell& cell) {
  cell.value = value;
  const std::string_view token = cell.value.raw_json_token();
  const char first = token.empty() ? '\0' : token.front();
  if (first == '"') {
    cell.type = json_type::string;
    return ReadString(token, cell, context);
  }
  if (first == '-' || (first >= '0' && first <= '9')) {
    cell.type = json_type::number;
    cell.text = WithoutSpace(token);
    return Taken::kYes;
  }
  if (const auto error = cell.value.type().get(cell.type)) return context.Break(error);
  if (cell.type == json_type::boolean) {
    const auto error = cell.value.get_bool().get(cell.boolean);
    return error ? context.Break(error) : Taken::kYes;
  }
  if (!cell.IsNull()) return Taken::kYes;
  bool null = false;
  if (const auto error = cell.value.is_null().get(null)) return context.Break(error);
  return null ? Taken::kYes : context.Break(simdjson::N_ATOM_ERROR);
}

Taken RefuseCell(Cell& cell, std::string_view expected, CellContext& context) {
  std::string_view atom = "null";
  if (cell.type == json_type::boolean) atom = cell.boolean ? "true" : "false";
  if (cell.IsNumber() && !IsJsonNumber(cell.text)) return context.Break(simdjson::NUMBER_ERROR);
  return context.Refuse(fmt::format("expected {}, found {}", expected, Shown(cell, atom)));
}

Taken AppendMinified(Cell& cell, CellContext& context, std::string& out) {
  switch (cell.type) {
    case json_type::string: AppendString(cell.text, out); return Taken::kYes;
    case json_type::null: out.append("null"); return Taken::kYes;
    case json_type::boolean: out.append(cell.boolean ? "true" : "false"); return Taken::kYes;
    case json_type::number:
      if (!IsJsonNumber(cell.text)) return context.Break(simdjson::NUMBER_ERROR);
      out.append(cell.text);
      return Taken::kYes;
    default: break;
  }
  const NestedCell nested(context);
  if (nested.too_deep()) return TooDeep(context);
  return cell.type == json_type::array ? AppendArray(cell, context, out)
                                       : AppendObject(cell, context, out);
}

}  // namespace granary::json
