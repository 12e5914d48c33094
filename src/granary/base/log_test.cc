#include "granary/base/log.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <algorithm>
#include <limits>
#include <thread>
#include <vector>

#include "granary/base/log_ring.h"

namespace granary {
namespace {

using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

std::string AfterTime(const std::string& line) { return line.substr(line.find(",\"level\"")); }

TEST(LogTest, WritesOneJsonObjectALine) {
  Logger log(LogLevel::kInfo, LogFormat::kJson);
  CaptureStderr();
  const std::uint32_t small = 7;
  log.Info("flushed", {{"source", "sales"},
                       {"rows", std::size_t{12}},
                       {"delta", -3},
                       {"small", small},
                       {"ratio", 0.5},
                       {"nan", std::numeric_limits<double>::quiet_NaN()},
                       {"ok", true}});
  const std::string line = GetCapturedStderr();
  EXPECT_EQ(AfterTime(line),
            ",\"level\":\"info\",\"msg\":\"flushed\",\"source\":\"sales\",\"rows\":12,\"delta\":-3,"
            "\"small\":7,\"ratio\":0.5,\"nan\":null,\"ok\":true}\n");
  EXPECT_EQ(line.substr(0, 7), "{\"ts\":\"");
  EXPECT_EQ(line.substr(30, 2), "Z\"");  // 2024-01-15T00:00:00.000Z
}

TEST(LogTest, AnyBytesStayOneLineOfValidJson) {
  Logger log(LogLevel::kInfo, LogFormat::kJson);
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text = std::string("a\xe2\x82") + static_cast<char>(byte) + "b\"\\";
    CaptureStderr();
    log.Warn(text, {{"text", text}});
    const std::string line = GetCapturedStderr();
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << byte;
    simdjson::dom::parser parser;
    EXPECT_EQ(parser.parse(line).error(), simdjson::SUCCESS) << line;
  }
}

TEST(LogTest, TextQuotesOnlyWhatNeedsIt) {
  Logger log(LogLevel::kDebug, LogFormat::kText);
  CaptureStderr();
  log.Debug("hello there", {{"plain", "a/b"}, {"spaced", "a b"}, {"empty", ""}, {"n", 5}});
  const std::string line = GetCapturedStderr();
  EXPECT_EQ(line.substr(line.find("debug")),
            "debug hello there plain=a/b spaced=\"a b\" empty=\"\" n=5\n");
}

TEST(LogTest, LinesBelowTheLevelAreDropped) {
  Logger log(LogLevel::kWarn, LogFormat::kJson);
  CaptureStderr();
  log.Info("unseen");
  Logger::Null().Error("unseen");
  EXPECT_EQ(GetCapturedStderr(), "");
  EXPECT_FALSE(log.Enabled(LogLevel::kInfo));
  EXPECT_FALSE(Logger::Null().Enabled(LogLevel::kError));
}

TEST(LogTest, TheServiceStandsLastUnlessTheLineSaysIt) {
  Logger log(LogLevel::kInfo, LogFormat::kJson, "monitoring");
  CaptureStderr();
  log.Info("ready");
  log.Info("ready", {{"service", "other"}});
  log.For("up")->Info("ready", {{"n", 1}});
  const std::string lines = GetCapturedStderr();
  EXPECT_NE(lines.find(R"("msg":"ready","service":"monitoring"})"), std::string::npos) << lines;
  EXPECT_NE(lines.find(R"("msg":"ready","service":"other"})"), std::string::npos) << lines;
  EXPECT_NE(lines.find(R"("msg":"ready","n":1,"service":"up"})"), std::string::npos) << lines;
}

TEST(LogTest, WhatIsKeptIsTheLineThatWasWritten) {
  Logger log(LogLevel::kInfo, LogFormat::kJson, "monitoring", 1 << 20);
  const auto other = log.For("other");
  CaptureStderr();
  log.Debug("too little");
  log.Warn("slow", {{"ms", 12}});
  const std::string written = GetCapturedStderr();
  const LogPage page = log.ring()->Read({});
  ASSERT_EQ(page.lines.size(), 1u);
  EXPECT_EQ(page.lines[0] + "\n", written);
  EXPECT_TRUE(other->ring()->Read({}).lines.empty());
  EXPECT_TRUE(Logger::Null().ring()->Read({}).lines.empty());
}

TEST(LogTest, TextForPeopleIsKeptAsJson) {
  Logger log(LogLevel::kInfo, LogFormat::kText, "monitoring", 1 << 20);
  CaptureStderr();
  log.Info("a \"b\"", {{"x", "y z"}});
  const std::string written = GetCapturedStderr();
  EXPECT_NE(written.find("info  monitoring: a \\\"b\\\" x=\"y z\"\n"), std::string::npos)
      << written;
  const LogPage page = log.ring()->Read({});
  ASSERT_EQ(page.lines.size(), 1u);
  simdjson::dom::parser parser;
  EXPECT_EQ(parser.parse(page.lines[0]).error(), simdjson::SUCCESS);
}

TEST(LogTest, SecretsOfKeysAndTokensStandNowhere) {
  const std::string secret(43, 'S');
  for (const LogFormat format : {LogFormat::kJson, LogFormat::kText}) {
    Logger log(LogLevel::kInfo, format, "auth-gateway", 1 << 20);
    CaptureStderr();
    log.Info("asked with gr_" + secret, {{"path", "/auth/keys/gk_0123456789abcdef_" + secret}});
    const std::string written = GetCapturedStderr();
    EXPECT_EQ(written.find(secret), std::string::npos) << written;
    EXPECT_NE(written.find("gk_0123456789abcdef_***"), std::string::npos) << written;
    EXPECT_EQ(log.ring()->Read({}).lines.at(0).find(secret), std::string::npos);
  }
}

TEST(LogTest, LinesOfManyThreadsAreNeverInterleaved) {
  Logger log(LogLevel::kInfo, LogFormat::kJson);
  CaptureStderr();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&log] {
      for (int i = 0; i < 200; ++i) log.Info(std::string(200, 'x'), {{"i", i}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string lines = GetCapturedStderr();
  simdjson::dom::parser parser;
  std::size_t count = 0;
  for (std::size_t at = 0; at < lines.size(); ++count) {
    const std::size_t end = lines.find('\n', at);
    ASSERT_EQ(parser.parse(lines.substr(at, end - at)).error(), simdjson::SUCCESS);
    at = end + 1;
  }
  EXPECT_EQ(count, 800u);
}

}  // namespace
}  // namespace granary
