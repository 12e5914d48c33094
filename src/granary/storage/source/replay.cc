#include "granary/storage/source/replay.h"

#include <fmt/format.h>

#include <algorithm>

namespace granary::storage {
namespace {

std::string DescribePlace(const std::string& lane_directory, const JudgedDamage::Place& place) {
  return fmt::format("{} was found damaged at byte {}", io::JoinPath(lane_directory, place.first),
                     place.second);
}

}  // namespace

Replay::Replay(StoreContext& context, const std::vector<std::shared_ptr<LiveSource>>& sources)
    : context_(context) {
  for (const auto& source : sources)
    sources_[source->uid()] = {source, source->flushed_sequence(), {}, source->bulk_ranges()};
}

Status Replay::Apply(const WalFrame& frame, std::uint32_t lane) {
  if (!HoldsRecords(frame.kind) || frame.records == 0) return Status::Ok();
  if (frame.tenant != context_.options.tenant.str() ||
      !context_.manifest->Issued(frame.source_uid)) {
    strangers_.insert(frame.source_uid);
    return Status::Ok();
  }
  const auto found = sources_.find(frame.source_uid);
  if (found == sources_.end()) return Status::Ok();  // Dropped.
  Progress& progress = found->second;
  if (!progress.source->refused().ok()) return Status::Ok();
  if (Status s = lane == progress.source->wal_lane()
                     ? Place(frame, progress)
                     : Status::Corruption("its frames are in another lane's log");
      !s.ok()) {
    if (s.code() != Code::kCorruption) return s;
    progress.source->Refuse(s.At(fmt::format("source \"{}\": log of lane {}", frame.source, lane)));
  }
  return Status::Ok();
}

Status Replay::Place(const WalFrame& frame, Progress& progress) {
  const std::uint64_t last = frame.first_sequence + frame.records - 1;
  const std::uint64_t flushed = progress.source->flushed_sequence();
  if (frame.first_sequence == 0 || last < frame.first_sequence) {
    return Status::Corruption(
        fmt::format("a frame with the sequences {} to {}", frame.first_sequence, last));
  }
  if (last <= flushed) return Status::Ok();
  if (frame.first_sequence <= progress.last_sequence) {
    return Status::Corruption(fmt::format("a frame with the sequences {} to {} comes after {}",
                                          frame.first_sequence, last, progress.last_sequence));
  }
  // Sequences of writes that were refused leave gaps too; which kind it is, Judge knows.
  if (frame.first_sequence > progress.last_sequence + 1) {
    AddGaps(progress, progress.last_sequence + 1, frame.first_sequence - 1);
  }
  GRANARY_TRY(progress.source->Replay(frame));
  progress.last_sequence = last;
  ++frames_;
  records_ += frame.records;
  return RelieveMemory(progress);
}

// What a bulk holds between two frames is no gap.
void Replay::AddGaps(Progress& progress, std::uint64_t first, std::uint64_t last) {
  for (const SequenceRange& bulk : progress.bulks) {
    if (bulk.last < first) continue;
    if (bulk.first > last) break;
    if (bulk.first > first) progress.gaps.push_back({first, bulk.first - 1});
    first = bulk.last + 1;
  }
  if (first <= last) progress.gaps.push_back({first, last});
}

// Past half of the memory a source that holds a flush's worth is flushed on the way. Not behind a
// gap: the flush would move the start of the next replay over it, and nobody would ever see it
// again.
Status Replay::RelieveMemory(Progress& progress) {
  if (context_.budget.bytes() <= context_.budget.bytes_max() / 2 || !progress.gaps.empty())
    return Status::Ok();
  const HotTierInfo hot = progress.source->hot_tier();
  if (hot.bytes < context_.options.flush_bytes && hot.bytes < context_.budget.bytes() / 4)
    return Status::Ok();
  const Status flushed = progress.source->Flush();
  if (!flushed.ok())
    context_.deps.log.Warn("flush during replay failed", {{"cause", flushed.ToString()}});
  return Status::Ok();
}

// Why a source cannot be trusted after what `log` tells; empty when it can.
std::string Replay::Verdict(const Progress& progress, const LogDamage& log) const {
  const LiveSource& source = *progress.source;
  const auto lost = log.lost.find(source.uid());
  const bool named = lost != log.lost.end() && lost->second > source.flushed_sequence();
  if (!progress.gaps.empty() && (named || log.nameless)) {
    return fmt::format("records {} to {} are lost", progress.gaps.front().first,
                       progress.gaps.front().last);
  }
  if (named) return fmt::format("records up to {} are lost", lost->second);
  // Where its sequence runs on behind the damage without a gap, none of it was lost there.
  const bool may_be_its =
      log.nameless && source.wal_enabled() && !log.seen_behind.contains(source.uid());
  return may_be_its ? "its newest records may be lost" : "";
}

// What was judged once stays so, also when what proved it is gone: see JudgedDamage.
Status Replay::Judge(std::uint32_t lane, const std::string& lane_directory,
                     const std::vector<WalDamage>& damage) {
  io::FileSystem& files = context_.deps.files;
  GRANARY_ASSIGN(JudgedDamage judged, JudgedDamage::Load(files, lane_directory));
  std::set<JudgedDamage::Place> places = JudgedDamage::PlacesOf(damage);
  const bool known =
      std::includes(judged.places.begin(), judged.places.end(), places.begin(), places.end());
  LogDamage log;
  if (!known) {
    GRANARY_ASSIGN(log, ExamineLog(files, lane_directory));
    judged.places.insert(places.begin(), places.end());
  }
  for (const auto& [uid, progress] : sources_) {
    if (progress.source->wal_lane() != lane) continue;
    std::string verdict = known ? "" : Verdict(progress, log);
    if (verdict.empty() && judged.refused.contains(uid)) verdict = "records are lost";
    if (verdict.empty()) continue;
    judged.refused.insert(uid);
    progress.source->Refuse(Status::Corruption(
        fmt::format("source \"{}\": {}: {}", progress.source->id().str(), verdict,
                    damage.empty() ? DescribePlace(lane_directory, *judged.places.begin())
                                   : fmt::format("{} at byte {}: {}", damage.front().file,
                                                 damage.front().offset, damage.front().detail))));
  }
  return known ? Status::Ok() : judged.Save(files, lane_directory);
}

}  // namespace granary::storage
