#include "granary/services/tenant_node/query_flag.h"

#include <fmt/format.h>

namespace granary::services {

Result<bool> QueryFlag(const net::HttpRequest& request, std::string_view name) {
  const auto text = request.QueryParameter(name);
  if (!text || *text == "false") return false;
  if (*text == "true") return true;
  return Status(Code::kInvalidArgument,
                fmt::format("{} is '{}', expected true or false", name, text->substr(0, 64)));
}

}  // namespace granary::services
