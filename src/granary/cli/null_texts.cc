#include "granary/cli/null_texts.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace granary::cli {
namespace {

bool EndsRecord(char c) { return c == '\n' || c == '\r'; }
bool EndsCell(char c) { return c == ',' || EndsRecord(c); }

}  // namespace

Result<NullTexts> NullTexts::Make(std::vector<std::string> texts) {
  NullTexts made;
  for (std::string& text : texts) {
    if (text.find_first_of(",\"\r\n") != std::string::npos) {
      return Status(
          Code::kInvalidArgument,
          fmt::format("--null '{}': no cell without quotes has a comma, quotes or a line end in it",
                      text));
    }
    if (text.empty()) continue;  // Null by itself.
    made.texts_.push_back(std::move(text));
  }
  return made;
}

bool NullTexts::IsNull() const {
  return !in_header_ && std::ranges::find(texts_, held_) != texts_.end();
}

bool NullTexts::MayBecomeNull() const {
  return std::ranges::any_of(texts_,
                             [&](const std::string& text) { return text.starts_with(held_); });
}

std::size_t NullTexts::PassedAtOnce(std::string_view piece) const {
  if (in_ == In::kAfterQuote) return 1;  // Whether the quotes have ended, it says.
  const std::size_t end =
      in_ == In::kQuotes
          ? piece.find('"')
          : static_cast<std::size_t>(std::ranges::find_if(piece, EndsCell) - piece.begin());
  return std::min(end, piece.size() - 1) + 1;
}

void NullTexts::Pass(std::string_view piece, std::string& out) {
  if (texts_.empty()) {
    out += piece;
    return;
  }
  while (!piece.empty()) {
    if (in_ == In::kFront) {
      PassFront(piece[0], out);
      piece.remove_prefix(1);
      continue;
    }
    const std::size_t passed = PassedAtOnce(piece);
    out += piece.substr(0, passed);
    const char last = piece[passed - 1];
    piece.remove_prefix(passed);
    if (in_ == In::kQuotes) {
      if (last == '"') in_ = In::kAfterQuote;
    } else if (last == '"' && in_ == In::kAfterQuote) {
      in_ = In::kQuotes;
    } else {
      in_ = In::kText;
      if (EndsCell(last)) EndCell(last);
    }
  }
}

void NullTexts::PassFront(char c, std::string& out) {
  if (c == '"' && held_.empty()) {
    in_ = In::kQuotes;
    out += c;
  } else if (EndsCell(c)) {
    const bool is_whole_record = cell_ == 0 && EndsRecord(c);
    if (!IsNull() || (is_whole_record && columns_ > 1)) out += held_;
    out += c;
    EndCell(c);
  } else {
    held_ += c;
    if (MayBecomeNull()) return;
    out += held_;
    held_.clear();
    in_ = In::kText;
  }
}

void NullTexts::EndCell(char end) {
  held_.clear();
  in_ = In::kFront;
  ++cell_;
  if (!EndsRecord(end)) return;
  if (in_header_) columns_ = cell_;
  in_header_ = false;
  cell_ = 0;
}

void NullTexts::Finish(std::string& out) {
  // A blank line at the very end is a record only where it has an end.
  if (in_ == In::kFront && !held_.empty()) {
    const bool is_null = IsNull() && (cell_ > 0 || columns_ == 1);
    if (!is_null) out += held_;
    if (is_null && cell_ == 0) out += '\n';
  }
  held_.clear();
}

}  // namespace granary::cli
