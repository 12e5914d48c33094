#include "granary/storage/wal/wal_dump.h"

#include <fmt/format.h>

#include <cstring>
#include <iterator>
#include <memory>

#include "granary/base/append_format.h"
#include "granary/storage/wal/wal_files.h"
#include "granary/storage/wal/wal_reader.h"
#include "granary/storage/wal/wal_replay.h"
#include "granary/types/time_text.h"

namespace granary::storage {
namespace {

/// <data>/wal, its lanes; more is not ours.
constexpr int kFolderDepthMax = 3;

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const bool plain = c >= ' ' && c <= '~' && c != '"' && c != '\\';
    if (plain)
      out.push_back(c);
    else
      AppendFormat(out, "\\x{:02x}", c & 0xff);
  }
  return out + '"';
}

std::string_view TailText(WalTail tail) {
  switch (tail) {
    case WalTail::kOpen: return "after the last frame";
    case WalTail::kTorn: return "in a torn group, left out of replay";
    case WalTail::kSynced: return "where the next file says";
    case WalTail::kEndOfLane: return "with a clean stop";
  }
  return "";
}

void PrintHeader(const WalReader& reader, const std::string& path, std::string& out) {
  out += path + "\n";
  if (!reader.header()) {
    out += "  no whole file header of this file's number\n";
    return;
  }
  const WalFileHeader& header = *reader.header();
  AppendFormat(out, "  lane {} file {} salt {:016x} created ", header.lane, header.file_number,
               header.salt);
  AppendTimestamp(header.created_us, TimeUnit::kMicro, out);
  if (header.previous_file != 0) {
    AppendFormat(out, " after file {} of {} bytes", header.previous_file, header.previous_end);
  }
  out += '\n';
}

void PrintFrame(const WalReader& reader, const WalFrame& frame, std::string& out) {
  AppendFormat(out, "  @{} group @{} ", reader.frame_offset(), reader.frame_group_start());
  if (frame.kind == FrameKind::kEndOfLane) {
    out += "end of lane\n";
    return;
  }
  AppendFormat(out, "tenant {} source {} uid {} schema {} first {} records {} payload {} bytes",
               Quoted(frame.tenant), Quoted(frame.source), frame.source_uid.value,
               frame.schema_version, frame.first_sequence, frame.records, frame.payload.size());
  if (!frame.idempotency_key.empty()) {
    AppendFormat(out, " key {} body {:016x}", Quoted(frame.idempotency_key), frame.body_hash);
  }
  out += '\n';
}

/// The number that a file's frames carry, when its name does not tell: a copy, or a spare.
Result<std::uint64_t> NumberInside(io::FileSystem& files, const std::string& path) {
  GRANARY_ASSIGN(const auto file, files.OpenForRead(path));
  std::string bytes(kWalFileHeaderBytes + kFrameHeaderBytes, '\0');
  GRANARY_ASSIGN(const std::size_t got, file->ReadAt(0, bytes));
  bytes.resize(got);
  const auto header = DecodeWalFileHeader(bytes);
  if (header.ok()) return header->file_number;
  if (bytes.size() < kWalFileHeaderBytes + kFrameHeaderBytes) return std::uint64_t{0};
  FrameHeaderLayout first;
  std::memcpy(&first, bytes.data() + kWalFileHeaderBytes, sizeof(first));
  return first.magic == kWalFrameMagic ? first.file_number : 0;
}

std::string_view BaseName(std::string_view path) { return path.substr(path.rfind('/') + 1); }

Result<std::uint64_t> NumberOf(io::FileSystem& files, const std::string& path) {
  if (const auto number = ParseWalFileName(BaseName(path))) return *number;
  return NumberInside(files, path);
}

Status DumpFile(io::FileSystem& files, const std::string& path,
                const std::optional<std::string>& source, const WalFileHeaders& neighbours,
                std::string& out) {
  GRANARY_ASSIGN(const std::uint64_t number, NumberOf(files, path));
  GRANARY_ASSIGN(const auto reader,
                 WalReader::Open(files, path, number, SyncedEnd(neighbours, number)));
  PrintHeader(*reader, path, out);
  WalFrame frame;
  std::size_t printed = 0;
  while (true) {
    const Result<bool> more = reader->Next(frame);
    for (; printed < reader->damage().size(); ++printed) {
      const WalDamage& damage = reader->damage()[printed];
      AppendFormat(out, "  DAMAGE @{}: {}\n", damage.offset, damage.detail);
    }
    if (!more.ok()) return more.status();
    if (!*more) break;
    if (!source || frame.source == *source || frame.kind == FrameKind::kEndOfLane)
      PrintFrame(*reader, frame, out);
  }
  AppendFormat(out, "  ends @{} {}\n", reader->end(), TailText(reader->tail()));
  return Status::Ok();
}

Status DumpFolder(io::FileSystem& files, const std::string& folder,
                  const std::optional<std::string>& source, int depth, std::string& out) {
  GRANARY_ASSIGN(const std::vector<io::DirectoryEntry> entries, files.List(folder));
  WalFileHeaders headers;
  for (const io::DirectoryEntry& entry : entries) {
    const auto number = entry.is_directory ? std::nullopt : ParseWalFileName(entry.name);
    if (number) CollectHeader(files, io::JoinPath(folder, entry.name), *number, headers);
  }
  for (const io::DirectoryEntry& entry : entries) {
    const std::string path = io::JoinPath(folder, entry.name);
    if (entry.is_directory && depth < kFolderDepthMax) {
      GRANARY_TRY(DumpFolder(files, path, source, depth + 1, out));
    } else if (!entry.is_directory && ParseWalFileName(entry.name)) {
      // One unreadable file does not hide the others.
      if (Status s = DumpFile(files, path, source, headers, out); !s.ok())
        out += "  " + s.ToString() + "\n";
    } else if (!entry.is_directory && entry.name.ends_with(kSpareSuffix)) {
      AppendFormat(out, "{}\n  spare, {} bytes to be overwritten\n", path, entry.bytes);
    }
  }
  return Status::Ok();
}

}  // namespace

Status DumpWal(io::FileSystem& files, const std::string& path,
               const std::optional<std::string>& source, std::string& out) {
  if (files.List(path).ok()) return DumpFolder(files, path, source, 0, out);
  WalFileHeaders neighbours;
  const auto beside = files.List(io::ParentPath(path));
  for (const io::DirectoryEntry& entry :
       beside.ok() ? *beside : std::vector<io::DirectoryEntry>{}) {
    const auto number = entry.is_directory ? std::nullopt : ParseWalFileName(entry.name);
    if (number)
      CollectHeader(files, io::JoinPath(io::ParentPath(path), entry.name), *number, neighbours);
  }
  return DumpFile(files, path, source, neighbours, out);
}

}  // namespace granary::storage
