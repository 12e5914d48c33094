#include "granary/auth/refusal_log.h"

#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace granary::auth {
namespace {

AuditEntry EntryOf(std::size_t i) {
  AuditEntry entry;
  entry.target = fmt::format("{}", i);
  return entry;
}

TEST(RefusalLogTest, WhatComesDuringACommitGoesIntoOneMore) {
  constexpr std::size_t kMany = 8;
  std::vector<std::size_t> commits;
  RefusalLog* waited = nullptr;
  RefusalLog log([&](const std::vector<AuditEntry>& entries) {
    commits.push_back(entries.size());
    while (commits.size() == 1 && waited->waiting() < kMany - 1) std::this_thread::yield();
    return Status::Ok();
  });
  waited = &log;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kMany; ++i)
    threads.emplace_back([&, i] { EXPECT_TRUE(log.Add(EntryOf(i)).ok()); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(commits, (std::vector<std::size_t>{1, kMany - 1}));
  EXPECT_EQ(log.waiting(), 0u);
}

TEST(RefusalLogTest, ACommitThatFailsIsToldToItsOwnAlone) {
  bool fails = true;
  RefusalLog log([&](const std::vector<AuditEntry>&) {
    return fails ? Status::IoError("the disk is full") : Status::Ok();
  });
  EXPECT_EQ(log.Add(EntryOf(1)).code(), Code::kIoError);
  fails = false;
  EXPECT_TRUE(log.Add(EntryOf(2)).ok());
}

}  // namespace
}  // namespace granary::auth
