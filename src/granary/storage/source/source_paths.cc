#include "granary/storage/source/source_paths.h"

#include <algorithm>
#include <map>
#include <utility>

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include "granary/json/shred_choice.h"
#include "granary/types/rest_column.h"

namespace granary::storage {
namespace {

class PathCollector {
 public:
  PathCollector(const Column& column, SourcePaths& out) : column_(column), out_(out) {}

  Status AddSegment(const Segment& segment) {
    const Column* stored = segment.file_schema()->FindId(column_.id);
    if (stored == nullptr) return Status::Ok();
    GRANARY_ASSIGN(const auto reader, segment.Reader());
    const json::ShredLayout* layout = reader->Layout(column_.id, *segment.file_schema());
    if (layout == nullptr) {
      out_.complete = false;  // Written before files told.
      return Status::Ok();
    }
    out_.complete = out_.complete && layout->complete;
    out_.documents += layout->documents;
    for (const json::CountedPath& counted : layout->counted) {
      DocumentPath* path = Find(counted.path);
      if (path == nullptr) continue;
      path->counts.Add(counted.counts);
      ++path->files;
      path->shredded += layout->Find(counted.path) == nullptr ? 0 : 1;
    }
    return Status::Ok();
  }

  void AddChunk(const HotChunk& chunk) {
    const int at = chunk.schema->IndexOfId(column_.id);
    if (at < 0) return;
    json::PathCensus census(kPathsShownMax);
    census.Add(static_cast<const arrow::StringArray&>(*chunk.batch->column(at)));
    out_.complete = out_.complete && census.is_complete();
    out_.documents += census.documents();
    for (const json::CountedPath& counted : census.Counted()) {
      if (DocumentPath* path = Find(counted.path)) path->counts.Add(counted.counts);
    }
  }

  void Finish() {
    for (auto& [name, path] : by_name_) out_.paths.push_back(std::move(path));
  }

 private:
  /// Null when there are too many.
  DocumentPath* Find(const std::vector<std::string>& path) {
    std::string name = json::DottedName(path);
    if (!IsRestColumn(column_)) name = column_.name + "." + name;
    auto found = by_name_.find(name);
    if (found != by_name_.end()) return &found->second;
    if (by_name_.size() + out_.paths.size() >= kPathsShownMax) {
      out_.complete = false;
      return nullptr;
    }
    found = by_name_.emplace(name, DocumentPath{.column = column_.id, .name = name}).first;
    return &found->second;
  }

  const Column& column_;
  SourcePaths& out_;
  std::map<std::string, DocumentPath> by_name_;
};

}  // namespace

bool DocumentPath::HasConflict() const {
  using json::Lane;
  const auto in = [this](Lane lane) { return counts.lanes[static_cast<std::size_t>(lane)]; };
  const std::uint64_t kinds[] = {in(Lane::kString) + counts.strings,
                                 in(Lane::kInt64) + in(Lane::kDouble) + counts.numbers,
                                 in(Lane::kBool), counts.objects, counts.arrays};
  return std::ranges::count_if(kinds, [](std::uint64_t count) { return count > 0; }) > 1;
}

Result<SourcePaths> CollectPaths(const SourceSnapshot& snapshot) {
  SourcePaths out;
  for (const Column& column : snapshot.schema->columns()) {
    if (column.type.kind() != TypeKind::kJson) continue;
    PathCollector collector(column, out);
    for (const auto& segment : snapshot.segments) GRANARY_TRY(collector.AddSegment(*segment));
    for (const HotChunk& chunk : snapshot.hot) collector.AddChunk(chunk);
    collector.Finish();
  }
  std::ranges::sort(out.paths, {}, &DocumentPath::name);
  return out;
}

}  // namespace granary::storage
