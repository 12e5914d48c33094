#include "granary/storage/manifest/source_definition.h"

#include <gtest/gtest.h>

namespace granary::storage {
namespace {

SourceDefinition Sales() {
  SourceDefinition definition;
  definition.id = SourceId::Parse("sales_data").Take();
  definition.name = "Sales Data Source";
  definition.connection_string = "file://sales";
  definition.data_path = "./data/sources/sales_data";
  definition.columns = {{"order_id", TypeKind::kString},
                        {"amount", DataType::Decimal(12, 2)},
                        {"order_date", DataType::Timestamp(TimeUnit::kNano)},
                        {"tags", DataType::List(TypeKind::kString)}};
  definition.partitions = {{"order_date", std::nullopt},
                           {"order_id", Transform{TransformKind::kBucket, 16}}};
  definition.indexes = {{"order_id", IndexKind::kHash}, {"amount", std::nullopt}};
  definition.sort_columns = {"amount"};
  definition.compression = {Codec::kZstd, 3, {{"order_id", Codec::kSnappy}}};
  definition.max_file_size_mb = 17;
  definition.wal_enabled = false;
  definition.schema_mode = SchemaMode::kStrict;
  return definition;
}

std::vector<std::string> Pointers(const Status& status) {
  std::vector<std::string> pointers;
  for (const FieldError& error : status.fields()) pointers.push_back(error.pointer);
  return pointers;
}

TEST(SourceDefinitionTest, DecodesWhatItEncoded) {
  std::string bytes;
  Sales().EncodeTo(bytes);
  const auto decoded = SourceDefinition::Decode(bytes);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_TRUE(*decoded == Sales());
}

TEST(SourceDefinitionTest, KeepsItsKeyAndItsRetention) {
  for (int which = 1; which <= 3; ++which) {
    SourceDefinition definition = Sales();
    if (which != 1) definition.primary_key = {"order_id", "amount"};
    if (which != 2) definition.retention = Retention{"order_date", 90};
    std::string bytes;
    definition.EncodeTo(bytes);
    EXPECT_EQ(bytes[0], 3);
    const auto decoded = SourceDefinition::Decode(bytes);
    ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
    EXPECT_TRUE(*decoded == definition);
    EXPECT_FALSE(*decoded == Sales());
    EXPECT_EQ(SourceDefinition::Decode(bytes + "x").status().code(), Code::kCorruption);
    EXPECT_EQ(SourceDefinition::Decode(bytes.substr(0, bytes.size() - 1)).status().code(),
              Code::kCorruption);
  }
}

TEST(SourceDefinitionTest, KeepsItsDurabilityInAnEncodingOfItsOwn) {
  SourceDefinition definition = Sales();
  std::string sync, interval;
  definition.EncodeTo(sync);
  EXPECT_EQ(sync[0], 1) << "as versions before wrote it, and read it";
  definition.durability = Durability::kInterval;
  definition.EncodeTo(interval);
  EXPECT_EQ(interval[0], 2);
  const auto decoded = SourceDefinition::Decode(interval);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_TRUE(*decoded == definition);
  EXPECT_FALSE(*decoded == Sales());
  for (const std::string& bytes :
       {interval.substr(0, interval.size() - 1), interval + "x", "\3" + interval.substr(1),
        interval.substr(0, interval.size() - 1) + "\2"}) {
    EXPECT_EQ(SourceDefinition::Decode(bytes).status().code(), Code::kCorruption);
  }
}

TEST(SourceDefinitionTest, RefusesBytesThatAreCutAnywhereOrRunOn) {
  std::string bytes;
  Sales().EncodeTo(bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(SourceDefinition::Decode(std::string_view(bytes).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(SourceDefinition::Decode(bytes + "x").ok());
}

// What a user writes wrongly is INVALID_DEFINITION; what the manifest holds wrongly never is.
TEST(SourceDefinitionTest, AChangedByteIsDamageOrAnotherDefinition) {
  std::string whole;
  Sales().EncodeTo(whole);
  std::size_t damaged = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x20);
    const auto decoded = SourceDefinition::Decode(bytes);
    if (decoded.ok()) continue;
    EXPECT_EQ(decoded.status().code(), Code::kCorruption) << decoded.status().ToString();
    ++damaged;
  }
  EXPECT_GT(damaged, 50u);
}

TEST(InitialSchemaTest, NumbersColumnsInOrderOfDeclaration) {
  const auto schema = InitialSchema(Sales());
  ASSERT_TRUE(schema.ok()) << schema.status().ToString();
  EXPECT_EQ(schema->version(), 1u);
  ASSERT_EQ(schema->columns().size(), 4u);
  EXPECT_EQ(schema->columns()[0].id, 1);
  EXPECT_EQ(schema->columns()[3].name, "tags");
}

TEST(InitialSchemaTest, NamesEachMistakeByItsPointer) {
  SourceDefinition definition = Sales();
  definition.columns.push_back({"order_id", TypeKind::kBool});
  definition.columns.push_back({"a/b~c", TypeKind::kInt64});
  definition.columns.push_back({"a/b~c", TypeKind::kInt64});
  definition.partitions = {
      {"order_date", std::nullopt}, {"nowhere", std::nullopt}, {"tags", std::nullopt}};
  definition.indexes = {{"tags", std::nullopt}};
  definition.sort_columns = {"amount", "tags", "amount"};
  definition.compression.columns = {{"missing", Codec::kGzip}};
  definition.max_file_size_mb = 0;
  const Status status = InitialSchema(definition).status();
  EXPECT_EQ(status.code(), Code::kInvalidDefinition);
  EXPECT_EQ(Pointers(status),
            (std::vector<std::string>{"/schema_definition/order_id", "/schema_definition/a~1b~0c",
                                      "/partition_columns/1", "/partition_columns/2",
                                      "/index_columns/0", "/sort_columns/1", "/sort_columns/2",
                                      "/compression/columns/missing", "/max_file_size_mb"}));
}

TEST(ResolvePartitionsTest, GivesDatesADayUnlessToldOtherwise) {
  const auto schema = InitialSchema(Sales());
  ASSERT_TRUE(schema.ok());
  const auto spec = ResolvePartitions(Sales(), *schema);
  ASSERT_TRUE(spec.ok()) << spec.status().ToString();
  EXPECT_EQ(*spec,
            (PartitionSpec{{3, {TransformKind::kDay, 0}}, {1, {TransformKind::kBucket, 16}}}));
}

}  // namespace
}  // namespace granary::storage
