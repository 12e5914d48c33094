#include "granary/json/shred_merger.h"

#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <fmt/format.h>

#include "granary/json/document_reader.h"
#include "granary/json/lane_array.h"
#include "granary/json/minified_text.h"
#include "granary/json/path_tree.h"

namespace granary::json {
namespace {

/// Forms that are longer, or too many, are found anew for each document.
constexpr std::size_t kFormBytesMax = 4'096;
constexpr std::size_t kFormsMax = 4'096;

/// The lanes of one path.
struct Lanes {
  std::vector<std::pair<Lane, std::size_t>> at;  ///< Positions among all lanes.
};

struct Place {
  std::ptrdiff_t path = -1;  ///< Position of the lanes; -1: none.
  std::uint64_t document = 0;
};

using Tree = PathTree<Place>;

/// A null that may stand for a value.
struct Hole {
  std::size_t offset = 0;
  std::size_t path = 0;
};
using Form = std::vector<Hole>;

}  // namespace

struct ShredMerger::State {
  Tree tree;
  std::vector<Lanes> paths;
  std::vector<Lane> kinds;  // Of all lanes.
  std::uint64_t document = 0;
  std::unordered_map<std::string, Form> forms;

  const char* FindInObject(Tree::Node& node, const char* at, const char* begin, const char* end,
                           std::size_t depth, Form& form) {
    if (depth > kDocumentDepthMax) return nullptr;
    node.Restart();
    MemberWalk walk(at + 1, end);
    while (walk.Next()) {
      Tree::Node* child = node.Find(walk.key());
      const char* value = walk.value();
      const bool is_first =
          child != nullptr && std::exchange(child->kept.document, document) != document;
      if (is_first && value < end && *value == '{' && !child->children.empty()) {
        walk.Leave(FindInObject(*child, value, begin, end, depth + 1, form));
        continue;
      }
      const char* behind = SkipValue(value, end);
      if (behind == nullptr) return nullptr;
      const bool is_null =
          std::string_view(value, static_cast<std::size_t>(behind - value)) == "null";
      if (is_first && is_null && child->kept.path >= 0) {
        form.push_back(
            {static_cast<std::size_t>(value - begin), static_cast<std::size_t>(child->kept.path)});
      }
      walk.Leave(behind);
    }
    return walk.at();
  }

  /// Null when the text is no document.
  const Form* FormOf(std::string_view text, Form& own) {
    const auto known = forms.find(std::string(text));
    if (known != forms.end()) return &known->second;
    ++document;
    own.clear();
    const char* end = text.data() + text.size();
    const char* behind = text.starts_with('{')
                             ? FindInObject(tree.root(), text.data(), text.data(), end, 0, own)
                             : SkipValue(text.data(), end);
    if (behind != end) return nullptr;
    if (text.size() > kFormBytesMax || forms.size() >= kFormsMax) return &own;
    return &forms.emplace(std::string(text), own).first->second;
  }

  /// False when no lane has a value there.
  bool AppendFrom(const Lanes& path, const arrow::ArrayVector& lanes, std::int64_t row,
                  std::string& out) const {
    for (const auto& [lane, position] : path.at) {
      const auto& array = lanes[position];
      if (array == nullptr || array->IsNull(row)) continue;
      AppendLaneValue(LaneValueAt(lane, *array, row), out);
      return true;
    }
    return false;
  }

  Status CheckArrays(const arrow::Array& documents, const arrow::ArrayVector& lanes) const {
    bool fits = TextLane::Holds(documents) && lanes.size() == kinds.size();
    for (std::size_t i = 0; fits && i < lanes.size(); ++i) {
      if (lanes[i] == nullptr) continue;
      fits = lanes[i]->length() == documents.length();
      switch (kinds[i]) {
        case Lane::kString: fits = fits && TextLane::Holds(*lanes[i]); break;
        case Lane::kInt64: fits = fits && lanes[i]->type_id() == arrow::Type::INT64; break;
        case Lane::kDouble: fits = fits && lanes[i]->type_id() == arrow::Type::DOUBLE; break;
        case Lane::kBool: fits = fits && lanes[i]->type_id() == arrow::Type::BOOL; break;
      }
    }
    return fits ? Status::Ok() : Status::Corruption("columns of shredded paths of other types");
  }
};

ShredMerger::ShredMerger(std::span<const ShreddedPath> paths) : state_(std::make_unique<State>()) {
  for (const ShreddedPath& path : paths) {
    Tree::Node& node = state_->tree.At(path.path);
    node.kept.path = static_cast<std::ptrdiff_t>(state_->paths.size());
    Lanes& lanes = state_->paths.emplace_back();
    for (const ShreddedLane& lane : path.lanes) {
      lanes.at.emplace_back(lane.lane, state_->kinds.size());
      state_->kinds.push_back(lane.lane);
    }
  }
}

ShredMerger::~ShredMerger() = default;

Result<std::shared_ptr<arrow::Array>> ShredMerger::Merge(const arrow::Array& documents,
                                                         const arrow::ArrayVector& lanes,
                                                         const std::uint8_t* wanted) {
  State& state = *state_;
  GRANARY_TRY(state.CheckArrays(documents, lanes));
  const TextLane texts(documents);
  arrow::StringBuilder builder;
  GRANARY_TRY(FromArrow(builder.Reserve(documents.length())));
  std::string whole;
  Form own;
  for (std::int64_t row = 0; row < documents.length(); ++row) {
    if (documents.IsNull(row) || (wanted != nullptr && wanted[row] == 0)) {
      GRANARY_TRY(FromArrow(builder.AppendNull()));
      continue;
    }
    const std::string_view text = texts.At(row);
    const Form* form = state.FormOf(text, own);
    if (form == nullptr)
      return Status::Corruption(fmt::format("the document in row {} is no JSON", row));
    whole.clear();
    std::size_t copied = 0;
    for (const Hole& hole : *form) {
      whole.append(text.substr(copied, hole.offset - copied));
      copied = hole.offset;
      if (state.AppendFrom(state.paths[hole.path], lanes, row, whole)) copied += 4;  // "null"
    }
    whole.append(text.substr(copied));
    GRANARY_TRY(FromArrow(builder.Append(whole)));
  }
  std::shared_ptr<arrow::Array> merged;
  GRANARY_TRY(FromArrow(builder.Finish(&merged)));
  return merged;
}

}  // namespace granary::json
