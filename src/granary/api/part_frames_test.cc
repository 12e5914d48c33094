// Goal: what PartWriter writes PartReader reads, and nothing else: every cut and flipped byte is a
// refusal or a value like another.
#include "granary/api/part_frames.h"

#include <gtest/gtest.h>

#include <algorithm>

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "granary/api/part_request.h"

namespace granary::api {
namespace {

query::ResultBatch Rows(const std::string& source, const std::vector<std::int64_t>& numbers,
                        const std::string& document = "{\"a\":1}") {
  arrow::Int64Builder ints;
  arrow::StringBuilder texts;
  query::ResultBatch rows;
  for (const std::int64_t number : numbers) {
    EXPECT_TRUE(ints.Append(number).ok());
    EXPECT_TRUE(texts.Append(document).ok());
    rows.keys.push_back(std::string(13, '\0') + static_cast<char>(number));
  }
  rows.source = SourceId::Parse(source).Take();
  rows.columns = {{1, "n", TypeKind::kInt64}, {2, "doc", TypeKind::kJson}};
  rows.batch = arrow::RecordBatch::Make(
      arrow::schema({arrow::field("n", arrow::int64()), arrow::field("doc", arrow::utf8())}),
      static_cast<std::int64_t>(numbers.size()),
      {ints.Finish().ValueOrDie(), texts.Finish().ValueOrDie()});
  return rows;
}

std::string Written(const std::string& document = "{\"a\":1}") {
  std::string bytes;
  PartWriter writer([&bytes](std::string_view more) {
    bytes.append(more);
    return Status::Ok();
  });
  EXPECT_TRUE(writer.Start("acme", {"anchor", "+int64;"}).ok());
  EXPECT_TRUE(writer.Rows(Rows("a", {1, 2}, document)).ok());
  EXPECT_TRUE(writer.Rows(Rows("b", {3}, document)).ok());
  EXPECT_TRUE(writer.Rows(Rows("a", {4}, document)).ok());
  SearchPageEnd end;
  end.stats.rows_scanned = 9;
  end.stats.access_paths = {"hot"};
  end.next_cursor = "next";
  EXPECT_TRUE(writer.End(end).ok());
  return bytes;
}

/// All frames; or the failure.
Result<std::vector<PartFrame>> Read(std::string bytes, const std::string& tenant = "acme",
                                    std::uint64_t frame_bytes_max = 1 << 20) {
  std::size_t at = 0;
  PartReader reader(
      [&](std::span<char> out) -> Result<std::size_t> {
        const std::size_t count = std::min(out.size(), bytes.size() - at);
        std::copy_n(bytes.data() + at, count, out.data());
        at += count;
        return count;
      },
      tenant, frame_bytes_max);
  std::vector<PartFrame> frames;
  while (true) {
    GRANARY_ASSIGN(PartFrame frame, reader.Next());
    frames.push_back(std::move(frame));
    if (std::holds_alternative<PartEnd>(frames.back())) return frames;
  }
}

TEST(PartFramesTest, RowsOfSeveralSourcesComeBackInOrder) {
  const auto frames = Read(Written());
  ASSERT_TRUE(frames.ok()) << frames.status().ToString();
  ASSERT_EQ(frames->size(), 3u);
  EXPECT_EQ(std::get<PartStart>((*frames)[0]).anchor, "anchor");
  const auto& rows = std::get<PartRows>((*frames)[1]);
  EXPECT_EQ(rows.order, (std::vector<std::uint32_t>{0, 0, 1, 0}));
  EXPECT_EQ(rows.keys.size(), 4u);
  EXPECT_EQ(rows.batches[0].batch->num_rows(), 3);
  EXPECT_EQ(rows.batches[0].tenant, "acme");
  EXPECT_EQ(rows.batches[1].source.str(), "b");
  const auto& end = std::get<PartEnd>((*frames)[2]).end;
  EXPECT_EQ(end.stats.rows_scanned, 9u);
  EXPECT_EQ(end.next_cursor, "next");
}

TEST(PartFramesTest, AnAnswerThatEndsBeforeItsEndIsNone) {
  const std::string whole = Written();
  for (std::size_t cut = 0; cut < whole.size(); ++cut)
    EXPECT_EQ(Read(whole.substr(0, cut)).status().code(), Code::kCorruption) << cut;
}

TEST(PartFramesTest, AFlippedByteIsRefusedOrAValueLikeAnother) {
  const std::string whole = Written();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int bit : {0, 3, 7}) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      const auto frames = Read(bytes);
      const Code code = frames.status().code();
      EXPECT_TRUE(code == Code::kOk || code == Code::kCorruption || code == Code::kTooLarge) << at;
    }
  }
}

TEST(PartFramesTest, AnotherTenantsAnswerAndWhatIsNoJsonAreRefused) {
  EXPECT_EQ(Read(Written(), "other").status().code(), Code::kCorruption);
  EXPECT_EQ(Read(Written("{}},{\"tenant_id\":\"x\"")).status().code(), Code::kCorruption);
}

TEST(PartFramesTest, AFrameIsAsLongAsIsAllowed) {
  const std::string document = "\"" + std::string(5000, 'x') + "\"";
  std::string bytes;
  PartWriter writer([&bytes](std::string_view more) {
    bytes.append(more);
    return Status::Ok();
  });
  ASSERT_TRUE(writer.Start("acme", {}).ok());
  ASSERT_TRUE(writer.States(std::string(4096, 's')).ok());
  ASSERT_TRUE(writer.End({}).ok());
  EXPECT_TRUE(Read(bytes, "acme", 4097).ok());
  EXPECT_TRUE(Read(bytes, "acme", 4096).ok());
  EXPECT_EQ(Read(bytes, "acme", 4095).status().code(), Code::kTooLarge);
}

PartRequest SomeRequest() {
  PartRequest request;
  request.kind = PartRequest::Kind::kSearch;
  request.tenant = "acme";
  request.body = "{}";
  const auto schema =
      std::make_shared<const Schema>(3, 1, std::vector<Column>{{1, "n", TypeKind::kInt64}});
  request.all = {{"acme", SourceId::Parse("a").Take(), schema},
                 {"zeta", SourceId::Parse("a").Take(), schema}};
  request.limit = 5;
  request.skip = 6;
  request.cursor = "here";
  return request;
}

TEST(PartRequestTest, ComesBackAsItWas) {
  const std::string bytes = EncodePartRequest(SomeRequest());
  const auto read = DecodePartRequest(bytes);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->tenant, "acme");
  EXPECT_EQ(read->limit, 5u);
  EXPECT_EQ(read->skip, 6u);
  EXPECT_EQ(read->cursor, "here");
  ASSERT_EQ(read->all.size(), 2u);
  EXPECT_EQ(read->all[1].tenant, "zeta");
  EXPECT_EQ(*read->all[0].schema, *read->all[1].schema);
  EXPECT_EQ(EncodePartRequest(*read), bytes);
}

TEST(PartRequestTest, WhatIsCutOrFlippedIsRefusedOrReadAsAnother) {
  const std::string bytes = EncodePartRequest(SomeRequest());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    EXPECT_EQ(DecodePartRequest(bytes.substr(0, at)).status().code(), Code::kInvalidRequest) << at;
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x81);
    const Code code = DecodePartRequest(flipped).status().code();
    EXPECT_TRUE(code == Code::kOk || code == Code::kInvalidRequest || code == Code::kUnsupported);
  }
  EXPECT_EQ(DecodePartRequest(bytes + "x").status().code(), Code::kInvalidRequest);
}

}  // namespace
}  // namespace granary::api
