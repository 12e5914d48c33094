#include "granary/services/monitoring/emf.h"

#include <gtest/gtest.h>

#include "granary/api/json_node.h"

namespace granary::services {
namespace {

Scrape Seen(double requests, double failed, double memory) {
  Scrape scrape;
  scrape.target.service = "tenant-node";
  scrape.at_us = 1'700'000'000'123'456;
  scrape.up = scrape.ready = scrape.measured = true;
  scrape.health_ms = 1.5;
  scrape.metrics = ReadExposition(
      "# TYPE granary_http_requests_total counter\n"
      "granary_http_requests_total{status=\"200\"} " +
      std::to_string(requests) + "\ngranary_http_requests_total{status=\"503\"} " +
      std::to_string(failed) +
      "\n# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes " +
      std::to_string(memory) + "\n");
  return scrape;
}

TEST(EmfWriterTest, WritesALineOfTheFormat) {
  EmfWriter writer("Granary");
  const std::string line = writer.Lines({Seen(10, 0, 1 << 20)}).at(0);
  EXPECT_EQ(line,
            R"({"_aws":{"Timestamp":1700000000123,"CloudWatchMetrics":[{"Namespace":"Granary",)"
            R"("Dimensions":[["service"]],"Metrics":[{"Name":"up","Unit":"None"},)"
            R"({"Name":"ready","Unit":"None"},{"Name":"health_ms","Unit":"Milliseconds"},)"
            R"({"Name":"memory_bytes","Unit":"Bytes"}]}]},"service":"tenant-node","up":1,)"
            R"("ready":1,"health_ms":1.5,"memory_bytes":1048576})");
}

TEST(EmfWriterTest, CountersAreWhatWasAddedAndBeginAnewWithTheirProcess) {
  EmfWriter writer("Granary");
  const auto has = [&writer](const Scrape& scrape, const std::string& members) {
    const std::string line = writer.Lines({scrape}).at(0);
    EXPECT_TRUE(api::ParseJsonObject(line, 16).ok()) << line;
    return line.find(members) != std::string::npos;
  };
  EXPECT_FALSE(has(Seen(10, 1, 0), R"("requests":)"));
  EXPECT_TRUE(has(Seen(30, 4, 0), R"("requests":23,"errors":3)"));
  EXPECT_TRUE(has(Seen(30, 4, 0), R"("requests":0,"errors":0)"));
  EXPECT_TRUE(has(Seen(5, 0, 0), R"("requests":5,"errors":0)"));
}

TEST(EmfWriterTest, AServiceThatIsAwayIsToldAsSuch) {
  EmfWriter writer("Granary");
  Scrape away;
  away.target.service = "cbo-engine";
  const std::string line = writer.Lines({away}).at(0);
  EXPECT_NE(line.find(R"("service":"cbo-engine","up":0,"ready":0})"), std::string::npos) << line;
}

}  // namespace
}  // namespace granary::services
