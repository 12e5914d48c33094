// Goal: whatever a column holds comes back equal through JSON text.
// Method: random values of every type -> batch -> JSON -> batch -> JSON; the two batches and the
// two texts must be equal. Documents are compared as text, since they are stored minified.
#include <cmath>
#include <limits>
#include <random>

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include "granary/json/batch_writer.h"
#include "granary/json/record_parser.h"
#include "granary/types/integer_domain.h"
#include "granary/types/number_text.h"
#include "granary/types/time_text.h"
#include "granary/types/value.h"

namespace granary::json {
namespace {

constexpr std::uint64_t kSeed = 20'240'115;
constexpr int kRowsPerBatch = 500;
constexpr int kBatches = 12;  // With the columns below more than 10^5 values.

class RandomJson {
 public:
  explicit RandomJson(std::uint64_t seed) : random_(seed) {}

  std::uint64_t Below(std::uint64_t limit) { return random_() % limit; }

  /// Mostly small numbers, often the ends of the domain.
  Int128 Integer(const IntegerDomain& domain) {
    const UInt128 span = static_cast<UInt128>(domain.max - domain.min);
    const Int128 edges[] = {domain.min, domain.max, 0, 1, domain.max - 1};
    if (Below(4) == 0) return edges[Below(5)];
    UInt128 bits = (static_cast<UInt128>(random_()) << 64 | random_()) >> Below(127);
    if (span + 1 != 0) bits %= span + 1;
    return domain.min + static_cast<Int128>(bits);
  }

  double Double() {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    const double edges[] = {
        0.0, -0.0, 0.1, 1e21, 5e-324, 1.7976931348623157e308, kInfinity, -kInfinity, std::nan("")};
    if (Below(4) == 0) return edges[Below(std::size(edges))];
    if (Below(2) == 0) return static_cast<double>(static_cast<std::int64_t>(random_())) / 1000;
    const auto value = std::bit_cast<double>(random_());
    return std::isnan(value) ? std::nan("") : value;
  }

  std::string Bytes() {
    std::string bytes(Below(24), '\0');
    for (char& c : bytes) c = static_cast<char>(random_());
    return bytes;
  }

  std::string Text() {
    constexpr const char* kPieces[] = {"a",      "Z",          " ",    "\"",     "\\",
                                       "/",      "\n",         "\x01", "\x7f",   "\u00e9",
                                       "\u20ac", "\U0001F600", "{",    "\\u0041"};
    std::string text;
    for (std::uint64_t n = Below(20); n > 0; --n) text += kPieces[Below(std::size(kPieces))];
    if (Below(20) == 0) text.push_back('\0');
    return text;
  }

  /// A document as it is stored: minified, with the writer's own escapes.
  std::string Document(int depth) {
    std::string out;
    switch (Below(depth > 0 ? 7 : 5)) {
      case 0: AppendString(Text(), out); return out;
      case 1:
        return std::to_string(static_cast<std::int64_t>(random_())) + std::to_string(Below(10));
      case 2: return std::to_string(Below(100)) + ".50e-" + std::to_string(Below(400));
      case 3: return Below(2) == 0 ? "true" : "false";
      case 4: return "-0";
      case 5: {
        out = "[";
        for (std::uint64_t n = Below(4); n > 0; --n)
          out += (out.size() > 1 ? "," : "") + Document(depth - 1);
        return out + "]";
      }
      default: {
        out = "{";
        for (std::uint64_t n = Below(4); n > 0; --n) {
          if (out.size() > 1) out += ',';
          AppendString(Text(), out);
          out += ":" + (Below(3) == 0 ? std::string("null") : Document(depth - 1));
        }
        return out + "}";
      }
    }
  }

  Value Of(const DataType& type) {
    if (Below(8) == 0) return {};
    switch (type.kind()) {
      case TypeKind::kBool: return Below(2) == 0;
      case TypeKind::kFloat64: return Double();
      case TypeKind::kFloat32: return static_cast<double>(static_cast<float>(Double()));
      case TypeKind::kString: return Text();
      case TypeKind::kBinary: return Bytes();
      case TypeKind::kUuid: return (Bytes() + std::string(16, 'u')).substr(0, 16);
      case TypeKind::kJson: return Document(4);
      case TypeKind::kDate: return std::int64_t(Below(3'652'059)) + *ParseDate("0001-01-01");
      case TypeKind::kTime: return std::int64_t(Below(86'400'000'000));
      case TypeKind::kTimestamp: return Instant(type.unit());
      default: return MakeInteger(Integer(DomainOf(type)), type);
    }
  }

 private:
  /// Between the years 1 and 9999, or as far as the unit goes.
  Value Instant(TimeUnit unit) {
    if (unit == TimeUnit::kNano) return static_cast<std::int64_t>(random_());
    const std::int64_t units = UnitsPerSecond(unit);
    const std::int64_t seconds = static_cast<std::int64_t>(Below(315'537'897'600)) - 62'135'596'800;
    return seconds * units + static_cast<std::int64_t>(Below(static_cast<std::uint64_t>(units)));
  }

  std::mt19937_64 random_;
};

SchemaPtr EveryType() {
  std::vector<Column> columns;
  for (const char* name :
       {"string",         "bool",    "int8",          "int16",          "int32",
        "int64",          "uint8",   "uint16",        "uint32",         "uint64",
        "float32",        "float64", "decimal(1,0)",  "decimal(18,4)",  "decimal(38,0)",
        "decimal(38,38)", "date",    "datetime64[s]", "datetime64[ms]", "datetime64[us]",
        "datetime64[ns]", "time",    "binary",        "uuid",           "json"}) {
    const auto id = static_cast<ColumnId>(columns.size() + 1);
    columns.push_back({id, name, DataType::Parse(name).Take()});
  }
  const auto last = static_cast<ColumnId>(columns.size());
  return std::make_shared<const Schema>(1, last, std::move(columns));
}

std::shared_ptr<arrow::Array> RandomColumn(const DataType& type, RandomJson& random) {
  arrow::ArrayVector cells;
  for (int row = 0; row < kRowsPerBatch; ++row) {
    cells.push_back(MakeConstantArray(type, random.Of(type), 1).Take());
  }
  return arrow::Concatenate(cells).ValueOrDie();
}

std::string Records(const arrow::RecordBatch& batch, const Schema& schema) {
  const BatchWriter writer(schema.columns());
  std::string out = "[";
  for (std::int64_t row = 0; row < batch.num_rows(); ++row) {
    if (row > 0) out += ',';
    writer.AppendRow(batch, row, out);
  }
  return out + "]";
}

void ExpectEqual(const arrow::RecordBatch& a, const arrow::RecordBatch& b, const Schema& schema) {
  for (int column = 0; column < a.num_columns(); ++column) {
    const DataType& type = schema.columns()[static_cast<std::size_t>(column)].type;
    for (std::int64_t row = 0; row < a.num_rows(); ++row) {
      const Value left = ValueAt(*a.column(column), row);
      const Value right = ValueAt(*b.column(column), row);
      ASSERT_TRUE(Compare(left, right) == 0) << type.ToString() << ": " << ValueToText(left, type)
                                             << " became " << ValueToText(right, type);
      if (!type.IsFloat() || IsNull(left)) continue;
      ASSERT_EQ(std::signbit(std::get<double>(left)), std::signbit(std::get<double>(right)));
    }
  }
}

TEST(RoundTripTest, EveryTypeComesBackEqual) {
  SCOPED_TRACE(kSeed);
  RandomJson random(kSeed);
  const SchemaPtr schema = EveryType();
  RecordParser parser({});
  for (int i = 0; i < kBatches; ++i) {
    arrow::ArrayVector arrays;
    for (const Column& column : schema->columns())
      arrays.push_back(RandomColumn(column.type, random));
    const auto batch =
        arrow::RecordBatch::Make(schema->ToArrow(), kRowsPerBatch, std::move(arrays));
    const std::string text = Records(*batch, *schema);
    const auto parsed = parser.Parse(text, "", RecordShape::kBare, SchemaMode::kStrict, schema);
    ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
    ASSERT_TRUE(parsed->batch->ValidateFull().ok());
    ASSERT_NO_FATAL_FAILURE(ExpectEqual(*batch, *parsed->batch, *schema));
    ASSERT_EQ(Records(*parsed->batch, *schema), text);
  }
}

TEST(RoundTripTest, EvolvedColumnsComeBackEqual) {
  SCOPED_TRACE(kSeed);
  RandomJson random(kSeed);
  const auto empty = std::make_shared<const Schema>();
  RecordParser parser({});
  for (int i = 0; i < 2'000; ++i) {
    std::string document =
        "{\"a\":[" + random.Document(3) +
        "],\"n\":" + std::to_string(static_cast<std::int64_t>(random.Below(~0ULL))) + ",\"s\":";
    AppendString(random.Text(), document);
    document += "}";
    const auto parsed =
        parser.Parse("[" + document + "]", "", RecordShape::kBare, SchemaMode::kEvolve, empty);
    ASSERT_TRUE(parsed.ok()) << document << parsed.status().ToString();
    ASSERT_EQ(Records(*parsed->batch, *parsed->schema), "[" + document + "]");
  }
}

TEST(RoundTripTest, ListsComeBackEqual) {
  SCOPED_TRACE(kSeed);
  RandomJson random(kSeed);
  for (const char* element :
       {"int64", "string", "float64", "decimal(38,0)", "datetime64[ns]", "uuid", "json", "bool"}) {
    const DataType type = DataType::Parse(element).Take();
    const auto values = RandomColumn(type, random);
    const auto schema = std::make_shared<const Schema>(1, 1, std::vector<Column>{{1, "v", type}});
    const auto lists = std::make_shared<const Schema>(
        1, 1, std::vector<Column>{{1, "v", DataType::List(DataType::List(type))}});
    const auto batch = arrow::RecordBatch::Make(schema->ToArrow(), kRowsPerBatch, {values});
    const BatchWriter writer(schema->columns());
    std::string text = "[{\"v\":[[]]}";
    for (std::int64_t row = 0; row < kRowsPerBatch;) {
      text += random.Below(4) == 0 ? ",{\"v\":null},{\"v\":[" : ",{\"v\":[";
      for (std::uint64_t n = random.Below(3); n > 0; --n) {
        text += random.Below(4) == 0 ? "null,[" : "[";
        for (std::uint64_t i = random.Below(4) + 1; i > 0; --i, ++row) {
          writer.AppendValue(*batch, 0, row % kRowsPerBatch, text);
          text += i > 1 ? "," : "";
        }
        text += n > 1 ? "]," : "]";
      }
      text += "]}";
    }
    text += "]";
    RecordParser parser({});
    const auto parsed = parser.Parse(text, "", RecordShape::kBare, SchemaMode::kStrict, lists);
    ASSERT_TRUE(parsed.ok()) << element << parsed.status().ToString() << text.substr(0, 300);
    ASSERT_EQ(Records(*parsed->batch, *lists), text);
  }
}

}  // namespace
}  // namespace granary::json
