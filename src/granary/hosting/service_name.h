// Which service answers. Each says so in every answer, so that one that is asked in the place of
// another, since an address is wrong or a port was given to somebody else, is not taken for it.
#pragma once

#include <string_view>

namespace granary::hosting {

/// A header of answers: "tenant-node".
inline constexpr std::string_view kServiceHeader = "Granary-Service";

inline constexpr std::string_view kTenantNode = "tenant-node";
inline constexpr std::string_view kAuthGateway = "auth-gateway";
inline constexpr std::string_view kOperationNode = "operation-node";
inline constexpr std::string_view kCboEngine = "cbo-engine";
inline constexpr std::string_view kMetadataCatalog = "metadata-catalog";
inline constexpr std::string_view kMonitoring = "monitoring";

}  // namespace granary::hosting
