// Manifests that released versions wrote (tests/compat).
#include <gtest/gtest.h>

#include <filesystem>

#include "granary/io/failpoint.h"
#include "granary/sqlite/sqlite_db.h"
#include "granary/storage/manifest/manifest.h"
#include "granary/storage/manifest/manifest_rows.h"
#include "granary/storage/stats/column_estimator.h"
#include "granary/storage/stats/distribution_merge.h"
#include "granary/storage/stats/stats_builder.h"
#include "granary/testing/temp_directory.h"

namespace granary::storage {
namespace {

class ManifestCompatTest : public ::testing::Test {
 protected:
  std::vector<SourceRecord> Load(const std::string& path) {
    auto manifest = Manifest::Open(path, io::Failpoints::None());
    EXPECT_TRUE(manifest.ok()) << manifest.status().ToString();
    if (!manifest.ok()) return {};
    auto loaded = (*manifest)->Load();
    EXPECT_TRUE(loaded.ok()) << loaded.status().ToString();
    return loaded.ok() ? loaded.Take() : std::vector<SourceRecord>();
  }

  testing::TempDirectory directory_;
};

/// What was not known stays unknown, and is not taken for empty.
TEST_F(ManifestCompatTest, OpensFormat4WithUnknownDistributions) {
  const std::string path = directory_.Join("manifest.db");
  std::filesystem::copy_file(std::string(GRANARY_COMPAT_FOLDER) + "/manifest_format_4.db", path);
  for (int round = 0; round < 2; ++round) {
    const auto sources = Load(path);
    ASSERT_EQ(sources.size(), 1u);
    ASSERT_EQ(sources[0].segments.size(), 2u);
    const Schema& schema = *sources[0].schemas.back().schema;
    for (const SegmentMeta& segment : sources[0].segments) {
      EXPECT_EQ(segment.rows, 200u);
      ASSERT_EQ(segment.columns.size(), 7u);
      for (const auto& [id, stats] : segment.columns) {
        EXPECT_EQ(stats.rows, 200u);
        EXPECT_EQ(stats.distribution, "");
        std::string reason;
        EXPECT_FALSE(DistributionOf(stats, reason).has_value());
        EXPECT_EQ(reason, "") << "unknown is no contradiction";
        EXPECT_EQ(ColumnEstimator(stats).distrusted(), "");
      }
      const ColumnStats& quantity = segment.columns.at(schema.Find("quantity")->id);
      EXPECT_NEAR(ColumnEstimator(quantity).Equal(Value(std::int64_t{3})).fraction, 1.0 / 7, 1e-9);
    }
  }
  auto db = SqliteDb::Open(path, SqliteDb::Access::kDump);
  ASSERT_TRUE(db.ok());
  EXPECT_EQ(db->QueryInteger("PRAGMA user_version").value(), kManifestFormat);
}

TEST_F(ManifestCompatTest, StatisticsOfVersion1HaveNoDistribution) {
  ColumnStats stats{.rows = 3, .nulls = 1, .may_have_nan = false};
  std::string bytes;
  EncodeStats(stats, bytes);
  bytes[0] = 1;
  ASSERT_FALSE(DecodeStats(bytes).ok()) << "an empty text is too much";
  bytes.resize(bytes.size() - 4);
  const auto decoded = DecodeStats(bytes);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_EQ(*decoded, stats);
}

}  // namespace
}  // namespace granary::storage
