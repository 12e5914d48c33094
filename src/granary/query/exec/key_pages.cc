#include "granary/query/exec/key_pages.h"

#include <cstring>

namespace granary::query {
namespace {

/// SplitMix64: the same numbers in every run.
std::uint64_t NextRandom(std::uint64_t& state) {
  std::uint64_t mixed = state += 0x9E37'79B9'7F4A'7C15ull;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58'476D'1CE4'E5B9ull;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D0'49BB'1331'11EBull;
  return mixed ^ (mixed >> 31);
}

template <typename T>
std::string_view AsBytes(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

}  // namespace

void KeySample::Draw(std::uint64_t key) {
  if (keys_.size() == keys_max_) {  // Every second one stays.
    for (std::size_t i = 0; i < keys_.size() / 2; ++i) keys_[i] = keys_[2 * i];
    keys_.resize(keys_.size() / 2);
    stride_ *= 2;
  }
  keys_.push_back(key);
  // Not every stride-th exactly: values that come in turns would be met by the same turn always.
  left_ = stride_ == 1 ? 0 : stride_ / 2 + NextRandom(random_) % stride_;
}

KeyPagesWriter::KeyPagesWriter(runtime::SpillFile& file, std::uint32_t first, std::uint32_t end,
                               std::size_t page_keys, std::size_t sample_keys)
    : file_(file), page_keys_(page_keys), sample_(sample_keys) {
  written_.first = first;
  written_.end = end;
}

std::uint64_t KeyPagesWriter::Bytes(std::size_t page_keys, std::size_t sample_keys) {
  // A page is there as it is gathered and, once for all writers, as it is written.
  return page_keys * (sizeof(std::uint64_t) + sizeof(std::uint32_t)) +
         sample_keys * sizeof(std::uint64_t);
}

Status KeyPagesWriter::Add(std::uint64_t key, std::uint32_t group) {
  ++written_.keys;
  if (keys_.empty()) keys_.reserve(page_keys_);
  keys_.push_back(key);
  if (written_.end - written_.first > 1)
    groups_.push_back(group);
  else
    sample_.Add(key);
  return keys_.size() < page_keys_ ? Status::Ok() : Flush();
}

Status KeyPagesWriter::Flush() {
  if (keys_.empty()) return Status::Ok();
  std::string page(AsBytes(keys_));
  page.append(AsBytes(groups_));
  GRANARY_ASSIGN(const runtime::SpillExtent extent, file_.Append(page));
  written_.pages.push_back(extent);
  keys_.clear();
  groups_.clear();
  return Status::Ok();
}

Result<KeyPages> KeyPagesWriter::Finish() {
  GRANARY_TRY(Flush());
  keys_ = {};
  groups_ = {};
  written_.sample = sample_.keys();
  return std::move(written_);
}

Status ReadKeys(const KeyPages& pages, const runtime::SpillFile& file,
                const runtime::CancelToken& cancel, const KeySink& each) {
  const bool has_groups = pages.end - pages.first > 1;
  const std::size_t row_bytes = sizeof(std::uint64_t) + (has_groups ? sizeof(std::uint32_t) : 0);
  std::string page;
  std::vector<std::uint64_t> keys;
  std::vector<std::uint32_t> groups;
  for (const runtime::SpillExtent& extent : pages.pages) {
    GRANARY_TRY(cancel.Check());
    GRANARY_TRY(file.Read(extent, page));
    keys.resize(page.size() / row_bytes);
    std::memcpy(keys.data(), page.data(), keys.size() * sizeof keys[0]);
    if (has_groups) {
      groups.resize(keys.size());
      std::memcpy(groups.data(), page.data() + keys.size() * sizeof keys[0],
                  groups.size() * sizeof groups[0]);
    }
    GRANARY_TRY(each(keys, groups));
  }
  return Status::Ok();
}

}  // namespace granary::query
