#include "granary/storage/manifest/manifest.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "granary/sqlite/sqlite_db.h"
#include "granary/testing/fake_random.h"
#include "granary/testing/seed.h"
#include "granary/testing/temp_directory.h"

namespace granary::storage {
namespace {

SourceDefinition Definition(std::string_view id) {
  SourceDefinition definition;
  definition.id = SourceId::Parse(id).Take();
  definition.columns = {{"k", TypeKind::kInt64}};
  return definition;
}

SegmentMeta Meta(std::uint64_t id, std::uint64_t first, std::uint64_t last) {
  SegmentMeta meta;
  meta.id = SegmentId{id};
  meta.path = "k=1/seg.parquet";
  meta.bytes = 4096;
  meta.rows = last - first + 1;
  meta.footer_bytes = 77;
  meta.footer_crc = 0xdeadbeef;
  meta.schema_version = 1;
  meta.min_sequence = first;
  meta.max_sequence = last;
  meta.partition = {Value(std::int64_t{1}), Value(std::string("x")), Value()};
  meta.created_us = 1'705'276'800'000'000;
  ColumnStats& stats = meta.columns[1];
  stats.rows = meta.rows;
  stats.nulls = 0;
  stats.min = Value(std::int64_t{-5});
  stats.max = Value(std::int64_t{9'007'199'254'740'993});
  stats.min_exact = stats.max_exact = true;
  stats.may_have_nan = false;
  return meta;
}

KeyRecord Key(std::string key, std::uint64_t first) {
  return {.key = std::move(key),
          .body = {first * 77, first * 1'000'003},
          .first_sequence = first,
          .records = 10,
          .schema_version = 1,
          .durable = true,
          .written_us = static_cast<std::int64_t>(first),
          .note = "note"};
}

class ManifestTest : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }

  void Reopen() {
    manifest_.reset();
    auto opened = Manifest::Open(path_, failpoints_);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    manifest_ = opened.Take();
  }
  std::vector<SourceRecord> Load() {
    auto loaded = manifest_->Load();
    EXPECT_TRUE(loaded.ok()) << loaded.status().ToString();
    return loaded.ok() ? loaded.Take() : std::vector<SourceRecord>{};
  }
  SourceUid Add(std::string_view id) {
    const SourceDefinition definition = Definition(id);
    const auto uid = manifest_->AddSource(definition, "tenants/t/sources/" + definition.id.str(),
                                          InitialSchema(definition).Take(), 42, 1);
    EXPECT_TRUE(uid.ok()) << uid.status().ToString();
    return uid.ok() ? *uid : SourceUid{};
  }
  // Something of everything.
  void Fill() {
    const SourceUid a = Add("a");
    Add("b");
    const SourceUid c = Add("c");
    ASSERT_TRUE(manifest_
                    ->CommitFlush({a,
                                   {Meta(1, 1, 10), Meta(2, 11, 20)},
                                   20,
                                   99,
                                   {.added = {Key("k1", 1), Key("k2", 11)}, .forgotten = {}}})
                    .ok());
    const Schema next =
        InitialSchema(Definition("a"))->WithColumn("extra", TypeKind::kString).Take();
    const SchemaVersion second{std::make_shared<const Schema>(next), 77};
    ASSERT_TRUE(manifest_->CommitSource(a, &second, nullptr).ok());
    ASSERT_TRUE(manifest_->DropSource(c, DropFiles::kRemove).ok());
  }
  void RunSql(const char* sql) {
    manifest_.reset();
    auto db = SqliteDb::Open(path_, SqliteDb::Access::kReadWrite);
    ASSERT_TRUE(db.ok());
    const Status s = db->Execute(sql);
    ASSERT_TRUE(s.ok()) << s.ToString();
  }
  Status OpenAndLoad() {
    auto opened = Manifest::Open(path_, failpoints_);
    return opened.ok() ? (*opened)->Load().status() : opened.status();
  }

  testing::TempDirectory directory_;
  const std::string path_ = directory_.Join("manifest.db");
  io::Failpoints failpoints_;
  std::unique_ptr<Manifest> manifest_;
};

bool Same(const SourceRecord& a, const SourceRecord& b) {
  if (a.schemas.size() != b.schemas.size() || a.segments.size() != b.segments.size()) return false;
  for (std::size_t i = 0; i < a.schemas.size(); ++i) {
    if (!(*a.schemas[i].schema == *b.schemas[i].schema)) return false;
    if (a.schemas[i].made_us != b.schemas[i].made_us) return false;
  }
  for (std::size_t i = 0; i < a.segments.size(); ++i) {
    const SegmentMeta &x = a.segments[i], &y = b.segments[i];
    if (x.id != y.id || x.path != y.path || x.bytes != y.bytes || x.rows != y.rows ||
        x.footer_bytes != y.footer_bytes || x.footer_crc != y.footer_crc ||
        x.schema_version != y.schema_version || x.min_sequence != y.min_sequence ||
        x.max_sequence != y.max_sequence || x.partition_spec != y.partition_spec ||
        x.partition != y.partition || x.created_us != y.created_us || x.columns != y.columns) {
      return false;
    }
  }
  return a.uid == b.uid && a.definition == b.definition && a.folder == b.folder &&
         a.wal_lane == b.wal_lane && a.flushed_sequence == b.flushed_sequence &&
         a.created_us == b.created_us && a.last_write_us == b.last_write_us && a.keys == b.keys;
}

bool Same(const std::vector<SourceRecord>& a, const std::vector<SourceRecord>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return Same(x, y); });
}

TEST_F(ManifestTest, IsEmptyAtFirst) { EXPECT_TRUE(Load().empty()); }

TEST_F(ManifestTest, GivesBackEverythingAfterReopening) {
  Fill();
  const auto before = Load();
  const std::uint64_t version = manifest_->version();
  Reopen();
  const auto after = Load();
  EXPECT_TRUE(Same(before, after));
  EXPECT_EQ(manifest_->version(), version);

  ASSERT_EQ(after.size(), 2u);
  const SourceRecord& a = after[0];
  EXPECT_EQ(a.definition.id.str(), "a");
  EXPECT_EQ(a.folder, "tenants/t/sources/a");
  EXPECT_EQ(a.wal_lane, 1u);
  EXPECT_EQ(a.flushed_sequence, 20u);
  EXPECT_EQ(a.last_write_us, 99);
  ASSERT_EQ(a.schemas.size(), 2u);
  EXPECT_EQ(a.schemas[1].schema->columns().size(), 2u);
  ASSERT_EQ(a.segments.size(), 2u);
  EXPECT_EQ(a.segments[0].columns.at(1), Meta(1, 1, 10).columns.at(1));
  EXPECT_EQ(a.segments[0].partition, Meta(1, 1, 10).partition);
  EXPECT_EQ(after[1].last_write_us, std::nullopt);
}

TEST_F(ManifestTest, RefusesASecondSourceOfOneId) {
  Add("a");
  const SourceDefinition again = Definition("a");
  EXPECT_EQ(
      manifest_->AddSource(again, "elsewhere", InitialSchema(again).Take(), 1).status().code(),
      Code::kSourceConflict);
}

TEST_F(ManifestTest, GivesASourceThatIsAddedAgainANewUid) {
  const SourceUid first = Add("a");
  ASSERT_TRUE(manifest_->DropSource(first, DropFiles::kKeep).ok());
  Reopen();
  const SourceUid second = Add("a");
  EXPECT_NE(first, second);
  EXPECT_TRUE(manifest_->Issued(first));
  EXPECT_TRUE(manifest_->Issued(second));
  EXPECT_FALSE(manifest_->Issued(SourceUid{second.value + 1}));
}

TEST_F(ManifestTest, GivesUidsThatNoOtherManifestGives) {
  const SourceUid mine = Add("a");
  io::Failpoints failpoints;
  auto other = Manifest::Open(directory_.Join("other.db"), failpoints);
  ASSERT_TRUE(other.ok());
  EXPECT_FALSE((*other)->Issued(mine));
}

TEST_F(ManifestTest, RemembersAFolderUntilItIsCleaned) {
  const SourceUid a = Add("a");
  ASSERT_TRUE(manifest_->DropSource(a, DropFiles::kRemove).ok());
  Reopen();
  ASSERT_EQ(manifest_->dropped().size(), 1u);
  EXPECT_EQ(manifest_->dropped()[0].id, "a");
  EXPECT_EQ(manifest_->dropped()[0].folder, "tenants/t/sources/a");
  ASSERT_TRUE(manifest_->ForgetDropped(a).ok());
  Reopen();
  EXPECT_TRUE(manifest_->dropped().empty());
}

TEST_F(ManifestTest, NeverGivesASegmentIdTwice) {
  std::uint64_t last = 0;
  for (int round = 0; round < 4; ++round) {
    for (const std::uint32_t count : {1u, 7u, 300u, 1u}) {
      const auto first = manifest_->AllocateSegmentIds(count);
      ASSERT_TRUE(first.ok());
      EXPECT_GT(first->value, last);
      last = first->value + count - 1;
    }
    Reopen();
  }
}

TEST_F(ManifestTest, KeepsNothingOfACommitThatFailed) {
  const SourceUid a = Add("a");
  const auto before = Load();
  ASSERT_TRUE(failpoints_.Arm("manifest.before_commit=full@1+").ok());
  EXPECT_EQ(manifest_->CommitFlush({a, {Meta(1, 1, 10)}, 10, 1}).code(), Code::kDiskFull);
  EXPECT_EQ(manifest_->DropSource(a, DropFiles::kRemove).code(), Code::kDiskFull);
  EXPECT_TRUE(manifest_->closed_by().ok());
  EXPECT_TRUE(Same(Load(), before));
  Reopen();
  EXPECT_TRUE(Same(Load(), before));
  EXPECT_TRUE(manifest_->dropped().empty());
}

TEST_F(ManifestTest, TakesNoMoreCommitsAfterOneOfUnknownOutcome) {
  const SourceUid a = Add("a");
  ASSERT_TRUE(failpoints_.Arm("manifest.after_commit=error@1").ok());
  EXPECT_EQ(manifest_->CommitFlush({a, {Meta(1, 1, 10)}, 10, 1}).code(), Code::kIoError);
  EXPECT_EQ(manifest_->closed_by().code(), Code::kIoError);
  EXPECT_EQ(manifest_->CommitFlush({a, {Meta(2, 11, 12)}, 12, 1}).code(), Code::kIoError);
  Reopen();
  ASSERT_EQ(Load().size(), 1u);
  EXPECT_EQ(Load()[0].flushed_sequence, 10u);
}

TEST_F(ManifestTest, IsHeldByOneProcessAtATime) {
  EXPECT_EQ(OpenAndLoad().code(), Code::kConflict);
  Add("a");
  Reopen();
  EXPECT_EQ(OpenAndLoad().code(), Code::kConflict) << "a file that was there before, too";
  EXPECT_FALSE(std::filesystem::exists(path_ + "-shm"));
}

TEST_F(ManifestTest, RefusesANewerFormatSayingBoth) {
  RunSql("PRAGMA user_version=7");
  const Status s = OpenAndLoad();
  EXPECT_EQ(s.code(), Code::kConflict);
  EXPECT_NE(s.message().find("format 7, this program knows 1 to 6"), std::string::npos)
      << s.message();
}

TEST_F(ManifestTest, TakesOverAFileOfTheFirstFormat) {
  Fill();
  const auto before = Load();
  RunSql("ALTER TABLE segments DROP COLUMN indexes");
  RunSql("DROP TABLE write_keys");
  RunSql("DROP TABLE key_counts");
  RunSql("DROP TABLE secrets");
  RunSql("ALTER TABLE segments DROP COLUMN lineage");
  RunSql("DROP TABLE deletes");
  RunSql("DROP TABLE histories");
  RunSql("PRAGMA user_version=1");
  Reopen();
  auto without_keys = before;
  for (SourceRecord& record : without_keys) record.keys.clear();
  EXPECT_TRUE(Same(Load(), without_keys));
  Reopen();
  EXPECT_TRUE(Same(Load(), without_keys));
}

TEST_F(ManifestTest, RemembersTheIndexesOfASegment) {
  const SourceUid a = Add("a");
  ASSERT_TRUE(manifest_->CommitFlush({a, {Meta(1, 1, 10), Meta(2, 11, 12)}, 12, 1}).ok());
  const std::vector<IndexMeta> indexes = {{{3, IndexKind::kHash}, 100, 7},
                                          {{3, IndexKind::kBloom}, 200, 8}};
  ASSERT_TRUE(manifest_->CommitIndexes(a, SegmentId{2}, indexes).ok());
  EXPECT_EQ(manifest_->CommitIndexes(a, SegmentId{3}, indexes).code(), Code::kNotFound);
  Reopen();
  EXPECT_TRUE(Load()[0].segments[0].indexes.empty());
  EXPECT_EQ(Load()[0].segments[1].indexes, indexes);
  ASSERT_TRUE(manifest_->CommitIndexes(a, SegmentId{2}, {}).ok());
  Reopen();
  EXPECT_TRUE(Load()[0].segments[1].indexes.empty());
}

TEST_F(ManifestTest, RefusesOtherPeoplesDatabasesAndFiles) {
  RunSql("PRAGMA application_id=1");
  EXPECT_EQ(OpenAndLoad().code(), Code::kConflict);
  std::ofstream(path_, std::ios::trunc) << std::string(5000, 'x');
  EXPECT_EQ(OpenAndLoad().code(), Code::kCorruption);
}

TEST_F(ManifestTest, NoticesAChangedValueNamingTableAndRow) {
  Fill();
  RunSql("UPDATE segments SET rows = rows + 1 WHERE id = 2");
  const Status s = OpenAndLoad();
  EXPECT_EQ(s.code(), Code::kCorruption);
  EXPECT_NE(s.message().find("table segments, row 2"), std::string::npos) << s.message();
}

TEST_F(ManifestTest, NoticesEachKindOfLostRow) {
  for (const char* sql :
       {"DELETE FROM sources WHERE id = 'b'", "DELETE FROM segments WHERE id = 1",
        "DELETE FROM schemas WHERE version = 2", "DELETE FROM dropped", "DELETE FROM root",
        "DELETE FROM write_keys WHERE key = 'k1'", "DELETE FROM key_counts",
        "UPDATE write_keys SET body_low = body_low + 1 WHERE key = 'k2'"}) {
    Fill();
    RunSql(sql);
    EXPECT_EQ(OpenAndLoad().code(), Code::kCorruption) << sql;
    std::remove(path_.c_str());
    Reopen();
  }
}

TEST_F(ManifestTest, KeysComeAndGoWithTheirSource) {
  Fill();
  const SourceUid a = Load()[0].uid;
  EXPECT_EQ(Load()[0].keys, (std::vector<KeyRecord>{Key("k1", 1), Key("k2", 11)}));
  KeyRecord again = Key("k1", 31);
  ASSERT_TRUE(manifest_->CommitKeys(a, {.added = {again}, .forgotten = {Key("k1", 1)}}).ok());
  Reopen();
  EXPECT_EQ(Load()[0].keys, (std::vector<KeyRecord>{Key("k2", 11), again}));
  ASSERT_TRUE(manifest_->DropSource(a, DropFiles::kKeep).ok());
  Reopen();
  Add("a");
  EXPECT_TRUE(Load()[0].keys.empty());
}

TEST_F(ManifestTest, AKeyThatCannotBeSavedLeavesTheFlushUndone) {
  Fill();
  const SourceUid a = Load()[0].uid;
  ASSERT_TRUE(failpoints_.Arm("manifest.before_commit=error@1").ok());
  EXPECT_FALSE(manifest_
                   ->CommitFlush({a,
                                  {Meta(3, 21, 30)},
                                  30,
                                  99,
                                  {.added = {Key("k3", 21)}, .forgotten = {Key("k1", 1)}}})
                   .ok());
  Reopen();
  EXPECT_EQ(Load()[0].keys, (std::vector<KeyRecord>{Key("k1", 1), Key("k2", 11)}));
  EXPECT_EQ(Load()[0].flushed_sequence, 20u);
}

TEST_F(ManifestTest, TakesOverAFileOfTheSecondFormat) {
  Fill();
  RunSql("DROP TABLE write_keys");
  RunSql("DROP TABLE key_counts");
  RunSql("DROP TABLE secrets");
  RunSql("ALTER TABLE segments DROP COLUMN lineage");
  RunSql("DROP TABLE deletes");
  RunSql("DROP TABLE histories");
  RunSql("PRAGMA user_version=2");
  Reopen();
  auto loaded = Load();
  ASSERT_EQ(loaded.size(), 2u);
  EXPECT_TRUE(loaded[0].keys.empty());
  ASSERT_TRUE(manifest_->CommitKeys(loaded[0].uid, {.added = {Key("k", 1)}, .forgotten = {}}).ok());
  Reopen();
  EXPECT_EQ(Load()[0].keys.size(), 1u);
}

TEST_F(ManifestTest, TakesOverAFileOfTheThirdFormat) {
  Fill();
  const auto before = Load();
  RunSql("ALTER TABLE segments DROP COLUMN lineage");
  RunSql("DROP TABLE deletes");
  RunSql("DROP TABLE histories");
  RunSql("PRAGMA user_version=3");
  Reopen();
  EXPECT_TRUE(Same(Load(), before));
  SegmentMeta merged = Meta(9, 1, 20);
  merged.generation = 1;
  const CompactionCommit commit{before[0].uid, {merged}, {SegmentId{1}, SegmentId{2}}, 1, 55};
  ASSERT_TRUE(manifest_->CommitCompaction(commit).ok());
  Reopen();
  EXPECT_EQ(Load()[0].segments.size(), 1u);
}

DeletionsPtr Deleted(std::initializer_list<DeletionPtr> versions) {
  return std::make_shared<const Deletions>(std::vector<DeletionPtr>(versions));
}

TEST_F(ManifestTest, TakesOverAFileOfTheFifthFormat) {
  Fill();
  const auto before = Load();
  RunSql("DROP TABLE deletes");
  RunSql("DROP TABLE histories");
  RunSql("PRAGMA user_version=5");
  Reopen();
  EXPECT_TRUE(Same(Load(), before));
  const DeletionsPtr after = Deleted({MakeDeletion({{0, 21}}, 5)});
  const DeletesCommit commit{before[0].uid, {{{SegmentId{1}, nullptr, after}}, 21, 0}, 21};
  ASSERT_TRUE(manifest_->CommitDeletes(commit).ok());
  Reopen();
  EXPECT_EQ(Load()[0].deletions.size(), 1u);
  EXPECT_EQ(Load()[0].flushed_sequence, 21u);
}

TEST_F(ManifestTest, GivesBackWhatWasDeletedByVersionUntilTheSegmentIsForgotten) {
  Fill();
  const SourceUid a = Load()[0].uid;
  const DeletionPtr first = MakeDeletion({{1, 21}, {3, 21}}, 7);
  const DeletionPtr second = MakeDeletion({{0, 23}, {2, 22}}, 8);
  const DeletionsPtr one = Deleted({first}), both = Deleted({first, second});
  ASSERT_TRUE(
      manifest_->CommitDeletes({a, {{{SegmentId{1}, nullptr, one}}, 21, 0}, std::nullopt}).ok());
  ASSERT_TRUE(
      manifest_->CommitDeletes({a, {{{SegmentId{1}, one, both}}, 23, 0}, std::nullopt}).ok());
  Reopen();
  SourceRecord record = Load()[0];
  ASSERT_EQ(record.deletions.size(), 1u);
  const auto& versions = record.deletions.at(SegmentId{1})->versions();
  ASSERT_EQ(versions.size(), 2u);
  EXPECT_TRUE(*versions[0] == *first && *versions[1] == *second);
  EXPECT_EQ(record.delete_sequence, 23u);
  // Folded into one.
  const DeletionsPtr folded = Deleted({MakeDeletion({{0, 23}, {1, 23}, {2, 23}, {3, 23}}, 9)});
  ASSERT_TRUE(
      manifest_
          ->CommitDeletes({a,
                           {{{SegmentId{1}, record.deletions.at(SegmentId{1}), folded}}, 23, 23},
                           std::nullopt})
          .ok());
  ASSERT_TRUE(manifest_->CommitCompaction({a, {}, {SegmentId{1}}, 4, 55}).ok());
  Reopen();
  record = Load()[0];
  EXPECT_EQ(record.deletions.at(SegmentId{1})->versions().size(), 1u);
  EXPECT_EQ(record.forgotten_sequence, 23u);
  ASSERT_TRUE(manifest_->ForgetRetired(a, {SegmentId{1}}).ok());
  Reopen();
  record = Load()[0];
  EXPECT_TRUE(record.deletions.empty());
  EXPECT_EQ(record.forgotten_generation, 4u);
}

TEST_F(ManifestTest, NoticesDeletedRowsThatAreLostOrDamaged) {
  for (const char* damage :
       {"DELETE FROM deletes", "DELETE FROM histories",
        "UPDATE deletes SET deleted = x'00' || substr(deleted, 2, 20) || x'ff'",
        "UPDATE deletes SET at_us = at_us + 1", "UPDATE histories SET forgotten_sequence = 9"}) {
    SCOPED_TRACE(damage);
    manifest_.reset();
    std::filesystem::remove(path_);
    Reopen();
    const SourceUid a = Add("a");
    ASSERT_TRUE(manifest_->CommitFlush({a, {Meta(1, 1, 10)}, 10, 1}).ok());
    const DeletionsPtr after = Deleted({MakeDeletion({{0, 11}}, 5)});
    ASSERT_TRUE(
        manifest_->CommitDeletes({a, {{{SegmentId{1}, nullptr, after}}, 11, 0}, std::nullopt})
            .ok());
    ASSERT_EQ(Load()[0].deletions.size(), 1u);
    RunSql(damage);
    EXPECT_EQ(OpenAndLoad().code(), Code::kCorruption);
  }
}

TEST_F(ManifestTest, ReplacesSegmentsInOneStepAndKeepsThemUntilTheyAreForgotten) {
  Fill();
  const SourceUid a = Load()[0].uid;
  SegmentMeta merged = Meta(9, 1, 20);
  merged.generation = 3;
  const CompactionCommit commit{a, {merged}, {SegmentId{1}, SegmentId{2}}, 3, 55};
  ASSERT_TRUE(failpoints_.Arm("manifest.before_commit=error@1").ok());
  EXPECT_FALSE(manifest_->CommitCompaction(commit).ok());
  EXPECT_EQ(Load()[0].segments.size(), 2u);
  ASSERT_TRUE(manifest_->CommitCompaction(commit).ok());
  EXPECT_EQ(manifest_->CommitCompaction({a, {}, {SegmentId{1}}, 4, 56}).code(), Code::kNotFound)
      << "it is not live";
  EXPECT_EQ(manifest_->CommitIndexes(a, SegmentId{1}, {}).code(), Code::kNotFound);
  EXPECT_EQ(manifest_->ForgetRetired(a, {SegmentId{9}}).code(), Code::kNotFound) << "it is live";
  Reopen();
  SourceRecord source = Load()[0];
  ASSERT_EQ(source.segments.size(), 1u);
  EXPECT_EQ(source.segments[0].id, SegmentId{9});
  EXPECT_EQ(source.segments[0].generation, 3u);
  ASSERT_EQ(source.retired.size(), 2u);
  EXPECT_EQ(source.retired[0].retired_generation, 3u);
  EXPECT_EQ(source.retired[0].retired_us, 55);
  EXPECT_EQ(source.retired[0].columns.at(1).rows, 10u);
  std::string dump;
  ASSERT_TRUE(DumpManifest(path_, dump).ok());
  EXPECT_NE(dump.find("replaced by compaction 3"), std::string::npos) << dump;

  EXPECT_EQ(manifest_->ForgetRetired(a, {SegmentId{1}, SegmentId{9}}).code(), Code::kNotFound);
  ASSERT_TRUE(manifest_->ForgetRetired(a, {SegmentId{1}}).ok());
  Reopen();
  source = Load()[0];
  ASSERT_EQ(source.retired.size(), 1u);
  EXPECT_EQ(source.retired[0].id, SegmentId{2});
  ASSERT_TRUE(manifest_->DropSource(a, DropFiles::kKeep).ok());
  Reopen();
  EXPECT_EQ(Load().size(), 1u);
}

TEST_F(ManifestTest, NoticesAChangedLineage) {
  Fill();
  const SourceUid a = Load()[0].uid;
  ASSERT_TRUE(manifest_->CommitCompaction({a, {}, {SegmentId{1}}, 1, 55}).ok());
  RunSql("UPDATE segments SET lineage = x'' WHERE id = 1");
  auto opened = Manifest::Open(path_, failpoints_);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ((*opened)->Load().status().code(), Code::kCorruption);
}

TEST_F(ManifestTest, KeepsASecretForGood) {
  testing::FakeRandom random(testing::SeedFromEnvironment());
  const std::string first = manifest_->Secret("cursor", random).Take();
  EXPECT_EQ(first.size(), kSecretBytes);
  EXPECT_NE(manifest_->Secret("other", random).Take(), first);
  Reopen();
  EXPECT_EQ(manifest_->Secret("cursor", random).Take(), first);
}

TEST_F(ManifestTest, NoticesAFlippedByteOrIsNotHarmedByIt) {
  Fill();
  const auto intact = Load();
  manifest_.reset();
  std::string bytes;
  {
    std::ifstream in(path_, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  ASSERT_GT(bytes.size(), 4096u);
  testing::FakeRandom random(testing::SeedFromEnvironment());
  std::size_t noticed = 0;
  constexpr std::size_t kFlips = 800;
  for (std::size_t i = 0; i < kFlips; ++i) {
    const std::size_t at = random.Below(bytes.size());
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random.Below(8)));
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << damaged;
    auto opened = Manifest::Open(path_, failpoints_);
    auto loaded =
        opened.ok() ? (*opened)->Load() : Result<std::vector<SourceRecord>>(opened.status());
    if (!loaded.ok()) {
      ++noticed;
      continue;
    }
    // The flip hit free space.
    ASSERT_TRUE(Same(*loaded, intact)) << "byte " << at;
  }
  EXPECT_GT(noticed, kFlips / 20);
}

TEST_F(ManifestTest, DumpsWhatItCanOfADamagedFile) {
  Fill();
  RunSql("UPDATE segments SET path = 'elsewhere' WHERE id = 1");
  std::string out;
  ASSERT_TRUE(DumpManifest(path_, out).ok());
  EXPECT_NE(out.find("checksum"), std::string::npos) << out;
  EXPECT_NE(out.find("sequences 11-20"), std::string::npos) << out;
  EXPECT_NE(out.find("2=extra:string"), std::string::npos) << out;
}

TEST_F(ManifestTest, DumpsWhileAnotherProcessHoldsIt) {
  Fill();
  std::string out;
  ASSERT_TRUE(DumpManifest(path_, out).ok());
  EXPECT_NE(out.find("flushed to 20"), std::string::npos) << out;
}

}  // namespace
}  // namespace granary::storage
