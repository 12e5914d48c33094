// Goal: what is told adds up, in whatever parts it comes, and its history is what happened.
#include "granary/services/metadata_catalog/source_book.h"

#include <gtest/gtest.h>

#include <map>

#include <fmt/format.h>

#include "granary/services/metadata_catalog/catalog_db.h"
#include "granary/services/metadata_catalog/source_reads.h"
#include "granary/testing/temp_directory.h"

namespace granary::catalog {
namespace {

SourceId Id(std::string_view text) { return SourceId::Parse(text).Take(); }

api::PublishedFile File(std::uint64_t id, std::uint64_t rows = 10) {
  api::PublishedFile out;
  out.id = id;
  out.path = fmt::format("{}.parquet", id);
  out.partition = id % 2 == 0 ? "even" : "odd";
  out.bytes = 100 * rows;
  out.rows = rows;
  out.max_sequence = 1;
  return out;
}

class SourceBookTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = CatalogDb::Open(folder_.Join("catalog.sqlite"));
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    db_ = opened.Take();
  }

  /// A part that begins anew when `base` is 0.
  static api::PublishedSource Part(std::uint64_t base, std::uint64_t number,
                                   std::vector<api::PublishedFile> files,
                                   std::vector<std::uint64_t> gone = {}, bool complete = true) {
    api::PublishedSource out;
    out.source = Id("s");
    out.uid = 1;
    out.base = base;
    out.number = number;
    out.complete = complete;
    out.files = std::move(files);
    out.files_gone = std::move(gone);
    if (base > 0) return out;
    storage::SourceDefinition definition;
    definition.id = out.source;
    definition.columns = {{"n", TypeKind::kInt64}};
    definition.EncodeTo(out.definition);
    api::PublishedSchema schema;
    schema.schema = std::make_shared<const Schema>(storage::InitialSchema(definition).Take());
    schema.schema->EncodeTo(schema.encoded);
    out.schemas = {schema};
    return out;
  }
  /// Whether it was taken, and not asked for again.
  bool Tell(api::PublishedSource part, std::uint64_t session = 1, bool all_told = false) {
    api::Publication publication;
    publication.head.tenant = "acme";
    publication.head.session = session;
    publication.all_told = all_told;
    publication.sources = {std::move(part)};
    const auto resend = Take(publication);
    EXPECT_TRUE(resend.ok()) << resend.status().ToString();
    return resend.ok() && resend->empty();
  }
  Result<std::vector<SourceId>> Take(const api::Publication& publication) {
    return db_->Change(
        [&](SqliteDb& db) { return TakePublication(db, publication, limits_, ++now_us_); });
  }
  SourceRow Row() {
    auto row = db_->Read([](SqliteDb& db) { return FindSource(db, "acme", "s"); });
    EXPECT_TRUE(row.ok() && row->has_value());
    return **row;
  }
  std::string Files(FileFilter filter = {}, PageOf page = {}) {
    const SourceRow row = Row();
    return *db_->Read([&](SqliteDb& db) { return FilesJson(db, row, filter, page); });
  }
  std::string Snapshots(PageOf page = {}) {
    const SourceRow row = Row();
    return *db_->Read([&](SqliteDb& db) { return SnapshotsJson(db, row, page); });
  }
  static std::size_t Count(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
    return count;
  }

  testing::TempDirectory folder_;
  BookLimits limits_;
  std::int64_t now_us_ = 0;
  std::unique_ptr<CatalogDb> db_;
};

TEST_F(SourceBookTest, FilesComeAndGoAndTheirHistoryStays) {
  EXPECT_TRUE(Tell(Part(0, 1, {File(1), File(2, 5)})));
  EXPECT_TRUE(Tell(Part(1, 2, {File(3)})));
  api::PublishedFile merged = File(4, 25);
  merged.generation = 1;
  EXPECT_TRUE(Tell(Part(2, 3, {merged}, {1, 2, 3})));
  const SourceRow row = Row();
  EXPECT_EQ(row.files, 1u);
  EXPECT_EQ(row.rows, 25u);
  EXPECT_EQ(row.bytes, 2'500u);
  EXPECT_EQ(row.snapshot, 3u);
  const std::string snapshots = Snapshots();
  EXPECT_EQ(Count(snapshots, "\"operation\":\"append\""), 2u) << snapshots;
  EXPECT_EQ(Count(snapshots, "\"operation\":\"replace\""), 1u);
  EXPECT_EQ(Count(Files(), "\"file_id\""), 1u);
  EXPECT_EQ(Count(Files({.snapshot = 1}), "\"file_id\""), 2u);
  EXPECT_EQ(Count(Files({.snapshot = 2}), "\"file_id\""), 3u);
  EXPECT_EQ(Count(Files({.partition = "odd", .snapshot = 2}), "\"file_id\""), 2u);
}

TEST_F(SourceBookTest, PagesFollowEachOther) {
  EXPECT_TRUE(Tell(Part(0, 1, {File(1), File(2), File(3)})));
  const std::string first = Files({}, {.after = 0, .limit = 2});
  EXPECT_EQ(Count(first, "\"file_id\""), 2u);
  EXPECT_NE(first.find("\"next_after\":2"), std::string::npos) << first;
  const std::string last = Files({}, {.after = 2, .limit = 2});
  EXPECT_EQ(Count(last, "\"file_id\""), 1u);
  EXPECT_NE(last.find("\"next_after\":null"), std::string::npos);
}

TEST_F(SourceBookTest, APartThatIsNotCompleteIsNoSnapshotYet) {
  EXPECT_TRUE(Tell(Part(0, 1, {File(1)}, {}, /*complete=*/false)));
  EXPECT_EQ(Row().snapshot, 0u);
  EXPECT_EQ(Count(Files(), "\"file_id\""), 0u);
  EXPECT_TRUE(Tell(Part(1, 2, {File(2)})));
  EXPECT_EQ(Row().snapshot, 1u);
  EXPECT_EQ(Count(Files(), "\"file_id\""), 2u);
}

TEST_F(SourceBookTest, APartThatWasMissedIsAskedForAndOneTakenTwiceCountsOnce) {
  EXPECT_FALSE(Tell(Part(1, 2, {File(1)})));  // Never heard of it.
  EXPECT_TRUE(Tell(Part(0, 1, {File(1)})));
  EXPECT_TRUE(Tell(Part(1, 2, {File(2)})));
  EXPECT_TRUE(Tell(Part(1, 2, {File(2)})));   // Its answer was lost.
  EXPECT_FALSE(Tell(Part(3, 4, {File(4)})));  // The third was.
  EXPECT_FALSE(Tell(Part(1, 2, {File(9)}), /*session=*/2));
  api::PublishedSource other = Part(1, 2, {});
  other.uid = 5;
  EXPECT_FALSE(Tell(other));
}

TEST_F(SourceBookTest, BegunAnewWhatIsNotToldAgainIsGone) {
  EXPECT_TRUE(Tell(Part(0, 1, {File(1), File(2), File(3)})));
  EXPECT_TRUE(Tell(Part(0, 1, {File(2)}, {}, /*complete=*/false), 2));
  EXPECT_EQ(Count(Files(), "\"file_id\""), 3u);  // Until all is told.
  EXPECT_TRUE(Tell(Part(1, 2, {File(4)}), 2));
  const SourceRow row = Row();
  EXPECT_EQ(row.files, 2u);
  EXPECT_EQ(row.rows, 20u);
  EXPECT_EQ(row.snapshot, 2u);
  // The same again is no news.
  EXPECT_TRUE(Tell(Part(0, 1, {File(2), File(4)}), 3));
  EXPECT_EQ(Row().snapshot, 2u);
  EXPECT_EQ(Row().rows, 20u);
}

TEST_F(SourceBookTest, DeletedRowsMakeASnapshotOfTheSameFiles) {
  EXPECT_TRUE(Tell(Part(0, 1, {File(1)})));
  api::PublishedFile less = File(1);
  less.deleted_rows = 3;
  EXPECT_TRUE(Tell(Part(1, 2, {less})));
  EXPECT_EQ(Row().deleted_rows, 3u);
  EXPECT_EQ(Row().files, 1u);
  EXPECT_EQ(Count(Snapshots(), "\"operation\":\"delete\""), 1u);
}

TEST_F(SourceBookTest, AnotherSourceOfTheNameHasNothingOfTheOneBefore) {
  EXPECT_TRUE(Tell(Part(0, 1, {File(1)})));
  api::PublishedSource other = Part(0, 1, {File(9)});
  other.uid = 2;
  EXPECT_TRUE(Tell(other));
  EXPECT_EQ(Row().snapshot, 1u);
  EXPECT_EQ(Row().files, 1u);
}

TEST_F(SourceBookTest, SourcesThatAreNotThereAnyMoreGo) {
  EXPECT_TRUE(Tell(Part(0, 1, {File(1)})));
  api::PublishedSource other = Part(0, 1, {});
  other.source = Id("t");
  storage::SourceDefinition definition;
  definition.id = other.source;
  other.definition.clear();
  definition.EncodeTo(other.definition);
  EXPECT_TRUE(Tell(other, /*session=*/2, /*all_told=*/true));
  const auto row = db_->Read([](SqliteDb& db) { return FindSource(db, "acme", "s"); });
  EXPECT_FALSE(row->has_value());
  api::Publication gone;
  gone.head.tenant = "acme";
  gone.head.session = 2;
  gone.gone = {Id("t"), Id("never")};
  EXPECT_TRUE(Take(gone).ok());
  EXPECT_TRUE(db_->Read([](SqliteDb& db) { return ListSources(db, {}, "", "", 10); })->empty());
}

TEST_F(SourceBookTest, OldSnapshotsGoWithTheFilesThatOnlyTheyHad) {
  limits_.snapshots_kept = 2;
  EXPECT_TRUE(Tell(Part(0, 1, {File(1)})));
  EXPECT_TRUE(Tell(Part(1, 2, {File(2)}, {1})));
  EXPECT_EQ(Count(Snapshots(), "\"snapshot_id\""), 2u);
  EXPECT_TRUE(Tell(Part(2, 3, {File(3)}, {2})));
  EXPECT_EQ(Count(Snapshots(), "\"snapshot_id\""), 2u);
  const auto files =
      db_->Read([](SqliteDb& db) { return db.QueryInteger("SELECT count(*) FROM files"); });
  EXPECT_EQ(*files, 2);  // The second is still seen by the second snapshot; the first by none.
  const SourceRow row = Row();
  EXPECT_EQ(db_->Read([&](SqliteDb& db) { return FilesJson(db, row, {.snapshot = 1}, {}); })
                .status()
                .code(),
            Code::kNotFound);
}

TEST_F(SourceBookTest, LimitsHoldAndPastThemNothingIsTaken) {
  for (const std::uint64_t files : {2u, 3u, 4u}) {
    limits_.files_max = 3;
    api::Publication publication;
    publication.head.tenant = fmt::format("tenant{}", files);
    publication.head.session = 1;
    std::vector<api::PublishedFile> all;
    for (std::uint64_t id = 1; id <= files; ++id) all.push_back(File(id));
    publication.sources = {Part(0, 1, all)};
    const auto taken = Take(publication);
    EXPECT_EQ(taken.ok(), files <= 3) << files;
    if (!taken.ok()) {
      EXPECT_EQ(taken.status().code(), Code::kQuotaExceeded);
    }
  }
  for (const std::uint64_t sources_max : {1u, 2u, 3u}) {  // Two are there.
    limits_.sources_max = sources_max;
    api::Publication publication;
    publication.head.tenant = "another";
    publication.head.session = 1;
    publication.sources = {Part(0, 1, {})};
    EXPECT_EQ(Take(publication).ok(), sources_max > 2) << sources_max;
  }
}

TEST_F(SourceBookTest, ARandomOrderOfPartsEndsWhereTheNodeIs) {
  // Files 1 to 30 come and go; some parts are lost, the source is then begun anew.
  std::uint64_t number = 0, known = 0, session = 1, state = 12345;
  std::map<std::uint64_t, api::PublishedFile> live;
  const auto random = [&](std::uint64_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
  };
  const auto all = [&] {
    std::vector<api::PublishedFile> out;
    for (const auto& [id, file] : live) out.push_back(file);
    return out;
  };
  EXPECT_TRUE(Tell(Part(0, number = 1, {})));
  std::uint64_t next_file = 1;
  for (int step = 0; step < 300; ++step) {
    std::vector<api::PublishedFile> added;
    std::vector<std::uint64_t> gone;
    for (std::uint64_t i = random(3); i > 0; --i) added.push_back(File(next_file++, 1 + random(9)));
    if (!live.empty() && random(2) == 0) gone.push_back(live.begin()->first);
    for (const std::uint64_t id : gone) live.erase(id);
    for (const auto& file : added) live[file.id] = file;
    const api::PublishedSource part = Part(number, number + 1, added, gone);
    ++number;
    if (random(10) == 0) continue;  // Lost.
    if (!Tell(part, session)) {
      if (random(2) == 0) ++session;
      EXPECT_TRUE(Tell(Part(0, number = 1, all()), session));
    }
    const SourceRow row = Row();
    std::uint64_t rows = 0;
    for (const auto& [id, file] : live) rows += file.rows;
    ASSERT_EQ(row.files, live.size()) << step;
    ASSERT_EQ(row.rows, rows) << step;
    known = row.snapshot;
  }
  EXPECT_GT(known, 100u);
}

}  // namespace
}  // namespace granary::catalog
