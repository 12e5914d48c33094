// WalReader takes the frames out of one log file, in order of writing.
//
// Promise    a frame that it returns was written to this file in this life and is whole. Bytes that
//            had been synced and do not read back are in damage(), and reading goes on behind them.
//            Frames of an unfinished group after a bad one are never returned (a torn tail).
// How        at a bad frame at X it looks for later frames of this file. One whose group began
//            after X proves that X had been synced: damage. So does `synced_end`, which the next
//            file's header tells. Otherwise X belongs to the last group, which nobody was told to
//            be durable.
// Errors     kIoError when the disk refuses; kConflict for a file of a newer format.
// Threads    one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/io/file_system.h"
#include "granary/storage/wal/wal_damage.h"
#include "granary/storage/wal/wal_format.h"
#include "granary/storage/wal/wal_frame.h"
#include "granary/storage/wal/wal_window.h"

namespace granary::storage {

/// How a file ends.
enum class WalTail : std::uint8_t {
  kOpen,       ///< Nothing of ours after the last frame: a crash between two groups.
  kTorn,       ///< Parts of an unfinished group.
  kSynced,     ///< At `synced_end`.
  kEndOfLane,  ///< A clean stop.
};

class WalReader {
 public:
  /// `file_number` is the one in the file's name: only frames that carry it count. `synced_end`
  /// ends the file where it is known.
  static Result<std::unique_ptr<WalReader>> Open(
      io::FileSystem& files, const std::string& path, std::uint64_t file_number,
      std::optional<std::uint64_t> synced_end = std::nullopt);

  /// The next whole frame, kEndOfLane included; false at the end. Reuses `frame`'s memory.
  Result<bool> Next(WalFrame& frame);

  /// Nothing when the header is damaged, or was never written in this life of the file.
  const std::optional<WalFileHeader>& header() const { return header_; }
  /// Of the frame that Next returned last.
  std::uint64_t frame_offset() const { return frame_offset_; }
  /// Where that frame's group began.
  std::uint64_t frame_group_start() const { return group_start_; }
  /// One past the last byte that counts; once Next returned false, where the file ends.
  std::uint64_t end() const { return offset_; }
  WalTail tail() const { return tail_; }
  const std::vector<WalDamage>& damage() const { return damage_; }
  /// Last sequences of records that are lost but whose frame header survived, for who keeps count.
  struct Lost {
    SourceUid source_uid;
    std::uint64_t last_sequence = 0;
  };
  const std::vector<Lost>& lost() const { return lost_; }

 private:
  struct LaterFrames {
    std::optional<std::uint64_t> first;  ///< Offset of the next frame of ours.
    bool prove_synced = false;           ///< One of them began its group after the bad frame.
  };

  WalReader(std::string path, std::uint64_t file_number, std::optional<std::uint64_t> synced_end,
            std::unique_ptr<io::RandomAccessFile> file);

  Status ReadHeader();
  Result<FrameCheck> Check(std::uint64_t offset, FrameHeader& header, std::string_view& bytes);
  Result<FrameCheck> CheckHeader(std::uint64_t offset, FrameHeader& header);
  Status StepOverBadFrame(FrameCheck why, const FrameHeader& header);
  Result<LaterFrames> FindLaterFrames(std::uint64_t bad, std::uint64_t from);
  Result<std::optional<std::uint64_t>> FindMagic(std::uint64_t from);
  void Take(const FrameHeader& header, std::string_view bytes, WalFrame& frame);
  void RecordDamage(FrameCheck why, const FrameHeader& header, std::uint64_t until);
  std::uint64_t limit() const;

  std::string path_;
  FrameHome home_;
  std::optional<std::uint64_t> synced_end_;
  WalWindow window_;

  std::optional<WalFileHeader> header_;
  std::string header_problem_;
  std::uint64_t offset_ = kWalFileHeaderBytes;
  std::uint64_t frame_offset_ = 0;
  std::uint64_t group_start_ = 0;
  bool done_ = false;
  WalTail tail_ = WalTail::kOpen;
  std::vector<WalDamage> damage_;
  std::vector<Lost> lost_;
};

}  // namespace granary::storage
