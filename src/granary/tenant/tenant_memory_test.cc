// Goal: what does not fit a tenant's memory waits in line, where people see it and can end it, and
// is refused after a while; what never fits is told so at once.
#include <gtest/gtest.h>

#include <thread>

#include <fmt/format.h>

#include "granary/io/failpoint.h"
#include "granary/io/posix_file_system.h"
#include "granary/tenant/tenant.h"
#include "granary/testing/temp_directory.h"

namespace granary {
namespace {

constexpr std::uint64_t kLimit = 8u << 20;
constexpr std::uint64_t kQueryStart = 1u << 20;

class TenantMemoryTest : public ::testing::Test {
 protected:
  void Open(std::chrono::milliseconds wait_max) {
    TenantOptions options;
    options.id = TenantId::Parse("acme").Take();
    options.store.root = directory_.Join("data");
    options.store.hot_bytes_max = kLimit;
    options.memory = {.limit_bytes = kLimit,
                      .query_bytes = 4 * kQueryStart,
                      .query_start_bytes = kQueryStart,
                      .wait_max = wait_max};
    const storage::StoreDeps deps{files_, clock_, io::Failpoints::None(), Logger::Null(), pool_};
    auto opened = Tenant::Open(deps, std::move(options));
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    tenant_ = opened.Take();
    storage::SourceDefinition definition;
    definition.id = source_;
    definition.columns = {{"s", TypeKind::kString}};
    ASSERT_TRUE(tenant_->AddSource(definition).ok());
  }

  Status Write(std::uint64_t text_bytes) {
    const std::string head = R"([{"fields":{"s":")", tail = R"("}}])";
    const std::string text = head + std::string(text_bytes - head.size() - tail.size(), 'x') + tail;
    return tenant_->Write({.source = source_, .records = text}).status();
  }
  Status Count(const Caller& caller = {}) {
    query::AggregateRequest request;
    request.aggregations.push_back({.alias = "n", .pointer = "/aggregations/0"});
    return tenant_->Aggregate(request, caller).status();
  }
  void AwaitWaitingQueries(std::size_t waiting) {
    while (tenant_->memory().query_line.waiting != waiting) std::this_thread::yield();
  }

  testing::TempDirectory directory_;
  io::PosixFileSystem files_;
  io::SystemClock clock_;
  runtime::WorkerPool pool_{{.threads = 2}};
  SourceId source_ = SourceId::Parse("s").Take();
  std::unique_ptr<Tenant> tenant_;
};

TEST_F(TenantMemoryTest, AWriteFitsUpToTheLimitAndIsTooLargeBeyond) {
  Open(std::chrono::milliseconds(1));
  const runtime::CancelToken cancel;
  const std::uint64_t most = kLimit / kWriteBytesPerTextByte;
  EXPECT_TRUE(tenant_->HoldForWrite(most - 1, cancel).ok());
  EXPECT_TRUE(tenant_->HoldForWrite(most, cancel).ok());
  EXPECT_EQ(tenant_->HoldForWrite(most + 1, cancel).status().code(), Code::kTooLarge);
  EXPECT_EQ(Write(most + 1).code(), Code::kTooLarge);
  EXPECT_TRUE(Write(most / 5 * 4).ok()) << "room for the records is not taken by their own write";
  EXPECT_TRUE(Write(1000).ok());
  EXPECT_EQ(tenant_->memory().writes, 0u);
}

TEST_F(TenantMemoryTest, NullsOfSparseRecordsAreReservedBeforeTheyAreMade) {
  Open(std::chrono::milliseconds(1));
  const auto sparse = [](int records) {
    std::string text = "[";
    for (int i = 0; i < records; ++i)
      text += fmt::format("{}{{\"fields\":{{\"n{}\":1}}}}", i == 0 ? "" : ",", i % 500);
    return text + "]";
  };
  const auto write = [&](const std::string& records) {
    return tenant_->Write({.source = source_, .records = records}).status();
  };
  EXPECT_EQ(write(sparse(5'000)).code(), Code::kTooLarge) << "40 MB, of 8 MiB";
  EXPECT_EQ(tenant_->memory().writes, 0u);
  EXPECT_LE(tenant_->memory().peak, kLimit);
  EXPECT_EQ(tenant_->GetSource(source_)->schema->columns().size(), 1u) << "nothing has changed";
  EXPECT_TRUE(write(sparse(100)).ok());
}

TEST_F(TenantMemoryTest, SparseRecordsThatFitOnceOthersLetGoAreToldToComeBack) {
  Open(std::chrono::milliseconds(1));
  std::string text = "[";
  for (int i = 0; i < 300; ++i)
    text += fmt::format("{}{{\"fields\":{{\"n{}\":1}}}}", i == 0 ? "" : ",", i);
  const auto write = [&] {
    return tenant_->Write({.source = source_, .records = text + "]"}).status();
  };
  {
    const auto held = tenant_->HoldForWrite((kLimit - kLimit / 16) / kWriteBytesPerTextByte, {});
    ASSERT_TRUE(held.ok());
    EXPECT_EQ(write().code(), Code::kOverloaded);
  }
  EXPECT_EQ(tenant_->memory().writes, 0u);
  EXPECT_TRUE(write().ok());
}

// No limit of the flushes' own is anywhere near.
TEST_F(TenantMemoryTest, AQueryAndAWriteThatWaitHaveHotRowsFlushed) {
  Open(std::chrono::milliseconds(60'000));
  ASSERT_TRUE(Write(2u << 20).ok());
  const std::uint64_t hot = tenant_->store().hot_bytes();
  ASSERT_GT(hot, 2'000'000u);
  {
    const auto held =
        tenant_->HoldForWrite((kLimit - hot - kQueryStart / 2) / kWriteBytesPerTextByte, {});
    ASSERT_TRUE(held.ok());
    EXPECT_TRUE(Count().ok());
    EXPECT_EQ(tenant_->memory().query_line.waited, 1u);
    EXPECT_EQ(tenant_->store().hot_bytes(), 0u);
  }
  ASSERT_TRUE(Write(2u << 20).ok());
  EXPECT_TRUE(tenant_->HoldForWrite(kLimit / kWriteBytesPerTextByte, {}).ok());
  EXPECT_EQ(tenant_->memory().write_line.waited, 1u);
}

TEST_F(TenantMemoryTest, WhatOthersHoldIsWaitedForAndThenRefused) {
  Open(std::chrono::milliseconds(1));
  ASSERT_TRUE(Write(100).ok());
  {
    const auto held =
        tenant_->HoldForWrite((kLimit - kQueryStart / 2) / kWriteBytesPerTextByte, {});
    ASSERT_TRUE(held.ok());
    EXPECT_EQ(Count().code(), Code::kOverloaded);
    EXPECT_EQ(Write(kQueryStart).code(), Code::kOverloaded);
    EXPECT_EQ(tenant_->memory().query_line.refused, 1u);
    EXPECT_EQ(tenant_->memory().write_line.refused, 1u);
  }
  EXPECT_TRUE(Count().ok());
  EXPECT_EQ(tenant_->memory().queries, 0u);
}

TEST_F(TenantMemoryTest, AQueryThatWaitsIsListedAndCanBeEnded) {
  Open(std::chrono::milliseconds(60'000));
  auto held = tenant_->HoldForWrite(kLimit / kWriteBytesPerTextByte, {}).Take();
  std::thread waiter([&] { EXPECT_EQ(Count().code(), Code::kCancelled); });
  AwaitWaitingQueries(1);
  const auto queries = tenant_->Queries();
  ASSERT_EQ(queries.size(), 1u);
  EXPECT_FALSE(queries[0].running);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(tenant_->CancelQuery(queries[0].id).ok());
  waiter.join();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(50));
  EXPECT_TRUE(tenant_->Queries().empty());
}

TEST_F(TenantMemoryTest, AQueryThatWaitsGoesOnOnceThereIsRoom) {
  Open(std::chrono::milliseconds(60'000));
  auto held = tenant_->HoldForWrite(kLimit / kWriteBytesPerTextByte, {}).Take();
  std::thread waiter([&] { EXPECT_TRUE(Count().ok()); });
  AwaitWaitingQueries(1);
  held = runtime::MemoryReservation();
  waiter.join();
  EXPECT_EQ(tenant_->memory().query_line.waited, 1u);
  EXPECT_EQ(tenant_->memory().reserved, tenant_->store().hot_bytes());
}

}  // namespace
}  // namespace granary
