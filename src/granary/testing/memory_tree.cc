#include "granary/testing/memory_tree.h"

#include <algorithm>
#include <functional>

namespace granary::testing {
namespace {

// Each node below `node` as it is on the disk, files and directories alike.
void ForEachDurable(MemoryNode& node, const std::function<void(MemoryNode&)>& visit) {
  visit(node);
  for (const auto& [name, child] : node.durable) ForEachDurable(*child, visit);
}

std::uint64_t BytesBelow(const MemoryNode& node) {
  std::uint64_t bytes = node.content.size();
  for (const auto& [name, child] : node.entries) bytes += BytesBelow(*child);
  return bytes;
}

}  // namespace

MemoryTree::MemoryTree() : root_(std::make_shared<MemoryNode>()) { root_->is_directory = true; }

std::vector<std::string> MemoryTree::Parts(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    const std::string part = path.substr(at, slash - at);
    if (part == ".." && !parts.empty()) {
      parts.pop_back();
    } else if (!part.empty() && part != "." && part != "..") {
      parts.push_back(part);
    }
    at = slash + 1;
  }
  return parts;
}

std::string MemoryTree::Normal(const std::string& path) {
  std::string normal;
  for (const std::string& part : Parts(path)) normal.append("/").append(part);
  return normal.empty() ? "/" : normal;
}

MemoryNodePtr MemoryTree::Find(const std::string& path) const {
  const Place place = Locate(path);
  if (place.name.empty()) return root_;
  if (place.directory == nullptr) return nullptr;
  const auto found = place.directory->entries.find(place.name);
  return found == place.directory->entries.end() ? nullptr : found->second;
}

MemoryTree::Place MemoryTree::Locate(const std::string& path) const {
  std::vector<std::string> parts = Parts(path);
  if (parts.empty()) return {};
  Place place{root_, parts.back()};
  parts.pop_back();
  for (const std::string& part : parts) {
    const auto found = place.directory->entries.find(part);
    const bool enters = found != place.directory->entries.end() && found->second->is_directory;
    place.directory = enters ? found->second : nullptr;
    if (!enters) break;
  }
  return place;
}

void MemoryTree::Put(const Place& place, MemoryNodePtr node) { Make({{place, std::move(node)}}); }

void MemoryTree::Erase(const Place& place) { Make({{place, nullptr}}); }

void MemoryTree::Move(const Place& from, const Place& to) {
  Make({{from, nullptr}, {to, from.directory->entries.at(from.name)}});
}

void MemoryTree::Sync(const MemoryNodePtr& directory) {
  for (Change& change : unsynced_) {
    std::erase_if(change, [&](const Entry& entry) {
      if (entry.place.directory != directory) return false;
      Apply(entry, directory->durable);
      return true;
    });
  }
  std::erase_if(unsynced_, [](const Change& change) { return change.empty(); });
}

void MemoryTree::LoseUnsynced() {
  unsynced_.clear();
  ForEachDurable(*root_, [](MemoryNode& node) {
    node.entries = node.durable;
    node.content.LoseUnsynced();
  });
}

void MemoryTree::LoseSome(FakeRandom& random) {
  for (const Change& change : unsynced_) {
    if (random.OneIn(2)) continue;
    for (const Entry& entry : change) Apply(entry, entry.place.directory->durable);
  }
  ForEachDurable(*root_, [&](MemoryNode& node) { node.content.LoseSome(random); });
  LoseUnsynced();
}

std::uint64_t MemoryTree::UsedBytes() const { return BytesBelow(*root_); }

void MemoryTree::Apply(const Entry& entry, MemoryEntries& entries) {
  if (entry.node == nullptr) {
    entries.erase(entry.place.name);
  } else {
    entries.insert_or_assign(entry.place.name, entry.node);
  }
}

void MemoryTree::Make(Change change) {
  for (const Entry& entry : change) Apply(entry, entry.place.directory->entries);
  unsynced_.push_back(std::move(change));
}

}  // namespace granary::testing
