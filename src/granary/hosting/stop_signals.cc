#include "granary/hosting/stop_signals.h"

#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

#include "granary/base/check.h"

namespace granary::hosting {

StopSignals::StopSignals() {
  sigset_t wanted;
  ::sigemptyset(&wanted);
  ::sigaddset(&wanted, SIGTERM);
  ::sigaddset(&wanted, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &wanted, &before_);
  ::signal(SIGPIPE, SIG_IGN);
  descriptor_ = ::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
  GRANARY_CHECK(descriptor_ >= 0, "signalfd errno={}", errno);
}

StopSignals::~StopSignals() {
  Release();
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  ::close(descriptor_);
}

void StopSignals::Wait() const {
  pollfd waited{descriptor_, POLLIN, 0};
  while (::poll(&waited, 1, -1) < 0 && errno == EINTR) {
  }
}

void StopSignals::Release() {
  signalfd_siginfo taken;
  while (::read(descriptor_, &taken, sizeof(taken)) > 0) {
  }
  sigset_t left = before_;
  ::sigaddset(&left, SIGTERM);
  ::pthread_sigmask(SIG_SETMASK, &left, nullptr);
}

}  // namespace granary::hosting
