#include "granary/json/shredder.h"

#include <array>
#include <string>
#include <utility>

#include <arrow/api.h>
#include <fmt/format.h>

#include "granary/json/document_reader.h"
#include "granary/json/lane_array.h"
#include "granary/json/minified_text.h"
#include "granary/json/path_tree.h"

namespace granary::json {
namespace {

struct LaneBuilder {
  Lane lane;
  std::unique_ptr<arrow::ArrayBuilder> builder;

  arrow::Status Append(const LaneValue& value, std::int64_t row) {
    ARROW_RETURN_NOT_OK(builder->AppendNulls(row - builder->length()));
    switch (lane) {
      case Lane::kString: return static_cast<arrow::StringBuilder&>(*builder).Append(value.text);
      case Lane::kInt64: return static_cast<arrow::Int64Builder&>(*builder).Append(value.integer);
      case Lane::kDouble: return static_cast<arrow::DoubleBuilder&>(*builder).Append(value.number);
      case Lane::kBool: return static_cast<arrow::BooleanBuilder&>(*builder).Append(value.boolean);
    }
    return arrow::Status::OK();
  }
};

/// What is known of a key on the way to lanes.
struct Place {
  std::array<LaneBuilder*, kLanes> lanes{};
  bool has_lanes = false;
  std::uint64_t document = 0;  ///< The last one that had it.
  std::uint64_t left = 0;      ///< Values at it that no lane took.
  std::uint64_t arrays = 0;    ///< Those of them that are arrays.
};

using Tree = PathTree<Place>;

}  // namespace

struct Shredder::State {
  Tree tree;
  std::vector<Tree::Node*> ends;  // A path each.
  std::vector<LaneBuilder> lanes;
  std::uint64_t document = 0;
  std::uint64_t others = 0;
  std::int64_t row = 0;
  arrow::StringBuilder documents;
  std::string text;              // Of the document, as it will be.
  const char* copied = nullptr;  // So far of the one that comes in.
  std::string scratch;
  Status failure;

  const char* ShredObject(Tree::Node& node, const char* at, const char* end, std::size_t depth) {
    if (depth > kDocumentDepthMax) return nullptr;
    node.Restart();
    MemberWalk walk(at + 1, end);
    while (walk.Next()) {
      Tree::Node* child = node.Find(walk.key());
      // A key that stands twice is left as it is the second time.
      const bool is_first =
          child != nullptr && std::exchange(child->kept.document, document) != document;
      walk.Leave(is_first ? ShredValue(*child, walk.value(), end, depth)
                          : SkipValue(walk.value(), end));
    }
    return walk.at();
  }

  const char* ShredValue(Tree::Node& node, const char* at, const char* end, std::size_t depth) {
    if (at < end && *at == '{') {
      if (node.kept.has_lanes) ++node.kept.left;
      return node.children.empty() ? SkipValue(at, end) : ShredObject(node, at, end, depth + 1);
    }
    const char* behind = SkipValue(at, end);
    if (behind == nullptr) return nullptr;
    if (*at == '[') ++node.kept.arrays;
    const std::string_view value(at, static_cast<std::size_t>(behind - at));
    if (node.kept.has_lanes && value != "null" && !Take(node.kept, value, at, behind))
      ++node.kept.left;
    return behind;
  }

  bool Take(Place& place, std::string_view value, const char* at, const char* behind) {
    const auto read = ReadLaneValue(value, scratch);
    LaneBuilder* lane = read ? place.lanes[static_cast<std::size_t>(read->lane)] : nullptr;
    if (lane == nullptr) return false;
    if (auto status = lane->Append(*read, row); !status.ok()) failure = FromArrow(status);
    text.append(copied, static_cast<std::size_t>(at - copied)).append("null");
    copied = behind;
    return true;
  }

  Status ShredDocument(std::string_view in) {
    const char* end = in.data() + in.size();
    ++document;
    text.clear();
    copied = in.data();
    if (!in.starts_with('{')) ++others;
    const char* behind = in.starts_with('{') ? ShredObject(tree.root(), in.data(), end, 0)
                                             : SkipValue(in.data(), end);
    if (behind != end)
      return Status::Corruption(fmt::format("the document in row {} is no JSON", row));
    text.append(copied, static_cast<std::size_t>(end - copied));
    return FromArrow(documents.Append(text));
  }
};

std::shared_ptr<arrow::DataType> LaneType(Lane lane) {
  switch (lane) {
    case Lane::kString: return arrow::utf8();
    case Lane::kInt64: return arrow::int64();
    case Lane::kDouble: return arrow::float64();
    case Lane::kBool: return arrow::boolean();
  }
  return arrow::utf8();
}

Shredder::Shredder(std::span<const ChosenPath> paths) : state_(std::make_unique<State>()) {
  std::size_t lanes = 0;
  for (const ChosenPath& path : paths) lanes += path.lanes.size();
  state_->lanes.reserve(lanes);  // Places point at them.
  for (const ChosenPath& path : paths) {
    Tree::Node& node = state_->tree.At(path.path);
    node.kept.has_lanes = true;
    for (const Lane lane : path.lanes) {
      state_->lanes.push_back(
          {lane, arrow::MakeBuilder(LaneType(lane), arrow::default_memory_pool()).ValueOrDie()});
      node.kept.lanes[static_cast<std::size_t>(lane)] = &state_->lanes.back();
    }
    state_->ends.push_back(&node);
  }
}

Shredder::~Shredder() = default;

Result<ShreddedColumn> Shredder::Shred(const arrow::ArrayVector& documents) {
  State& state = *state_;
  state.row = 0;
  for (const auto& array : documents) {
    const auto& texts = static_cast<const arrow::StringArray&>(*array);
    for (std::int64_t i = 0; i < texts.length(); ++i, ++state.row) {
      if (texts.IsNull(i)) {
        GRANARY_TRY(FromArrow(state.documents.AppendNull()));
      } else {
        GRANARY_TRY(state.ShredDocument(texts.GetView(i)));
      }
    }
  }
  GRANARY_TRY(state.failure);
  ShreddedColumn shredded;
  GRANARY_TRY(FromArrow(state.documents.Finish(&shredded.documents)));
  for (LaneBuilder& lane : state.lanes) {
    GRANARY_TRY(FromArrow(lane.builder->AppendNulls(state.row - lane.builder->length())));
    GRANARY_TRY(FromArrow(lane.builder->Finish(&shredded.lanes.emplace_back())));
  }
  return shredded;
}

std::vector<std::uint64_t> Shredder::left() const {
  std::vector<std::uint64_t> counts;
  for (const Tree::Node* end : state_->ends) {
    std::uint64_t left = end->kept.left + state_->others;
    for (const Tree::Node* on_way = end->parent; on_way != nullptr; on_way = on_way->parent)
      left += on_way->kept.arrays;
    counts.push_back(left);
  }
  return counts;
}

}  // namespace granary::json
