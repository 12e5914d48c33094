// Heartbeats: tells the Operation Node every so often that this node lives, where it is, whom it
// serves and how busy it is.
//
// Costs      one small request each time, from a thread of its own: no request of a client waits
//            for it. An Operation Node that is away costs a failed connection every
//            HEARTBEAT_SECONDS, and a line in the log when it goes and when it comes back.
// Threads    fully safe; beats from a thread of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/io/clock.h"
#include "granary/io/file_system.h"
#include "granary/net/http_client.h"
#include "granary/runtime/periodic.h"
#include "granary/services/tenant_node/hosted_tenant.h"

namespace granary::services {

/// What stays the same from beat to beat.
struct HeartbeatOptions {
  std::string operation_node_url;
  std::string operation_node_key;  ///< Empty: none is shown.
  std::string node_id, node_key, node_url;
  std::uint64_t capacity = 1;  ///< NODE_CAPACITY
  std::string version;
  std::int64_t every_ms = 2'000;
};

/// What does not.
struct NodeMeasure {
  double cpu_percent = 0, memory_percent = 0, queue_delay_ms = 0;
  std::uint64_t queued = 0, workers = 0;
  std::vector<std::string> tenants;  ///< Whom it serves.
  std::vector<GoneTenant> gone;      ///< Whom it let go of, as it was told.
};

/// The body of a beat: JSON.
std::string HeartbeatJson(const HeartbeatOptions& options, const NodeMeasure& measure);

/// The key in DATA_PATH/node_key, its owner's alone; a new one when there is none. kIoError,
/// kCorruption for a file that holds none.
Result<std::string> LoadNodeKey(const std::string& data_path, io::FileSystem& files,
                                io::Random& random);

/// "node-4be0643f1d98573b", of the key and of nothing else.
std::string NodeIdOf(const std::string& key);

/// Where the node is found: on 127.0.0.1 when it listens there or the Operation Node is on this
/// machine, else at `rest_host`, or at the machine's name when it listens everywhere.
std::string NodeUrlOf(const std::string& rest_host, std::uint16_t port, bool has_tls,
                      const std::string& operation_node_url, const std::string& machine);

class Heartbeats {
 public:
  /// `answered` is given the body of each answer, JSON, on the beating thread; what it says is for
  /// the log. Null: nobody looks at them. True: there is news to tell, at once.
  using AnsweredFn = std::function<Result<bool>(const std::string& body)>;
  Heartbeats(HeartbeatOptions options, std::function<NodeMeasure()> measure, AnsweredFn answered,
             Logger& log);
  ~Heartbeats();
  void Stop();

 private:
  void Beat();
  Status Send();

  const HeartbeatOptions options_;
  const std::function<NodeMeasure()> measure_;
  const AnsweredFn answered_;
  Logger& log_;
  std::unique_ptr<net::HttpClient> client_;  // The beating thread's, as is the next.
  std::string trouble_;                      // Empty: the last beat was heard.
  bool was_heard_ = false;
  std::unique_ptr<runtime::PeriodicJob> job_;  // Uses all of the above.
};

}  // namespace granary::services
