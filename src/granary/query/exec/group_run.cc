#include "granary/query/exec/group_run.h"

#include <algorithm>

namespace granary::query {
namespace {

constexpr std::uint64_t kGroupsALook = 1024;  ///< Between two looks at the token.

/// Reads a run from its beginning, a page at a time.
class RunReader {
 public:
  RunReader(const GroupRun& run, const runtime::SpillFile& file, const RowOrder& order,
            std::size_t columns)
      : run_(run), file_(file), order_(order), columns_(columns) {}

  /// False at the end.
  Result<bool> Next() {
    if (in_.remaining() == 0) {
      if (next_page_ == run_.pages.size()) return false;
      GRANARY_TRY(file_.Read(run_.pages[next_page_++], page_));
      in_ = ByteReader(page_);
    }
    group_.first.lane = in_.Fixed<std::uint32_t>();
    group_.first.row = in_.Fixed<std::uint64_t>();
    group_.values.clear();
    for (std::size_t i = 0; i < columns_; ++i) {
      GRANARY_ASSIGN(Value value, DecodeValue(in_));
      group_.values.push_back(std::move(value));
    }
    if (!in_.ok()) return Status::Corruption("a page of a query's temporary file is cut short");
    key_ = order_.KeyOf(group_.values);
    return true;
  }

  bool ComesAfter(const RunReader& other) const {
    const auto by_key = order_.Compare(key_, other.key_);
    return by_key != 0 ? by_key > 0 : group_.first > other.group_.first;
  }
  FinishedGroup TakeGroup() { return std::move(group_); }

 private:
  const GroupRun& run_;
  const runtime::SpillFile& file_;
  const RowOrder& order_;
  const std::size_t columns_;
  std::size_t next_page_ = 0;
  std::string page_;
  ByteReader in_{{}};
  FinishedGroup group_;
  std::vector<Value> key_;
};

}  // namespace

Status GroupRunWriter::Add(const FinishedGroup& group) {
  PutFixed(page_, group.first.lane);
  PutFixed(page_, group.first.row);
  for (const Value& value : group.values) EncodeValue(value, page_);
  return page_.size() < page_bytes_ ? Status::Ok() : Flush();
}

Status GroupRunWriter::Flush() {
  if (page_.empty()) return Status::Ok();
  GRANARY_ASSIGN(const runtime::SpillExtent page, file_.Append(page_));
  run_.pages.push_back(page);
  page_.clear();
  return Status::Ok();
}

Result<GroupRun> GroupRunWriter::Finish() {
  GRANARY_TRY(Flush());
  return std::move(run_);
}

Status MergeRuns(const std::vector<GroupRun>& runs, const runtime::SpillFile& file,
                 const RowOrder& order, std::size_t columns, const runtime::CancelToken& cancel,
                 const std::function<Result<bool>(FinishedGroup group)>& each) {
  std::vector<RunReader> readers;
  readers.reserve(runs.size());
  for (const GroupRun& run : runs) readers.emplace_back(run, file, order, columns);
  std::vector<RunReader*> heap;
  for (RunReader& reader : readers) {
    GRANARY_ASSIGN(const bool more, reader.Next());
    if (more) heap.push_back(&reader);
  }
  const auto after = [](const RunReader* a, const RunReader* b) { return a->ComesAfter(*b); };
  std::make_heap(heap.begin(), heap.end(), after);
  for (std::uint64_t count = 0; !heap.empty(); ++count) {
    if (count % kGroupsALook == 0) GRANARY_TRY(cancel.Check());
    std::pop_heap(heap.begin(), heap.end(), after);
    RunReader& first = *heap.back();
    GRANARY_ASSIGN(const bool go_on, each(first.TakeGroup()));
    if (!go_on) break;
    GRANARY_ASSIGN(const bool more, first.Next());
    if (more)
      std::push_heap(heap.begin(), heap.end(), after);
    else
      heap.pop_back();
  }
  return Status::Ok();
}

}  // namespace granary::query
