#include "granary/query/exec/distinct_spill.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string>

#include "granary/query/exec/block_hash.h"

namespace granary::query {
namespace {

constexpr int kPartBits = 4;
constexpr std::size_t kParts = std::size_t{1} << kPartBits;
constexpr int kDepthMax = 15;  ///< 60 bits of the hash.

// Of each part a page is in memory while values are parted.
constexpr std::uint64_t kPageBytesMax = 64u << 10;
constexpr std::uint64_t kPageBytesMin = 512;
constexpr std::uint64_t kPagesOfShare = 512;

using Pages = std::vector<runtime::SpillExtent>;

/// A page is some pieces, each of rows that came in one block: their number, groups and values.
void AppendPiece(const ValueBlock& values, const std::uint32_t* groups,
                 std::span<const std::int32_t> rows, std::string& page) {
  PutFixed(page, static_cast<std::uint32_t>(rows.size()));
  for (const std::int32_t row : rows) PutFixed(page, groups[row]);
  values.EncodeRows(rows, page);
}

/// The values of some pages, as they were written.
Status ReadPages(const Pages& pages, const runtime::SpillFile& file, const DataType& type,
                 const runtime::CancelToken& cancel, const GroupedValuesSink& each) {
  std::string page;
  ValueBlock values;
  std::vector<std::uint32_t> groups;
  std::vector<std::int32_t> rows;
  for (const runtime::SpillExtent& extent : pages) {
    GRANARY_TRY(cancel.Check());
    GRANARY_TRY(file.Read(extent, page));
    ByteReader in(page);
    while (in.remaining() > 0) {
      groups.resize(in.Fixed<std::uint32_t>());
      for (std::uint32_t& group : groups) group = in.Fixed<std::uint32_t>();
      GRANARY_TRY(values.Decode(type, static_cast<std::int64_t>(groups.size()), in));
      rows.resize(groups.size());
      std::iota(rows.begin(), rows.end(), 0);
      GRANARY_TRY(each(values, groups.data(), rows));
    }
  }
  return Status::Ok();
}

class Parter {
 public:
  Parter(runtime::SpillFile& file, int depth, std::size_t page_bytes)
      : file_(file), depth_(depth), page_bytes_(page_bytes) {}

  Status Add(const ValueBlock& values, const std::uint32_t* groups,
             std::span<const std::int32_t> rows) {
    for (auto& chosen : rows_) chosen.clear();
    for (const std::int32_t row : rows) {
      const std::uint64_t hash = HashInGroup(values, row, groups[row]);
      rows_[hash >> (64 - kPartBits * (depth_ + 1)) & (kParts - 1)].push_back(row);
    }
    for (std::size_t part = 0; part < kParts; ++part) {
      if (rows_[part].empty()) continue;
      AppendPiece(values, groups, rows_[part], buffers_[part]);
      if (buffers_[part].size() >= page_bytes_) GRANARY_TRY(Flush(part));
    }
    return Status::Ok();
  }

  Result<std::array<Pages, kParts>> Finish() {
    for (std::size_t part = 0; part < kParts; ++part) {
      if (!buffers_[part].empty()) GRANARY_TRY(Flush(part));
    }
    return std::move(pages_);
  }

 private:
  Status Flush(std::size_t part) {
    GRANARY_ASSIGN(const runtime::SpillExtent extent, file_.Append(buffers_[part]));
    pages_[part].push_back(extent);
    buffers_[part].clear();
    return Status::Ok();
  }

  runtime::SpillFile& file_;
  const int depth_;
  const std::size_t page_bytes_;
  std::array<std::vector<std::int32_t>, kParts> rows_;
  std::array<std::string, kParts> buffers_;
  std::array<Pages, kParts> pages_;
};

class Counter {
 public:
  Counter(const AggregateShape& shape, std::size_t groups, const QueryContext& context,
          std::uint64_t& spilled_bytes)
      : shape_(shape), context_(context), spilled_bytes_(spilled_bytes), counts_(groups, 0) {
    page_bytes_ = std::clamp(context.memory->reach() / kPagesOfShare, kPageBytesMin, kPageBytesMax);
  }

  Status Count(const GroupedValues& values, int depth) {
    GRANARY_ASSIGN(const auto* refused, CountInMemory(values));
    if (refused == nullptr) return Status::Ok();
    if (depth == kDepthMax) return Outgrown(*refused, context_);
    GRANARY_ASSIGN(const auto file, context_.spill->NewFile());
    GRANARY_ASSIGN(auto parts, Part(values, depth, *file));
    spilled_bytes_ += file->bytes();
    for (Pages& pages : parts) {
      if (pages.empty()) continue;
      const GroupedValues part = [&](const GroupedValuesSink& each) {
        return ReadPages(pages, *file, shape_.input, context_.cancel, each);
      };
      GRANARY_TRY(Count(part, depth + 1));
      pages = Pages();
    }
    return Status::Ok();
  }

  std::vector<std::int64_t> TakeCounts() { return std::move(counts_); }

 private:
  /// Adds to the counts; or leaves them and returns the budget that is in the way.
  Result<const runtime::MemoryBudget*> CountInMemory(const GroupedValues& values) {
    const Grouping grouping = counts_.size() == 1 ? Grouping::kNone : Grouping::kSome;
    const auto distinct = MakeDistinct(shape_, grouping, KeyLookup::kCompact);
    distinct->Resize(counts_.size());
    runtime::MemoryReservation held(context_.memory);
    const runtime::MemoryBudget* refused = nullptr;
    bool stopped = false;
    // Of a block only the rows that are named: the others are null.
    Status status = values([&](const ValueBlock& block, const std::uint32_t* groups,
                               std::span<const std::int32_t>) -> Status {
      AccumulatorInput input;
      input.cancel = &context_.cancel;
      input.values = &block;
      input.groups = groups;
      input.rows = block.size();
      GRANARY_TRY(distinct->Update(input));
      refused = held.GrowTo(distinct->bytes() / 2 * 3);  // Vectors double.
      stopped = refused != nullptr;
      return stopped ? Status(Code::kTooLarge, "") : Status::Ok();
    });
    if (stopped) return refused;
    GRANARY_TRY(std::move(status));
    for (std::uint32_t group = 0; group < counts_.size(); ++group)
      counts_[group] += std::get<std::int64_t>(distinct->Finish(group));
    return nullptr;
  }

  Result<std::array<Pages, kParts>> Part(const GroupedValues& values, int depth,
                                         runtime::SpillFile& file) const {
    runtime::MemoryReservation held(context_.memory);
    if (const auto* refused = held.GrowTo(2 * kParts * page_bytes_))
      return Outgrown(*refused, context_);
    Parter parter(file, depth, page_bytes_);
    GRANARY_TRY(values(
        [&](const ValueBlock& block, const std::uint32_t* groups,
            std::span<const std::int32_t> rows) { return parter.Add(block, groups, rows); }));
    return parter.Finish();
  }

  const AggregateShape& shape_;
  const QueryContext& context_;
  std::uint64_t& spilled_bytes_;
  std::uint64_t page_bytes_ = 0;
  std::vector<std::int64_t> counts_;
};

}  // namespace

Result<std::vector<std::int64_t>> CountDistinct(const AggregateShape& shape, std::size_t groups,
                                                const GroupedValues& values,
                                                const QueryContext& context,
                                                std::uint64_t& spilled_bytes) {
  Counter counter(shape, groups, context, spilled_bytes);
  GRANARY_TRY(counter.Count(values, /*depth=*/0));
  return counter.TakeCounts();
}

}  // namespace granary::query
