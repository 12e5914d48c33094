// Changes of a source's schema and definition, at the store.
#include "granary/storage/source/store_test_support.h"

namespace granary::storage {
namespace {

class StoreChangeTest : public StoreTest {
 protected:
  static SourceChange Renaming(const std::string& from, const std::string& to) {
    SourceChange change;
    change.rename_columns = {{from, to}};
    return change;
  }
  static SourceChange Widening(const std::string& name, DataType to) {
    SourceChange change;
    change.widen_columns = {{name, std::move(to)}};
    return change;
  }
};

TEST_F(StoreChangeTest, SurvivesARestartWithItsHistory) {
  Open();
  SourceDefinition definition = TestDefinition("s");
  definition.partitions = {{"part", std::nullopt}};
  const auto source = Add(definition);
  Write(*source, {Row(1, "a"), Row(2, "b")});
  Flush(*source);
  SourceChange change = Renaming("part", "region");
  change.name = "Changed";
  const auto changed = source->Change(change);
  ASSERT_TRUE(changed.ok()) << changed.status().ToString();
  EXPECT_EQ(changed->definition->partitions[0].column, "region");
  Open();
  const auto again = Find("s");
  EXPECT_EQ(again->definition()->name, "Changed");
  EXPECT_EQ(again->schema()->Find("region")->id, 2);
  const auto history = again->schema_history();
  ASSERT_EQ(history.size(), 2u);
  EXPECT_LE(history[0].made_us, history[1].made_us);
  EXPECT_EQ(history[0].made_us, again->created_us());
  EXPECT_EQ(again->Snapshot().partitions, (PartitionSpec{{2, {}}}));
}

TEST_F(StoreChangeTest, ABatchOfTheOlderSchemaIsParsedAgain) {
  Open();
  const auto source = Add(TestDefinition("s"));
  const SchemaPtr old = source->schema();
  ASSERT_TRUE(source->Change(Renaming("value", "text")).ok());
  EXPECT_EQ(source->Write(old, TestBatch(*old, {Row(1)})).status().code(), Code::kConflict);
  const auto evolved =
      std::make_shared<const Schema>(old->WithColumn("x", TypeKind::kInt64).Take());
  EXPECT_EQ(source->Write(evolved, TestBatch(*evolved, {Row(1)})).status().code(), Code::kConflict);
  EXPECT_EQ(source->Stats().rows, 0u);
}

TEST_F(StoreChangeTest, ABatchThatEvolvesASourceThatBecameStrictIsParsedAgain) {
  Open();
  const auto source = Add(TestDefinition("s"));
  const auto evolved =
      std::make_shared<const Schema>(source->schema()->WithColumn("x", TypeKind::kInt64).Take());
  SourceChange strict;
  strict.schema_mode = SchemaMode::kStrict;
  ASSERT_TRUE(source->Change(strict).ok());
  EXPECT_EQ(source->schema()->version(), 1u);
  EXPECT_EQ(source->Write(evolved, TestBatch(*evolved, {Row(1)})).status().code(), Code::kConflict);
  Write(*source, {Row(2)});
}

TEST_F(StoreChangeTest, ProvesFloatsByEveryStoredValue) {
  constexpr std::int64_t kLimit = std::int64_t{1} << 53;
  for (const bool flushed : {false, true}) {
    for (const std::int64_t value : {kLimit, -kLimit, kLimit + 1, -kLimit - 1}) {
      store_.reset();
      options_.root = directory_.Join(std::to_string(flushed) + std::to_string(value));
      Open();
      const auto source = Add(TestDefinition("s"));
      Write(*source, {Row(1), Row(value)});
      if (flushed) Flush(*source);
      const auto changed = source->Change(Widening("id", TypeKind::kFloat64));
      const bool exact = value == kLimit || value == -kLimit;
      ASSERT_EQ(changed.ok(), exact) << value << " " << changed.status().ToString();
      EXPECT_EQ(source->schema()->version(), exact ? 2u : 1u);
      if (exact) continue;
      EXPECT_EQ(changed.status().code(), Code::kInvalidDefinition);
      EXPECT_EQ(changed.status().fields().at(0).pointer, "/widen_columns/id");
    }
  }
}

TEST_F(StoreChangeTest, WaitsForWritesThatAreOnTheirWay) {
  Open();
  const auto source = Add(TestDefinition("s"));
  std::vector<std::thread> writers;
  for (int i = 0; i < 3; ++i) {
    writers.emplace_back([&] {
      for (;;) {
        const SchemaPtr schema = source->schema();
        if (!(schema->Find("id")->type == DataType(TypeKind::kInt64))) return;
        const auto written = source->Write(schema, TestBatch(*schema, {Row(1)}));
        if (written.ok()) continue;
        EXPECT_EQ(written.status().code(), Code::kConflict) << written.status().ToString();
        return;
      }
    });
  }
  while (source->Stats().rows < 20) std::this_thread::yield();
  const auto changed = source->Change(Widening("id", TypeKind::kFloat64));
  EXPECT_TRUE(changed.ok()) << changed.status().ToString();
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(source->schema()->version(), 2u);
}

TEST_F(StoreChangeTest, AFailedCommitChangesNothing) {
  Open();
  const auto source = Add(TestDefinition("s"));
  ASSERT_TRUE(failpoints_.Arm("manifest.before_commit=error@1").ok());
  EXPECT_FALSE(source->Change(Renaming("value", "text")).ok());
  EXPECT_EQ(source->schema()->version(), 1u);
  EXPECT_NE(source->schema()->Find("value"), nullptr);
  EXPECT_TRUE(source->Change(Renaming("value", "text")).ok());
}

TEST_F(StoreChangeTest, LimitsColumns) {
  options_.columns_max = 4;
  Open();
  SourceDefinition four = TestDefinition("four");
  four.columns.push_back({"d", TypeKind::kBool});
  Add(four);
  four.id = SourceId::Parse("five").Take();
  four.columns.push_back({"e", TypeKind::kBool});
  const Status refused = store_->AddSource(four).status();
  EXPECT_EQ(refused.code(), Code::kInvalidDefinition);
  EXPECT_EQ(refused.fields().at(0).pointer, "/schema_definition");
  SourceChange change;
  change.add_columns = {{"e", TypeKind::kBool}};
  EXPECT_EQ(Find("four")->Change(change).status().code(), Code::kInvalidDefinition);
}

}  // namespace
}  // namespace granary::storage
