// NDJSON and CSV: what their texts mean, and where they are wrong.
#include <fmt/format.h>

#include "granary/base/utf8.h"
#include "granary/formats/formats_test_support.h"

namespace granary::formats {
namespace {

const SchemaPtr kIdName = SchemaWith({{"id", TypeKind::kInt64}, {"name", TypeKind::kString}});

Got Csv(const std::string& body, SchemaPtr schema = kIdName,
        json::SchemaMode mode = json::SchemaMode::kStrict,
        json::RejectedRecords* rejected = nullptr) {
  return ReadAll(TableFormat::kCsv, body, std::move(schema), mode, {}, rejected);
}
Got Lines(const std::string& body, json::RejectedRecords* rejected = nullptr,
          const ReadLimits& limits = {}) {
  return ReadAll(TableFormat::kNdjson, body, kIdName, json::SchemaMode::kStrict, limits, rejected);
}

std::string Cell(const Got& got, int column, int row) {
  if (got.batch == nullptr) return "no batch: " + got.status.ToString();
  return got.batch->column(column)->GetScalar(row).ValueOrDie()->ToString();
}

TEST(CsvReaderTest, EmptyIsNullAndQuotedEmptyIsText) {
  const Got got = Csv("id,name\r\n1,\r\n2,\"\"\r\n,x\r\n");
  ASSERT_TRUE(got.status.ok()) << got.status.ToString();
  EXPECT_EQ(Cell(got, 1, 0), "null");
  EXPECT_EQ(Cell(got, 1, 1), "");
  EXPECT_EQ(Cell(got, 0, 2), "null");
}

TEST(CsvReaderTest, QuotesHoldCommasLineEndsAndQuotes) {
  const Got got = Csv("\xEF\xBB\xBFname,id\n\"a,\"\"b\"\"\r\nc\",\"7\"\n\nplain,8");
  ASSERT_TRUE(got.status.ok()) << got.status.ToString();
  EXPECT_EQ(got.batch->num_rows(), 2);
  EXPECT_EQ(Cell(got, 1, 0), "a,\"b\"\r\nc");
  EXPECT_EQ(Cell(got, 0, 0), "7");
  EXPECT_EQ(Cell(got, 1, 1), "plain");
}

TEST(CsvReaderTest, NewColumnsAreOfWhatTheyHold) {
  const Got got = Csv("n,f,b,t,d,nothing\n1,1,true,x,007,\n2,1.5,FALSE,2,1,\n", SchemaWith({}),
                      json::SchemaMode::kEvolve);
  ASSERT_TRUE(got.status.ok()) << got.status.ToString();
  ASSERT_EQ(got.schema->columns().size(), 5u);
  EXPECT_EQ(got.schema->Find("n")->type.kind(), TypeKind::kInt64);
  EXPECT_EQ(got.schema->Find("f")->type.kind(), TypeKind::kFloat64);
  EXPECT_EQ(got.schema->Find("b")->type.kind(), TypeKind::kBool);
  EXPECT_EQ(got.schema->Find("t")->type.kind(), TypeKind::kString);
  EXPECT_EQ(got.schema->Find("d")->type.kind(), TypeKind::kString);
}

TEST(CsvReaderTest, AStrictSourceRefusesAColumnThatItLacksThoughItsCellsAreEmpty) {
  json::RejectedRecords rejected;
  for (json::RejectedRecords* leaves_out :
       {static_cast<json::RejectedRecords*>(nullptr), &rejected}) {
    const Got got = Csv("id,nmae\n1,\n2,\n", kIdName, json::SchemaMode::kStrict, leaves_out);
    EXPECT_EQ(got.status.code(), Code::kInvalidRecord);
    EXPECT_EQ(got.status.message(), "line 1: the source has no such column: \"nmae\"");
  }
}

TEST(CsvReaderTest, WhatIsLeftOutHasNoSayInWhatAColumnIs) {
  json::RejectedRecords rejected;
  const Got got = Csv("id,n,b\n1,7,true\nwrong,seven,7\n2,8,false\n3,9\n",
                      SchemaWith({{"id", TypeKind::kInt64}}), json::SchemaMode::kEvolve, &rejected);
  ASSERT_TRUE(got.status.ok()) << got.status.ToString();
  ASSERT_EQ(got.schema->columns().size(), 3u);
  EXPECT_EQ(got.schema->Find("n")->type.kind(), TypeKind::kInt64);
  EXPECT_EQ(got.schema->Find("b")->type.kind(), TypeKind::kBool);
  EXPECT_EQ(got.batch->num_rows(), 2);
  EXPECT_EQ(rejected.size(), 2u);
}

TEST(CsvReaderTest, ErrorsNameTheLine) {
  const auto error = [](const std::string& body) {
    return std::string(Csv(body).status.message());
  };
  EXPECT_EQ(error("id,name\n1,a\nx,b\n"), "/1/id: line 3: expected int64, found string \"x\"");
  EXPECT_EQ(error("id,name\n1,\"a\nb\"\n2\n"), "/1: line 4: 1 cells, the header has 2");
  EXPECT_EQ(error("id,name\n1,a\"b\n"),
            "/0: line 2: column 2: a quote inside a cell that is not quoted");
  EXPECT_EQ(error("id,name\n1,\"a\"b\n"), "/0: line 2: column 2: text behind the closing quote");
  EXPECT_EQ(error("id,name\n1,\xFF\n"), "/0: line 2: not UTF-8");
  EXPECT_EQ(error("id,id\n"), "line 1: the header names \"id\" twice");
  EXPECT_EQ(error("id,\n"), "line 1, column 2: the header has no name");
  EXPECT_EQ(error(""), "line 1: there is no header");
  EXPECT_NE(error("id,other\n1,2\n").find("no such column"), std::string::npos);
}

TEST(CsvReaderTest, ALineEndsAtLfCrlfOrCr) {
  for (const std::string& end : {std::string("\n"), std::string("\r\n"), std::string("\r")}) {
    const std::string body = "id,name" + end + "1,a" + end + end + "2,\"b" + end + "c\"" + end;
    for (const std::string& tail : {std::string("3,d"), "3,d" + end}) {
      for (const std::size_t step : {std::size_t{1}, std::size_t{2}, body.size() + 9}) {
        auto reader = ReaderOf(TableFormat::kCsv, body + tail, {}, step);
        const Got got = ReadAll(**reader, kIdName, json::SchemaMode::kStrict);
        ASSERT_TRUE(got.status.ok()) << got.status.ToString();
        EXPECT_EQ(got.batch->num_rows(), 3);
        EXPECT_EQ(Cell(got, 1, 1), "b" + end + "c");
        EXPECT_EQ(Cell(got, 0, 2), "3");
      }
    }
    // Lines are counted in the same way, inside quotes too.
    EXPECT_EQ(Csv(body + "x,d" + end).status.message(),
              "/2/id: line 6: expected int64, found string \"x\"");
  }
  EXPECT_EQ(Csv("id,name\r1\r2,b\r").status.message(), "/0: line 2: 1 cells, the header has 2");
}

TEST(CsvReaderTest, ALineThatEndsWithCrIsAtMostAChunkLong) {
  const ReadLimits limits{.chunk_bytes = 100};
  for (const std::size_t bytes : {99u, 100u, 101u}) {
    const std::string body = "id,name\r1," + std::string(bytes - 2, 'x') + "\r2,b\r";
    for (const std::size_t step : {std::size_t{1}, body.size()}) {
      auto reader = ReaderOf(TableFormat::kCsv, body, limits, step);
      const Got got = ReadAll(**reader, kIdName, json::SchemaMode::kStrict);
      EXPECT_EQ(got.status.code(), bytes <= 100 ? Code::kOk : Code::kTooLarge) << bytes;
    }
  }
}

// However a body arrives, its chunks are the same, and so is what is wrong with it.
TEST(CsvReaderTest, PiecesDoNotShow) {
  const auto told = [](const std::string& body, std::size_t step, std::size_t chunk_bytes) {
    auto reader = ReaderOf(TableFormat::kCsv, body, {.chunk_bytes = chunk_bytes}, step);
    std::string out;
    for (;;) {
      auto chunk = (*reader)->Next();
      if (!chunk.ok()) return out + chunk.status().ToString();
      if (*chunk == nullptr) return out;
      out += fmt::format("{} ", (*chunk)->rows());
    }
  };
  for (const std::string& end : {std::string("\n"), std::string("\r\n"), std::string("\r")}) {
    std::string body = "id,name" + end;
    for (int i = 0; i < 9; ++i) body += "1,\"a" + end + "b\"" + end + "2," + end;
    for (const std::string& tail :
         {std::string(), "3,\"long" + std::string(20, 'x') + "\"" + end, std::string("4,\"open")}) {
      for (std::size_t chunk_bytes = 10; chunk_bytes < 40; ++chunk_bytes) {
        const std::string whole = told(body + tail, 1000, chunk_bytes);
        for (const std::size_t step : {1u, 2u, 3u, 7u})
          EXPECT_EQ(told(body + tail, step, chunk_bytes), whole) << chunk_bytes << " " << step;
      }
    }
  }
}

TEST(CsvReaderTest, QuotesThatAreNeverClosedRefuseTheBody) {
  const std::string wanted =
      "line 3: the quotes that open here are not closed before the body ends: no record from here "
      "on can be told";
  for (const char* tail : {"\"ab", "\"ab\n3,c\n4,d\n", "\"a\"\"b\r\n3,c\r\n", "\""}) {
    json::RejectedRecords rejected;
    const std::string body = std::string("id,name\n1,a\n2,") + tail;
    EXPECT_EQ(Csv(body).status.message(), wanted);
    const Status status = Csv(body, kIdName, json::SchemaMode::kStrict, &rejected).status;
    EXPECT_EQ(status.message(), wanted);
    EXPECT_EQ(status.code(), Code::kInvalidRequest);
  }
  EXPECT_TRUE(Csv("id,\"na").status.message().starts_with("line 1: the quotes that open here"));
  // Where they open, not where their record begins.
  EXPECT_TRUE(Csv("id,name\n\"1\n\",\"b\n").status.message().starts_with("line 3: the quotes"));
}

TEST(CsvReaderTest, AQuoteOutOfPlaceSpoilsItsOwnRecordAlone) {
  json::RejectedRecords rejected;
  const Got got = Csv("id,name\n1,a\"b\n2,b\n\"3\"x,\"c\"\n4,d\n", kIdName,
                      json::SchemaMode::kStrict, &rejected);
  ASSERT_TRUE(got.status.ok()) << got.status.ToString();
  EXPECT_EQ(got.batch->num_rows(), 2);
  const json::RejectedRecords wanted = {
      {0, "line 2: column 2: a quote inside a cell that is not quoted"},
      {2, "line 4: column 1: text behind the closing quote"}};
  EXPECT_EQ(rejected, wanted);
}

TEST(TextFormatsTest, AByteOrderMarkInFrontIsPassedOver) {
  const std::string mark = "\xEF\xBB\xBF";
  const std::pair<TableFormat, std::string> bodies[] = {
      {TableFormat::kCsv, "\"id\",name\n7,x\n"},
      {TableFormat::kNdjson, "{\"id\":7,\"name\":\"x\"}\n"}};
  for (const auto& [format, body] : bodies) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{100}}) {
      auto reader = ReaderOf(format, mark + body, {}, step);
      const Got got = ReadAll(**reader, kIdName, json::SchemaMode::kStrict);
      ASSERT_TRUE(got.status.ok()) << got.status.ToString();
      EXPECT_EQ(Cell(got, 0, 0), "7");
    }
    // Anywhere else it is text.
    EXPECT_FALSE(ReadAll(format, mark + mark + body, kIdName).status.ok());
  }
}

TEST(CsvReaderTest, JsonCellsKeepWhatJsonKeeps) {
  const SchemaPtr schema = SchemaWith({{"id", TypeKind::kInt64}, {"doc", TypeKind::kJson}});
  const Got got =
      Csv("id,doc\n1,123456789012345678901234567890\n2,\"[1.50,\n\"\"x\"\"]\"\n", schema);
  ASSERT_TRUE(got.status.ok()) << got.status.ToString();
  EXPECT_EQ(Cell(got, 1, 0), "123456789012345678901234567890");
  EXPECT_EQ(Cell(got, 1, 1), "[1.50,\"x\"]");
}

TEST(CsvReaderTest, AByteOrderMarkInTheFirstNameIsNoMarkOfTheTable) {
  const SchemaPtr schema = SchemaWith({{"\xEF\xBB\xBFid", TypeKind::kInt64}});
  const std::string rows = "[{\"\xEF\xBB\xBFid\":7}]";
  json::RecordParser parser({});
  const auto batch =
      parser.Parse(rows, "", json::RecordShape::kBare, json::SchemaMode::kStrict, schema)->batch;
  const Got got = Csv(WriteTable(TableFormat::kCsv, *schema, batch), schema);
  ASSERT_TRUE(got.status.ok()) << got.status.ToString();
  EXPECT_EQ(Cell(got, 0, 0), "7");
}

TEST(CsvReaderTest, AMessageQuotesWholeCharacters) {
  std::string name;
  while (name.size() < 300) name += "é";
  const Got got = Csv(name + "," + name + "\n");
  EXPECT_EQ(got.status.code(), Code::kInvalidRequest);
  EXPECT_TRUE(IsValidUtf8(got.status.message())) << got.status.message();
}

TEST(CsvReaderTest, NothingOfACellBecomesAnotherMember) {
  const SchemaPtr schema = SchemaWith({{"id", TypeKind::kInt64}, {"doc", TypeKind::kJson}});
  for (const char* bad :
       {"1,\"1,\"\"id\"\":2\"\n", "1,}\n", "1,\"1],[2\"\n", "1,\" \"\n", "\"1,\"\"doc\"\":3\",4\n"})
    EXPECT_EQ(Csv(std::string("id,doc\n") + bad, schema).status.code(), Code::kInvalidRecord)
        << bad;
}

TEST(CsvReaderTest, OneColumnHasItsNullsAsBlankLines) {
  const Got got = Csv("id\n1\n\n3\n", SchemaWith({{"id", TypeKind::kInt64}}));
  ASSERT_TRUE(got.status.ok()) << got.status.ToString();
  EXPECT_EQ(got.batch->num_rows(), 3);
  EXPECT_EQ(Cell(got, 0, 1), "null");
}

TEST(CsvReaderTest, WrongRecordsCanBeLeftOut) {
  json::RejectedRecords rejected;
  const Got got = Csv("id,name\n1,a\nx,b\n3\n4,d\n", kIdName, json::SchemaMode::kStrict, &rejected);
  ASSERT_TRUE(got.status.ok()) << got.status.ToString();
  EXPECT_EQ(got.batch->num_rows(), 2);
  const json::RejectedRecords wanted = {{1, "line 3: /id: expected int64, found string \"x\""},
                                        {2, "line 4: 1 cells, the header has 2"}};
  EXPECT_EQ(rejected, wanted);
}

TEST(NdjsonReaderTest, EachLineIsARecordOfItsOwn) {
  const Got got = Lines("{\"id\":1}\r\n\n  {\"id\":2,\"name\":\"x\"}\n{\"id\":3}");
  ASSERT_TRUE(got.status.ok()) << got.status.ToString();
  EXPECT_EQ(got.batch->num_rows(), 3);
  for (const char* bad : {"{\"id\":1},{\"id\":2}\n", "{\"id\":\n1}\n", "[{\"id\":1}]\n", "1\n",
                          "{\"id\":1}{\"id\":2}\n", "{\"id\":1\n", "{\"name\":[1\n2]}\n"})
    EXPECT_FALSE(Lines(bad).status.ok()) << bad;
}

TEST(NdjsonReaderTest, ErrorsNameTheLine) {
  EXPECT_EQ(Lines("{\"id\":1}\n\n{\"id\":\"x\"}\n").status.message(),
            "/1/id: line 3: expected int64, found string \"x\"");
  EXPECT_TRUE(Lines("{\"id\":1}\n{]\n").status.message().starts_with("/1: line 2: "));
}

TEST(NdjsonReaderTest, WrongRecordsCanBeLeftOut) {
  json::RejectedRecords rejected;
  const Got got = Lines("{\"id\":1}\nnonsense\n{\"id\":\"x\"}\n{\"id\":4}\n[]\n", &rejected);
  ASSERT_TRUE(got.status.ok()) << got.status.ToString();
  EXPECT_EQ(got.batch->num_rows(), 2);
  ASSERT_EQ(rejected.size(), 3u);
  EXPECT_TRUE(rejected.contains(1) && rejected.contains(2) && rejected.contains(4));
}

TEST(NdjsonReaderTest, AWrongRecordDoesNotChangeTheSchema) {
  json::RejectedRecords rejected;
  const Got got = ReadAll(TableFormat::kNdjson, "{\"id\":\"x\",\"new\":1}\n{\"id\":2}\n", kIdName,
                          json::SchemaMode::kEvolve, {}, &rejected);
  ASSERT_TRUE(got.status.ok()) << got.status.ToString();
  EXPECT_EQ(got.schema->Find("new"), nullptr);
  EXPECT_EQ(got.batch->num_rows(), 1);
}

TEST(NdjsonReaderTest, ALineIsAtMostAChunkLong) {
  const auto line = [](std::size_t bytes) {
    std::string text = R"({"name":")";
    return text + std::string(bytes - text.size() - 2, 'x') + "\"}";
  };
  const ReadLimits limits{.chunk_bytes = 1000};
  for (const char* end : {"", "\n", "\n{\"id\":1}\n"}) {
    EXPECT_TRUE(Lines(line(999) + end, nullptr, limits).status.ok());
    EXPECT_TRUE(Lines(line(1000) + end, nullptr, limits).status.ok());
    EXPECT_EQ(Lines(line(1001) + end, nullptr, limits).status.code(), Code::kTooLarge);
  }
}

}  // namespace
}  // namespace granary::formats
