#include "granary/security/token.h"

#include <gtest/gtest.h>

#include <fmt/format.h>
#include <functional>

#include "granary/base/base64url.h"
#include "granary/security/digest.h"
#include "granary/security/hmac.h"

namespace granary::security {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;

SigningKey KeyOf(char seed) { return SigningKey::FromSeed(std::string(32, seed)).Take(); }

TokenClaims GoodClaims() {
  return {.issuer = "granary",
          .audience = "granary-gateway",
          .subject = "u_1",
          .tenant = "acme",
          .session = "s_1",
          .token_id = "t_1",
          .issued_s = kNow,
          .not_before_s = kNow,
          .expires_s = kNow + 900,
          .grants = {}};
}

TokenRules GoodRules() {
  return {.use = TokenUse::kAccess,
          .issuer = "granary",
          .audience = "granary-gateway",
          .leeway_s = 5,
          .lifetime_max_s = 3600};
}

class TokenTest : public ::testing::Test {
 protected:
  const SigningKey key_ = KeyOf('k');
  const SigningKey other_ = KeyOf('o');
  const KeySet keys_{{KeyOf('x').public_key(), key_.public_key()}};
  const std::string good_ = IssueToken(key_, TokenUse::kAccess, GoodClaims()).Take();

  Status Check(std::string_view token, std::int64_t now_s = kNow) const {
    return CheckToken(token, keys_, GoodRules(), now_s).status();
  }
  std::string Header(std::string_view more = {}) const {
    return fmt::format(R"({{"alg":"EdDSA","kid":"{}","typ":"at+jwt"{}}})", key_.id(), more);
  }
  static std::string Payload(std::string_view more = {}) {
    return fmt::format(
        R"({{"iss":"granary","aud":"granary-gateway","sub":"u_1","ten":"acme","sid":"s_1","jti":"t_1","iat":{},"nbf":{},"exp":{}{}}})",
        kNow, kNow, kNow + 900, more);
  }
  /// Signed by `key`, whatever header and payload say.
  static std::string Signed(const SigningKey& key, std::string_view header,
                            std::string_view payload) {
    std::string token = Base64UrlEncode(header) + "." + Base64UrlEncode(payload);
    return token + "." + Base64UrlEncode(key.Sign(token).Take());
  }
  std::string WithClaims(const std::function<void(TokenClaims&)>& change) const {
    TokenClaims claims = GoodClaims();
    change(claims);
    return IssueToken(key_, TokenUse::kAccess, claims).Take();
  }
  std::string Part(int index) const {
    const auto first = good_.find('.'), second = good_.rfind('.');
    if (index == 0) return good_.substr(0, first);
    return index == 1 ? good_.substr(first + 1, second - first - 1) : good_.substr(second + 1);
  }
};

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

/// s + the group's order: the same signature, spelt otherwise.
std::string Malleated(std::string signature) {
  constexpr unsigned char kOrder[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,
                                        0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
                                        0,    0,    0,    0,    0,    0,    0,    0,
                                        0,    0,    0,    0,    0,    0,    0,    0x10};
  unsigned carry = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    carry += static_cast<unsigned char>(signature[32 + i]) + kOrder[i];
    signature[32 + i] = static_cast<char>(carry & 0xff);
    carry >>= 8;
  }
  EXPECT_EQ(carry, 0u);
  return signature;
}

TEST_F(TokenTest, WhatWasIssuedIsRead) {
  const auto read = CheckToken(good_, keys_, GoodRules(), kNow);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(*read, GoodClaims());
  // The table below has its own writer; it must be as good.
  EXPECT_TRUE(Check(Signed(key_, Header(), Payload())).ok());
}

TEST_F(TokenTest, ANodeTokenCarriesItsGrants) {
  TokenClaims claims = GoodClaims();
  claims.grants = {*ParseGrant("r:*"), *ParseGrant("rw:sales_*")};
  const std::string token = IssueToken(key_, TokenUse::kNode, claims).Take();
  TokenRules rules = GoodRules();
  rules.use = TokenUse::kNode;
  const auto read = CheckToken(token, keys_, rules, kNow);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(*read, claims);
}

TEST_F(TokenTest, EveryKindOfBadTokenIsRefused) {
  const std::string signature = Base64UrlDecode(Part(2)).value();
  const std::string head_and_body = Part(0) + "." + Part(1);
  const std::string public_key(key_.public_key().bytes());
  const auto hs256 = [&](std::string_view secret) {
    const std::string text = Base64UrlEncode(Replaced(Header(), "EdDSA", "HS256")) + "." + Part(1);
    return text + "." + Base64UrlEncode(HmacSha256(secret, text).Take());
  };
  struct Case {
    const char* kind;
    std::string token;
    const char* why;
  };
  const Case cases[] = {
      {"empty", "", "three parts"},
      {"one part", Part(0), "three parts"},
      {"two parts", head_and_body, "three parts"},
      {"four parts", good_ + ".AAAA", "three parts"},
      {"five parts, as of an encrypted token", "a.b.c.d.e", "three parts"},
      {"dots alone", "..", "header is no JSON"},
      {"an empty signature", head_and_body + ".", "signature"},
      {"alg none without a signature",
       Base64UrlEncode(Replaced(Header(), "EdDSA", "none")) + "." + Part(1) + ".", "alg"},
      {"alg None", Signed(key_, Replaced(Header(), "EdDSA", "None"), Payload()), "alg"},
      {"alg of another curve", Signed(key_, Replaced(Header(), "EdDSA", "ES256"), Payload()),
       "alg"},
      {"alg in lower case", Signed(key_, Replaced(Header(), "EdDSA", "eddsa"), Payload()), "alg"},
      {"HS256 with the public key as its secret", hs256(public_key), "alg"},
      {"HS256 with the key set as its secret", hs256(keys_.ToJson()), "alg"},
      {"alg that is no string", Signed(key_, Replaced(Header(), "\"EdDSA\"", "1"), Payload()),
       "alg"},
      {"no alg", Signed(key_, Replaced(Header(), "\"alg\":\"EdDSA\",", ""), Payload()), "alg"},
      {"alg twice", Signed(key_, Header(R"(,"alg":"none")"), Payload()), "once"},
      {"a kid of nobody", Signed(key_, Replaced(Header(), key_.id(), "nobody"), Payload()), "kid"},
      {"a kid that is a path",
       Signed(key_, Replaced(Header(), key_.id(), "../../dev/null"), Payload()), "kid"},
      {"no kid", Signed(key_, R"({"alg":"EdDSA","typ":"at+jwt","x":1})", Payload()), "kid"},
      {"the kid of another key of the set",
       Signed(key_, Replaced(Header(), key_.id(), KeyOf('x').id()), Payload()), "signature"},
      {"a key of nobody under our kid", Signed(other_, Header(), Payload()), "signature"},
      {"a key in the header", Signed(other_, Header(R"(,"jwk":{"kty":"OKP"})"), Payload()),
       "more than"},
      {"a key's address in the header",
       Signed(key_, Header(R"(,"jku":"http://evil/keys")"), Payload()), "more than"},
      {"crit", Signed(key_, Header(R"(,"crit":["exp"])"), Payload()), "more than"},
      {"another typ", Signed(key_, Replaced(Header(), "at+jwt", "JWT"), Payload()), "typ"},
      {"the typ of node tokens", IssueToken(key_, TokenUse::kNode, GoodClaims()).Take(), "typ"},
      {"a header that is an array", Signed(key_, "[]", Payload()), "header"},
      {"a header that is not UTF-8",
       Signed(key_, Replaced(Header(), "at+jwt", "at\xff"), Payload()), "header"},
      {"a header with more behind it", Signed(key_, Header() + "{}", Payload()), "header"},
      {"expired", WithClaims([](auto& c) {
         c.issued_s = c.not_before_s = kNow - 906;
         c.expires_s = kNow - 6;
       }),
       "expired"},
      {"not valid yet", WithClaims([](auto& c) { c.not_before_s = kNow + 6; }), "not valid yet"},
      {"issued in the future", WithClaims([](auto& c) { c.issued_s = kNow + 6; }), "not valid yet"},
      {"good for too long", WithClaims([](auto& c) { c.expires_s = kNow + 3601; }), "more than"},
      {"good for ever",
       Signed(key_, Header(),
              Replaced(Payload(), std::to_string(kNow + 900), "9223372036854775807")),
       "kind"},
      {"ends before it begins", WithClaims([](auto& c) { c.expires_s = kNow; }), "contradict"},
      {"another issuer", WithClaims([](auto& c) { c.issuer = "granary2"; }), "issuer"},
      {"another audience", WithClaims([](auto& c) { c.audience = "tenant-node/acme"; }),
       "audience"},
      {"audiences as a list",
       Signed(key_, Header(),
              Replaced(Payload(), "\"granary-gateway\"", "[\"granary-gateway\",\"x\"]")),
       "kind"},
      {"no subject", WithClaims([](auto& c) { c.subject = ""; }), "missing"},
      {"no tenant", WithClaims([](auto& c) { c.tenant = ""; }), "missing"},
      {"no session", WithClaims([](auto& c) { c.session = ""; }), "missing"},
      {"no name of its own", WithClaims([](auto& c) { c.token_id = ""; }), "missing"},
      {"a subject that is null", Signed(key_, Header(), Replaced(Payload(), "\"u_1\"", "null")),
       "missing"},
      {"no exp", Signed(key_, Header(), Replaced(Payload(), "\"exp\"", "\"xxx\"")), "missing"},
      {"exp as a text",
       Signed(key_, Header(), Replaced(Payload(), std::to_string(kNow + 900), "\"1800000900\"")),
       "kind"},
      {"exp with a fraction",
       Signed(key_, Header(), Replaced(Payload(), std::to_string(kNow + 900), "1800000900.0")),
       "kind"},
      {"exp before 1970",
       Signed(key_, Header(), Replaced(Payload(), std::to_string(kNow + 900), "-1")), "kind"},
      {"a claim twice", Signed(key_, Header(), Payload(R"(,"ten":"globex")")), "doubled"},
      {"a claim twice, once escaped", Signed(key_, Header(), Payload(R"(,"\u0074en":"globex")")),
       "doubled"},
      {"a payload that is no object", Signed(key_, Header(), "\"u_1\""), "claim"},
      {"a payload that is not UTF-8", Signed(key_, Header(), Replaced(Payload(), "u_1", "u\xff")),
       "claim"},
      {"a payload that ends early", Signed(key_, Header(), Payload().substr(0, 100)), "claim"},
      {"a payload of somebody else's",
       Part(0) + "." + Base64UrlEncode(Replaced(Payload(), "acme", "evil")) + "." + Part(2),
       "signature"},
      {"a signature of half its length",
       head_and_body + "." + Base64UrlEncode(signature.substr(0, 32)), "signature"},
      {"a signature with more behind it", head_and_body + "." + Base64UrlEncode(signature + "x"),
       "signature"},
      {"a signature of zeroes", head_and_body + "." + Base64UrlEncode(std::string(64, '\0')),
       "signature"},
      {"the same signature, spelt otherwise",
       head_and_body + "." + Base64UrlEncode(Malleated(signature)), "signature"},
      {"padding", good_ + "==", "base64url"},
      {"the other base64", Replaced(good_, ".", "+."), "base64url"},
      {"stray bits in the last letter", good_.substr(0, good_.size() - 1) + "B", "base64url"},
      {"a space before it", " " + good_, "base64url"},
      {"a line end behind it", good_ + "\n", "base64url"},
      {"bytes that are not UTF-8", "\xff\xfe." + Part(1) + "." + Part(2), "base64url"},
      {"a NUL in it", good_ + std::string(1, '\0'), "base64url"},
      {"an API key", "gk_0123456789abcdef_" + std::string(43, 'A'), "three parts"},
      {"huge", good_ + std::string(kTokenBytesMax, 'A'), "longer than"},
      {"a payload that nests deeply",
       Signed(key_, Header(), Payload(",\"x\":" + std::string(2000, '[') + std::string(2000, ']'))),
       "claim"},
  };
  EXPECT_GE(std::size(cases), 60u);
  for (const Case& c : cases) {
    const Status status = Check(c.token);
    EXPECT_EQ(status.code(), Code::kUnauthenticated) << c.kind;
    EXPECT_NE(status.message().find(c.why), std::string::npos)
        << c.kind << ": " << status.message();
  }
}

TEST_F(TokenTest, EveryCutAndEveryChangedLetterIsRefused) {
  for (std::size_t at = 0; at < good_.size(); ++at) {
    EXPECT_FALSE(Check(good_.substr(0, at)).ok()) << at;
    std::string bad = good_;
    bad[at] = bad[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(Check(bad).ok()) << at;
  }
}

TEST_F(TokenTest, TimesCountToTheSecondWithTheLeeway) {
  EXPECT_TRUE(Check(good_, kNow + 904).ok());
  EXPECT_FALSE(Check(good_, kNow + 905).ok());
  EXPECT_TRUE(Check(good_, kNow - 5).ok());
  EXPECT_FALSE(Check(good_, kNow - 6).ok());
  EXPECT_TRUE(Check(WithClaims([](auto& c) { c.expires_s = kNow + 3600; })).ok());
}

TEST_F(TokenTest, ALongTokenIsReadUpToTheLimit) {
  TokenClaims claims = GoodClaims();
  const auto token_of = [&](std::size_t letters) {
    claims.subject = std::string(letters, 'u');
    return IssueToken(key_, TokenUse::kAccess, claims).Take();
  };
  std::size_t letters = 8'000;
  while (token_of(letters + 1).size() <= kTokenBytesMax) ++letters;
  EXPECT_TRUE(Check(token_of(letters)).ok());
  EXPECT_NE(Check(token_of(letters + 1)).message().find("longer than"), std::string::npos);
}

TEST_F(TokenTest, GrantsThatAreNoneAreRefused) {
  TokenRules rules = GoodRules();
  rules.use = TokenUse::kNode;
  const std::string header = Replaced(Header(), "at+jwt", "granary-node+jwt");
  const auto check = [&](const std::string& grants) {
    return CheckToken(Signed(key_, header, Payload(",\"grants\":" + grants)), keys_, rules, kNow)
        .status();
  };
  EXPECT_TRUE(check("[]").ok());
  EXPECT_TRUE(check(R"(["rwa:*"])").ok());
  std::string many = "[\"r:a\"";
  for (std::size_t i = 1; i < kGrantsMax; ++i) many += ",\"r:a\"";
  EXPECT_TRUE(check(many + "]").ok());
  EXPECT_FALSE(check(many + ",\"r:a\"]").ok());
  for (const char* bad : {"null", "{}", "\"rwa:*\"", R"(["rwa"])", R"(["rwa:*",1])", R"(["wr:*"])",
                          R"(["r:a/b"])", R"([["r:*"]])"}) {
    EXPECT_FALSE(check(bad).ok()) << bad;
  }
  EXPECT_FALSE(CheckToken(Signed(key_, header, Payload()), keys_, rules, kNow).ok());
}

TEST_F(TokenTest, TextsAreEscapedAndComeBackEqual) {
  const auto claims = [](TokenClaims& c) { c.subject = "a\"b\\c\n\x01 é"; };
  const auto read = CheckToken(WithClaims(claims), keys_, GoodRules(), kNow);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->subject, "a\"b\\c\n\x01 é");
}

TEST(SigningKeyTest, GivesThePublishedValues) {  // RFC 8032, 7.1, test 1, and RFC 8037, A.3.
  const std::string seed =
      "\x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4"
      "\x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60";
  const SigningKey key = SigningKey::FromSeed(seed).Take();
  EXPECT_EQ(Base64UrlEncode(key.public_key().bytes()),
            "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
  EXPECT_EQ(key.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
  EXPECT_EQ(key.Sign("").Take().substr(0, 3), "\xe5\x56\x43");
  EXPECT_FALSE(SigningKey::FromSeed(seed.substr(1)).ok());
}

TEST(KeySetTest, ReadsWhatItWrote) {
  const KeySet keys({KeyOf('a').public_key(), KeyOf('b').public_key()});
  const auto read = KeySet::Parse(keys.ToJson());
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  ASSERT_EQ(read->keys().size(), 2u);
  EXPECT_NE(read->Find(KeyOf('b').id()), nullptr);
  EXPECT_EQ(read->Find(KeyOf('c').id()), nullptr);
  EXPECT_EQ(read->Find(""), nullptr);
  EXPECT_EQ(read->ToJson(), keys.ToJson());
}

TEST(KeySetTest, PassesOverOtherKeysAndRefusesWhatIsNone) {
  const std::string good = KeySet({KeyOf('a').public_key()}).ToJson();
  const std::string mixed =
      Replaced(good, "[{", R"([{"kty":"RSA","kid":"r","n":"x","e":"AQAB"},{)");
  EXPECT_EQ(KeySet::Parse(mixed)->keys().size(), 1u);
  for (const std::string& bad :
       {std::string(), std::string("{}"), std::string(R"({"keys":[]})"),
        std::string(R"({"keys":[1]})"), good.substr(1), Replaced(good, "\"x\":\"", "\"x\":\"A"),
        Replaced(good, "Ed25519", "X25519"), Replaced(good, KeyOf('a').id(), KeyOf('b').id()),
        std::string(kKeySetBytesMax + 1, ' ')}) {
    EXPECT_EQ(KeySet::Parse(bad).status().code(), Code::kInvalidArgument) << bad.substr(0, 200);
  }
}

}  // namespace
}  // namespace granary::security
