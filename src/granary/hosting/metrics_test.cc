#include "granary/hosting/metrics.h"

#include <gtest/gtest.h>

namespace granary::hosting {
namespace {

bool Has(const std::string& text, std::string_view line) {
  return text.find(line) != std::string::npos;
}

TEST(MetricsTest, CountsRequestsByRouteAndStatus) {
  Metrics metrics("1.2.3", {{"tenant_id", "acme"}});
  Counter& rows = metrics.NewCounter("granary_rows_written_total", "Records");
  metrics.CountRequest("POST", "/data/write", 200, 0.002);
  metrics.CountRequest("POST", "/data/write", 200, 0.2);
  metrics.CountRequest("POST", "/data/write", 400, 0.0001);
  rows.Add(5);
  const std::string text =
      metrics.Render({{"granary_hot_bytes", "Fresh", 42}, {"granary_x_total", "X", 7, true}});
  EXPECT_TRUE(Has(
      text, "granary_http_requests_total{method=\"POST\",route=\"/data/write\",status=\"200\"} 2"))
      << text;
  EXPECT_TRUE(Has(
      text, "granary_http_requests_total{method=\"POST\",route=\"/data/write\",status=\"400\"} 1"));
  EXPECT_TRUE(Has(text, "granary_http_request_seconds_count{route=\"/data/write\"} 3"));
  EXPECT_TRUE(Has(text, "granary_rows_written_total 5"));
  EXPECT_TRUE(Has(text, "# TYPE granary_hot_bytes gauge\ngranary_hot_bytes 42"));
  EXPECT_TRUE(Has(text, "# TYPE granary_x_total counter\ngranary_x_total 7"));
  EXPECT_TRUE(Has(text, "granary_build_info{version=\"1.2.3\",tenant_id=\"acme\"} 1"));
}

TEST(MetricsTest, SamplesOfManyTenantsAreOneFamily) {
  Metrics metrics("1", {});
  const std::string text = metrics.Render({{"granary_rows", "Rows", 1, false, "acme"},
                                           {"granary_tenants", "Tenants", 2},
                                           {"granary_rows", "Rows", 3, false, "globex"}});
  EXPECT_TRUE(Has(text, "granary_rows{tenant_id=\"acme\"} 1"));
  EXPECT_TRUE(Has(text, "granary_rows{tenant_id=\"globex\"} 3"));
  EXPECT_TRUE(Has(text, "granary_tenants 2"));
  const std::string head = "# TYPE granary_rows ";
  EXPECT_EQ(text.find(head), text.rfind(head));
}

}  // namespace
}  // namespace granary::hosting
