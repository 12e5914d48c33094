// Ed25519 keys: SigningKey makes signatures, PublicKey checks them. One curve, one form of
// signature, no parameters that anybody could choose.
//
// Source     RFC 8032, by OpenSSL, which refuses a signature whose second half is not below the
//            group's order: a signature has one form, so nobody makes a second one of it.
// Threads    const from many.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "granary/base/status.h"

struct evp_pkey_st;

namespace granary::security {

inline constexpr std::size_t kKeySeedBytes = 32;
inline constexpr std::size_t kPublicKeyBytes = 32;
inline constexpr std::size_t kSignatureBytes = 64;

class PublicKey {
 public:
  /// kInvalidArgument unless `bytes` are kPublicKeyBytes that name a key.
  static Result<PublicKey> FromBytes(std::string_view bytes);

  /// Its name: the RFC 7638 thumbprint of the key, so that a name means one key everywhere.
  const std::string& id() const { return id_; }
  const std::string& bytes() const { return bytes_; }
  bool Verifies(std::string_view message, std::string_view signature) const;

 private:
  PublicKey(std::shared_ptr<evp_pkey_st> key, std::string bytes);
  std::shared_ptr<evp_pkey_st> key_;  // Immutable.
  std::string bytes_, id_;
};

class SigningKey {
 public:
  /// Any kKeySeedBytes random bytes are a key. kInvalidArgument for another number of them.
  static Result<SigningKey> FromSeed(std::string_view seed);

  const PublicKey& public_key() const { return public_key_; }
  const std::string& id() const { return public_key_.id(); }
  /// kSignatureBytes bytes; equal messages have equal signatures. kInternal when the library fails.
  Result<std::string> Sign(std::string_view message) const;

 private:
  SigningKey(std::shared_ptr<evp_pkey_st> key, PublicKey public_key);
  std::shared_ptr<evp_pkey_st> key_;  // Immutable.
  PublicKey public_key_;
};

}  // namespace granary::security
