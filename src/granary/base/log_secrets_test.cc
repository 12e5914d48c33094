#include "granary/base/log_secrets.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

const std::string kSecret(43, 'S');
const std::string kKey = "gk_0123456789abcdef_" + kSecret;
const std::string kToken = "eyJhbGciOiJFZERTQSIsImtpZCI6IngifQ.eyJzdWIiOiJhIn0.c2ln-bmF_0dXJl";

TEST(LogSecretsTest, TheIdOfAKeyStaysAndItsSecretGoes) {
  EXPECT_EQ(WithoutSecrets(kKey), "gk_0123456789abcdef_***");
  EXPECT_EQ(WithoutSecrets("/auth/keys/" + kKey + "/rotate " + kKey + "."),
            "/auth/keys/gk_0123456789abcdef_***/rotate gk_0123456789abcdef_***.");
}

TEST(LogSecretsTest, TokensGo) {
  EXPECT_EQ(WithoutSecrets("Bearer " + kToken + " of a"), "Bearer eyJ*** of a");
  EXPECT_EQ(WithoutSecrets("gr_" + kSecret), "gr_***");
  // A cut one still tells who it was of, and a signature may be guessed at leisure.
  EXPECT_EQ(WithoutSecrets(kToken.substr(0, kToken.rfind('.'))), "eyJ***");
}

TEST(LogSecretsTest, AllElseStaysAsItIs) {
  for (const std::string text :
       {"", "gk_", "gk_0123456789abcdef", "gk_0123456789abcdef_short", "grgr_x", "eyJ",
        "eyJhbGciOiJFZERTQSIsImtpZCI6IngifQ", "a.b.c", "flushed 12 rows of sales\n\x01\xff"})
    EXPECT_EQ(WithoutSecrets(text), text);
}

TEST(LogSecretsTest, EveryCutOfASecretIsEitherHiddenOrTooShortToBeOne) {
  for (std::size_t length = 0; length <= kKey.size(); ++length) {
    const std::string text = kKey.substr(0, length);
    EXPECT_EQ(WithoutSecrets(text).find(std::string(20, 'S')), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace granary
