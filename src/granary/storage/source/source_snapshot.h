// SourceSnapshot: one source at one moment: its segments and the hot rows that are in none of them.
//
// Promise    a value: later writes, flushes and drops do not change it. Every acknowledged record
//            is in exactly one place.
// Again      SnapshotMark is the moment in a few bytes; Rewind makes the snapshot of that moment
//            out of a later one, also in another process. Records only come at the end (a sequence
//            above `visible_sequence`), are deleted at such a sequence (segments know which of
//            their rows a snapshot lacks: Segment::DeletedAt), move from memory into new segments
//            (those above `flushed_sequence`), or from segments into others by a compaction, which
//            counts up `generation` and keeps the old ones within reach for
//            SNAPSHOT_RETENTION_MINUTES. So a later snapshot by the segments of the same generation
//            (Source::SnapshotOf) holds all of an earlier one, in the same places.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "granary/base/ids.h"
#include "granary/base/status.h"
#include "granary/storage/manifest/manifest.h"
#include "granary/storage/memtable/memtable.h"
#include "granary/storage/partition/partition.h"
#include "granary/storage/source/segment.h"
#include "granary/types/schema.h"

namespace granary::storage {

struct SourceEstimates;

struct SourceSnapshot {
  SourceId id;
  SourceUid uid;
  SchemaPtr schema;  ///< The newest; of a rewound one the columns of then in their newest types.
  SchemaPtr shown;   ///< Of a rewound one: the types that its values go out in. Null: schema's.
  std::vector<ColumnId> lost;  ///< Of a rewound one: columns that some of its records lack by now.
  PartitionSpec partitions;
  std::vector<IndexKey> indexes;  ///< As declared; a segment may lack some of them.
  std::vector<std::shared_ptr<const Segment>> segments;  ///< By min_sequence.
  std::vector<HotChunk> hot;                             ///< Oldest first; each in its own schema.
  /// The highest sequence in the snapshot. A rewound one may have segments that reach beyond it;
  /// readers leave those rows out.
  std::uint64_t visible_sequence = 0;
  /// Segments that were there when the snapshot began end here or before.
  std::uint64_t flushed_sequence = 0;
  /// Rows up to here are left out, too; see After.
  std::uint64_t after_sequence = 0;
  /// Where a crash may take the hot rows back (no log, or one that is synced later): the process
  /// that holds them. Else 0.
  std::uint64_t life = 0;
  std::uint64_t generation = 0;  ///< How many compactions the segments have behind them.
  /// The newest there are, of this moment or an earlier one; null before the first.
  std::shared_ptr<const SourceEstimates> estimates;
  /// Deleted rows of moments before cannot be told apart any more: see Rewind.
  std::uint64_t oldest_sequence = 0;
  /// Why it is of no use: which records are replaced could not be read. Whoever asks it for rows
  /// looks here first.
  Status failure;
};

/// The moment of a snapshot.
struct SnapshotMark {
  SourceUid uid;
  std::uint64_t visible_sequence = 0;
  std::uint64_t flushed_sequence = 0;
  std::uint32_t schema_version = 0;
  std::uint64_t life = 0;
  std::uint64_t generation = 0;
  bool operator==(const SnapshotMark&) const = default;
};
SnapshotMark MarkOf(const SourceSnapshot& snapshot);

/// The snapshot of `mark`, which is `now`'s source at an earlier time; `now` is SnapshotOf the
/// mark's generation. `then` is the source's schema at the mark, `history` those it had since,
/// oldest first: columns that came later are not there, those that are dropped still are, and
/// values go out in the types they had. Only where a flush has written records of the snapshot
/// since, without a column that was dropped before, its values are `lost`. kCursorExpired when the
/// moment cannot be had again, or a column of documents was declared or dropped since.
Result<SourceSnapshot> Rewind(SourceSnapshot now, const SnapshotMark& mark, const Schema& then,
                              std::span<const SchemaVersion> history = {});

/// The segments that were there when the snapshot began, without hot rows.
SourceSnapshot OldSegments(const SourceSnapshot& snapshot);
/// The rows that were hot when it began, wherever they are now: those above `sequence`, which is at
/// least flushed_sequence.
SourceSnapshot After(const SourceSnapshot& snapshot, std::uint64_t sequence);

}  // namespace granary::storage
