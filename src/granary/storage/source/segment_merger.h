// MergeSegments: the rows of some segments of one partition in new ones, in the schema, order,
// codec and with the indexes of now. Deleted rows stay behind; of those alone there may be no file.
//
// Promise    every row that is left with its sequence, none twice; each column by its id, what the
//            schema lacks left out. On failure no file is left behind, and the inputs are as they
//            were.
// Order      by the sort columns and the sequence, over all the new files; without sort columns by
//            sequence.
// Memory     a row group of an input, with a pool the next one too, two runs of rows that are
//            sorted, a row group of the output and its indexes: all of them bounded, however many
//            inputs there are and however large.
// Errors     kCorruption names the input that cannot be read, which `damaged` is then set to;
//            `go_on`'s, which is asked before each column that is read and every few thousand rows.
// Threads    one calls; with a pool, its workers read ahead and help to write, and go_on and
//            progress are called by them, too.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "granary/base/status.h"
#include "granary/runtime/spill_space.h"
#include "granary/storage/source/partition_writer.h"
#include "granary/storage/source/segment.h"

namespace granary::storage {

struct MergeOptions {
  SegmentSetOptions files;  ///< writer.row_group_rows: at most.
  std::uint64_t run_bytes = 32u << 20;
  std::uint64_t row_group_bytes = 32u << 20;  ///< Of the output, in memory.
  std::uint64_t ahead_bytes = 32u << 20;      ///< Larger row groups are not read ahead.
};

struct MergeDeps {
  io::FileSystem& files;
  io::Failpoints& failpoints;
  runtime::SpillSpace& spill;
  NextSegmentId next_id;
  std::function<Status()> go_on;
  std::function<void(std::uint64_t bytes)> progress;  ///< That were read of the inputs.
};

Result<std::vector<SegmentMeta>> MergeSegments(const MergeDeps& deps, MergeOptions options,
                                               std::vector<std::shared_ptr<const Segment>> inputs,
                                               std::optional<SegmentId>& damaged);

}  // namespace granary::storage
