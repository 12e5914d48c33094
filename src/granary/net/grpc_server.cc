#include "granary/net/grpc_server.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include <fmt/format.h>
#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/resource_quota.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "granary/net/grpc_reactor.h"

namespace granary::net {
namespace {

constexpr std::uint64_t kSlackBytes = 1u << 20;  // Messages so much over the limit get details.
constexpr int kKeepaliveMs = 60'000;  // How soon a client that vanished without a word is noticed …
constexpr int kKeepaliveTimeoutMs = 20'000;
constexpr int kPingsEveryMs = 10'000;  // … and how often clients may ask the same of us.

// Sends every call to a reactor.
class AnyMethod final : public grpc::CallbackGenericService {
 public:
  explicit AnyMethod(GrpcContext& context) : context_(context) {}
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* call) override {
    return new GrpcReactor(context_, *call);
  }

 private:
  GrpcContext& context_;
};

// A service whose methods are served by AnyMethod. Reflection lists services that have a method of
// their own, so this has one: without a name, answering nothing.
class Signpost final : public grpc::Service {
 public:
  explicit Signpost(const std::string& name) : path_("/" + name + "/") {
    using grpc::ByteBuffer;
    AddMethod(new grpc::internal::RpcServiceMethod(path_.c_str(),
                                                   grpc::internal::RpcMethod::NORMAL_RPC, nullptr));
    MarkMethodCallback(
        0, new grpc::internal::CallbackUnaryHandler<ByteBuffer, ByteBuffer>(
               [](grpc::CallbackServerContext* context, const ByteBuffer*, ByteBuffer*) {
                 grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
                 reactor->Finish({grpc::StatusCode::UNIMPLEMENTED, "a method without a name"});
                 return reactor;
               }));
  }

 private:
  const std::string path_;
};

std::string Address(const std::string& host, int port) {
  const bool is_v6 = host.find(':') != std::string::npos && !host.starts_with('[');
  return fmt::format("{}{}{}:{}", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
}

// The library does not say why it cannot listen, so we ask the system ourselves.
Status ListenFailure(const GrpcServerOptions& options) {
  namespace asio = boost::asio;
  asio::io_context io;
  boost::system::error_code error;
  asio::ip::tcp::resolver resolver(io);
  const auto found = resolver.resolve(options.host, std::to_string(options.port),
                                      asio::ip::tcp::resolver::passive, error);
  if (!error) {
    asio::ip::tcp::acceptor acceptor(io);
    const asio::ip::tcp::endpoint endpoint = found.begin()->endpoint();
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(asio::ip::tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(1, error);
  }
  const std::string why = error ? error.message() : "the gRPC library refused";
  return {error == asio::error::address_in_use ? Code::kConflict : Code::kIoError,
          fmt::format("cannot listen on {} (gRPC): {}", Address(options.host, options.port), why)};
}

int AsInt(std::uint64_t value) {
  return static_cast<int>(std::min<std::uint64_t>(value, std::numeric_limits<int>::max()));
}

// TlsContext has tried these texts already.
std::shared_ptr<grpc::ServerCredentials> Credentials(const GrpcServerOptions& options) {
  if (!options.tls) return grpc::InsecureServerCredentials();
  const TlsOptions& tls = options.tls->options();
  grpc::SslServerCredentialsOptions out(
      tls.client_ca.text.empty() ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                 : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  out.pem_root_certs = tls.client_ca.text;
  out.pem_key_cert_pairs.push_back({tls.key.text, tls.certificate.text});
  return grpc::SslServerCredentials(out);
}

void SetLimits(const GrpcServerOptions& options, grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(AsInt(options.message_bytes_max + kSlackBytes));
  builder.SetMaxSendMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, AsInt(options.metadata_bytes_max));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, AsInt(options.calls_max));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kPingsEveryMs);
  grpc::ResourceQuota quota("granary");
  quota.Resize(options.incoming_bytes_max + kSlackBytes);
  builder.SetResourceQuota(quota);
}

}  // namespace

struct GrpcServer::State {
  State(GrpcServerOptions options, GrpcHandler handler, RefuseFn refuse)
      : context(std::move(options), std::move(handler), std::move(refuse)), any(context) {
    for (const std::string& name : context.options.services)
      signposts.push_back(std::make_unique<Signpost>(name));
  }

  GrpcContext context;
  AnyMethod any;
  std::vector<std::unique_ptr<Signpost>> signposts;
  std::unique_ptr<grpc::Server> server;
  int port = 0;
  bool stopped = false;
};

Result<std::unique_ptr<GrpcServer>> GrpcServer::Start(GrpcServerOptions options, Logger& log,
                                                      GrpcHandler handler, RefuseFn refuse) {
  // What the library would print of clients' broken handshakes and the like is not in our form.
  gpr_set_log_function([](gpr_log_func_args*) {});
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();

  auto state = std::make_unique<State>(std::move(options), std::move(handler), std::move(refuse));
  const GrpcServerOptions& chosen = state->context.options;
  grpc::ServerBuilder builder;
  SetLimits(chosen, builder);
  builder.AddListeningPort(Address(chosen.host, chosen.port), Credentials(chosen), &state->port);
  for (const auto& signpost : state->signposts) builder.RegisterService(signpost.get());
  builder.RegisterCallbackGenericService(&state->any);
  state->server = builder.BuildAndStart();
  if (state->server == nullptr || state->port == 0) return ListenFailure(chosen);
  log.Debug("gRPC server started", {{"port", state->port}});
  std::unique_ptr<GrpcServer> out(new GrpcServer(std::move(state)));
  out->SetServing(false);
  return out;
}

GrpcServer::GrpcServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
GrpcServer::~GrpcServer() { Stop(0); }

std::uint16_t GrpcServer::port() const { return static_cast<std::uint16_t>(state_->port); }

GrpcServerStats GrpcServer::stats() const {
  return {.calls = state_->context.calls.load(std::memory_order_relaxed),
          .open = state_->context.open.load(std::memory_order_relaxed),
          .message_bytes = state_->context.message_bytes.load(std::memory_order_relaxed)};
}

void GrpcServer::SetServing(bool serving) {
  grpc::HealthCheckServiceInterface* health = state_->server->GetHealthCheckService();
  if (health == nullptr) return;
  health->SetServingStatus(serving);
  for (const std::string& name : state_->context.options.services)
    health->SetServingStatus(name, serving);
}

void GrpcServer::Stop(std::int64_t grace_ms) {
  if (std::exchange(state_->stopped, true)) return;
  SetServing(false);
  state_->server->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(grace_ms));
  state_->server->Wait();
  state_->context.lanes.Stop();
}

}  // namespace granary::net
