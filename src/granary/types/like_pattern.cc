#include "granary/types/like_pattern.h"

#include <re2/re2.h>
#include <string.h>  // NOLINT: memmem is not in <cstring>

namespace granary {
namespace {

/// Bytes of the character that starts at `at`; stray bytes count as one character each.
std::size_t CharacterBytes(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && end < at + 4 &&
         (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u)
    ++end;
  return end - at;
}

}  // namespace

bool ContainsText(std::string_view text, std::string_view needle) {
  if (needle.empty()) return true;
  return ::memmem(text.data(), text.size(), needle.data(), needle.size()) != nullptr;
}

LikePattern::LikePattern(std::string_view pattern) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '%') {
      if (pieces_.empty() || pieces_.back().kind != Piece::Kind::kAnyRun) {
        pieces_.push_back({Piece::Kind::kAnyRun, {}});
      }
      continue;
    }
    if (c == '_') {
      pieces_.push_back({Piece::Kind::kOneCharacter, {}});
      continue;
    }
    if (c == '\\' && i + 1 < pattern.size()) ++i;
    if (pieces_.empty() || pieces_.back().kind != Piece::Kind::kText) pieces_.push_back({});
    pieces_.back().text.push_back(pattern[i]);
  }
}

bool LikePattern::Matches(std::string_view text) const {
  const auto is_run = [this](std::size_t i) { return pieces_[i].kind == Piece::Kind::kAnyRun; };
  const auto is_text = [this](std::size_t i) { return pieces_[i].kind == Piece::Kind::kText; };
  if (pieces_.empty()) return text.empty();
  if (pieces_.size() == 1 && is_text(0)) return text == pieces_[0].text;
  if (pieces_.size() == 1 && is_run(0)) return true;
  if (pieces_.size() == 2 && is_text(0) && is_run(1)) return text.starts_with(pieces_[0].text);
  if (pieces_.size() == 2 && is_run(0) && is_text(1)) return text.ends_with(pieces_[1].text);
  if (pieces_.size() == 3 && is_run(0) && is_text(1) && is_run(2))
    return ContainsText(text, pieces_[1].text);
  return MatchesPieces(text);
}

bool LikePattern::MatchesPieces(std::string_view text) const {
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t at = 0;
  std::size_t piece = 0;
  std::size_t run_piece = kNone;  // the piece after the last %, to try again one character further
  std::size_t run_at = 0;
  while (piece < pieces_.size() || at < text.size()) {
    if (piece < pieces_.size()) {
      const Piece& next = pieces_[piece];
      if (next.kind == Piece::Kind::kAnyRun) {
        run_piece = ++piece;
        run_at = at;
        if (run_piece == pieces_.size()) return true;
        continue;
      }
      if (next.kind == Piece::Kind::kOneCharacter && at < text.size()) {
        at += CharacterBytes(text, at);
        ++piece;
        continue;
      }
      if (next.kind == Piece::Kind::kText && text.substr(at).starts_with(next.text)) {
        at += next.text.size();
        ++piece;
        continue;
      }
    }
    if (run_piece == kNone || run_at >= text.size()) return false;
    run_at += CharacterBytes(text, run_at);
    at = run_at;
    piece = run_piece;
  }
  return true;
}

std::string LikePattern::ToRegex() const {
  std::string regex = "\\A";
  for (const Piece& piece : pieces_) {
    switch (piece.kind) {
      case Piece::Kind::kText: regex += RE2::QuoteMeta(piece.text); break;
      case Piece::Kind::kOneCharacter: regex += "."; break;
      case Piece::Kind::kAnyRun: regex += ".*"; break;
    }
  }
  return regex + "\\z";
}

}  // namespace granary
