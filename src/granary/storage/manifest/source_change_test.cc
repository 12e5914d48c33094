#include "granary/storage/manifest/source_change.h"

#include <gtest/gtest.h>

namespace granary::storage {
namespace {

constexpr std::size_t kColumnsMax = 10;

SourceDefinition Definition() {
  SourceDefinition definition;
  definition.id = SourceId::Parse("s").Take();
  definition.name = "s";
  definition.columns = {{"a", TypeKind::kInt32},
                        {"b", TypeKind::kString},
                        {"day", TypeKind::kDate},
                        {"key", TypeKind::kString},
                        {"note", TypeKind::kString}};
  definition.partitions = {{"day", std::nullopt}};
  definition.indexes = {{"key", std::nullopt}};
  definition.sort_columns = {"b"};
  definition.compression.columns = {{"note", Codec::kZstd}};
  return definition;
}

class SourceChangeTest : public ::testing::Test {
 protected:
  Result<ChangedSource> Apply() { return ApplyChange(change_, schema_, definition_, kColumnsMax); }
  ChangedSource Applied() {
    auto changed = Apply();
    EXPECT_TRUE(changed.ok()) << changed.status().ToString();
    return changed.ok() ? changed.Take() : ChangedSource{};
  }
  // "pointer: detail" of each finding.
  std::vector<std::string> Findings(Code code = Code::kInvalidDefinition) {
    const Status status = Apply().status();
    EXPECT_EQ(status.code(), code) << status.ToString();
    std::vector<std::string> pointers;
    for (const FieldError& error : status.fields()) pointers.push_back(error.pointer);
    return pointers;
  }
  static std::string Columns(const Schema& schema) {
    std::string text;
    for (const Column& column : schema.columns())
      text += std::to_string(column.id) + ":" + column.name + ":" + column.type.ToString() + " ";
    return text;
  }

  SourceDefinition definition_ = Definition();
  Schema schema_ = InitialSchema(definition_).Take();
  SourceChange change_;
};

TEST_F(SourceChangeTest, NothingChangesNothing) {
  const ChangedSource same = Applied();
  EXPECT_FALSE(same.new_schema);
  EXPECT_FALSE(same.new_definition);
  EXPECT_EQ(same.schema, schema_);
  change_.rename_columns = {{"a", "a"}};
  change_.widen_columns = {{"a", TypeKind::kInt32}};
  change_.name = "s";
  EXPECT_FALSE(Applied().new_schema);
  EXPECT_FALSE(Applied().new_definition);
}

TEST_F(SourceChangeTest, ChangesColumnsInOneVersion) {
  definition_.columns.push_back({"old", TypeKind::kBool});
  schema_ = InitialSchema(definition_).Take();
  change_.add_columns = {{"c", TypeKind::kFloat64}};
  change_.rename_columns = {{"b", "text"}};
  change_.drop_columns = {"old"};
  change_.widen_columns = {{"a", TypeKind::kInt64}};
  const ChangedSource changed = Applied();
  EXPECT_EQ(changed.schema.version(), 2u);
  EXPECT_EQ(Columns(changed.schema),
            "1:a:int64 2:text:string 3:day:date 4:key:string 5:note:string 7:c:float64 ");
  EXPECT_EQ(changed.definition.sort_columns, std::vector<std::string>{"text"});
  EXPECT_EQ(DescribeChange(&schema_, changed.schema),
            "widened a from int32 to int64; renamed b to text; dropped old; added c (float64)");
  EXPECT_EQ(DescribeChange(nullptr, schema_), "created with 6 columns");
}

TEST_F(SourceChangeTest, SwapsNames) {
  change_.rename_columns = {{"a", "b"}, {"b", "a"}};
  const ChangedSource changed = Applied();
  EXPECT_EQ(Columns(changed.schema), "1:b:int32 2:a:string 3:day:date 4:key:string 5:note:string ");
  EXPECT_EQ(changed.definition.sort_columns, std::vector<std::string>{"a"});
}

TEST_F(SourceChangeTest, ADroppedAndReaddedNameIsAnotherColumn) {
  change_.drop_columns = {"a"};
  change_.add_columns = {{"a", TypeKind::kInt32}};
  const ChangedSource changed = Applied();
  EXPECT_EQ(changed.schema.Find("a")->id, 6);
  EXPECT_EQ(changed.schema.last_id(), 6);
  EXPECT_EQ(changed.definition.columns.back(), (DeclaredColumn{"a", TypeKind::kInt32}));
  EXPECT_EQ(changed.definition.columns.size(), 5u);
}

TEST_F(SourceChangeTest, ARenameMayTakeTheNameOfADroppedColumn) {
  change_.drop_columns = {"a"};
  change_.rename_columns = {{"b", "a"}};
  EXPECT_EQ(Applied().schema.Find("a")->id, 2);
}

TEST_F(SourceChangeTest, EverythingFollowsARename) {
  change_.rename_columns = {{"day", "date"}, {"key", "id"}, {"b", "sorted"}, {"note", "remark"}};
  const SourceDefinition changed = Applied().definition;
  EXPECT_EQ(changed.partitions[0].column, "date");
  EXPECT_EQ(changed.indexes[0].column, "id");
  EXPECT_EQ(changed.sort_columns[0], "sorted");
  EXPECT_EQ(changed.compression.columns.begin()->first, "remark");
  EXPECT_EQ(changed.columns[1].name, "sorted");
}

TEST_F(SourceChangeTest, KeepsColumnsThatAreInUse) {
  change_.drop_columns = {"day", "key", "b", "note"};
  EXPECT_EQ(Findings(),
            (std::vector<std::string>{"/drop_columns/0", "/drop_columns/1", "/drop_columns/2"}));
  change_.drop_columns = {"b", "note"};
  change_.sort_columns = std::vector<std::string>{"a"};
  EXPECT_TRUE(Applied().definition.compression.columns.empty());
}

TEST_F(SourceChangeTest, PointsAtEverythingThatIsWrong) {
  change_.add_columns = {{"a", TypeKind::kInt8}, {"_seq", TypeKind::kInt8}, {"", TypeKind::kInt8}};
  change_.rename_columns = {{"nope", "x"}, {"a", "note"}, {"key", "_granary"}, {"b/~", "y"}};
  change_.drop_columns = {"gone"};
  change_.widen_columns = {{"b", TypeKind::kInt64}, {"lost", TypeKind::kInt64}};
  EXPECT_EQ(Findings(), (std::vector<std::string>{
                            "/drop_columns/0", "/rename_columns/nope", "/rename_columns/key",
                            "/rename_columns/b~1~0", "/widen_columns/b", "/widen_columns/lost",
                            "/rename_columns/a", "/add_columns/_seq", "/add_columns/"}));
}

TEST_F(SourceChangeTest, RefusesAColumnThatGoesTwoWays) {
  change_.drop_columns = {"a", "a"};
  EXPECT_EQ(Findings(), std::vector<std::string>{"/drop_columns/1"});
  change_.drop_columns = {"a"};
  change_.rename_columns = {{"a", "x"}};
  EXPECT_EQ(Findings(), std::vector<std::string>{"/rename_columns/a"});
  change_.rename_columns.clear();
  change_.widen_columns = {{"a", TypeKind::kInt64}};
  EXPECT_EQ(Findings(), std::vector<std::string>{"/widen_columns/a"});
  change_ = {};
  change_.rename_columns = {{"a", "x"}, {"note", "x"}};
  EXPECT_EQ(Findings(), std::vector<std::string>{"/rename_columns/note"});
}

TEST_F(SourceChangeTest, WidensWhereNoValueIsLost) {
  const auto widened = [&](DataType from, DataType to) {
    const Schema schema(1, 1, {{1, "x", std::move(from)}});
    SourceDefinition definition;
    definition.id = SourceId::Parse("s").Take();
    SourceChange change;
    change.widen_columns = {{"x", std::move(to)}};
    return ApplyChange(change, schema, definition, kColumnsMax).status().code();
  };
  using T = DataType;
  const auto ts = [](TimeUnit unit) { return T::Timestamp(unit); };
  for (const auto& [from, to] :
       std::vector<std::pair<T, T>>{{TypeKind::kInt8, TypeKind::kInt16},
                                    {TypeKind::kInt64, T::Decimal(19, 0)},
                                    {TypeKind::kInt64, TypeKind::kFloat64},
                                    {TypeKind::kUInt32, TypeKind::kInt64},
                                    {TypeKind::kUInt8, TypeKind::kUInt64},
                                    {TypeKind::kFloat32, TypeKind::kFloat64},
                                    {T::Decimal(10, 2), T::Decimal(12, 4)},
                                    {TypeKind::kDate, ts(TimeUnit::kNano)},
                                    {ts(TimeUnit::kSecond), ts(TimeUnit::kNano)},
                                    {T::List(TypeKind::kInt8), T::List(TypeKind::kInt64)}}) {
    EXPECT_EQ(widened(from, to), Code::kOk) << from.ToString() << " " << to.ToString();
  }
  for (const auto& [from, to] :
       std::vector<std::pair<T, T>>{{TypeKind::kInt64, TypeKind::kInt32},
                                    {TypeKind::kInt64, T::Decimal(18, 0)},
                                    {TypeKind::kInt64, TypeKind::kFloat32},
                                    {TypeKind::kInt64, TypeKind::kUInt64},
                                    {TypeKind::kUInt64, TypeKind::kInt64},
                                    {TypeKind::kFloat64, TypeKind::kInt64},
                                    {T::Decimal(10, 2), T::Decimal(10, 4)},
                                    {ts(TimeUnit::kNano), ts(TimeUnit::kSecond)},
                                    {ts(TimeUnit::kNano), TypeKind::kDate},
                                    {TypeKind::kBool, TypeKind::kInt8}}) {
    EXPECT_EQ(widened(from, to), Code::kInvalidDefinition)
        << from.ToString() << " " << to.ToString();
  }
  EXPECT_EQ(widened(TypeKind::kInt64, TypeKind::kString), Code::kUnsupported);
  EXPECT_EQ(widened(TypeKind::kDate, TypeKind::kJson), Code::kUnsupported);
}

TEST_F(SourceChangeTest, CountsColumns) {
  for (int i = 0; i < 5; ++i)
    change_.add_columns.push_back({"x" + std::to_string(i), TypeKind::kBool});
  EXPECT_EQ(Applied().schema.columns().size(), kColumnsMax);
  change_.add_columns.push_back({"one_more", TypeKind::kBool});
  EXPECT_EQ(Findings(), std::vector<std::string>{"/add_columns"});
  change_.drop_columns = {"a"};
  EXPECT_EQ(Applied().schema.columns().size(), kColumnsMax);
}

TEST_F(SourceChangeTest, ChangesPolicies) {
  change_.name = "";
  change_.connection_string = "file://x";
  change_.compression = Compression{Codec::kGzip, 3, {{"a", Codec::kNone}}};
  change_.max_file_size_mb = 7;
  change_.sort_columns = std::vector<std::string>{"c", "a"};
  change_.schema_mode = SchemaMode::kStrict;
  change_.add_columns = {{"c", TypeKind::kInt8}};
  const SourceDefinition changed = Applied().definition;
  EXPECT_EQ(changed.name, "s");
  EXPECT_EQ(changed.connection_string, "file://x");
  EXPECT_EQ(changed.compression, *change_.compression);
  EXPECT_EQ(changed.max_file_size_mb, 7u);
  EXPECT_EQ(changed.sort_columns, (std::vector<std::string>{"c", "a"}));
  EXPECT_EQ(changed.schema_mode, SchemaMode::kStrict);
  change_ = {};
  change_.sort_columns = std::vector<std::string>{"a", "nope"};
  change_.compression_level = 4;  // Snappy has none.
  change_.max_file_size_mb = 0;
  EXPECT_EQ(Findings(),
            (std::vector<std::string>{"/sort_columns/1", "/compression", "/max_file_size_mb"}));
}

TEST_F(SourceChangeTest, AddsAndDropsIndexes) {
  change_.rename_columns = {{"a", "n"}};
  change_.add_indexes = {{"n", std::nullopt}, {"n", IndexKind::kBloom}, {"key", IndexKind::kBtree}};
  change_.drop_indexes = {"key"};
  const ChangedSource changed = Applied();
  EXPECT_EQ(changed.definition.indexes, change_.add_indexes);
  EXPECT_EQ(ResolveIndexes(changed.definition, changed.schema).size(), 3u);
  change_ = {};
  change_.drop_indexes = {"key"};
  change_.drop_columns = {"key"};
  EXPECT_TRUE(Applied().definition.indexes.empty());
  change_ = {};
  change_.drop_indexes = {"a", "key", "key"};
  EXPECT_EQ(Findings(), (std::vector<std::string>{"/drop_indexes/0", "/drop_indexes/2"}));
  change_ = {};
  // A string's index is a hash index when nothing else is said.
  change_.add_indexes = {{"key", IndexKind::kHash}, {"gone", std::nullopt}, {"b", std::nullopt}};
  EXPECT_EQ(Findings(), (std::vector<std::string>{"/add_indexes/0", "/add_indexes/1"}));
}

}  // namespace
}  // namespace granary::storage
