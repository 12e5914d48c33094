// API keys.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "granary/auth/authority.h"
#include "granary/auth/authority_state.h"
#include "granary/base/utf8.h"
#include "granary/security/api_key.h"

namespace granary::auth {
namespace {

constexpr std::size_t kKeyNameBytesMax = 255;

Status NoSuchKey(std::string_view id) {
  return {Code::kNotFound, fmt::format("there is no key '{}'", Quotable(id))};
}

/// `expires_us` (0: never) is after the end of the key that asks.
bool Outlives(const Act& act, std::int64_t expires_us) {
  if (act.who.expires_us == 0) return false;
  return expires_us == 0 || expires_us > act.who.expires_us;
}

}  // namespace

bool IsLive(const KeyRow& key, std::int64_t now_us) {
  return key.revoked_us == 0 && (key.expires_us == 0 || now_us < key.expires_us);
}

Result<KeyRow> Authority::State::VisibleKey(AuthRows& rows, const Act& act, std::string_view id) {
  GRANARY_ASSIGN(auto key, rows.FindKey(id));
  const bool own = key && key->user == act.who.user_id;
  const bool administered =
      key && IsTenantAdmin(act.who) && (key->tenant == act.who.tenant || act.who.is_operator);
  // A key of somebody else's is as one that is not there.
  if (!own && !administered) return NoSuchKey(id);
  return std::move(*key);
}

Status Authority::State::CheckReach(AuthRows& rows, const Act& act, const KeyRow& key) {
  GRANARY_ASSIGN(const auto owner, rows.FindUser(key.user));
  if (!owner) return Status::Ok();
  GRANARY_TRY(CheckNoOperator(act, *owner));
  if (owner->id != act.who.user_id) return Status::Ok();
  GRANARY_ASSIGN(auto rights, GrantsOf(rows, *owner));
  if (key.scope) rights = security::Narrowed(rights, *key.scope);
  const bool operates = IsOperator(*owner) && !key.scope;
  if (security::Covers(act.who.grants, rights) && (act.who.is_operator || !operates))
    return Status::Ok();
  return {Code::kPermissionDenied, "that key may more than the one that asks"};
}

Result<MadeKey> Authority::CreateKey(const Act& act, const NewKey& wanted) {
  State& state = *state_;
  GRANARY_TRY(CheckNoOldSecret(act));
  const std::int64_t now = state.now_us();
  if (wanted.name.size() > kKeyNameBytesMax || !IsValidUtf8(wanted.name)) {
    return Status::Invalid(Code::kInvalidRequest, "/name",
                           fmt::format("at most {} bytes of UTF-8", kKeyNameBytesMax));
  }
  if (wanted.expires_us && *wanted.expires_us <= now)
    return Status::Invalid(Code::kInvalidRequest, "/expires_at", "is not in the future");
  const std::int64_t expires_us = wanted.expires_us.value_or(act.who.expires_us);
  if (Outlives(act, expires_us)) {
    return Status::Invalid(Code::kInvalidRequest, "/expires_at",
                           "is after the end of the key that asks");
  }
  if (wanted.scope && wanted.scope->size() > security::kGrantsMax) {
    return Status::Invalid(Code::kTooLarge, "/scope",
                           fmt::format("a key has at most {} grants", security::kGrantsMax));
  }
  const security::ApiKey key = security::MakeApiKey(state.random);
  KeyRow row{.id = key.id,
             .tenant = {},
             .user = {},
             .name = wanted.name,
             .digest = security::ApiKeyDigest(key),
             .old_digest = {},
             .old_until_us = 0,
             .scope = wanted.scope,
             .created_us = now,
             .expires_us = expires_us,
             .revoked_us = 0};
  GRANARY_TRY(state.store->Write([&](AuthRows& rows) -> Status {
    GRANARY_ASSIGN(const UserRow owner,
                   State::VisibleUser(rows, act, wanted.user.value_or(act.who.user_id)));
    row.tenant = owner.tenant;
    row.user = owner.id;
    GRANARY_TRY(State::CheckNoOperator(act, owner));
    GRANARY_ASSIGN(const bool whole, State::IsWhole(rows, act));
    if (owner.id == act.who.user_id && !whole)
      row.scope = row.scope ? security::Narrowed(act.who.grants, *row.scope) : act.who.grants;
    if (row.scope) {
      GRANARY_ASSIGN(const auto rights, State::GrantsOf(rows, owner));
      const std::size_t grants = security::Narrowed(rights, *row.scope).size();
      if (grants > security::kGrantsMax || row.scope->size() > security::kGrantsMax) {
        return Status::Invalid(
            Code::kTooLarge, "/scope",
            fmt::format("with the user's roles it makes {} grants, more than {}",
                        std::max(grants, row.scope->size()), security::kGrantsMax));
      }
    }
    GRANARY_ASSIGN(const std::int64_t live, rows.CountLiveKeys(row.user, now));
    if (static_cast<std::size_t>(live) >= state.options.keys_max) {
      return Status(Code::kQuotaExceeded,
                    fmt::format("the user has {} keys, which is the most: revoke some", live));
    }
    GRANARY_TRY(rows.PutKey(row));
    return rows.AddAudit(state.Entry(act, row.tenant, "key.create", row.id, row.name));
  }));
  return MadeKey{row, key.text()};
}

Result<std::vector<KeyRow>> Authority::ListKeys(const Act& act,
                                                const std::optional<std::string>& user,
                                                std::string_view after, std::size_t limit) {
  return state_->store->Read([&](AuthRows& rows) -> Result<std::vector<KeyRow>> {
    if (user) {
      GRANARY_ASSIGN(const UserRow owner, State::VisibleUser(rows, act, *user));
      return rows.ListKeys(owner.tenant, owner.id, after, limit);
    }
    const auto of = IsTenantAdmin(act.who) ? std::nullopt : std::optional(act.who.user_id);
    return rows.ListKeys(act.who.tenant, of, after, limit);
  });
}

Result<MadeKey> Authority::RotateKey(const Act& act, std::string_view id,
                                     std::optional<std::int64_t> grace_s) {
  State& state = *state_;
  GRANARY_TRY(CheckNoOldSecret(act));
  const std::int64_t grace = grace_s.value_or(state.options.key_grace_s);
  if (grace < 0 || grace > kKeyGraceSecondsMax) {
    return Status::Invalid(Code::kInvalidRequest, "/grace_seconds",
                           fmt::format("from 0 to {}", kKeyGraceSecondsMax));
  }
  const std::int64_t now = state.now_us();
  MadeKey made;
  GRANARY_TRY(state.store->Write([&](AuthRows& rows) -> Status {
    GRANARY_ASSIGN(made.row, State::VisibleKey(rows, act, id));
    GRANARY_TRY(State::CheckReach(rows, act, made.row));
    if (Outlives(act, made.row.expires_us))
      return Status(Code::kPermissionDenied, "that key lasts longer than the one that asks");
    if (!IsLive(made.row, now))
      return Status(Code::kConflict, "the key has ended: create a new one");
    const security::ApiKey key = security::MakeApiKey(state.random, made.row.id);
    made.text = key.text();
    made.row.old_digest = made.row.digest;
    made.row.old_until_us = now + grace * kMicrosPerSecond;
    made.row.digest = security::ApiKeyDigest(key);
    GRANARY_TRY(rows.PutKey(made.row));
    return rows.AddAudit(state.Entry(act, made.row.tenant, "key.rotate", made.row.id,
                                     fmt::format("the old one is good for {} s", grace)));
  }));
  return made;
}

Status Authority::RevokeKey(const Act& act, std::string_view id) {
  State& state = *state_;
  GRANARY_TRY(CheckNoOldSecret(act));
  return state.store->Write([&](AuthRows& rows) -> Status {
    GRANARY_ASSIGN(KeyRow key, State::VisibleKey(rows, act, id));
    GRANARY_TRY(State::CheckReach(rows, act, key));
    if (key.revoked_us != 0) return Status::Ok();
    key.revoked_us = state.now_us();
    GRANARY_TRY(State::KeepingAnOperator(rows, [&] { return rows.PutKey(key); }));
    return rows.AddAudit(state.Entry(act, key.tenant, "key.revoke", key.id, key.name));
  });
}

}  // namespace granary::auth
