#include "granary/base/bytes.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

std::string Sample() {
  std::string out;
  PutFixed<std::uint8_t>(out, 7);
  PutFixed<std::int64_t>(out, -2);
  PutString(out, "abc");
  PutFixed(out, 0.5);
  PutString(out, "");
  return out;
}

TEST(BytesTest, ReadsBackWhatWasPut) {
  const std::string bytes = Sample();
  ByteReader reader(bytes);
  EXPECT_EQ(reader.Fixed<std::uint8_t>(), 7);
  EXPECT_EQ(reader.Fixed<std::int64_t>(), -2);
  EXPECT_EQ(reader.String(), "abc");
  EXPECT_EQ(reader.Fixed<double>(), 0.5);
  EXPECT_EQ(reader.String(), "");
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.remaining(), 0u);
}

TEST(BytesTest, IntegersAreLittleEndian) {
  std::string out;
  PutFixed<std::uint32_t>(out, 0x01020304);
  EXPECT_EQ(out, "\x04\x03\x02\x01");
}

TEST(BytesTest, AShortReadIsRememberedWhereverTheCutIs) {
  const std::string bytes = Sample();
  for (std::size_t keep = 0; keep < bytes.size(); ++keep) {
    ByteReader reader(std::string_view(bytes).substr(0, keep));
    reader.Fixed<std::uint8_t>();
    reader.Fixed<std::int64_t>();
    reader.String();
    reader.Fixed<double>();
    reader.String();
    EXPECT_FALSE(reader.ok()) << "kept " << keep;
  }
}

TEST(BytesTest, NothingIsReadAfterAShortRead) {
  ByteReader reader("abc");
  EXPECT_EQ(reader.Take(4), "");
  EXPECT_EQ(reader.Take(1), "");
  EXPECT_EQ(reader.Fixed<std::uint8_t>(), 0);
  EXPECT_FALSE(reader.ok());
}

TEST(BytesTest, ALengthBeyondTheInputIsAShortRead) {
  const std::string bytes = std::string(4, '\xff') + "abc";
  ByteReader reader(bytes);
  EXPECT_EQ(reader.String(), "");
  EXPECT_FALSE(reader.ok());
}

}  // namespace
}  // namespace granary
