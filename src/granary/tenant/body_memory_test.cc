// Goal: a body that is read as it comes takes memory as it grows, never past its tenant's limit, and
// is told which limit is in the way.
#include <gtest/gtest.h>

#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/writer.h>

#include "granary/formats/memory_body_test_support.h"
#include "granary/io/failpoint.h"
#include "granary/io/posix_file_system.h"
#include "granary/tenant/body_memory.h"
#include "granary/tenant/tenant.h"
#include "granary/testing/temp_directory.h"

namespace granary {
namespace {

constexpr std::uint64_t kLimit = 8u << 20;
constexpr std::uint64_t kTextMax = 1u << 20;
constexpr std::chrono::milliseconds kNoWait{1};

TEST(BodyMemoryTest, TextIsHeldAsItComesAndNoMoreThanAChunkOfIt) {
  runtime::MemoryBudget budget("process", kLimit);
  {
    BodyMemory memory(budget, kNoWait, {}, kTextMax);
    EXPECT_EQ(budget.reserved(), 0u);
    ASSERT_TRUE(memory.TextCame(8).ok());
    EXPECT_LT(budget.reserved(), kLimit / 32);
    ASSERT_TRUE(memory.TextCame(100 * kTextMax).ok());
    EXPECT_EQ(budget.reserved(), kTextMax * kWriteBytesPerTextByte);
  }
  EXPECT_EQ(budget.reserved(), 0u);
}

TEST(BodyMemoryTest, WhatNeverFitsIsToldSoAndWhatOthersHoldIsWaitedFor) {
  runtime::MemoryBudget budget("process", kLimit);
  BodyMemory memory(budget, kNoWait, {}, kTextMax);
  const Status never = memory.Take(kLimit + 1);
  EXPECT_EQ(never.code(), Code::kTooLarge);
  EXPECT_NE(never.message().find(R"(8388608 that "process" may take)"), std::string::npos)
      << never.message();
  budget.Add(kLimit - 1000);
  EXPECT_EQ(memory.Take(1000 + 1).code(), Code::kOverloaded);
  EXPECT_TRUE(memory.Take(1000).ok());
  budget.Release(kLimit - 1000);
  EXPECT_EQ(memory.Take(kLimit).code(), Code::kTooLarge);
}

class BodyWriteTest : public ::testing::Test {
 protected:
  void SetUp() override {
    TenantOptions options;
    options.id = TenantId::Parse("acme").Take();
    options.store.root = directory_.Join("data");
    options.memory = {.limit_bytes = kLimit, .query_bytes = kLimit / 2, .wait_max = kNoWait};
    const storage::StoreDeps deps{files_, clock_, io::Failpoints::None(), Logger::Null(), pool_};
    tenant_ = Tenant::Open(deps, std::move(options)).Take();
    storage::SourceDefinition definition;
    definition.id = source_;
    definition.columns = {{"s", TypeKind::kString}};
    ASSERT_TRUE(tenant_->AddSource(definition).ok());
  }

  Result<WriteAnswer> Write(formats::TableFormat format, std::string body) {
    return tenant_->WriteStream(
        {.source = source_, .format = format, .bytes = formats::BytesOf(std::move(body))});
  }

  testing::TempDirectory directory_;
  io::PosixFileSystem files_;
  io::SystemClock clock_;
  runtime::WorkerPool pool_{{.threads = 2}};
  SourceId source_ = SourceId::Parse("s").Take();
  std::unique_ptr<Tenant> tenant_;
};

// Three chunks of BODY_CHUNK_MB are six times of all that the tenant may have.
TEST_F(BodyWriteTest, ASmallBodyOfNoAnnouncedLengthFitsASmallLimit) {
  const auto written = Write(formats::TableFormat::kNdjson, "{\"s\":\"x\"}\n");
  ASSERT_TRUE(written.ok()) << written.status().ToString();
  EXPECT_EQ(written->written, 1u);
  EXPECT_EQ(tenant_->memory().writes, 0u);
}

// A few hundred bytes that stand for 100 MB.
TEST_F(BodyWriteTest, WhatABodyDecodesToTakesNoMoreThanMayBeGranted) {
  constexpr int kRows = 100;
  arrow::StringBuilder texts;
  ASSERT_TRUE(texts.Append(std::string(1 << 20, 'y')).ok());
  arrow::Int32Builder indices;
  for (int row = 0; row < kRows; ++row) ASSERT_TRUE(indices.Append(0).ok());
  const auto column =
      arrow::DictionaryArray::FromArrays(indices.Finish().ValueOrDie(), texts.Finish().ValueOrDie())
          .ValueOrDie();
  const auto batch =
      arrow::RecordBatch::Make(arrow::schema({arrow::field("s", column->type())}), kRows, {column});
  const auto out = arrow::io::BufferOutputStream::Create().ValueOrDie();
  const auto writer = arrow::ipc::MakeStreamWriter(out, batch->schema()).ValueOrDie();
  ASSERT_TRUE(writer->WriteRecordBatch(*batch).ok());
  ASSERT_TRUE(writer->Close().ok());
  const Status refused =
      Write(formats::TableFormat::kArrow, out->Finish().ValueOrDie()->ToString()).status();
  EXPECT_EQ(refused.code(), Code::kTooLarge) << refused.ToString();
  EXPECT_NE(refused.message().find("\"tenant\""), std::string::npos) << refused.message();
  EXPECT_LE(tenant_->memory().peak, kLimit);
  EXPECT_EQ(tenant_->memory().writes, 0u);
}

}  // namespace
}  // namespace granary
