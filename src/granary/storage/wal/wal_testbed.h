// WalTestbed: a lane on some files, for tests: short frames, and what replay gave back.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "granary/base/log.h"
#include "granary/io/clock.h"
#include "granary/io/failpoint.h"
#include "granary/io/file_system.h"
#include "granary/storage/wal/wal_lane.h"

namespace granary::storage {

/// A frame as tests compare it: "uid/first..last=payload".
inline std::string TextOf(const WalFrame& frame) {
  return std::to_string(frame.source_uid.value) + "/" + std::to_string(frame.first_sequence) +
         ".." + std::to_string(frame.first_sequence + frame.records - 1) + "=" + frame.payload;
}

/// In order, each at most once.
inline bool IsSubsequence(const std::vector<std::string>& got,
                          const std::vector<std::string>& written) {
  auto at = written.begin();
  for (const std::string& frame : got) {
    at = std::find(at, written.end(), frame);
    if (at == written.end()) return false;
    ++at;
  }
  return true;
}

inline WalFrame MakeFrame(std::uint64_t source, std::uint64_t sequence, std::string payload) {
  WalFrame frame;
  frame.tenant = "acme";
  frame.source = "source_" + std::to_string(source);
  frame.source_uid = SourceUid{source};
  frame.schema_version = 1;
  frame.first_sequence = sequence;
  frame.records = 1;
  frame.payload = std::move(payload);
  return frame;
}

class WalTestbed {
 public:
  explicit WalTestbed(io::FileSystem& files, WalLaneOptions options)
      : files_(files), options_(std::move(options)) {}

  /// Opens (again); replayed() is what came back.
  Status Open() {
    lane_.reset();
    replayed_.clear();
    replayed_frames_.clear();
    auto lane = WalLane::Open(files_, *clock_, *failpoints_, Logger::Null(), options_,
                              [this](const WalFrame& frame) {
                                replayed_.push_back(TextOf(frame));
                                replayed_frames_.push_back(frame);
                                return Status::Ok();
                              });
    if (!lane.ok()) return lane.status();
    lane_ = lane.Take();
    return Status::Ok();
  }
  /// The process dies.
  void Drop() { lane_.reset(); }

  /// Writes one frame and waits for it.
  Status Write(WalFrame frame) {
    GRANARY_ASSIGN(const WalLane::Ticket ticket, lane_->Enqueue(std::move(frame), {}));
    return lane_->Wait(ticket);
  }
  /// Writes frames as one group: they are enqueued before anyone waits.
  Status WriteGroup(std::vector<WalFrame> frames) {
    WalLane::Ticket last = 0;
    for (WalFrame& frame : frames) {
      GRANARY_ASSIGN(last, lane_->Enqueue(std::move(frame), {}));
    }
    return lane_->Wait(last);
  }

  WalLane& lane() { return *lane_; }
  const std::vector<std::string>& replayed() const { return replayed_; }
  const std::vector<WalFrame>& replayed_frames() const { return replayed_frames_; }
  void UseClock(io::Clock& clock) { clock_ = &clock; }
  void UseFailpoints(io::Failpoints& failpoints) { failpoints_ = &failpoints; }

 private:
  io::FileSystem& files_;
  WalLaneOptions options_;
  io::SystemClock system_clock_;
  io::Clock* clock_ = &system_clock_;
  io::Failpoints* failpoints_ = &io::Failpoints::None();
  std::unique_ptr<WalLane> lane_;
  std::vector<std::string> replayed_;
  std::vector<WalFrame> replayed_frames_;
};

/// Every file below `directory`, by name.
inline std::map<std::string, std::string> FilesIn(io::FileSystem& files,
                                                  const std::string& directory) {
  std::map<std::string, std::string> contents;
  auto entries = files.List(directory);
  for (const io::DirectoryEntry& entry :
       entries.ok() ? *entries : std::vector<io::DirectoryEntry>{}) {
    auto bytes = files.ReadFile(io::JoinPath(directory, entry.name));
    if (bytes.ok()) contents[entry.name] = *bytes;
  }
  return contents;
}

/// Puts files there, synced.
inline Status PutFiles(io::FileSystem& files, const std::string& directory,
                       const std::map<std::string, std::string>& contents) {
  GRANARY_TRY(files.CreateDirectories(directory));
  for (const auto& [name, bytes] : contents) {
    GRANARY_TRY(files.ReplaceFile(io::JoinPath(directory, name), bytes));
  }
  return Status::Ok();
}

}  // namespace granary::storage
