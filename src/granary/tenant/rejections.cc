#include "granary/tenant/rejections.h"

#include <utility>

#include "granary/base/bytes.h"

namespace granary {

void Rejections::Add(json::RejectedRecords found) {
  const bool full = shown.size() < total;  // Later ones would leave a hole.
  total += found.size();
  if (full) return;
  for (auto& [index, detail] : found) {
    shown_bytes_ += detail.size();
    if (shown.size() >= kShownMax || shown_bytes_ > kShownBytesMax) return;
    shown.emplace(index, std::move(detail));
  }
}

std::string Rejections::ToNote(const std::optional<Rejections>& rejected) {
  std::string note;
  if (!rejected) return note;
  PutFixed(note, rejected->total);
  for (const auto& [index, detail] : rejected->shown) {
    PutFixed(note, static_cast<std::uint64_t>(index));
    PutString(note, detail);
  }
  return note;
}

Result<std::optional<Rejections>> Rejections::FromNote(std::string_view note) {
  if (note.empty()) return std::optional<Rejections>();
  ByteReader in(note);
  Rejections rejected;
  rejected.total = in.Fixed<std::uint64_t>();
  while (in.ok() && in.remaining() > 0) {
    const auto index = static_cast<std::int64_t>(in.Fixed<std::uint64_t>());
    rejected.shown.emplace(index, in.String());
  }
  if (!in.ok()) return Status::Corruption("the note of an idempotency key is damaged");
  return std::optional(std::move(rejected));
}

}  // namespace granary
