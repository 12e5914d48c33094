#include "granary/services/tenant_node/tls_files.h"

#include <fmt/format.h>

namespace granary::services {
namespace {

Result<net::PemText> ReadPem(const char* variable, const std::string& path, io::FileSystem& files) {
  net::PemText out{fmt::format("{} '{}'", variable, path), {}};
  Result<std::string> text = files.ReadFile(path);
  if (!text.ok())
    return Status(Code::kInvalidArgument, fmt::format("{}: {}", out.name, text.status().message()));
  out.text = text.Take();
  return out;
}

}  // namespace

Result<std::shared_ptr<const net::TlsContext>> LoadTls(const Config& config,
                                                       io::FileSystem& files) {
  if (config.tls_cert_file.empty()) return std::shared_ptr<const net::TlsContext>();
  net::TlsOptions options;
  GRANARY_ASSIGN(options.certificate, ReadPem("TLS_CERT_FILE", config.tls_cert_file, files));
  GRANARY_ASSIGN(options.key, ReadPem("TLS_KEY_FILE", config.tls_key_file, files));
  if (!config.tls_client_ca_file.empty()) {
    GRANARY_ASSIGN(options.client_ca,
                   ReadPem("TLS_CLIENT_CA_FILE", config.tls_client_ca_file, files));
    if (options.client_ca.text.empty())
      return Status(Code::kInvalidArgument, options.client_ca.name + ": it is empty");
  }
  return net::TlsContext::Create(options);
}

}  // namespace granary::services
