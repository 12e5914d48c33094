#include "granary/net/grpc_reactor.h"

#include <chrono>
#include <exception>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <boost/asio/ip/address.hpp>

#include "granary/net/poll_pace.h"

namespace granary::net {
namespace {

constexpr auto kLookAtCancel = std::chrono::milliseconds(20);

// The library tells deadlines by the wall clock.
std::optional<std::int64_t> DeadlineNs(std::chrono::system_clock::time_point deadline) {
  if (deadline == std::chrono::system_clock::time_point::max()) return std::nullopt;
  const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(
      deadline - std::chrono::system_clock::now());
  if (left > std::chrono::hours(24 * 365)) return std::nullopt;
  return NowNs() + std::max<std::int64_t>(0, left.count());
}

// "ipv4:127.0.0.1:5000", "ipv6:%5B::1%5D:5000" (brackets escaped or not) -> the address.
std::string AddressOf(std::string_view peer) {
  peer.remove_prefix(std::min(peer.find(':') + 1, peer.size()));
  peer = peer.substr(0, peer.rfind(':'));
  for (const std::string_view open : {"%5B", "[", "%5b"})
    if (peer.starts_with(open)) peer.remove_prefix(open.size());
  for (const std::string_view close : {"%5D", "]", "%5d"})
    if (peer.ends_with(close)) peer.remove_suffix(close.size());
  return std::string(peer);
}

void SetPeer(const std::string& text, GrpcCall& call) {
  boost::system::error_code error;
  auto address = boost::asio::ip::make_address(AddressOf(text), error);
  if (error) {
    call.peer = text;
    return;
  }
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
  call.peer = address.to_string();
  call.peer_is_loopback = address.is_loopback();
}

}  // namespace

GrpcContext::GrpcContext(GrpcServerOptions server_options, GrpcHandler call_handler,
                         GrpcServer::RefuseFn refuse_fn)
    : options(std::move(server_options)),
      handler(std::move(call_handler)),
      refuse(std::move(refuse_fn)),
      lanes(options.handler_threads, options.patient_threads_max) {}

GrpcReactor::GrpcReactor(GrpcContext& context, grpc::GenericCallbackServerContext& call_context)
    : context_(context), call_context_(call_context) {
  call_.method = call_context.method();
  for (const auto& [name, value] : call_context.client_metadata()) {
    const std::string_view key(name.data(), name.size());
    std::string text(value.data(), value.size());
    // As gRPC has it, and as headers of REST: of two neither wins.
    if (const auto before = call_.metadata.Get(key)) text = std::string(*before) + ", " + text;
    call_.metadata.Set(key, text);
  }
  call_.request_id = context.ids.Choose(call_.metadata.Get("x-request-id"));
  SetPeer(call_context.peer(), call_);
  deadline_ns_ = DeadlineNs(call_context.deadline());
  if (deadline_ns_) call_.cancel = runtime::CancelToken(*deadline_ns_);
  call_context.AddInitialMetadata("x-request-id", call_.request_id);
  context.calls.fetch_add(1, std::memory_order_relaxed);
  const std::uint64_t open = context.open.fetch_add(1, std::memory_order_relaxed) + 1;
  if (open > context.options.calls_max) {
    begun_ = true;
    End(context.refuse(
        {Code::kOverloaded, fmt::format("{} calls are open, the limit", context.options.calls_max)},
        call_));
    return;
  }
  AwaitFirstMessage();
  StartRead(&in_);
}

// Set before the read begins, so that whoever cancels it finds it set.
void GrpcReactor::AwaitFirstMessage() {
  users_.fetch_add(1, std::memory_order_relaxed);
  const auto late = std::chrono::system_clock::now() +
                    std::chrono::milliseconds(context_.options.read_timeout_ms);
  alarm_.Set(late, [this](bool expired) {
    if (expired) FirstMessageIsLate();
    Release();
  });
}

void GrpcReactor::FirstMessageIsLate() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(begun_, true)) return;
  }
  // The call is not done before its Finish, so the context is still there.
  End(context_.refuse({Code::kDeadlineExceeded,
                       fmt::format("no message came for {} ms", context_.options.read_timeout_ms)},
                      call_));
}

void GrpcReactor::Release() {
  if (users_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

void GrpcReactor::OnReadDone(bool ok) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = !std::exchange(begun_, true);
    read_done_ = true;
    read_ok_ = ok;
    has_message_ = ok;
    changed_.notify_all();
  }
  if (!first) return;
  alarm_.Cancel();
  Begin();
}

void GrpcReactor::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  write_done_ = true;
  write_ok_ = ok;
  changed_.notify_all();
}

// The library cancels at the deadline too, which the token knows better.
void GrpcReactor::OnCancel() {
  if (!deadline_ns_ || NowNs() < *deadline_ns_) call_.cancel.Cancel();
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
}

// The alarm may be done later than the server: nothing of the context is touched behind this.
void GrpcReactor::OnDone() {
  Charge(0);
  context_.open.fetch_sub(1, std::memory_order_relaxed);
  Release();
}

void GrpcReactor::Begin() {
  const auto& lane_of = context_.options.lane_of;
  const HandlerLane lane = lane_of ? lane_of(call_.method) : HandlerLane::kOrdinary;
  context_.lanes.Of(lane).Submit([this] { Run(); });
}

void GrpcReactor::Run() {
  GrpcEnd end;
  try {
    const Status status = call_.cancel.Check();
    end = status.ok() ? context_.handler(call_, *this) : context_.refuse(status, call_);
  } catch (const std::exception& e) {
    end = context_.refuse(Status::Internal(e.what()), call_);
  }
  End(end);
}

// After Finish the reactor may be gone at any moment.
void GrpcReactor::End(const GrpcEnd& end) {
  if (end.code == 0) return Finish(grpc::Status::OK);
  Finish(grpc::Status(static_cast<grpc::StatusCode>(end.code), end.message, end.details));
}

Status GrpcReactor::WaitFor(bool& done, std::int64_t timeout_ms, Wait what,
                            std::unique_lock<std::mutex>& lock) {
  const std::int64_t give_up_ns = NowNs() + timeout_ms * 1'000'000;
  while (!done) {
    changed_.wait_for(lock, kLookAtCancel);
    if (done) break;
    GRANARY_TRY(call_.cancel.Check());
    if (NowNs() < give_up_ns) continue;
    if (what == Wait::kRead) {
      return {Code::kDeadlineExceeded, fmt::format("no message came for {} ms", timeout_ms)};
    }
    return {Code::kCancelled, fmt::format("the client took nothing for {} ms", timeout_ms)};
  }
  return Status::Ok();
}

Result<std::optional<std::string>> GrpcReactor::Read() {
  std::unique_lock lock(mutex_);
  if (!has_message_ && read_ok_) {
    read_done_ = false;
    lock.unlock();
    Charge(0);
    StartRead(&in_);
    lock.lock();
    GRANARY_TRY(WaitFor(read_done_, context_.options.read_timeout_ms, Wait::kRead, lock));
  }
  if (!std::exchange(has_message_, false)) {
    GRANARY_TRY(call_.cancel.Check());
    return std::optional<std::string>();
  }
  lock.unlock();
  GRANARY_ASSIGN(std::string message, TakeMessage());
  return std::optional(std::move(message));
}

Result<std::string> GrpcReactor::TakeMessage() {
  const auto& options = context_.options;
  const std::uint64_t bytes = in_.Length();
  if (bytes > options.message_bytes_max) {
    in_.Clear();
    return Status(Code::kTooLarge,
                  fmt::format("the message is larger than {} bytes", options.message_bytes_max));
  }
  if (!Charge(bytes)) {
    in_.Clear();
    Charge(0);
    return Status(Code::kOverloaded,
                  fmt::format("the messages of all calls take more than {} bytes, or the memory of "
                              "the process is taken",
                              options.messages_bytes_max));
  }
  std::vector<grpc::Slice> slices;
  if (!in_.Dump(&slices).ok()) return Status::Internal("a message could not be read");
  std::string out;
  out.reserve(bytes);
  for (const grpc::Slice& slice : slices)
    out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  in_.Clear();
  return out;
}

bool GrpcReactor::Charge(std::uint64_t bytes) {
  const std::uint64_t change = bytes - std::exchange(charged_bytes_, bytes);
  const std::uint64_t all = context_.message_bytes.fetch_add(change) + change;
  runtime::MemoryBudget* budget = context_.options.messages;
  if (budget == nullptr) return all <= context_.options.messages_bytes_max;
  budget->Release(std::exchange(reserved_bytes_, 0));
  if (all > context_.options.messages_bytes_max) return false;
  if (const auto* refused_by = budget->TryReserveSmall(bytes)) {
    refused_by->Press(bytes);  // Nobody waits here: for the next attempt.
    return false;
  }
  reserved_bytes_ = bytes;
  return true;
}

// `out_` is the library's until OnWriteDone, so a write that is given up is cancelled and waited
// for.
Status GrpcReactor::Write(std::string_view message) {
  GRANARY_TRY(call_.cancel.Check());
  const grpc::Slice slice(message.data(), message.size());
  out_ = grpc::ByteBuffer(&slice, 1);
  std::unique_lock lock(mutex_);
  write_done_ = false;
  lock.unlock();
  StartWrite(&out_);
  lock.lock();
  const Status waited = WaitFor(write_done_, context_.options.write_timeout_ms, Wait::kWrite, lock);
  if (!waited.ok()) {
    lock.unlock();
    call_context_.TryCancel();
    lock.lock();
    changed_.wait(lock, [this] { return write_done_; });
    return waited;
  }
  if (write_ok_) return Status::Ok();
  GRANARY_TRY(call_.cancel.Check());
  return {Code::kCancelled, "the client ended the call"};
}

}  // namespace granary::net
