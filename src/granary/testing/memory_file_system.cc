#include "granary/testing/memory_file_system.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace granary::testing {
namespace {

constexpr std::uint64_t kUnlimitedBytes = std::uint64_t{1} << 40;

Status NotFound(std::string_view operation, const std::string& path) {
  return {Code::kNotFound,
          fmt::format("{} {}: ENOENT (no such file or directory)", operation, path)};
}

Status Refused(std::string_view operation, const std::string& path, std::string_view why) {
  return Status::IoError(fmt::format("{} {}: {}", operation, path, why));
}

}  // namespace

struct MemoryFileSystem::State {
  mutable std::mutex mutex;
  MemoryTree tree;
  const io::Clock* clock = nullptr;
  std::uint64_t capacity = kUnlimitedBytes;
  std::uint64_t cuts = 0;
  std::set<std::string> locked;

  void Touch(MemoryNode& node) const {
    if (clock != nullptr) node.modified_us = clock->WallMicros();
  }
  std::uint64_t Available() const {
    const std::uint64_t used = tree.UsedBytes();
    return used < capacity ? capacity - used : 0;
  }
  MemoryNodePtr Make(const MemoryTree::Place& place, bool is_directory) {
    auto node = std::make_shared<MemoryNode>();
    node->is_directory = is_directory;
    Touch(*node);
    tree.Put(place, node);
    return node;
  }
};

// What an open file knows: a power cut since it was opened makes it useless.
class MemoryFileSystem::Reader final : public io::RandomAccessFile {
 public:
  Reader(std::shared_ptr<State> state, MemoryNodePtr node, std::string path)
      : state_(std::move(state)),
        node_(std::move(node)),
        path_(std::move(path)),
        bytes_(node_->content.size()),
        cuts_(state_->cuts) {}

  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<char> out) const override {
    const std::lock_guard lock(state_->mutex);
    if (state_->cuts != cuts_) return Refused("read", path_, "the power was cut");
    return node_->content.Read(offset, out);
  }
  std::uint64_t size() const override { return bytes_; }

 private:
  std::shared_ptr<State> state_;
  MemoryNodePtr node_;
  std::string path_;
  std::uint64_t bytes_;
  std::uint64_t cuts_;
};

class MemoryFileSystem::Writer final : public io::WritableFile {
 public:
  Writer(std::shared_ptr<State> state, MemoryNodePtr node, std::string path)
      : state_(std::move(state)),
        node_(std::move(node)),
        path_(std::move(path)),
        cuts_(state_->cuts) {}

  Status WriteAt(std::uint64_t offset, std::string_view bytes) override {
    const std::lock_guard lock(state_->mutex);
    GRANARY_TRY(Usable("write"));
    const std::uint64_t end = Fitting(offset + bytes.size());
    state_->Touch(*node_);
    node_->content.Write(offset, bytes.substr(0, std::max(end, offset) - offset));
    return end == offset + bytes.size() ? Status::Ok() : Full("write");
  }
  Status Sync() override {
    const std::lock_guard lock(state_->mutex);
    GRANARY_TRY(Usable("sync"));
    node_->content.Sync();
    return Status::Ok();
  }
  Status Preallocate(std::uint64_t bytes) override {
    const std::lock_guard lock(state_->mutex);
    GRANARY_TRY(Usable("preallocate"));
    if (Fitting(bytes) != bytes) return Full("preallocate");
    node_->content.Resize(std::max(bytes, node_->content.size()));
    return Status::Ok();
  }
  Status Truncate(std::uint64_t bytes) override {
    const std::lock_guard lock(state_->mutex);
    GRANARY_TRY(Usable("truncate"));
    state_->Touch(*node_);
    node_->content.Resize(bytes);
    return Status::Ok();
  }
  Status Close() override {
    const std::lock_guard lock(state_->mutex);
    closed_ = true;
    return Status::Ok();
  }

 private:
  Status Usable(std::string_view operation) const {
    if (closed_) return Refused(operation, path_, "EBADF (the file is closed)");
    if (state_->cuts != cuts_) return Refused(operation, path_, "the power was cut");
    return Status::Ok();
  }
  // How far of `end` the file can reach on this disk.
  std::uint64_t Fitting(std::uint64_t end) const {
    const std::uint64_t size = node_->content.size();
    if (end <= size || state_->capacity == kUnlimitedBytes) return end;
    return std::min(end, size + state_->Available());
  }
  Status Full(std::string_view operation) const {
    return {Code::kDiskFull,
            fmt::format("{} {}: ENOSPC (no space left on device)", operation, path_)};
  }

  std::shared_ptr<State> state_;
  MemoryNodePtr node_;
  std::string path_;
  std::uint64_t cuts_;
  bool closed_ = false;
};

class MemoryFileSystem::Held final : public io::FileLock {
 public:
  Held(std::shared_ptr<State> state, std::string path)
      : state_(std::move(state)), path_(std::move(path)), cuts_(state_->cuts) {}
  ~Held() override {
    const std::lock_guard lock(state_->mutex);
    if (state_->cuts == cuts_) state_->locked.erase(path_);
  }

 private:
  std::shared_ptr<State> state_;
  std::string path_;
  std::uint64_t cuts_;
};

MemoryFileSystem::MemoryFileSystem(const io::Clock* clock) : state_(std::make_shared<State>()) {
  state_->clock = clock;
}

MemoryFileSystem::~MemoryFileSystem() = default;

void MemoryFileSystem::PowerCut() {
  const std::lock_guard lock(state_->mutex);
  ++state_->cuts;
  state_->locked.clear();
  state_->tree.LoseUnsynced();
}

void MemoryFileSystem::PowerCut(std::uint64_t seed) {
  FakeRandom random(seed);
  const std::lock_guard lock(state_->mutex);
  ++state_->cuts;
  state_->locked.clear();
  state_->tree.LoseSome(random);
}

void MemoryFileSystem::SetCapacity(std::uint64_t bytes) {
  const std::lock_guard lock(state_->mutex);
  state_->capacity = bytes;
}

Status MemoryFileSystem::FlipBits(const std::string& path, std::uint64_t offset,
                                  std::uint8_t mask) {
  const std::lock_guard lock(state_->mutex);
  const MemoryNodePtr node = state_->tree.Find(path);
  if (node == nullptr || !node->content.FlipBits(offset, mask)) return NotFound("flip", path);
  return Status::Ok();
}

Result<std::unique_ptr<io::RandomAccessFile>> MemoryFileSystem::OpenForRead(
    const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  MemoryNodePtr node = state_->tree.Find(path);
  if (node == nullptr) return NotFound("open", path);
  if (node->is_directory) return Refused("open", path, "EISDIR (is a directory)");
  return std::unique_ptr<io::RandomAccessFile>(
      std::make_unique<Reader>(state_, std::move(node), path));
}

Result<std::unique_ptr<io::WritableFile>> MemoryFileSystem::OpenForWrite(const std::string& path,
                                                                         io::OpenMode mode) {
  const std::lock_guard lock(state_->mutex);
  const MemoryTree::Place place = state_->tree.Locate(path);
  MemoryNodePtr node = state_->tree.Find(path);
  if (node != nullptr && node->is_directory) {
    return Refused("open", path, "EISDIR (is a directory)");
  }
  if (node != nullptr && mode == io::OpenMode::kCreateNew) {
    return Status(Code::kConflict, fmt::format("open {}: EEXIST (file exists)", path));
  }
  if (node == nullptr && (place.directory == nullptr || mode == io::OpenMode::kExisting)) {
    return NotFound("open", path);
  }
  if (node == nullptr) node = state_->Make(place, /*is_directory=*/false);
  if (mode == io::OpenMode::kTruncate) node->content.Resize(0);
  return std::unique_ptr<io::WritableFile>(std::make_unique<Writer>(state_, std::move(node), path));
}

Result<std::vector<io::DirectoryEntry>> MemoryFileSystem::List(const std::string& directory) {
  const std::lock_guard lock(state_->mutex);
  const MemoryNodePtr node = state_->tree.Find(directory);
  if (node == nullptr) return NotFound("list", directory);
  if (!node->is_directory) return Refused("list", directory, "ENOTDIR (not a directory)");
  std::vector<io::DirectoryEntry> entries;
  for (const auto& [name, child] : node->entries) {
    entries.push_back({name, child->is_directory, child->content.size(), child->modified_us});
  }
  return entries;
}

Result<bool> MemoryFileSystem::Exists(const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  return state_->tree.Find(path) != nullptr;
}

Status MemoryFileSystem::CreateDirectories(const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  std::string prefix;
  for (const std::string& part : MemoryTree::Parts(path)) {
    prefix.append("/").append(part);
    const MemoryTree::Place place = state_->tree.Locate(prefix);
    const MemoryNodePtr node = state_->tree.Find(prefix);
    if (node != nullptr && !node->is_directory) {
      return {Code::kConflict, fmt::format("create directory {}: {} is a file", path, prefix)};
    }
    if (node != nullptr) continue;
    state_->Make(place, /*is_directory=*/true);
    state_->tree.Sync(place.directory);
  }
  return Status::Ok();
}

Status MemoryFileSystem::Rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(state_->mutex);
  const MemoryNodePtr node = state_->tree.Find(from);
  const MemoryTree::Place source = state_->tree.Locate(from);
  const MemoryTree::Place target = state_->tree.Locate(to);
  if (node == nullptr || target.directory == nullptr) {
    return NotFound("rename", fmt::format("{} to {}", from, to));
  }
  const MemoryNodePtr old = state_->tree.Find(to);
  if (old == node) return Status::Ok();
  const bool into_itself = MemoryTree::Normal(to).starts_with(MemoryTree::Normal(from) + "/");
  if (source.directory == nullptr || into_itself) return Refused("rename", from, "EINVAL");
  if (old != nullptr && (old->is_directory != node->is_directory || !old->entries.empty())) {
    return Refused("rename", to, "a directory is in the way, or a file in the way of one");
  }
  state_->tree.Move(source, target);
  return Status::Ok();
}

Status MemoryFileSystem::Remove(const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  const MemoryTree::Place place = state_->tree.Locate(path);
  const MemoryNodePtr node = state_->tree.Find(path);
  if (node == nullptr) return NotFound("remove", path);
  if (place.directory == nullptr) return Refused("remove", path, "EBUSY (the root)");
  if (!node->entries.empty()) return Refused("remove", path, "ENOTEMPTY (directory not empty)");
  state_->tree.Erase(place);
  return Status::Ok();
}

Status MemoryFileSystem::SyncDirectory(const std::string& directory) {
  const std::lock_guard lock(state_->mutex);
  const MemoryNodePtr node = state_->tree.Find(directory);
  if (node == nullptr) return NotFound("sync", directory);
  if (!node->is_directory) return Refused("sync", directory, "ENOTDIR (not a directory)");
  state_->tree.Sync(node);
  return Status::Ok();
}

Result<std::uint64_t> MemoryFileSystem::AvailableBytes(const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  if (state_->tree.Find(path) == nullptr) return NotFound("statvfs", path);
  return state_->Available();
}

Result<std::unique_ptr<io::FileLock>> MemoryFileSystem::Lock(const std::string& path) {
  const std::string normal = MemoryTree::Normal(path);
  const std::lock_guard lock(state_->mutex);
  const MemoryTree::Place place = state_->tree.Locate(path);
  if (place.directory == nullptr) return NotFound("lock", path);
  if (!state_->locked.insert(normal).second) {
    return Status(Code::kConflict,
                  fmt::format("{} is locked by process {}, which is this one", path, ::getpid()));
  }
  MemoryNodePtr node = state_->tree.Find(path);
  if (node == nullptr) node = state_->Make(place, /*is_directory=*/false);
  node->content.Resize(0);
  node->content.Write(0, fmt::format("{}\n", ::getpid()));
  return std::unique_ptr<io::FileLock>(std::make_unique<Held>(state_, normal));
}

Result<std::string> MemoryFileSystem::Resolve(const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos) {
    return Status(Code::kInvalidPath, "the path is empty or contains a NUL byte");
  }
  return MemoryTree::Normal(path);
}

}  // namespace granary::testing
