// One suite over the three stores. SQLite is always there; PostgreSQL and ClickHouse are started by
// tests/e2e/test_metadata_stores.py, which runs this program with their ports:
// GRANARY_TEST_POSTGRESQL_PORT and GRANARY_TEST_CLICKHOUSE_PORT, both on 127.0.0.1. Without them
// the program has no tests of theirs.
#include "granary/metadata/metadata_store.h"

#include <unistd.h>

#include <atomic>
#include <charconv>
#include <cstdlib>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "granary/metadata/postgres_connection.h"
#include "granary/sqlite/sqlite_db.h"
#include "granary/testing/temp_directory.h"

namespace granary::metadata {
namespace {

std::int64_t PortOf(const char* variable) {
  const char* text = std::getenv(variable);
  std::int64_t port = 0;
  if (text != nullptr) std::from_chars(text, text + std::char_traits<char>::length(text), port);
  return port;
}

constexpr const char* kPostgresPort = "GRANARY_TEST_POSTGRESQL_PORT";
constexpr const char* kClickHousePort = "GRANARY_TEST_CLICKHOUSE_PORT";

/// Those that there are, without or also with ClickHouse.
std::vector<StoreType> Stores(bool clickhouse) {
  std::vector<StoreType> out = {StoreType::kSqlite};
  if (PortOf(kPostgresPort) != 0) out.push_back(StoreType::kPostgres);
  if (clickhouse && PortOf(kClickHousePort) != 0) out.push_back(StoreType::kClickHouse);
  return out;
}

struct MetadataStoreTest : ::testing::TestWithParam<StoreType> {
  void SetUp() override {
    options.type = GetParam();
    options.owner = "first";
    options.database = fmt::format("t_{}_{}", ::getpid(),
                                   ::testing::UnitTest::GetInstance()->random_seed() + made++);
    if (GetParam() == StoreType::kSqlite) {
      options.file = folder.Join("metadata.sqlite");
      return;
    }
    const bool is_postgres = GetParam() == StoreType::kPostgres;
    options.port = PortOf(is_postgres ? kPostgresPort : kClickHousePort);
    if (!is_postgres) return;
    options.user = "postgres";
    auto server = PostgresConnection::Open(
        {options.host, options.port, "postgres", options.user, "", false, options.timeout_ms});
    ASSERT_TRUE(server.ok()) << server.status().ToString();
    ASSERT_TRUE(server->Run(("CREATE DATABASE " + options.database).c_str()).ok());
  }

  /// Ready for use: a ClickHouse lease is ours from the second look on.
  std::unique_ptr<MetadataStore> Open() {
    auto store = MakeMetadataStore(options);
    Result<ChangeSet> found = store->Changes(0);
    if (!found.ok() && GetParam() == StoreType::kClickHouse) found = store->Changes(0);
    EXPECT_TRUE(found.ok()) << found.status().ToString();
    return store;
  }

  static inline int made = 0;
  testing::TempDirectory folder;
  Options options;
};

std::vector<std::string> KeysOf(const ChangeSet& set) {
  std::vector<std::string> out;
  for (const Row& row : set.rows)
    out.push_back(row.kind + "/" + row.key + (row.deleted ? "-" : ""));
  return out;
}

TEST_P(MetadataStoreTest, ANewStoreIsEmptyAndKeepsWhatIsCommitted) {
  auto store = Open();
  EXPECT_EQ(store->Changes(0)->version, 0u);
  const std::string odd = "{\"name\":\"tab\\t 'quote' \\\" back\\\\slash ü \t\n end\"}";
  auto first = store->Commit({{"tenant", "acme", 0, odd}, {"node", "n1", 0, "{}"}});
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  EXPECT_EQ(*first, 1u);
  store.reset();
  store = Open();
  const auto all = store->Changes(0);
  ASSERT_TRUE(all.ok()) << all.status().ToString();
  EXPECT_EQ(all->version, 1u);
  EXPECT_EQ(KeysOf(*all), (std::vector<std::string>{"node/n1", "tenant/acme"}));
  EXPECT_EQ(all->rows[1], (Row{"tenant", "acme", 1, false, odd}));
}

TEST_P(MetadataStoreTest, AnEmptyBodyAndALongOneComeBackEqual) {
  auto store = Open();
  const std::string longest(kBodyBytesMax, 'x');
  ASSERT_TRUE(store->Commit({{"a", "empty", 0, ""}, {"a", "long", 0, longest}}).ok());
  const auto rows = store->Changes(0)->rows;
  EXPECT_EQ(rows[0].body, "");
  EXPECT_FALSE(rows[0].deleted);
  EXPECT_EQ(rows[1].body, longest);
}

TEST_P(MetadataStoreTest, ComparesVersionsAndSetsOnlyThen) {
  auto store = Open();
  ASSERT_EQ(*store->Commit({{"a", "k", 0, "1"}}), 1u);
  EXPECT_EQ(store->Commit({{"a", "k", 0, "2"}}).status().code(), Code::kConflict);
  EXPECT_EQ(store->Commit({{"a", "k", 2, "2"}}).status().code(), Code::kConflict);
  EXPECT_EQ(store->Commit({{"a", "other", 1, "2"}}).status().code(), Code::kConflict);
  EXPECT_EQ(*store->Commit({{"a", "k", 1, "2"}}), 2u);
  EXPECT_EQ(store->Commit({{"a", "k", 1, "3"}}).status().code(), Code::kConflict);
  EXPECT_EQ(store->Changes(0)->rows, (std::vector<Row>{{"a", "k", 2, false, "2"}}));
}

TEST_P(MetadataStoreTest, ACommitIsWholeOrNotAtAll) {
  auto store = Open();
  ASSERT_TRUE(store->Commit({{"a", "there", 0, "1"}}).ok());
  const std::vector<Change> bad = {
      {"a", "new", 0, "1"}, {"a", "there", 7, "2"}, {"b", "new", 0, "1"}};
  EXPECT_EQ(store->Commit(bad).status().code(), Code::kConflict);
  EXPECT_EQ(KeysOf(*store->Changes(0)), (std::vector<std::string>{"a/there"}));
  EXPECT_EQ(*store->Commit({{"a", "new", 0, "1"}}), 2u);
}

TEST_P(MetadataStoreTest, ADecisionOverAllThatWasSeenFailsWhenThereIsMore) {
  auto store = Open();
  const std::uint64_t seen = *store->Commit({{"a", "1", 0, "x"}});
  ASSERT_TRUE(store->Commit({{"a", "2", 0, "x"}}, seen).ok());
  EXPECT_EQ(store->Commit({{"a", "3", 0, "x"}}, seen).status().code(), Code::kConflict);
  EXPECT_EQ(KeysOf(*store->Changes(0)), (std::vector<std::string>{"a/1", "a/2"}));
}

TEST_P(MetadataStoreTest, TellsWhatIsNewerAndWhatIsGone) {
  auto store = Open();
  ASSERT_TRUE(store->Commit({{"a", "1", 0, "x"}, {"a", "2", 0, "x"}}).ok());
  ASSERT_TRUE(store->Commit({{"a", "1", 1, std::nullopt}}).ok());
  ASSERT_TRUE(store->Commit({{"a", "3", 0, "x"}}).ok());
  const auto newer = store->Changes(1);
  ASSERT_TRUE(newer.ok());
  EXPECT_EQ(newer->version, 3u);
  EXPECT_EQ(KeysOf(*newer), (std::vector<std::string>{"a/1-", "a/3"}));
  EXPECT_EQ(newer->rows[0].body, "");
  const auto none = store->Changes(3);
  EXPECT_TRUE(none->rows.empty());
  EXPECT_EQ(none->version, 3u);
}

TEST_P(MetadataStoreTest, WhatIsMadeAgainHasAVersionThatNobodyHasSeen) {
  auto store = Open();
  ASSERT_TRUE(store->Commit({{"a", "k", 0, "1"}}).ok());
  ASSERT_TRUE(store->Commit({{"a", "k", 1, std::nullopt}}).ok());
  EXPECT_EQ(store->Commit({{"a", "k", 2, "2"}}).status().code(), Code::kConflict);
  EXPECT_EQ(*store->Commit({{"a", "k", 0, "2"}}), 3u);
  EXPECT_EQ(store->Commit({{"a", "k", 1, "late"}}).status().code(), Code::kConflict);
}

TEST_P(MetadataStoreTest, RefusesWhatNoStoreTakes) {
  auto store = Open();
  const auto code = [&](std::vector<Change> changes) {
    return store->Commit(changes).status().code();
  };
  EXPECT_EQ(code({}), Code::kInvalidArgument);
  EXPECT_EQ(code({{"a b", "k", 0, ""}}), Code::kInvalidIdentifier);
  EXPECT_EQ(code({{"a", "k'; DROP TABLE granary_metadata; --", 0, ""}}), Code::kInvalidIdentifier);
  EXPECT_EQ(code({{"a", "k", 0, std::string(kBodyBytesMax + 1, 'x')}}), Code::kInvalidArgument);
  EXPECT_EQ(code({{"a", "k", 0, "\xff"}}), Code::kInvalidArgument);
  EXPECT_EQ(code({{"a", "k", 0, std::string(1, '\0')}}), Code::kInvalidArgument);
  EXPECT_EQ(code({{"a", "k", 0, "1"}, {"a", "k", 0, "2"}}), Code::kInvalidArgument);
  std::vector<Change> many;
  for (std::size_t i = 0; i <= kChangesMax; ++i)
    many.push_back({"a", fmt::format("k{}", i), 0, "x"});
  EXPECT_EQ(code(many), Code::kInvalidArgument);
  many.pop_back();
  EXPECT_EQ(*store->Commit(many), 1u);
  EXPECT_EQ(store->Changes(0)->rows.size(), kChangesMax);
}

TEST_P(MetadataStoreTest, AStoreThatIsOlderThanWhatWasSeenIsNotBelieved) {
  auto store = Open();
  ASSERT_TRUE(store->Commit({{"a", "k", 0, "1"}}).ok());
  EXPECT_EQ(store->Changes(2).status().code(), Code::kUnavailable);
  EXPECT_TRUE(store->Changes(1).ok());
}

// Each adds one to a number, together and each from what it has read.
TEST_P(MetadataStoreTest, OfManyAtOnceNoneOverwritesAnother) {
  auto first = Open();
  ASSERT_TRUE(first->Commit({{"a", "count", 0, "0"}}).ok());
  // On ClickHouse there is one owner, whose threads these are.
  std::unique_ptr<MetadataStore> second;
  if (GetParam() != StoreType::kClickHouse) second = Open();
  constexpr int kEach = 10;
  std::atomic<int> failures = 0;
  const auto count = [&](MetadataStore& store) {
    for (int done = 0; done < kEach;) {
      const auto now = store.Changes(0);
      if (!now.ok()) {
        ++failures;
        return;
      }
      const Row& row = now->rows[0];
      const auto next =
          store.Commit({{"a", "count", row.version, std::to_string(std::stoi(row.body) + 1)}});
      if (next.ok())
        ++done;
      else if (next.status().code() != Code::kConflict)
        ++failures;
    }
  };
  std::thread other([&] { count(second ? *second : *first); });
  count(*first);
  other.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(first->Changes(0)->rows[0].body, std::to_string(2 * kEach));
}

struct OneOwnerStoreTest : MetadataStoreTest {};

TEST_P(OneOwnerStoreTest, AdmitsOneOwnerAtATime) {
  auto first = Open();
  ASSERT_TRUE(first->Commit({{"a", "k", 0, "1"}}).ok());
  options.owner = "second";
  auto second = MakeMetadataStore(options);
  const Status refused = second->Changes(0).status();
  EXPECT_EQ(refused.code(), Code::kConflict);
  EXPECT_NE(refused.message().find("'first'"), std::string::npos) << refused.message();
  EXPECT_EQ(second->Commit({{"a", "k", 1, "2"}}).status().code(), Code::kConflict);
  first.reset();
  auto third = Open();
  EXPECT_EQ(third->Changes(0)->rows[0].body, "1");
}

struct SharedStoreTest : MetadataStoreTest {};

TEST_P(SharedStoreTest, FourFirstStartsAtOnceMakeOneStore) {
  std::vector<std::unique_ptr<MetadataStore>> stores;
  for (int i = 0; i < 4; ++i) stores.push_back(MakeMetadataStore(options));
  std::vector<std::thread> threads;
  std::atomic<int> there = 0;
  for (auto& store : stores)
    threads.emplace_back([&store, &there] { there += store->Changes(0).ok() ? 1 : 0; });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(there, 4);
  ASSERT_TRUE(stores[0]->Commit({{"a", "k", 0, "1"}}).ok());
  EXPECT_EQ(stores[3]->Changes(0)->rows.size(), 1u);
}

std::string NameOf(const ::testing::TestParamInfo<StoreType>& info) {
  return std::string(StoreTypeName(info.param));
}
INSTANTIATE_TEST_SUITE_P(Stores, MetadataStoreTest, ::testing::ValuesIn(Stores(true)), NameOf);
INSTANTIATE_TEST_SUITE_P(Stores, SharedStoreTest, ::testing::ValuesIn(Stores(false)), NameOf);
INSTANTIATE_TEST_SUITE_P(Stores, OneOwnerStoreTest,
                         ::testing::ValuesIn(PortOf(kClickHousePort) != 0
                                                 ? std::vector{StoreType::kClickHouse}
                                                 : std::vector<StoreType>()),
                         NameOf);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(OneOwnerStoreTest);

TEST(MetadataStoreNamesTest, NamesComeBackEqual) {
  for (const StoreType type : {StoreType::kSqlite, StoreType::kPostgres, StoreType::kClickHouse})
    EXPECT_EQ(ParseStoreType(StoreTypeName(type)), type);
  EXPECT_FALSE(ParseStoreType("mysql"));
  EXPECT_TRUE(IsDatabaseName("granary_2"));
  EXPECT_TRUE(IsDatabaseName(std::string(63, 'a')));
  for (const std::string_view bad : {"", "2a", "a-b", "a b", "a;", "a'"})
    EXPECT_FALSE(IsDatabaseName(bad)) << bad;
  EXPECT_FALSE(IsDatabaseName(std::string(64, 'a')));
}

TEST(MetadataStoreAwayTest, NobodyThereIsUnavailableWithThePlaceAndWithoutThePassword) {
  for (const StoreType type : {StoreType::kPostgres, StoreType::kClickHouse}) {
    Options options;
    options.type = type;
    options.port = 1;  // Nobody listens there.
    options.user = "somebody";
    options.password = "s3cret-word";
    options.timeout_ms = 2'000;
    auto store = MakeMetadataStore(options);
    for (const Status& status :
         {store->Changes(0).status(), store->Commit({{"a", "k", 0, "1"}}).status()}) {
      EXPECT_EQ(status.code(), Code::kUnavailable);
      EXPECT_NE(status.message().find("127.0.0.1:1/granary"), std::string::npos)
          << status.message();
      EXPECT_EQ(status.message().find("s3cret-word"), std::string::npos);
    }
  }
}

TEST(SqliteMetadataTest, AFileThatIsGoneIsNotMadeAgainAndOneThatIsBackServes) {
  testing::TempDirectory folder;
  Options options;
  options.file = folder.Join("metadata.sqlite");
  auto store = MakeMetadataStore(options);
  ASSERT_TRUE(store->Commit({{"a", "k", 0, "1"}}).ok());
  const std::string away = folder.Join("away.sqlite");
  for (const char* part : {"", "-wal", "-shm"})
    ASSERT_EQ(::rename((options.file + part).c_str(), (away + part).c_str()), 0) << part;
  EXPECT_EQ(store->Changes(0).status().code(), Code::kUnavailable);
  EXPECT_EQ(store->Commit({{"a", "k", 1, "2"}}).status().code(), Code::kUnavailable);
  EXPECT_NE(::access(options.file.c_str(), F_OK), 0);
  for (const char* part : {"", "-wal", "-shm"})
    (void)::rename((away + part).c_str(), (options.file + part).c_str());
  const auto again = store->Changes(0);
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(again->rows[0].body, "1");
}

TEST(SqliteMetadataTest, AFileOfSomethingElseIsLeftAlone) {
  testing::TempDirectory folder;
  Options options;
  options.file = folder.Join("metadata.sqlite");
  {
    auto db = SqliteDb::Open(options.file, SqliteDb::Access::kReadWrite);
    ASSERT_TRUE(db.ok() && db->Execute("CREATE TABLE t (a)").ok());
  }
  auto store = MakeMetadataStore(options);
  EXPECT_EQ(store->Changes(0).status().code(), Code::kUnavailable);
}

TEST(SqliteMetadataTest, AFileThatOthersKeepBusyIsAwayAndNotOvertaken) {
  testing::TempDirectory folder;
  Options options;
  options.file = folder.Join("metadata.sqlite");
  options.timeout_ms = 1;
  auto store = MakeMetadataStore(options);
  ASSERT_TRUE(store->Commit({{"a", "k", 0, "1"}}).ok());
  auto other = SqliteDb::Open(options.file, SqliteDb::Access::kReadWrite);
  ASSERT_TRUE(other.ok() && other->Execute("BEGIN IMMEDIATE").ok());
  EXPECT_EQ(store->Commit({{"a", "k", 1, "2"}}).status().code(), Code::kUnavailable);
  EXPECT_EQ(MakeMetadataStore(options)->Changes(0).status().code(), Code::kUnavailable);
  ASSERT_TRUE(other->Execute("COMMIT").ok());
  EXPECT_EQ(store->Commit({{"a", "k", 7, "2"}}).status().code(), Code::kConflict);
  EXPECT_TRUE(store->Commit({{"a", "k", 1, "2"}}).ok());
}

}  // namespace
}  // namespace granary::metadata
