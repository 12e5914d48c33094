#include "granary/query/exec/answer_shape.h"

#include <unordered_map>

#include "granary/query/exec/common_type.h"
#include "granary/query/exec/source_columns.h"

namespace granary::query {
namespace {

std::optional<DataType> ExactCommon(const DataType& a, const DataType& b) {
  const auto common = CommonType(a, b);
  if (!common || !IsSafeWidening(a, *common) || !IsSafeWidening(b, *common)) return std::nullopt;
  return common;
}

class ShapeMaker {
 public:
  void Add(const std::string& name, const DataType& type) {
    const auto [at, is_new] = positions_.emplace(name, columns_.size());
    if (is_new) {
      columns_.push_back({name, type});
      return;
    }
    std::optional<DataType>& known = columns_[at->second].type;
    if (known) known = ExactCommon(*known, type);
  }
  std::vector<ShapeColumn> Take() { return std::move(columns_); }

 private:
  std::vector<ShapeColumn> columns_;
  std::unordered_map<std::string, std::size_t> positions_;
};

}  // namespace

AnswerShape ShapeOf(const SearchRequest& request,
                    const std::vector<storage::SourceSnapshot>& sources) {
  AnswerShape shape;
  ShapeMaker maker;
  for (const storage::SourceSnapshot& source : sources) {
    shape.sources.push_back(source.id);
    if (!request.columns.empty()) continue;
    for (const Column& column : source.schema->columns()) maker.Add(column.name, column.type);
  }
  for (const std::string& name : request.columns) {
    for (const storage::SourceSnapshot& source : sources) {
      if (const auto ref = ResolveColumn(*source.schema, name)) maker.Add(name, TypeOf(*ref));
    }
  }
  shape.columns = maker.Take();
  return shape;
}

}  // namespace granary::query
