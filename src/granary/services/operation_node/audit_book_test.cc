#include "granary/services/operation_node/audit_book.h"

#include <gtest/gtest.h>

#include "granary/testing/fake_clock.h"
#include "granary/testing/temp_directory.h"

namespace granary::operation {
namespace {

struct AuditBookTest : ::testing::Test {
  void SetUp() override { Open(); }
  void Open(std::int64_t days = 365) {
    book.reset();
    auto opened = AuditBook::Open(path(), days, clock);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    book = opened.Take();
  }
  std::string path() const { return folder.path() + "/audit.sqlite"; }
  std::int64_t Begin(std::string target, std::string action = "tenant.create",
                     std::string detail = "{}") {
    const auto seq = book->Begin({.actor = "machine",
                                  .action = std::move(action),
                                  .target = std::move(target),
                                  .address = "127.0.0.1",
                                  .request_id = "r",
                                  .detail = std::move(detail)});
    EXPECT_TRUE(seq.ok()) << seq.status().ToString();
    return seq.ok() ? *seq : 0;
  }
  std::string Listed(const AuditQuery& query = {}) {
    const auto entries = book->List(query);
    if (!entries.ok()) return entries.status().ToString();
    std::string out;
    for (const AuditEntry& one : *entries)
      out += std::to_string(one.seq) + ":" + one.act.target + "=" + one.outcome + one.answer + ";";
    return out;
  }

  testing::TempDirectory folder;
  testing::FakeClock clock;
  std::unique_ptr<AuditBook> book;
};

TEST_F(AuditBookTest, AnActIsThereBeforeItsEndAndAfterARestart) {
  const std::int64_t first = Begin("a");
  EXPECT_EQ(Listed(), "1:a=unknown;");
  EXPECT_TRUE(book->End(first, "done", "HTTP 201").ok());
  Begin("b");
  Open();  // As after a crash: nobody knows what came of the second.
  EXPECT_EQ(Listed(), "2:b=unknown;1:a=doneHTTP 201;");
  EXPECT_EQ(Begin("c"), 3);
}

TEST_F(AuditBookTest, IsOnlyEverAddedTo) {
  const std::int64_t seq = Begin("a");
  EXPECT_TRUE(book->End(seq, "done", "HTTP 200").ok());
  EXPECT_FALSE(book->End(seq, "refused", "CONFLICT").ok());
  // Triggers keep other programs from it (tests/e2e); our own connections run none.
  auto db = SqliteDb::Open(path(), SqliteDb::Access::kReadWrite).Take();
  EXPECT_FALSE(db.Execute("INSERT INTO acts VALUES (1, 0, '', '', '', '', '', '')").ok());
  EXPECT_EQ(Listed(), "1:a=doneHTTP 200;");
}

TEST_F(AuditBookTest, IsReadByPagesAndFilters) {
  for (int i = 0; i < 5; ++i)
    Begin(i % 2 == 0 ? "a" : "b", i < 3 ? "tenant.create" : "tenant.move");
  EXPECT_TRUE(book->End(1, "refused", "CONFLICT").ok());
  EXPECT_EQ(Listed({.limit = 2}), "5:a=unknown;4:b=unknown;");
  EXPECT_EQ(Listed({.before_seq = 4, .limit = 2}), "3:a=unknown;2:b=unknown;");
  EXPECT_EQ(Listed({.target = "b"}), "4:b=unknown;2:b=unknown;");
  EXPECT_EQ(Listed({.action = "tenant.move", .target = "a"}), "5:a=unknown;");
  EXPECT_EQ(Listed({.outcome = "refused"}), "1:a=refusedCONFLICT;");
  EXPECT_EQ(Listed({.actor = "x' OR 1=1 --"}), "");
}

TEST_F(AuditBookTest, WhatIsLongIsCutBetweenLetters) {
  Begin("a", "tenant.create", std::string(kAuditTextBytesMax - 1, 'x') + "ä");
  const auto entries = book->List({});
  ASSERT_TRUE(entries.ok());
  EXPECT_EQ((*entries)[0].act.detail, std::string(kAuditTextBytesMax - 1, 'x') + "…");
}

TEST_F(AuditBookTest, WhatIsTooOldGoesAndNothingElse) {
  Open(/*days=*/10);
  EXPECT_TRUE(book->End(Begin("old"), "done", "HTTP 200").ok());
  clock.AdvanceMicros(9 * 86'400'000'000);
  Begin("young");
  EXPECT_EQ(Listed(), "2:young=unknown;1:old=doneHTTP 200;");
  clock.AdvanceMicros(2 * 86'400'000'000);
  Begin("now");
  EXPECT_EQ(Listed(), "3:now=unknown;2:young=unknown;");
}

TEST_F(AuditBookTest, AnotherFileIsLeftAlone) {
  book.reset();
  const std::string other = folder.path() + "/other.sqlite";
  {
    auto db = SqliteDb::Open(other, SqliteDb::Access::kReadWrite).Take();
    ASSERT_TRUE(db.Execute("CREATE TABLE t (a)").ok());
  }
  EXPECT_EQ(AuditBook::Open(other, 1, clock).status().code(), Code::kConflict);
}

}  // namespace
}  // namespace granary::operation
