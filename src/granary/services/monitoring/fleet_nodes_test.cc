#include "granary/services/monitoring/fleet_nodes.h"

#include <gtest/gtest.h>

namespace granary::services {
namespace {

std::string Page(std::string_view entries, std::string_view cursor = "null") {
  return "{\"nodes\":[" + std::string(entries) + "],\"next_cursor\":" + std::string(cursor) + "}";
}

std::string Entry(std::string_view id, std::string_view url, std::string_view more = "") {
  return "{\"node_id\":\"" + std::string(id) + "\",\"url\":" + std::string(url) +
         ",\"state\":\"alive\",\"launched_by\":null,\"active_tenants\":[\"b\",\"a\"]" +
         std::string(more) + "}";
}

TEST(FleetNodesTest, ReadsNodesAndWhomTheyWereGiven) {
  const auto page = ReadFleetNodes(
      Page(Entry("n1", "\"http://10.0.0.7:8000\"") +
               ",{\"node_id\":\"n2\",\"url\":null,\"state\":\"starting\",\"launched_by\":\"o\","
               "\"active_tenants\":[],\"load\":{}}",
           "\"n2\""));
  ASSERT_TRUE(page.ok()) << page.status().ToString();
  const std::vector<FleetNode>& nodes = page->found.nodes;
  ASSERT_EQ(nodes.size(), 1u);
  EXPECT_EQ(nodes[0].url, "http://10.0.0.7:8000");
  EXPECT_EQ(nodes[0].tenants, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(page->found.idle, 1u);  // All of its tenants are suspended.
  EXPECT_EQ(page->next_cursor, "n2");
  EXPECT_EQ(page->found.bad, 0u);
}

TEST(FleetNodesTest, PassesOverWhatIsNoNode) {
  const std::string good = Entry("n1", "\"http://h:1\"");
  for (const std::string& wrong : {
           Entry("../n", "\"http://h:1\""),
           Entry("", "\"http://h:1\""),
           Entry("n", "\"https://h:1\""),
           Entry("n", "\"file:///etc/passwd\""),
           Entry("n", "\"http://h:99999\""),
           Entry("n", "\"http://" + std::string(600, 'h') + ":1\""),
           Entry(std::string(129, 'n'), "\"http://h:1\""),
           std::string("{\"node_id\":\"n\",\"state\":\"alive\"}"),
           std::string("{\"node_id\":\"n\",\"state\":\"odd\",\"active_tenants\":[]}"),
           std::string("{\"node_id\":7,\"state\":\"alive\",\"active_tenants\":[]}"),
           std::string("{\"node_id\":\"n\",\"state\":\"alive\",\"active_tenants\":[\"a/../b\"]}"),
           std::string("{\"node_id\":\"n\",\"state\":\"alive\",\"active_tenants\":[1]}"),
           std::string("7"),
       }) {
    const auto page = ReadFleetNodes(Page(wrong + "," + good));
    ASSERT_TRUE(page.ok()) << wrong;
    EXPECT_EQ(page->found.nodes.size(), 1u) << wrong;
    EXPECT_EQ(page->found.bad, 1u) << wrong;
  }
}

TEST(FleetNodesTest, RefusesWhatIsNoPage) {
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("{}"), std::string("{\"nodes\":{}}"),
        Page("", "\"../x\""), std::string("{\"nodes\":[]")}) {
    EXPECT_EQ(ReadFleetNodes(text).status().code(), Code::kCorruption) << text;
  }
}

TEST(FleetNodesTest, EveryCutOfAPageIsReadWithoutHarm) {
  const std::string page = Page(Entry("n1", "\"http://h:1\""), "\"n1\"");
  for (std::size_t i = 0; i < page.size(); ++i)
    EXPECT_FALSE(ReadFleetNodes(page.substr(0, i)).ok()) << i;
}

TEST(FleetNodesTest, ALoopbackAddressIsReachedFromItsOwnMachineAlone) {
  EXPECT_TRUE(IsReachable("http://127.0.0.1:9", "http://127.0.0.1:8081"));
  EXPECT_TRUE(IsReachable("http://10.0.0.7:9", "http://10.0.0.1:8081"));
  EXPECT_FALSE(IsReachable("http://127.0.0.1:9", "http://10.0.0.1:8081"));
  EXPECT_FALSE(IsReachable("http://[::1]:9", "http://operation:8081"));
}

}  // namespace
}  // namespace granary::services
