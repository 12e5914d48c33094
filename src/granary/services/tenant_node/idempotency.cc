#include "granary/services/tenant_node/idempotency.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "granary/api/response_json.h"
#include "granary/base/bytes.h"
#include "granary/base/hash.h"
#include "granary/hosting/responses.h"

namespace granary::services {
namespace {

// What is wrong with a key; nothing when it may be used.
std::optional<std::string> Fault(std::string_view key) {
  const bool printable = std::ranges::all_of(key, [](char c) { return c >= ' ' && c <= '~'; });
  if (!key.empty() && key.size() <= storage::kWriteKeyMaxBytes && printable) return std::nullopt;
  return fmt::format("has {} bytes{}, allowed are 1 to {} printable ASCII characters", key.size(),
                     printable ? "" : ", some of them not printable", storage::kWriteKeyMaxBytes);
}

}  // namespace

Result<std::optional<std::string>> KeyOf(const net::HttpRequest& request) {
  const auto given = request.headers.Get("Idempotency-Key");
  if (!given) return std::optional<std::string>();
  if (const auto fault = Fault(*given))
    return Status(Code::kInvalidArgument, "Idempotency-Key " + *fault);
  return std::optional(std::string(*given));
}

// Keys outlive a new version of the program, so the text that is hashed stays what it was for a
// query of source_id alone.
std::uint64_t KeySeedOf(const StreamWrite& write) {
  std::string options;
  const auto put = [&](std::string_view name, std::string_view value) {
    PutString(options, name);
    PutString(options, value);
  };
  put("source_id", write.source.str());
  if (!write.atomic) put("atomic", "false");
  if (write.skips_wrong) put("on_error", "skip");
  return Hash64(formats::MediaTypeOf(write.format), Hash64(options));
}

Result<std::optional<storage::WriteKey>> WriteKeyOf(const net::HttpRequest& request) {
  GRANARY_ASSIGN(auto key, KeyOf(request));
  if (!key) return std::optional<storage::WriteKey>();
  return std::optional(
      storage::WriteKey{.key = std::move(*key), .body = Hash128(request.body, Hash64(""))});
}

Result<std::optional<storage::WriteKey>> WriteKeyOf(const std::string& key, std::string_view body) {
  if (key.empty()) return std::optional<storage::WriteKey>();
  if (const auto fault = Fault(key)) {
    return Status::Invalid(Code::kInvalidRequest, "/idempotency_key",
                           "the idempotency key " + *fault);
  }
  return std::optional(storage::WriteKey{.key = key, .body = Hash128(body, 0)});
}

net::HttpResponse WriteResponse(NodeState& state, Tenant& tenant, const WriteAnswer& answer) {
  net::HttpResponse response = hosting::JsonResponse(api::WriteJson(answer));
  if (answer.repeated)
    response.headers.Set("Idempotency-Replayed", "true");
  else
    CountWritten(state, tenant, answer.written);
  return response;
}

}  // namespace granary::services
