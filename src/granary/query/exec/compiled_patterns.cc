#include "granary/query/exec/compiled_patterns.h"

#include <algorithm>

#include <fmt/format.h>

#include "granary/types/pattern_program.h"

namespace granary::query {
namespace {

/// Of a LIKE pattern that is taken apart, for each byte of it.
constexpr std::uint64_t kLikeBytesPerByte = 64;
constexpr std::uint64_t kShareOfNobody = 256u << 20;  // Where no budget says what a query may take.

bool IsPattern(const Filter& filter) {
  if (filter.kind != Filter::Kind::kCompare) return false;
  const bool is_one = filter.op == Operator::kLike || filter.op == Operator::kILike ||
                      filter.op == Operator::kRegex;
  return is_one && filter.literal.kind == Literal::Kind::kString && filter.program == nullptr;
}

struct PatternNeeds {
  std::uint64_t programs = 0;
  std::uint64_t like_bytes = 0;
};

Status CountPatterns(const Filter& filter, std::size_t bytes_max, PatternNeeds& wanted) {
  for (const Filter& child : filter.children) GRANARY_TRY(CountPatterns(child, bytes_max, wanted));
  if (!IsPattern(filter)) return Status::Ok();
  const std::size_t bytes = filter.literal.text.size();
  if (bytes > bytes_max) {
    return Status::Invalid(
        Code::kTooLarge, filter.pointer,
        fmt::format("the pattern has {} bytes, at most {} are taken (MAX_PATTERN_BYTES)", bytes,
                    bytes_max));
  }
  if (filter.op != Operator::kRegex) wanted.like_bytes += bytes;
  if (filter.op != Operator::kLike) ++wanted.programs;
  return Status::Ok();
}

Status CompileTree(Filter& filter, const QueryContext& context, std::size_t memory_max) {
  for (Filter& child : filter.children) GRANARY_TRY(CompileTree(child, context, memory_max));
  if (!IsPattern(filter) || filter.op == Operator::kLike) return Status::Ok();
  GRANARY_TRY(context.cancel.Check());
  const std::string& text = filter.literal.text;
  auto program = PatternProgram::Compile(
      text,
      filter.op == Operator::kRegex ? PatternProgram::Kind::kRegex : PatternProgram::Kind::kILike,
      memory_max);
  if (!program.ok()) {
    return Status::Invalid(program.status().code(), filter.pointer,
                           std::string(program.status().message()));
  }
  filter.program = program.Take();
  return Status::Ok();
}

}  // namespace

bool HasPatterns(const Filter& filter) {
  return IsPattern(filter) || std::ranges::any_of(filter.children, HasPatterns);
}

Status CompilePatterns(Filter& filter, const QueryContext& context,
                       runtime::MemoryReservation& memory) {
  PatternNeeds wanted;
  GRANARY_TRY(CountPatterns(filter, context.pattern_bytes_max, wanted));
  const std::uint64_t share = context.memory == nullptr
                                  ? kShareOfNobody
                                  : std::min(context.memory->reach(), kShareOfNobody);
  const std::uint64_t each = std::clamp<std::uint64_t>(
      share / kPatternShareParts / std::max<std::uint64_t>(wanted.programs, 1), kPatternMemoryMin,
      PatternProgram::kMemoryMax);
  const std::uint64_t bytes = wanted.programs * each + wanted.like_bytes * kLikeBytesPerByte;
  if (const runtime::MemoryBudget* refused_by = memory.GrowTo(bytes)) {
    if (refused_by != context.memory) return runtime::OutOfMemory(*refused_by, bytes);
    return {
        Code::kTooLarge,
        fmt::format("the patterns of the filter take {} bytes of memory, the query's share is {} "
                    "(QUERY_MEMORY_MB): ask with fewer of them",
                    bytes, refused_by->limit())};
  }
  return CompileTree(filter, context, each);
}

}  // namespace granary::query
