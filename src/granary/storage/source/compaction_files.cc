#include "granary/storage/source/compaction_files.h"

#include <algorithm>

#include <fmt/format.h>

namespace granary::storage {
namespace {

// A value that an index collects: its row and its key.
constexpr std::uint64_t kFixedIndexBytes = 16, kTextIndexBytes = 72;
// Of one merge, in whole files: more would be more to lose by a crash or a cancel.
constexpr std::uint64_t kInputTargets = 4;

Value BoundInNow(const Value& bound, const DataType& then, const DataType& now) {
  if (IsNull(bound) || then == now) return bound;
  return ConvertValue(bound, then, now).value_or(Value());
}

}  // namespace

CompactionLimits MakeCompactionLimits(const SourceDefinition& definition, const Schema& now,
                                      const CompactionOptions& options) {
  CompactionLimits limits;
  limits.min_bytes = options.min_bytes;
  limits.target_bytes = std::min(
      {options.target_bytes, options.max_bytes, std::uint64_t{definition.max_file_size_mb} << 20});
  limits.inputs_bytes_max = kInputTargets * limits.target_bytes;
  limits.settle_age_us = options.interval_us;
  limits.schema_version = now.version();
  std::uint64_t index_bytes = 0;  // That a row takes.
  for (const IndexKey& key : ResolveIndexes(definition, now)) {
    const TypeKind kind = now.FindId(key.column)->type.kind();
    const bool is_long = kind == TypeKind::kString || kind == TypeKind::kDecimal;
    index_bytes += is_long ? kTextIndexBytes : kFixedIndexBytes;
  }
  if (index_bytes > 0) {
    limits.rows_max =
        std::max<std::uint64_t>(options.memory_bytes / kMergeIndexParts / index_bytes, 1);
  }
  return limits;
}

void ExplainDebt(const CompactionOptions& options, std::int64_t now_us, CompactionPlan& plan) {
  if (!options.automatic) {
    plan.writers = fmt::format(
        "{} files wait to be merged; nobody is slowed, since "
        "AUTO_COMPACTION_ENABLED is false",
        plan.debt.files);
    plan.hours = "never: AUTO_COMPACTION_ENABLED is false";
    return;
  }
  const WriteThrottle throttle = ThrottleWrites(plan.debt, options.debt);
  plan.writers =
      throttle.refused ? "refused: " + throttle.reason
      : throttle.is_free()
          ? "free: " + throttle.reason
          : fmt::format("slowed by {:.1f} ms each: {}",
                        static_cast<double>(throttle.delay.count()) / 1000, throttle.reason);
  plan.hours = options.hours.is_always()        ? "at any time"
               : options.hours.Contains(now_us) ? "now: within COMPACTION_WINDOW"
                                                : "later: outside of COMPACTION_WINDOW, unless "
                                                  "writes are slowed or refused";
}

CompactionFile DescribeFile(const CompactionScene& scene, const SegmentMeta& meta,
                            const Schema& written) {
  CompactionFile file;
  file.id = meta.id;
  file.partition = PartitionPath(scene.partitions, written, meta.partition);
  file.bytes = meta.bytes;
  file.rows = meta.rows;
  file.created_us = meta.created_us;
  file.schema_version = meta.schema_version;
  // A cursor tells what was in segments when it began from what was hot by the flushed sequence.
  if (meta.max_sequence > scene.flushed_sequence)
    file.kept_out = "newer than what was flushed last";
  if (scene.sorted == nullptr) return file;
  const Column* then = written.FindId(scene.sorted->id);
  const auto stats = meta.columns.find(scene.sorted->id);
  if (then == nullptr || stats == meta.columns.end()) return file;
  file.low = BoundInNow(stats->second.min, then->type, scene.sorted->type);
  file.high = BoundInNow(stats->second.max, then->type, scene.sorted->type);
  return file;
}

}  // namespace granary::storage
