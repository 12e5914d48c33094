#include "granary/auth/signing_keys.h"

#include <utility>
#include <vector>

#include "granary/security/digest.h"

namespace granary::auth {

Result<std::unique_ptr<SigningKeys>> SigningKeys::Open(AuthStore& store, io::Random& random,
                                                       std::int64_t now_us) {
  std::unique_ptr<SigningKeys> keys(new SigningKeys(store, random));
  GRANARY_TRY(store.Write([&](AuthRows& rows) -> Status {
    GRANARY_ASSIGN(const auto all, rows.ListSigningKeys());
    if (!all.empty()) return Status::Ok();
    return rows.PutSigningKey({security::RandomBytes(random, security::kKeySeedBytes), now_us});
  }));
  GRANARY_TRY(keys->Load());
  return keys;
}

std::shared_ptr<const KeyRing> SigningKeys::Get() const {
  const std::lock_guard lock(mutex_);
  return ring_;
}

Status SigningKeys::Rotate(std::int64_t now_us, std::int64_t drop_before_us) {
  GRANARY_TRY(store_.Write([&](AuthRows& rows) -> Status {
    // A key signed until its successor came: what is dropped was replaced long enough ago.
    GRANARY_ASSIGN(const auto all, rows.ListSigningKeys());
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i].created_us >= drop_before_us) continue;
      GRANARY_TRY(rows.DropSigningKeys(all[i].created_us));
      break;
    }
    return rows.PutSigningKey({security::RandomBytes(random_, security::kKeySeedBytes), now_us});
  }));
  return Load();
}

Status SigningKeys::Load() {
  GRANARY_ASSIGN(const auto kept,
                 store_.Read([](AuthRows& rows) { return rows.ListSigningKeys(); }));
  std::vector<security::PublicKey> checks;
  std::optional<security::SigningKey> signer;
  for (const SigningKeyRow& row : kept) {
    auto key = security::SigningKey::FromSeed(row.seed);
    if (!key.ok()) return Status::Corruption("a stored signing key is none");
    checks.push_back(key->public_key());
    if (!signer) signer = key.Take();
  }
  if (!signer) return Status::Corruption("there is no signing key");
  const std::lock_guard lock(mutex_);
  ring_ = std::make_shared<const KeyRing>(
      KeyRing{std::move(*signer), security::KeySet(std::move(checks)), kept.front().created_us});
  return Status::Ok();
}

}  // namespace granary::auth
