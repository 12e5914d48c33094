#include "granary/testing/memory_content.h"

#include <algorithm>
#include <cstring>

namespace granary::testing {
namespace {

constexpr std::uint64_t kSectorBytes = 512;

}  // namespace

void MemoryContent::Write(std::uint64_t offset, std::string_view bytes) {
  if (bytes.empty()) return;
  unsynced_.push_back({false, offset, std::string(bytes)});
  Apply(unsynced_.back(), now_);
}

void MemoryContent::Resize(std::uint64_t bytes) {
  if (bytes == now_.size()) return;
  unsynced_.push_back({true, bytes, {}});
  Apply(unsynced_.back(), now_);
}

void MemoryContent::Sync() {
  for (const Change& change : unsynced_) Apply(change, durable_);
  unsynced_.clear();
}

void MemoryContent::LoseUnsynced() {
  if (unsynced_.empty()) return;
  now_ = durable_;
  unsynced_.clear();
}

void MemoryContent::LoseSome(FakeRandom& random) {
  for (const Change& change : unsynced_) ApplySome(change, random, durable_);
  LoseUnsynced();
}

bool MemoryContent::FlipBits(std::uint64_t offset, std::uint8_t mask) {
  if (offset >= now_.size()) return false;
  now_[offset] = static_cast<char>(now_[offset] ^ mask);
  if (offset < durable_.size()) durable_[offset] = static_cast<char>(durable_[offset] ^ mask);
  return true;
}

std::size_t MemoryContent::Read(std::uint64_t offset, std::span<char> out) const {
  if (offset >= now_.size()) return 0;
  const std::size_t n = std::min<std::size_t>(out.size(), now_.size() - offset);
  std::memcpy(out.data(), now_.data() + offset, n);
  return n;
}

void MemoryContent::Apply(const Change& change, std::string& content) {
  if (change.is_resize) {
    content.resize(change.at);
    return;
  }
  content.resize(std::max<std::size_t>(content.size(), change.at + change.bytes.size()));
  std::memcpy(content.data() + change.at, change.bytes.data(), change.bytes.size());
}

void MemoryContent::ApplySome(const Change& change, FakeRandom& random, std::string& content) {
  const std::uint64_t fate = random.Below(4);
  if (fate == 0) return;
  if (fate == 1 || change.is_resize) return Apply(change, content);
  const std::uint64_t end = change.at + change.bytes.size();
  if (fate == 2) {
    content.resize(std::max<std::size_t>(content.size(), end));
    return;
  }
  for (std::uint64_t at = change.at; at < end;) {
    const std::uint64_t next = std::min(end, (at / kSectorBytes + 1) * kSectorBytes);
    const std::string sector = change.bytes.substr(at - change.at, next - at);
    if (random.OneIn(2)) Apply({false, at, sector}, content);
    at = next;
  }
}

}  // namespace granary::testing
