#include "granary/hosting/content_rules.h"

#include <gtest/gtest.h>

namespace granary::hosting {
namespace {

net::HttpRequest With(std::string_view name, std::string_view value) {
  net::HttpRequest request;
  request.headers.Set(name, value);
  return request;
}

TEST(ContentRulesTest, TakesJsonOnly) {
  EXPECT_TRUE(CheckJsonBody({}).ok());
  for (const char* good : {"application/json", "Application/JSON; charset=UTF-8",
                           "application/json;charset=\"utf-8\""}) {
    EXPECT_TRUE(CheckJsonBody(With("Content-Type", good)).ok()) << good;
  }
  for (const char* bad : {"text/plain", "application/x-www-form-urlencoded", "", "json",
                          "application/json; charset=latin1", "application/json; version=2",
                          "application/json, text/csv"}) {
    EXPECT_EQ(CheckJsonBody(With("Content-Type", bad)).code(), Code::kUnsupportedMediaType) << bad;
  }
}

TEST(ContentRulesTest, NamesTheParameterThatItDoesNotTake) {
  const std::pair<const char*, const char*> cases[] = {
      {"text/csv; header=absent", "header=absent"},
      {"text/csv; delimiter=\";\"", "delimiter=;"},
      {"text/csv; charset=latin1", "charset=latin1"},
      {"application/x-ndjson; header=present", "header=present"},
      {"application/vnd.apache.parquet; version=2", "version=2"}};
  for (const auto& [type, named] : cases) {
    const Status status = StreamedBodyFormat(With("Content-Type", type)).status();
    EXPECT_EQ(status.code(), Code::kUnsupportedMediaType) << type;
    EXPECT_NE(status.message().find(named), std::string_view::npos) << status.ToString();
  }
  EXPECT_NE(CheckJsonBody(With("Content-Type", "application/json;v=2")).message().find("v=2"),
            std::string_view::npos);
}

TEST(ContentRulesTest, BodiesOfOtherFormatsAreReadAsTheyCome) {
  using formats::TableFormat;
  const std::pair<const char*, TableFormat> cases[] = {
      {"application/x-ndjson", TableFormat::kNdjson},
      {"text/csv; charset=utf-8; header=present", TableFormat::kCsv},
      {"application/vnd.apache.arrow.stream", TableFormat::kArrow},
      {"Application/vnd.apache.Parquet", TableFormat::kParquet}};
  for (const auto& [type, format] : cases) {
    EXPECT_EQ(StreamedBodyFormat(With("Content-Type", type)).value(), format) << type;
    EXPECT_EQ(CheckJsonBody(With("Content-Type", type)).code(), Code::kUnsupportedMediaType);
  }
  for (const char* other : {"application/json", "text/event-stream", "text/plain", ""})
    EXPECT_EQ(StreamedBodyFormat(With("Content-Type", other)).value(), std::nullopt) << other;
  EXPECT_EQ(StreamedBodyFormat(With("Content-Type", "text/csv; charset=latin1")).status().code(),
            Code::kUnsupportedMediaType);
}

TEST(ContentRulesTest, StreamsInTheFormThatTheClientLikesBest) {
  using formats::TableFormat;
  const std::pair<const char*, TableFormat> cases[] = {
      {"", TableFormat::kNdjson},
      {"*/*", TableFormat::kNdjson},
      {"text/html, */*;q=0.1", TableFormat::kNdjson},
      {"text/csv;q=0.9, application/x-ndjson;q=0.5", TableFormat::kCsv},
      {"application/vnd.apache.arrow.stream", TableFormat::kArrow},
      {"application/vnd.apache.parquet", TableFormat::kParquet},
      {"text/csv;charset=utf-8;header=present", TableFormat::kCsv},
      {"text/csv;header=absent, application/x-ndjson;q=0.1", TableFormat::kNdjson},
      {"text/event-stream", TableFormat::kEvents}};
  for (const auto& [accept, format] : cases) {
    const auto form = ChooseAnswerForm(With("Accept", accept));
    ASSERT_TRUE(form.ok()) << accept;
    EXPECT_EQ(form->format, format) << accept;
  }
  for (const char* bad :
       {"application/json", "text/csv;q=0", "image/*", "application/x-ndjson;profile=x"}) {
    EXPECT_EQ(ChooseAnswerForm(With("Accept", bad)).status().code(), Code::kNotAcceptable) << bad;
  }
}

TEST(ContentRulesTest, FramesAreForNdjsonAndOfEvents) {
  const auto form = [](const char* accept, const char* frames) {
    net::HttpRequest request = With("Accept", accept);
    if (*frames != 0) request.query = {{"frames", frames}};
    return ChooseAnswerForm(request);
  };
  EXPECT_FALSE(form("application/x-ndjson", "")->frames);
  EXPECT_FALSE(form("application/x-ndjson", "false")->frames);
  EXPECT_TRUE(form("application/x-ndjson", "true")->frames);
  EXPECT_TRUE(form("text/event-stream", "")->frames);
  EXPECT_TRUE(form("text/event-stream", "true")->frames);
  EXPECT_FALSE(form("text/csv", "false")->frames);
  for (const auto& [accept, frames] : {std::pair("text/event-stream", "false"),
                                       {"text/csv", "true"},
                                       {"application/x-ndjson", "yes"},
                                       {"text/event-stream", "1"}}) {
    EXPECT_EQ(form(accept, frames).status().code(), Code::kInvalidArgument) << accept << frames;
  }
  EXPECT_NE(form("text/event-stream", "false").status().message().find("is a frame"),
            std::string_view::npos);
}

}  // namespace
}  // namespace granary::hosting
