// Goal: a vectorised filter keeps exactly the rows for which SQL's three-valued logic says true.
// Method: random columns of every type and random predicate trees, against a row-by-row evaluation
// that knows nothing but Compare.
#include "granary/query/exec/predicate_evaluator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>

#include "granary/query/exec/query_test_support.h"
#include "granary/testing/seed.h"
#include "granary/types/like_pattern.h"

namespace granary::query {
namespace {

using Kind = Predicate::Kind;
using Truth = std::optional<bool>;  ///< Nothing: unknown.
using Random = std::mt19937_64;

/// A cell: a value, or for a list its elements; nothing is null.
using Cell = std::optional<std::vector<Value>>;

struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> cells;  ///< By column, then row.
  std::shared_ptr<arrow::RecordBatch> batch;
};

std::vector<DataType> Types() {
  return {TypeKind::kString,        TypeKind::kBool,    TypeKind::kInt8,
          TypeKind::kInt16,         TypeKind::kInt32,   TypeKind::kInt64,
          TypeKind::kUInt8,         TypeKind::kUInt16,  TypeKind::kUInt32,
          TypeKind::kUInt64,        TypeKind::kFloat32, TypeKind::kFloat64,
          DataType::Decimal(20, 3), TypeKind::kDate,    DataType::Timestamp(TimeUnit::kMicro),
          TypeKind::kTime,          TypeKind::kBinary,  TypeKind::kUuid};
}

/// Few different values, so that they meet; the ends of the domain among them.
Value RandomValue(const DataType& type, Random& random) {
  const auto pick = static_cast<std::int64_t>(random() % 12);
  if (type.kind() == TypeKind::kBool) return pick % 2 == 0;
  if (type.IsFloat()) {
    if (pick == 0) return std::numeric_limits<double>::quiet_NaN();
    if (pick == 1) return std::numeric_limits<double>::infinity();
    if (pick == 2) return -0.0;
    return static_cast<double>(pick - 6) / 2;
  }
  if (type.kind() == TypeKind::kDecimal)
    return static_cast<Int128>(pick - 6) * 1'000'000'007 * 1'000'000'009;
  if (type.kind() == TypeKind::kUuid) return std::string(16, static_cast<char>(pick * 20));
  if (type.IsBytes()) {
    static const std::vector<std::string> texts = {"",  "a",   "b",  "ab",  "abc", "Abc",
                                                   "ü", "zzz", "a%", "b_b", "aab", "ba"};
    return texts[static_cast<std::size_t>(pick)];
  }
  if (type.kind() == TypeKind::kUInt64 && pick == 0)
    return std::numeric_limits<std::uint64_t>::max();
  if (type.IsUnsigned()) return static_cast<std::uint64_t>(pick * 20);
  if (type.kind() == TypeKind::kInt64 && pick == 0) return std::numeric_limits<std::int64_t>::min();
  if (type.kind() == TypeKind::kInt64 && pick == 1) return std::numeric_limits<std::int64_t>::max();
  if (type.kind() == TypeKind::kTime) return pick;
  return (pick - 6) * 20;
}

std::shared_ptr<arrow::Array> ListArrayOf(const DataType& type, const std::vector<Cell>& cells) {
  std::vector<Value> elements;
  arrow::Int32Builder offsets;
  for (const Cell& cell : cells) {
    const auto at = static_cast<std::int32_t>(elements.size());
    EXPECT_TRUE((cell ? offsets.Append(at) : offsets.AppendNull()).ok());
    if (cell) elements.insert(elements.end(), cell->begin(), cell->end());
  }
  EXPECT_TRUE(offsets.Append(static_cast<std::int32_t>(elements.size())).ok());
  return arrow::ListArray::FromArrays(type.ToArrow(), *offsets.Finish().ValueOrDie(),
                                      *ArrayOf(type.element(), elements))
      .ValueOrDie();
}

std::shared_ptr<arrow::Array> Dictionary(const std::shared_ptr<arrow::Array>& plain) {
  std::vector<Value> entries;
  arrow::Int32Builder codes;
  for (std::int64_t i = 0; i < plain->length(); ++i) {
    const Value value = ValueAt(*plain, i);
    if (IsNull(value)) {
      EXPECT_TRUE(codes.AppendNull().ok());
      continue;
    }
    const auto at = std::find(entries.begin(), entries.end(), value) - entries.begin();
    if (at == static_cast<std::ptrdiff_t>(entries.size())) entries.push_back(value);
    EXPECT_TRUE(codes.Append(static_cast<std::int32_t>(at)).ok());
  }
  return arrow::DictionaryArray::FromArrays(arrow::dictionary(arrow::int32(), arrow::utf8()),
                                            codes.Finish().ValueOrDie(),
                                            ArrayOf(TypeKind::kString, entries))
      .ValueOrDie();
}

Table RandomTable(std::int64_t rows, Random& random) {
  Table table;
  arrow::ArrayVector arrays;
  arrow::FieldVector fields;
  std::vector<DataType> types = Types();
  types.push_back(DataType::List(TypeKind::kInt32));
  types.push_back(DataType::List(TypeKind::kString));
  types.push_back(TypeKind::kString);  // dictionary-coded
  for (std::size_t at = 0; at < types.size(); ++at) {
    const DataType& type = types[at];
    const bool is_list = type.kind() == TypeKind::kList;
    const bool has_nulls = random() % 4 != 0;
    std::vector<Cell> cells;
    std::vector<Value> values;
    for (std::int64_t row = 0; row < rows; ++row) {
      Cell cell;
      if (!has_nulls || random() % 5 != 0) {
        cell.emplace();
        for (auto n = is_list ? random() % 4 : 1; n > 0; --n) {
          const bool null_element = is_list && random() % 5 == 0;
          cell->push_back(null_element ? Value()
                                       : RandomValue(is_list ? type.element() : type, random));
        }
      }
      values.push_back(cell && !is_list ? cell->front() : Value());
      cells.push_back(std::move(cell));
    }
    auto array = is_list ? ListArrayOf(type, cells) : ArrayOf(type, values);
    if (at + 1 == types.size()) array = Dictionary(array);
    const auto id = static_cast<ColumnId>(at + 1);
    table.columns.push_back({id, "c" + std::to_string(id), type});
    table.cells.push_back(std::move(cells));
    fields.push_back(arrow::field(table.columns.back().name, array->type()));
    arrays.push_back(std::move(array));
  }
  table.batch = arrow::RecordBatch::Make(arrow::schema(fields), rows, arrays);
  return table;
}

Predicate RandomLeaf(const Table& table, Random& random) {
  const Column& column = table.columns[random() % table.columns.size()];
  const DataType& type =
      column.type.kind() == TypeKind::kList ? column.type.element() : column.type;
  Predicate leaf;
  leaf.column = column.id;
  leaf.type = column.type;
  const std::vector<Kind> kinds = {
      Kind::kNotNullIs,  Kind::kIsNull,       Kind::kEqual,    Kind::kLess, Kind::kLessEqual,
      Kind::kGreater,    Kind::kGreaterEqual, Kind::kIn,       Kind::kLike, Kind::kILike,
      Kind::kStartsWith, Kind::kEndsWith,     Kind::kContains, Kind::kRegex};
  const bool is_string = type.kind() == TypeKind::kString;
  leaf.kind = kinds[random() % (is_string ? kinds.size() : 8)];
  leaf.constant = random() % 2 == 0;
  if (leaf.kind == Kind::kIn) {
    for (auto n = random() % 12; n > 0; --n) leaf.values.push_back(RandomValue(type, random));
    std::sort(leaf.values.begin(), leaf.values.end(),
              [](const Value& a, const Value& b) { return Compare(a, b) < 0; });
    leaf.values.erase(
        std::unique(leaf.values.begin(), leaf.values.end(),
                    [](const Value& a, const Value& b) { return Compare(a, b) == 0; }),
        leaf.values.end());
    leaf.in_has_null = random() % 3 == 0;
  } else if (leaf.kind >= Kind::kLike) {
    const std::vector<std::string> patterns = {"a", "a%",  "%b", "a_", "%",
                                               "b", "A%C", "",   "^a", "b$"};
    leaf.pattern = patterns[random() % patterns.size()];
  } else if (leaf.kind >= Kind::kEqual) {
    leaf.values.push_back(RandomValue(type, random));
  }
  return leaf;
}

Predicate RandomPredicate(const Table& table, int depth, Random& random) {
  const auto pick = random() % (depth == 0 ? 2 : 8);
  if (pick == 0 && depth > 0) return Predicate::Constant(random() % 2 == 0);
  if (pick < 3 || depth == 0) return RandomLeaf(table, random);
  if (pick == 3 || pick == 4) return Predicate::Not(RandomPredicate(table, depth - 1, random));
  std::vector<Predicate> children;
  for (auto n = random() % 4; n > 0; --n)
    children.push_back(RandomPredicate(table, depth - 1, random));
  return pick % 2 == 0 ? Predicate::And(std::move(children)) : Predicate::Or(std::move(children));
}

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return text;
}

bool TextHolds(const Predicate& leaf, const std::string& text) {
  const std::string& pattern = leaf.pattern;
  switch (leaf.kind) {
    case Kind::kLike: return LikePattern(pattern).Matches(text);
    case Kind::kILike: return LikePattern(Lower(pattern)).Matches(Lower(text));
    case Kind::kStartsWith: return text.substr(0, pattern.size()) == pattern;
    case Kind::kEndsWith:
      return text.size() >= pattern.size() && text.substr(text.size() - pattern.size()) == pattern;
    case Kind::kContains: return text.find(pattern) != text.npos;
    default:  // of the patterns above
      if (pattern == "^a") return text.starts_with('a');
      if (pattern == "b$") return text.ends_with('b');
      return text.find(pattern) != text.npos;
  }
}

bool ValueHolds(const Predicate& leaf, const Value& value) {
  if (leaf.kind >= Kind::kLike) return TextHolds(leaf, std::get<std::string>(value));
  if (leaf.kind == Kind::kIn) {
    return std::any_of(leaf.values.begin(), leaf.values.end(),
                       [&](const Value& item) { return Compare(item, value) == 0; });
  }
  const auto order = Compare(value, leaf.values[0]);
  switch (leaf.kind) {
    case Kind::kEqual: return order == 0;
    case Kind::kLess: return order < 0;
    case Kind::kLessEqual: return order <= 0;
    case Kind::kGreater: return order > 0;
    default: return order >= 0;
  }
}

Truth Naive(const Predicate& predicate, const Table& table, std::size_t row) {
  switch (predicate.kind) {
    case Kind::kConstant: return predicate.constant;
    case Kind::kNot: {
      const Truth inner = Naive(predicate.children[0], table, row);
      return inner ? Truth(!*inner) : Truth();
    }
    case Kind::kAnd:
    case Kind::kOr: {
      const bool decisive = predicate.kind == Kind::kOr;
      bool unknown = false;
      for (const Predicate& child : predicate.children) {
        const Truth truth = Naive(child, table, row);
        if (truth == decisive) return decisive;
        unknown = unknown || !truth;
      }
      return unknown ? Truth() : Truth(!decisive);
    }
    default: break;
  }
  const Cell& cell = table.cells[static_cast<std::size_t>(predicate.column) - 1][row];
  if (predicate.kind == Kind::kIsNull) return !cell;
  if (!cell) return {};
  if (predicate.kind == Kind::kNotNullIs) return predicate.constant;
  const bool any = std::any_of(cell->begin(), cell->end(), [&](const Value& value) {
    return !IsNull(value) && ValueHolds(predicate, value);
  });
  if (!any && predicate.in_has_null) return {};
  return any;
}

std::vector<ColumnId> Ids(const Table& table) {
  std::vector<ColumnId> ids;
  for (const Column& column : table.columns) ids.push_back(column.id);
  return ids;
}

TEST(PredicateEvaluatorTest, RandomPredicatesOverAllTypesAgreeWithRowByRowLogic) {
  Random random(testing::SeedFromEnvironment());
  for (int round = 0; round < 8; ++round) {
    const std::int64_t rows = 60 + static_cast<std::int64_t>(random() % 60);
    const Table table = RandomTable(rows, random);
    const Schema schema(1, 100, table.columns);
    for (int i = 0; i < 150; ++i) {
      const Predicate predicate = RandomPredicate(table, 3, random);
      const auto evaluator = Must(PredicateEvaluator::Make(predicate, Ids(table)));
      const std::int64_t first = static_cast<std::int64_t>(random() % 20);
      const std::int64_t count = rows - first - static_cast<std::int64_t>(random() % 10);
      ByteMask truth;
      const Status status = evaluator.Evaluate(*table.batch, first, count, truth);
      ASSERT_TRUE(status.ok()) << status.ToString();
      for (std::int64_t row = 0; row < count; ++row) {
        const Truth expected = Naive(predicate, table, static_cast<std::size_t>(first + row));
        ASSERT_EQ(truth[static_cast<std::size_t>(row)], expected == true)
            << "row " << first + row << " of " << predicate.ToString(schema);
      }
    }
  }
}

TEST(PredicateEvaluatorTest, LongListsOfItems) {
  Random random(testing::SeedFromEnvironment());
  for (const std::int64_t spread : {1, 1'000'000'007}) {  // a bitmap, a hash set
    std::vector<Value> values;
    for (int i = 0; i < 500; ++i)
      values.push_back(static_cast<std::int64_t>(random() % 200) * spread);
    Predicate leaf;
    leaf.kind = Kind::kIn;
    leaf.column = 1;
    leaf.type = TypeKind::kInt64;
    for (std::int64_t item = 0; item < 200; item += 3) leaf.values.push_back(item * spread);
    const auto array = ArrayOf(leaf.type, values);
    const auto batch =
        arrow::RecordBatch::Make(arrow::schema({arrow::field("c", arrow::int64())}), 500, {array});
    ByteMask truth;
    ASSERT_TRUE(Must(PredicateEvaluator::Make(leaf, {1})).Evaluate(*batch, 0, 500, truth).ok());
    for (std::size_t i = 0; i < values.size(); ++i) {
      EXPECT_EQ(truth[i], std::get<std::int64_t>(values[i]) / spread % 3 == 0);
    }
  }
}

TEST(PredicateEvaluatorTest, JsonPathsAreThreeValued) {
  const auto documents =
      ArrayOf(TypeKind::kJson,
              {std::string(R"({"a":1})"), std::string(R"({"a":"1"})"), std::string(R"({"a":null})"),
               std::string(R"({})"), Value(), std::string(R"({"a":[0,1]})")});
  const auto batch =
      arrow::RecordBatch::Make(arrow::schema({arrow::field("doc", arrow::utf8())}), 6, {documents});
  Predicate leaf;
  leaf.kind = Kind::kEqual;
  leaf.column = 1;
  leaf.type = TypeKind::kJson;
  leaf.path = {"a"};
  leaf.json = {{Literal::Kind::kNumber, false, "1.0", {}}};
  ByteMask truth;
  ASSERT_TRUE(Must(PredicateEvaluator::Make(leaf, {1})).Evaluate(*batch, 0, 6, truth).ok());
  EXPECT_EQ(truth, (ByteMask{1, 0, 0, 0, 0, 1}));
  ASSERT_TRUE(
      Must(PredicateEvaluator::Make(Predicate::Not(leaf), {1})).Evaluate(*batch, 0, 6, truth).ok());
  EXPECT_EQ(truth, (ByteMask{0, 1, 0, 0, 0, 0}));
}

}  // namespace
}  // namespace granary::query
