#include "granary/storage/segment/document_lanes.h"

#include <algorithm>
#include <utility>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "granary/storage/segment/file_types.h"
#include "granary/storage/segment/segment_format.h"
#include "granary/types/rest_column.h"

namespace granary::storage {
namespace {

bool IsJson(const Column& column) { return column.type.kind() == TypeKind::kJson; }

/// As a request would name it, but never empty.
std::string NameOf(const json::ChosenPath& path) {
  const std::string dotted = json::DottedName(path.path);
  return dotted.empty() ? "\"\"" : dotted;
}

}  // namespace

DocumentLanes::DocumentLanes(const Schema& schema, const json::ShredLimits& limits)
    : schema_(schema), limits_(limits) {
  names_.emplace(kSequenceColumnName);
  for (std::size_t i = 0; i < schema.columns().size(); ++i) {
    names_.insert(schema.columns()[i].name);
    if (IsJson(schema.columns()[i]))
      documents_.push_back({i, json::PathCensus(kPathsCountedMax), {}, {}, 0, nullptr});
  }
}

bool DocumentLanes::AnyIn(const Schema& schema) {
  return std::ranges::any_of(schema.columns(), IsJson);
}

void DocumentLanes::Count(const arrow::RecordBatch& batch) {
  for (Documents& documents : documents_) {
    const auto& array = batch.column(static_cast<int>(documents.position));
    documents.census.Add(static_cast<const arrow::StringArray&>(*array));
  }
}

std::string DocumentLanes::FreeName(const std::string& wanted) {
  std::string name = wanted;
  for (int i = 2; !names_.insert(name).second; ++i) name = fmt::format("{}#{}", wanted, i);
  return name;
}

/// Once, for the whole file: what comes later has to do with the lanes that are there.
void DocumentLanes::Choose() {
  std::int32_t id = kFirstLaneFieldId;
  for (Documents& documents : documents_) {
    const Column& column = schema_.columns()[documents.position];
    documents.first_id = id;
    if (!IsRestColumn(column)) continue;  // What was declared json other readers find whole.
    documents.paths =
        json::ChoosePaths(documents.census.Counted(), documents.census.documents(), limits_).paths;
    for (const json::ChosenPath& path : documents.paths) {
      const std::string name = NameOf(path);
      for (std::size_t i = 0; i < path.lanes.size(); ++i) {
        const json::Lane lane = path.lanes[i];
        const std::string own = i == 0 ? name : fmt::format("{}:{}", name, json::LaneName(lane));
        // Doubles and whole numbers that never repeat find out soon that a dictionary is no use.
        const bool plain = lane == json::Lane::kString && path.mostly_distinct;
        documents.lanes.push_back({LaneField(FreeName(own), lane, id++), column.name, plain});
      }
    }
  }
  chosen_ = true;
}

std::vector<ParquetFile::Lane> DocumentLanes::Begin() {
  if (!chosen_) Choose();
  std::vector<ParquetFile::Lane> lanes;
  for (Documents& documents : documents_) {
    documents.shredder = std::make_unique<json::Shredder>(documents.paths);
    lanes.insert(lanes.end(), documents.lanes.begin(), documents.lanes.end());
  }
  return lanes;
}

bool DocumentLanes::HasLanes(std::size_t position) const {
  return std::ranges::any_of(documents_, [position](const Documents& documents) {
    return documents.position == position && !documents.paths.empty();
  });
}

Status DocumentLanes::Shred(std::vector<arrow::ArrayVector>& columns) {
  for (Documents& documents : documents_) {
    if (documents.paths.empty()) continue;
    GRANARY_ASSIGN(json::ShreddedColumn shredded,
                   documents.shredder->Shred(columns[documents.position]));
    columns[documents.position] = {std::move(shredded.documents)};
    for (auto& lane : shredded.lanes) columns.push_back({std::move(lane)});
  }
  return Status::Ok();
}

json::ShredLayout DocumentLanes::LayoutOf(const Documents& documents) const {
  json::ShredLayout layout;
  layout.column = schema_.columns()[documents.position].id;
  layout.documents = documents.census.documents();
  layout.others = documents.census.others();
  layout.complete = documents.census.is_complete();
  std::int32_t id = documents.first_id;
  const std::vector<std::uint64_t> left = documents.shredder->left();
  for (std::size_t i = 0; i < documents.paths.size(); ++i) {
    json::ShreddedPath path{documents.paths[i].path, {}, left[i]};
    for (const json::Lane lane : documents.paths[i].lanes) path.lanes.push_back({lane, id++});
    layout.paths.push_back(std::move(path));
  }
  layout.counted = documents.census.Counted();
  if (layout.counted.size() > kPathsListedMax) {
    layout.counted.resize(kPathsListedMax);
    layout.complete = false;
  }
  return layout;
}

std::string DocumentLanes::Describe() const {
  std::vector<json::ShredLayout> layouts;
  for (const Documents& documents : documents_) layouts.push_back(LayoutOf(documents));
  return json::ShredLayout::Encode(layouts);
}

}  // namespace granary::storage
