// What ServerConfig means to the rooms below.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/hosting/server_config.h"
#include "granary/io/file_system.h"
#include "granary/net/grpc_server.h"
#include "granary/net/http_server.h"
#include "granary/net/tls_context.h"

namespace granary::hosting {

/// Of a service that listens on `port`; without TLS, which LoadTls reads.
net::HttpServerOptions MakeServerOptions(const ServerConfig& config, std::int64_t port);

/// The same limits for a service's gRPC API.
net::GrpcServerOptions MakeGrpcOptions(const ServerConfig& config, const std::string& host,
                                       std::int64_t port);

/// Where this machine reaches what listens on a host and a port: "127.0.0.1:8000", "[::1]:8000".
std::string OwnAddress(std::string host, std::int64_t port);
/// The same of a service.
std::string OwnUrl(const ServerConfig& config, std::int64_t port);

/// The files of TLS_CERT_FILE, TLS_KEY_FILE and TLS_CLIENT_CA_FILE. Null when none is configured.
/// kInvalidArgument names the variable, its file and what is wrong.
Result<std::shared_ptr<const net::TlsContext>> LoadTls(const ServerConfig& config,
                                                       io::FileSystem& files);

LogLevel MakeLogLevel(const ServerConfig& config);
LogFormat MakeLogFormat(const ServerConfig& config, bool on_terminal);

}  // namespace granary::hosting
