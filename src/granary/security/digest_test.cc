#include "granary/security/digest.h"

#include <gtest/gtest.h>

namespace granary::security {
namespace {

// FIPS 180-4's example of one block.
TEST(DigestTest, IsTheStandardsInHexadecimalDigits) {
  EXPECT_EQ(Hex(Sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Hex(std::string("\x00\x0f\xf0\xff", 4)), "000ff0ff");
  EXPECT_EQ(Hex(""), "");
}

}  // namespace
}  // namespace granary::security
