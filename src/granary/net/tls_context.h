// TlsContext: a server's certificate and key, and whom it believes, ready for connections.
//
// Source     RFC 8446; TLS 1.2 and 1.3 only. ALPN offers http/1.1.
// Threads    const from many.
#pragma once

#include <memory>
#include <string>

#include "granary/base/status.h"

struct ssl_ctx_st;

namespace granary::net {

/// A text in PEM form and what to call it in messages: "TLS_KEY_FILE '/etc/key.pem'".
struct PemText {
  std::string name;
  std::string text;
};

struct TlsOptions {
  PemText certificate;  ///< The server's, then those that lead to its root.
  PemText key;
  PemText client_ca;  ///< Not empty: a client must show a certificate signed by one of these.
};

class TlsContext {
 public:
  /// kInvalidArgument, naming the text: no PEM, no certificate in it, a key that is not the
  /// certificate's.
  static Result<std::shared_ptr<const TlsContext>> Create(const TlsOptions& options);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  ssl_ctx_st* get() const { return context_; }
  const TlsOptions& options() const { return options_; }

 private:
  TlsContext(TlsOptions options, ssl_ctx_st* context);
  TlsOptions options_;
  ssl_ctx_st* context_;
};

}  // namespace granary::net
