// For tests of queries that outgrow their share of memory: a small share, a disk in memory that can
// fail, and two sources whose columns differ in type.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "granary/query/exec/query_test_support.h"
#include "granary/runtime/spill_space.h"
#include "granary/testing/faulty_file_system.h"

namespace granary::query {

using Random = std::mt19937_64;

inline constexpr std::uint64_t kTinyShare = 400u << 10;

struct SpillEnv {
  explicit SpillEnv(std::uint64_t share_bytes = runtime::MemoryBudget::kNoLimit)
      : share("query", share_bytes) {}

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
  testing::MemoryFileSystem memory_files;
  testing::FaultyFileSystem files{memory_files};
  runtime::SpillSpace space{files, "spill"};
};

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
