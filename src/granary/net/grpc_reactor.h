// GrpcReactor: one gRPC call between the library's callbacks and the handler's thread.
//
// Life       made when the call begins -> first message there -> handler on the pool -> Finish ->
//            OnDone, when neither library nor handler uses it any more; it is deleted there, or
//            when the alarm that waits for the first message is done, whichever is later.
// Threads    callbacks come from the library's threads; Read and Write are called by the handler's.
//            `mutex_` guards what both touch.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include <grpcpp/alarm.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/support/byte_buffer.h>

#include "granary/net/grpc_server.h"
#include "granary/net/request_id.h"

namespace granary::net {

/// What the calls of one server share; outlives them.
struct GrpcContext {
  GrpcContext(GrpcServerOptions server_options, GrpcHandler call_handler,
              GrpcServer::RefuseFn refuse_fn);

  const GrpcServerOptions options;
  const GrpcHandler handler;
  const GrpcServer::RefuseFn refuse;
  RequestIdMaker ids;
  HandlerLanes lanes;
  std::atomic<std::uint64_t> calls = 0;
  std::atomic<std::uint64_t> open = 0;
  std::atomic<std::uint64_t> message_bytes = 0;
};

class GrpcReactor final : public grpc::ServerGenericBidiReactor, public GrpcMessages {
 public:
  GrpcReactor(GrpcContext& context, grpc::GenericCallbackServerContext& call_context);

  Result<std::optional<std::string>> Read() override;
  Status Write(std::string_view message) override;

 private:
  enum class Wait : std::uint8_t { kRead, kWrite };

  ~GrpcReactor() override = default;
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  /// A call costs no thread before its first message, but it counts: so the wait has an end.
  void AwaitFirstMessage();
  void FirstMessageIsLate();
  void Release();

  void Begin();
  void Run();
  void End(const GrpcEnd& end);
  /// The message that was read last, charged to this call in place of the one before.
  Result<std::string> TakeMessage();
  /// False when that is more than all calls may hold.
  bool Charge(std::uint64_t bytes);
  Status WaitFor(bool& done, std::int64_t timeout_ms, Wait what,
                 std::unique_lock<std::mutex>& lock);

  GrpcContext& context_;
  grpc::GenericCallbackServerContext& call_context_;
  GrpcCall call_;
  std::optional<std::int64_t> deadline_ns_;

  grpc::Alarm alarm_;
  std::atomic<int> users_ = 1;  ///< The call, and the alarm once it is set.

  std::mutex mutex_;
  std::condition_variable changed_;
  grpc::ByteBuffer in_;
  grpc::ByteBuffer out_;
  bool begun_ = false;  // The first read is done; from then on the handler reads.
  bool has_message_ = false;
  bool read_done_ = false;
  bool read_ok_ = false;
  bool write_done_ = false;
  bool write_ok_ = false;
  std::uint64_t charged_bytes_ = 0;   ///< Of context_.message_bytes.
  std::uint64_t reserved_bytes_ = 0;  ///< Of context_.options.messages.
};

}  // namespace granary::net
