// Patterns over strings.
#include <arrow/array.h>

#include "granary/query/exec/value_check.h"
#include "granary/types/like_pattern.h"
#include "granary/types/pattern_program.h"

namespace granary::query {
namespace {

template <typename Matcher>
class PatternCheck final : public ValueCheck {
 public:
  explicit PatternCheck(Matcher matches) : matches_(std::move(matches)) {}
  void Check(const arrow::Array& values, std::int64_t first, std::int64_t count,
             const std::uint8_t* wanted, std::uint8_t* out) const override {
    const auto& texts = static_cast<const arrow::BinaryArray&>(values);
    for (std::int64_t i = 0; i < count; ++i) {
      out[i] = (wanted == nullptr || wanted[i] != 0) && !values.IsNull(first + i) &&
               matches_(texts.GetView(first + i));
    }
  }
  bool costly() const override { return true; }

 private:
  Matcher matches_;
};

template <typename Matcher>
std::unique_ptr<ValueCheck> Make(Matcher matches) {
  return std::make_unique<PatternCheck<Matcher>>(std::move(matches));
}

Result<std::unique_ptr<ValueCheck>> MakeRegex(const Predicate& leaf) {
  GRANARY_ASSIGN(const std::shared_ptr<const PatternProgram> program, PatternProgram::Of(leaf));
  return Make([program](std::string_view text) { return program->Matches(text); });
}

}  // namespace

Result<std::unique_ptr<ValueCheck>> MakePatternCheck(const Predicate& leaf) {
  const std::string& pattern = leaf.pattern;
  switch (leaf.kind) {
    case Predicate::Kind::kLike:
      return Make(
          [like = LikePattern(pattern)](std::string_view text) { return like.Matches(text); });
    case Predicate::Kind::kStartsWith:
      return Make([pattern](std::string_view text) { return text.starts_with(pattern); });
    case Predicate::Kind::kEndsWith:
      return Make([pattern](std::string_view text) { return text.ends_with(pattern); });
    case Predicate::Kind::kContains:
      return Make([pattern](std::string_view text) { return ContainsText(text, pattern); });
    case Predicate::Kind::kILike:
    case Predicate::Kind::kRegex: return MakeRegex(leaf);
    default: return Status::Internal("not a pattern");
  }
}

}  // namespace granary::query
