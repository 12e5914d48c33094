#include "granary/services/tenant_node/idempotency.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "granary/api/response_json.h"
#include "granary/base/bytes.h"
#include "granary/services/tenant_node/responses.h"

namespace granary::services {

Result<std::optional<storage::WriteKey>> WriteKeyOf(const net::HttpRequest& request) {
  const auto given = request.headers.Get("Idempotency-Key");
  if (!given) return std::optional<storage::WriteKey>();
  const bool printable = std::ranges::all_of(*given, [](char c) { return c >= ' ' && c <= '~'; });
  if (given->empty() || given->size() > storage::kWriteKeyMaxBytes || !printable) {
    return Status(Code::kInvalidArgument,
                  fmt::format("Idempotency-Key has {} bytes{}, allowed are 1 to {} printable ASCII "
                              "characters",
                              given->size(), printable ? "" : ", some of them not printable",
                              storage::kWriteKeyMaxBytes));
  }
  std::string parameters;
  for (const auto& [name, value] : request.query) {
    PutString(parameters, name);
    PutString(parameters, value);
  }
  return std::optional(storage::WriteKey{.key = std::string(*given),
                                         .body = Hash128(request.body, Hash64(parameters))});
}

net::HttpResponse WriteResponse(NodeState& state, const WriteAnswer& answer) {
  net::HttpResponse response = JsonResponse(api::WriteJson(answer));
  if (answer.repeated)
    response.headers.Set("Idempotency-Replayed", "true");
  else
    state.metrics.CountRowsWritten(answer.written);
  return response;
}

}  // namespace granary::services
