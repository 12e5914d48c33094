#include "granary/auth/refusal_log.h"

namespace granary::auth {

Status RefusalLog::Add(AuditEntry entry) {
  std::unique_lock lock(mutex_);
  if (filling_ == nullptr) filling_ = std::make_shared<Batch>();
  const std::shared_ptr<Batch> mine = filling_;
  mine->entries.push_back(std::move(entry));
  ended_.wait(lock, [&] { return mine->done || !committing_; });
  if (mine->done) return mine->status;
  committing_ = true;
  filling_ = nullptr;
  lock.unlock();
  Status status = commit_(mine->entries);
  lock.lock();
  committing_ = false;
  mine->status = std::move(status);
  mine->done = true;
  ended_.notify_all();
  return mine->status;
}

std::size_t RefusalLog::waiting() const {
  const std::lock_guard lock(mutex_);
  return filling_ == nullptr ? 0 : filling_->entries.size();
}

}  // namespace granary::auth
