// Cell: one JSON value on its way into a column. Strings and number tokens are read once, here,
// because the parser's string buffer has room for reading each string only once. A string without
// escapes stays where it stands in the text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <simdjson.h>

#include "granary/base/status.h"
#include "granary/types/data_type.h"

namespace granary::json {

/// What became of a cell.
enum class Taken : std::uint8_t {
  kYes,
  kRefused,  ///< The value does not fit: CellContext::detail and where.
  kBroken,   ///< Not JSON, or out of memory: CellContext::failure. Reading cannot go on.
};

/// Shared by all cells of one parse.
struct CellContext {
  std::size_t depth_max = 0;
  std::size_t depth = 0;  ///< Containers around the cell.
  std::string where;      ///< Of a refused cell: "" or "/2" for a list's element.
  std::string detail;
  Status failure;
  std::string scratch;

  Taken Refuse(std::string text);
  Taken Break(simdjson::error_code error);
  Taken Break(std::string text);
};

/// Inside one more container for as long as it lives.
class NestedCell {
 public:
  explicit NestedCell(CellContext& context) : context_(context) { ++context_.depth; }
  ~NestedCell() { --context_.depth; }
  NestedCell(const NestedCell&) = delete;
  NestedCell& operator=(const NestedCell&) = delete;
  bool too_deep() const { return context_.depth > context_.depth_max; }

 private:
  CellContext& context_;
};

struct Cell {
  simdjson::ondemand::value value;  ///< Of an array or object, which are read from here.
  simdjson::ondemand::json_type type;
  std::string_view text;  ///< A string's bytes; a number's token.
  bool boolean = false;

  bool IsNull() const { return type == simdjson::ondemand::json_type::null; }
  bool IsString() const { return type == simdjson::ondemand::json_type::string; }
  bool IsNumber() const { return type == simdjson::ondemand::json_type::number; }
};

/// Reads what stands at `value`. A number's token is not yet known to be a JSON number.
Taken ReadCell(const simdjson::ondemand::value& value, CellContext& context, Cell& cell);

/// Refuses with "expected <what>, found <cell>", or breaks when the cell is no JSON after all.
Taken RefuseCell(Cell& cell, std::string_view expected, CellContext& context);

/// Appends the value as JSON without white space: keys in their order, numbers digit for digit,
/// strings with the escapes that are needed and no others.
Taken AppendMinified(Cell& cell, CellContext& context, std::string& out);

}  // namespace granary::json
