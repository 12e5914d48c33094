// The parts of the load generator that its figures rest on.
#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "answer_reader.h"
#include "latency_histogram.h"
#include "request_file.h"

namespace granary::bench {
namespace {

using Progress = AnswerReader::Progress;

std::string Framed(std::initializer_list<std::string> requests) {
  std::string out;
  for (const std::string& request : requests) {
    const auto length = static_cast<std::uint32_t>(request.size());
    out.append(reinterpret_cast<const char*>(&length), sizeof(length));
    out.append(request);
  }
  return out;
}

TEST(RequestFileTest, GivesRequestsInOrderAndBeginsAgain) {
  auto file = RequestFile::Parse(Framed({"one", "", "three"})).Take();
  EXPECT_EQ(file.size(), 3u);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(file.Next(), "one");
    EXPECT_EQ(file.Next(), "");
    EXPECT_EQ(file.Next(), "three");
  }
  EXPECT_EQ(file.taken(), 6u);
}

TEST(RequestFileTest, EachStampIsNew) {
  auto file = RequestFile::Parse(Framed({"a########b########", "########"})).Take();
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string request(file.Next());
    if (request.size() == 8) {
      EXPECT_TRUE(seen.insert(request).second);
    } else {
      EXPECT_TRUE(seen.insert(request.substr(1, 8)).second);
      EXPECT_TRUE(seen.insert(request.substr(10)).second);
    }
  }
}

TEST(RequestFileTest, StampsAreThoseOfTheData) {  // bench/data.py makes order ids so.
  char stamp[9] = {};
  WriteStamp(0, stamp);
  EXPECT_STREQ(stamp, "01234567");
  WriteStamp(1, stamp);
  EXPECT_STREQ(stamp, "9f5abf18");
}

TEST(RequestFileTest, StampedRequestsServeOneConnectionEach) {
  EXPECT_TRUE(RequestFile::Parse(Framed({"x"})).Take().CanServe(8));
  EXPECT_FALSE(RequestFile::Parse(Framed({"########"})).Take().CanServe(2));
  EXPECT_TRUE(RequestFile::Parse(Framed({"########", "x"})).Take().CanServe(2));
}

TEST(RequestFileTest, RefusesAFileThatEndsInsideARequest) {
  const std::string whole = Framed({"one", "two"});
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    if (bytes == 7) continue;  // The first request alone.
    EXPECT_FALSE(RequestFile::Parse(whole.substr(0, bytes)).ok()) << bytes;
  }
}

constexpr std::string_view kPlain =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ncontent-LENGTH: 5\r\n\r\nhello";
constexpr std::string_view kChunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1a;x=y\r\n"
    "abcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n";
constexpr std::string_view kEmpty = "HTTP/1.1 204 No Content\r\n\r\n";
constexpr std::string_view kRefused = "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nwhy";

TEST(AnswerReaderTest, FindsTheEndHoweverTheBytesCome) {
  for (const std::string_view whole : {kPlain, kChunked, kEmpty, kRefused}) {
    for (std::size_t first = 1; first < whole.size(); ++first) {
      for (std::size_t second = first; second < whole.size(); ++second) {
        AnswerReader reader;
        ASSERT_EQ(reader.Feed(whole.substr(0, first)), Progress::kMore);
        ASSERT_EQ(reader.Feed(whole.substr(first, second - first)), Progress::kMore);
        ASSERT_EQ(reader.Feed(whole.substr(second)), Progress::kDone) << first << " " << second;
      }
    }
  }
}

TEST(AnswerReaderTest, KeepsTheStatusAndWhatARefusalSays) {
  AnswerReader reader;
  ASSERT_EQ(reader.Feed(kRefused), Progress::kDone);
  EXPECT_EQ(reader.status(), 404);
  EXPECT_EQ(reader.refusal(), "why");
  reader.Reset();
  ASSERT_EQ(reader.Feed(kPlain), Progress::kDone);
  EXPECT_EQ(reader.status(), 200);
  EXPECT_EQ(reader.refusal(), "");
}

TEST(AnswerReaderTest, MoreThanOneAnswerOrNoHttpIsBroken) {
  EXPECT_EQ(AnswerReader().Feed(std::string(kPlain) + "HTTP"), Progress::kBroken);
  EXPECT_EQ(AnswerReader().Feed("SMTP hello\r\n\r\n"), Progress::kBroken);
  EXPECT_EQ(AnswerReader().Feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
            Progress::kBroken);
}

TEST(LatencyHistogramTest, PercentilesAreWithinOnePercent) {
  for (const std::uint64_t scale : {1u, 1'000u, 777'777u}) {
    LatencyHistogram histogram;
    for (std::uint64_t i = 1; i <= 10'000; ++i) histogram.Add(i * scale);
    for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999}) {
      const double exact = share * 10'000 * static_cast<double>(scale) / 1e3;
      EXPECT_NEAR(histogram.PercentileUs(share), exact, exact * 0.01) << scale << " " << share;
    }
    EXPECT_DOUBLE_EQ(histogram.min_us(), static_cast<double>(scale) / 1e3);
    EXPECT_DOUBLE_EQ(histogram.max_us(), static_cast<double>(10'000 * scale) / 1e3);
    EXPECT_NEAR(histogram.mean_us(), 5.0005 * static_cast<double>(scale), 0.001);
  }
}

TEST(LatencyHistogramTest, TakesTheShortestAndTheLongest) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.PercentileUs(0.5), 0);
  histogram.Add(0);
  histogram.Add(~std::uint64_t{0});
  EXPECT_EQ(histogram.count(), 2u);
  EXPECT_EQ(histogram.PercentileUs(0), 0);
  EXPECT_GT(histogram.PercentileUs(1), 1e15);
}

}  // namespace
}  // namespace granary::bench
