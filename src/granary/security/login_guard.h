// LoginGuard: makes guessing passwords slow, by account and by the address that it comes from.
//
// Rule       the first `free` failures cost nothing; each further one doubles the wait, from
//            `first_wait_s` up to `wait_max_s`. Who fails no more for `forget_s` starts afresh, and
//            `free` failures are forgotten in each `forget_s` anyway: the slips of all who share an
//            address do not add up. An attempt counts as failed from its beginning, so many at once
//            are no way around; one that succeeds leaves nothing behind.
// Why both   an account is guarded against many addresses, an address may not try many accounts.
//            The longest wait of an account is short, since whoever knows a name can cause it.
// Threads    fully safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "granary/security/bounded_table.h"

namespace granary::security {

struct BackOff {
  std::int64_t free = 5;
  std::int64_t first_wait_s = 1;
  std::int64_t wait_max_s = 60;
  std::int64_t forget_s = 3600;
};

struct LoginGuardOptions {
  BackOff account{};
  BackOff address{.free = 20, .first_wait_s = 1, .wait_max_s = 900, .forget_s = 3600};
  std::size_t entries_max = 100'000;
};

class LoginGuard {
 public:
  explicit LoginGuard(LoginGuardOptions options);

  /// 0 when the attempt may go on: it counts as failed until Succeeded or Undo. Else how many
  /// seconds to wait; nothing is counted then.
  std::int64_t Begin(std::string_view account, std::string_view address, std::int64_t now_ns);
  /// The account starts afresh, and the attempt is taken off the address.
  void Succeeded(std::string_view account, std::string_view address);
  /// No password was looked at: the attempt is taken off both.
  void Undo(std::string_view account, std::string_view address);

 private:
  struct Failures {
    std::int64_t count = 0;
    std::int64_t last_ns = 0;
    std::int64_t before_ns = 0;   // last_ns without the last attempt.
    std::int64_t counted_ns = 0;  // Up to here failures were forgotten.
  };
  using Table = BoundedTable<Failures>;
  static std::int64_t WaitOf(const Failures* failures, const BackOff& rule, std::int64_t now_ns);
  static void TakeBack(Table& table, std::string_view name);
  static void Count(Table& table, std::string_view name, const BackOff& rule, std::int64_t now_ns);

  const LoginGuardOptions options_;
  std::mutex mutex_;
  Table accounts_, addresses_;  // Guarded by mutex_.
};

/// The part of an address that one party has: all of an IPv4 one, the first 64 bits of an IPv6 one.
std::string AddressOwner(std::string_view address);

}  // namespace granary::security
