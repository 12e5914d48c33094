#include "granary/formats/batch_fit.h"

#include <sys/resource.h>

#include <arrow/io/memory.h>
#include <arrow/ipc/writer.h>
#include <arrow/json/from_string.h>

#include "granary/formats/formats_test_support.h"

namespace granary::formats {
namespace {

std::shared_ptr<arrow::RecordBatch> Batch(const std::string& name,
                                          std::shared_ptr<arrow::Array> array) {
  return arrow::RecordBatch::Make(arrow::schema({arrow::field(name, array->type())}),
                                  array->length(), {array});
}
std::shared_ptr<arrow::Array> Ints(const std::vector<std::int64_t>& values) {
  arrow::Int64Builder builder;
  EXPECT_TRUE(builder.AppendValues(values).ok());
  return builder.Finish().ValueOrDie();
}
std::shared_ptr<arrow::Array> Texts(const std::vector<std::string>& values) {
  arrow::StringBuilder builder;
  EXPECT_TRUE(builder.AppendValues(values).ok());
  return builder.Finish().ValueOrDie();
}

Result<json::ParsedRecords> Fit(std::shared_ptr<arrow::Array> array, DataType to,
                                json::SchemaMode mode = json::SchemaMode::kStrict,
                                json::RejectedRecords* rejected = nullptr) {
  const FitOptions options{SchemaWith({{"a", std::move(to)}}), mode, 10,
                           arrow::default_memory_pool()};
  return FitBatch(*Batch("a", std::move(array)), options, rejected);
}

TEST(BatchFitTest, TakesValuesThatAreExactInTheColumn) {
  EXPECT_TRUE(Fit(Ints({-128, 127}), TypeKind::kInt8).ok());
  EXPECT_TRUE(Fit(Ints({1}), DataType::Decimal(38, 2)).ok());
  EXPECT_TRUE(Fit(Ints({-99}), DataType::Decimal(4, 2)).ok());
  EXPECT_FALSE(Fit(Ints({100}), DataType::Decimal(4, 2)).ok());
  EXPECT_TRUE(Fit(Ints({1}), TypeKind::kFloat64).ok());
  EXPECT_TRUE(Fit(Texts({"{\"a\":1}"}), TypeKind::kJson).ok());
  EXPECT_TRUE(Fit(Texts({"6f9619ff-8b86-d011-b42d-00c04fc964ff"}), TypeKind::kUuid).ok());
}

TEST(BatchFitTest, AStrictSourceRefusesAColumnOfNullsThatItLacks) {
  const auto fit = [](const char* name, json::SchemaMode mode) {
    const FitOptions options{SchemaWith({{"a", TypeKind::kInt64}}), mode, 10,
                             arrow::default_memory_pool()};
    return FitBatch(*Batch(name, std::make_shared<arrow::NullArray>(2)), options, nullptr);
  };
  const auto refused = fit("b", json::SchemaMode::kStrict);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), Code::kInvalidRecord);
  EXPECT_EQ(refused.status().fields().at(0).detail, "the source has no such column");
  EXPECT_TRUE(fit("a", json::SchemaMode::kStrict).ok());
  EXPECT_TRUE(fit("b", json::SchemaMode::kEvolve).ok());
}

/// `json` as Arrow writes values, so `[[1], null]`.
std::shared_ptr<arrow::Array> FromText(const std::shared_ptr<arrow::DataType>& type,
                                       const std::string& json) {
  auto array = arrow::json::ArrayFromJSONString(type, json);
  EXPECT_TRUE(array.ok()) << array.status().ToString();
  return *array;
}

TEST(BatchFitTest, NumbersBecomeFloatsOnlyWhenTheyStayThemselves) {
  const auto reals = [](const char* json) { return FromText(arrow::float64(), json); };
  EXPECT_TRUE(Fit(Ints({9007199254740994, std::int64_t{1} << 60}), TypeKind::kFloat64).ok());
  EXPECT_EQ(Fit(Ints({1, 9007199254740993}), TypeKind::kFloat64).status().fields().at(0).pointer,
            "/1/a");
  EXPECT_TRUE(Fit(Ints({16777216}), TypeKind::kFloat32).ok());
  EXPECT_FALSE(Fit(Ints({16777217}), TypeKind::kFloat32).ok());
  EXPECT_FALSE(Fit(FromText(arrow::uint64(), "[18446744073709551615]"), TypeKind::kFloat64).ok());
  EXPECT_TRUE(Fit(FromText(arrow::uint64(), "[9223372036854775808]"), TypeKind::kFloat32).ok());
  EXPECT_TRUE(Fit(reals("[0.1, 3.4e38, Inf, -Inf, NaN]"), TypeKind::kFloat32).ok());
  EXPECT_EQ(Fit(reals("[1.5, 3.5e38]"), TypeKind::kFloat32).status().fields().at(0).pointer,
            "/1/a");
  // Without places a decimal is a whole number, meant exactly as an integer is.
  const auto whole = [](const char* json) { return FromText(arrow::decimal128(38, 0), json); };
  EXPECT_EQ(
      Fit(whole(R"(["9007199254740993"])"), TypeKind::kFloat64).status().fields().at(0).detail,
      "expected float64, found decimal(38,0): 9007199254740993 is no float64");
  EXPECT_FALSE(Fit(whole(R"(["-16777217"])"), TypeKind::kFloat32).ok());
  EXPECT_FALSE(
      Fit(whole(R"(["99999999999999999999999999999999999999"])"), TypeKind::kFloat64).ok());
  EXPECT_TRUE(Fit(whole(R"(["9007199254740992", "-1267650600228229401496703205376", null])"),
                  TypeKind::kFloat64)
                  .ok());
  EXPECT_TRUE(Fit(FromText(arrow::decimal128(20, 2), R"(["9007199254740993.00", "0.10"])"),
                  TypeKind::kFloat64)
                  .ok());
  // Where the schema may, the column becomes one that holds them.
  const auto wider = Fit(reals("[1e39]"), TypeKind::kFloat32, json::SchemaMode::kEvolve);
  ASSERT_TRUE(wider.ok());
  EXPECT_EQ(wider->schema->columns()[0].type, DataType(TypeKind::kFloat64));
}

TEST(BatchFitTest, ElementsOfListsFitAsValuesDo) {
  const auto list = [](const char* json) { return FromText(arrow::list(arrow::int64()), json); };
  const DataType reals = DataType::List(TypeKind::kFloat64);
  EXPECT_FALSE(Fit(list("[[1], [9007199254740993]]"), reals).ok());
  const auto fitted = Fit(list("[[1, null], null, [], [4, 5]]")->Slice(1), reals);
  ASSERT_TRUE(fitted.ok()) << fitted.status().ToString();
  ASSERT_TRUE(fitted->batch->ValidateFull().ok());
  EXPECT_TRUE(fitted->batch->column(0)->Equals(FromText(reals.ToArrow(), "[null, [], [4, 5]]")));
  EXPECT_FALSE(
      Fit(FromText(arrow::list(arrow::float64()), "[[1e39]]"), DataType::List(TypeKind::kFloat32))
          .ok());
}

TEST(BatchFitTest, ListViewsAreTheListsThatTheyStandFor) {
  const char* lists = "[[1, 2], [3], null, [], [4, 5, 6]]";
  for (const auto& type : {arrow::list_view(arrow::int64()), arrow::large_list_view(arrow::int64()),
                           arrow::large_list(arrow::int64())}) {
    const auto fitted = Fit(FromText(type, lists), DataType::List(TypeKind::kInt64));
    ASSERT_TRUE(fitted.ok()) << fitted.status().ToString();
    ASSERT_TRUE(fitted->batch->ValidateFull().ok());
    EXPECT_TRUE(fitted->batch->column(0)->Equals(FromText(arrow::list(arrow::int64()), lists)));
  }
  const char* nested = R"([[["a"], []], null, [["b", "c"], null]])";
  const auto deep = Fit(FromText(arrow::large_list(arrow::list_view(arrow::utf8())), nested),
                        DataType::List(DataType::List(TypeKind::kString)));
  ASSERT_TRUE(deep.ok()) << deep.status().ToString();
  ASSERT_TRUE(deep->batch->ValidateFull().ok());
  EXPECT_TRUE(
      deep->batch->column(0)->Equals(FromText(arrow::list(arrow::list(arrow::utf8())), nested)));
  const auto record = arrow::struct_({arrow::field("l", arrow::list_view(arrow::int64()))});
  const auto text = Fit(FromText(record, R"([{"l": [7, 8]}, {"l": [9]}])"), TypeKind::kJson);
  ASSERT_TRUE(text.ok()) << text.status().ToString();
  EXPECT_TRUE(text->batch->column(0)->Equals(Texts({R"({"l":[7,8]})", R"({"l":[9]})"})));
}

TEST(BatchFitTest, RefusesOthersByPlace) {
  EXPECT_EQ(Fit(Ints({1, 2, 128, 4}), TypeKind::kInt8).status().fields().at(0).pointer, "/2/a");
  EXPECT_EQ(Fit(Texts({"1", "x{"}), TypeKind::kJson).status().fields().at(0).pointer, "/1/a");
  EXPECT_EQ(Fit(Ints({1}), TypeKind::kString).status().code(), Code::kInvalidRecord);
  EXPECT_EQ(Fit(Texts({"1"}), TypeKind::kInt64).status().code(), Code::kInvalidRecord);
}

TEST(BatchFitTest, AColumnWhoseNameIsANumberIsNoRecord) {
  const SchemaPtr schema = SchemaWith({{"007", TypeKind::kInt64}});
  const std::string body = WriteTable(TableFormat::kArrow, *schema, Batch("007", Ints({1, 300})));
  EXPECT_EQ(ReadAll(TableFormat::kArrow, body, SchemaWith({})).status.fields().at(0).pointer,
            "/007");
  const auto narrow = SchemaWith({{"007", TypeKind::kInt8}});
  const Got got =
      ReadAll(TableFormat::kArrow, body, narrow, json::SchemaMode::kStrict, {.chunk_rows = 1});
  EXPECT_EQ(got.status.fields().at(0).pointer, "/1/007");
}

TEST(BatchReaderTest, ABodyStandsForSoManyRecordsOnly) {
  const auto nothing = [](std::int64_t records) {
    const auto schema = arrow::schema({arrow::field("n", arrow::null())});
    const auto out = arrow::io::BufferOutputStream::Create().ValueOrDie();
    const auto writer = arrow::ipc::MakeStreamWriter(out, schema).ValueOrDie();
    const auto batch =
        arrow::RecordBatch::Make(schema, records, {std::make_shared<arrow::NullArray>(records)});
    EXPECT_TRUE(writer->WriteRecordBatch(*batch).ok() && writer->Close().ok());
    return out->Finish().ValueOrDie()->ToString();
  };
  constexpr std::int64_t kEndMarkBytes = 8;
  const auto bytes = static_cast<std::int64_t>(nothing(1).size()) - kEndMarkBytes;
  const ReadLimits limits{.chunk_rows = 1 << 30, .records_per_byte_max = 10};
  const std::int64_t most = static_cast<std::int64_t>(kRecordsFree) + 10 * bytes;
  for (const std::int64_t records : {most - 1, most, most + 1, std::int64_t{1} << 30}) {
    const auto reader = ReaderOf(TableFormat::kArrow, nothing(records), limits);
    const auto chunk = (*reader)->Next();
    EXPECT_EQ(chunk.status().code(), records <= most ? Code::kOk : Code::kTooLarge) << records;
  }
}

TEST(ParquetReaderTest, AFooterThatClaimsALongListTakesNoMemoryForIt) {
  // Thrift's compact form: version 1; a schema of a root and one column; no rows; a row group whose
  // list of columns says that it has 999,999 of them. Each takes 712 bytes.
  using std::string_view_literals::operator""sv;
  const std::string footer(
      "\x15\x02\x19\x2C\x48\x01r\x15\x02\x00\x15\x02\x38\x01"
      "a\x00\x16\x00\x19\x1C\x19\xFC\xBF\x84\x3D\x00\x00\x00\x00"sv);
  const std::string length(1, static_cast<char>(footer.size()));
  const std::string body = "PAR1" + footer + length + std::string(3, '\0') + "PAR1";
  const auto peak_kilobytes = [] {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  const long before = peak_kilobytes();
  const Got got = ReadAll(TableFormat::kParquet, body, SchemaWith({}));
  EXPECT_EQ(got.status.code(), Code::kInvalidRequest) << got.status.ToString();
  EXPECT_LT(peak_kilobytes() - before, 100 << 10);
}

TEST(BatchFitTest, JsonTextIsKeptAsOtherDocumentsAre) {
  const auto fitted =
      Fit(Texts({"{\"a\": [1.50,\n 123456789012345678901234567890]}", " 1\n", "null"}),
          TypeKind::kJson);
  ASSERT_TRUE(fitted.ok()) << fitted.status().ToString();
  const auto& texts = static_cast<const arrow::StringArray&>(*fitted->batch->column(0));
  EXPECT_EQ(texts.GetString(0), R"({"a":[1.50,123456789012345678901234567890]})");
  EXPECT_EQ(texts.GetString(1), "1");
  EXPECT_TRUE(texts.IsNull(2));
  for (const char* bad : {"", " ", "1 2", "1,2", "1],[2", "[1", "01", "{\"a\" 1}", "\"\xFF\""})
    EXPECT_FALSE(Fit(Texts({bad}), TypeKind::kJson).ok()) << bad;
  std::string deep(64, '[');
  EXPECT_TRUE(Fit(Texts({deep + std::string(64, ']')}), TypeKind::kJson).ok());
  EXPECT_FALSE(Fit(Texts({"[" + deep + std::string(65, ']')}), TypeKind::kJson).ok());
}

TEST(BatchFitTest, WidensWhereTheSchemaMay) {
  const auto fitted = Fit(Ints({1, 1'000}), TypeKind::kInt8, json::SchemaMode::kEvolve);
  ASSERT_TRUE(fitted.ok()) << fitted.status().ToString();
  EXPECT_EQ(fitted->schema->Find("a")->type.kind(), TypeKind::kInt64);
  EXPECT_EQ(fitted->schema->version(), 2u);
}

TEST(BatchFitTest, LeavesOutWhatIsWrong) {
  json::RejectedRecords rejected;
  const auto fitted =
      Fit(Ints({1, 300, 2, -300}), TypeKind::kInt8, json::SchemaMode::kStrict, &rejected);
  ASSERT_TRUE(fitted.ok()) << fitted.status().ToString();
  EXPECT_EQ(fitted->batch->num_rows(), 2);
  EXPECT_TRUE(rejected.size() == 2 && rejected.contains(1) && rejected.contains(3));
}

TEST(BatchFitTest, TakesDatesOfTheYearsThatTextCanSay) {
  const auto dates = [](const std::vector<std::int32_t>& days) {
    arrow::Date32Builder builder;
    EXPECT_TRUE(builder.AppendValues(days).ok());
    return builder.Finish().ValueOrDie();
  };
  constexpr std::int32_t kFirst = -719'162, kLast = 2'932'896;  // 0001-01-01, 9999-12-31
  EXPECT_TRUE(Fit(dates({kFirst, kFirst + 1, kLast - 1, kLast}), TypeKind::kDate).ok());
  for (const std::int32_t day : {kFirst - 1, kLast + 1}) {
    const Status status = Fit(dates({0, day}), TypeKind::kDate).status();
    EXPECT_EQ(status.fields().at(0).pointer, "/1/a") << day;
    EXPECT_FALSE(Fit(dates({0, day}), DataType::Timestamp(TimeUnit::kSecond)).ok());
  }
  json::RejectedRecords rejected;
  const FitOptions evolves{SchemaWith({}), json::SchemaMode::kEvolve, 10,
                           arrow::default_memory_pool()};
  const auto fitted = FitBatch(*Batch("new", dates({0, kLast + 1})), evolves, &rejected);
  ASSERT_TRUE(fitted.ok()) << fitted.status().ToString();
  EXPECT_TRUE(fitted->batch->num_rows() == 1 && rejected.contains(1));
}

TEST(BatchFitTest, TakesInstantsOfTheYearsThatTextCanSay) {
  constexpr std::int64_t kFirst = -62'135'596'800, kLast = 253'402'300'799;
  const std::pair<TimeUnit, std::int64_t> kUnits[] = {
      {TimeUnit::kSecond, 1}, {TimeUnit::kMilli, 1'000}, {TimeUnit::kMicro, 1'000'000}};
  for (const auto& [unit, units] : kUnits) {
    const DataType type = DataType::Timestamp(unit);
    const auto fits = [&](std::int64_t value, bool in_list) {
      arrow::TimestampBuilder builder(type.ToArrow(), arrow::default_memory_pool());
      EXPECT_TRUE(builder.Append(value).ok());
      const auto values = builder.Finish().ValueOrDie();
      if (!in_list) return Fit(values, type).ok();
      arrow::Int32Builder bounds;
      EXPECT_TRUE(bounds.AppendValues({0, 1}).ok());
      const auto offsets = bounds.Finish().ValueOrDie();
      const auto list = arrow::ListArray::FromArrays(*offsets, *values).ValueOrDie();
      return Fit(list, DataType::List(type)).ok();
    };
    const std::int64_t first = kFirst * units, last = (kLast + 1) * units - 1;
    for (const bool in_list : {false, true}) {
      EXPECT_TRUE(fits(first + 1, in_list) && fits(first, in_list) && !fits(first - 1, in_list));
      EXPECT_TRUE(fits(last - 1, in_list) && fits(last, in_list) && !fits(last + 1, in_list));
    }
  }
}

TEST(BatchFitTest, NestedColumnsBecomeJson) {
  const auto a = Ints({1, 2});
  const auto record =
      arrow::StructArray::Make({a, Texts({"x", "y\"z"})}, std::vector<std::string>{"n", "t"})
          .ValueOrDie();
  const FitOptions options{SchemaWith({}), json::SchemaMode::kEvolve, 10,
                           arrow::default_memory_pool()};
  const auto fitted = FitBatch(*Batch("doc", record), options, nullptr);
  ASSERT_TRUE(fitted.ok()) << fitted.status().ToString();
  EXPECT_EQ(fitted->schema->Find("doc")->type.kind(), TypeKind::kJson);
  EXPECT_EQ(static_cast<const arrow::StringArray&>(*fitted->batch->column(0)).GetString(1),
            R"({"n":2,"t":"y\"z"})");
}

TEST(BatchFitTest, DictionariesAndLargeTextsAreTexts) {
  const auto dictionary = arrow::DictionaryArray::FromArrays(
                              arrow::dictionary(arrow::int8(), arrow::utf8()),
                              std::make_shared<arrow::Int8Array>(
                                  3, arrow::Buffer::FromVector(std::vector<std::int8_t>{1, 0, 1})),
                              Texts({"a", "b"}))
                              .ValueOrDie();
  const auto fitted = Fit(dictionary, TypeKind::kString);
  ASSERT_TRUE(fitted.ok()) << fitted.status().ToString();
  EXPECT_EQ(static_cast<const arrow::StringArray&>(*fitted->batch->column(0)).GetString(0), "b");
  arrow::LargeStringBuilder large;
  ASSERT_TRUE(large.Append("x").ok());
  EXPECT_TRUE(Fit(large.Finish().ValueOrDie(), TypeKind::kString).ok());
}

TEST(BatchFitTest, NamesTheColumnThatNothingHolds) {
  arrow::MonthIntervalBuilder months;
  ASSERT_TRUE(months.Append(1).ok());
  const auto status = Fit(months.Finish().ValueOrDie(), TypeKind::kInt64).status();
  EXPECT_EQ(status.code(), Code::kInvalidRecord);
  EXPECT_EQ(status.fields().at(0).pointer, "/a");
}

}  // namespace
}  // namespace granary::formats
