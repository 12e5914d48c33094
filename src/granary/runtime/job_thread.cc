#include "granary/runtime/job_thread.h"

#include <pthread.h>

#include <utility>

#include "granary/base/check.h"

namespace granary::runtime {

void JobThread::Start(const std::string& name, std::function<void()> loop) {
  thread_ = std::thread(std::move(loop));
  // The kernel keeps 15 characters.
  ::pthread_setname_np(thread_.native_handle(), name.substr(0, 15).c_str());
}

void JobThread::Stop() {
  const std::lock_guard joining(join_mutex_);
  if (!thread_.joinable()) return;
  GRANARY_CHECK(thread_.get_id() != std::this_thread::get_id(), "a job may not stop itself");
  {
    const std::lock_guard lock(mutex);
    stopping = true;
    wake.notify_one();
  }
  thread_.join();
}

}  // namespace granary::runtime
