// Launcher: makes nodes and ends them, by whatever means: processes of this machine
// (process_launcher.h), and later systemd units or instances of a cloud.
//
// Threads    an implementation may ask for one thread at a time, always the same one: whoever
//            launches is the parent.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "granary/base/status.h"

namespace granary::operation {

/// What a node is to be. Two that are equal are the same node, set up alike.
struct NodeSpec {
  std::string node;                                           ///< Its id.
  std::string tenant;                                         ///< Whom it serves.
  std::string folder;                                         ///< Where its data is, absolute.
  std::vector<std::pair<std::string, std::string>> settings;  ///< By the names of config.env.
  std::uint64_t turn = 0;  ///< Another one: it starts anew though nothing else changed.
  bool operator==(const NodeSpec&) const = default;
};

struct NodeExit {
  std::string node;
  std::string how;  ///< "exit code 1", "signal 9 (Killed)"
  std::int64_t lived_ms = 0;
  bool was_asked = false;  ///< By Stop.
};

class Launcher {
 public:
  virtual ~Launcher() = default;
  /// Begins to run it; that it serves, its heartbeats say. kIoError when the system refuses.
  virtual Status Start(const NodeSpec& spec) = 0;
  /// Asks it to end, in order; one that does not within its time is ended by force. Nothing for one
  /// that does not run.
  virtual void Stop(const std::string& node) = 0;
  /// Those that ended since the last call.
  virtual std::vector<NodeExit> TakeExits() = 0;
  virtual bool IsRunning(const std::string& node) const = 0;
};

}  // namespace granary::operation
