// Farewells: tells whoever else keeps something of a tenant that it is being deleted, so that nothing
// of it is there for the next tenant of that id: the Auth Gateway its users and keys, the Metadata
// Catalog what its node told and its policies.
//
// Promise    a listener that wants to know at once is told as soon as the deletion began. Each is told
//            once more when the tenant's node has ended, since until then something could be added.
// Away       whoever does not answer is asked again each second: the deletion waits for it.
// Crash      nothing is written down here: the tenant's row says that it is being deleted, and
//            whoever was told hears it again.
// Threads    fully safe; tells on a thread of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/runtime/periodic.h"

namespace granary::operation {

struct Listener {
  std::string name;      ///< "the Auth Gateway"
  bool at_once = false;  ///< Also before the tenant's node has ended.
  /// Blocks. OK when it keeps nothing of the tenant.
  std::function<Status(const std::string& tenant)> forget;
};

/// DELETE `prefix`/<tenant> at `url`, where 404 says that there is nothing.
struct ForgetCall {
  std::string url, prefix;
  std::string key;           ///< Shown as a bearer's; empty: none is.
  std::string_view service;  ///< Nobody else's answer is believed.
};
std::function<Status(const std::string& tenant)> ForgetOverHttp(ForgetCall call);

class Farewells {
 public:
  static constexpr std::chrono::milliseconds kRetryEvery{1'000};

  explicit Farewells(std::vector<Listener> listeners) : listeners_(std::move(listeners)) {}
  ~Farewells() { Stop(); }

  void Start();
  void Stop();

  /// OK once each was told since `has_node_ended`; then nothing more is known of the tenant here,
  /// and the next call begins anew. Else kUnavailable: who was not yet, and why. Does not block.
  Status Tell(const std::string& tenant, bool has_node_ended);
  /// One round of telling. For tests; Start's thread does it otherwise.
  void Work();

 private:
  struct Told {
    bool early = false, last = false;
    std::string why_not = "it was not reached yet";
  };
  struct Farewell {
    bool has_node_ended = false;
    std::vector<Told> told;  // Of each listener.
  };
  void TellOne(const std::string& tenant, std::size_t listener);

  const std::vector<Listener> listeners_;
  std::mutex mutex_;
  std::map<std::string, Farewell> farewells_;  // By tenant. Guarded by mutex_.
  std::unique_ptr<runtime::PeriodicJob> job_;  // Uses all of the above.
};

}  // namespace granary::operation
