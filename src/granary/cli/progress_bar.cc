#include "granary/cli/progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

namespace granary::cli {
namespace {

constexpr int kBarWidth = 24;

}  // namespace

std::string WithThousands(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text.push_back(',');
    text.push_back(digits[i]);
  }
  return text;
}

std::string ProgressLine(const std::string& what, double fraction, std::uint64_t rows,
                         double rows_per_second) {
  const double part = std::clamp(fraction, 0.0, 1.0);
  const int filled = static_cast<int>(part * kBarWidth);
  return fmt::format("{} [{}{}] {:3.0f} %  {} rows  {} rows/s", what,
                     std::string(static_cast<std::size_t>(filled), '#'),
                     std::string(static_cast<std::size_t>(kBarWidth - filled), '-'), part * 100,
                     WithThousands(rows),
                     WithThousands(static_cast<std::uint64_t>(rows_per_second)));
}

ProgressBar::ProgressBar(std::string what)
    : what_(std::move(what)),
      terminal_(isatty(STDERR_FILENO) == 1),
      start_(std::chrono::steady_clock::now()),
      drawn_(start_) {}

double ProgressBar::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

void ProgressBar::Update(double fraction, std::uint64_t rows) {
  const auto pause = terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(5'000);
  const auto now = std::chrono::steady_clock::now();
  if (now - drawn_ < pause) return;
  drawn_ = now;
  Draw(fraction, rows, /*last=*/false);
}

void ProgressBar::Finish(std::uint64_t rows) { Draw(1.0, rows, /*last=*/true); }

void ProgressBar::Draw(double fraction, std::uint64_t rows, bool last) {
  const std::string line =
      ProgressLine(what_, fraction, rows, static_cast<double>(rows) / std::max(seconds(), 1e-3));
  std::fprintf(stderr, "%s%s%s", terminal_ ? "\r\x1b[K" : "", line.c_str(),
               terminal_ && !last ? "" : "\n");
  std::fflush(stderr);
}

}  // namespace granary::cli
