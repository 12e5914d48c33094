// NodeClient: a service's REST API as the CLI uses it; every problem+json answer becomes a Status.
//
// Threads    one.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/ids.h"
#include "granary/base/status.h"
#include "granary/net/http_client.h"
#include "granary/storage/manifest/source_definition.h"

namespace granary::cli {

/// Where a command finds its node, and what it shows there.
struct NodeAddress {
  std::string url;       ///< Empty: the node of this machine; with a key its Auth Gateway.
  std::string ca_file;   ///< Who may have signed an https node's certificate.
  std::string key_file;  ///< Empty: GRANARY_API_KEY, or no key.
};

inline constexpr const char* kNodeUrl = "http://127.0.0.1:8000";
inline constexpr const char* kGatewayUrl = "http://127.0.0.1:8080";

class NodeClient {
 public:
  static constexpr std::int64_t kTimeoutMs = 120'000;
  /// FindApiKey's errors and Create's.
  static Result<NodeClient> Connect(const NodeAddress& address,
                                    std::int64_t timeout_ms = kTimeoutMs);
  /// `ca_file`: certificates that an https node's must be signed by; empty: the system's.
  static Result<NodeClient> Create(std::string_view url, const std::string& ca_file = {},
                                   std::int64_t timeout_ms = kTimeoutMs);

  /// Shown with each request from now on, as 'Authorization: Bearer …'.
  void set_credential(std::string_view key);
  const std::string& url() const { return url_; }

  /// The body of a 2xx answer. Otherwise the problem's code and its detail, with one line for each
  /// place that it points at.
  Result<std::string> Call(std::string_view method, std::string_view target,
                           std::string_view body = {});
  Status Stream(std::string_view target, std::string_view body,
                const std::function<Status(std::string_view)>& on_body,
                std::string_view accept = "application/x-ndjson");

  /// The types of its columns by name, as the node spells them; nothing when there is no such
  /// source.
  Result<std::optional<std::map<std::string, std::string>>> ColumnsOf(const SourceId& id);
  /// Whether nobody ever wrote into it.
  Result<bool> IsUnwritten(const SourceId& id);
  Status AddSource(const SourceId& id, const std::vector<storage::DeclaredColumn>& columns);
  /// `records` is the inside of the array.
  Status Write(const SourceId& id, std::string_view records);
  /// One write of a body of that type, which `next` gives piece by piece; how many records it has.
  Result<std::uint64_t> WriteBody(const SourceId& id, std::string_view media_type,
                                  const std::function<Result<std::string>()>& next);

 private:
  NodeClient(net::HttpClient http, std::string_view url) : http_(std::move(http)), url_(url) {}
  net::HttpClient http_;
  std::string url_;
  net::Headers headers_;  // Of each request.
};

/// A JSON document laid out with an indentation of two, for people.
std::string PrettyJson(std::string_view json);

}  // namespace granary::cli
