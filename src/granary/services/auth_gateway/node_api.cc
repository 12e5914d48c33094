#include "granary/services/auth_gateway/node_api.h"

#include <algorithm>

#include <fmt/format.h>

namespace granary::gateway {
namespace {

using security::Verb;

// clang-format off
constexpr NodeRoute kRoutes[] = {
    {"POST",   "/data/write",              Reach::kSomewhere,   Verb::kWrite},
    {"POST",   "/data/delete",             Reach::kSomewhere,   Verb::kWrite, "data.delete"},
    {"POST",   "/data/search",             Reach::kSomewhere,   Verb::kRead},
    {"POST",   "/data/search/stream",      Reach::kSomewhere,   Verb::kRead},
    {"POST",   "/data/aggregate",          Reach::kSomewhere,   Verb::kRead},
    {"POST",   "/data/explain",            Reach::kSomewhere,   Verb::kRead},
    {"POST",   "/sql",                     Reach::kSomewhere,   Verb::kRead},
    {"POST",   "/sources/add",             Reach::kSomewhere,   Verb::kAdmin, "source.add"},
    {"GET",    "/sources",                 Reach::kAny},
    {"GET",    "/sources/{id}",            Reach::kAnyOnSource},
    {"GET",    "/sources/{id}/schema",     Reach::kAnyOnSource},
    {"GET",    "/sources/{id}/stats",      Reach::kSource,      Verb::kRead},
    {"GET",    "/sources/{id}/paths",      Reach::kSource,      Verb::kRead},
    {"PATCH",  "/sources/{id}",            Reach::kSource,      Verb::kAdmin, "source.change"},
    {"DELETE", "/sources/{id}",            Reach::kSource,      Verb::kAdmin, "source.delete"},
    {"POST",   "/sources/{id}/flush",      Reach::kSource,      Verb::kAdmin, "source.flush"},
    {"POST",   "/sources/{id}/compact",    Reach::kSource,      Verb::kAdmin, "source.compact"},
    {"GET",    "/sources/{id}/compaction", Reach::kSource,      Verb::kAdmin},
    {"GET",    "/jobs",                    Reach::kSomewhere,   Verb::kAdmin},
    {"GET",    "/jobs/{id}",               Reach::kSomewhere,   Verb::kAdmin},
    {"DELETE", "/jobs/{id}",               Reach::kSomewhere,   Verb::kAdmin, "job.cancel"},
    {"GET",    "/queries",                 Reach::kEverywhere,  Verb::kAdmin},
    {"DELETE", "/queries/{id}",            Reach::kEverywhere,  Verb::kAdmin, "query.cancel"},
    {"GET",    "/scaling",                 Reach::kEverywhere,  Verb::kAdmin},
    {"GET",    "/tenant/stats",            Reach::kEverywhere,  Verb::kRead},
};
// clang-format on

}  // namespace

std::span<const NodeRoute> NodeRoutes() { return kRoutes; }

Status CheckReach(const NodeRoute& route, std::span<const security::Grant> grants,
                  std::string_view source) {
  switch (route.reach) {
    case Reach::kSource: return AsStatus(security::Allows(grants, route.verb, source));
    case Reach::kSomewhere: return AsStatus(security::AllowsSomewhere(grants, route.verb));
    case Reach::kEverywhere: return AsStatus(security::AllowsEverywhere(grants, route.verb));
    case Reach::kAny: return Status::Ok();
    case Reach::kAnyOnSource: break;
  }
  const bool sees = std::ranges::any_of(
      security::kVerbs, [&](Verb verb) { return security::Allows(grants, verb, source).allowed; });
  if (sees) return Status::Ok();
  return {Code::kPermissionDenied, fmt::format("no right to the source '{}'", source)};
}

}  // namespace granary::gateway
