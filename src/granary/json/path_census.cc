#include "granary/json/path_census.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <unordered_set>
#include <utility>

#include <arrow/array.h>

#include "granary/json/document_reader.h"
#include "granary/json/minified_text.h"
#include "granary/json/path_tree.h"

namespace granary::json {
namespace {

/// So many strings of a path are looked at to tell whether they repeat.
constexpr std::size_t kSampled = 2'000;

struct Tally {
  PathCounts counts;
  std::uint64_t document = 0;  ///< The last one that had it.
  std::size_t sampled = 0;
  std::unordered_set<std::size_t> sample;
};

using Tree = PathTree<Tally>;

}  // namespace

std::uint64_t PathCounts::scalars() const {
  return std::accumulate(lanes.begin(), lanes.end(), std::uint64_t{0});
}

void PathCounts::Add(const PathCounts& other) {
  for (std::size_t i = 0; i < lanes.size(); ++i) lanes[i] += other.lanes[i];
  numbers += other.numbers;
  strings += other.strings;
  objects += other.objects;
  arrays += other.arrays;
  nulls += other.nulls;
}

struct PathCensus::State {
  std::size_t paths_max = 0;
  std::size_t paths = 0;
  bool complete = true;
  std::uint64_t documents = 0;
  std::uint64_t others = 0;
  Tree tree;
  std::string scratch;

  /// Behind the object, or null.
  const char* AddObject(Tree::Node& node, const char* at, const char* end, std::size_t depth) {
    if (depth > kDocumentDepthMax) return nullptr;
    node.Restart();
    MemberWalk walk(at + 1, end);
    while (walk.Next()) {
      Tree::Node* child = node.Find(walk.key());
      if (child == nullptr && paths < paths_max) {
        child = node.Add(walk.key());
        ++paths;
      }
      complete = complete && child != nullptr;
      const bool counts =
          child != nullptr && std::exchange(child->kept.document, documents) != documents;
      walk.Leave(counts ? AddValue(*child, walk.value(), end, depth)
                        : SkipValue(walk.value(), end));
    }
    return walk.at();
  }

  const char* AddValue(Tree::Node& node, const char* at, const char* end, std::size_t depth) {
    PathCounts& counts = node.kept.counts;
    if (at < end && *at == '{') {
      ++counts.objects;
      return AddObject(node, at, end, depth + 1);
    }
    const char* behind = SkipValue(at, end);
    if (behind == nullptr) return nullptr;
    const std::string_view text(at, static_cast<std::size_t>(behind - at));
    if (*at == '[') {
      ++counts.arrays;
    } else if (text == "null") {
      ++counts.nulls;
    } else if (const auto value = ReadLaneValue(text, scratch)) {
      ++counts.lanes[static_cast<std::size_t>(value->lane)];
      if (value->lane == Lane::kString) Sample(node.kept, value->text);
    } else {
      ++(*at == '"' ? counts.strings : counts.numbers);
    }
    return behind;
  }

  static void Sample(Tally& counted, std::string_view text) {
    if (counted.sampled == kSampled) return;
    ++counted.sampled;
    counted.sample.insert(std::hash<std::string_view>{}(text));
  }

  void Collect(const Tree::Node& node, std::vector<std::string>& path,
               std::vector<CountedPath>& out) const {
    for (const auto& child : node.children) {
      path.push_back(Unescaped(child->key).value_or(child->key));
      const Tally& kept = child->kept;
      out.push_back({path, kept.counts, kept.sample.size() > kept.sampled / 2});
      Collect(*child, path, out);
      path.pop_back();
    }
  }
};

PathCensus::PathCensus(std::size_t paths_max) : state_(std::make_unique<State>()) {
  state_->paths_max = paths_max;
}
PathCensus::~PathCensus() = default;
PathCensus::PathCensus(PathCensus&&) noexcept = default;

void PathCensus::Add(const arrow::StringArray& documents) {
  State& state = *state_;
  for (std::int64_t row = 0; row < documents.length(); ++row) {
    if (documents.IsNull(row)) continue;
    const std::string_view text = documents.GetView(row);
    const char* end = text.data() + text.size();
    ++state.documents;
    if (!text.starts_with('{')) ++state.others;
    const char* behind = text.starts_with('{')
                             ? state.AddObject(state.tree.root(), text.data(), end, 0)
                             : SkipValue(text.data(), end);
    state.complete = state.complete && behind == end;
  }
}

bool PathCensus::is_complete() const { return state_->complete; }
std::uint64_t PathCensus::documents() const { return state_->documents; }
std::uint64_t PathCensus::others() const { return state_->others; }

std::vector<CountedPath> PathCensus::Counted() const {
  std::vector<CountedPath> counted;
  std::vector<std::string> path;
  state_->Collect(state_->tree.root(), path, counted);
  return counted;
}

}  // namespace granary::json
