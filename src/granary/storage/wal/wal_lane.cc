#include "granary/storage/wal/wal_lane.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include "granary/storage/wal/wal_files.h"
#include "granary/storage/wal/wal_format.h"
#include "granary/storage/wal/wal_replay.h"
#include "granary/storage/wal/wal_retention.h"
#include "granary/storage/wal/wal_writer.h"

namespace granary::storage {
namespace {

/// About 10 ms of a plain disk: the longest that a group keeps those behind it waiting.
constexpr std::size_t kGroupBytesMax = 8u << 20;
/// A payload of so many bytes does not wait for its entry's end.
constexpr std::size_t kPayloadFreedBytes = 256u << 10;

}  // namespace

struct WalLane::State {
  State(io::FileSystem& files_in, io::Clock& clock_in, io::Failpoints& failpoints_in,
        Logger& log_in, WalLaneOptions options_in)
      : files(files_in),
        clock(clock_in),
        failpoints(failpoints_in),
        log(log_in),
        options(std::move(options_in)),
        queue([this](CommitChain& group) { return Commit(group); }, kGroupBytesMax) {}

  Status Recover(const ReplayFn& replay);
  Status StartFile(std::uint64_t previous_file, std::uint64_t previous_end);
  Status RetireEmpty(const std::vector<WalFiles::File>& empty);
  void Report(const ReplayedLane& replayed, std::int64_t started_ns);

  // By whoever has the queue's turn.
  Status Commit(CommitChain& group);
  Status Write(CommitChain& group);
  Status SyncWritten();
  void NoteUnsynced();
  void NoteSynced();
  Status SwitchFile();
  Status EndLane();

  ClosedWalFiles Closed() const;
  Status RetireClosed(const WalFileChoice& choice);

  io::FileSystem& files;
  io::Clock& clock;
  io::Failpoints& failpoints;
  Logger& log;
  const WalLaneOptions options;
  io::SystemRandom kernel_random;
  std::unique_ptr<WalFiles> folder;
  std::vector<WalDamage> damage;  // Fixed once open.

  CommitQueue queue;
  std::unique_ptr<WalWriter> writer;  // The turn's; null once closed.
  LastSequences last_sequences;       // The turn's; of the current file.

  std::atomic<std::uint64_t> current_bytes = 0;
  std::atomic<std::uint64_t> frames = 0;
  std::atomic<std::uint64_t> syncs = 0;
  std::atomic<std::uint64_t> synced_frames = 0;
  std::atomic<std::uint64_t> unsynced_bytes = 0;

  std::mutex collecting;     // One Collect at a time.
  mutable std::mutex mutex;  // Held for copies only, never over a callback or the disk.
  ClosedWalFiles closed;
};

WalLane::WalLane(std::unique_ptr<State> state) : state_(std::move(state)) {}
WalLane::~WalLane() = default;

Result<std::unique_ptr<WalLane>> WalLane::Open(io::FileSystem& files, io::Clock& clock,
                                               io::Failpoints& failpoints, Logger& log,
                                               WalLaneOptions options, const ReplayFn& replay) {
  const std::string where = fmt::format("log lane {}", options.lane);
  auto state = std::make_unique<State>(files, clock, failpoints, log, std::move(options));
  if (Status s = state->Recover(replay); !s.ok()) return s.At(where);
  return std::unique_ptr<WalLane>(new WalLane(std::move(state)));
}

// The new file exists, and says where its forerunner ends, before anything is taken away.
Status WalLane::State::Recover(const ReplayFn& replay) {
  const std::int64_t started_ns = clock.MonotonicNanos();
  GRANARY_ASSIGN(folder, WalFiles::Open(files, options.directory, options.file_bytes,
                                        options.recycled_files_max));
  GRANARY_ASSIGN(ReplayedLane replayed,
                 ReplayLane(files, *folder, options.lane, replay, clock.WallMicros()));
  const bool none = replayed.files.empty();
  GRANARY_TRY(StartFile(none ? 0 : replayed.files.back()->number,
                        none ? 0 : replayed.files.back()->used_bytes));
  GRANARY_TRY(RetireEmpty(replayed.empty));
  Report(replayed, started_ns);
  damage = std::move(replayed.damage);
  closed = std::move(replayed.files);
  return Status::Ok();
}

Status WalLane::State::StartFile(std::uint64_t previous_file, std::uint64_t previous_end) {
  io::Random& random = options.random != nullptr ? *options.random : kernel_random;
  const WalFileHeader header{options.lane,       folder->next_number(), random.Next64(),
                             clock.WallMicros(), previous_file,         previous_end};
  GRANARY_ASSIGN(writer, folder->Start(header, failpoints));
  last_sequences.clear();
  current_bytes = 0;
  return Status::Ok();
}

Status WalLane::State::RetireEmpty(const std::vector<WalFiles::File>& empty) {
  for (const WalFiles::File& file : empty) GRANARY_TRY(folder->Retire(file));
  return empty.empty() ? Status::Ok() : folder->SyncFolder();
}

void WalLane::State::Report(const ReplayedLane& replayed, std::int64_t started_ns) {
  for (const WalDamage& lost : replayed.damage) {
    log.Error("log damaged",
              {{"file", lost.file}, {"offset", lost.offset}, {"detail", lost.detail}});
  }
  log.Info("log lane open", {{"lane", std::uint64_t{options.lane}},
                             {"files", std::uint64_t{replayed.files.size()}},
                             {"frames", replayed.frames},
                             {"torn_tails", replayed.torn_files},
                             {"elapsed_us", (clock.MonotonicNanos() - started_ns) / 1000}});
}

Status WalLane::CheckFits(const WalFrame& frame) const {
  return CheckFrameFits(frame, std::min(state_->options.payload_bytes_max, kWalPayloadMaxBytes));
}

Result<WalLane::Ticket> WalLane::Enqueue(WalFrame frame, CommitFn on_commit, WalSync sync) {
  GRANARY_TRY(CheckFits(frame));
  auto entry = std::make_unique<CommitEntry>();
  entry->payload_crc = FramePayloadCrc(frame);
  entry->bytes = FrameBytes(frame);
  entry->frame = std::move(frame);
  entry->sync = sync;
  entry->on_commit = std::move(on_commit);
  return state_->queue.Push(std::move(entry));
}

Status WalLane::Wait(Ticket ticket) { return state_->queue.Wait(ticket); }

Status WalLane::State::Commit(CommitChain& group) {
  if (Status s = Write(group); !s.ok())
    return s.At(fmt::format("log lane {} is closed", options.lane));
  return Status::Ok();
}

Status WalLane::State::Write(CommitChain& group) {
  const bool has_frames = writer->end() > kWalFileHeaderBytes;
  if (has_frames && writer->end() + group.bytes() > options.file_bytes) {
    GRANARY_TRY(SwitchFile());
  }
  bool may_wait = true;
  for (const CommitEntry* entry = group.first(); entry != nullptr; entry = entry->next.get()) {
    writer->Add(entry->frame, entry->payload_crc);
    may_wait = may_wait && entry->sync == WalSync::kLater;
  }
  GRANARY_TRY(writer->Write());
  frames += group.size();
  if (may_wait && writer->unsynced_bytes() <= options.unsynced_bytes_max) {
    NoteUnsynced();
  } else {
    GRANARY_TRY(SyncWritten());
  }
  for (CommitEntry* entry = group.first(); entry != nullptr; entry = entry->next.get()) {
    NoteRecords(entry->frame, last_sequences);
    // Its room is the hot tier's from here on.
    if (entry->frame.payload.size() >= kPayloadFreedBytes) entry->frame.payload = std::string();
  }
  current_bytes = writer->end() - kWalFileHeaderBytes;
  return Status::Ok();
}

// A disk that is full heals, but not a sync that failed: frames that were answered may be gone from
// the file, so reading it again would not bring the lane back as its writers know it.
Status WalLane::State::SyncWritten() {
  if (writer->unsynced_bytes() == 0) return Status::Ok();
  const bool was_answered = unsynced_bytes > 0;
  if (Status s = writer->Sync(); !s.ok())
    return was_answered && s.code() == Code::kDiskFull ? Status::IoError(std::string(s.message()))
                                                       : s;
  NoteSynced();
  return Status::Ok();
}

void WalLane::State::NoteSynced() {
  ++syncs;
  synced_frames = frames.load();
  unsynced_bytes = 0;
}

void WalLane::State::NoteUnsynced() {
  const bool first = unsynced_bytes.exchange(writer->unsynced_bytes()) == 0;
  if (first && options.on_unsynced) options.on_unsynced();
}

Status WalLane::Sync() {
  return state_->queue.RunAlone([state = state_.get()] {
    if (state->writer == nullptr) return Status::Ok();
    return state->SyncWritten().At(fmt::format("log lane {} is closed", state->options.lane));
  });
}

// The next file's header says where this one ends, so all of it is synced before, and nothing more
// may ever be written to this one, also when the rest of the switch fails: the failure closes the
// lane.
Status WalLane::State::SwitchFile() {
  GRANARY_TRY(SyncWritten());
  GRANARY_TRY(failpoints.Hit("wal.rotate"));
  const std::unique_ptr<WalWriter> old = std::move(writer);
  auto file = std::make_shared<ClosedWalFile>();
  file->number = old->header().file_number;
  file->used_bytes = old->end();
  file->last_sequences = std::move(last_sequences);
  GRANARY_TRY(StartFile(file->number, file->used_bytes));
  const bool mostly_unused = file->used_bytes < options.file_bytes / 2;
  GRANARY_TRY(old->Close(mostly_unused ? WalWriter::Rest::kCut : WalWriter::Rest::kKeep));
  file->disk_bytes =
      mostly_unused ? file->used_bytes : std::max(file->used_bytes, options.file_bytes);
  file->closed_us = clock.WallMicros();
  const std::lock_guard lock(mutex);
  closed.push_back(std::move(file));
  return Status::Ok();
}

Status WalLane::Rotate() {
  GRANARY_TRY(state_->queue.closed_by());
  return state_->queue.RunAlone([state = state_.get()] {
    if (state->writer == nullptr) return Status(Code::kUnavailable, "the log is closed");
    if (state->writer->end() == kWalFileHeaderBytes) return Status::Ok();
    return state->SwitchFile();
  });
}

Status WalLane::Close() {
  state_->queue.Refuse(
      Status(Code::kUnavailable, fmt::format("log lane {} is closed", state_->options.lane)));
  return state_->queue.RunAlone([state = state_.get()] { return state->EndLane(); });
}

Status WalLane::State::EndLane() {
  if (writer == nullptr) return Status::Ok();
  WalFrame end;
  end.kind = FrameKind::kEndOfLane;
  writer->Add(end, FramePayloadCrc(end));
  GRANARY_TRY(writer->Commit());
  NoteSynced();
  const Status s = writer->Close(WalWriter::Rest::kCut);
  writer.reset();
  return s;
}

ClosedWalFiles WalLane::State::Closed() const {
  const std::lock_guard lock(mutex);
  return closed;
}

Status WalLane::Collect(const FlushedFn& flushed, std::int64_t retention_us,
                        std::uint64_t retention_bytes) {
  const std::lock_guard one_at_a_time(state_->collecting);
  const std::uint64_t current = std::max(state_->current_bytes.load(), state_->options.file_bytes);
  const auto choices = PickDroppable(state_->Closed(), flushed, {retention_us, retention_bytes},
                                     state_->clock.WallMicros(), current);
  for (const WalFileChoice& choice : choices) GRANARY_TRY(state_->RetireClosed(choice));
  return choices.empty() ? Status::Ok() : state_->folder->SyncFolder();
}

Status WalLane::State::RetireClosed(const WalFileChoice& choice) {
  std::shared_ptr<const ClosedWalFile> file;
  {
    const std::lock_guard lock(mutex);
    const auto at = std::find_if(closed.begin(), closed.end(),
                                 [&](const auto& each) { return each->number == choice.number; });
    file = *at;
  }
  GRANARY_TRY(folder->Retire({file->number, file->disk_bytes}));
  log.Debug(
      "log file let go",
      {{"lane", std::uint64_t{options.lane}}, {"file", file->number}, {"why", choice.reason}});
  const std::lock_guard lock(mutex);
  std::erase(closed, file);
  return Status::Ok();
}

std::vector<SourceUid> WalLane::Laggards(const FlushedFn& flushed) const {
  return PickLaggards(state_->Closed(), flushed);
}

const std::vector<WalDamage>& WalLane::damage() const { return state_->damage; }

WalLaneStats WalLane::stats() const {
  WalLaneStats stats;
  const ClosedWalFiles closed = state_->Closed();
  stats.files = closed.size() + 1;
  stats.bytes = state_->current_bytes;
  for (const auto& file : closed) stats.bytes += file->used_bytes - kWalFileHeaderBytes;
  stats.frames = state_->frames;
  stats.syncs = state_->syncs;
  stats.synced_frames = state_->synced_frames;
  stats.unsynced_bytes = state_->unsynced_bytes;
  return stats;
}

Status WalLane::closed_by() const { return state_->queue.closed_by(); }

}  // namespace granary::storage
