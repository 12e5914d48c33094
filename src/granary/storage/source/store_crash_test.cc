// Kills at failpoints, each run on a folder of its own. The whole walk is store_crash_long_test.cc.
#include "granary/storage/source/crash_test_support.h"
#include "granary/testing/fake_random.h"
#include "granary/testing/seed.h"

#include <algorithm>
#include <map>

namespace granary::storage {
namespace {

constexpr int kKills = 25;

TEST(StoreCrashTest, RecoversFromAKillAtAnyStep) {
  testing::FakeRandom random(testing::SeedFromEnvironment());
  testing::TempDirectory directory;
  const ChildEnd whole = RunWorkload(directory.Join("whole"), "");
  const CrashLedger plan(whole.output);
  ASSERT_TRUE(plan.done()) << whole.output;
  ASSERT_GT(plan.passes().size(), 8u);
  EXPECT_EQ(RunJudge(directory.Join("whole"), whole.output, "").exit_code, 0);

  for (int run = 0; run < kKills; ++run) {
    const auto& [name, count] = plan.passes()[random.Below(plan.passes().size())];
    const auto nth = 1 + random.Below(static_cast<std::uint64_t>(count));
    const std::string where = fmt::format("{}=kill@{}", name, nth);
    const std::string root = directory.Join(fmt::format("run{}", run));
    const ChildEnd crashed = RunWorkload(root, where);
    // Passes of the background may differ by a few from run to run.
    if (!crashed.killed) {
      EXPECT_TRUE(CrashLedger(crashed.output).done()) << where << "\n" << crashed.output;
    }
    // A quarter of the recoveries are killed as well, at one of their own first steps.
    if (random.OneIn(4))
      RunJudge(root, crashed.output, fmt::format("{}=kill@{}", name, 1 + random.Below(2)));
    const ChildEnd judged = RunJudge(root, crashed.output, "");
    ASSERT_EQ(judged.exit_code, 0) << where << ": " << judged.output << crashed.output;
  }
}

TEST(StoreCrashTest, RecoversFromAKillAtEachStepOfACompaction) {
  testing::TempDirectory directory;
  const CrashLedger plan(RunWorkload(directory.Join("whole"), "").output);
  ASSERT_TRUE(plan.done());
  int kills = 0, points = 0;
  for (const auto& [name, count] : plan.passes()) {
    if (!name.starts_with("compact.")) continue;
    ++points;
    for (int nth = 1; nth <= count; ++nth) {
      const std::string where = fmt::format("{}=kill@{}", name, nth);
      const std::string root = directory.Join(fmt::format("{}-{}", name, nth));
      const ChildEnd crashed = RunWorkload(root, where);
      kills += crashed.killed ? 1 : 0;
      const ChildEnd judged = RunJudge(root, crashed.output, "");
      ASSERT_EQ(judged.exit_code, 0) << where << ": " << judged.output << crashed.output;
    }
  }
  EXPECT_EQ(points, 6) << "before_segments, after_segments, before_manifest, after_manifest,"
                          " before_forget, after_forget";
  fmt::print("{} kills at {} points of a compaction\n", kills, points);
}

/// What a source with a key goes through: writes that replace, flushes, a bulk, a delete, a merge.
/// It tells each step before and after, and is judged by doing the same to a map.
class KeyedWorkload {
 public:
  using Versions = std::map<std::int64_t, std::string>;
  static constexpr int kSteps = 9;

  /// What step `step` makes of the records.
  static void Apply(int step, Versions& versions) {
    for (const TestRow& row : RowsOfStep(step)) versions[row.id] = *row.value;
    if (step == 6) std::erase_if(versions, [](const auto& v) { return v.first % 3 == 0; });
  }
  static Status Do(int step, Store& store) {
    GRANARY_ASSIGN(const auto source, store.Find(SourceId::Parse("k").Take()));
    switch (step) {
      case 2:
      case 5: return source->Flush();
      case 4: {
        GRANARY_ASSIGN(const auto bulk, source->StartBulk());
        for (const TestRow& row : RowsOfStep(step))
          GRANARY_TRY(bulk->Append(bulk->schema(), TestBatch(*bulk->schema(), {row})));
        return bulk->Commit().status();
      }
      case 6:
        return DeleteWhere(*source, [](const TestRow& row) { return row.id % 3 == 0; }).status();
      case 7: {
        GRANARY_ASSIGN(const CompactionJob job, store.Compact(SourceId::Parse("k").Take()));
        GRANARY_ASSIGN(const CompactionJob ended, store.AwaitJob(job.id, runtime::CancelToken()));
        return ended.failure;
      }
      default: return WriteRows(*source, RowsOfStep(step)).status();
    }
  }
  static std::vector<TestRow> RowsOfStep(int step) {
    std::vector<TestRow> rows;
    if (step == 2 || (step >= 5 && step <= 7)) return rows;
    for (std::int64_t id = step; id < step + 7; ++id)
      rows.push_back(Row(id, id % 2 == 0 ? "even" : "odd", std::to_string(step)));
    rows.push_back(Row(step, "odd", std::to_string(step) + " again"));
    return rows;
  }

  static ChildEnd Run(const std::string& root, const std::string& failpoints) {
    return RunChild([&](int out) {
      CrashStore crash(root, failpoints);
      SourceDefinition definition = TestDefinition("k");
      definition.primary_key = {"id"};
      definition.partitions = {{"part", std::nullopt}};
      if (!crash.Open().ok() || !crash.store().AddSource(definition).ok()) ::_exit(7);
      Tell(out, "added");
      for (int step = 1; step <= kSteps; ++step) {
        Tell(out, fmt::format("i {}", step));
        if (const Status s = Do(step, crash.store()); !s.ok()) {
          Tell(out, s.ToString());
          ::_exit(7);
        }
        Tell(out, fmt::format("a {}", step));
      }
      if (!crash.store().Close().ok()) ::_exit(7);
      for (const auto& pass : crash.failpoints().passes())
        Tell(out, fmt::format("pass {} {}", pass.name, pass.count));
    });
  }
  /// "" when what is there is what the acknowledged steps made, or they and the one under way.
  static ChildEnd Judge(const std::string& root, const std::string& told) {
    return RunChild([&](int out) {
      Versions acknowledged, pending;
      std::istringstream lines(told);
      bool added = false;
      for (std::string tag; lines >> tag;) {
        int step = 0;
        added = added || tag == "added";
        if (tag != "i" && tag != "a") continue;
        lines >> step;
        if (tag == "i") {
          pending = acknowledged;
          Apply(step, pending);
        } else {
          acknowledged = pending;
        }
      }
      if (pending.empty()) pending = acknowledged;
      CrashStore crash(root, "");
      for (int round = 0; round < 3; ++round) {
        if (const Status s = crash.Open(); !s.ok()) {
          Tell(out, "open: " + s.ToString());
          ::_exit(1);
        }
        const auto source = crash.store().Find(SourceId::Parse("k").Take());
        if (!source.ok()) ::_exit(added ? 1 : 0);
        if (round == 2 && !(*source)->Flush().ok()) ::_exit(1);
        Versions found;
        for (const auto& [sequence, row] : RowsOf((*source)->Snapshot())) {
          if (found.emplace(row.id, *row.value).second) continue;
          Tell(out, fmt::format("round {}: key {} twice", round, row.id));
          ::_exit(1);
        }
        if (found == acknowledged || found == pending) continue;
        Tell(out, fmt::format("round {}: {} records, expected {} or {}", round, found.size(),
                              acknowledged.size(), pending.size()));
        ::_exit(1);
      }
    });
  }
};

TEST(StoreCrashTest, ReplacesWholeBatchesOrNothingWhereverItIsKilled) {
  testing::TempDirectory directory;
  const ChildEnd whole = KeyedWorkload::Run(directory.Join("whole"), "");
  const CrashLedger plan(whole.output);
  ASSERT_GT(plan.passes().size(), 8u) << whole.output;
  ASSERT_EQ(KeyedWorkload::Judge(directory.Join("whole"), whole.output).exit_code, 0);
  int kills = 0;
  for (const auto& [name, count] : plan.passes()) {
    // Each step of what writes deletions; of the others the first and the last.
    const bool each = name.starts_with("flush.") || name.starts_with("delete.") ||
                      name.starts_with("bulk.") || name.starts_with("manifest.");
    for (int nth = 1; nth <= count; nth += each ? 1 : std::max(count - 1, 1)) {
      const std::string where = fmt::format("{}=kill@{}", name, nth);
      const std::string root = directory.Join(fmt::format("{}-{}", name, nth));
      const ChildEnd crashed = KeyedWorkload::Run(root, where);
      kills += crashed.killed ? 1 : 0;
      const ChildEnd judged = KeyedWorkload::Judge(root, crashed.output);
      ASSERT_EQ(judged.exit_code, 0) << where << ": " << judged.output << crashed.output;
    }
  }
  fmt::print("{} kills\n", kills);
}

}  // namespace
}  // namespace granary::storage
