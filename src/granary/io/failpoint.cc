#include "granary/io/failpoint.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>

namespace granary::io {
namespace {

enum class Action : std::uint8_t { kKill, kError, kFull };

struct Rule {
  std::string name;
  Action action = Action::kError;
  std::uint64_t nth = 0;
  bool and_later = false;

  bool Fires(std::uint64_t pass) const { return pass == nth || (and_later && pass > nth); }
};

std::optional<Action> ParseAction(std::string_view text) {
  if (text == "kill") return Action::kKill;
  if (text == "error") return Action::kError;
  if (text == "full") return Action::kFull;
  return std::nullopt;
}

std::optional<std::uint64_t> ParsePass(std::string_view text) {
  std::uint64_t nth = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), nth);
  if (error != std::errc() || end != text.data() + text.size() || nth == 0) return std::nullopt;
  return nth;
}

// name=action@nth or name=action@nth+
Result<Rule> ParseRule(std::string_view part) {
  const std::size_t equals = part.find('=');
  const std::size_t at = part.find('@');
  if (equals == 0 || equals == std::string_view::npos || at == std::string_view::npos ||
      at < equals) {
    return Status(Code::kInvalidArgument,
                  fmt::format("failpoint \"{}\" is not name=action@nth", part));
  }
  const auto action = ParseAction(part.substr(equals + 1, at - equals - 1));
  if (!action.has_value()) {
    return Status(Code::kInvalidArgument,
                  fmt::format("failpoint \"{}\": the action is not kill, error or full", part));
  }
  std::string_view pass = part.substr(at + 1);
  const bool and_later = pass.ends_with('+');
  if (and_later) pass.remove_suffix(1);
  const auto nth = ParsePass(pass);
  if (!nth.has_value()) {
    return Status(Code::kInvalidArgument,
                  fmt::format("failpoint \"{}\": the pass is not a number from 1", part));
  }
  return Rule{std::string(part.substr(0, equals)), *action, *nth, and_later};
}

Result<std::vector<Rule>> ParseSpec(std::string_view spec) {
  std::vector<Rule> rules;
  while (!spec.empty()) {
    const std::size_t comma = std::min(spec.find(','), spec.size());
    GRANARY_ASSIGN(Rule rule, ParseRule(spec.substr(0, comma)));
    rules.push_back(std::move(rule));
    spec.remove_prefix(std::min(comma + 1, spec.size()));
  }
  return rules;
}

[[noreturn]] void Die() {
  for (;;) {
    ::kill(::getpid(), SIGKILL);
    ::pause();
  }
}

Status Act(const Rule& rule, std::uint64_t pass) {
  const std::string message = fmt::format("failpoint {} at pass {}", rule.name, pass);
  switch (rule.action) {
    case Action::kKill: Die();
    case Action::kError: return Status::IoError(message);
    case Action::kFull: return {Code::kDiskFull, message};
  }
  return Status::Ok();
}

}  // namespace

struct Failpoints::State {
  std::atomic<bool> counting = false;
  std::mutex mutex;
  std::vector<Rule> rules;
  std::map<std::string, std::uint64_t, std::less<>> counts;

  std::uint64_t Count(std::string_view name) {
    const auto found = counts.find(name);
    if (found != counts.end()) return ++found->second;
    counts.emplace(name, 1);
    return 1;
  }
};

Failpoints::Failpoints() : Failpoints(std::make_unique<State>()) {}
Failpoints::Failpoints(std::unique_ptr<State> state) : state_(std::move(state)) {}
Failpoints::~Failpoints() = default;

Status Failpoints::Arm(std::string_view spec) {
  if (state_ == nullptr) return Status::Unsupported("these failpoints cannot be armed");
  GRANARY_ASSIGN(std::vector<Rule> rules, ParseSpec(spec));
  const std::lock_guard lock(state_->mutex);
  std::move(rules.begin(), rules.end(), std::back_inserter(state_->rules));
  state_->counting.store(true, std::memory_order_relaxed);
  return Status::Ok();
}

Status Failpoints::Hit(std::string_view name) {
  if (state_ == nullptr || !state_->counting.load(std::memory_order_relaxed)) return Status::Ok();
  const std::lock_guard lock(state_->mutex);
  const std::uint64_t pass = state_->Count(name);
  for (const Rule& rule : state_->rules) {
    if (rule.name == name && rule.Fires(pass)) return Act(rule, pass);
  }
  return Status::Ok();
}

std::vector<Failpoints::Pass> Failpoints::passes() const {
  std::vector<Pass> passes;
  if (state_ == nullptr) return passes;
  const std::lock_guard lock(state_->mutex);
  for (const auto& [name, count] : state_->counts) passes.push_back({name, count});
  return passes;
}

Failpoints& Failpoints::None() {
  static Failpoints none(std::unique_ptr<State>{});
  return none;
}

}  // namespace granary::io
