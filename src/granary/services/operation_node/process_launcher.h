// ProcessLauncher: nodes as child processes of this one: `granary tenant-node` of the very program
// that runs, each with a folder of its own and the settings of its spec in its environment.
//
// Own        only processes that it started are ever waited for or signalled, by their pid, which
//            stays theirs until they are waited for here.
// Bound      the kernel sends a child SIGTERM when the thread that started it ends, however it
//            ends, so that nodes do not outlive their Operation Node for longer than they need to
//            stop in order. One that hangs does, until somebody ends it.
// Inherits   standard output and error, so its log lines go where ours go; no other descriptor. Of
//            our environment PATH, HOME, TZ, LANG, TMPDIR, LD_LIBRARY_PATH and what sanitizers
//            read.
// Threads    one, the same for each call.
// Owns       its children: destruction asks them all to end, waits, and is the calling thread's.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "granary/io/clock.h"
#include "granary/services/operation_node/launcher.h"

namespace granary::operation {

struct ProcessOptions {
  std::string program = "/proc/self/exe";
  std::vector<std::string> arguments = {"tenant-node"};
  std::int64_t stop_ms = 20'000;  ///< Past it SIGKILL.
};

class ProcessLauncher final : public Launcher {
 public:
  ProcessLauncher(ProcessOptions options, const io::Clock& clock);
  ~ProcessLauncher() override;

  Status Start(const NodeSpec& spec) override;
  void Stop(const std::string& node) override;
  std::vector<NodeExit> TakeExits() override;
  bool IsRunning(const std::string& node) const override { return children_.contains(node); }

 private:
  struct Child {
    pid_t pid = 0;
    std::int64_t started_ns = 0;
    std::int64_t asked_ns = 0;  ///< 0: not asked to end.
  };
  void EndAll();

  const ProcessOptions options_;
  const io::Clock& clock_;
  std::map<std::string, Child> children_;
};

}  // namespace granary::operation
