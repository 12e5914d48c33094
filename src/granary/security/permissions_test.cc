#include "granary/security/permissions.h"

#include <gtest/gtest.h>

#include "granary/base/ids.h"
#include "granary/testing/fake_random.h"

namespace granary::security {
namespace {

std::vector<Grant> Grants(std::initializer_list<const char*> texts) {
  std::vector<Grant> out;
  for (const char* text : texts) {
    const auto grant = ParseGrant(text);
    EXPECT_TRUE(grant) << text;
    out.push_back(grant.value_or(Grant{}));
  }
  return out;
}

TEST(PermissionsTest, AVerbOnASourceNeedsAGrantOfBoth) {
  const auto grants = Grants({"r:sales", "rw:log_*", "a:tmp"});
  struct Case {
    Verb verb;
    const char* source;
    bool allowed;
  };
  const Case cases[] = {
      {Verb::kRead, "sales", true}, {Verb::kWrite, "sales", false}, {Verb::kRead, "sales2", false},
      {Verb::kRead, "sale", false}, {Verb::kRead, "Sales", false},  {Verb::kRead, "log_a", true},
      {Verb::kWrite, "log_", true}, {Verb::kWrite, "log", false},   {Verb::kAdmin, "log_a", false},
      {Verb::kAdmin, "tmp", true},  {Verb::kRead, "tmp", false},    {Verb::kRead, "", false},
      {Verb::kRead, "*", false},    {Verb::kRead, "log_*", true},
  };
  for (const Case& c : cases) {
    const Decision decision = Allows(grants, c.verb, c.source);
    EXPECT_EQ(decision.allowed, c.allowed) << VerbName(c.verb) << " " << c.source;
    EXPECT_EQ(decision.reason.empty(), c.allowed);
  }
}

TEST(PermissionsTest, NothingIsAllowedWithoutGrants) {
  for (const Verb verb : kVerbs) {
    EXPECT_FALSE(Allows({}, verb, "sales").allowed);
    EXPECT_FALSE(AllowsEverywhere({}, verb).allowed);
    EXPECT_FALSE(AllowsSomewhere({}, verb).allowed);
  }
}

TEST(PermissionsTest, EverywhereNeedsTheStarItself) {
  EXPECT_TRUE(AllowsEverywhere(Grants({"r:*"}), Verb::kRead).allowed);
  EXPECT_FALSE(AllowsEverywhere(Grants({"r:*"}), Verb::kWrite).allowed);
  EXPECT_FALSE(AllowsEverywhere(Grants({"rwa:a*", "rwa:b*"}), Verb::kRead).allowed);
  EXPECT_TRUE(AllowsSomewhere(Grants({"w:a"}), Verb::kWrite).allowed);
  EXPECT_FALSE(AllowsSomewhere(Grants({"w:a"}), Verb::kRead).allowed);
}

TEST(PermissionsTest, ARefusalSaysWhatIsMissing) {
  const Status status = AsStatus(Allows(Grants({"r:sales"}), Verb::kWrite, "sales"));
  EXPECT_EQ(status.code(), Code::kPermissionDenied);
  EXPECT_EQ(status.message(), "no right to write the source 'sales'");
}

TEST(PermissionsTest, GrantsHaveOneSpelling) {
  for (const char* text : {"r:sales", "rw:*", "rwa:log_*", "wa:x"}) {
    ASSERT_TRUE(ParseGrant(text)) << text;
    EXPECT_EQ(FormatGrant(*ParseGrant(text)), text);
  }
  for (const char* text : {"", "r", ":sales", "wr:sales", "rr:sales", "x:sales", "r:", "r:a*b",
                           "r:**", "r:-a", "r:..", "r:a b", "r:sales:x", "R:sales", "r :sales"}) {
    EXPECT_FALSE(ParseGrant(text)) << text;
  }
}

TEST(PermissionsTest, NarrowingTakesWhatIsInBoth) {
  const auto owner = Grants({"rw:sales_*", "r:log"});
  EXPECT_EQ(Narrowed(owner, Grants({"r:*"})), Grants({"r:log", "r:sales_*"}));
  EXPECT_EQ(Narrowed(owner, Grants({"rwa:sales_eu"})), Grants({"rw:sales_eu"}));
  EXPECT_EQ(Narrowed(owner, Grants({"w:log"})), Grants({}));
  EXPECT_EQ(Narrowed(owner, Grants({"r:s*"})), Grants({"r:sales_*"}));
  EXPECT_EQ(Narrowed(owner, {}), Grants({}));
}

// Over all sources of a small alphabet, narrowing is exactly "both allow it", and simplifying
// changes nothing.
TEST(PermissionsTest, NarrowingAndSimplifyingAreExact) {
  const std::vector<std::string> sources = {"a", "b", "aa", "ab", "aab", "ba", "c"};
  const std::vector<std::string> patterns = {"*", "a", "a*", "aa*", "ab", "b*", "c"};
  testing::FakeRandom random(3);
  const auto any = [&] {
    std::vector<Grant> grants;
    for (std::uint64_t i = random.Below(4); i > 0; --i) {
      Grant grant{{}, patterns[random.Below(patterns.size())]};
      for (const Verb verb : kVerbs) {
        if (random.OneIn(2)) grant.verbs.Add(verb);
      }
      if (!grant.verbs.empty()) grants.push_back(grant);
    }
    return grants;
  };
  for (int round = 0; round < 2000; ++round) {
    const auto owner = any(), scope = any();
    const auto both = Narrowed(owner, scope);
    EXPECT_TRUE(Covers(owner, both));
    EXPECT_TRUE(Covers(scope, both));
    for (const Verb verb : kVerbs) {
      for (const std::string& source : sources) {
        const bool by_owner = Allows(owner, verb, source).allowed;
        EXPECT_EQ(Allows(both, verb, source).allowed,
                  by_owner && Allows(scope, verb, source).allowed);
        EXPECT_EQ(Allows(Simplified(owner), verb, source).allowed, by_owner);
      }
    }
  }
}

TEST(PermissionsTest, CoversIsForEveryVerbOfEveryGrant) {
  EXPECT_TRUE(Covers(Grants({"rwa:*"}), Grants({"r:a", "w:b*"})));
  EXPECT_TRUE(Covers(Grants({"r:*", "w:b*"}), Grants({"rw:b1"})));
  EXPECT_FALSE(Covers(Grants({"r:*"}), Grants({"rw:b1"})));
  EXPECT_FALSE(Covers(Grants({"rw:b1"}), Grants({"r:b*"})));
  EXPECT_TRUE(Covers({}, {}));
}

}  // namespace
}  // namespace granary::security
