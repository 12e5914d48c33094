#include "granary/testing/faulty_file_system.h"

#include <fmt/format.h>

#include <mutex>
#include <optional>

namespace granary::testing {
namespace {

struct Counter {
  std::uint64_t count = 0;
  std::optional<Fault> fault;

  void Arm(Fault wanted) {
    count = 0;
    fault = wanted;
  }
  // Counts a call; the fault when this one fails.
  std::optional<Fault> Count() {
    ++count;
    if (!fault.has_value()) return std::nullopt;
    const bool fails = count == fault->nth || (fault->and_later && count > fault->nth);
    return fails ? fault : std::nullopt;
  }
};

}  // namespace

struct FaultyFileSystem::State {
  mutable std::mutex mutex;
  Counter changes;
  Counter reads;
  std::string failed_call;

  std::optional<Fault> Count(Counter& counter, std::string_view operation,
                             const std::string& path) {
    const std::lock_guard lock(mutex);
    const std::optional<Fault> fault = counter.Count();
    if (fault.has_value() && failed_call.empty()) {
      failed_call = fmt::format("{} {}", operation, path);
    }
    return fault;
  }
  static Status Failure(const Fault& fault, std::string_view operation, const std::string& path) {
    return {fault.code, fmt::format("{} {}: failed on purpose", operation, path)};
  }
  Status Change(std::string_view operation, const std::string& path) {
    const std::optional<Fault> fault = Count(changes, operation, path);
    return fault.has_value() ? Failure(*fault, operation, path) : Status::Ok();
  }
  Status Read(std::string_view operation, const std::string& path) {
    const std::optional<Fault> fault = Count(reads, operation, path);
    return fault.has_value() ? Failure(*fault, operation, path) : Status::Ok();
  }
};

class FaultyFileSystem::Reader final : public io::RandomAccessFile {
 public:
  Reader(std::shared_ptr<State> state, std::unique_ptr<io::RandomAccessFile> file, std::string path)
      : state_(std::move(state)), file_(std::move(file)), path_(std::move(path)) {}

  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<char> out) const override {
    GRANARY_TRY(state_->Read("read", path_));
    return file_->ReadAt(offset, out);
  }
  std::uint64_t size() const override { return file_->size(); }

 private:
  std::shared_ptr<State> state_;
  std::unique_ptr<io::RandomAccessFile> file_;
  std::string path_;
};

class FaultyFileSystem::Writer final : public io::WritableFile {
 public:
  Writer(std::shared_ptr<State> state, std::unique_ptr<io::WritableFile> file, std::string path)
      : state_(std::move(state)), file_(std::move(file)), path_(std::move(path)) {}

  Status WriteAt(std::uint64_t offset, std::string_view bytes) override {
    const std::optional<Fault> fault = state_->Count(state_->changes, "write", path_);
    if (!fault.has_value()) return file_->WriteAt(offset, bytes);
    if (fault->short_write) GRANARY_TRY(file_->WriteAt(offset, bytes.substr(0, bytes.size() / 2)));
    return State::Failure(*fault, "write", path_);
  }
  Status Sync() override {
    GRANARY_TRY(state_->Change("sync", path_));
    return file_->Sync();
  }
  Status Preallocate(std::uint64_t bytes) override {
    GRANARY_TRY(state_->Change("preallocate", path_));
    return file_->Preallocate(bytes);
  }
  Status Truncate(std::uint64_t bytes) override {
    GRANARY_TRY(state_->Change("truncate", path_));
    return file_->Truncate(bytes);
  }
  Status Close() override { return file_->Close(); }

 private:
  std::shared_ptr<State> state_;
  std::unique_ptr<io::WritableFile> file_;
  std::string path_;
};

FaultyFileSystem::FaultyFileSystem(io::FileSystem& files)
    : files_(files), state_(std::make_shared<State>()) {}

FaultyFileSystem::~FaultyFileSystem() = default;

void FaultyFileSystem::FailChange(Fault fault) {
  const std::lock_guard lock(state_->mutex);
  state_->changes.Arm(fault);
}

void FaultyFileSystem::FailRead(Fault fault) {
  const std::lock_guard lock(state_->mutex);
  state_->reads.Arm(fault);
}

void FaultyFileSystem::Heal() {
  const std::lock_guard lock(state_->mutex);
  state_->changes.fault.reset();
  state_->reads.fault.reset();
}

std::uint64_t FaultyFileSystem::changes() const {
  const std::lock_guard lock(state_->mutex);
  return state_->changes.count;
}

std::uint64_t FaultyFileSystem::reads() const {
  const std::lock_guard lock(state_->mutex);
  return state_->reads.count;
}

std::string FaultyFileSystem::failed_call() const {
  const std::lock_guard lock(state_->mutex);
  return state_->failed_call;
}

Result<std::unique_ptr<io::RandomAccessFile>> FaultyFileSystem::OpenForRead(
    const std::string& path) {
  GRANARY_TRY(state_->Read("open", path));
  GRANARY_ASSIGN(std::unique_ptr<io::RandomAccessFile> file, files_.OpenForRead(path));
  return std::unique_ptr<io::RandomAccessFile>(
      std::make_unique<Reader>(state_, std::move(file), path));
}

Result<std::unique_ptr<io::WritableFile>> FaultyFileSystem::OpenForWrite(const std::string& path,
                                                                         io::OpenMode mode) {
  GRANARY_TRY(state_->Change("open", path));
  GRANARY_ASSIGN(std::unique_ptr<io::WritableFile> file, files_.OpenForWrite(path, mode));
  return std::unique_ptr<io::WritableFile>(std::make_unique<Writer>(state_, std::move(file), path));
}

Result<std::vector<io::DirectoryEntry>> FaultyFileSystem::List(const std::string& directory) {
  GRANARY_TRY(state_->Read("list", directory));
  return files_.List(directory);
}

Status FaultyFileSystem::CreateDirectories(const std::string& path) {
  GRANARY_TRY(state_->Change("create directory", path));
  return files_.CreateDirectories(path);
}

Status FaultyFileSystem::Rename(const std::string& from, const std::string& to) {
  GRANARY_TRY(state_->Change("rename", from));
  return files_.Rename(from, to);
}

Status FaultyFileSystem::Remove(const std::string& path) {
  GRANARY_TRY(state_->Change("remove", path));
  return files_.Remove(path);
}

Status FaultyFileSystem::SyncDirectory(const std::string& directory) {
  GRANARY_TRY(state_->Change("sync", directory));
  return files_.SyncDirectory(directory);
}

Result<bool> FaultyFileSystem::Exists(const std::string& path) { return files_.Exists(path); }

Result<std::uint64_t> FaultyFileSystem::AvailableBytes(const std::string& path) {
  return files_.AvailableBytes(path);
}

Result<std::unique_ptr<io::FileLock>> FaultyFileSystem::Lock(const std::string& path) {
  return files_.Lock(path);
}

Result<std::string> FaultyFileSystem::Resolve(const std::string& path) {
  return files_.Resolve(path);
}

}  // namespace granary::testing
