#include "granary/storage/source/log_damage.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "granary/base/bytes.h"
#include "granary/base/crc32c.h"
#include "granary/storage/source/log_walk.h"

namespace granary::storage {
namespace {

constexpr std::uint32_t kJudgedMagic = 0x474D4447;  // "GDMG"

std::string JudgedPath(const std::string& lane_directory) {
  return io::JoinPath(lane_directory, "DAMAGE");
}

}  // namespace

Result<LogDamage> ExamineLog(io::FileSystem& files, const std::string& lane_directory) {
  GRANARY_ASSIGN(const auto log, ListLog(files, lane_directory));
  LogDamage found;
  std::optional<LogPosition> last_nameless;
  GRANARY_TRY(WalkLog(
      files, log, [](const WalFrame&, LogPosition) {},
      [&](const WalReader& reader, const LogFile& file) {
        for (const WalReader::Lost& lost : reader.lost()) {
          std::uint64_t& last = found.lost[lost.source_uid];
          last = std::max(last, lost.last_sequence);
        }
        // Damage with a readable header is listed in lost(); any more than that has no name.
        if (reader.damage().size() > reader.lost().size())
          last_nameless = {file.number, reader.damage().back().offset};
      }));
  found.nameless = last_nameless.has_value();
  if (!found.nameless) return found;
  GRANARY_TRY(WalkLog(
      files, log,
      [&](const WalFrame& frame, LogPosition at) {
        if (HoldsRecords(frame.kind) && at > *last_nameless)
          found.seen_behind.insert(frame.source_uid);
      },
      [](const WalReader&, const LogFile&) {}));
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
