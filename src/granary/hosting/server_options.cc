#include "granary/hosting/server_options.h"

#include <algorithm>

#include <fmt/format.h>

#include "granary/hosting/variable.h"

namespace granary::hosting {
namespace {

std::uint64_t Unsigned(std::int64_t value) { return static_cast<std::uint64_t>(value); }
std::uint64_t FromMegabytes(std::int64_t value) { return Unsigned(value) << 20; }

Result<net::PemText> ReadPem(const char* variable, const std::string& path, io::FileSystem& files) {
  net::PemText out{fmt::format("{} '{}'", variable, path), {}};
  Result<std::string> text = files.ReadFile(path);
  if (!text.ok())
    return Status(Code::kInvalidArgument, fmt::format("{}: {}", out.name, text.status().message()));
  out.text = text.Take();
  return out;
}

}  // namespace

net::HttpServerOptions MakeServerOptions(const ServerConfig& config, std::int64_t port) {
  net::HttpServerOptions out;
  out.host = config.rest_host;
  out.port = static_cast<std::uint16_t>(port);
  out.io_threads = static_cast<std::size_t>(config.io_threads);
  out.handler_threads = static_cast<std::size_t>(config.handler_threads);
  out.connections_max = static_cast<std::size_t>(config.max_connections);
  out.patient_threads_max = out.connections_max;  // One request each: nobody waits for a thread.
  out.body_bytes_max = FromMegabytes(config.max_body_mb);
  out.bodies_bytes_max = FromMegabytes(config.max_bodies_mb);
  out.body_ratio_max = Unsigned(config.max_body_ratio);
  out.compress_bytes_min = static_cast<std::size_t>(config.compress_min_bytes);
  out.header_bytes_max = Unsigned(config.max_header_kb) << 10;
  out.header_timeout_ms = config.header_timeout_seconds * 1000;
  out.body_timeout_ms = config.body_timeout_seconds * 1000;
  out.body_progress_bytes = Unsigned(config.body_progress_kb) << 10;
  out.idle_timeout_ms = config.idle_timeout_seconds * 1000;
  out.write_timeout_ms = config.write_timeout_seconds * 1000;
  return out;
}

net::GrpcServerOptions MakeGrpcOptions(const ServerConfig& config, const std::string& host,
                                       std::int64_t port) {
  net::GrpcServerOptions out;
  out.host = host;
  out.port = static_cast<std::uint16_t>(port);
  out.handler_threads = static_cast<std::size_t>(config.handler_threads);
  out.calls_max = static_cast<std::size_t>(config.max_connections);
  out.patient_threads_max = out.calls_max;
  out.message_bytes_max = FromMegabytes(config.max_body_mb);
  out.messages_bytes_max = FromMegabytes(config.max_bodies_mb);
  out.incoming_bytes_max = std::max(out.message_bytes_max, out.messages_bytes_max);
  out.metadata_bytes_max = Unsigned(config.max_header_kb) << 10;
  out.read_timeout_ms = config.body_timeout_seconds * 1000;
  out.write_timeout_ms = config.write_timeout_seconds * 1000;
  return out;
}

std::string OwnAddress(std::string host, std::int64_t port) {
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  if (host.find(':') != std::string::npos) host = fmt::format("[{}]", host);
  return fmt::format("{}:{}", host, port);
}

std::string OwnUrl(const ServerConfig& config, std::int64_t port) {
  return "http://" + OwnAddress(config.rest_host, port);
}

Result<std::shared_ptr<const net::TlsContext>> LoadTls(const ServerConfig& config,
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

LogLevel MakeLogLevel(const ServerConfig& config) {
  const std::string level = Lowercase(config.log_level);
  if (level == "debug") return LogLevel::kDebug;
  if (level == "warn") return LogLevel::kWarn;
  return level == "error" ? LogLevel::kError : LogLevel::kInfo;
}

LogFormat MakeLogFormat(const ServerConfig& config, bool on_terminal) {
  const std::string format = Lowercase(config.log_format);
  if (format == "auto") return on_terminal ? LogFormat::kText : LogFormat::kJson;
  return format == "text" ? LogFormat::kText : LogFormat::kJson;
}

}  // namespace granary::hosting
