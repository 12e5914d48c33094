// The rest of records in a segment: frequent paths are columns, and documents come back whole.
#include <gtest/gtest.h>

#include <arrow/api.h>
#include <fmt/format.h>

#include "granary/json/json_path.h"
#include "granary/json/path_lanes.h"
#include "granary/storage/segment/segment_test_support.h"
#include "granary/testing/memory_file_system.h"
#include "granary/types/rest_column.h"

namespace granary::storage {
namespace {

using Path = std::vector<std::string>;

class DocumentLanesTest : public ::testing::Test {
 protected:
  void Write(const std::vector<std::string>& documents, SegmentWriterOptions options = {}) {
    arrow::StringBuilder texts;
    arrow::Int64Builder ids, sequences;
    for (std::size_t i = 0; i < documents.size(); ++i) {
      ASSERT_TRUE(ids.Append(static_cast<std::int64_t>(i)).ok());
      ASSERT_TRUE(sequences.Append(static_cast<std::int64_t>(i) + 1).ok());
      ASSERT_TRUE((documents[i].empty() ? texts.AppendNull() : texts.Append(documents[i])).ok());
    }
    documents_ = texts.Finish().ValueOrDie();
    const auto batch = arrow::RecordBatch::Make(schema_->ToArrow(), documents_->length(),
                                                {ids.Finish().ValueOrDie(), documents_});
    auto writer =
        SegmentWriter::Create(files_, failpoints_, "/data", "seg.parquet", schema_, options);
    ASSERT_TRUE(writer.ok());
    const auto numbers = sequences.Finish().ValueOrDie();
    // A row group at a time: lanes are chosen by what is there when the first one is full.
    for (std::int64_t first = 0; first < batch->num_rows(); first += options.row_group_rows) {
      const auto rows = std::static_pointer_cast<arrow::Int64Array>(
          numbers->Slice(first, options.row_group_rows));
      ASSERT_TRUE((*writer)->Append(batch->Slice(first, options.row_group_rows), rows).ok());
    }
    auto meta = (*writer)->Finish();
    ASSERT_TRUE(meta.ok()) << meta.status().message();
    auto reader = SegmentReader::Open(files_, "/data", *meta, schema_);
    ASSERT_TRUE(reader.ok()) << reader.status().message();
    reader_ = reader.Take();
  }

  std::shared_ptr<arrow::Array> ReadBack(int row_group = 0) const {
    const ColumnId rest = RestColumn(*schema_)->id;
    auto batch = reader_->Read(row_group, {&rest, 1}, *schema_);
    EXPECT_TRUE(batch.ok()) << batch.status().message();
    return (*batch)->column(0);
  }
  std::shared_ptr<arrow::Array> At(const Path& path) const {
    auto read = reader_->ReadPath(0, RestColumn(*schema_)->id, path, *schema_);
    EXPECT_TRUE(read.ok()) << read.status().message();
    return read.Take();
  }

  granary::testing::MemoryFileSystem files_;
  io::Failpoints failpoints_;
  SchemaPtr schema_ =
      std::make_shared<const Schema>(WithRestColumn(Schema(1, 1, {{1, "id", TypeKind::kInt64}})));
  std::shared_ptr<arrow::Array> documents_;
  std::shared_ptr<const SegmentReader> reader_;
};

std::vector<std::string> Events(int count) {
  std::vector<std::string> events;
  for (int i = 0; i < count; ++i) {
    const std::string n = i % 3 == 0   ? fmt::format("\"t{}\"", i)
                          : i % 3 == 1 ? std::to_string(i)
                                       : "[1]";
    events.push_back(
        i % 11 == 7 ? ""
                    : fmt::format(R"({{"kind":"k{}","a":{{"n":{},"":null}},"x":1e3}})", i % 4, n));
  }
  return events;
}

TEST_F(DocumentLanesTest, DocumentsComeBackAndPathsReadAlike) {
  Write(Events(500));
  EXPECT_TRUE(ReadBack()->Equals(*documents_));
  const json::ShredLayout* layout = reader_->Layout(RestColumn(*schema_)->id, *schema_);
  ASSERT_NE(layout, nullptr);
  EXPECT_EQ(layout->paths.size(), 2u);  // x is never written as we write it.
  EXPECT_EQ(layout->Find(Path{"kind"})->left, 0u);
  EXPECT_GT(layout->Find(Path{"a", "n"})->left, 0u);
  for (const Path& path :
       {Path{"kind"}, Path{"a", "n"}, Path{"a"}, Path{"x"}, Path{"a", ""}, Path{"nobody"}}) {
    const auto lanes = At(path);
    ASSERT_NE(lanes, nullptr);
    EXPECT_TRUE(
        (*json::ExtractLanes(*lanes, path))->Equals(**json::ExtractPath(*documents_, path)));
  }
}

TEST_F(DocumentLanesTest, EveryRowGroupHasTheLanesOfTheFirst) {
  SegmentWriterOptions options;
  options.row_group_rows = 100;
  std::vector<std::string> documents = Events(100);
  for (int i = 0; i < 100; ++i)
    documents.push_back(fmt::format(R"({{"other":{},"kind":true}})", i));
  Write(documents, options);
  ASSERT_EQ(reader_->row_groups(), 2);
  EXPECT_TRUE(ReadBack(0)->Equals(*documents_->Slice(0, 100)));
  EXPECT_TRUE(ReadBack(1)->Equals(*documents_->Slice(100)));
  EXPECT_EQ(reader_->Layout(2, *schema_)->Find(Path{"kind"})->left, 100u);
}

TEST_F(DocumentLanesTest, NoPathsNoLanes) {
  SegmentWriterOptions options;
  options.shred.paths_max = 0;
  Write(Events(50), options);
  EXPECT_TRUE(ReadBack()->Equals(*documents_));
  EXPECT_TRUE(reader_->Layout(2, *schema_)->paths.empty());
  EXPECT_EQ(At({"kind"}), nullptr);
  EXPECT_NE(At({"nobody"}), nullptr);  // Known to be nowhere.
}

TEST_F(DocumentLanesTest, StatisticsOfALaneTellItsBounds) {
  Write({R"({"n":5})", R"({"n":7})", R"({"m":1})"});
  const auto* path = reader_->Layout(2, *schema_)->Find(Path{"n"});
  ASSERT_NE(path, nullptr);
  const ColumnStats stats = reader_->LaneStats(0, path->lanes[0]);
  EXPECT_EQ(stats.nulls, 1u);
  EXPECT_EQ(stats.min, Value(std::int64_t{5}));
  EXPECT_EQ(stats.max, Value(std::int64_t{7}));
}

TEST_F(DocumentLanesTest, AYoungerColumnTakesOverFromTheWholeDocument) {
  Write(Events(30));
  std::vector<Column> columns = schema_->columns();
  columns.push_back({3, "kind", TypeKind::kString});
  const Schema now(2, 3, columns);
  EXPECT_EQ(reader_->Layout(2, now), nullptr);
  const std::vector<ColumnId> ids = {3, 2};
  const auto batch = reader_->Read(0, ids, now);
  ASSERT_TRUE(batch.ok()) << batch.status().message();
  const auto& kinds = static_cast<const arrow::StringArray&>(*(*batch)->column(0));
  const auto& rest = static_cast<const arrow::StringArray&>(*(*batch)->column(1));
  EXPECT_EQ(kinds.GetView(1), "k1");
  EXPECT_EQ(rest.GetView(1), R"({"a":{"n":1,"":null},"x":1e3})");
}

}  // namespace
}  // namespace granary::storage
