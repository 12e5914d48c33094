#include "granary/storage/segment/deletions.h"

#include <algorithm>
#include <limits>

#include "granary/base/bytes.h"
#include "granary/base/check.h"

namespace granary::storage {
namespace {

/// How the moments are written.
enum class Moments : std::uint8_t {
  kOne = 0,     ///< The version's, for all rows.
  kNarrow = 1,  ///< 4 bytes a row, counted from the first.
  kWide = 2,    ///< 8 bytes a row.
};

Moments FormOf(const Deletion& deletion) {
  if (deletion.sequences.empty()) return Moments::kOne;
  const bool narrow =
      deletion.last_sequence - deletion.first_sequence <= std::numeric_limits<std::uint32_t>::max();
  return narrow ? Moments::kNarrow : Moments::kWide;
}

DeletionPtr Fold(const std::vector<DeletionPtr>& versions) {
  Deletion folded;
  for (const DeletionPtr& version : versions) {
    folded.rows.AddAll(version->rows);
    folded.last_sequence = std::max(folded.last_sequence, version->last_sequence);
    folded.at_us = std::max(folded.at_us, version->at_us);
  }
  folded.first_sequence = folded.last_sequence;
  return std::make_shared<const Deletion>(std::move(folded));
}

}  // namespace

void Deletion::EncodeTo(std::string& out) const {
  const Moments form = FormOf(*this);
  PutFixed(out, static_cast<std::uint8_t>(form));
  std::string bitmap;
  rows.EncodeTo(bitmap);
  PutString(out, bitmap);
  for (const std::uint64_t sequence : sequences) {
    if (form == Moments::kNarrow)
      PutFixed(out, static_cast<std::uint32_t>(sequence - first_sequence));
    else
      PutFixed(out, sequence);
  }
}

Status Deletion::DecodeRows(std::string_view bytes, std::uint64_t rows_max) {
  ByteReader in(bytes);
  const auto form = static_cast<Moments>(in.Fixed<std::uint8_t>());
  const std::string_view bitmap = in.String();
  if (!in.ok() || form > Moments::kWide) return Status::Corruption("deleted rows that do not read");
  GRANARY_ASSIGN(rows, RowSet::Decode(bitmap, rows_max));
  sequences.clear();
  if (rows.empty() || first_sequence > last_sequence)
    return Status::Corruption("a deletion without rows or moments");
  if (form == Moments::kOne) {
    const bool whole = in.remaining() == 0 && first_sequence == last_sequence;
    return whole ? Status::Ok() : Status::Corruption("a deletion of another length");
  }
  const std::uint64_t width = form == Moments::kNarrow ? 4 : 8;
  if (in.remaining() != rows.count() * width)
    return Status::Corruption("a deletion of another length");
  sequences.reserve(rows.count());
  while (in.remaining() > 0) {
    const std::uint64_t sequence = form == Moments::kNarrow
                                       ? first_sequence + in.Fixed<std::uint32_t>()
                                       : in.Fixed<std::uint64_t>();
    if (sequence < first_sequence || sequence > last_sequence)
      return Status::Corruption("a moment that lies outside of its deletion's");
    sequences.push_back(sequence);
  }
  return Status::Ok();
}

RowSet Deletion::UpTo(std::uint64_t sequence) const {
  if (sequence >= last_sequence) return rows;
  RowSet some;
  if (sequence < first_sequence) return some;
  std::size_t i = 0;
  rows.ForEach([&](std::uint32_t row) {
    if (sequences[i++] <= sequence) some.Add(row);
  });
  return some;
}

DeletionPtr MakeDeletion(std::vector<EndedRow> ended, std::int64_t at_us) {
  GRANARY_CHECK(!ended.empty());
  std::sort(ended.begin(), ended.end(),
            [](const EndedRow& a, const EndedRow& b) { return a.row < b.row; });
  Deletion deletion;
  deletion.at_us = at_us;
  deletion.first_sequence = ended.front().sequence;
  for (const EndedRow& row : ended) {
    deletion.rows.Add(row.row);
    deletion.first_sequence = std::min(deletion.first_sequence, row.sequence);
    deletion.last_sequence = std::max(deletion.last_sequence, row.sequence);
  }
  if (deletion.first_sequence != deletion.last_sequence) {
    for (const EndedRow& row : ended) deletion.sequences.push_back(row.sequence);
  }
  return std::make_shared<const Deletion>(std::move(deletion));
}

Deletions::Deletions(std::vector<DeletionPtr> versions) : versions_(std::move(versions)) {
  auto rows = std::make_shared<RowSet>();
  for (const DeletionPtr& version : versions_) {
    rows->AddAll(version->rows);
    last_sequence_ = std::max(last_sequence_, version->last_sequence);
  }
  rows_ = std::move(rows);
}

RowSetPtr Deletions::At(std::uint64_t sequence) const {
  if (sequence >= last_sequence_) return rows_;
  auto rows = std::make_shared<RowSet>();
  for (const DeletionPtr& version : versions_) rows->AddAll(version->UpTo(sequence));
  return rows->empty() ? nullptr : RowSetPtr(std::move(rows));
}

std::uint64_t Deletions::LastUpTo(std::uint64_t sequence) const {
  if (sequence >= last_sequence_) return last_sequence_;
  std::uint64_t last = 0;
  for (const DeletionPtr& version : versions_) {
    if (version->last_sequence <= sequence) last = std::max(last, version->last_sequence);
    for (const std::uint64_t moment : version->sequences) {
      if (moment <= sequence) last = std::max(last, moment);
    }
  }
  return last;
}

std::uint64_t Deletions::MomentOf(std::uint32_t row) const {
  for (const DeletionPtr& version : versions_) {
    if (!version->rows.Contains(row)) continue;
    if (version->sequences.empty()) return version->last_sequence;
    return version->sequences[version->rows.CountIn(0, row)];
  }
  return 0;
}

DeletionsPtr WithDeletion(const DeletionsPtr& before, DeletionPtr added,
                          const DeletionLimits& limits, std::uint64_t& forgotten) {
  std::vector<DeletionPtr> old, kept;
  if (before != nullptr) kept = before->versions();
  const std::size_t surplus =
      kept.size() + 1 > limits.versions_max ? kept.size() - limits.versions_max / 2 : 0;
  std::vector<DeletionPtr> rest;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const bool is_old = i < surplus || kept[i]->at_us < limits.fold_before_us;
    (is_old ? old : rest).push_back(std::move(kept[i]));
  }
  // One that is folded already stays as it is.
  if (old.size() > 1 || (old.size() == 1 && !old.front()->sequences.empty())) {
    old = {Fold(old)};
    forgotten = std::max(forgotten, old.front()->last_sequence);
  }
  old.insert(old.end(), rest.begin(), rest.end());
  old.push_back(std::move(added));
  return std::make_shared<const Deletions>(std::move(old));
}

}  // namespace granary::storage
