#include "granary/security/login_guard.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <utility>

#include "granary/base/append_format.h"

namespace granary::security {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::int64_t kDoublingsMax = 30;

}  // namespace

LoginGuard::LoginGuard(LoginGuardOptions options)
    : options_(options), accounts_(options.entries_max), addresses_(options.entries_max) {}

std::int64_t LoginGuard::WaitOf(const Failures* failures, const BackOff& rule,
                                std::int64_t now_ns) {
  if (failures == nullptr || failures->count < rule.free) return 0;
  const std::int64_t passed_ns = now_ns - failures->last_ns;
  if (passed_ns >= rule.forget_s * kNsPerSecond) return 0;
  const std::int64_t doublings = std::min(failures->count - rule.free, kDoublingsMax);
  const std::int64_t wait_s = std::min(rule.first_wait_s << doublings, rule.wait_max_s);
  const std::int64_t left_ns = wait_s * kNsPerSecond - passed_ns;
  return left_ns <= 0 ? 0 : (left_ns + kNsPerSecond - 1) / kNsPerSecond;
}

void LoginGuard::Count(Table& table, std::string_view name, const BackOff& rule,
                       std::int64_t now_ns) {
  Failures& failures = table.Get(name, [] { return Failures{}; });
  const std::int64_t step_ns = rule.forget_s * kNsPerSecond / std::max<std::int64_t>(rule.free, 1);
  std::int64_t forgotten = 0;
  if (step_ns > 0) forgotten = (now_ns - failures.counted_ns) / step_ns;
  if (now_ns - failures.last_ns >= rule.forget_s * kNsPerSecond || forgotten >= failures.count) {
    failures.count = 0;
    failures.counted_ns = now_ns;
  } else {
    failures.count -= forgotten;
    failures.counted_ns += forgotten * step_ns;
  }
  ++failures.count;
  failures.before_ns = std::exchange(failures.last_ns, now_ns);
}

std::int64_t LoginGuard::Begin(std::string_view account, std::string_view address,
                               std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  const std::int64_t wait_s = std::max(WaitOf(accounts_.Find(account), options_.account, now_ns),
                                       WaitOf(addresses_.Find(address), options_.address, now_ns));
  if (wait_s > 0) return wait_s;
  Count(accounts_, account, options_.account, now_ns);
  Count(addresses_, address, options_.address, now_ns);
  return 0;
}

void LoginGuard::Succeeded(std::string_view account, std::string_view address) {
  const std::lock_guard lock(mutex_);
  accounts_.Erase(account);
  // Not forgotten: one good account must not pay for guesses at others.
  TakeBack(addresses_, address);
}

void LoginGuard::Undo(std::string_view account, std::string_view address) {
  const std::lock_guard lock(mutex_);
  TakeBack(accounts_, account);
  TakeBack(addresses_, address);
}

void LoginGuard::TakeBack(Table& table, std::string_view name) {
  if (Failures* failures = table.Find(name)) {
    failures->count = std::max<std::int64_t>(failures->count - 1, 0);
    failures->last_ns = failures->before_ns;
  }
}

std::string AddressOwner(std::string_view address) {
  std::array<unsigned char, 16> bytes{};
  if (inet_pton(AF_INET6, std::string(address).c_str(), bytes.data()) != 1)
    return std::string(address);
  std::string out;
  for (std::size_t i = 0; i < 8; ++i) AppendFormat(out, "{:02x}", bytes[i]);
  return out.append("/64");
}

}  // namespace granary::security
