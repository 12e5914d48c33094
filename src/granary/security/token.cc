#include "granary/security/token.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <optional>

#include "granary/base/append_format.h"
#include "granary/base/base64url.h"
#include "granary/security/json_text.h"

namespace granary::security {
namespace {

namespace dom = simdjson::dom;

std::string_view TypeName(TokenUse use) {
  return use == TokenUse::kAccess ? "at+jwt" : "granary-node+jwt";
}

Status BadToken(std::string_view why) {
  return {Code::kUnauthenticated, fmt::format("the token is not accepted: {}", why)};
}

std::string HeaderJson(const SigningKey& key, TokenUse use) {
  return fmt::format(R"({{"alg":"EdDSA","kid":"{}","typ":"{}"}})", key.id(), TypeName(use));
}

std::string ClaimsJson(TokenUse use, const TokenClaims& claims) {
  std::string out = "{";
  const auto text = [&out](std::string_view name, std::string_view value) {
    AppendFormat(out, R"("{}":)", name);
    AppendJsonText(value, out);
    out.push_back(',');
  };
  text("iss", claims.issuer);
  text("aud", claims.audience);
  text("sub", claims.subject);
  text("ten", claims.tenant);
  text("sid", claims.session);
  text("jti", claims.token_id);
  if (use == TokenUse::kNode) {
    out.append(R"("grants":[)");
    for (const Grant& grant : claims.grants) {
      if (&grant != claims.grants.data()) out.push_back(',');
      AppendJsonText(FormatGrant(grant), out);
    }
    out.append("],");
  }
  AppendFormat(out, R"("iat":{},"nbf":{},"exp":{}}})", claims.issued_s, claims.not_before_s,
               claims.expires_s);
  return out;
}

/// The members of a JSON object, each at most once; nothing for any other text.
class Members {
 public:
  /// `parser` keeps what is read.
  static std::optional<Members> Read(dom::parser& parser, const std::string& json) {
    Members members;
    if (parser.parse(json).get_object().get(members.object_) != simdjson::SUCCESS)
      return std::nullopt;
    std::vector<std::string_view> seen;
    for (const auto& [name, value] : members.object_) {
      // Two parties may read a doubled member in two ways.
      if (std::ranges::find(seen, name) != seen.end()) return std::nullopt;
      seen.push_back(name);
    }
    members.count_ = seen.size();
    return members;
  }

  std::size_t count() const { return count_; }
  std::optional<std::string> Text(std::string_view name) const {
    std::string_view text;
    if (object_[name].get_string().get(text) != simdjson::SUCCESS) return std::nullopt;
    return std::string(text);
  }
  std::optional<std::int64_t> Whole(std::string_view name) const {
    std::int64_t number = 0;
    if (object_[name].get_int64().get(number) != simdjson::SUCCESS) return std::nullopt;
    return number;
  }
  std::optional<std::vector<Grant>> Grants(std::string_view name) const {
    dom::array list;
    if (object_[name].get_array().get(list) != simdjson::SUCCESS) return std::nullopt;
    std::vector<Grant> grants;
    for (const dom::element element : list) {
      std::string_view text;
      if (element.get_string().get(text) != simdjson::SUCCESS) return std::nullopt;
      auto grant = ParseGrant(text);
      if (!grant || grants.size() == kGrantsMax) return std::nullopt;
      grants.push_back(std::move(*grant));
    }
    return grants;
  }

 private:
  dom::object object_;
  std::size_t count_ = 0;
};

/// The parts of "header.payload.signature", decoded.
struct Parts {
  std::string_view signed_text;
  std::string header, payload, signature;
};

std::optional<Parts> TakeApart(std::string_view token) {
  const auto first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
    return std::nullopt;
  auto header = Base64UrlDecode(token.substr(0, first));
  auto payload = Base64UrlDecode(token.substr(first + 1, second - first - 1));
  auto signature = Base64UrlDecode(token.substr(second + 1));
  if (!header || !payload || !signature) return std::nullopt;
  return Parts{token.substr(0, second), std::move(*header), std::move(*payload),
               std::move(*signature)};
}

/// The key that the header names.
Result<const PublicKey*> FindKey(const std::string& header, const KeySet& keys, TokenUse use) {
  dom::parser parser;
  const auto members = Members::Read(parser, header);
  if (!members) return BadToken("its header is no JSON object with each member once");
  if (members->Text("alg") != "EdDSA") return BadToken("its alg is not EdDSA");
  if (members->Text("typ") != TypeName(use))
    return BadToken(fmt::format("its typ is not {}", TypeName(use)));
  // crit, jku, jwk, x5u …: whoever honours one of them lets the token choose its own key.
  if (members->count() != 3) return BadToken("its header has more than alg, kid and typ");
  const auto id = members->Text("kid");
  const PublicKey* key = id ? keys.Find(*id) : nullptr;
  if (key == nullptr) return BadToken("its kid is none of our keys");
  return key;
}

std::optional<TokenClaims> ReadClaims(const std::string& payload, TokenUse use) {
  dom::parser parser;
  const auto members = Members::Read(parser, payload);
  if (!members) return std::nullopt;
  bool whole = true;
  const auto text = [&](std::string_view name) {
    auto value = members->Text(name);
    whole = whole && value && !value->empty();
    return value.value_or(std::string());
  };
  const auto instant = [&](std::string_view name) {
    const auto value = members->Whole(name);
    // Far from where sums of them overflow.
    whole = whole && value && *value >= 0 && *value < (std::int64_t{1} << 40);
    return value.value_or(0);
  };
  TokenClaims claims;
  claims.issuer = text("iss");
  claims.audience = text("aud");
  claims.subject = text("sub");
  claims.tenant = text("ten");
  claims.session = text("sid");
  claims.token_id = text("jti");
  claims.issued_s = instant("iat");
  claims.not_before_s = instant("nbf");
  claims.expires_s = instant("exp");
  if (use == TokenUse::kNode) {
    auto grants = members->Grants("grants");
    whole = whole && grants;
    if (grants) claims.grants = std::move(*grants);
  }
  if (!whole) return std::nullopt;
  return claims;
}

Status CheckClaims(const TokenClaims& claims, const TokenRules& rules, std::int64_t now_s) {
  if (claims.issuer != rules.issuer) return BadToken("it is of another issuer");
  const auto is_for = [&](const std::string& audience) {
    return claims.audience == (rules.audience_names_tenant ? audience + claims.tenant : audience);
  };
  if (!is_for(rules.audience) && (rules.also_audience.empty() || !is_for(rules.also_audience)))
    return BadToken("it is for another audience");
  if (claims.expires_s <= claims.issued_s || claims.not_before_s > claims.expires_s)
    return BadToken("its times contradict each other");
  if (claims.expires_s - claims.issued_s > rules.lifetime_max_s)
    return BadToken(fmt::format("it is good for more than {} s", rules.lifetime_max_s));
  if (now_s >= claims.expires_s + rules.leeway_s) return BadToken("it has expired");
  if (now_s < claims.not_before_s - rules.leeway_s || now_s < claims.issued_s - rules.leeway_s)
    return BadToken("it is not valid yet");
  return Status::Ok();
}

}  // namespace

Result<std::string> IssueToken(const SigningKey& key, TokenUse use, const TokenClaims& claims) {
  std::string token = Base64UrlEncode(HeaderJson(key, use));
  token.append(".").append(Base64UrlEncode(ClaimsJson(use, claims)));
  GRANARY_ASSIGN(const std::string signature, key.Sign(token));
  return token.append(".").append(Base64UrlEncode(signature));
}

bool LooksLikeToken(std::string_view text) {
  return text.starts_with("eyJ") && std::ranges::count(text, '.') == 2;
}

Result<TokenClaims> CheckToken(std::string_view token, const KeySet& keys, const TokenRules& rules,
                               std::int64_t now_s) {
  if (token.size() > kTokenBytesMax)
    return BadToken(fmt::format("it is longer than {} bytes", kTokenBytesMax));
  const auto parts = TakeApart(token);
  if (!parts) return BadToken("it is not three parts in base64url, divided by dots");
  GRANARY_ASSIGN(const PublicKey* key, FindKey(parts->header, keys, rules.use));
  // Nothing of what it claims is looked at before this.
  if (!key->Verifies(parts->signed_text, parts->signature))
    return BadToken("its signature is not of that key");
  auto claims = ReadClaims(parts->payload, rules.use);
  if (!claims) return BadToken("a claim is missing, doubled or of another kind");
  GRANARY_TRY(CheckClaims(*claims, rules, now_s));
  return std::move(*claims);
}

}  // namespace granary::security
