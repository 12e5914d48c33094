// NodeParts: the parts of one query, asked of all nodes side by side, frame by frame.
//
// Pressure   each part is read on a thread of its own into a queue of `node_bytes_max` at most; a
//            full queue is not read any further, so its node waits. What lies in queues is reserved
//            in `memory`.
// Fan-out    a node is at work from the question to its first rows (or, of states, to the end): so
//            many do at once as `at_once` says, the others are asked then.
// Ends       the destructor ends all parts that are not whole: their connections break, and nodes
//            stop working on them.
// Threads    one thread calls; each part has one.
// Owns       its threads. All else outlives it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "granary/api/part_frames.h"
#include "granary/api/part_request.h"
#include "granary/base/status.h"
#include "granary/runtime/cancel.h"
#include "granary/runtime/memory_budget.h"
#include "granary/services/operation_node/node_link.h"
#include "granary/services/operation_node/part_source.h"

namespace granary::operation {

struct NodePartsOptions {
  std::uint64_t at_once = 16;
  std::uint64_t node_bytes_max = 16u << 20;
  runtime::MemoryBudget* memory = nullptr;
  PassedOn passed;
  runtime::CancelToken cancel;  ///< The client's.
  /// Takes pages of states as they come, on the part's thread; null: they are frames like others.
  std::function<Status(std::size_t part, std::string_view page)> on_states = {};
};

struct PartAsk {
  QueryTarget target;
  api::PartRequest request;
};

class NodeParts final : public PartSource {
 public:
  NodeParts(NodeLinks& links, std::vector<PartAsk> asks, NodePartsOptions options);
  ~NodeParts() override;

  std::size_t size() const override { return parts_.size(); }
  const std::string& tenant_of(std::size_t part) const { return parts_[part]->ask.target.tenant; }
  const QueryTarget& target_of(std::size_t part) const { return parts_[part]->ask.target; }

  Result<api::PartFrame> Next(std::size_t part) override;
  Result<std::size_t> WaitAny(const std::vector<std::size_t>& some) override;
  /// The client's own end, when that is what a failure comes from.
  Status client() const { return options_.cancel.Check(); }
  /// From the beginning to a part's end, or until now.
  double MillisOf(std::size_t part) const;

 private:
  struct Item {
    api::PartFrame frame;
    std::uint64_t bytes = 0;
  };
  struct Part {
    Part(PartAsk asked, runtime::CancelToken token, runtime::MemoryBudget* memory)
        : ask(std::move(asked)), cancel(std::move(token)), held(memory) {}
    const PartAsk ask;
    runtime::CancelToken cancel;
    std::deque<Item> queue;  // Guarded by mutex_, as are all below.
    std::uint64_t queued_bytes = 0;
    runtime::MemoryReservation held;
    bool ended = false;  ///< Its thread adds no more.
    Status failure;
    std::int64_t ended_ns = 0;
    std::thread thread;
  };

  void Run(std::size_t at);
  Status Read(std::size_t at);
  Status TakeTurn(const runtime::CancelToken& cancel);
  void GiveTurn();
  Status Push(Part& part, Item item);
  bool IsReady(const Part& part) const { return !part.queue.empty() || part.ended; }

  NodeLinks& links_;
  const NodePartsOptions options_;
  const std::int64_t start_ns_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t at_work_ = 0;  // Guarded by mutex_.
  std::vector<std::unique_ptr<Part>> parts_;
};

}  // namespace granary::operation
