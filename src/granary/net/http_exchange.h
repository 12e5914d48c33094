// HttpExchange: one request and its answer, with the memory that its body is charged.
//
// Threads    the connection's event loop, then its handler's thread, then the loop again.
// Owns       the body; `context` outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "granary/base/status.h"
#include "granary/net/connection_context.h"
#include "granary/net/content_coding.h"
#include "granary/net/http_message.h"
#include "granary/net/request_parser.h"
#include "granary/net/socket_source.h"

namespace granary::net {

struct HttpExchange {
  explicit HttpExchange(ConnectionContext& shared) : context(shared) {}
  ~HttpExchange();
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;

  /// Takes `bytes` more for the body; kOverloaded, in words, when all bodies together would be too
  /// large or the memory above them is taken.
  Status Charge(std::uint64_t bytes);
  void Uncharge();
  /// Of the bodies that handlers read as they come; false when there are streamed_bodies_max.
  bool TakePlace();
  void GiveBackPlace();
  /// Asks HttpServerOptions::admit, once. The answer that refuses the request; nothing when it may
  /// go on.
  std::optional<HttpResponse> Admit();
  /// What the request's own body may have.
  std::uint64_t body_bytes_max() const;
  /// kTooLarge, in words.
  Status BodyTooLarge() const;
  /// The handler left a part of the body unread.
  bool leaves_body() const { return source != nullptr && !source->whole(); }

  ConnectionContext& context;
  std::uint64_t charged_bytes = 0;   ///< Of context.bodies_bytes.
  std::uint64_t reserved_bytes = 0;  ///< Of context.options.bodies.
  bool has_place = false;            ///< In context.streamed_bodies.
  HttpRequest request;
  bool admitted = false;
  std::uint64_t admitted_bytes_max = ~std::uint64_t{0};  ///< Admission::body_bytes_max.
  bool http_1_1 = true;
  bool keep_alive = true;
  bool head_only = false;  ///< HEAD
  std::string unsent;      ///< What the handler's thread could not send at once.
  bool broken = false;     ///< The connection is of no more use,
  bool cut = false;        ///< and what was sent is not whole.
  ContentCoding coding = ContentCoding::kIdentity;  ///< Of the answer.
  std::shared_ptr<SocketSource> source;             ///< Of a body that the handler reads itself.
};

/// The exchange that a head begins; the connection adds who asks. kInvalidArgument for a target or
/// an X-Timeout-Ms that is none.
Result<std::shared_ptr<HttpExchange>> MakeExchange(ConnectionContext& context,
                                                   const RequestHead& head);

}  // namespace granary::net
