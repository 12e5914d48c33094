// Frames a second that are on the disk, beside a bare loop of pwrite and fdatasync on the same
// disk. Files go under $TMPDIR, or /tmp: point it at the disk that is meant.
#include "granary/storage/wal/wal_lane.h"

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "granary/io/posix_file_system.h"
#include "granary/storage/wal/wal_format.h"
#include "granary/testing/temp_directory.h"

namespace granary::storage {
namespace {

constexpr std::size_t kFileBytes = 64u << 20;

WalFrame MakeFrame(std::size_t payload_bytes) {
  WalFrame frame;
  frame.tenant = "acme";
  frame.source = "sales";
  frame.source_uid = SourceUid{1};
  frame.records = 1;
  frame.payload = std::string(payload_bytes, 'x');
  return frame;
}

/// One lane that all threads of a benchmark share.
class SharedLane {
 public:
  explicit SharedLane(std::uint64_t file_bytes = kFileBytes) {
    WalLaneOptions options;
    options.directory = directory_.Join("lane-0");
    options.file_bytes = file_bytes;
    lane_ = WalLane::Open(files_, clock_, io::Failpoints::None(), Logger::Null(), options,
                          [](const WalFrame&) { return Status::Ok(); })
                .Take();
  }
  bool Write(std::size_t payload_bytes) {
    const auto ticket = lane_->Enqueue(MakeFrame(payload_bytes), {});
    return ticket.ok() && lane_->Wait(*ticket).ok();
  }
  WalLaneStats stats() const { return lane_->stats(); }

 private:
  testing::TempDirectory directory_;
  io::PosixFileSystem files_;
  io::SystemClock clock_;
  std::unique_ptr<WalLane> lane_;
};

std::unique_ptr<SharedLane> shared_lane;

void BM_Lane(benchmark::State& state) {
  if (state.thread_index() == 0) shared_lane = std::make_unique<SharedLane>();
  for (auto _ : state) {
    if (!shared_lane->Write(static_cast<std::size_t>(state.range(0))))
      state.SkipWithError("write failed");
  }
  state.SetItemsProcessed(state.iterations());
  if (state.thread_index() == 0) {
    const WalLaneStats stats = shared_lane->stats();
    state.counters["frames_per_sync"] =
        static_cast<double>(stats.frames) / static_cast<double>(stats.syncs);
    shared_lane.reset();
  }
}
BENCHMARK(BM_Lane)->Arg(200)->Threads(1)->Threads(8)->Threads(64)->UseRealTime();
BENCHMARK(BM_Lane)->Arg(64 << 10)->Threads(1)->Threads(8)->UseRealTime();

/// What the disk itself can do with one thread: the same bytes, no format, no queue.
void BM_BareLoop(benchmark::State& state) {
  const testing::TempDirectory directory;
  const int file = ::open(directory.Join("log").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (::posix_fallocate(file, 0, kFileBytes) != 0 || ::fsync(file) != 0)
    state.SkipWithError("no room");
  const std::string bytes(FrameBytes(MakeFrame(static_cast<std::size_t>(state.range(0)))), 'x');
  std::size_t at = 0;
  for (auto _ : state) {
    if (at + bytes.size() > kFileBytes) at = 0;
    if (::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(at)) < 0 ||
        ::fdatasync(file) != 0) {
      state.SkipWithError("write failed");
    }
    at += bytes.size();
  }
  state.SetItemsProcessed(state.iterations());
  ::close(file);
}
BENCHMARK(BM_BareLoop)->Arg(200)->Arg(64 << 10)->UseRealTime();

/// How fast a lane comes back: bytes of log a second.
void BM_Replay(benchmark::State& state) {
  const testing::TempDirectory directory;
  io::PosixFileSystem files;
  io::SystemClock clock;
  WalLaneOptions options;
  options.directory = directory.Join("lane-0");
  const auto open = [&] {
    return WalLane::Open(files, clock, io::Failpoints::None(), Logger::Null(), options,
                         [](const WalFrame&) { return Status::Ok(); });
  };
  const std::size_t frames =
      (100u << 20) / FrameBytes(MakeFrame(static_cast<std::size_t>(state.range(0))));
  {
    const auto lane = open().Take();
    WalLane::Ticket last = 0;
    for (std::size_t i = 0; i < frames; ++i) {
      last = lane->Enqueue(MakeFrame(static_cast<std::size_t>(state.range(0))), {}).value();
    }
    if (!lane->Wait(last).ok()) state.SkipWithError("write failed");
  }
  for (auto _ : state) benchmark::DoNotOptimize(open());
  state.SetBytesProcessed(state.iterations() * (100ll << 20));
}
BENCHMARK(BM_Replay)->Arg(200)->Arg(64 << 10)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace granary::storage
