#include "granary/security/permissions.h"

#include <fmt/format.h>

#include <algorithm>

#include "granary/base/ids.h"

namespace granary::security {
namespace {

struct VerbWords {
  Verb verb;
  std::string_view name;
  char letter;
};

constexpr VerbWords kWords[] = {
    {Verb::kRead, "read", 'r'}, {Verb::kWrite, "write", 'w'}, {Verb::kAdmin, "admin", 'a'}};

const VerbWords& WordsOf(Verb verb) {
  return *std::ranges::find(kWords, verb, [](const VerbWords& words) { return words.verb; });
}

bool IsPrefix(std::string_view pattern) { return pattern.ends_with('*'); }
std::string_view PrefixOf(std::string_view pattern) {
  return pattern.substr(0, pattern.size() - 1);
}

/// The sources that are in both, as a pattern; nothing when there are none.
std::optional<std::string_view> Common(std::string_view a, std::string_view b) {
  if (CoversPattern(a, b)) return b;
  if (CoversPattern(b, a)) return a;
  return std::nullopt;
}

}  // namespace

std::string_view VerbName(Verb verb) { return WordsOf(verb).name; }

std::optional<Verb> ParseVerb(std::string_view name) {
  for (const VerbWords& words : kWords) {
    if (words.name == name) return words.verb;
  }
  return std::nullopt;
}

Status CheckSourcePattern(std::string_view pattern) {
  if (pattern == kAnySource) return Status::Ok();
  const std::string_view name = IsPrefix(pattern) ? PrefixOf(pattern) : pattern;
  if (IsIdentifier(name)) return Status::Ok();
  return InvalidIdentifier(pattern).At("a source, a prefix of sources like sales_*, or *");
}

bool CoversPattern(std::string_view pattern, std::string_view other) {
  if (!IsPrefix(pattern)) return pattern == other;
  const std::string_view name = IsPrefix(other) ? PrefixOf(other) : other;
  return name.starts_with(PrefixOf(pattern));
}

std::string FormatGrant(const Grant& grant) {
  std::string text;
  for (const VerbWords& words : kWords) {
    if (grant.verbs.Has(words.verb)) text.push_back(words.letter);
  }
  return text.append(":").append(grant.source);
}

std::optional<Grant> ParseGrant(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  Grant grant{{}, std::string(text.substr(colon + 1))};
  for (const VerbWords& words : kWords) {
    if (text.substr(0, colon).find(words.letter) != std::string_view::npos)
      grant.verbs.Add(words.verb);
  }
  if (grant.verbs.empty() || !CheckSourcePattern(grant.source).ok()) return std::nullopt;
  if (FormatGrant(grant) != text) return std::nullopt;
  return grant;
}

Decision Allows(std::span<const Grant> grants, Verb verb, std::string_view source) {
  for (const Grant& grant : grants) {
    if (grant.verbs.Has(verb) && CoversPattern(grant.source, source)) return {true, {}};
  }
  return {false, fmt::format("no right to {} the source '{}'", VerbName(verb), source)};
}

Decision AllowsEverywhere(std::span<const Grant> grants, Verb verb) {
  for (const Grant& grant : grants) {
    if (grant.verbs.Has(verb) && grant.source == kAnySource) return {true, {}};
  }
  return {false, fmt::format("this needs the right to {} every source ('*')", VerbName(verb))};
}

Decision AllowsSomewhere(std::span<const Grant> grants, Verb verb) {
  for (const Grant& grant : grants) {
    if (grant.verbs.Has(verb)) return {true, {}};
  }
  return {false, fmt::format("no right to {} any source", VerbName(verb))};
}

Status AsStatus(const Decision& decision) {
  return decision.allowed ? Status::Ok() : Status(Code::kPermissionDenied, decision.reason);
}

std::vector<Grant> Narrowed(std::span<const Grant> grants, std::span<const Grant> scope) {
  std::vector<Grant> out;
  for (const Grant& grant : grants) {
    for (const Grant& limit : scope) {
      const VerbSet verbs = grant.verbs.And(limit.verbs);
      const auto source = Common(grant.source, limit.source);
      if (!verbs.empty() && source) out.push_back({verbs, std::string(*source)});
    }
  }
  return Simplified(out);
}

std::vector<Grant> Simplified(std::span<const Grant> grants) {
  std::vector<Grant> merged;
  for (const Grant& grant : grants) {
    const auto same = std::ranges::find(merged, grant.source, &Grant::source);
    if (same == merged.end())
      merged.push_back(grant);
    else
      same->verbs = same->verbs.Or(grant.verbs);
  }
  std::vector<Grant> out;
  for (const Grant& grant : merged) {
    const bool needless = std::ranges::any_of(merged, [&](const Grant& other) {
      return &other != &grant && CoversPattern(other.source, grant.source) &&
             grant.verbs.And(other.verbs) == grant.verbs;
    });
    if (!needless) out.push_back(grant);
  }
  std::ranges::sort(out, {}, &Grant::source);
  return out;
}

bool Covers(std::span<const Grant> more, std::span<const Grant> less) {
  return std::ranges::all_of(less, [&](const Grant& grant) {
    return std::ranges::all_of(kVerbs, [&](Verb verb) {
      return !grant.verbs.Has(verb) || std::ranges::any_of(more, [&](const Grant& other) {
        return other.verbs.Has(verb) && CoversPattern(other.source, grant.source);
      });
    });
  });
}

}  // namespace granary::security
