#include "granary/security/signing_key.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <utility>

#include "granary/base/base64url.h"
#include "granary/security/digest.h"

namespace granary::security {
namespace {

struct DigestContextFree {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using DigestContext = std::unique_ptr<EVP_MD_CTX, DigestContextFree>;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::shared_ptr<EVP_PKEY> Shared(EVP_PKEY* key) {
  if (key == nullptr) ERR_clear_error();
  return {key, EVP_PKEY_free};
}

}  // namespace

PublicKey::PublicKey(std::shared_ptr<EVP_PKEY> key, std::string bytes)
    : key_(std::move(key)), bytes_(std::move(bytes)) {
  id_ = Base64UrlEncode(
      Sha256(R"({"crv":"Ed25519","kty":"OKP","x":")" + Base64UrlEncode(bytes_) + "\"}"));
}

Result<PublicKey> PublicKey::FromBytes(std::string_view bytes) {
  if (bytes.size() == kPublicKeyBytes) {
    auto key =
        Shared(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Bytes(bytes), bytes.size()));
    if (key != nullptr) return PublicKey(std::move(key), std::string(bytes));
  }
  return Status(Code::kInvalidArgument, "not an Ed25519 public key");
}

bool PublicKey::Verifies(std::string_view message, std::string_view signature) const {
  if (signature.size() != kSignatureBytes) return false;
  const DigestContext context(EVP_MD_CTX_new());
  const bool good =
      context != nullptr &&
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
      EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(message),
                       message.size()) == 1;
  if (!good) ERR_clear_error();
  return good;
}

SigningKey::SigningKey(std::shared_ptr<EVP_PKEY> key, PublicKey public_key)
    : key_(std::move(key)), public_key_(std::move(public_key)) {}

Result<SigningKey> SigningKey::FromSeed(std::string_view seed) {
  if (seed.size() != kKeySeedBytes)
    return Status(Code::kInvalidArgument, "the seed of an Ed25519 key has 32 bytes");
  auto key =
      Shared(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, Bytes(seed), seed.size()));
  std::string open(kPublicKeyBytes, '\0');
  std::size_t size = open.size();
  if (key == nullptr || EVP_PKEY_get_raw_public_key(
                            key.get(), reinterpret_cast<unsigned char*>(open.data()), &size) != 1) {
    return Status::Internal("OpenSSL makes no Ed25519 key");
  }
  GRANARY_ASSIGN(PublicKey public_key, PublicKey::FromBytes(open));
  return SigningKey(std::move(key), std::move(public_key));
}

Result<std::string> SigningKey::Sign(std::string_view message) const {
  const DigestContext context(EVP_MD_CTX_new());
  std::string signature(kSignatureBytes, '\0');
  std::size_t size = signature.size();
  if (context == nullptr ||
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     Bytes(message), message.size()) != 1) {
    ERR_clear_error();
    return Status::Internal("OpenSSL makes no Ed25519 signature");
  }
  return signature;
}

}  // namespace granary::security
