// Tenants: whom a node serves. One tenant, open from start to stop; or many, each opened by the
// first request that wants it and closed again when nobody has for a while.
//
// Closed     a tenant costs a few hundred bytes: no thread, no file, no memory of its own. Nothing
//            of it is lost: what was acknowledged is in its files, its fresh rows are flushed before
//            it is closed. One whose records go by the clock is opened for that now and then.
// Opening    once at a time and tenant, on threads of this; whoever wants it meanwhile waits, as
//            long as its own time and kPatience. A tenant that cannot be opened (damage) says why
//            to whoever asks, is tried again after kRetry, and is nobody else's concern.
// Leaving    one that is suspended, deleted, placed elsewhere or set up otherwise takes no new
//            requests; its queries are ended, and it is closed when nobody uses it any more. Its
//            data goes only when it is deleted, and for good before that is said.
// Kept       the last list of the Operation Node is in a file, written before it counts: a node
//            that starts while nobody tells it serves whom it served.
// Threads    fully safe. Begin, BeginAlone and Stop from one thread.
// Owns       what is open, and its threads. The rest outlives it; it outlives the pointers it gave.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/io/clock.h"
#include "granary/io/file_system.h"
#include "granary/runtime/cancel.h"
#include "granary/runtime/periodic.h"
#include "granary/runtime/worker_pool.h"
#include "granary/services/tenant_node/hosted_tenant.h"
#include "granary/services/tenant_node/open_tenant.h"
#include "granary/tenant/tenant_traffic.h"

namespace granary::services {

struct TenantsOptions {
  std::size_t open_max = 200;  ///< Past it those that nobody uses are closed, the longest first.
  std::chrono::milliseconds idle{300'000};
  /// So often a closed tenant is opened whose records go by the clock.
  std::chrono::milliseconds retention_interval{600'000};
  /// Requests of one tenant at once; further ones are kOverloaded. 0: any number.
  std::size_t in_use_max = 0;
  std::uint64_t hot_bytes_max = 512u
                                << 20;  ///< Fresh rows of all; past it the largest are flushed.
  std::string file;                     ///< Of the last list; empty: none.
};

struct TenantsDeps {
  /// Opens a tenant; blocks.
  std::function<Result<std::unique_ptr<OpenTenant>>(const HostedTenant& hosted)> open;
  /// Makes its data go, for good; OK when there is none. Blocks.
  std::function<Status(const TenantId& tenant)> discard;
  io::FileSystem& files;
  const io::Clock& clock;
  Logger& log;
};

/// How many there are.
struct TenantCounts {
  std::size_t hosted = 0, open = 0, troubled = 0;
  std::uint64_t opened = 0, closed = 0;  ///< Since the start.
};

class Tenants {
 public:
  static constexpr std::chrono::milliseconds kLookEvery{250};
  static constexpr std::chrono::seconds kRetry{5}, kPatience{30}, kDrain{10};
  static constexpr std::size_t kOpeners = 8;  ///< Tenants that are opened or closed at once.

  Tenants(TenantsOptions options, TenantsDeps deps);
  ~Tenants();

  /// Serves one, opened now. Its failure, which calls get from here on.
  Status BeginAlone(const HostedTenant& hosted);
  /// Serves these, if any, or those of the file, which need not be there. kCorruption of the file.
  Status Begin(std::optional<std::vector<HostedTenant>> tenants);
  /// Serves these from now on; true when that is news. What cannot be kept in the file does not
  /// count, and is logged.
  bool Apply(const Hosting& hosting);

  /// OK; NotHere's; kPermissionDenied when the tenant is suspended; kUnavailable before Begin and
  /// after Stop.
  Status CheckServed(const std::string& tenant) const;
  /// The tenant, open for as long as the pointer is there. CheckServed's failures and those of
  /// opening it; kOverloaded; the cancel token's.
  Result<std::shared_ptr<Tenant>> Get(const std::string& tenant,
                                      const runtime::CancelToken& cancel);
  /// The same without waiting: null when it is not open.
  Result<std::shared_ptr<Tenant>> Find(const std::string& tenant);
  /// Those that are open, up to `most`, who was used last first.
  std::vector<std::shared_ptr<Tenant>> OpenOnes(std::size_t most);

  /// What tenants were asked and given since the node started, open or not; up to `most`, who was
  /// used last first.
  std::vector<std::pair<std::string, TrafficCounts>> Traffic(std::size_t most) const;

  /// For the Operation Node: whom this node serves, and whom it let go of as it was told.
  struct Announced {
    std::vector<std::string> served;
    std::vector<GoneTenant> gone;
  };
  Announced announced() const;
  TenantCounts counts() const;
  /// OK once Begin, or BeginAlone, has succeeded; why calls fail before and after.
  Status status() const;
  bool is_alone() const { return is_alone_; }

  /// One look at who is to be opened, closed or deleted. For tests; a thread does it otherwise.
  void Look();
  /// From now on calls fail with `reason`; closes all.
  Status Stop(Status reason);

  /// kUnavailable. Whether that is why a tenant is not served here, IsHere tells.
  static Status NotHere(const std::string& tenant);
  bool IsHere(const std::string& tenant) const;

 private:
  struct Seat;
  using SeatPtr = std::shared_ptr<Seat>;
  using Lock = std::unique_lock<std::mutex>;

  // Under mutex_, which they may let go of meanwhile.
  Result<SeatPtr> FindServed(const std::string& tenant) const;
  /// Whoever only looks at a tenant does not keep it from being closed as idle.
  enum class UseKind : std::uint8_t { kWants, kLooks };
  std::shared_ptr<Tenant> Use(const SeatPtr& seat, UseKind kind);
  void StartOpening(const SeatPtr& seat);
  void StartClosing(const SeatPtr& seat);
  void StartFlush(const SeatPtr& seat);
  void StartDiscard(const SeatPtr& seat);
  void LookAt(const SeatPtr& seat, std::int64_t now_ns);
  void LookAtOpen(const SeatPtr& seat, std::int64_t now_ns);
  void RelieveMemory();
  bool KeepList(const std::vector<HostedTenant>& tenants);
  // On the threads of openers_.
  void Open(const SeatPtr& seat);
  void CloseIdle(const SeatPtr& seat);
  void CloseNow(Lock& lock, const SeatPtr& seat);
  void CloseOneForRoom(Lock& lock);

  const TenantsOptions options_;
  const TenantsDeps deps_;
  bool is_alone_ = false;
  std::string kept_;  // Of the file; of the applying thread.
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, SeatPtr> seats_;  // Guarded by mutex_, as are the following.
  Status why_not_ = Status(Code::kUnavailable, "the node is recovering; try again soon");
  std::size_t open_ = 0, woken_ = 0;
  std::uint64_t opened_ = 0, closed_ = 0;
  runtime::WorkerPool openers_;
  std::unique_ptr<runtime::PeriodicJob> job_;  // Uses all of the above.
};

}  // namespace granary::services
