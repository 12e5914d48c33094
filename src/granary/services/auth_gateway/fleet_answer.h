// FleetAnswer: what the Operation Node says of a tenant, and asking for it.
//
// Trusted    an answer counts only when it is one of the Operation Node about that tenant: another
//            service at OPERATION_NODE_URL must not make known tenants unknown.
// Errors     kUnavailable: nobody answers there. kInternal: what answers is of no use; nothing is
//            known of the tenant then.
// Threads    values and pure functions; an AskFleetFn has one caller at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "granary/base/status.h"

namespace granary::gateway {

struct FleetAnswer {
  enum class Kind : std::uint8_t {
    kPlaced,     ///< At `url`.
    kNotReady,   ///< No node serves it yet.
    kSuspended,  ///< Nobody is to be served.
    kUnknown,    ///< There is no such tenant.
  };
  Kind kind = Kind::kUnknown;
  std::string url;
  bool operator==(const FleetAnswer&) const = default;
};

/// Blocks.
using AskFleetFn = std::function<Result<FleetAnswer>(const std::string& tenant)>;

/// Over HTTP: GET /tenants/{id}/placement. `key` empty: none is shown.
AskFleetFn AskOperationNode(const std::string& url, const std::string& key,
                            std::int64_t timeout_ms);

/// What an answer of the Operation Node's about `tenant` says. A 404 is kUnknown when it has a
/// problem's code; that it is the Operation Node's AskOperationNode finds out.
Result<FleetAnswer> ReadFleetAnswer(const std::string& tenant, int http_status,
                                    std::string_view body);

/// The answer as a word or a URL, for a file; FleetAnswerOf reads it, kInvalidArgument.
std::string FleetAnswerText(const FleetAnswer& answer);
Result<FleetAnswer> FleetAnswerOf(std::string_view text);

}  // namespace granary::gateway
