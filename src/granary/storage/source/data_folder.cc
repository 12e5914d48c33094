#include "granary/storage/source/data_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "granary/base/crc32c.h"
#include "granary/io/clock.h"

namespace granary::storage {
namespace {

constexpr std::string_view kMagic = "granary data folder\n";
constexpr std::string_view kLanePrefix = "lane-";

// magic, "format 1", "store <32 hex digits>", "crc32c <8 hex digits>" over all before; a line each.
std::string FormatText(std::string_view store_id) {
  std::string text = fmt::format("{}format {}\nstore {}\n", kMagic, kDataFolderFormat, store_id);
  return text + fmt::format("crc32c {:08x}\n", Crc32c(text));
}

std::string NewStoreId() {
  io::SystemRandom random;
  return fmt::format("{:016x}{:016x}", random.Next64(), random.Next64());
}

std::optional<std::uint32_t> ParseNumber(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// The rest of the line that begins with `key`, and moves behind it.
std::optional<std::string_view> TakeLine(std::string_view& text, std::string_view key) {
  if (!text.starts_with(key)) return std::nullopt;
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view value = text.substr(key.size(), end - key.size());
  text.remove_prefix(end + 1);
  return value;
}

// The version is judged before the checksum: a newer format may end differently.
Result<std::string> ParseFormat(const std::string& path, std::string_view text) {
  std::string_view rest = text;
  const Status damaged =
      Status::Corruption(fmt::format("{}: not the FORMAT file of a Granary data folder", path));
  if (!rest.starts_with(kMagic)) return damaged;
  rest.remove_prefix(kMagic.size());
  const auto format = ParseNumber(TakeLine(rest, "format ").value_or(""));
  if (!format.has_value()) return damaged;
  if (*format > kDataFolderFormat) {
    return Status(
        Code::kConflict,
        fmt::format(
            "{}: the data folder has format {}, this program knows up to {}: use a newer version",
            path, *format, kDataFolderFormat));
  }
  const auto store = TakeLine(rest, "store ");
  if (!store.has_value() || store->size() != 32 || text != FormatText(*store)) return damaged;
  return std::string(*store);
}

// Other services of the same DATA_PATH keep their own below it, and may be the first.
constexpr std::string_view kFoldersOfServices[] = {"auth", "catalog", "cbo_engine", "monitoring",
                                                   "operation_node"};

// What may lie in a folder that was claimed for the first time and then left by a crash.
bool MayPrecedeFormat(const io::DirectoryEntry& entry) {
  if (entry.is_directory &&
      std::ranges::find(kFoldersOfServices, entry.name) != std::end(kFoldersOfServices)) {
    return true;
  }
  // What a node with many tenants keeps beside a folder for one.
  if (entry.name == "hosted" || entry.name == "node_key") return true;
  return entry.name == kLockFileName || entry.name == "FORMAT.tmp" || entry.name == "lost+found";
}

Status CheckOurs(io::FileSystem& files, const std::string& root) {
  GRANARY_ASSIGN(const bool has_format, files.Exists(io::JoinPath(root, kFormatFileName)));
  if (has_format) return Status::Ok();
  GRANARY_ASSIGN(const auto entries, files.List(root));
  for (const io::DirectoryEntry& entry : entries) {
    if (MayPrecedeFormat(entry)) continue;
    return {Code::kConflict, fmt::format("{} holds \"{}\" and no {} file: not a Granary data "
                                         "folder. Choose an empty folder as DATA_PATH",
                                         root, entry.name, kFormatFileName)};
  }
  return Status::Ok();
}

Status Unusable(const Status& cause, const std::string& root) {
  if (cause.code() == Code::kConflict) return cause;
  return cause.At(fmt::format("DATA_PATH {} cannot be used", root));
}

}  // namespace

Result<DataFolder> DataFolder::Open(io::FileSystem& files, const std::string& root) {
  DataFolder folder;
  if (const Status s = files.CreateDirectories(root); !s.ok()) return Unusable(s, root);
  GRANARY_ASSIGN(folder.root_, files.Resolve(root));
  // Before the lock, so that nothing is put into a folder of somebody else's.
  GRANARY_TRY(CheckOurs(files, folder.root_));

  Result<std::unique_ptr<io::FileLock>> lock =
      files.Lock(io::JoinPath(folder.root_, kLockFileName));
  if (!lock.ok()) return Unusable(lock.status(), root);
  folder.lock_ = lock.Take();

  const std::string path = io::JoinPath(folder.root_, kFormatFileName);
  GRANARY_ASSIGN(const bool has_format, files.Exists(path));
  if (!has_format) {
    GRANARY_TRY(CheckOurs(files, folder.root_));
    if (const Status s = files.ReplaceFile(path, FormatText(NewStoreId())); !s.ok())
      return Unusable(s, root);
  }
  GRANARY_ASSIGN(const std::string text, files.ReadFile(path));
  GRANARY_ASSIGN(folder.store_id_, ParseFormat(path, text));
  return folder;
}

std::string DataFolder::WalPath() const { return io::JoinPath(root_, kWalFolderName); }

std::string DataFolder::LanePath(std::uint32_t lane) const {
  return io::JoinPath(WalPath(), fmt::format("{}{}", kLanePrefix, lane));
}

std::string DataFolder::TenantPath(const TenantId& tenant) const {
  return io::JoinPath(io::JoinPath(root_, kTenantsFolderName), tenant.str());
}

std::string DataFolder::SpoolPath(const TenantId& tenant) const {
  return io::JoinPath(TenantPath(tenant), kSpoolFolderName);
}

std::string DataFolder::ManifestPath(const TenantId& tenant) const {
  return io::JoinPath(TenantPath(tenant), "manifest.db");
}

std::optional<std::uint32_t> ParseLaneName(std::string_view name) {
  if (!name.starts_with(kLanePrefix)) return std::nullopt;
  return ParseNumber(name.substr(kLanePrefix.size()));
}

}  // namespace granary::storage
