#include "granary/net/request_id.h"

#include <algorithm>

#include <fmt/compile.h>

#include "granary/io/clock.h"

namespace granary::net {
namespace {

// What is printed without a space, apart from what quotes or escapes in a log or a shell.
bool IsIdCharacter(char c) {
  return c > ' ' && c < 0x7f && std::string_view("\"'`\\<>").find(c) == std::string_view::npos;
}

}  // namespace

bool IsRequestId(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, IsIdCharacter);
}

RequestIdMaker::RequestIdMaker()
    : prefix_(io::SystemRandom().Next64()), next_(io::SystemRandom().Next64()) {}

std::string RequestIdMaker::Choose(std::optional<std::string_view> sent) {
  if (sent && IsRequestId(*sent)) return std::string(*sent);
  return fmt::format(FMT_COMPILE("{:016x}{:016x}"), prefix_,
                     next_.fetch_add(1, std::memory_order_relaxed));
}

}  // namespace granary::net
