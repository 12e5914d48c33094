#include "grpc_load.h"

#include <chrono>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "stop_watch.h"

namespace granary::bench {
namespace {

// One channel and the call on it. Its pointer is the tag of each step, which tells what comes next.
class Caller {
 public:
  Caller(const std::string& address, int number)
      : channel_(grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(),
                                           OwnConnection(number))),
        stub_(channel_) {}

  bool Connect() {
    return channel_->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10));
  }

  void Start(const std::string& method, std::string_view message, grpc::CompletionQueue& queue) {
    call_.reset();  // Before its context, whose memory it lies in.
    context_ = std::make_unique<grpc::ClientContext>();
    const grpc::Slice slice(message.data(), message.size());
    request_ = grpc::ByteBuffer(&slice, 1);
    sent_bytes_ = message.size();
    received_bytes_ = 0;
    step_ = Step::kStarted;
    started_at_ns_ = NowNs();
    call_ = stub_.PrepareCall(context_.get(), method, &queue);
    call_->StartCall(this);
  }

  /// The step that `ok` ended; true when the call is over.
  bool Advance(bool ok) {
    switch (step_) {
      case Step::kStarted:
        if (!ok) return Finish();
        step_ = Step::kWritten;
        call_->WriteLast(request_, grpc::WriteOptions(), this);
        return false;
      case Step::kWritten:
        if (!ok) return Finish();
        step_ = Step::kReading;
        call_->Read(&answer_, this);
        return false;
      case Step::kReading:
        if (!ok) return Finish();
        received_bytes_ += answer_.Length();
        call_->Read(&answer_, this);
        return false;
      case Step::kFinishing: took_ns_ = NowNs() - started_at_ns_; return true;
    }
    return true;
  }

  void Count(LoadResult& result) const {
    result.bytes_sent += sent_bytes_;
    result.bytes_received += received_bytes_;
    if (status_.ok()) {
      result.latencies.Add(took_ns_);
    } else {
      result.Fail(
          fmt::format("{}: {}", static_cast<int>(status_.error_code()), status_.error_message()));
    }
  }

 private:
  enum class Step { kStarted, kWritten, kReading, kFinishing };

  static grpc::ChannelArguments OwnConnection(int number) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt("granary.bench.channel", number);
    arguments.SetMaxReceiveMessageSize(-1);
    return arguments;
  }

  bool Finish() {
    step_ = Step::kFinishing;
    call_->Finish(&status_, this);
    return false;
  }

  std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer answer_;
  grpc::Status status_;
  Step step_ = Step::kStarted;
  std::uint64_t started_at_ns_ = 0;
  std::uint64_t took_ns_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t received_bytes_ = 0;
};

// Runs up to `calls` calls until `deadline_ns`; returns when none is under way.
void Drive(std::vector<std::unique_ptr<Caller>>& callers, RequestFile& requests,
           const std::string& method, std::uint64_t calls, std::uint64_t deadline_ns,
           LoadResult& result) {
  grpc::CompletionQueue queue;
  std::size_t under_way = 0;
  const auto start = [&](Caller& caller) {
    if (calls == 0 || NowNs() >= deadline_ns) return;
    --calls;
    ++under_way;
    caller.Start(method, requests.Next(), queue);
  };
  for (const auto& caller : callers) start(*caller);
  void* tag = nullptr;
  bool ok = false;
  while (under_way > 0 && queue.Next(&tag, &ok)) {
    auto& caller = *static_cast<Caller*>(tag);
    if (!caller.Advance(ok)) continue;
    --under_way;
    caller.Count(result);
    start(caller);
  }
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
}

}  // namespace

Result<LoadResult> RunGrpcLoad(RequestFile& requests, const LoadPlan& plan) {
  const std::string address = fmt::format("{}:{}", plan.host, plan.port);
  std::vector<std::unique_ptr<Caller>> callers;
  for (std::size_t i = 0; i < plan.connections; ++i) {
    callers.push_back(std::make_unique<Caller>(address, static_cast<int>(i)));
    if (!callers.back()->Connect())
      return Status(Code::kUnavailable, fmt::format("{}: no gRPC server answers", address));
  }
  LoadResult result;
  const StopWatch watch;
  const std::uint64_t calls = plan.requests_max == 0 ? ~std::uint64_t{0} : plan.requests_max;
  Drive(callers, requests, plan.method, calls,
        NowNs() + static_cast<std::uint64_t>(plan.seconds * 1e9), result);
  result.wall_seconds = watch.wall_seconds();
  result.cpu_seconds = watch.cpu_seconds();
  return result;
}

}  // namespace granary::bench
