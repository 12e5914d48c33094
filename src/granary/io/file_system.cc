#include "granary/io/file_system.h"

#include <fmt/format.h>

#include <algorithm>

#include "granary/base/check.h"

namespace granary::io {
namespace {

std::string_view WithoutTrailingSlashes(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

// All below `directory`, which is one and not a link to one, and then itself.
Status RemoveDirectory(FileSystem& files, const std::string& directory) {
  GRANARY_ASSIGN(const std::vector<DirectoryEntry> entries, files.List(directory));
  for (const DirectoryEntry& entry : entries) {
    const std::string path = JoinPath(directory, entry.name);
    GRANARY_TRY(entry.is_directory ? RemoveDirectory(files, path) : files.Remove(path));
  }
  return files.Remove(directory);
}

Status WriteWhole(FileSystem& files, const std::string& path, std::string_view bytes) {
  GRANARY_ASSIGN(const std::unique_ptr<WritableFile> file,
                 files.OpenForWrite(path, OpenMode::kTruncate));
  GRANARY_TRY(file->WriteAt(0, bytes));
  GRANARY_TRY(file->Sync());
  return file->Close();
}

}  // namespace

Result<std::string> FileSystem::ReadFile(const std::string& path) {
  GRANARY_ASSIGN(const std::unique_ptr<RandomAccessFile> file, OpenForRead(path));
  std::string bytes(file->size(), '\0');
  GRANARY_ASSIGN(const std::size_t read, file->ReadAt(0, bytes));
  bytes.resize(read);
  return bytes;
}

// The order is the promise: the new content is on disk before its name is, and the name is on disk
// before we say so.
Status FileSystem::ReplaceFile(const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".tmp";
  Status written = WriteWhole(*this, temporary, bytes);
  if (written.ok()) written = Rename(temporary, path);
  if (!written.ok()) {
    (void)Remove(temporary);  // Best effort: the failure to report is the first one.
    return written;
  }
  return SyncDirectory(ParentPath(path));
}

Status FileSystem::RemoveTree(const std::string& path) {
  const std::string tree(WithoutTrailingSlashes(path));
  const std::string name = tree.substr(tree.rfind('/') + 1);
  if (name.empty() || name == "." || name == "..") {
    return {Code::kInvalidPath, fmt::format("\"{}\" does not name what to remove", path)};
  }
  // The parent knows whether this is a directory or a link to one; a link is removed, not followed.
  const Result<std::vector<DirectoryEntry>> siblings = List(ParentPath(tree));
  if (!siblings.ok()) {
    return siblings.status().code() == Code::kNotFound ? Status::Ok() : siblings.status();
  }
  const auto found = std::find_if(siblings->begin(), siblings->end(),
                                  [&](const DirectoryEntry& entry) { return entry.name == name; });
  if (found == siblings->end()) return Status::Ok();
  return found->is_directory ? RemoveDirectory(*this, tree) : Remove(tree);
}

std::string JoinPath(std::string_view a, std::string_view b) {
  GRANARY_CHECK(!b.starts_with('/'), "a={} b={}", a, b);
  if (a.empty()) return std::string(b);
  std::string joined(a);
  if (!joined.ends_with('/')) joined.push_back('/');
  return joined.append(b);
}

std::string ParentPath(std::string_view path) {
  path = WithoutTrailingSlashes(path);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  if (slash == 0) return "/";
  return std::string(WithoutTrailingSlashes(path.substr(0, slash)));
}

}  // namespace granary::io
