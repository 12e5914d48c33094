// SigningKeys: the keys that tokens are signed with. The newest signs; older ones check until no
// token of theirs can be good any more.
//
// Kept       as seeds in the auth file, which is its owner's alone (THREAT_MODEL.md).
// Threads    fully safe.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>

#include "granary/auth/auth_store.h"
#include "granary/io/clock.h"
#include "granary/security/key_set.h"
#include "granary/security/signing_key.h"

namespace granary::auth {

/// Immutable.
struct KeyRing {
  security::SigningKey signer;
  security::KeySet checks;
  std::int64_t signer_created_us = 0;
};

class SigningKeys {
 public:
  /// Makes a first key when there is none. `store` and `random` outlive it.
  static Result<std::unique_ptr<SigningKeys>> Open(AuthStore& store, io::Random& random,
                                                   std::int64_t now_us);

  std::shared_ptr<const KeyRing> Get() const;
  /// A new key signs from now on; those that were replaced before `drop_before_us` are forgotten.
  Status Rotate(std::int64_t now_us, std::int64_t drop_before_us);

 private:
  SigningKeys(AuthStore& store, io::Random& random) : store_(store), random_(random) {}
  Status Load();

  AuthStore& store_;
  io::Random& random_;
  mutable std::mutex mutex_;
  std::shared_ptr<const KeyRing> ring_;  // Guarded by mutex_.
};

}  // namespace granary::auth
