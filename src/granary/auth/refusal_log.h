// RefusalLog: audit entries of what was refused, many in one commit.
//
// Why        whoever guesses passwords must not have the disk to themselves: while one commit of
//            refusals runs, those that come meanwhile wait together for the next one, so others
//            that change something wait for one at most.
// Promise    an entry is committed when Add returns OK.
// Threads    fully safe.
// Owns       nothing: what `commit` refers to outlives it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "granary/auth/auth_rows.h"
#include "granary/base/status.h"

namespace granary::auth {

class RefusalLog {
 public:
  using CommitFn = std::function<Status(const std::vector<AuditEntry>& entries)>;
  explicit RefusalLog(CommitFn commit) : commit_(std::move(commit)) {}

  /// The failure of the commit that the entry was in.
  Status Add(AuditEntry entry);
  /// How many entries the next commit has by now.
  std::size_t waiting() const;

 private:
  /// One that is filled, then committed by one of those who wait for it.
  struct Batch {
    std::vector<AuditEntry> entries;
    Status status;
    bool done = false;
  };

  const CommitFn commit_;
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  std::shared_ptr<Batch> filling_;  // Guarded by mutex_, as what follows.
  bool committing_ = false;
};

}  // namespace granary::auth
