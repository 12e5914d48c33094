// What a request's way through the gateway is made of.
#include <benchmark/benchmark.h>

#include "granary/security/api_key.h"
#include "granary/security/password_hash.h"
#include "granary/security/token.h"
#include "granary/testing/fake_random.h"

namespace granary::security {
namespace {

const SigningKey& BenchKey() {
  static const SigningKey key = SigningKey::FromSeed(std::string(kKeySeedBytes, 'k')).Take();
  return key;
}

TokenClaims BenchClaims() {
  return {.issuer = "granary",
          .audience = "tenant-node/acme",
          .subject = "u_0123456789abcdef",
          .tenant = "acme",
          .session = "key:0123456789abcdef",
          .token_id = "0123456789abcdef",
          .issued_s = 0,
          .not_before_s = 0,
          .expires_s = 60,
          .grants = {{{Verb::kRead, Verb::kWrite}, "*"}}};
}

void BM_IssueToken(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(IssueToken(BenchKey(), TokenUse::kNode, BenchClaims()));
}
BENCHMARK(BM_IssueToken);

void BM_CheckToken(benchmark::State& state) {
  const std::string token = IssueToken(BenchKey(), TokenUse::kNode, BenchClaims()).Take();
  const KeySet keys({BenchKey().public_key()});
  const TokenRules rules{.use = TokenUse::kNode,
                         .issuer = "granary",
                         .audience = "tenant-node/acme",
                         .lifetime_max_s = 60};
  for (auto _ : state) benchmark::DoNotOptimize(CheckToken(token, keys, rules, 1));
}
BENCHMARK(BM_CheckToken);

void BM_ApiKeyDigest(benchmark::State& state) {
  testing::FakeRandom random(1);
  const std::string text = MakeApiKey(random).text();
  for (auto _ : state) benchmark::DoNotOptimize(ApiKeyDigest(*ParseApiKey(text)));
}
BENCHMARK(BM_ApiKeyDigest);

void BM_HashPassword(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(HashPassword("password", "0123456789abcdef", PasswordCost{}));
}
BENCHMARK(BM_HashPassword)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace granary::security
