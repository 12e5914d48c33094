// Goal: texts of numbers are equal exactly when the numbers are, and order as they do.
#include "granary/query/exec/number_texts.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "granary/query/exec/query_test_support.h"
#include "granary/testing/seed.h"
#include "granary/types/number_text.h"

namespace granary::query {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string Real(double value) { return NumberText(value, TypeKind::kFloat64); }
std::string Whole(std::int64_t value) { return NumberText(value, TypeKind::kInt64); }
std::string Natural(std::uint64_t value) { return NumberText(value, TypeKind::kUInt64); }
std::string Fixed(Int128 unscaled, int scale) {
  return NumberText(unscaled, DataType::Decimal(38, scale));
}
std::string Key(const std::string& text) {
  std::string key;
  AppendNumberTextOrder(text, key);
  return key;
}

TEST(NumberTextsTest, EqualNumbersHaveOneTextWhateverTheirType) {
  EXPECT_EQ(Real(7.0), "7");
  EXPECT_EQ(Real(-0.0), Whole(0));
  EXPECT_EQ(Fixed(700, 2), "7");
  EXPECT_EQ(Fixed(-5, 2), Real(-0.05));
  EXPECT_EQ(Real(9007199254740992.0), Whole(9007199254740992));
  EXPECT_NE(Real(9007199254740992.0), Whole(9007199254740993));
  EXPECT_EQ(Real(0x1p63), Natural(std::uint64_t{1} << 63));
  EXPECT_EQ(Real(-0x1p63), Whole(std::numeric_limits<std::int64_t>::min()));
  EXPECT_NE(Real(0x1p64), Natural(std::numeric_limits<std::uint64_t>::max()));
  EXPECT_EQ(Real(1e22), Fixed(PowerOfTen(22), 0));
  EXPECT_NE(Real(1e23), Fixed(PowerOfTen(23), 0));  // The nearest float is 8388608 less.
  EXPECT_EQ(Real(1e300), "1e300");
  EXPECT_EQ(Real(kInfinity), "\"Infinity\"");
  EXPECT_EQ(Real(-kInfinity), "\"-Infinity\"");
  EXPECT_EQ(Real(std::nan("")), "\"NaN\"");
}

TEST(NumberTextsTest, OrderIsByNumberAndExact) {
  const Int128 nines = PowerOfTen(38) - 1;
  const std::vector<std::string> ascending = {Real(-kInfinity),
                                              Real(-1e300),
                                              Fixed(-nines, 0),
                                              Real(-0x1p63),
                                              Whole(-9007199254740993),
                                              Real(-9007199254740992.0),
                                              Whole(-10),
                                              Real(-9.5),
                                              Fixed(-15, 1),
                                              Whole(-1),
                                              Fixed(-9, 38),
                                              Real(-1e-300),
                                              Whole(0),
                                              Real(5e-324),
                                              Fixed(1, 38),
                                              Real(1e-5),
                                              Real(0.1),
                                              Fixed(PowerOfTen(37) + 1, 38),
                                              Real(0.5),
                                              Whole(1),
                                              Real(1.5),
                                              Whole(2),
                                              Whole(10),
                                              Real(9007199254740992.0),
                                              Whole(9007199254740993),
                                              Real(9007199254740994.0),
                                              Whole(std::numeric_limits<std::int64_t>::max()),
                                              Real(0x1p63),
                                              Natural(std::numeric_limits<std::uint64_t>::max()),
                                              Real(0x1p64),
                                              Fixed(nines - 1, 0),
                                              Fixed(nines, 0),
                                              Real(1e300),
                                              Real(kInfinity),
                                              Real(std::nan(""))};
  for (std::size_t i = 1; i < ascending.size(); ++i)
    EXPECT_LT(Key(ascending[i - 1]), Key(ascending[i])) << ascending[i - 1] << " " << ascending[i];
}

TEST(NumberTextsTest, RandomNumbersOrderAsThemselves) {
  std::mt19937_64 random(testing::SeedFromEnvironment());
  const auto any = [&]() -> std::pair<long double, std::string> {
    const auto bits = static_cast<std::int64_t>(random()) >> (random() % 60);
    if (random() % 2 == 0) return {static_cast<long double>(bits), Whole(bits)};
    const double real = std::ldexp(static_cast<double>(bits), -static_cast<int>(random() % 12));
    return {real, Real(real)};
  };
  for (int i = 0; i < 20'000; ++i) {
    const auto [a, a_text] = any();
    const auto [b, b_text] = any();
    // 64 bits of mantissa hold both exactly.
    EXPECT_EQ(a < b, Key(a_text) < Key(b_text)) << a_text << " " << b_text;
    EXPECT_EQ(a == b, a_text == b_text) << a_text << " " << b_text;
  }
}

TEST(NumberTextsTest, OnlyTheTextOfAFloatIsOne) {
  EXPECT_EQ(ExactDouble(Real(0.1)), 0.1);
  EXPECT_EQ(ExactDouble(Real(1e300)), 1e300);
  EXPECT_EQ(ExactDouble(Real(-kInfinity)), -kInfinity);
  EXPECT_TRUE(std::isnan(*ExactDouble(Real(std::nan("")))));
  EXPECT_EQ(ExactDouble(Whole(9007199254740992)), 9007199254740992.0);
  EXPECT_EQ(ExactDouble(Whole(9007199254740993)), std::nullopt);
  EXPECT_EQ(ExactDouble(Fixed(PowerOfTen(37) + 1, 38)), std::nullopt);
}

TEST(NumberTextsTest, RowsOfAColumnAreTakenAsTheyAreChosen) {
  const auto column =
      ArrayOf(TypeKind::kInt32, {Value(std::int64_t{5}), Value(), Value(std::int64_t{-3})});
  const std::vector<std::int32_t> chosen = {1, 2};
  const auto texts = Must(NumberTexts(*column, TypeKind::kInt32, {0, 2, chosen.data()}));
  ASSERT_EQ(texts->length(), 2);
  EXPECT_TRUE(texts->IsNull(0));
  EXPECT_EQ(ValueAt(*texts, 1), Value(std::string("-3")));
}

}  // namespace
}  // namespace granary::query
