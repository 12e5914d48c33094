#include "granary/cli/secret_input.h"

#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include <fmt/format.h>

#include "granary/io/posix_file_system.h"

namespace granary::cli {
namespace {

Status Invalid(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }

bool OnTerminal() { return ::isatty(STDIN_FILENO) == 1; }

// The terminal shows nothing of what is typed while one of these lives.
class Hidden {
 public:
  Hidden() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
  }
  ~Hidden() {
    if (!changed_) return;
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    std::fputc('\n', stderr);
  }
  Hidden(const Hidden&) = delete;
  Hidden& operator=(const Hidden&) = delete;

 private:
  termios before_{};
  bool changed_ = false;
};

std::string Ask(const std::string& prompt) {
  std::fprintf(stderr, "%s: ", prompt.c_str());
  std::string line;
  const Hidden hidden;
  std::getline(std::cin, line);
  return line;
}

// The first line without what surrounds it: files end with one more.
std::string FirstLine(std::string text) {
  text.erase(std::min(text.find('\n'), text.size()));
  while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

Result<std::string> CheckedKey(std::string key, std::string_view from) {
  const bool is_one =
      !key.empty() && std::ranges::all_of(key, [](char c) { return c > ' ' && c <= '~'; });
  if (!is_one) return Invalid(fmt::format("{} holds no API key", from));
  return key;
}

}  // namespace

Result<std::string> ReadApiKey(const std::string& file) {
  if (file == "-") {
    std::string line;
    std::getline(std::cin, line);
    return CheckedKey(FirstLine(std::move(line)), "stdin");
  }
  if (!file.empty()) {
    io::PosixFileSystem files;
    GRANARY_ASSIGN(std::string text, files.ReadFile(file));
    return CheckedKey(FirstLine(std::move(text)), fmt::format("--key-file '{}'", file));
  }
  if (const char* key = std::getenv(kKeyVariable)) return CheckedKey(key, kKeyVariable);
  if (OnTerminal()) return CheckedKey(Ask("API key"), "what was typed");
  return Invalid(
      fmt::format("no API key: put one into {} or into a file that --key-file names (- is stdin)",
                  kKeyVariable));
}

Result<std::optional<std::string>> FindApiKey(const std::string& file) {
  const char* key = std::getenv(kKeyVariable);
  if (file.empty() && (key == nullptr || *key == '\0')) return std::optional<std::string>();
  GRANARY_ASSIGN(std::string found, ReadApiKey(file));
  return std::optional(std::move(found));
}

Result<std::string> ReadNewPassword(std::string_view whose) {
  std::string password;
  if (OnTerminal()) {
    password = Ask(fmt::format("Password of {}", whose));
    if (Ask("Again") != password) return Invalid("the two differ");
  } else {
    std::getline(std::cin, password);
    if (!password.empty() && password.back() == '\r') password.pop_back();
  }
  if (password.empty()) return Invalid("the password is empty: give it as the first line of stdin");
  return password;
}

}  // namespace granary::cli
