#include "granary/runtime/thread_priority.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace granary::runtime {
namespace {

constexpr int kNice = 10;  // About a tenth of a busy processor, beside a thread of the usual kind.

}  // namespace

void GiveWay() {
  thread_local bool done = false;
  if (done) return;
  done = true;
  // On Linux, a thread has a priority of its own.
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), kNice);
}

}  // namespace granary::runtime
