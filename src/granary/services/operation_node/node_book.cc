#include "granary/services/operation_node/node_book.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace granary::operation {
namespace {

// Clocks drift; one that is off by more was set.
constexpr std::int64_t kSetMicros = 1'000'000;

}  // namespace

void NodeBook::Hear(const std::string& node, Heard heard) {
  const std::lock_guard lock(mutex_);
  heard_[node] = {std::move(heard), clock_.MonotonicNanos(), clock_.WallMicros()};
}

void NodeBook::Forget(const std::string& node) {
  const std::lock_guard lock(mutex_);
  heard_.erase(node);
}

bool NodeBook::IsGone(const std::string& node, const GoneTenant& tenant) const {
  const std::lock_guard lock(mutex_);
  const auto found = heard_.find(node);
  if (found == heard_.end()) return false;
  const auto& gone = found->second.heard.gone;
  return std::ranges::find(gone, tenant) != gone.end();
}

std::vector<std::string> NodeBook::Nodes() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [node, entry] : heard_) out.push_back(node);
  return out;
}

bool NodeBook::WasHeardSince(const std::string& node, std::int64_t monotonic_ns) const {
  const std::lock_guard lock(mutex_);
  const auto found = heard_.find(node);
  return found != heard_.end() && found->second.heard_ns >= monotonic_ns;
}

Node NodeBook::Freshest(const std::string& id, const Node& row) const {
  const std::lock_guard lock(mutex_);
  const auto found = heard_.find(id);
  if (found == heard_.end()) return row;
  Entry& entry = found->second;
  const std::int64_t now_us = clock_.WallMicros();
  const std::int64_t elapsed_us = (clock_.MonotonicNanos() - entry.heard_ns) / 1000;
  if (std::abs(now_us - elapsed_us - entry.seen_us) > kSetMicros)
    entry.seen_us = now_us - elapsed_us;
  const bool is_ahead = row.seen_us > now_us + limits_.suspect_ms * 1000;
  if (entry.seen_us <= row.seen_us && !is_ahead) return row;
  Node out = row;
  out.url = entry.heard.url;
  out.tenants = entry.heard.tenants;
  out.capacity = entry.heard.capacity;
  out.follows = entry.heard.follows;
  out.version = entry.heard.version;
  out.load = entry.heard.load;
  out.seen_us = entry.seen_us;
  return out;
}

NodeHealth NodeBook::Judge(const Node& freshest) const {
  const std::int64_t now_us = clock_.WallMicros();
  const std::int64_t listening_us = (clock_.MonotonicNanos() - listening_ns_) / 1000;
  return JudgeNode({freshest.seen_us, now_us - listening_us, now_us}, limits_);
}

}  // namespace granary::operation
