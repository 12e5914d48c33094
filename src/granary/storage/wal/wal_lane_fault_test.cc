// Goal: whatever call fails, and wherever the power goes, acked ⊆ replayed ⊆ acked ∪ in flight, in
// order, none torn, and a lane that failed once takes nothing more.
// Method: fail each n-th change; then random lives that end in random power cuts, against a model.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "granary/storage/wal/wal_lane.h"
#include "granary/storage/wal/wal_testbed.h"
#include "granary/testing/fake_clock.h"
#include "granary/testing/fake_random.h"
#include "granary/testing/faulty_file_system.h"
#include "granary/testing/memory_file_system.h"
#include "granary/testing/seed.h"

namespace granary::storage {
namespace {

const std::string kFolder = "/data/wal/lane-0";
constexpr std::uint64_t kPlenty = 1u << 30;

WalLaneOptions Options() {
  WalLaneOptions options;
  options.directory = kFolder;
  options.file_bytes = 2048;
  return options;
}

struct Outcome {
  std::vector<std::string> acked;
  std::vector<std::string> sent;
  Status failure;
};

/// Enough to write, rotate, collect, recycle and close. Stops at the first failure.
Outcome RunScript(WalTestbed& bed) {
  Outcome outcome;
  const auto step = [&](const Status& s) {
    if (outcome.failure.ok()) outcome.failure = s;
    return s.ok();
  };
  if (!step(bed.Open())) return outcome;
  for (std::uint64_t sequence = 1; sequence <= 36; sequence += 2) {
    const WalFrame one = MakeFrame(1, sequence, std::string(100, 'a')),
                   two = MakeFrame(1, sequence + 1, "b");
    outcome.sent.insert(outcome.sent.end(), {TextOf(one), TextOf(two)});
    if (!step(bed.WriteGroup({one, two}))) break;
    outcome.acked = outcome.sent;
    if (sequence % 12 == 11) {
      const auto flushed = [&](SourceUid) { return std::optional(sequence - 6); };
      if (!step(bed.lane().Collect(flushed, 0, kPlenty))) break;
    }
  }
  if (outcome.failure.ok()) step(bed.lane().Close());
  return outcome;
}

/// Replayed is the end of `sent`, at least as far back as `needed_from`, and holds what was acked.
void ExpectLegal(const std::vector<std::string>& replayed, const Outcome& outcome,
                 const std::string& what) {
  const auto from = replayed.empty()
                        ? outcome.sent.end()
                        : std::find(outcome.sent.begin(), outcome.sent.end(), replayed.front());
  ASSERT_TRUE(replayed.size() <= static_cast<std::size_t>(outcome.sent.end() - from) &&
              std::equal(replayed.begin(), replayed.end(), from))
      << what << ": not in order, or invented";
  const std::size_t upto = static_cast<std::size_t>(from - outcome.sent.begin()) + replayed.size();
  EXPECT_GE(upto, outcome.acked.size()) << what << ": acked frames are missing at the end";
}

TEST(WalLaneFaultTest, EveryNthFailedChangeLeavesALegalLog) {
  std::uint64_t changes = 0;
  {
    testing::MemoryFileSystem files;
    testing::FaultyFileSystem faulty(files);
    WalTestbed bed(faulty, Options());
    ASSERT_TRUE(RunScript(bed).failure.ok());
    changes = faulty.changes();
  }
  ASSERT_GT(changes, 60u);
  for (std::uint64_t nth = 1; nth <= changes; ++nth) {
    for (const bool power_cut : {false, true}) {
      for (const bool and_later : {false, true}) {
        testing::MemoryFileSystem files;
        testing::FaultyFileSystem faulty(files);
        WalTestbed bed(faulty, Options());
        faulty.FailChange({.nth = nth,
                           .code = Code::kIoError,
                           .and_later = and_later,
                           .short_write = nth % 2 == 0});
        const Outcome outcome = RunScript(bed);
        const std::string what = "call " + std::to_string(nth) + " " + faulty.failed_call();
        bed.Drop();
        if (power_cut) files.PowerCut();
        WalTestbed again(files, Options());
        ASSERT_TRUE(again.Open().ok()) << what;
        ExpectLegal(again.replayed(), outcome, what);
        EXPECT_TRUE(again.lane().damage().empty())
            << what << ": " << again.lane().damage()[0].detail;
        EXPECT_TRUE(again.Write(MakeFrame(1, 1000, "next life")).ok()) << what;
      }
    }
  }
}

TEST(WalLaneFaultTest, AFailedLaneTakesNothingMoreAndSaysWhy) {
  testing::MemoryFileSystem files;
  testing::FaultyFileSystem faulty(files);
  WalTestbed bed(faulty, Options());
  ASSERT_TRUE(bed.Open().ok());
  faulty.FailChange({.nth = 2, .code = Code::kDiskFull});  // The sync.
  const Status first = bed.Write(MakeFrame(1, 1, "a"));
  EXPECT_EQ(first.code(), Code::kDiskFull);
  EXPECT_EQ(bed.Write(MakeFrame(1, 2, "b")).ToString(), first.ToString());
  EXPECT_EQ(bed.lane().closed_by().ToString(), first.ToString());
  EXPECT_FALSE(bed.lane().Rotate().ok());
  EXPECT_EQ(bed.lane().Close().ToString(), first.ToString());
}

TEST(WalLaneFaultTest, EveryFailpointIsPassedAndFailsTheLane) {
  for (const std::string name :
       {"wal.before_write", "wal.after_write", "wal.after_sync", "wal.rotate"}) {
    testing::MemoryFileSystem files;
    io::Failpoints failpoints;
    WalTestbed bed(files, Options());
    bed.UseFailpoints(failpoints);
    ASSERT_TRUE(failpoints.Arm(name + "=error@2").ok());
    const Outcome outcome = RunScript(bed);
    EXPECT_EQ(outcome.failure.code(), Code::kIoError) << name;
    WalTestbed again(files, Options());
    bed.Drop();
    ASSERT_TRUE(again.Open().ok());
    ExpectLegal(again.replayed(), outcome, name);
  }
}

TEST(WalLaneFaultTest, EveryNthFailedReadFailsTheOpenAndLosesNothing) {
  testing::MemoryFileSystem files;
  std::vector<std::string> written;
  {
    WalTestbed bed(files, Options());
    ASSERT_TRUE(bed.Open().ok());
    for (std::uint64_t i = 1; i <= 30; ++i) {
      const WalFrame frame = MakeFrame(1, i, std::string(100, 'x'));
      ASSERT_TRUE(bed.Write(frame).ok());
      written.push_back(TextOf(frame));
    }
  }
  const auto contents = FilesIn(files, kFolder);
  for (std::uint64_t nth = 1;; ++nth) {
    testing::MemoryFileSystem copy;
    ASSERT_TRUE(PutFiles(copy, kFolder, contents).ok());
    testing::FaultyFileSystem faulty(copy);
    faulty.FailRead({.nth = nth, .code = Code::kIoError});
    WalTestbed bed(faulty, Options());
    const Status s = bed.Open();
    const bool failed = !faulty.failed_call().empty();
    if (s.ok()) {
      EXPECT_EQ(bed.replayed(), written) << nth << " " << faulty.failed_call();
    }
    bed.Drop();
    faulty.Heal();
    ASSERT_TRUE(bed.Open().ok());
    EXPECT_EQ(bed.replayed(), written) << nth;
    if (!failed) break;
    ASSERT_LT(nth, 1000u);
  }
}

TEST(WalLaneFaultTest, EveryFlippedByteIsHarmlessOrReported) {
  testing::MemoryFileSystem files;
  std::vector<std::string> written;
  {
    WalTestbed bed(files, Options());
    ASSERT_TRUE(bed.Open().ok());
    for (std::uint64_t i = 1; i <= 24; i += 2) {
      const WalFrame one = MakeFrame(1, i, std::string(100, 'x')), two = MakeFrame(2, i, "y");
      ASSERT_TRUE(bed.WriteGroup({one, two}).ok());
      written.insert(written.end(), {TextOf(one), TextOf(two)});
    }
    ASSERT_TRUE(bed.lane().Close().ok());
  }
  const auto contents = FilesIn(files, kFolder);
  ASSERT_GE(contents.size(), 2u);
  std::size_t flips = 0;
  for (const auto& [name, bytes] : contents) {
    for (std::size_t at = 0; at < bytes.size(); ++at, ++flips) {
      auto damaged = contents;
      damaged[name][at] = static_cast<char>(damaged[name][at] ^ (1 << (at % 8)));
      testing::MemoryFileSystem copy;
      ASSERT_TRUE(PutFiles(copy, kFolder, damaged).ok());
      WalTestbed bed(copy, Options());
      ASSERT_TRUE(bed.Open().ok()) << name << " byte " << at;
      if (bed.replayed() == written) continue;
      EXPECT_EQ(bed.replayed().size(), written.size() - 1) << name << " byte " << at;
      EXPECT_TRUE(IsSubsequence(bed.replayed(), written)) << name << " byte " << at;
      ASSERT_EQ(bed.lane().damage().size(), 1u) << name << " byte " << at;
      EXPECT_EQ(bed.lane().damage()[0].file, kFolder + "/" + name);
    }
  }
  RecordProperty("flips", static_cast<int>(flips));
}

/// The changes that opening a lane makes, in order, as FaultyFileSystem names them.
std::vector<std::string> ChangesOfAnOpen(const std::map<std::string, std::string>& contents) {
  std::vector<std::string> changes;
  while (true) {
    testing::MemoryFileSystem files;
    EXPECT_TRUE(PutFiles(files, kFolder, contents).ok());
    testing::FaultyFileSystem faulty(files);
    faulty.FailChange({.nth = changes.size() + 1});
    WalTestbed bed(faulty, Options());
    (void)bed.Open();
    if (faulty.failed_call().empty()) return changes;
    changes.push_back(faulty.failed_call());
  }
}

TEST(WalLaneFaultTest, RecoveryWritesTheLastGroupAgainAndSyncsItBeforeTheNextFileSaysSo) {
  testing::MemoryFileSystem files;
  WalTestbed bed(files, Options());
  ASSERT_TRUE(bed.Open().ok());
  ASSERT_TRUE(bed.Write(MakeFrame(1, 1, "x")).ok());
  const auto changes = ChangesOfAnOpen(FilesIn(files, kFolder));
  const auto at = [&](const std::string& call) {
    return std::find(changes.begin(), changes.end(), call) - changes.begin();
  };
  const auto nowhere = static_cast<std::ptrdiff_t>(changes.size());
  EXPECT_LT(at("write " + kFolder + "/000001.wal"), at("sync " + kFolder + "/000001.wal"));
  EXPECT_LT(at("sync " + kFolder + "/000001.wal"), at("write " + kFolder + "/000002.wal"));
  EXPECT_LT(at("write " + kFolder + "/000002.wal"), nowhere) << ::testing::PrintToString(changes);
}

/// One log over many lives, and what it may and must give back.
class WalModel {
 public:
  explicit WalModel(std::uint64_t seed) : random_(seed), faulty_(files_), bed_(faulty_, Options()) {
    bed_.UseClock(clock_);
  }

  void Live() {
    if (random_.OneIn(3)) faulty_.FailChange(SomeFault(40));
    const bool open = bed_.Open().ok();
    if (open) {
      CheckReplayed();
      faulty_.FailChange(SomeFault(60));
      while (Step()) {
      }
    }
    Die();
  }

  void CheckLastTime() {
    ASSERT_TRUE(bed_.Open().ok());
    CheckReplayed();
  }

 private:
  testing::Fault SomeFault(std::uint64_t within) {
    return {.nth = 1 + random_.Below(within),
            .code = Code::kIoError,
            .and_later = true,
            .short_write = random_.OneIn(2)};
  }

  bool Step() {
    const std::uint64_t dice = random_.Below(20);
    if (dice == 0) return bed_.lane().Rotate().ok();
    if (dice == 1) return Collect();
    if (dice == 2 && random_.OneIn(3)) return bed_.lane().Close().ok() && false;
    return WriteGroup();
  }

  bool WriteGroup() {
    std::vector<WalFrame> group;
    for (std::uint64_t left = 1 + random_.Below(5); left > 0; --left) {
      const std::uint64_t source = 1 + random_.Below(3);
      std::string payload(random_.OneIn(20) ? 3000 : random_.Below(700),
                          static_cast<char>('a' + random_.Below(26)));
      group.push_back(MakeFrame(source, ++sequence_[source], std::move(payload)));
      log_.push_back({TextOf(group.back()), source, sequence_[source], false});
    }
    const std::size_t frames = group.size();
    if (!bed_.WriteGroup(std::move(group)).ok()) return false;
    for (std::size_t i = log_.size() - frames; i < log_.size(); ++i) log_[i].must = true;
    return true;
  }

  bool Collect() {
    for (auto& [source, last] : sequence_) {
      // Only what is durable is ever flushed.
      if (random_.OneIn(2))
        flushed_[source] = std::max(flushed_[source],
                                    random_.OneIn(2) ? LastAcked(source) : LastAcked(source) / 2);
    }
    return bed_.lane()
        .Collect([this](SourceUid uid) { return std::optional(flushed_[uid.value]); }, 0, kPlenty)
        .ok();
  }

  std::uint64_t LastAcked(std::uint64_t source) const {
    std::uint64_t last = 0;
    for (const Frame& frame : log_) {
      if (frame.must && frame.source == source) last = std::max(last, frame.sequence);
    }
    return last;
  }

  void Die() {
    bed_.Drop();
    faulty_.Heal();
    if (random_.OneIn(4)) return;  // Only the process died.
    if (random_.OneIn(4)) return files_.PowerCut();
    files_.PowerCut(random_.Next64());
  }

  /// Each acked, unflushed frame is there; all that is there was sent; the order is that of
  /// sending. What was seen now must be seen again, and what was not seen must never come back.
  void CheckReplayed() {
    EXPECT_TRUE(bed_.lane().damage().empty())
        << bed_.lane().damage()[0].file << " " << bed_.lane().damage()[0].detail;
    std::size_t at = 0;
    std::vector<Frame> seen;
    for (const Frame& frame : log_) {
      const bool there = at < bed_.replayed().size() && bed_.replayed()[at] == frame.text;
      if (there) ++at;
      const bool flushed = flushed_[frame.source] >= frame.sequence;
      ASSERT_TRUE(there || !frame.must || flushed) << "lost " << frame.text.substr(0, 20);
      if (there || flushed) seen.push_back({frame.text, frame.source, frame.sequence, true});
    }
    ASSERT_EQ(at, bed_.replayed().size()) << "invented, doubled, or out of order";
    log_ = std::move(seen);
  }

  struct Frame {
    std::string text;
    std::uint64_t source = 0;
    std::uint64_t sequence = 0;
    bool must = false;
  };

  testing::FakeRandom random_;
  testing::FakeClock clock_;
  testing::MemoryFileSystem files_;
  testing::FaultyFileSystem faulty_;
  WalTestbed bed_;
  std::map<std::uint64_t, std::uint64_t> sequence_;
  std::map<std::uint64_t, std::uint64_t> flushed_;
  std::vector<Frame> log_;
};

TEST(WalLaneFaultTest, ManyLivesAndPowerCutsLoseNothingAndInventNothing) {
  const std::uint64_t seed = testing::SeedFromEnvironment();
  for (std::uint64_t run = 0; run < 60; ++run) {
    WalModel model(seed + run);
    for (int life = 0; life < 15; ++life) {
      model.Live();
      if (HasFatalFailure() || HasNonfatalFailure())
        FAIL() << "GRANARY_SEED=" << seed << " run " << run << " life " << life;
    }
    model.CheckLastTime();
  }
}

}  // namespace
}  // namespace granary::storage
