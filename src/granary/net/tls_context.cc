#include "granary/net/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <utility>

#include <fmt/format.h>

namespace granary::net {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

constexpr unsigned char kAlpn[] = "\x08http/1.1";

Bio Open(const PemText& pem) {
  return {BIO_new_mem_buf(pem.text.data(), static_cast<int>(pem.text.size())), BIO_free};
}

Status Bad(const PemText& pem, std::string_view what) {
  ERR_clear_error();
  return {Code::kInvalidArgument, fmt::format("{}: {}", pem.name, what)};
}

Certificate NextCertificate(BIO* bio) {
  return {PEM_read_bio_X509(bio, nullptr, nullptr, nullptr), X509_free};
}

Status UseCertificate(const PemText& pem, SSL_CTX* context) {
  const Bio bio = Open(pem);
  const Certificate own = NextCertificate(bio.get());
  if (own == nullptr) return Bad(pem, "no certificate in PEM form is in it");
  if (SSL_CTX_use_certificate(context, own.get()) != 1)
    return Bad(pem, "its certificate cannot be used");
  while (Certificate next = NextCertificate(bio.get())) {
    if (SSL_CTX_add_extra_chain_cert(context, next.get()) != 1)
      return Bad(pem, "its chain cannot be used");
    next.release();
  }
  ERR_clear_error();
  return Status::Ok();
}

// A key under a passphrase is refused rather than asked for on a terminal.
Status UseKey(const PemText& pem, SSL_CTX* context) {
  const Bio bio = Open(pem);
  const auto no_passphrase = [](char*, int, int, void*) { return -1; };
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr), EVP_PKEY_free);
  if (key == nullptr) return Bad(pem, "no private key in PEM form (without passphrase) is in it");
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1)
    return Bad(pem, "the key is not the certificate's");
  return Status::Ok();
}

Status AskClients(const PemText& pem, SSL_CTX* context) {
  const Bio bio = Open(pem);
  int found = 0;
  while (const Certificate one = NextCertificate(bio.get())) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), one.get()) != 1 ||
        SSL_CTX_add_client_CA(context, one.get()) != 1)
      return Bad(pem, "a certificate in it cannot be used");
    ++found;
  }
  if (found == 0) return Bad(pem, "no certificate in PEM form is in it");
  ERR_clear_error();
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return Status::Ok();
}

// A client that offers others only is answered all the same: the protocol is the same.
int ChooseProtocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in,
                   unsigned int in_size, void*) {
  unsigned char* chosen = nullptr;
  const int answer = SSL_select_next_proto(&chosen, size, kAlpn, sizeof(kAlpn) - 1, in, in_size);
  *out = chosen;
  return answer == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::Create(const TlsOptions& options) {
  Context context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (context == nullptr) return Status::Internal("OpenSSL makes no context");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_alpn_select_cb(context.get(), ChooseProtocol, nullptr);
  GRANARY_TRY(UseCertificate(options.certificate, context.get()));
  GRANARY_TRY(UseKey(options.key, context.get()));
  if (!options.client_ca.text.empty()) GRANARY_TRY(AskClients(options.client_ca, context.get()));
  return std::shared_ptr<const TlsContext>(new TlsContext(options, context.release()));
}

TlsContext::TlsContext(TlsOptions options, ssl_ctx_st* context)
    : options_(std::move(options)), context_(context) {}
TlsContext::~TlsContext() { SSL_CTX_free(context_); }

}  // namespace granary::net
