// Who leads, who follows, and in which order everyone hears what became of his frame.
#include "granary/storage/wal/commit_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace granary::storage {
namespace {

constexpr std::size_t kGroupBytes = 100;

std::unique_ptr<CommitEntry> Entry(std::function<void(const Status&)> on_commit = {},
                                   std::size_t bytes = 10) {
  auto entry = std::make_unique<CommitEntry>();
  entry->bytes = bytes;
  entry->on_commit = std::move(on_commit);
  return entry;
}

/// What reaches the disk, with a switch that makes it fail.
struct Disk {
  CommitQueue::CommitFn Fn() {
    return [this](const CommitChain& group) {
      groups.push_back(group.size());
      return outcome;
    };
  }
  std::vector<std::size_t> groups;
  Status outcome;
};

TEST(CommitQueueTest, OneWaiterCommitsEverythingBeforeHisOwn) {
  Disk disk;
  CommitQueue queue(disk.Fn(), kGroupBytes);
  std::vector<int> called;
  CommitQueue::Ticket last = 0;
  for (int i = 0; i < 5; ++i)
    last = queue.Push(Entry([&called, i](const Status&) { called.push_back(i); })).value();
  EXPECT_TRUE(queue.Wait(last).ok());
  EXPECT_EQ(disk.groups, std::vector<std::size_t>{5});
  EXPECT_EQ(called, (std::vector<int>{0, 1, 2, 3, 4}));
  EXPECT_TRUE(queue.Wait(1).ok()) << "settled already";
  EXPECT_EQ(disk.groups.size(), 1u);
}

TEST(CommitQueueTest, AGroupIsBoundedInBytes) {
  Disk disk;
  CommitQueue queue(disk.Fn(), kGroupBytes);
  CommitQueue::Ticket last = 0;
  for (std::size_t bytes : {60, 40, 1, 500, 10, 10}) last = queue.Push(Entry({}, bytes)).value();
  EXPECT_TRUE(queue.Wait(last).ok());
  EXPECT_EQ(disk.groups, (std::vector<std::size_t>{2, 1, 1, 2}));
}

TEST(CommitQueueTest, AfterAFailureEveryoneGetsTheSameErrorInOrder) {
  Disk disk;
  CommitQueue queue(disk.Fn(), /*group_bytes_max=*/20);
  std::vector<std::string> heard;
  const auto listen = [&](int i) {
    return
        [&heard, i](const Status& s) { heard.push_back(std::to_string(i) + " " + s.ToString()); };
  };
  ASSERT_TRUE(queue.Wait(queue.Push(Entry(listen(0))).value()).ok());
  CommitQueue::Ticket last = 0;
  for (int i = 1; i <= 5; ++i) last = queue.Push(Entry(listen(i))).value();
  disk.outcome = Status(Code::kDiskFull, "no room");
  EXPECT_EQ(queue.Wait(last).code(), Code::kDiskFull);
  EXPECT_EQ(heard, (std::vector<std::string>{"0 OK", "1 DISK_FULL: no room", "2 DISK_FULL: no room",
                                             "3 DISK_FULL: no room", "4 DISK_FULL: no room",
                                             "5 DISK_FULL: no room"}));
  disk.outcome = Status::Ok();
  EXPECT_EQ(queue.Push(Entry(listen(6))).status().ToString(), "DISK_FULL: no room");
  EXPECT_EQ(heard.size(), 6u);
  EXPECT_EQ(queue.closed_by().code(), Code::kDiskFull);
  EXPECT_TRUE(queue.Wait(1).ok()) << "what succeeded stays so";
  EXPECT_EQ(queue.Wait(2).code(), Code::kDiskFull);
}

TEST(CommitQueueTest, ARefusalStillCommitsWhatWasPushedBefore) {
  Disk disk;
  CommitQueue queue(disk.Fn(), kGroupBytes);
  const auto ticket = queue.Push(Entry()).value();
  queue.Refuse(Status(Code::kUnavailable, "closing"));
  EXPECT_EQ(queue.Push(Entry()).status().code(), Code::kUnavailable);
  EXPECT_TRUE(queue
                  .RunAlone([&] {
                    EXPECT_EQ(disk.groups, std::vector<std::size_t>{1});
                    return Status::Ok();
                  })
                  .ok());
  EXPECT_TRUE(queue.Wait(ticket).ok());
}

TEST(CommitQueueTest, AFailureAloneClosesTheQueue) {
  Disk disk;
  CommitQueue queue(disk.Fn(), kGroupBytes);
  EXPECT_EQ(queue.RunAlone([] { return Status::IoError("rotate"); }).code(), Code::kIoError);
  EXPECT_EQ(queue.Push(Entry()).status().message(), "rotate");
  EXPECT_EQ(queue.RunAlone([] { return Status::Ok(); }).code(), Code::kIoError)
      << "not run any more";
}

TEST(CommitQueueTest, EntriesThatNobodyWaitedForAreToldAtTheEnd) {
  Disk disk;
  Status heard;
  {
    CommitQueue queue(disk.Fn(), kGroupBytes);
    ASSERT_TRUE(queue.Push(Entry([&](const Status& s) { heard = s; })).ok());
  }
  EXPECT_EQ(heard.code(), Code::kUnavailable);
  EXPECT_TRUE(disk.groups.empty());
}

TEST(CommitQueueTest, ALongChainIsFreedWithoutRecursion) {
  CommitChain chain;
  for (int i = 0; i < 1'000'000; ++i) chain.Push(std::make_unique<CommitEntry>());
  EXPECT_EQ(chain.size(), 1'000'000u);
}

TEST(CommitQueueTest, WaitersThatArriveDuringACommitFormTheNextGroup) {
  std::latch in_first(1), go_on(1);
  std::vector<std::size_t> groups;
  CommitQueue queue(
      [&](const CommitChain& group) {
        groups.push_back(group.size());
        if (groups.size() == 1) {
          in_first.count_down();
          go_on.wait();
        }
        return Status::Ok();
      },
      kGroupBytes);
  std::thread leader([&] { EXPECT_TRUE(queue.Wait(queue.Push(Entry()).value()).ok()); });
  in_first.wait();
  std::vector<std::thread> followers;
  std::vector<CommitQueue::Ticket> tickets;
  for (int i = 0; i < 4; ++i) tickets.push_back(queue.Push(Entry()).value());
  for (const auto ticket : tickets)
    followers.emplace_back([&, ticket] { EXPECT_TRUE(queue.Wait(ticket).ok()); });
  go_on.count_down();
  leader.join();
  for (std::thread& follower : followers) follower.join();
  EXPECT_EQ(groups, (std::vector<std::size_t>{1, 4}));
}

TEST(CommitQueueTest, ManyThreadsEachHearOnceAndInOrder) {
  constexpr int kThreads = 16, kEach = 500;
  std::atomic<bool> committing = false;
  CommitQueue queue(
      [&](const CommitChain&) {
        EXPECT_FALSE(committing.exchange(true)) << "two at a time";
        committing = false;
        return Status::Ok();
      },
      /*group_bytes_max=*/70);
  std::mutex push_in_order;
  int pushed = 0;
  std::vector<int> heard;  // Callbacks run one at a time, so no lock.
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        bool called = false;
        CommitQueue::Ticket ticket = 0;
        {
          const std::lock_guard lock(push_in_order);
          const int number = pushed++;
          ticket = queue
                       .Push(Entry([&, number](const Status& s) {
                         EXPECT_TRUE(s.ok());
                         heard.push_back(number);
                         called = true;
                       }))
                       .value();
        }
        EXPECT_TRUE(queue.Wait(ticket).ok());
        EXPECT_TRUE(called) << "the callback runs before its waiter returns";
        if (t == 0 && i % 50 == 0) {
          EXPECT_TRUE(queue.RunAlone([] { return Status::Ok(); }).ok());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ(heard.size(), static_cast<std::size_t>(kThreads * kEach));
  EXPECT_TRUE(std::is_sorted(heard.begin(), heard.end()));
}

TEST(CommitQueueTest, AFailureAmongManyThreadsSplitsThemOnce) {
  constexpr int kThreads = 8, kEach = 200;
  int left = 300;
  CommitQueue queue(
      [&](const CommitChain&) { return left-- > 0 ? Status::Ok() : Status::IoError("gone"); },
      /*group_bytes_max=*/20);
  std::mutex mutex;
  CommitQueue::Ticket last_ok = 0, first_failed = 1u << 30;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        const auto ticket = queue.Push(Entry());
        if (!ticket.ok()) break;
        const Status s = queue.Wait(*ticket);
        const std::lock_guard lock(mutex);
        if (s.ok())
          last_ok = std::max(last_ok, *ticket);
        else
          first_failed = std::min(first_failed, *ticket);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LT(last_ok, first_failed);
}

}  // namespace
}  // namespace granary::storage
