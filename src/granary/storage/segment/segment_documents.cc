#include <algorithm>
#include <exception>
#include <map>
#include <utility>

#include <arrow/api.h>
#include <arrow/util/key_value_metadata.h>

#include "granary/json/path_lanes.h"
#include "granary/json/rest_split.h"
#include "granary/json/shred_merger.h"
#include "granary/json/shredder.h"
#include "granary/storage/segment/row_group_stats.h"
#include "granary/storage/segment/segment_reader_state.h"
#include "granary/types/rest_column.h"

namespace granary::storage {

std::vector<Column> YoungerColumns(const Schema& file_schema, const Schema& schema) {
  std::vector<Column> younger;
  if (RestColumn(file_schema) == nullptr) return younger;
  for (const Column& column : schema.columns()) {
    if (file_schema.FindId(column.id) == nullptr) younger.push_back(column);
  }
  return younger;
}

Status SegmentReader::State::ReadLayouts() {
  const auto& pairs = metadata->key_value_metadata();
  if (pairs == nullptr || !pairs->Contains(std::string(kShreddedKey))) return Status::Ok();
  auto decoded = json::ShredLayout::Decode(pairs->Get(std::string(kShreddedKey)).ValueOr(""));
  if (!decoded.ok()) return decoded.status().At(path);
  layouts = decoded.Take();
  for (const json::ShredLayout& layout : layouts) {
    for (const json::ShreddedPath& shredded : layout.paths) {
      for (const json::ShreddedLane& lane : shredded.lanes) {
        if (LeafOfLane(lane) < 0)
          return Damaged(fmt::format("field {}, a shredded path, is no column", lane.field_id));
      }
    }
  }
  return Status::Ok();
}

/// Of those that have any lanes.
const json::ShredLayout* SegmentReader::State::LayoutOf(ColumnId column) const {
  const auto found = std::find_if(layouts.begin(), layouts.end(), [&](const auto& layout) {
    return layout.column == column && !layout.paths.empty();
  });
  return found == layouts.end() ? nullptr : &*found;
}

/// Lanes of strings are taken coded where the file has them so.
Status SegmentReader::State::AddLanes(int row_group, const std::vector<json::ShreddedPath>& paths,
                                      std::vector<int>& wanted, std::vector<int>& coded) const {
  for (const json::ShreddedPath& shredded : paths) {
    for (const json::ShreddedLane& lane : shredded.lanes) {
      const int leaf = LeafOfLane(lane);
      wanted.push_back(leaf);
      if (lane.lane == json::Lane::kString && IsCoded(row_group, leaf)) coded.push_back(leaf);
    }
  }
  return Status::Ok();
}

Result<arrow::ArrayVector> SegmentReader::State::LanesOf(
    const std::vector<json::ShreddedPath>& paths, const Arrays& arrays, std::int64_t rows) const {
  arrow::ArrayVector lanes;
  for (const json::ShreddedPath& shredded : paths) {
    for (const json::ShreddedLane& lane : shredded.lanes) {
      const auto found = arrays.find(lane.field_id);
      if (found == arrays.end()) {
        lanes.push_back(nullptr);
        continue;
      }
      const std::shared_ptr<arrow::Array>& array = found->second;
      const bool is_coded = array->type_id() == arrow::Type::DICTIONARY;
      const bool fits = is_coded ? lane.lane == json::Lane::kString && CodesAreInside(*array)
                                 : array->type()->Equals(*json::LaneType(lane.lane));
      if (!fits || array->length() != rows)
        return Damaged(fmt::format("field {} does not hold the values of its path", lane.field_id));
      lanes.push_back(array);
    }
  }
  return lanes;
}

/// All that are younger at once, because what is left of the rest depends on them all.
Result<std::shared_ptr<arrow::RecordBatch>> SegmentReader::ReadSplit(
    int row_group, std::span<const ColumnId> columns, const Schema& schema,
    const std::vector<Column>& younger, std::uint64_t* bytes_read, const GoOn& go_on,
    TextForm texts) const {
  const ColumnId rest = RestColumn(*state_->file_schema)->id;
  std::vector<ColumnId> stored(columns.begin(), columns.end());
  if (!HasColumn(columns, rest)) stored.push_back(rest);
  GRANARY_ASSIGN(const auto batch, ReadStored(row_group, stored, schema, bytes_read, go_on, texts));
  const auto rest_at = std::find(stored.begin(), stored.end(), rest) - stored.begin();
  auto split = json::SplitFromRest(*batch->column(static_cast<int>(rest_at)), younger);
  if (!split.ok()) return split.status().At(state_->path);
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    std::shared_ptr<arrow::Array> array = batch->column(static_cast<int>(i));
    if (columns[i] == rest) array = split->rest;
    for (std::size_t y = 0; y < younger.size(); ++y) {
      if (younger[y].id == columns[i]) array = split->columns[y];
    }
    fields.push_back(
        arrow::field(batch->schema()->field(static_cast<int>(i))->name(), array->type()));
    arrays.push_back(std::move(array));
  }
  return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), rows(row_group),
                                  std::move(arrays));
}

const json::ShredLayout* SegmentReader::Layout(ColumnId column, const Schema& schema) const {
  if (!YoungerColumns(*state_->file_schema, schema).empty()) return nullptr;
  const auto found =
      std::find_if(state_->layouts.begin(), state_->layouts.end(),
                   [&](const json::ShredLayout& layout) { return layout.column == column; });
  return found == state_->layouts.end() ? nullptr : &*found;
}

ColumnStats SegmentReader::LaneStats(int row_group, const json::ShreddedLane& lane) const {
  static const std::map<json::Lane, DataType> kTypes = {{json::Lane::kString, TypeKind::kString},
                                                        {json::Lane::kInt64, TypeKind::kInt64},
                                                        {json::Lane::kDouble, TypeKind::kFloat64},
                                                        {json::Lane::kBool, TypeKind::kBool}};
  ColumnStats unknown;
  unknown.rows = static_cast<std::uint64_t>(rows(row_group));
  try {
    const auto group = state_->metadata->RowGroup(row_group);
    ColumnStats stats = ChunkStats(*group->ColumnChunk(state_->LeafOfLane(lane)), group->num_rows(),
                                   kTypes.at(lane.lane));
    stats.may_have_nan = false;  // No number of JSON is one.
    return stats;
  } catch (const std::exception&) {
    return unknown;
  }
}

// First the path's own lanes. Only when they do not have all that may lie there the documents, with
// what is below the path put back, of the rows that the lanes have nothing of.
Result<std::shared_ptr<arrow::Array>> SegmentReader::ReadPath(int row_group, ColumnId column,
                                                              std::span<const std::string> path,
                                                              const Schema& schema,
                                                              std::uint64_t* bytes_read,
                                                              const GoOn& go_on) const {
  const json::ShredLayout* known = Layout(column, schema);
  if (known == nullptr) return std::shared_ptr<arrow::Array>();
  const std::int64_t count = rows(row_group);
  if (known->IsAbsent(path)) return json::MakePathLanes({}, nullptr, count);
  if (known->paths.empty()) return std::shared_ptr<arrow::Array>();
  const json::ShreddedPath* own = known->Find(path);
  json::LaneArrays lanes;
  std::vector<std::uint8_t> open(static_cast<std::size_t>(count), 1);
  if (own != nullptr) {
    const std::vector<json::ShreddedPath> only = {*own};
    std::vector<int> wanted, coded;
    GRANARY_TRY(state_->AddLanes(row_group, only, wanted, coded));
    std::sort(wanted.begin(), wanted.end());
    GRANARY_ASSIGN(const auto arrays, state_->Decode(row_group, wanted, coded, bytes_read, go_on));
    GRANARY_ASSIGN(const auto read, state_->LanesOf(only, arrays, count));
    for (std::size_t i = 0; i < read.size(); ++i) {
      lanes.emplace_back(own->lanes[i].lane, read[i]);
      for (std::int64_t row = 0; row < count; ++row) {
        if (read[i]->IsValid(row)) open[static_cast<std::size_t>(row)] = 0;
      }
    }
    const bool all_answered = std::ranges::find(open, 1) == open.end();
    if (own->left == 0 || all_answered) return json::MakePathLanes(lanes, nullptr, count);
  }
  std::vector<json::ShreddedPath> below;
  for (const json::ShreddedPath& other : known->paths) {
    if (other.path.size() > path.size() && json::IsUnder(other.path, path)) below.push_back(other);
  }
  std::vector<int> wanted = *state_->LeavesOf(column), coded;
  GRANARY_TRY(state_->AddLanes(row_group, below, wanted, coded));
  std::sort(wanted.begin(), wanted.end());
  GRANARY_ASSIGN(const auto arrays, state_->Decode(row_group, wanted, coded, bytes_read, go_on));
  GRANARY_ASSIGN(const auto put_back, state_->LanesOf(below, arrays, count));
  const Column texts{column, "", TypeKind::kJson};
  const auto stored = arrays.find(column);
  GRANARY_ASSIGN(
      const auto documents,
      state_->InShapeOf(texts, stored == arrays.end() ? nullptr : stored->second, count));
  auto merged = json::ShredMerger(below).Merge(*documents, put_back, open.data());
  if (!merged.ok()) return merged.status().At(state_->path);
  return json::MakePathLanes(lanes, merged.Take(), count);
}

}  // namespace granary::storage
