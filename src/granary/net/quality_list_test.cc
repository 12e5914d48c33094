#include "granary/net/quality_list.h"

#include <array>

#include <gtest/gtest.h>

namespace granary::net {
namespace {

constexpr std::pair<std::string_view, std::string_view> kOfCsv[] = {{"charset", "utf-8"},
                                                                    {"header", "present"}};
constexpr std::array<OfferedType, 3> kOffered = {
    {{"application/x-ndjson"}, {"text/csv", kOfCsv}, {"text/event-stream"}}};

std::string Chosen(std::string_view accept) {
  const auto at = ChooseMediaType(accept, kOffered);
  return at ? std::string(kOffered[*at].type) : "none";
}

TEST(QualityListTest, EverythingIsFineWithoutAWish) {
  EXPECT_EQ(Chosen(""), "application/x-ndjson");
  EXPECT_EQ(Chosen("*/*"), "application/x-ndjson");
  EXPECT_EQ(Chosen(" , "), "application/x-ndjson");
}

TEST(QualityListTest, TheHighestQualityWinsAndThenTheOrderOfTheOffer) {
  EXPECT_EQ(Chosen("text/csv"), "text/csv");
  EXPECT_EQ(Chosen("text/csv;q=0.5, application/x-ndjson;q=0.4"), "text/csv");
  EXPECT_EQ(Chosen("TEXT/CSV ; header=present ; Q=1.000 , */*;q=0.999"), "text/csv");
  EXPECT_EQ(Chosen("text/*"), "text/csv");
}

TEST(QualityListTest, TheMostSpecificRangeDecides) {
  EXPECT_EQ(Chosen("text/*, text/csv;q=0"), "text/event-stream");
  EXPECT_EQ(Chosen("*/*, application/x-ndjson;q=0"), "text/csv");
  EXPECT_EQ(Chosen("*/*;q=0.1, text/event-stream"), "text/event-stream");
}

TEST(QualityListTest, AParameterMustBeTrueOfTheType) {
  EXPECT_EQ(Chosen("application/x-ndjson;profile=x"), "none");
  EXPECT_EQ(Chosen("application/x-ndjson;profile=x, text/csv;q=0.1"), "text/csv");
  EXPECT_EQ(Chosen("text/csv;header=absent"), "none");
  EXPECT_EQ(Chosen("text/csv; Header=Present; charset=\"UTF-8\""), "text/csv");
  EXPECT_EQ(Chosen("text/csv, text/csv;header=present;q=0"), "none");
  EXPECT_EQ(Chosen("text/csv;q=0, text/csv;header=present"), "text/csv");
  EXPECT_EQ(Chosen("text/csv;q=0.5;profile=x"), "text/csv");  // Behind q it is no parameter.
}

TEST(QualityListTest, NothingFits) {
  EXPECT_EQ(Chosen("image/png"), "none");
  EXPECT_EQ(Chosen("text/csv;q=0"), "none");
  EXPECT_EQ(Chosen("text/csv;q=high"), "none");
  EXPECT_EQ(Chosen("text/csv;q=1.5"), "none");
  EXPECT_EQ(Chosen("text/csvx"), "none");
}

}  // namespace
}  // namespace granary::net
