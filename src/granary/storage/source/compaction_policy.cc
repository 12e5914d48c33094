#include "granary/storage/source/compaction_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace granary::storage {
namespace {

using FilePtr = const CompactionFile*;
using Files = std::vector<FilePtr>;

constexpr std::uint64_t kWholeNumerator = 3, kWholeDenominator = 4;

// Files of as many equal flushes differ a little: nearly four times will do.
constexpr std::uint64_t kNearlyNumerator = 7, kNearlyDenominator = 8;

std::string SizeText(std::uint64_t bytes) {
  if (bytes < (1u << 10)) return fmt::format("{} B", bytes);
  if (bytes < (1u << 20)) return fmt::format("{:.1f} KB", static_cast<double>(bytes) / (1u << 10));
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / (1u << 20));
}

// Three quarters, so that a file that was cut off a little early is not merged again.
bool IsWholeFile(const CompactionFile& file, const CompactionLimits& limits) {
  return file.bytes >= limits.target_bytes / kWholeDenominator * kWholeNumerator ||
         file.rows >= limits.rows_max / kWholeDenominator * kWholeNumerator;
}

std::uint64_t BytesOf(const Files& files) {
  std::uint64_t bytes = 0;
  for (const FilePtr file : files) bytes += file->bytes;
  return bytes;
}

class PartitionPolicy {
 public:
  PartitionPolicy(const Files& files, const CompactionLimits& limits, std::int64_t now_us,
                  CompactionWish wish)
      : limits_(limits), now_us_(now_us), wish_(wish) {
    for (const FilePtr file : files) {
      if (!file->kept_out.empty())
        kept_out_.push_back(file);
      else if (IsWholeFile(*file, limits_))
        whole_.push_back(file);
      else if (wish_ == CompactionWish::kAll || file->bytes < limits_.min_bytes)
        small_.push_back(file);
      else
        medium_.push_back(file);
    }
    std::sort(small_.begin(), small_.end(), [](FilePtr a, FilePtr b) {
      return a->bytes != b->bytes ? a->bytes < b->bytes : a->id < b->id;
    });
  }

  void Decide(CompactionPlan& plan) {
    Files chosen;
    std::string reason;
    const bool any = wish_ == CompactionWish::kAll
                         ? PickAll(chosen, reason)
                         : PickEmpty(chosen, reason) || PickDeleted(chosen, reason) ||
                               PickTier(chosen, reason) || PickOverlap(chosen, reason) ||
                               PickOldSchema(chosen, reason);
    if (any) Choose(chosen, std::move(reason), plan);
    Explain(chosen, plan);
  }

 private:
  bool IsOld(const CompactionFile& file) const {
    return file.schema_version < limits_.schema_version;
  }
  static bool IsEmpty(const CompactionFile& file) {
    return file.rows > 0 && file.deleted_rows >= file.rows;
  }
  bool HasManyDeleted(const CompactionFile& file) const {
    return file.deleted_rows > 0 && file.deleted_rows >= file.rows / limits_.deleted_part;
  }
  bool IsSettled() const {
    return std::all_of(small_.begin(), small_.end(), [&](FilePtr file) {
      return now_us_ - file->created_us >= limits_.settle_age_us;
    });
  }

  /// As many of the first as one merge takes; always two.
  void Cap(Files& files) const {
    std::uint64_t bytes = 0;
    std::size_t count = 0;
    while (count < files.size() &&
           (count < 2 || bytes + files[count]->bytes <= limits_.inputs_bytes_max))
      bytes += files[count++]->bytes;
    files.resize(count);
  }

  bool PickAll(Files& chosen, std::string& reason) const {
    chosen = small_;
    for (const FilePtr file : whole_) {
      if (IsOld(*file) || file->deleted_rows > 0) chosen.push_back(file);
    }
    const bool worth_it_alone =
        chosen.size() == 1 && (IsOld(*chosen.front()) || chosen.front()->deleted_rows > 0);
    if (chosen.size() < 2 && !worth_it_alone) {
      chosen.clear();
      return false;
    }
    Cap(chosen);
    reason = fmt::format(
        "asked for: {} files of {}, {} of them in an older schema", chosen.size(),
        SizeText(BytesOf(chosen)),
        std::count_if(chosen.begin(), chosen.end(), [&](FilePtr file) { return IsOld(*file); }));
    if (const std::uint64_t deleted = DeletedIn(chosen); deleted > 0)
      reason += fmt::format(", with {} deleted rows", deleted);
    return true;
  }

  static std::uint64_t DeletedIn(const Files& files) {
    std::uint64_t deleted = 0;
    for (const FilePtr file : files) deleted += file->deleted_rows;
    return deleted;
  }

  /// Nothing is read or written for them.
  bool PickEmpty(Files& chosen, std::string& reason) const {
    for (const Files* files : {&whole_, &medium_, &small_}) {
      for (const FilePtr file : *files) {
        if (IsEmpty(*file)) chosen.push_back(file);
      }
    }
    if (chosen.empty()) return false;
    reason = fmt::format("{} files of {} of which all rows are deleted", chosen.size(),
                         SizeText(BytesOf(chosen)));
    return true;
  }

  bool PickDeleted(Files& chosen, std::string& reason) const {
    for (const Files* files : {&whole_, &medium_, &small_}) {
      for (const FilePtr file : *files) {
        if (HasManyDeleted(*file)) chosen.push_back(file);
      }
    }
    if (chosen.empty()) return false;
    std::sort(chosen.begin(), chosen.end(), [](FilePtr a, FilePtr b) { return a->id < b->id; });
    Cap(chosen);
    reason = fmt::format("{} files of {} with {} deleted rows", chosen.size(),
                         SizeText(BytesOf(chosen)), DeletedIn(chosen));
    return true;
  }

  bool PickTier(Files& chosen, std::string& reason) const {
    if (small_.size() < 2) return false;
    const bool settled = IsSettled(), many = small_.size() > limits_.small_files_max;
    const std::uint64_t growth = settled || many ? limits_.settled_growth : limits_.growth;
    const std::uint64_t whole =
        std::min(limits_.min_bytes, limits_.target_bytes / kWholeDenominator * kWholeNumerator);
    std::size_t best = 0;
    std::uint64_t sum = 0;
    bool makes_whole = false;
    for (std::size_t i = 0; i < small_.size(); ++i) {
      sum += small_[i]->bytes;
      if (i == 0) continue;
      if (sum / kNearlyNumerator * kNearlyDenominator >= growth * small_[i]->bytes) best = i + 1;
      if (i + 1 == small_.size() && sum >= whole) {
        makes_whole = best <= i;
        best = i + 1;
      }
    }
    if (best < 2) return false;
    chosen.assign(small_.begin(), small_.begin() + static_cast<std::ptrdiff_t>(best));
    Cap(chosen);
    const std::string_view why = makes_whole ? ", together no small file any more"
                                 : settled   ? ", and no new one came for a while"
                                 : many      ? ", and there are many"
                                             : "";
    reason = fmt::format("{} small files of {}, the largest of {}{}", chosen.size(),
                         SizeText(BytesOf(chosen)), SizeText(chosen.back()->bytes), why);
    return true;
  }

  /// Those around the value that lies between the bounds of the most.
  bool PickOverlap(Files& chosen, std::string& reason) const {
    Files ranged;
    for (const Files* files : {&whole_, &medium_}) {
      for (const FilePtr file : *files) {
        if (!IsNull(file->low) && !IsNull(file->high)) ranged.push_back(file);
      }
    }
    const auto holds = [](FilePtr file, const Value& value) {
      return Compare(file->low, value) <= 0 && Compare(value, file->high) <= 0;
    };
    // A deepest place begins where some file does. Ordered by their beginnings, those that are
    // still open there are counted by their ends.
    std::sort(ranged.begin(), ranged.end(), [](FilePtr a, FilePtr b) {
      const auto order = Compare(a->low, b->low);
      return order != 0 ? order < 0 : a->id < b->id;
    });
    Files open;
    const Value* deepest = nullptr;
    std::size_t depth = 0;
    for (const FilePtr file : ranged) {
      std::erase_if(open, [&](FilePtr other) { return Compare(other->high, file->low) < 0; });
      open.push_back(file);
      if (open.size() > depth) {
        depth = open.size();
        deepest = &file->low;
      }
    }
    if (depth <= limits_.overlap_max) return false;
    for (const FilePtr file : ranged) {
      if (holds(file, *deepest)) chosen.push_back(file);
    }
    Cap(chosen);
    reason = fmt::format("{} files of {} overlap in the first sort column", chosen.size(),
                         SizeText(BytesOf(chosen)));
    return true;
  }

  bool PickOldSchema(Files& chosen, std::string& reason) const {
    for (const Files* files : {&whole_, &medium_}) {
      for (const FilePtr file : *files) {
        if (IsOld(*file) && now_us_ - file->created_us >= limits_.schema_age_us)
          chosen.push_back(file);
      }
    }
    if (chosen.empty()) return false;
    std::sort(chosen.begin(), chosen.end(), [](FilePtr a, FilePtr b) { return a->id < b->id; });
    Cap(chosen);
    reason =
        fmt::format("{} files of {} in an older schema", chosen.size(), SizeText(BytesOf(chosen)));
    return true;
  }

  static void Choose(const Files& chosen, std::string reason, CompactionPlan& plan) {
    CompactionChoice choice{chosen.front()->partition, {}, BytesOf(chosen), std::move(reason)};
    for (const FilePtr file : chosen) choice.inputs.push_back(file->id);
    plan.choices.push_back(std::move(choice));
  }

  void Explain(const Files& chosen, CompactionPlan& plan) const {
    const auto rest = [&](const Files& files, std::string_view reason) {
      CompactionRest left{{}, 0, 0, std::string(reason)};
      for (const FilePtr file : files) {
        if (std::find(chosen.begin(), chosen.end(), file) != chosen.end()) continue;
        left.partition = file->partition;
        left.bytes += file->bytes;
        ++left.files;
      }
      if (left.files > 0) plan.rest.push_back(std::move(left));
    };
    rest(whole_, "whole");
    rest(medium_, fmt::format("not smaller than {}", SizeText(limits_.min_bytes)));
    rest(small_, !chosen.empty() ? "left for the next merge"
                 : small_.size() == 1
                     ? "small, and the only one"
                     : "small, but together too little beside the largest of them");
    std::map<std::string_view, Files> by_reason;
    for (const FilePtr file : kept_out_) by_reason[file->kept_out].push_back(file);
    for (const auto& [reason, files] : by_reason) rest(files, reason);
  }

  const CompactionLimits& limits_;
  const std::int64_t now_us_;
  const CompactionWish wish_;
  Files whole_, medium_, small_, kept_out_;
};

}  // namespace

CompactionDebt DebtOf(const std::vector<CompactionFile>& files, const CompactionLimits& limits) {
  struct Small {
    std::uint64_t files = 0, bytes = 0;
  };
  std::map<std::string_view, Small> partitions;
  for (const CompactionFile& file : files) {
    if (!file.kept_out.empty() || file.bytes >= limits.min_bytes || IsWholeFile(file, limits))
      continue;
    Small& small = partitions[file.partition];
    ++small.files;
    small.bytes += file.bytes;
  }
  CompactionDebt debt;
  for (const auto& [partition, small] : partitions) {
    if (small.files <= limits.small_files_max) continue;
    debt.files += small.files - limits.small_files_max;
    debt.bytes += small.bytes;
    ++debt.partitions;
  }
  return debt;
}

CompactionPlan PickCompactions(const std::vector<CompactionFile>& files,
                               const CompactionLimits& limits, std::int64_t now_us,
                               CompactionWish wish) {
  std::map<std::string_view, Files> partitions;
  for (const CompactionFile& file : files) partitions[file.partition].push_back(&file);
  CompactionPlan plan;
  for (const auto& [partition, of_it] : partitions)
    PartitionPolicy(of_it, limits, now_us, wish).Decide(plan);
  std::stable_sort(plan.choices.begin(), plan.choices.end(),
                   [](const CompactionChoice& a, const CompactionChoice& b) {
                     return a.inputs.size() > b.inputs.size();
                   });
  plan.debt = DebtOf(files, limits);
  return plan;
}

}  // namespace granary::storage
