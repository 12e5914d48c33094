#include "granary/services/tenant_node/gateway_guard.h"

#include <atomic>
#include <future>
#include <latch>
#include <vector>

#include <gtest/gtest.h>

#include "granary/security/node_token.h"
#include "granary/security/signing_key.h"
#include "granary/security/token.h"
#include "granary/testing/forwarding_file_system.h"
#include "granary/testing/memory_file_system.h"

namespace granary::services {
namespace {

/// Files whose reading begins when it is let go.
struct HeldFiles final : testing::ForwardingFileSystem {
  using ForwardingFileSystem::ForwardingFileSystem;
  Result<std::unique_ptr<io::RandomAccessFile>> OpenForRead(const std::string& path) override {
    ++reads;
    begun.count_down();
    go.wait();
    return ForwardingFileSystem::OpenForRead(path);
  }

  std::atomic<int> reads = 0;
  std::latch begun{1}, go{1};
};

struct GatewayGuardTest : ::testing::Test {
  GatewayGuardTest() {
    config.tenant_id = "acme";
    config.gateway_jwks = "jwks.json";
    config.gateway_required = true;
    const auto signer = security::SigningKey::FromSeed(std::string(32, 'k'));
    EXPECT_TRUE(
        memory.ReplaceFile("jwks.json", security::KeySet({signer->public_key()}).ToJson()).ok());
    token = TokenOf("acme", security::NodeAudience("acme"));
  }
  std::string TokenOf(const std::string& tenant, const std::string& audience) const {
    const auto signer = security::SigningKey::FromSeed(std::string(32, 'k'));
    const std::int64_t now_s = clock.WallMicros() / 1'000'000;
    const security::TokenClaims claims{.issuer = std::string(security::kIssuer),
                                       .audience = audience,
                                       .subject = "u_1",
                                       .tenant = tenant,
                                       .session = "key:1",
                                       .token_id = "t",
                                       .issued_s = now_s,
                                       .not_before_s = now_s,
                                       .expires_s = now_s + 60,
                                       .grants = {}};
    return *security::IssueToken(*signer, security::TokenUse::kNode, claims);
  }
  Code Ask(const runtime::CancelToken& cancel = {}) {
    return guard.Check(token, false, cancel).status().code();
  }

  io::SystemClock clock;
  testing::MemoryFileSystem memory;
  HeldFiles files{memory};
  Config config;
  std::string token;
  GatewayGuard guard{config, Logger::Null(), clock, files};
};

TEST_F(GatewayGuardTest, AllWhoComeWhileTheKeysAreReadAreServedByThatOneReading) {
  constexpr int kOthers = 8;
  auto first = std::async(std::launch::async, [&] { return Ask(); });
  files.begun.wait();
  std::latch came(kOthers);
  std::vector<std::future<Code>> others;
  for (int i = 0; i < kOthers; ++i) {
    others.push_back(std::async(std::launch::async, [&] {
      came.count_down();
      return Ask();
    }));
  }
  came.wait();
  files.go.count_down();
  EXPECT_EQ(first.get(), Code::kOk);
  for (auto& other : others) EXPECT_EQ(other.get(), Code::kOk);
  EXPECT_EQ(files.reads, 1);
}

TEST_F(GatewayGuardTest, NobodyWaitsForTheKeysLongerThanItsOwnDeadline) {
  auto first = std::async(std::launch::async, [&] { return Ask(); });
  files.begun.wait();
  const std::int64_t until_ns = clock.MonotonicNanos() + 50'000'000;
  EXPECT_EQ(Ask(runtime::CancelToken(until_ns)), Code::kDeadlineExceeded);
  EXPECT_GE(clock.MonotonicNanos(), until_ns);  // It did wait.
  files.go.count_down();
  EXPECT_EQ(first.get(), Code::kOk);
}

TEST_F(GatewayGuardTest, ATokenOfTheGrpcDoorIsGoodThereAlone) {
  files.go.count_down();
  const std::string direct = TokenOf("acme", security::NodeGrpcAudience("acme"));
  const auto code = [&](const std::string& shown, NodeDoor door) {
    return guard.Check(shown, false, {}, door).status().code();
  };
  // The first time, and once it is known.
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(code(direct, NodeDoor::kRest), Code::kUnauthenticated);
    EXPECT_EQ(code(direct, NodeDoor::kGrpc), Code::kOk);
    EXPECT_EQ(code(token, NodeDoor::kGrpc), Code::kOk);
    EXPECT_EQ(code(token, NodeDoor::kRest), Code::kOk);
  }
  EXPECT_EQ(code(TokenOf("acme", security::NodeGrpcAudience("globex")), NodeDoor::kGrpc),
            Code::kUnauthenticated);
}

TEST_F(GatewayGuardTest, KeysThatCannotBeReadAreSaidToBeAwayAndNotReadAgainAtOnce) {
  files.go.count_down();
  ASSERT_TRUE(memory.Remove("jwks.json").ok());
  EXPECT_EQ(Ask(), Code::kUnavailable);
  EXPECT_EQ(Ask(), Code::kUnavailable);
  EXPECT_EQ(files.reads, 1);
}

TEST_F(GatewayGuardTest, OfANodeWithManyTheTokenSaysWhichTenantIsMeant) {
  files.go.count_down();
  Config many = config;
  many.node_capacity = 10;
  GatewayGuard shared(many, Logger::Null(), clock, files);
  const auto tenant_of = [&](const std::string& shown) {
    const auto visitor = shared.Check(shown, false, {});
    return visitor.ok() ? visitor->tenant : std::string(CodeName(visitor.status().code()));
  };
  EXPECT_EQ(tenant_of(token), "acme");
  EXPECT_EQ(tenant_of(TokenOf("globex", security::NodeAudience("globex"))), "globex");
  // What it says twice it says alike; what is no identifier names nobody.
  for (const auto& [tenant, audience] : std::vector<std::pair<std::string, std::string>>{
           {"globex", security::NodeAudience("acme")},
           {"acme", security::NodeAudience("")},
           {"acme", "tenant-node"},
           {"acme", "acme"},
           {"../acme", security::NodeAudience("../acme")},
           {".", security::NodeAudience(".")}})
    EXPECT_EQ(tenant_of(TokenOf(tenant, audience)), "UNAUTHENTICATED") << tenant << " " << audience;
  // A node with one takes none but its own.
  EXPECT_EQ(
      guard.Check(TokenOf("globex", security::NodeAudience("globex")), false, {}).status().code(),
      Code::kUnauthenticated);
}

}  // namespace
}  // namespace granary::services
