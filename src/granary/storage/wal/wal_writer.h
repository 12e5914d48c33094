// WalWriter puts frames into ONE log file: Add… Add, Write, and Sync now or some Writes later.
//
// Promise    after Write returns OK every frame added before survives the end of the process; after
//            Sync, a power cut. After any failure the writer is closed for good and gives the same
//            error, because we no longer know which bytes the file holds.
// Shape      wal_format.h. A group is what one sync covers, written at once or piece by piece; it
//            begins where the last sync ended, which every frame says of itself.
// Threads    one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/io/failpoint.h"
#include "granary/io/file_system.h"
#include "granary/storage/wal/wal_format.h"
#include "granary/storage/wal/wal_frame.h"

namespace granary::storage {

class WalWriter {
 public:
  /// Writes and syncs the header over whatever the file holds. The caller has synced its directory
  /// or does so before the first Write.
  static Result<std::unique_ptr<WalWriter>> Start(std::unique_ptr<io::WritableFile> file,
                                                  const WalFileHeader& header,
                                                  io::Failpoints& failpoints);

  /// Adds a frame to the group. `payload_crc` is FramePayloadCrc(frame). A large payload is not
  /// copied: it stays where it is until Write.
  void Add(const WalFrame& frame, std::uint32_t payload_crc);
  /// Writes what was added. Nothing added: nothing done. When that fails, what was written before
  /// and not synced yet is synced, as far as the disk lets: somebody may have been told of it.
  Status Write();
  /// Syncs what was written. Nothing written since the last: nothing done.
  Status Sync();
  /// Write, then Sync.
  Status Commit();

  /// Closes the file, in which all is synced. kCut gives back what was reserved behind the last
  /// frame.
  enum class Rest : std::uint8_t { kKeep, kCut };
  Status Close(Rest rest);

  std::uint64_t end() const { return end_; }  ///< Bytes that are written, header included.
  std::uint64_t unsynced_bytes() const { return end_ - synced_end_; }
  const WalFileHeader& header() const { return header_; }

 private:
  WalWriter(std::unique_ptr<io::WritableFile> file, const WalFileHeader& header,
            io::Failpoints& failpoints);
  Status WriteAdded();
  Status SyncWritten();

  std::unique_ptr<io::WritableFile> file_;
  WalFileHeader header_;
  io::Failpoints& failpoints_;
  std::uint64_t end_ = kWalFileHeaderBytes;
  std::uint64_t synced_end_ = kWalFileHeaderBytes;
  /// What is to be written, but for large payloads, each of which comes behind so many bytes of it.
  std::string added_;
  struct Payload {
    std::size_t behind = 0;
    std::string_view bytes;
  };
  std::vector<Payload> payloads_;
  Status closed_by_;
};

}  // namespace granary::storage
