#include "granary/services/operation_node/query_cursor.h"

#include <algorithm>

#include "granary/base/base64url.h"
#include "granary/base/bytes.h"
#include "granary/query/plan/fingerprint.h"
#include "granary/security/hmac.h"

namespace granary::operation {
namespace {

constexpr std::uint8_t kFormat = 1;

Status NotOurs() {
  return Status::Invalid(Code::kInvalidRequest, "/cursor",
                         "not a cursor of this Operation Node; send next_cursor as it was given");
}

Result<QueryCursor> Decode(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.Fixed<std::uint8_t>() != kFormat) return NotOurs();
  QueryCursor cursor;
  cursor.request.low = in.Fixed<std::uint64_t>();
  cursor.request.high = in.Fixed<std::uint64_t>();
  const auto parts = in.Fixed<std::uint32_t>();
  for (std::uint32_t i = 0; i < parts && in.ok(); ++i) {
    QueryCursor::Part& part = cursor.parts.emplace_back();
    part.tenant = in.String();
    part.done = in.Fixed<std::uint8_t>() != 0;
    part.skip = in.Fixed<std::uint64_t>();
    part.anchor = in.String();
  }
  const auto missing = in.Fixed<std::uint32_t>();
  for (std::uint32_t i = 0; i < missing && in.ok(); ++i) {
    MissingTenant& tenant = cursor.missing.emplace_back();
    tenant.tenant = in.String();
    tenant.reason = in.String();
  }
  if (!in.ok() || in.remaining() != 0) return NotOurs();
  return cursor;
}

}  // namespace

Digest128 FingerprintOf(const query::SearchRequest& request, const api::Spread& spread) {
  const Digest128 search = query::Fingerprint(request);
  std::string text;
  PutFixed(text, search.low);
  PutFixed(text, search.high);
  PutFixed(text, static_cast<std::uint8_t>(spread.may_miss));
  std::vector<TenantId> tenants = spread.tenants;
  std::sort(tenants.begin(), tenants.end());
  for (const TenantId& tenant : tenants) PutString(text, tenant.str());
  std::vector<TenantId> nodes = spread.nodes;
  std::sort(nodes.begin(), nodes.end());
  // Behind what no tenant begins with.
  for (const TenantId& node : nodes) PutString(text, "/" + node.str());
  return Hash128(text);
}

Result<std::string> QueryCursorSeal::Write(const QueryCursor& cursor) const {
  std::string bytes;
  PutFixed(bytes, kFormat);
  PutFixed(bytes, cursor.request.low);
  PutFixed(bytes, cursor.request.high);
  PutFixed(bytes, static_cast<std::uint32_t>(cursor.parts.size()));
  for (const QueryCursor::Part& part : cursor.parts) {
    PutString(bytes, part.tenant);
    PutFixed(bytes, static_cast<std::uint8_t>(part.done));
    PutFixed(bytes, part.skip);
    PutString(bytes, part.anchor);
  }
  PutFixed(bytes, static_cast<std::uint32_t>(cursor.missing.size()));
  for (const MissingTenant& tenant : cursor.missing) {
    PutString(bytes, tenant.tenant);
    PutString(bytes, tenant.reason);
  }
  GRANARY_ASSIGN(const std::string mac, security::HmacSha256(key_, bytes));
  return Base64UrlEncode(bytes + mac);
}

Result<QueryCursor> QueryCursorSeal::Read(std::string_view text, const Digest128& request) const {
  const std::optional<std::string> all = Base64UrlDecode(text);
  if (!all || all->size() <= security::kHmacBytes) return NotOurs();
  const auto bytes = std::string_view(*all).substr(0, all->size() - security::kHmacBytes);
  GRANARY_ASSIGN(const std::string mac, security::HmacSha256(key_, bytes));
  // Before anything in it is believed.
  if (!security::EqualInConstantTime(mac, std::string_view(*all).substr(bytes.size())))
    return NotOurs();
  GRANARY_ASSIGN(QueryCursor cursor, Decode(bytes));
  if (cursor.request == request) return cursor;
  return Status::Invalid(Code::kInvalidRequest, "/cursor",
                         "the cursor belongs to another request: only limit and cursor may differ "
                         "from the one that gave it");
}

}  // namespace granary::operation
