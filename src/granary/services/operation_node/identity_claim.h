// IdentityClaim: that one process alone is the Operation Node of a name.
//
// Why        a copied machine image, or a copied DATA_PATH, has the identity of the first: on one
//            PostgreSQL both would launch the nodes of the same tenants, each on a folder of its
//            own.
// Shape      a row of the metadata says which copy it is (an instance: the machine since it booted,
//            and the folder) and has another version every kClaimRenewMs while that lives. Another
//            copy acts only once the row has stayed the same for kClaimMs, by its own clock. The
//            same copy, which the lock of its folder admits once, takes over at once.
// Left open  one that the store does not hear for kClaimMs goes on with what it has begun until it
//            reads that another copy has taken over; then it starts and changes nothing more.
// Elsewhere  SQLite's file is in the folder itself, and ClickHouse's lease names the instance, too.
// Threads    fully safe; Work from one thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/io/clock.h"
#include "granary/services/operation_node/fleet.h"

namespace granary::operation {

inline constexpr std::int64_t kClaimMs = 15'000;
inline constexpr std::int64_t kClaimRenewMs = 5'000;

/// "0f3a…" of what the kernel calls this boot, and of the folder's device and number. kIoError.
Result<std::string> InstanceOf(const std::string& folder);

struct ClaimLook {
  bool is_there = false;     ///< The row.
  bool is_ours = false;      ///< It names our instance.
  std::int64_t same_ms = 0;  ///< How long it has had this version, as seen here.
};
enum class ClaimStep : std::uint8_t {
  kHold,     ///< It is ours for a while yet.
  kWrite,    ///< It is free, or ours and should be written again.
  kRefused,  ///< Another copy has it.
};
/// Pure.
ClaimStep DecideClaim(const ClaimLook& look);

class IdentityClaim {
 public:
  /// `where` is for the log of other copies: "on the machine a in /var/lib/granary".
  IdentityClaim(std::string id, std::string instance, std::string where, Fleet& fleet,
                const io::Clock& clock, Logger& log);

  /// One look at what the store holds, and a step. Every second or so.
  void Work(const FleetView& view);
  /// OK while it is ours; kUnavailable.
  Status status() const;
  /// So that another copy need not wait. No Work after it.
  void Release();

 private:
  Status Write(const FleetView& view);
  void Tell(Status status, const std::string& where = {});

  const std::string id_, instance_, where_;
  Fleet& fleet_;
  const io::Clock& clock_;
  Logger& log_;
  std::uint64_t version_ = 0;  // Of the row, and since when: the working thread's.
  std::int64_t since_ns_ = 0;
  mutable std::mutex mutex_;
  Status status_;  // Guarded by mutex_.
};

}  // namespace granary::operation
