#include "granary/types/pattern_program.h"

#include <fmt/format.h>

#include "granary/types/like_pattern.h"

namespace granary {

Result<std::shared_ptr<const PatternProgram>> PatternProgram::Compile(const std::string& pattern,
                                                                      Kind kind,
                                                                      std::size_t memory_max) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_case_sensitive(kind == Kind::kRegex);
  options.set_dot_nl(kind == Kind::kILike);
  options.set_max_mem(static_cast<std::int64_t>(memory_max));
  std::shared_ptr<const PatternProgram> program(
      new PatternProgram(kind == Kind::kILike ? LikePattern(pattern).ToRegex() : pattern, options));
  const RE2& regex = program->regex_;
  if (regex.ok()) return program;
  if (regex.error_code() == RE2::ErrorPatternTooLarge && memory_max < kMemoryMax) {
    return Status(Code::kTooLarge,
                  fmt::format("the pattern takes more than the {} bytes of memory that the query "
                              "has for each of its patterns",
                              memory_max));
  }
  return Status(Code::kInvalidLiteral,
                fmt::format("not a regular expression (RE2): {}", regex.error()));
}

Result<std::shared_ptr<const PatternProgram>> PatternProgram::Of(const Predicate& leaf) {
  if (leaf.program != nullptr) return leaf.program;
  return Compile(leaf.pattern, leaf.kind == Predicate::Kind::kILike ? Kind::kILike : Kind::kRegex);
}

}  // namespace granary
