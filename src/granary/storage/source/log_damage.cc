#include "granary/storage/source/log_damage.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "granary/base/bytes.h"
#include "granary/base/crc32c.h"
#include "granary/storage/wal/wal_files.h"
#include "granary/storage/wal/wal_reader.h"
#include "granary/storage/wal/wal_replay.h"

namespace granary::storage {
namespace {

constexpr std::uint32_t kJudgedMagic = 0x474D4447;  // "GDMG"

// A place in a lane: files in order, then bytes.
struct Position {
  std::uint64_t file = 0;
  std::uint64_t offset = 0;
  auto operator<=>(const Position&) const = default;
};

struct NumberedFile {
  std::uint64_t number = 0;
  std::string path;
};

Result<std::vector<NumberedFile>> ListLog(io::FileSystem& files, const std::string& directory) {
  GRANARY_ASSIGN(const auto entries, files.List(directory));
  std::vector<NumberedFile> found;
  for (const io::DirectoryEntry& entry : entries) {
    if (const auto number = ParseWalFileName(entry.name))
      found.push_back({*number, io::JoinPath(directory, entry.name)});
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.number < b.number; });
  return found;
}

using FrameFn = std::function<void(const WalFrame& frame, Position at)>;
using FileFn = std::function<void(const WalReader& reader, std::uint64_t number)>;

Status ReadLog(io::FileSystem& files, const std::vector<NumberedFile>& log, const FrameFn& on_frame,
               const FileFn& on_file) {
  WalFileHeaders headers;
  for (const NumberedFile& file : log) CollectHeader(files, file.path, file.number, headers);
  for (const NumberedFile& file : log) {
    GRANARY_ASSIGN(const auto reader,
                   WalReader::Open(files, file.path, file.number, SyncedEnd(headers, file.number)));
    WalFrame frame;
    for (;;) {
      GRANARY_ASSIGN(const bool more, reader->Next(frame));
      if (!more) break;
      on_frame(frame, {file.number, reader->frame_offset()});
    }
    on_file(*reader, file.number);
  }
  return Status::Ok();
}

std::string JudgedPath(const std::string& lane_directory) {
  return io::JoinPath(lane_directory, "DAMAGE");
}

}  // namespace

Result<LogDamage> ExamineLog(io::FileSystem& files, const std::string& lane_directory) {
  GRANARY_ASSIGN(const auto log, ListLog(files, lane_directory));
  LogDamage found;
  std::optional<Position> last_nameless;
  GRANARY_TRY(ReadLog(
      files, log, [](const WalFrame&, Position) {},
      [&](const WalReader& reader, std::uint64_t number) {
        for (const WalReader::Lost& lost : reader.lost()) {
          std::uint64_t& last = found.lost[lost.source_uid];
          last = std::max(last, lost.last_sequence);
        }
        // Damage with a readable header is listed in lost(); any more than that has no name.
        if (reader.damage().size() > reader.lost().size())
          last_nameless = {number, reader.damage().back().offset};
      }));
  found.nameless = last_nameless.has_value();
  if (!found.nameless) return found;
  GRANARY_TRY(ReadLog(
      files, log,
      [&](const WalFrame& frame, Position at) {
        if (frame.kind == FrameKind::kRecords && at > *last_nameless)
          found.seen_behind.insert(frame.source_uid);
      },
      [](const WalReader&, std::uint64_t) {}));
  return found;
}

std::set<JudgedDamage::Place> JudgedDamage::PlacesOf(const std::vector<WalDamage>& damage) {
  std::set<Place> places;
  for (const WalDamage& each : damage) {
    places.emplace(each.file.substr(each.file.rfind('/') + 1), each.offset);
  }
  return places;
}

Result<JudgedDamage> JudgedDamage::Load(io::FileSystem& files, const std::string& lane_directory) {
  const std::string path = JudgedPath(lane_directory);
  GRANARY_ASSIGN(const bool exists, files.Exists(path));
  if (!exists) return JudgedDamage{};
  GRANARY_ASSIGN(const std::string bytes, files.ReadFile(path));
  const Status damaged = Status::Corruption(fmt::format("{}: does not read", path));
  ByteReader in(bytes);
  const auto magic = in.Fixed<std::uint32_t>();
  const auto crc = in.Fixed<std::uint32_t>();
  if (!in.ok() || magic != kJudgedMagic || crc != Crc32c(std::string_view(bytes).substr(8)))
    return damaged;
  JudgedDamage judged;
  for (auto count = in.Fixed<std::uint32_t>(); count > 0 && in.ok(); --count) {
    std::string file(in.String());
    judged.places.emplace(std::move(file), in.Fixed<std::uint64_t>());
  }
  for (auto count = in.Fixed<std::uint32_t>(); count > 0 && in.ok(); --count) {
    judged.refused.insert(SourceUid{in.Fixed<std::uint64_t>()});
  }
  if (!in.ok()) return damaged;
  return judged;
}

Status JudgedDamage::Save(io::FileSystem& files, const std::string& lane_directory) const {
  std::string body;
  PutFixed(body, static_cast<std::uint32_t>(places.size()));
  for (const auto& [file, offset] : places) {
    PutString(body, file);
    PutFixed(body, offset);
  }
  PutFixed(body, static_cast<std::uint32_t>(refused.size()));
  for (const SourceUid uid : refused) PutFixed(body, uid.value);
  std::string bytes;
  PutFixed(bytes, kJudgedMagic);
  PutFixed(bytes, Crc32c(body));
  return files.ReplaceFile(JudgedPath(lane_directory), bytes + body);
}

}  // namespace granary::storage
