// The database, who tells, policies that stay, compactions and their order.
#include <gtest/gtest.h>

#include <fstream>

#include <fmt/format.h>

#include "granary/services/metadata_catalog/catalog_db.h"
#include "granary/services/metadata_catalog/compaction_book.h"
#include "granary/services/metadata_catalog/policy_book.h"
#include "granary/services/metadata_catalog/publishers.h"
#include "granary/testing/temp_directory.h"

namespace granary::catalog {
namespace {

class BooksTest : public ::testing::Test {
 protected:
  void SetUp() override { Open(); }
  void Open() {
    db_.reset();
    auto opened = CatalogDb::Open(file());
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    db_ = opened.Take();
  }
  std::string file() const { return folder_.Join("catalog.sqlite"); }
  Result<std::uint64_t> Introduce(const std::string& node, const std::string& key,
                                  const std::string& tenant) {
    return db_->Change([&](SqliteDb& db) {
      return OpenSession(db, {.node = node, .key = key, .tenant = tenant, .version = "1"}, 1);
    });
  }
  Status Check(const std::string& node, const std::string& key, const std::string& tenant,
               std::uint64_t session) {
    return db_->Read([&](SqliteDb& db) { return CheckSession(db, node, key, tenant, session); });
  }
  Compaction Ask(const std::string& tenant, const std::string& source, bool asked = true) {
    return db_
        ->Change([&](SqliteDb& db) {
          return AskForCompaction(db, tenant, source, asked, "why", ++now_us_);
        })
        .Take();
  }
  std::vector<std::string> HandedOut(const std::string& tenant, std::uint64_t running_max) {
    const auto orders =
        db_->Change([&](SqliteDb& db) { return HandOut(db, tenant, running_max, ++now_us_); });
    std::vector<std::string> out;
    for (const api::CompactionOrder& order : *orders) out.push_back(order.source.str());
    return out;
  }
  Status Report(const std::string& tenant, std::uint64_t id, storage::JobState state) {
    api::PublishedCompaction report;
    report.id = id;
    report.state = state;
    return db_->Change(
        [&](SqliteDb& db) { return ReportCompaction(db, tenant, report, ++now_us_); });
  }
  std::string StateOf(std::uint64_t id) {
    return db_->Read([&](SqliteDb& db) { return FindCompaction(db, id); })->value().state;
  }

  testing::TempDirectory folder_;
  std::int64_t now_us_ = 0;
  std::unique_ptr<CatalogDb> db_;
};

TEST_F(BooksTest, WhatFailedIsNotThere) {
  const Status failed = db_->Change([](SqliteDb& db) -> Status {
    GRANARY_TRY(CountUp(db, "policies").status());
    return {Code::kConflict, "no"};
  });
  EXPECT_EQ(failed.code(), Code::kConflict);
  EXPECT_EQ(*db_->Change([](SqliteDb& db) { return CountUp(db, "policies"); }), 2u);
}

TEST_F(BooksTest, AFileOfSomethingElseOrOfAnotherFormatIsRefusedAndStaysAsItIs) {
  ASSERT_TRUE(db_->Read([](SqliteDb& db) { return db.Execute("PRAGMA user_version=99"); }).ok());
  db_.reset();
  const auto newer = CatalogDb::Open(file());
  EXPECT_EQ(newer.status().code(), Code::kConflict);
  EXPECT_NE(newer.status().message().find("format 99"), std::string_view::npos);
  const std::string other = folder_.Join("other.sqlite");
  {
    auto db = SqliteDb::Open(other, SqliteDb::Access::kReadWrite);
    ASSERT_TRUE(db->Execute("CREATE TABLE theirs (a)").ok());
  }
  EXPECT_EQ(CatalogDb::Open(other).status().code(), Code::kConflict);
  auto db = SqliteDb::Open(other, SqliteDb::Access::kReadWrite);
  EXPECT_EQ(*db->QueryInteger("SELECT count(*) FROM sqlite_schema"), 1);
}

TEST_F(BooksTest, ADamagedFileIsRefusedWithWhatToDo) {
  db_.reset();
  {
    std::fstream out(file(), std::ios::in | std::ios::out | std::ios::binary);
    out.seekp(4096);
    out << std::string(8192, 'x');
  }
  const Status damaged = CatalogDb::Open(file()).status();
  EXPECT_EQ(damaged.code(), Code::kCorruption) << damaged.ToString();
  EXPECT_NE(damaged.message().find("move it away"), std::string_view::npos);
  std::ofstream(file(), std::ios::trunc) << "this is no database, whatever it may be called";
  EXPECT_EQ(CatalogDb::Open(file()).status().code(), Code::kCorruption);
}

TEST_F(BooksTest, TenantAndNodeBelongToTheKeyThatCameFirst) {
  const auto first = Introduce("n1", "key one of a node", "acme");
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(Introduce("n2", "key two of a node", "acme").status().code(), Code::kPermissionDenied);
  EXPECT_EQ(Introduce("n1", "key two of a node", "other").status().code(), Code::kPermissionDenied);
  EXPECT_TRUE(Introduce("n1", "key one of a node", "other").ok());  // Two tenants of a node.
  EXPECT_TRUE(Check("n1", "key one of a node", "acme", *first).ok());
  EXPECT_EQ(Check("n1", "key two of a node", "acme", *first).code(), Code::kPermissionDenied);
  EXPECT_EQ(Check("n2", "key one of a node", "acme", *first).code(), Code::kPermissionDenied);
  EXPECT_EQ(Check("n1", "key one of a node", "nobody", *first).code(), Code::kConflict);
}

TEST_F(BooksTest, AnOlderSessionIsOverAlsoAfterARestart) {
  const std::uint64_t first = *Introduce("n1", "key one of a node", "acme");
  Open();
  const std::uint64_t second = *Introduce("n1", "key one of a node", "acme");
  EXPECT_GT(second, first);
  EXPECT_EQ(Check("n1", "key one of a node", "acme", first).code(), Code::kConflict);
  EXPECT_EQ(Check("n1", "key one of a node", "acme", second + 1).code(), Code::kConflict);
  EXPECT_TRUE(Check("n1", "key one of a node", "acme", second).ok());
}

TEST_F(BooksTest, AForgottenTenantMayBeToldByAnother) {
  ASSERT_TRUE(Introduce("n1", "key one of a node", "acme").ok());
  const auto forget = [](SqliteDb& db) { return ForgetPublisher(db, "acme"); };
  EXPECT_TRUE(db_->Change(forget).ok());
  EXPECT_EQ(db_->Change(forget).code(), Code::kNotFound);
  EXPECT_TRUE(Introduce("n2", "key two of a node", "acme").ok());
}

TEST(ParseIntroductionTest, SaysWhatIsWrong) {
  const auto parse = [](const std::string& text) { return ParseIntroduction("n", text); };
  const std::string head = R"({"key":"0123456789abcdef","tenant_id":"acme")";
  EXPECT_TRUE(parse(head + "}").ok());
  EXPECT_TRUE(
      parse(head + R"(,"settings":{"columns_max":5,"policy":{"interval_minutes":60}}})").ok());
  for (const std::string& bad :
       {std::string(R"({"key":"0123456789abcde","tenant_id":"acme"})"),
        std::string(R"({"key":"0123456789abcdef","tenant_id":"a b"})"),
        std::string(R"({"tenant_id":"acme"})"),
        head + R"(,"version":")" + std::string(65, 'v') + "\"}",
        head + R"(,"settings":{"columns_max":0}})", head + R"(,"more":1})",
        R"({"key":")" + std::string(513, 'k') + R"(","tenant_id":"acme"})"}) {
    const auto read = parse(bad);
    ASSERT_FALSE(read.ok()) << bad;
    EXPECT_FALSE(read.status().fields().empty()) << bad;
  }
}

TEST_F(BooksTest, PoliciesStayAndTheirNumberIsBounded) {
  ASSERT_TRUE(Introduce("n1", "key one of a node", "acme").ok());
  {
    auto book = PolicyBook::Open(*db_, 2).Take();
    const std::uint64_t before = book->version();
    EXPECT_TRUE(book->Put({}, api::CompactionPolicy{.enabled = false}).ok());
    EXPECT_GT(book->version(), before);
    EXPECT_TRUE(book->Put({"acme", ""}, api::CompactionPolicy{.interval_minutes = 5}).ok());
    EXPECT_TRUE(book->Put({}, api::CompactionPolicy{.enabled = true}).ok());
    EXPECT_EQ(book->Put({"nobody", ""}, api::CompactionPolicy()).code(), Code::kQuotaExceeded);
    EXPECT_TRUE(book->Put({}, std::nullopt).ok());
    EXPECT_EQ(book->Put({"nobody", ""}, api::CompactionPolicy()).code(), Code::kNotFound);
    EXPECT_EQ(book->Put({"acme", "s"}, api::CompactionPolicy()).code(), Code::kSourceNotFound);
  }
  Open();
  auto book = PolicyBook::Open(*db_, 2).Take();
  EXPECT_EQ(book->policies(),
            (Policies{{{"acme", ""}, api::CompactionPolicy{.interval_minutes = 5}}}));
  EXPECT_EQ(book->version(), 5u);
}

TEST_F(BooksTest, PoliciesThatTogetherANodeWouldRefuseAreRefused) {
  ASSERT_TRUE(Introduce("n1", "key one of a node", "acme").ok());
  auto book = PolicyBook::Open(*db_, 9).Take();
  using Policy = api::CompactionPolicy;
  EXPECT_TRUE(book->Put({}, Policy{.min_file_size_mb = 600}).ok());
  const Status refused = book->Put({"acme", ""}, Policy{.target_file_size_mb = 599});
  EXPECT_EQ(refused.code(), Code::kInvalidRequest);
  EXPECT_FALSE(refused.fields().empty());
  EXPECT_TRUE(book->Put({"acme", ""}, Policy{.target_file_size_mb = 600}).ok());
  EXPECT_EQ(book->Put({}, Policy{.min_file_size_mb = 601}).code(), Code::kInvalidRequest);
  EXPECT_EQ(book->Put({}, Policy{.max_file_size_mb = 599}).code(), Code::kInvalidRequest);
  const Policies both = {{{}, Policy{.min_file_size_mb = 600}},
                         {{"acme", ""}, Policy{.target_file_size_mb = 600}}};
  EXPECT_EQ(book->policies(), both);
  EXPECT_TRUE(book->Put({}, std::nullopt).ok());
}

TEST_F(BooksTest, ASourceHasOneCompactionAtATime) {
  const Compaction first = Ask("acme", "s", /*asked=*/false);
  EXPECT_EQ(first.state, "waiting");
  const Compaction again = Ask("acme", "s", /*asked=*/true);
  EXPECT_EQ(again.id, first.id);
  EXPECT_TRUE(again.asked);
  EXPECT_NE(Ask("acme", "t").id, first.id);
  EXPECT_NE(Ask("other", "s").id, first.id);
}

TEST_F(BooksTest, NoMoreRunThanMayAndThoseAskedForBeginFirst) {
  Ask("acme", "a", /*asked=*/false);
  const Compaction b = Ask("acme", "b", /*asked=*/true);
  Ask("other", "c");
  EXPECT_EQ(HandedOut("acme", 1), std::vector<std::string>{"b"});
  EXPECT_TRUE(HandedOut("other", 1).empty());
  EXPECT_EQ(HandedOut("acme", 1), std::vector<std::string>{"b"});  // Until it is reported.
  EXPECT_TRUE(Report("other", b.id, storage::JobState::kDone).ok());
  EXPECT_EQ(StateOf(b.id), "running");  // It is not theirs.
  EXPECT_TRUE(Report("acme", b.id, storage::JobState::kDone).ok());
  EXPECT_EQ(StateOf(b.id), "done");
  EXPECT_TRUE(Report("acme", b.id, storage::JobState::kFailed).ok());
  EXPECT_EQ(StateOf(b.id), "done");  // It has ended.
  EXPECT_EQ(HandedOut("other", 1), std::vector<std::string>{"c"});
  EXPECT_EQ(HandedOut("acme", 2), std::vector<std::string>{"a"});
}

TEST_F(BooksTest, ThoseOfANodeThatBeganAnewFailed) {
  const Compaction one = Ask("acme", "a");
  const Compaction two = Ask("acme", "b");
  EXPECT_EQ(HandedOut("acme", 1).size(), 1u);
  EXPECT_TRUE(db_->Change([](SqliteDb& db) { return FailRunning(db, "acme", "gone", 9); }).ok());
  EXPECT_EQ(StateOf(one.id), "failed");
  EXPECT_EQ(StateOf(two.id), "waiting");
  EXPECT_EQ(HandedOut("acme", 1), std::vector<std::string>{"b"});
}

TEST_F(BooksTest, SoManyEndedOnesAreKept) {
  for (int i = 0; i < 4; ++i) {
    const Compaction one = Ask("acme", fmt::format("s{}", i));
    HandedOut("acme", 10);
    ASSERT_TRUE(Report("acme", one.id, storage::JobState::kDone).ok());
  }
  Ask("acme", "open");
  const auto list = [&] {
    return db_->Read([](SqliteDb& db) { return ListCompactions(db, {}, INT64_MAX, 100); })->size();
  };
  for (const std::uint64_t kept : {5u, 4u, 3u}) {
    ASSERT_TRUE(db_->Change([&](SqliteDb& db) { return PruneCompactions(db, kept); }).ok());
    EXPECT_EQ(list(), std::min<std::uint64_t>(kept, 4) + 1) << kept;
  }
}

TEST_F(BooksTest, ListsByWhatIsAsked) {
  Ask("acme", "a");
  Ask("acme", "b");
  const Compaction last = Ask("other", "a");
  const auto list = [&](CompactionFilter filter, std::uint64_t before = INT64_MAX) {
    return db_->Read([&](SqliteDb& db) { return ListCompactions(db, filter, before, 100); }).Take();
  };
  EXPECT_EQ(list({}).size(), 3u);
  EXPECT_EQ(list({}).front().id, last.id);
  EXPECT_EQ(list({}, last.id).size(), 2u);
  EXPECT_EQ(list({.tenant = "acme"}).size(), 2u);
  EXPECT_EQ(list({.source = "a"}).size(), 2u);
  EXPECT_EQ(list({.tenant = "acme", .source = "a", .state = "waiting"}).size(), 1u);
  EXPECT_TRUE(list({.state = "done"}).empty());
}

}  // namespace
}  // namespace granary::catalog
