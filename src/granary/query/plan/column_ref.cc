#include "granary/json/json_path.h"
#include "granary/query/plan/filter.h"
#include "granary/types/rest_column.h"

namespace granary::query {
namespace {

/// The column's name as a path writes it: "a\.b" is a.b.
std::string Unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    out.push_back(text[i]);
  }
  return out;
}

/// Positions of the dots that separate keys.
std::vector<std::size_t> Dots(std::string_view text) {
  std::vector<std::size_t> dots;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '.') {
      dots.push_back(i);
    }
  }
  return dots;
}

const Column* FindEitherWay(const Schema& schema, std::string_view written) {
  if (const Column* column = schema.Find(written)) return column;
  return schema.Find(Unescape(written));
}

std::optional<ColumnRef> ResolvePath(const Schema& schema, std::string_view name) {
  const std::vector<std::size_t> dots = Dots(name);
  for (auto dot = dots.rbegin(); dot != dots.rend(); ++dot) {
    const Column* column = FindEitherWay(schema, name.substr(0, *dot));
    if (column == nullptr || column->type.kind() != TypeKind::kJson) continue;
    auto path = json::SplitPath(name.substr(*dot + 1));
    if (!path.ok()) return std::nullopt;
    return ColumnRef{column->id, std::string(name), column->type, path.Take()};
  }
  return std::nullopt;
}

}  // namespace

std::optional<ColumnRef> ResolveColumn(const Schema& schema, std::string_view name) {
  if (const Column* column = FindEitherWay(schema, name)) {
    return ColumnRef{column->id, std::string(name), column->type, {}};
  }
  if (name == kSequenceColumnName) {
    return ColumnRef{kSequenceColumnId, std::string(name), TypeKind::kInt64, {}};
  }
  if (auto inside = ResolvePath(schema, name)) return inside;
  const Column* rest = RestColumn(schema);
  auto path = json::SplitPath(name);
  if (rest == nullptr || !path.ok()) return std::nullopt;
  return ColumnRef{rest->id, std::string(name), rest->type, path.Take()};
}

}  // namespace granary::query
