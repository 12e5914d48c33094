#include "granary/json/leaf_matcher.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <compare>
#include <utility>

#include <fmt/format.h>

#include "granary/json/batch_writer.h"
#include "granary/json/document_reader.h"
#include "granary/types/number_text.h"

namespace granary::json {
namespace {

using simdjson::ondemand::json_type;
using Kind = Predicate::Kind;

bool IsPattern(Kind kind) { return kind >= Kind::kLike && kind <= Kind::kRegex; }

bool IsDocument(Literal::Kind kind) {
  return kind == Literal::Kind::kList || kind == Literal::Kind::kObject;
}

std::optional<std::int64_t> ReadInt64(std::string_view text) {
  std::int64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc{} || read.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> ExactDouble(std::string_view text) {
  const double number = NearestDouble(text);
  if (!std::isfinite(number)) return std::nullopt;
  // In full, because the shortest text only reads back equal.
  const bool exact = CompareNumbers(fmt::format("{:.1074f}", number), text) == 0;
  return exact ? std::optional(number) : std::nullopt;
}

void AppendLiteral(const Literal& literal, std::string& out);

void AppendItems(const std::vector<Literal>& items, std::string& out) {
  out.push_back('[');
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i != 0) out.push_back(',');
    AppendLiteral(items[i], out);
  }
  out.push_back(']');
}

/// The literal as JSON text again.
void AppendLiteral(const Literal& literal, std::string& out) {
  switch (literal.kind) {
    case Literal::Kind::kNull: out += "null"; return;
    case Literal::Kind::kBool: out += literal.boolean ? "true" : "false"; return;
    case Literal::Kind::kNumber:
    case Literal::Kind::kObject: out += literal.text; return;
    case Literal::Kind::kString: AppendString(literal.text, out); return;
    case Literal::Kind::kList: AppendItems(literal.items, out); return;
  }
}

int Sign(std::weak_ordering order) { return order < 0 ? -1 : order > 0 ? 1 : 0; }

}  // namespace

LeafMatcher::LeafMatcher(const Predicate& leaf) : leaf_(leaf) {}
LeafMatcher::LeafMatcher(LeafMatcher&&) noexcept = default;
LeafMatcher::~LeafMatcher() = default;

Result<LeafMatcher> LeafMatcher::Make(const Predicate& leaf) {
  LeafMatcher matcher(leaf);
  for (const Literal& literal : leaf.json) {
    GRANARY_ASSIGN(Wanted wanted, Prepare(literal));
    matcher.wanted_.push_back(std::move(wanted));
  }
  if (leaf.kind == Kind::kBetween && matcher.wanted_.size() != 2)
    return Status::Internal("between two literals");
  if (leaf.kind == Kind::kContains && matcher.wanted_.empty()) {
    matcher.wanted_.push_back({Literal::Kind::kString, leaf.pattern, false, {}});
  }
  if (leaf.kind == Kind::kLike) matcher.like_.emplace(leaf.pattern);
  if (leaf.kind == Kind::kILike || leaf.kind == Kind::kRegex) {
    GRANARY_ASSIGN(matcher.program_, PatternProgram::Of(leaf));
  }
  return matcher;
}

Result<LeafMatcher::Wanted> LeafMatcher::Prepare(const Literal& literal) {
  Wanted wanted{literal.kind, literal.text, literal.boolean, {}};
  if (literal.kind == Literal::Kind::kNumber) {
    if (!IsJsonNumber(literal.text)) {
      return Status(Code::kInvalidLiteral, fmt::format("\"{}\" is no number", literal.text));
    }
    wanted.integer = ReadInt64(literal.text);
    wanted.number = ExactDouble(literal.text);
  }
  if (IsDocument(literal.kind)) {
    std::string text;
    AppendLiteral(literal, text);
    DocumentReader reader;
    CellContext context;
    Cell cell;
    wanted.text.clear();
    if (reader.Read(text, context, cell) != Taken::kYes ||
        AppendCanonical(cell, context, wanted.text) != Taken::kYes) {
      return Status(Code::kInvalidLiteral, std::string(context.failure.message()));
    }
  }
  return wanted;
}

Taken LeafMatcher::Add(Cell& cell, CellContext& context) {
  if (cell.IsNull()) return Taken::kYes;
  seen_ = true;
  if (matched_ || leaf_.kind == Kind::kIsNull || leaf_.kind == Kind::kNotNullIs) return Taken::kYes;
  return Match(cell, context, false, matched_);
}

bool LeafMatcher::Starts() {
  seen_ = true;
  return !matched_ && leaf_.kind != Kind::kIsNull && leaf_.kind != Kind::kNotNullIs;
}

template <typename OrderTo>
bool LeafMatcher::Fits(const OrderTo& order_to) const {
  if (leaf_.kind == Kind::kBetween) {
    const std::optional<int> low = order_to(wanted_[0]), high = order_to(wanted_[1]);
    return low && high && *low >= 0 && *high <= 0;
  }
  return std::ranges::any_of(wanted_, [&](const Wanted& wanted) {
    const std::optional<int> order = order_to(wanted);
    return order && OrderFits(*order);
  });
}

void LeafMatcher::AddString(std::string_view text) {
  if (!Starts()) return;
  if (IsPattern(leaf_.kind)) {
    matched_ = MatchText(text);
    return;
  }
  matched_ = Fits([&](const Wanted& wanted) -> std::optional<int> {
    if (wanted.kind != Literal::Kind::kString) return std::nullopt;
    return text.compare(wanted.text);
  });
}

template <typename Compare>
void LeafMatcher::MatchNumber(const Compare& compare) {
  if (!Starts() || IsPattern(leaf_.kind)) return;
  matched_ = Fits([&](const Wanted& wanted) -> std::optional<int> {
    if (wanted.kind != Literal::Kind::kNumber) return std::nullopt;
    return Sign(compare(wanted));
  });
}

void LeafMatcher::AddInteger(std::int64_t integer) {
  MatchNumber([&](const Wanted& wanted) -> std::weak_ordering {
    if (wanted.integer) return integer <=> *wanted.integer;
    return CompareNumbers(fmt::format("{}", integer), wanted.text);
  });
}

void LeafMatcher::AddDouble(double number) {
  MatchNumber([&](const Wanted& wanted) -> std::weak_ordering {
    // What rounds to less is less, but what rounds to the same may differ in its digits.
    if (wanted.number && number < *wanted.number) return std::weak_ordering::less;
    if (wanted.number && number > *wanted.number) return std::weak_ordering::greater;
    std::string text;
    AppendDoubleText(number, text);
    return CompareNumbers(text, wanted.text);
  });
}

void LeafMatcher::AddBool(bool boolean) {
  if (!Starts() || IsPattern(leaf_.kind)) return;
  matched_ = Fits([&](const Wanted& wanted) -> std::optional<int> {
    if (wanted.kind != Literal::Kind::kBool) return std::nullopt;
    return boolean - wanted.boolean;
  });
}

std::optional<bool> LeafMatcher::Finish() {
  const bool seen = std::exchange(seen_, false);
  const bool matched = std::exchange(matched_, false);
  if (leaf_.kind == Kind::kIsNull) return !seen;
  if (!seen) return std::nullopt;
  if (leaf_.kind == Kind::kNotNullIs) return leaf_.constant;
  if (!matched && leaf_.kind == Kind::kIn && leaf_.in_has_null) return std::nullopt;
  return matched;
}

Taken LeafMatcher::Match(Cell& cell, CellContext& context, bool in_array, bool& matched) {
  const bool container = cell.type == json_type::array || cell.type == json_type::object;
  if (!container) return MatchScalar(cell, context, in_array, matched);
  const bool documents = std::any_of(wanted_.begin(), wanted_.end(),
                                     [](const Wanted& wanted) { return IsDocument(wanted.kind); });
  if (documents) return MatchDocument(cell, context, in_array, matched);
  if (cell.type == json_type::array && !in_array) return MatchArray(cell, context, matched);
  return Taken::kYes;
}

Taken LeafMatcher::MatchArray(Cell& cell, CellContext& context, bool& matched) {
  simdjson::ondemand::array array;
  if (const auto error = cell.value.get_array().get(array)) return context.Break(error);
  for (auto item : array) {
    simdjson::ondemand::value value;
    if (const auto error = item.get(value)) return context.Break(error);
    Cell element;
    if (const Taken taken = ReadCell(value, context, element); taken != Taken::kYes) return taken;
    if (const Taken taken = Match(element, context, true, matched); taken != Taken::kYes)
      return taken;
    if (matched) return Taken::kYes;
  }
  return Taken::kYes;
}

/// Some literal is an object or an array: equal as a whole, or to an element. A value can be walked
/// only once, so that it is copied out first.
Taken LeafMatcher::MatchDocument(Cell& cell, CellContext& context, bool in_array, bool& matched) {
  std::string text;
  if (const Taken taken = AppendMinified(cell, context, text); taken != Taken::kYes) return taken;
  DocumentReader reader;
  CellContext inner;
  Cell copy;
  if (reader.Read(text, inner, copy) != Taken::kYes) return context.Break(simdjson::TAPE_ERROR);
  std::string canonical;
  if (AppendCanonical(copy, inner, canonical) != Taken::kYes)
    return context.Break(simdjson::TAPE_ERROR);

  const bool as_whole = leaf_.kind == Kind::kEqual || leaf_.kind == Kind::kIn ||
                        (leaf_.kind == Kind::kContains && in_array);
  matched = as_whole && std::any_of(wanted_.begin(), wanted_.end(), [&](const Wanted& wanted) {
              return IsDocument(wanted.kind) && wanted.text == canonical;
            });
  if (matched || in_array || copy.type != json_type::array) return Taken::kYes;
  if (reader.Read(text, inner, copy) != Taken::kYes) return context.Break(simdjson::TAPE_ERROR);
  return MatchArray(copy, inner, matched);
}

Taken LeafMatcher::MatchScalar(Cell& cell, CellContext& context, bool in_array,
                               bool& matched) const {
  if (cell.IsNumber() && !IsJsonNumber(cell.text)) return context.Break(simdjson::NUMBER_ERROR);
  const bool element = leaf_.kind == Kind::kContains && in_array;
  if (IsPattern(leaf_.kind) && !element) {
    matched = cell.IsString() && MatchText(cell.text);
    return Taken::kYes;
  }
  const std::optional<std::int64_t> integer = cell.IsNumber() ? ReadInt64(cell.text) : std::nullopt;
  matched = Fits([&](const Wanted& wanted) -> std::optional<int> {
    switch (wanted.kind) {
      case Literal::Kind::kBool:
        if (cell.type != json_type::boolean) return std::nullopt;
        return cell.boolean - wanted.boolean;
      case Literal::Kind::kString:
        if (!cell.IsString()) return std::nullopt;
        return cell.text.compare(wanted.text);
      case Literal::Kind::kNumber:
        if (!cell.IsNumber()) return std::nullopt;
        if (integer && wanted.integer) return Sign(*integer <=> *wanted.integer);
        return Sign(CompareNumbers(cell.text, wanted.text));
      default: return std::nullopt;
    }
  });
  return Taken::kYes;
}

bool LeafMatcher::MatchText(std::string_view text) const {
  switch (leaf_.kind) {
    case Kind::kStartsWith: return text.starts_with(leaf_.pattern);
    case Kind::kEndsWith: return text.ends_with(leaf_.pattern);
    case Kind::kContains:
      return wanted_.front().kind == Literal::Kind::kString &&
             ContainsText(text, wanted_.front().text);
    case Kind::kLike: return like_->Matches(text);
    default: return program_->Matches(text);
  }
}

bool LeafMatcher::OrderFits(int order) const {
  switch (leaf_.kind) {
    case Kind::kLess: return order < 0;
    case Kind::kLessEqual: return order <= 0;
    case Kind::kGreater: return order > 0;
    case Kind::kGreaterEqual: return order >= 0;
    default: return order == 0;
  }
}

}  // namespace granary::json
