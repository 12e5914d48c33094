#include "granary/services/operation_node/node_book.h"

namespace granary::operation {

void NodeBook::Hear(const std::string& node, const Heard& heard) {
  const std::lock_guard lock(mutex_);
  heard_[node] = heard;
}

void NodeBook::Forget(const std::string& node) {
  const std::lock_guard lock(mutex_);
  heard_.erase(node);
}

std::optional<Heard> NodeBook::Find(const std::string& node) const {
  const std::lock_guard lock(mutex_);
  const auto found = heard_.find(node);
  return found == heard_.end() ? std::nullopt : std::optional(found->second);
}

std::map<std::string, Heard> NodeBook::All() const {
  const std::lock_guard lock(mutex_);
  return heard_;
}

Node NodeBook::Freshest(const std::string& id, const Node& row) const {
  Node out = row;
  if (const auto heard = Find(id); heard && heard->seen_us > row.seen_us) {
    out.seen_us = heard->seen_us;
    out.load = heard->load;
  }
  return out;
}

NodeHealth NodeBook::Judge(const Node& freshest, std::int64_t now_us) const {
  return JudgeNode({freshest.seen_us, listening_us_, now_us}, limits_);
}

}  // namespace granary::operation
