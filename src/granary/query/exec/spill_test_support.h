// For tests of queries that outgrow their share of memory: a small share, a disk in memory that can
// fail, two sources whose columns differ in type, and what holds of every such query however it
// ends.
#pragma once

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "granary/query/exec/query_test_support.h"
#include "granary/runtime/spill_space.h"
#include "granary/testing/faulty_file_system.h"

namespace granary::query {

using Random = std::mt19937_64;

inline constexpr std::uint64_t kTinyShare = 400u << 10;

struct SpillEnv {
  explicit SpillEnv(std::uint64_t share_bytes = runtime::MemoryBudget::kNoLimit,
                    std::uint64_t spill_bytes = runtime::SpillOptions::kNoLimit)
      : share("query", share_bytes), spill_max_bytes(spill_bytes) {}

  QueryContext context(runtime::CancelToken cancel = {}) {
    return {.pool = pool,
            .parallelism = 3,
            .cancel = std::move(cancel),
            .batch_rows = 128,
            .memory = &share,
            .spill = &space};
  }

  runtime::WorkerPool pool{{.threads = 3}};
  runtime::MemoryBudget share;
  const std::uint64_t spill_max_bytes;
  testing::MemoryFileSystem memory_files;
  testing::FaultyFileSystem files{memory_files};
  runtime::SpillSpace space{files, "spill", {.max_bytes = spill_max_bytes}};
};

/// Runs a query within an environment and says how it ended.
using RunInEnv = std::function<Status(const QueryContext& context)>;

/// However it ended, nothing of it is left.
inline void ExpectNothingHeld(const SpillEnv& env, std::uint64_t nth = 0) {
  EXPECT_EQ(env.share.reserved(), 0u) << nth;
  EXPECT_EQ(env.space.bytes(), 0u) << nth;
}

/// A query that spills within `share_bytes` ends with the failure of about every tenth call that
/// fails, or with a lower limit of its temporary files, and leaves nothing.
inline void ExpectFailingCallsEndIt(std::uint64_t share_bytes, const RunInEnv& run) {
  SpillEnv counting(share_bytes);
  ASSERT_TRUE(run(counting.context()).ok());
  ASSERT_GT(counting.space.bytes_total(), 0u);
  const std::uint64_t changes = counting.files.changes(), reads = counting.files.reads();
  for (std::uint64_t nth = 1; nth <= changes; nth += 1 + changes / 12) {
    SpillEnv env(share_bytes);
    env.files.FailChange({.nth = nth, .code = Code::kDiskFull, .and_later = true});
    EXPECT_EQ(run(env.context()).code(), Code::kDiskFull) << nth;
    ExpectNothingHeld(env, nth);
  }
  for (std::uint64_t nth = 1; nth <= reads; nth += 1 + reads / 12) {
    SpillEnv env(share_bytes);
    env.files.FailRead({.nth = nth});
    EXPECT_EQ(run(env.context()).code(), Code::kIoError) << nth;
    ExpectNothingHeld(env, nth);
  }
  for (const std::uint64_t tenths : {1, 3}) {
    SpillEnv env(share_bytes, counting.space.bytes_total() * tenths / 10);
    EXPECT_EQ(run(env.context()).code(), Code::kDiskFull) << tenths;
    ExpectNothingHeld(env, tenths);
  }
}

/// A query that is cancelled once its temporary files take so many bytes, or so many more, ends
/// well or as cancelled, and leaves nothing; now and then it is cancelled indeed.
inline void ExpectCancellingEndsIt(std::uint64_t share_bytes, std::uint64_t step_bytes, int steps,
                                   const RunInEnv& run) {
  int cancelled = 0;
  for (int i = 0; i < steps; ++i) {
    SpillEnv env(share_bytes);
    runtime::CancelToken cancel;
    std::thread canceller([&] {
      while (env.space.bytes_total() < static_cast<std::uint64_t>(i) * step_bytes &&
             !cancel.cancelled())
        std::this_thread::yield();
      cancel.Cancel();
    });
    const Status status = run(env.context(cancel));
    cancel.Cancel();
    canceller.join();
    cancelled += status.code() == Code::kCancelled;
    EXPECT_TRUE(status.ok() || status.code() == Code::kCancelled) << status.ToString();
    ExpectNothingHeld(env, static_cast<std::uint64_t>(i));
  }
  EXPECT_GT(cancelled, 0);
}

struct TwoSources {
  std::vector<storage::SourceSnapshot> snapshots() const { return {a.snapshot(), b.snapshot()}; }

  TestSource a{"a", SchemaOf({{"key", TypeKind::kString},
                              {"n", TypeKind::kInt64},
                              {"f", TypeKind::kFloat64},
                              {"d", DataType::Decimal(12, 2)},
                              {"j", TypeKind::kJson},
                              {"at", DataType::Timestamp(TimeUnit::kMicro)}})};
  TestSource b{
      "b",
      SchemaOf({{"key", TypeKind::kString}, {"n", TypeKind::kInt32}, {"f", TypeKind::kFloat32}})};
};

inline Value Maybe(Random& random, Value value) { return random() % 9 == 0 ? Value() : value; }

inline Row RandomRow(Random& random, bool wide) {
  const auto small = static_cast<std::int64_t>(random() % 4000);
  Row row = {Maybe(random, "key-" + std::to_string(random() % 3000)), Maybe(random, small - 2000),
             Maybe(random, random() % 40 == 0 ? -0.0 : static_cast<double>(small) * 0.37)};
  if (!wide) return row;
  row.push_back(Maybe(random, static_cast<Int128>(small) * 12345));
  row.push_back(Maybe(
      random, random() % 2 == 0 ? std::to_string(small) : "\"t" + std::to_string(small) + "\""));
  row.push_back(Maybe(random, small * 40'000'000'000));
  return row;
}

inline std::unique_ptr<TwoSources> RandomSources(Random& random, std::size_t rows) {
  auto sources = std::make_unique<TwoSources>();
  for (std::size_t part = 0; part < 6; ++part) {
    std::vector<Row> some;
    for (std::size_t i = 0; i < rows / 6; ++i) some.push_back(RandomRow(random, part % 3 != 0));
    TestSource& source = part % 3 != 0 ? sources->a : sources->b;
    if (part % 2 == 0)
      source.AddSegment(some, 300);
    else
      source.AddHot(some);
  }
  return sources;
}

}  // namespace granary::query
