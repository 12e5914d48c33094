// The names of a file system in memory: as they are, and as a disk without power would have them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/testing/fake_random.h"
#include "granary/testing/memory_content.h"

namespace granary::testing {

struct MemoryNode;
using MemoryNodePtr = std::shared_ptr<MemoryNode>;
using MemoryEntries = std::map<std::string, MemoryNodePtr, std::less<>>;

/// A file or a directory, apart from its name.
struct MemoryNode {
  bool is_directory = false;
  std::int64_t modified_us = 0;
  MemoryContent content;  // Of a file.
  MemoryEntries entries;  // Of a directory, now …
  MemoryEntries durable;  // … and on the disk.
};

class MemoryTree {
 public:
  /// A name inside a directory; `directory` is null when a part of the path is missing or a file.
  struct Place {
    MemoryNodePtr directory;
    std::string name;  ///< Empty for the root, which is nowhere inside.
  };

  MemoryTree();

  static std::vector<std::string> Parts(const std::string& path);
  static std::string Normal(const std::string& path);

  MemoryNodePtr Find(const std::string& path) const;  ///< Null when not there.
  Place Locate(const std::string& path) const;

  void Put(const Place& place, MemoryNodePtr node);
  void Erase(const Place& place);
  /// One change: a power cut keeps both ends or none.
  void Move(const Place& from, const Place& to);
  void Sync(const MemoryNodePtr& directory);

  void LoseUnsynced();
  void LoseSome(FakeRandom& random);

  std::uint64_t UsedBytes() const;

 private:
  struct Entry {
    Place place;
    MemoryNodePtr node;  // Null: the name is removed.
  };
  using Change = std::vector<Entry>;  // Happens as one.

  static void Apply(const Entry& entry, MemoryEntries& entries);
  void Make(Change change);

  MemoryNodePtr root_;
  std::vector<Change> unsynced_;
};

}  // namespace granary::testing
