#include "granary/net/header_list.h"

#include <gtest/gtest.h>

namespace granary::net {
namespace {

std::string Told(std::string_view header) {
  std::string out;
  for (const HeaderItem& item : ParseHeaderList(header)) {
    out += "[" + item.value;
    for (const auto& [name, value] : item.parameters) out += "|" + name + "=" + value;
    out += "]";
  }
  return out;
}

TEST(HeaderListTest, ItemsHaveParameters) {
  EXPECT_EQ(Told(""), "");
  EXPECT_EQ(Told(" , ,"), "");
  EXPECT_EQ(Told("gzip"), "[gzip]");
  EXPECT_EQ(Told("GZIP ;Q=0.5, identity"), "[gzip|q=0.5][identity]");
  EXPECT_EQ(Told("Text/CSV; Charset=UTF-8 ;; header = Present"),
            "[text/csv|charset=UTF-8|header=Present]");
  EXPECT_EQ(Told("a;b;c="), "[a|b=|c=]");
}

TEST(HeaderListTest, QuotesHoldCommasSemicolonsAndQuotes) {
  EXPECT_EQ(Told(R"(a; x="1,2;3" ;q=0, b)"), "[a|x=1,2;3|q=0][b]");
  EXPECT_EQ(Told(R"(a; x="say \"no\", then go", b)"), R"([a|x=say "no", then go][b])");
}

TEST(HeaderListTest, TextThatIsNoListIsTakenAsItStands) {
  EXPECT_EQ(Told(R"(a; x="open, b)"), R"([a|x="open, b])");
  EXPECT_EQ(Told(R"(a; x="\)"), R"([a|x="\])");
  EXPECT_EQ(Told("=;=,;q=1"), "[=|=]");
}

TEST(HeaderListTest, FindsAParameter) {
  const auto items = ParseHeaderList("a;x=1;X=2;y=");
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].Parameter("x"), "1");
  EXPECT_EQ(items[0].Parameter("y"), "");
  EXPECT_EQ(items[0].Parameter("z"), std::nullopt);
}

}  // namespace
}  // namespace granary::net
