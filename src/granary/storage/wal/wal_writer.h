// WalWriter puts frames into ONE log file, a group at a time: Add… Add, Commit.
//
// Promise    after Commit returns OK every frame added before survives a power cut. After any
// failure
//            the writer is closed for good and gives the same error, because we no longer know
//            which bytes the file holds.
// Shape      wal_format.h. A group is one write at end() and one sync; it begins where the one
// before
//            ended, which every frame says of itself.
// Threads    one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "granary/base/status.h"
#include "granary/io/failpoint.h"
#include "granary/io/file_system.h"
#include "granary/storage/wal/wal_format.h"
#include "granary/storage/wal/wal_frame.h"

namespace granary::storage {

class WalWriter {
 public:
  /// Writes and syncs the header over whatever the file holds. The caller has synced its directory
  /// or does so before the first Commit.
  static Result<std::unique_ptr<WalWriter>> Start(std::unique_ptr<io::WritableFile> file,
                                                  const WalFileHeader& header,
                                                  io::Failpoints& failpoints);

  /// Adds a frame to the group. `payload_crc` is FramePayloadCrc(frame).
  void Add(const WalFrame& frame, std::uint32_t payload_crc);
  /// Writes and syncs the group. Nothing added: nothing done.
  Status Commit();

  /// Closes the file. kCut gives back what was reserved behind the last frame.
  enum class Rest : std::uint8_t { kKeep, kCut };
  Status Close(Rest rest);

  std::uint64_t end() const { return end_; }  ///< Bytes that are synced, header included.
  std::size_t group_bytes() const { return group_.size(); }
  const WalFileHeader& header() const { return header_; }

 private:
  WalWriter(std::unique_ptr<io::WritableFile> file, const WalFileHeader& header,
            io::Failpoints& failpoints);
  Status CommitGroup();

  std::unique_ptr<io::WritableFile> file_;
  WalFileHeader header_;
  io::Failpoints& failpoints_;
  std::uint64_t end_ = kWalFileHeaderBytes;
  std::string group_;
  Status closed_by_;
};

}  // namespace granary::storage
