// NodeTokens: what an Operation Node shows the nodes that it asks for their parts of a query: a
// token for one tenant, to read, for a minute.
//
// Key        made of the Operation Node's secret (identity.h), so it stays, and a copy of the folder
//            has it. Nodes know it by GATEWAY_JWKS: those that are launched are given the file
//            beside the identity, others GET /jwks.json.
// Threads    fully safe.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "granary/base/status.h"
#include "granary/io/clock.h"
#include "granary/security/bounded_table.h"
#include "granary/security/signing_key.h"
#include "granary/services/operation_node/identity.h"

namespace granary::operation {

class NodeTokens {
 public:
  static constexpr std::int64_t kLifetimeSeconds = 60;

  /// `clock` and `random` outlive it. kInternal when the library fails.
  static Result<std::unique_ptr<NodeTokens>> Make(const Identity& identity, const io::Clock& clock,
                                                  io::Random& random);

  /// One that is good for half its lifetime at least.
  Result<std::string> For(const std::string& tenant);
  /// The public key as a JSON Web Key Set.
  std::string Jwks() const;

 private:
  struct Kept {
    std::string token;
    std::int64_t renew_at_s = 0;
  };
  NodeTokens(security::SigningKey key, std::string id, const io::Clock& clock, io::Random& random);

  const security::SigningKey key_;
  const std::string id_;
  const io::Clock& clock_;
  io::Random& random_;
  std::mutex mutex_;
  security::BoundedTable<Kept> kept_;  // By tenant. Guarded by mutex_.
};

}  // namespace granary::operation
