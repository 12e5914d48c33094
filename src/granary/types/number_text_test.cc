#include "granary/types/number_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace granary {
namespace {

std::string DoubleText(double value) {
  std::string out;
  AppendDoubleText(value, out);
  return out;
}

TEST(NumberTextTest, KnowsJsonNumbers) {
  for (const char* text : {"0", "-0", "1", "10", "-1.5", "0.5", "1e3", "1E+3", "1.25e-7"}) {
    EXPECT_TRUE(IsJsonNumber(text)) << text;
  }
  for (const char* text : {"", "-", "+1", "01", "-01", ".5", "1.", "1.e3", "1e", "1e+", "1x", "0x1",
                           " 1", "1 ", "NaN", "1e3.5", "--1"}) {
    EXPECT_FALSE(IsJsonNumber(text)) << text;
  }
  EXPECT_TRUE(IsPlainDecimal("12.50"));
  EXPECT_FALSE(IsPlainDecimal("1e3"));
  EXPECT_FALSE(IsPlainDecimal("12."));
  EXPECT_TRUE(IsPlainInteger("-12"));
  EXPECT_FALSE(IsPlainInteger("12.0"));
}

TEST(NumberTextTest, ScalesExactly) {
  struct Case {
    const char* text;
    int scale;
    const char* floor;
    bool exact;
  };
  const Case kCases[] = {
      {"0", 0, "0", true},
      {"-0.000", 2, "0", true},
      {"12.50", 2, "1250", true},
      {"12.5", 2, "1250", true},
      {"12.505", 2, "1250", false},
      {"-12.505", 2, "-1251", false},
      {"1e3", 0, "1000", true},
      {"1.0", 0, "1", true},
      {"1.5", 0, "1", false},
      {"-1.5", 0, "-2", false},
      {"0.001", 0, "0", false},
      {"-0.001", 0, "-1", false},
      {"1000e-3", 0, "1", true},
      {"9007199254740993", 0, "9007199254740993", true},
      {"99999999999999999999999999999999999999", 0, "99999999999999999999999999999999999999", true},
      {"0.00000000000000000000000000000000000001", 38, "1", true},
      {"1e-999999999999999999999", 3, "0", false},
      {"100", 0, "100", true},
      {"0.0000000012e9", 1, "12", true},
  };
  for (const Case& c : kCases) {
    const ScaledNumber scaled = ScaleNumber(c.text, c.scale);
    EXPECT_EQ(ToString(scaled.floor), c.floor) << c.text;
    EXPECT_EQ(scaled.exact, c.exact) << c.text;
    EXPECT_EQ(scaled.out_of_range, 0) << c.text;
  }
  EXPECT_EQ(ScaleNumber("1e38", 0).out_of_range, 1);
  EXPECT_EQ(ScaleNumber("-1e37", 1).out_of_range, -1);
  EXPECT_EQ(ScaleNumber("1e99999999999999999999999", 0).out_of_range, 1);
  EXPECT_EQ(ScaleNumber("0e99999999999999999999999", 0).out_of_range, 0);
}

TEST(NumberTextTest, ComparesByValueWhateverTheSpelling) {
  const char* kAscending[] = {"-1e400",
                              "-10.5",
                              "-10",
                              "-1e-400",
                              "0",
                              "1e-400",
                              "0.1",
                              "0.10000000000000001",
                              "1",
                              "1.5",
                              "9007199254740992",
                              "9007199254740993",
                              "1e400"};
  for (std::size_t i = 0; i < std::size(kAscending); ++i) {
    for (std::size_t j = 0; j < std::size(kAscending); ++j) {
      EXPECT_TRUE(CompareNumbers(kAscending[i], kAscending[j]) == (i <=> j))
          << kAscending[i] << " " << kAscending[j];
    }
  }
  for (const char* one : {"1", "1.0", "1e0", "10e-1", "0.1e1", "1.000"}) {
    EXPECT_TRUE(CompareNumbers(one, "1") == 0) << one;
  }
  EXPECT_TRUE(CompareNumbers("-0.0", "0") == 0);
}

TEST(NumberTextTest, BytesOrderAsNumbersDo) {
  const auto key = [](const std::string& text) {
    std::string out;
    AppendNumberOrder(text, out);
    return out;
  };
  std::vector<std::string> numbers = {"0",
                                      "-0.0",
                                      "1",
                                      "1.0",
                                      "10e-1",
                                      "12",
                                      "1.2e1",
                                      "120",
                                      "12.5",
                                      "12.50",
                                      "0.1",
                                      "1e-400",
                                      "1e400",
                                      "9e32766",
                                      "1e32767",
                                      "0.1e32768",
                                      "2e99999999",
                                      "1e-32768",
                                      "1e-32769",
                                      "1e-99999",
                                      "1e-32767",
                                      "9007199254740992",
                                      "9007199254740993",
                                      "12345678901234567890123456789.5",
                                      "12345678901234567890123456789.05",
                                      "0.12345678901234567890123456789"};
  for (std::size_t i = numbers.size(); i-- > 0;) numbers.push_back("-" + numbers[i]);
  std::erase_if(numbers, [](const std::string& text) { return text.starts_with("--"); });
  for (const std::string& a : numbers) {
    for (const std::string& b : numbers) {
      EXPECT_TRUE((key(a) <=> key(b)) == CompareNumbers(a, b)) << a << " " << b;
      EXPECT_TRUE(key(a) == key(b) || !key(b).starts_with(key(a))) << a << " " << b;
    }
  }
}

TEST(NumberTextTest, EqualNumbersHaveOneNormalSpelling) {
  const auto normal = [](const char* text) {
    std::string out;
    AppendNormalNumber(text, out);
    return out;
  };
  EXPECT_EQ(normal("100"), "100");
  for (const char* text : {"1e2", "100.0", "1000e-1", "0.001e5"})
    EXPECT_EQ(normal(text), "100") << text;
  EXPECT_EQ(normal("-0.0"), "0");
  EXPECT_EQ(normal("-12.50"), "-12.5");
  EXPECT_EQ(normal("0.00125"), "0.00125");
  EXPECT_EQ(normal("1e-20"), "1e-20");
  EXPECT_EQ(normal("12e50"), "12e50");
  EXPECT_NE(normal("9007199254740993"), normal("9007199254740992"));
}

TEST(NumberTextTest, NearestRoundsOnceAndOverflowsToInfinity) {
  EXPECT_EQ(NearestDouble("0.1"), 0.1);
  EXPECT_EQ(NearestDouble("9007199254740993"), 9007199254740992.0);
  EXPECT_EQ(NearestDouble("1e400"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(NearestDouble("-1e400"), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(NearestDouble("1e-400"), 0.0);
  EXPECT_TRUE(std::signbit(NearestDouble("-1e-400")));
  EXPECT_EQ(NearestDouble("4.9e-324"), std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(NearestFloat("1e39"), std::numeric_limits<float>::infinity());
  // Through a double first this would round twice, to the even neighbour below.
  EXPECT_EQ(NearestFloat("16777217.0000000001"), 16777218.0f);
}

TEST(NumberTextTest, FloatsKeepTheirKindVisible) {
  EXPECT_EQ(DoubleText(100), "100.0");
  EXPECT_EQ(DoubleText(100.5), "100.5");
  EXPECT_EQ(DoubleText(0), "0.0");
  EXPECT_EQ(DoubleText(-0.0), "-0.0");
  EXPECT_EQ(DoubleText(0.1), "0.1");
  EXPECT_EQ(DoubleText(1e21), "1e+21");
  EXPECT_EQ(DoubleText(9007199254740992.0), "9007199254740992.0");
  EXPECT_EQ(DoubleText(1e16), "1e+16");
  EXPECT_EQ(DoubleText(1e-7), "1e-07");
  EXPECT_EQ(DoubleText(5e-324), "5e-324");
  EXPECT_EQ(DoubleText(std::nan("")), "NaN");
  EXPECT_EQ(DoubleText(-std::numeric_limits<double>::infinity()), "-Infinity");
  std::string out;
  AppendFloatText(0.1f, out);
  EXPECT_EQ(out, "0.1");
}

TEST(NumberTextTest, EveryDoubleReadsBackEqual) {
  const std::uint64_t seed = 20'240'115;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 100'000; ++i) {
    const auto value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    const std::string text = DoubleText(value);
    ASSERT_TRUE(IsJsonNumber(text)) << text;
    ASSERT_FALSE(IsPlainInteger(text)) << text;
    ASSERT_EQ(std::bit_cast<std::uint64_t>(NearestDouble(text)),
              std::bit_cast<std::uint64_t>(value))
        << text;
  }
}

/// The short way of numbers with few places writes what the long way would.
TEST(NumberTextTest, NumbersOfFewPlacesAreWrittenAsShortAsAnyOther) {
  const auto expected = [](double value) {
    std::array<char, 64> text;
    const bool plain = value == 0 || (std::abs(value) >= 1e-5 && std::abs(value) < 1e16);
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value,
                                   plain ? std::chars_format::fixed : std::chars_format::scientific)
                         .ptr;
    std::string written(text.data(), end);
    if (plain && written.find('.') == written.npos) written += ".0";
    return written;
  };
  const std::uint64_t seed = 8;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  constexpr double kPowers[] = {1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};
  for (int round = 0; round < 200'000; ++round) {
    const double digits = static_cast<double>(random() >> (random() % 64));
    double value = digits / kPowers[random() % std::size(kPowers)];
    if (random() % 4 == 0) value = std::nextafter(value, random() % 2 == 0 ? 0 : 1e300);
    if (random() % 2 == 0) value = -value;
    ASSERT_EQ(DoubleText(value), expected(value)) << value;
  }
  for (const double edge : {1e13, 1e13 - 0.01, 1e13 + 0.01, 1e9, 1e9 - 1e-6, 9999999999999.99, 1e15,
                            1e16, 1e-5, 9e-6, 1.1e-5, 1e-6, 0.01, 0.001, 0.005, 4.35, 1e22}) {
    for (const double value : {edge, std::nextafter(edge, 0), std::nextafter(edge, 1e300)}) {
      EXPECT_EQ(DoubleText(value), expected(value));
      EXPECT_EQ(DoubleText(-value), expected(-value));
    }
  }
}

TEST(NumberTextTest, DecimalsKeepTheirScale) {
  const auto text = [](Int128 unscaled, int scale) {
    std::string out;
    AppendDecimal(unscaled, scale, out);
    return out;
  };
  EXPECT_EQ(text(1250, 2), "12.50");
  EXPECT_EQ(text(-5, 2), "-0.05");
  EXPECT_EQ(text(0, 2), "0.00");
  EXPECT_EQ(text(-12, 0), "-12");
  EXPECT_EQ(text(1, 38), "0.00000000000000000000000000000000000001");
  EXPECT_EQ(text(PowerOfTen(38) - 1, 0), std::string(38, '9'));
  EXPECT_EQ(text(std::numeric_limits<std::int64_t>::min(), 2), "-92233720368547758.08");
  EXPECT_EQ(text(Int128{std::numeric_limits<std::int64_t>::min()} - 1, 2), "-92233720368547758.09");
  EXPECT_EQ(text(kInt128Min, 1), "-17014118346046923173168730371588410572.8");
}

}  // namespace
/// What the short ways read is what the long ways read; and they read the usual.
TEST(NumberTextTest, PlainNumbersAreReadLikeAnyOther) {
  const std::uint64_t seed = 5;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  int doubles = 0, wholes = 0;
  constexpr int kRounds = 50'000;
  for (int round = 0; round < kRounds; ++round) {
    std::string text = random() % 4 == 0 ? "-" : "";
    for (auto left = random() % 21; left > 0; --left)
      text += static_cast<char>('0' + random() % 10);
    if (random() % 2 == 0) text += '.';
    for (auto left = random() % 8; left > 0; --left) text += static_cast<char>('0' + random() % 10);
    if (random() % 16 == 0) text += "e1";
    if (const auto read = ReadPlainDouble(text)) {
      ++doubles;
      ASSERT_TRUE(IsJsonNumber(text)) << text;
      ASSERT_EQ(*read, NearestDouble(text)) << text;
      ASSERT_EQ(std::signbit(*read), text.front() == '-') << text;
    }
    if (const auto read = ReadPlainWhole(text)) {
      ++wholes;
      ASSERT_TRUE(IsPlainInteger(text)) << text;
      ASSERT_EQ((read->negative ? "-" : "") + std::to_string(read->magnitude), text);
    }
  }
  EXPECT_GT(doubles, kRounds / 8);
  EXPECT_GT(wholes, kRounds / 100);
}

TEST(NumberTextTest, PlainNumbersHaveTheirLimits) {
  EXPECT_EQ(ReadPlainWhole("9999999999999999999")->magnitude, 9'999'999'999'999'999'999u);
  EXPECT_FALSE(ReadPlainWhole("10000000000000000000"));
  EXPECT_EQ(ReadPlainDouble("9007199254740992"), 9007199254740992.0);
  EXPECT_FALSE(ReadPlainDouble("9007199254740993"));
  EXPECT_EQ(ReadPlainDouble("0.000000000000000001"), 1e-18);
  EXPECT_FALSE(ReadPlainDouble("0.0000000000000000001"));  // 20 digits.
  for (const char* text :
       {"", "-", "01", "1.", ".5", "-.5", "1e3", "+1", " 1", "1 ", "0x1", "1.5.2"}) {
    EXPECT_FALSE(ReadPlainDouble(text)) << text;
    EXPECT_FALSE(ReadPlainWhole(text)) << text;
  }
}

}  // namespace granary
