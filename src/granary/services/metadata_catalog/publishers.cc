#include "granary/services/metadata_catalog/publishers.h"

#include <fmt/format.h>

#include "granary/api/json_node.h"
#include "granary/api/object_reader.h"
#include "granary/base/ids.h"
#include "granary/security/digest.h"
#include "granary/services/metadata_catalog/source_book.h"

namespace granary::catalog {
namespace {

constexpr std::size_t kIntroductionDepth = 8;
constexpr std::size_t kKeyBytesMin = 16, kKeyBytesMax = 512, kVersionBytesMax = 64;
constexpr std::uint64_t kColumnsMax = 100'000;  // As MAX_COLUMNS allows.
constexpr const char* kSelectPublishers =
    "SELECT tenant, node, version, session, policy, columns_max, since_us FROM publishers";

Status WrongIntroduction(const api::ObjectReader& object, std::string_view name,
                         std::string detail) {
  return Status::Invalid(Code::kInvalidRequest, object.PointerOf(name), std::move(detail));
}

Result<api::CompactionPolicy> PolicyOf(std::string_view text) {
  GRANARY_ASSIGN(const api::JsonNode node, api::ParseJsonObject(text, kIntroductionDepth));
  return api::ReadCompactionPolicy(node, "");
}

Result<Publisher> PublisherAt(const SqliteStatement& row) {
  Publisher out{.tenant = std::string(row.bytes(0)),
                .node = std::string(row.bytes(1)),
                .version = std::string(row.bytes(2)),
                .session = row.unsigned_integer(3),
                .policy = {},
                .columns_max = row.unsigned_integer(5),
                .since_us = row.integer(6)};
  GRANARY_ASSIGN(out.policy, PolicyOf(row.bytes(4)));
  return out;
}

// Kept of the tenant, or of another tenant of the same node.
Status CheckOwner(SqliteDb& db, const NodeIntroduction& node, std::string_view digest) {
  GRANARY_ASSIGN(SqliteStatement rows,
                 db.Prepare("SELECT tenant, key FROM publishers WHERE tenant = ? OR node = ?"));
  rows.Text(1, node.tenant).Text(2, node.node);
  for (;;) {
    GRANARY_ASSIGN(const bool row, rows.Step());
    if (!row) return Status::Ok();
    if (rows.bytes(1) == digest) continue;
    const bool is_tenant = rows.bytes(0) == node.tenant;
    return {Code::kPermissionDenied,
            fmt::format("{} belongs to another node's key; DELETE /metadata/tenants/{{tenant_id}} "
                        "lets go of a tenant whose node is gone for good",
                        is_tenant ? fmt::format("tenant \"{}\"", node.tenant)
                                  : fmt::format("node \"{}\"", node.node))};
  }
}

}  // namespace

Result<NodeIntroduction> ParseIntroduction(const std::string& node, std::string_view text) {
  GRANARY_ASSIGN(const api::JsonNode root, api::ParseJsonObject(text, kIntroductionDepth));
  api::ObjectReader body(root, "");
  NodeIntroduction out;
  out.node = node;
  GRANARY_ASSIGN(out.key, body.RequiredText("key"));
  if (out.key.size() < kKeyBytesMin || out.key.size() > kKeyBytesMax)
    return WrongIntroduction(body, "key",
                             fmt::format("{} to {} bytes", kKeyBytesMin, kKeyBytesMax));
  GRANARY_ASSIGN(out.tenant, body.RequiredText("tenant_id"));
  if (!IsIdentifier(out.tenant)) {
    return Status::Invalid(Code::kInvalidIdentifier, "/tenant_id",
                           std::string(InvalidIdentifier(out.tenant).message()));
  }
  GRANARY_ASSIGN(const auto version, body.Text("version"));
  out.version = version.value_or("");
  if (out.version.size() > kVersionBytesMax)
    return WrongIntroduction(body, "version", fmt::format("at most {} bytes", kVersionBytesMax));
  if (const api::JsonNode* settings = body.Find("settings")) {
    GRANARY_ASSIGN(api::ObjectReader object, api::ObjectReader::Of(*settings, "/settings"));
    if (const api::JsonNode* policy = object.Find("policy")) {
      GRANARY_ASSIGN(out.policy, api::ReadCompactionPolicy(*policy, object.PointerOf("policy")));
    }
    GRANARY_ASSIGN(const auto columns, object.WholeNumber("columns_max", 1, kColumnsMax));
    out.columns_max = columns.value_or(out.columns_max);
    GRANARY_TRY(object.Finish());
  }
  GRANARY_TRY(body.Finish());
  return out;
}

Result<std::uint64_t> CountUp(SqliteDb& db, std::string_view counter) {
  GRANARY_ASSIGN(
      SqliteStatement count,
      db.Prepare("UPDATE counters SET value = value + 1 WHERE name = ? RETURNING value"));
  count.Text(1, counter);
  GRANARY_ASSIGN(const bool row, count.Step());
  if (!row) return Status::Corruption(fmt::format("{}: counter {} is gone", db.path(), counter));
  return count.unsigned_integer(0);
}

Result<std::uint64_t> OpenSession(SqliteDb& db, const NodeIntroduction& node, std::int64_t now_us) {
  const std::string digest = security::Sha256(node.key);
  GRANARY_TRY(CheckOwner(db, node, digest));
  GRANARY_ASSIGN(const std::uint64_t session, CountUp(db, "sessions"));
  std::string policy;
  api::AppendCompactionPolicy(node.policy, policy);
  GRANARY_ASSIGN(SqliteStatement write,
                 db.Prepare("INSERT OR REPLACE INTO publishers (tenant, node, key, session, "
                            "version, policy, columns_max, since_us) VALUES (?,?,?,?,?,?,?,?)"));
  write.Text(1, node.tenant).Text(2, node.node).Blob(3, digest).Unsigned(4, session);
  write.Text(5, node.version).Text(6, policy).Unsigned(7, node.columns_max).Integer(8, now_us);
  GRANARY_TRY(write.Run());
  return session;
}

Status CheckSession(SqliteDb& db, const std::string& node, const std::string& key,
                    const std::string& tenant, std::uint64_t session) {
  GRANARY_ASSIGN(SqliteStatement found,
                 db.Prepare("SELECT node, key, session FROM publishers WHERE tenant = ?"));
  found.Text(1, tenant);
  GRANARY_ASSIGN(const bool is_there, found.Step());
  if (!is_there) {
    return {Code::kConflict,
            fmt::format("nobody has begun to tell of tenant \"{}\": PUT /metadata/nodes/{} does",
                        tenant, node)};
  }
  if (found.bytes(1) != security::Sha256(key) || found.bytes(0) != node) {
    return {Code::kPermissionDenied,
            fmt::format("tenant \"{}\" belongs to another node or another key", tenant)};
  }
  const std::uint64_t newest = found.unsigned_integer(2);
  if (session == newest) return Status::Ok();
  return {Code::kConflict, fmt::format("session {} of tenant \"{}\" is over, {} is its newest",
                                       session, tenant, newest)};
}

Result<std::vector<Publisher>> ListPublishers(SqliteDb& db) {
  GRANARY_ASSIGN(SqliteStatement rows,
                 db.Prepare(std::string(kSelectPublishers) + " ORDER BY tenant"));
  std::vector<Publisher> out;
  for (;;) {
    GRANARY_ASSIGN(const bool row, rows.Step());
    if (!row) return out;
    GRANARY_ASSIGN(Publisher one, PublisherAt(rows));
    out.push_back(std::move(one));
  }
}

Result<std::optional<Publisher>> FindPublisher(SqliteDb& db, const std::string& tenant) {
  GRANARY_ASSIGN(SqliteStatement rows,
                 db.Prepare(std::string(kSelectPublishers) + " WHERE tenant = ?"));
  rows.Text(1, tenant);
  GRANARY_ASSIGN(const bool row, rows.Step());
  if (!row) return std::optional<Publisher>();
  GRANARY_ASSIGN(Publisher one, PublisherAt(rows));
  return std::optional(std::move(one));
}

Status ForgetPublisher(SqliteDb& db, const std::string& tenant) {
  GRANARY_ASSIGN(const auto found, FindPublisher(db, tenant));
  if (!found)
    return {Code::kNotFound, fmt::format("no node tells of tenant \"{}\"", tenant.substr(0, 64))};
  GRANARY_TRY(DropSourcesOf(db, tenant, {}));
  for (const char* sql :
       {"DELETE FROM publishers WHERE tenant = ?", "DELETE FROM policies WHERE tenant = ?",
        "DELETE FROM compactions WHERE tenant = ?"}) {
    GRANARY_ASSIGN(SqliteStatement gone, db.Prepare(sql));
    GRANARY_TRY(gone.Text(1, tenant).Run());
  }
  return Status::Ok();
}

}  // namespace granary::catalog
