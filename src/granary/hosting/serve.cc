#include "granary/hosting/serve.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <ranges>
#include <thread>

#include "granary/base/check.h"

namespace granary::hosting {
namespace {

constexpr int kFailedExit = 1;

void WaitUntilReadable(int a, int b) {
  pollfd waited[2] = {{a, POLLIN, 0}, {b, POLLIN, 0}};
  while (::poll(waited, 2, -1) < 0 && errno == EINTR) {
  }
}

bool IsReadable(int descriptor) {
  pollfd waited{descriptor, POLLIN, 0};
  return ::poll(&waited, 1, 0) > 0;
}

bool OpenAll(const Services& services, Logger& log) {
  for (const auto& service : services) {
    const Status opened = service->Open();
    if (opened.ok()) continue;
    log.Error("cannot start", {{"service", service->name()},
                               {"code", CodeName(opened.code())},
                               {"error", opened.message()}});
    return false;
  }
  return true;
}

bool StopAll(const Services& services, Logger& log) {
  bool all = true;
  for (const auto& service : services | std::views::reverse) {
    const Status stopped = service->Stop();
    if (stopped.ok()) continue;
    log.Error("stop failed", {{"service", service->name()}, {"error", stopped.ToString()}});
    all = false;
  }
  return all;
}

}  // namespace

int Serve(const Services& services, StopSignals& signals, Logger& log,
          const std::function<void()>& opened) {
  const int opened_event = ::eventfd(0, EFD_CLOEXEC);
  GRANARY_CHECK(opened_event >= 0, "eventfd errno={}", errno);
  bool all_open = false;
  std::thread opener([&] {
    all_open = OpenAll(services, log);
    ::eventfd_write(opened_event, 1);
  });
  WaitUntilReadable(signals.descriptor(), opened_event);
  if (!IsReadable(opened_event)) {
    // Recovery changes nothing that a later one does not do again, so it need not end first.
    log.Info("stopped during recovery");
    std::_Exit(0);
  }
  opener.join();
  ::close(opened_event);
  if (!all_open) {
    StopAll(services, log);
    return kFailedExit;
  }
  if (opened) opened();
  signals.Wait();
  signals.Release();
  log.Info("stopping");
  return StopAll(services, log) ? 0 : kFailedExit;
}

}  // namespace granary::hosting
