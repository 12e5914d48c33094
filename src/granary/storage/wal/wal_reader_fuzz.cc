// A log file of any bytes: read, printed, and replayed by a lane. The mutator makes the checksums
// of the header and of every frame that it finds right again.
//
// Promises   every frame that is returned stands in the file, whole, under checksums that hold, and
//            in order; damage lies inside the file; replaying twice gives the same frames.
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "granary/base/check.h"
#include "granary/base/crc32c.h"
#include "granary/storage/wal/keyed_payload.h"
#include "granary/storage/wal/wal_dump.h"
#include "granary/storage/wal/wal_format.h"
#include "granary/storage/wal/wal_reader.h"
#include "granary/storage/wal/wal_testbed.h"
#include "granary/testing/fake_clock.h"
#include "granary/testing/fake_random.h"
#include "granary/testing/fuzz_target.h"
#include "granary/testing/memory_file_system.h"

namespace granary::storage {
namespace {

constexpr std::uint64_t kNumber = 7;
const std::string kFolder = "/wal";
const std::string kName = "000007.wal";
const std::string kPath = "/wal/000007.wal";
/// So that a run does not spend its time on making room for frames that it does not write.
constexpr std::uint64_t kFileBytes = 4096;

template <typename Layout>
Layout LayoutAt(std::string_view bytes, std::size_t at) {
  Layout layout;
  std::memcpy(&layout, bytes.data() + at, sizeof(layout));
  return layout;
}

std::size_t PayloadEnd(const FrameHeaderLayout& h, std::size_t names_end) {
  const std::size_t unpadded = names_end + h.payload_bytes;
  return unpadded + (0 - unpadded) % kWalAlignment;
}

/// Checks a frame against the file's own bytes, by its own arithmetic.
void CheckFrame(std::string_view file, const WalReader& reader, const WalFrame& frame,
                std::uint64_t after) {
  const auto at = static_cast<std::size_t>(reader.frame_offset());
  GRANARY_CHECK(at >= after && at % kWalAlignment == 0 && at + kFrameHeaderBytes <= file.size(),
                "at={} after={} file={}", at, after, file.size());
  const auto h = LayoutAt<FrameHeaderLayout>(file, at);
  const std::size_t names_end = at + kFrameHeaderBytes + frame.tenant.size() + frame.source.size() +
                                frame.idempotency_key.size();
  const std::size_t end = PayloadEnd(h, names_end);
  GRANARY_CHECK(end <= file.size() && end == reader.end(), "at={} end={}", at, end);
  GRANARY_CHECK(h.file_number == kNumber && h.group_start <= at);
  GRANARY_CHECK(!reader.header() || reader.header()->salt == h.salt);
  GRANARY_CHECK(Crc32c(file.substr(at + 8, names_end - at - 8)) == h.header_crc);
  GRANARY_CHECK(Crc32c(file.substr(names_end, end - names_end)) == h.payload_crc);
  GRANARY_CHECK(frame.payload == file.substr(names_end, h.payload_bytes));
  if (frame.kind == FrameKind::kKeyedRecords) {
    const auto keyed = SplitKeyedPayload(frame.payload);
    GRANARY_CHECK(keyed.ok() || keyed.status().code() == Code::kCorruption);
    GRANARY_CHECK(!keyed.ok() || keyed->batch.size() + keyed->note.size() < frame.payload.size());
  }
}

/// Frames without records hold nothing that anyone waits for: a lane may drop their file.
void AddText(const WalFrame& frame, std::vector<std::string>& frames) {
  if (HoldsRecords(frame.kind) && frame.records > 0) frames.push_back(TextOf(frame));
}

/// The frames that hold records, as text; nothing for a file of a newer format.
std::optional<std::vector<std::string>> ReadAll(io::FileSystem& files, std::string_view file,
                                                std::optional<std::uint64_t> synced_end) {
  const auto reader = WalReader::Open(files, kPath, kNumber, synced_end);
  if (!reader.ok()) {
    GRANARY_CHECK(reader.status().code() == Code::kConflict, "{}", reader.status().ToString());
    return std::nullopt;
  }
  std::vector<std::string> frames;
  WalFrame frame;
  for (std::uint64_t after = kWalFileHeaderBytes;; after = (*reader)->end()) {
    const auto more = (*reader)->Next(frame);
    GRANARY_CHECK(more.ok(), "{}", more.status().ToString());
    if (!*more) break;
    CheckFrame(file, **reader, frame, after);
    AddText(frame, frames);
  }
  for (const WalDamage& damage : (*reader)->damage()) {
    GRANARY_CHECK(damage.file == kPath && !damage.detail.empty());
    GRANARY_CHECK(damage.offset < std::max<std::uint64_t>(file.size(), synced_end.value_or(0)),
                  "damage at {} of {}", damage.offset, file.size());
  }
  const auto again = (*reader)->Next(frame);
  GRANARY_CHECK(again.ok() && !*again, "a reader that has ended goes on");
  return frames;
}

void Dump(io::FileSystem& files) {
  std::string out;
  const Status dumped = DumpWal(files, kPath, std::nullopt, out);
  GRANARY_CHECK(dumped.ok() || dumped.code() == Code::kConflict, "{}", dumped.ToString());
}

/// A lane that opens on the file, twice.
void Replay(io::FileSystem& files, const std::vector<std::string>& frames) {
  testing::FakeClock clock;
  testing::FakeRandom random(1);
  WalTestbed lane(files, WalLaneOptions{.directory = kFolder,
                                        .file_bytes = kFileBytes,
                                        .payload_bytes_max = kFileBytes,
                                        .random = &random});
  lane.UseClock(clock);
  for (int life = 0; life < 2; ++life) {
    const Status opened = lane.Open();
    if (!opened.ok()) {
      // Another lane's file.
      GRANARY_CHECK(opened.code() == Code::kCorruption && life == 0, "{}", opened.ToString());
      return;
    }
    std::vector<std::string> replayed;
    for (const WalFrame& frame : lane.replayed_frames()) AddText(frame, replayed);
    GRANARY_CHECK(replayed == frames, "life {}: {} frames, expected {}", life, replayed.size(),
                  frames.size());
    lane.Drop();
  }
}

void Run(std::string_view file) {
  testing::MemoryFileSystem files;
  GRANARY_CHECK(PutFiles(files, kFolder, {{kName, std::string(file)}}).ok());
  const auto frames = ReadAll(files, file, std::nullopt);
  Dump(files);
  for (const std::uint64_t end : {file.size() / 2 / kWalAlignment * kWalAlignment, file.size()})
    ReadAll(files, file, end);
  if (frames) Replay(files, *frames);
}

template <typename Layout>
void Store(const Layout& layout, std::size_t at, std::string& bytes) {
  std::memcpy(bytes.data() + at, &layout, sizeof(layout));
}

void RepairHeader(std::string& file) {
  auto layout = LayoutAt<WalFileHeaderLayout>(file, 0);
  layout.crc = Crc32c(std::string_view(file).substr(0, offsetof(WalFileHeaderLayout, crc)));
  Store(layout, 0, file);
}

/// Returns where the frame ends; 0 when there is none.
std::size_t RepairFrame(std::size_t at, std::string& file) {
  auto h = LayoutAt<FrameHeaderLayout>(file, at);
  const std::size_t names_end =
      at + kFrameHeaderBytes + h.tenant_bytes + h.source_bytes + h.key_bytes;
  if (h.magic != kWalFrameMagic || names_end > file.size()) return 0;
  const std::size_t end = PayloadEnd(h, names_end);
  const std::string_view bytes = file;
  if (end <= file.size()) h.payload_crc = Crc32c(bytes.substr(names_end, end - names_end));
  Store(h, at, file);
  h.header_crc = Crc32c(bytes.substr(at + 8, names_end - at - 8));
  Store(h, at, file);
  return end <= file.size() ? end : 0;
}

void Repair(std::string& file) {
  if (file.size() < kWalFileHeaderBytes) return;
  RepairHeader(file);
  for (std::size_t at = kWalFileHeaderBytes; at + kFrameHeaderBytes <= file.size();) {
    const std::size_t end = RepairFrame(at, file);
    at = end == 0 ? at + kWalAlignment : end;
  }
}

}  // namespace
}  // namespace granary::storage

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  granary::storage::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed) {
  return granary::testing::MutateAndRepair(data, size, max_size, seed, granary::storage::Repair);
}
