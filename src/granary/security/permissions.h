// Permissions: who may do what to which source. Pure.
//
//   read  : search, stream, aggregate, explain, definition and statistics of a source
//   write : add and delete records
//   admin : define, change, drop, flush and compact a source; on "*" also the tenant's users, roles,
//           keys, jobs, running queries and audit log
//
// Verbs do not imply each other: a program that only writes need not read. A source is named in
// full, by a prefix ("sales_*") or as "*", which is every source there is and will be.
// Threads    values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"

namespace granary::security {

enum class Verb : std::uint8_t { kRead = 1, kWrite = 2, kAdmin = 4 };
inline constexpr Verb kVerbs[] = {Verb::kRead, Verb::kWrite, Verb::kAdmin};

/// "read"
std::string_view VerbName(Verb verb);
std::optional<Verb> ParseVerb(std::string_view name);

class VerbSet {
 public:
  VerbSet() = default;
  VerbSet(std::initializer_list<Verb> verbs) {
    for (const Verb verb : verbs) Add(verb);
  }
  void Add(Verb verb) { bits_ |= static_cast<std::uint8_t>(verb); }
  bool Has(Verb verb) const { return (bits_ & static_cast<std::uint8_t>(verb)) != 0; }
  bool empty() const { return bits_ == 0; }
  VerbSet And(VerbSet other) const { return FromBits(bits_ & other.bits_); }
  VerbSet Or(VerbSet other) const { return FromBits(bits_ | other.bits_); }
  bool operator==(const VerbSet&) const = default;

 private:
  static VerbSet FromBits(int bits) {
    VerbSet set;
    set.bits_ = static_cast<std::uint8_t>(bits);
    return set;
  }
  std::uint8_t bits_ = 0;
};

struct Grant {
  VerbSet verbs;
  std::string source;  ///< "sales", "sales_*" or "*".
  bool operator==(const Grant&) const = default;
};

inline constexpr std::string_view kAnySource = "*";
/// Of one identity: more would not fit the head of a request.
inline constexpr std::size_t kGrantsMax = 64;

/// kInvalidIdentifier unless it is an identifier, one cut short by a '*', or "*".
Status CheckSourcePattern(std::string_view pattern);
/// True when `pattern` takes in every source that `other` does.
bool CoversPattern(std::string_view pattern, std::string_view other);

/// "rw:sales_*", as tokens and stores hold it. Nothing for anything that FormatGrant does not give.
std::string FormatGrant(const Grant& grant);
std::optional<Grant> ParseGrant(std::string_view text);

struct Decision {
  bool allowed = false;
  std::string reason;  ///< Of a refusal: what is missing.
};

/// To do `verb` to one source.
Decision Allows(std::span<const Grant> grants, Verb verb, std::string_view source);
/// To do it to every source of the tenant, or to the tenant itself.
Decision AllowsEverywhere(std::span<const Grant> grants, Verb verb);
/// To do it to some source, whichever; the rest is for whoever knows which.
Decision AllowsSomewhere(std::span<const Grant> grants, Verb verb);

/// kPermissionDenied with the reason, or OK.
Status AsStatus(const Decision& decision);

/// What is in both: never more than either. The rights of a key are its owner's, narrowed by its
/// own.
std::vector<Grant> Narrowed(std::span<const Grant> grants, std::span<const Grant> scope);
/// The same rights with no grant that another one makes needless.
std::vector<Grant> Simplified(std::span<const Grant> grants);
/// True when everything that `less` allows `more` allows too.
bool Covers(std::span<const Grant> more, std::span<const Grant> less);

}  // namespace granary::security
