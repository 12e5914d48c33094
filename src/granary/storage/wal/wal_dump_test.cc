#include "granary/storage/wal/wal_dump.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/storage/wal/wal_testbed.h"
#include "granary/testing/fake_clock.h"
#include "granary/testing/fake_random.h"
#include "granary/testing/faulty_file_system.h"
#include "granary/testing/memory_file_system.h"

namespace granary::storage {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kFolder = "/data/wal/lane-0";

struct WalDumpTest : ::testing::Test {
  void SetUp() override {
    WalLaneOptions options;
    options.directory = kFolder;
    options.file_bytes = 4096;
    options.random = &random;
    WalTestbed bed(files, options);
    bed.UseClock(clock);
    ASSERT_TRUE(bed.Open().ok());
    WalFrame keyed = MakeFrame(1, 1, "abc");
    keyed.idempotency_key = "a\"\n";
    ASSERT_TRUE(bed.WriteGroup({keyed, MakeFrame(2, 7, "defg")}).ok());
    ASSERT_TRUE(bed.Write(MakeFrame(1, 2, "hi")).ok());
    ASSERT_TRUE(bed.lane().Rotate().ok());
    ASSERT_TRUE(bed.lane().Close().ok());
  }
  std::string Dump(const std::string& path, const std::optional<std::string>& source = {}) {
    std::string out;
    const Status s = DumpWal(files, path, source, out);
    EXPECT_TRUE(s.ok()) << s.ToString();
    return out;
  }

  testing::MemoryFileSystem files;
  testing::FakeClock clock;
  testing::FakeRandom random{1};
};

TEST_F(WalDumpTest, PrintsHeadersFramesAndHowAFileEnds) {
  EXPECT_EQ(Dump(kFolder), R"(/data/wal/lane-0/000001.wal
  lane 0 file 1 salt 910a2dec89025cc1 created 2024-01-15T00:00:00Z
  @64 group @64 tenant "acme" source "source_1" uid 1 schema 1 first 1 records 1 payload 3 bytes key "a\x22\x0a" body 0000000000000000
  @168 group @64 tenant "acme" source "source_2" uid 2 schema 1 first 7 records 1 payload 4 bytes
  @264 group @264 tenant "acme" source "source_1" uid 1 schema 1 first 2 records 1 payload 2 bytes
  ends @360 where the next file says
/data/wal/lane-0/000002.wal
  lane 0 file 2 salt beeb8da1658eec67 created 2024-01-15T00:00:00Z after file 1 of 360 bytes
  @64 group @64 end of lane
  ends @144 with a clean stop
)");
  EXPECT_EQ(Dump("/data/wal"), Dump(kFolder));
}

TEST_F(WalDumpTest, PrintsOneFileOrOneSource) {
  const std::string one = Dump(kFolder + "/000001.wal", "source_2");
  EXPECT_THAT(one, HasSubstr("first 7"));
  EXPECT_THAT(one, Not(HasSubstr("source_1")));
  EXPECT_THAT(one, Not(HasSubstr("000002.wal")));
}

TEST_F(WalDumpTest, PrintsWhatItCanOfADamagedFile) {
  ASSERT_TRUE(files.FlipBits(kFolder + "/000001.wal", 3, 0xFF).ok());
  ASSERT_TRUE(files.FlipBits(kFolder + "/000001.wal", 170, 0xFF).ok());
  const std::string dump = Dump(kFolder + "/000001.wal");
  EXPECT_THAT(dump, HasSubstr("no whole file header"));
  EXPECT_THAT(dump, HasSubstr("DAMAGE @0: file header: not the magic of a log file"));
  EXPECT_THAT(dump, HasSubstr("DAMAGE @168: no frame header, 96 synced bytes do not read back"));
  EXPECT_THAT(dump, HasSubstr("@264 group @264"));
}

TEST_F(WalDumpTest, ReadsACopyUnderAnyName) {
  const auto contents = FilesIn(files, kFolder);
  ASSERT_TRUE(PutFiles(files, "/copy", {{"saved", contents.at("000001.wal")}}).ok());
  EXPECT_THAT(Dump("/copy/saved"), HasSubstr("first 7"));
}

TEST_F(WalDumpTest, ChangesNothing) {
  testing::FaultyFileSystem watched(files);
  std::string out;
  EXPECT_TRUE(DumpWal(watched, "/data", std::nullopt, out).ok());
  EXPECT_EQ(watched.changes(), 0u);
}

TEST_F(WalDumpTest, SaysWhenThereIsNothing) {
  std::string out;
  EXPECT_EQ(DumpWal(files, "/data/nowhere", std::nullopt, out).code(), Code::kNotFound);
}

}  // namespace
}  // namespace granary::storage
