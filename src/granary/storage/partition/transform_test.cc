#include <gtest/gtest.h>

#include <limits>

#include "granary/storage/partition/bucket_hash.h"
#include "granary/storage/partition/partition.h"
#include "granary/types/literal.h"

namespace granary::storage {
namespace {

Value Int(std::int64_t value) { return value; }

/// A value as a user writes it in a filter.
Value Bound(const DataType& type, const std::string& text,
            Literal::Kind kind = Literal::Kind::kString) {
  const auto bound = BindLiteral({.kind = kind, .text = text}, type);
  EXPECT_TRUE(bound.ok() && bound->exact) << text;
  return bound.ok() ? bound->value : Value{};
}

TEST(TransformTest, ReadsItsOwnNames) {
  for (const char* name :
       {"identity", "year", "month", "day", "hour", "bucket[16]", "truncate[2147483647]"}) {
    const auto parsed = Transform::Parse(name);
    ASSERT_TRUE(parsed.ok()) << name;
    EXPECT_EQ(parsed->ToString(), name);
  }
}

TEST(TransformTest, RefusesWhatItDoesNotKnow) {
  for (const char* name : {"", "days", "bucket", "bucket[]", "bucket[0]", "bucket[-1]",
                           "bucket[2147483648]", "bucket[1", "bucket[1]x", "truncate[a]", "day[3]",
                           "Identity", "bucket[99999999999999999999]"}) {
    EXPECT_EQ(Transform::Parse(name).status().code(), Code::kInvalidDefinition) << name;
  }
}

TEST(TransformTest, KnowsWhichTypesHaveIt) {
  struct Case {
    const char* transform;
    std::vector<const char*> has;
    std::vector<const char*> has_not;
  };
  const Case cases[] = {
      {"identity",
       {"string", "bool", "float64", "uuid", "time", "binary"},
       {"json", "list<int64>"}},
      {"day", {"date", "datetime64[ns]"}, {"time", "string", "int64"}},
      {"hour", {"datetime64[s]"}, {"date", "time"}},
      {"bucket[4]",
       {"int8", "uint64", "decimal(9,2)", "date", "time", "string", "uuid", "binary"},
       {"bool", "float32", "json"}},
      {"truncate[4]",
       {"int8", "uint64", "decimal(9,2)", "string", "binary"},
       {"date", "float64", "uuid", "bool", "datetime64[us]"}},
  };
  for (const Case& c : cases) {
    const Transform transform = Transform::Parse(c.transform).Take();
    for (const char* name : c.has) {
      EXPECT_TRUE(CheckTransform(transform, DataType::Parse(name).Take()).ok()) << name;
    }
    for (const char* name : c.has_not) {
      EXPECT_EQ(CheckTransform(transform, DataType::Parse(name).Take()).code(),
                Code::kInvalidDefinition);
    }
  }
  EXPECT_EQ(DefaultTransform(TypeKind::kDate).kind, TransformKind::kDay);
  EXPECT_EQ(DefaultTransform(DataType::Timestamp(TimeUnit::kMilli)).kind, TransformKind::kDay);
  EXPECT_EQ(DefaultTransform(TypeKind::kTime).kind, TransformKind::kIdentity);
}

TEST(TransformTest, CountsPeriodsFrom1970) {
  struct Case {
    const char* text;
    std::int64_t year, month, day, hour;
  };
  const Case cases[] = {
      {"1970-01-01T00:00:00Z", 0, 0, 0, 0},
      {"1969-12-31T23:59:59.5Z", -1, -1, -1, -1},
      {"2017-11-16T22:31:08Z", 47, 574, 17486, 419686},
      {"2000-02-29T00:00:00Z", 30, 361, 11016, 264384},
      {"1600-03-01T12:00:00Z", -370, -4438, -135080, -3241908},
  };
  const DataType types[] = {DataType::Timestamp(TimeUnit::kMilli),
                            DataType::Timestamp(TimeUnit::kMicro)};
  for (const Case& c : cases) {
    for (const DataType& type : types) {
      const Value value = Bound(type, c.text);
      EXPECT_EQ(ApplyTransform({TransformKind::kYear}, type, value), Int(c.year)) << c.text;
      EXPECT_EQ(ApplyTransform({TransformKind::kMonth}, type, value), Int(c.month)) << c.text;
      EXPECT_EQ(ApplyTransform({TransformKind::kDay}, type, value), Int(c.day)) << c.text;
      EXPECT_EQ(ApplyTransform({TransformKind::kHour}, type, value), Int(c.hour)) << c.text;
    }
  }
  EXPECT_EQ(ApplyTransform({TransformKind::kMonth}, TypeKind::kDate, Int(17486)), Int(574));
  EXPECT_EQ(ApplyTransform({TransformKind::kDay}, TypeKind::kDate, Value{}), Value{});
}

TEST(TransformTest, TruncatesTowardsMinusInfinity) {
  const auto cut = [](std::uint32_t width, const DataType& type, const Value& value) {
    return ApplyTransform({TransformKind::kTruncate, width}, type, value);
  };
  EXPECT_EQ(cut(10, TypeKind::kInt32, Int(1)), Int(0));
  EXPECT_EQ(cut(10, TypeKind::kInt32, Int(-1)), Int(-10));
  EXPECT_EQ(cut(10, TypeKind::kInt64, Int(-20)), Int(-20));
  const auto lowest = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(cut(10, TypeKind::kInt64, Int(lowest)), Int(lowest));
  EXPECT_EQ(cut(7, TypeKind::kInt64, Int(lowest)), Int(lowest));
  EXPECT_EQ(cut(7, TypeKind::kInt64, Int(lowest + 3)), Int(lowest + 1));
  EXPECT_EQ(cut(50, DataType::Decimal(9, 2), Int128{1065}), Value(Int128{1050}));  // 10.65 -> 10.50
  EXPECT_EQ(cut(50, DataType::Decimal(9, 2), Int128{-1}), Value(Int128{-50}));
  EXPECT_EQ(cut(10, TypeKind::kUInt64, ~std::uint64_t{0}),
            Value(std::uint64_t{18446744073709551610u}));
  EXPECT_EQ(cut(3, TypeKind::kString, "iceberg"), Value("ice"));
  EXPECT_EQ(cut(3, TypeKind::kString, "日本語"), Value("日本語"));
  EXPECT_EQ(cut(2, TypeKind::kString, "日本語"), Value("日本"));
  EXPECT_EQ(cut(1, TypeKind::kString, "😀x"), Value("😀"));
  EXPECT_EQ(cut(1, TypeKind::kString, ""), Value(""));
  EXPECT_EQ(cut(2, TypeKind::kBinary, "\xFF\xFE\xFD"), Value("\xFF\xFE"));
}

TEST(BucketHashTest, AgreesWithTheValuesThatIcebergPublishes) {
  const DataType decimal = DataType::Decimal(9, 2);
  const DataType micros = DataType::Timestamp(TimeUnit::kMicro);
  const DataType nanos = DataType::Timestamp(TimeUnit::kNano);
  EXPECT_EQ(BucketHash(TypeKind::kInt32, Int(34)), 2017239379);
  EXPECT_EQ(BucketHash(TypeKind::kInt64, Int(34)), 2017239379);
  EXPECT_EQ(BucketHash(TypeKind::kUInt16, std::uint64_t{34}), 2017239379);
  EXPECT_EQ(BucketHash(decimal, Int128{1420}), -500754589);
  EXPECT_EQ(BucketHash(TypeKind::kDate, Bound(TypeKind::kDate, "2017-11-16")), -653330422);
  EXPECT_EQ(BucketHash(TypeKind::kTime, Bound(TypeKind::kTime, "22:31:08")), -662762989);
  EXPECT_EQ(BucketHash(micros, Bound(micros, "2017-11-16T22:31:08")), -2047944441);
  EXPECT_EQ(BucketHash(micros, Bound(micros, "2017-11-16T14:31:08-08:00")), -2047944441);
  EXPECT_EQ(BucketHash(micros, Bound(micros, "2017-11-16T22:31:08.000001")), -1207196810);
  EXPECT_EQ(BucketHash(nanos, Bound(nanos, "2017-11-16T22:31:08.000001001")), -1207196810);
  for (const TimeUnit unit : {TimeUnit::kSecond, TimeUnit::kMilli, TimeUnit::kNano}) {
    const DataType type = DataType::Timestamp(unit);
    EXPECT_EQ(BucketHash(type, Bound(type, "2017-11-16T22:31:08")), -2047944441);
  }
  EXPECT_EQ(BucketHash(TypeKind::kString, "iceberg"), 1210000089);
  EXPECT_EQ(
      BucketHash(TypeKind::kUuid, Bound(TypeKind::kUuid, "f79c3e09-677c-4bbd-a479-3f349cb785e7")),
      1488055340);
  EXPECT_EQ(BucketHash(TypeKind::kBinary, std::string("\0\1\2\3", 4)), -188683207);
}

TEST(BucketHashTest, TakesTheFewestBytesOfADecimal) {
  const std::pair<std::int64_t, std::string> cases[] = {{0, std::string(1, '\0')},
                                                        {127, "\x7F"},
                                                        {128, std::string("\0\x80", 2)},
                                                        {-1, "\xFF"},
                                                        {-128, "\x80"},
                                                        {-129, "\xFF\x7F"},
                                                        {255, std::string("\0\xFF", 2)},
                                                        {256, std::string("\1\0", 2)}};
  for (const auto& [unscaled, bytes] : cases) {
    EXPECT_EQ(BucketHashOfDecimal(unscaled), Murmur3(bytes)) << unscaled;
  }
}

TEST(BucketHashTest, ABucketIsNeverNegative) {
  EXPECT_EQ(BucketOf(-1, 7), 0x7FFFFFFF % 7);
  EXPECT_EQ(BucketOf(std::numeric_limits<std::int32_t>::min(), 7), 0);
}

}  // namespace
}  // namespace granary::storage
