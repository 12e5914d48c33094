#include "granary/json/document_reader.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "granary/json/batch_writer.h"
#include "granary/types/number_text.h"

namespace granary::json {
namespace {

namespace ondemand = simdjson::ondemand;
using ondemand::json_type;

Taken AppendCanonicalArray(Cell& cell, CellContext& context, std::string& out) {
  ondemand::array array;
  if (const auto error = cell.value.get_array().get(array)) return context.Break(error);
  out.push_back('[');
  for (auto item : array) {
    ondemand::value value;
    if (const auto error = item.get(value)) return context.Break(error);
    Cell element;
    if (const Taken taken = ReadCell(value, context, element); taken != Taken::kYes) return taken;
    if (const Taken taken = AppendCanonical(element, context, out); taken != Taken::kYes)
      return taken;
    out.push_back(',');
  }
  out.push_back(']');
  return Taken::kYes;
}

Taken AppendCanonicalObject(Cell& cell, CellContext& context, std::string& out) {
  ondemand::object object;
  if (const auto error = cell.value.get_object().get(object)) return context.Break(error);
  std::vector<std::string> members;
  for (auto item : object) {
    ondemand::field field;
    if (const auto error = std::move(item).get(field)) return context.Break(error);
    std::string_view key;
    if (const auto error = field.unescaped_key().get(key)) return context.Break(error);
    std::string& member = members.emplace_back();
    AppendString(key, member);
    member.push_back(':');
    Cell value;
    if (const Taken taken = ReadCell(field.value(), context, value); taken != Taken::kYes)
      return taken;
    if (const Taken taken = AppendCanonical(value, context, member); taken != Taken::kYes)
      return taken;
  }
  std::sort(members.begin(), members.end());
  out.push_back('{');
  for (const std::string& member : members) out.append(member).push_back(',');
  out.push_back('}');
  return Taken::kYes;
}

}  // namespace

DocumentReader::DocumentReader() = default;

Taken DocumentReader::Open(std::string_view text, CellContext& context) {
  context.depth = 0;
  // In brackets, because on its own a scalar is read by other calls than one inside something.
  padded_.assign(1, '[').append(text).push_back(']');
  const std::size_t length = padded_.size();
  padded_.append(simdjson::SIMDJSON_PADDING, ' ');
  const simdjson::padded_string_view padded(padded_.data(), length, padded_.size());
  if (const auto error = parser_.iterate(padded).get(document_)) return context.Break(error);
  if (const auto error = document_.get_array().get(wrapper_)) return context.Break(error);
  return Taken::kYes;
}

Taken DocumentReader::Read(std::string_view text, CellContext& context, Cell& cell) {
  context.depth_max = kDocumentDepthMax;
  if (const Taken taken = Open(text, context); taken != Taken::kYes) return taken;
  for (auto item : wrapper_) {
    ondemand::value value;
    if (const auto error = item.get(value)) return context.Break(error);
    return ReadCell(value, context, cell);
  }
  return context.Break(simdjson::EMPTY);
}

Taken DocumentReader::Minify(std::string_view text, std::size_t depth_max, CellContext& context,
                             std::string& out) {
  context.depth_max = depth_max;
  if (const Taken taken = Open(text, context); taken != Taken::kYes) return taken;
  bool any = false;
  for (auto item : wrapper_) {
    ondemand::value value;
    if (const auto error = item.get(value)) return context.Break(error);
    if (std::exchange(any, true)) return context.Break(simdjson::TAPE_ERROR);
    Cell cell;
    if (const Taken taken = ReadCell(value, context, cell); taken != Taken::kYes) return taken;
    if (const Taken taken = AppendMinified(cell, context, out); taken != Taken::kYes) return taken;
  }
  if (!any) return context.Break(simdjson::EMPTY);
  // "1],[2" closes the bracket in front of it.
  const bool at_end = document_.current_location().error() == simdjson::OUT_OF_BOUNDS;
  return at_end ? Taken::kYes : context.Break(simdjson::TAPE_ERROR);
}

Taken AppendCanonical(Cell& cell, CellContext& context, std::string& out) {
  const NestedCell nested(context);
  if (nested.too_deep()) return context.Break(simdjson::DEPTH_ERROR);
  switch (cell.type) {
    case json_type::array: return AppendCanonicalArray(cell, context, out);
    case json_type::object: return AppendCanonicalObject(cell, context, out);
    case json_type::number:
      if (!IsJsonNumber(cell.text)) return context.Break(simdjson::NUMBER_ERROR);
      AppendNormalNumber(cell.text, out);
      return Taken::kYes;
    default: return AppendMinified(cell, context, out);
  }
}

}  // namespace granary::json
