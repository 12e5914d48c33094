#include "granary/net/content_coding.h"

#include <random>

#include <gtest/gtest.h>
#include <zstd.h>

#include "granary/base/utf8.h"
#include "granary/net/decoding_source.h"

namespace granary::net {
namespace {

constexpr ContentCoding kCodings[] = {ContentCoding::kGzip, ContentCoding::kZstd};

std::string Encoded(ContentCoding coding, std::string_view text) {
  auto encoder = MakeEncoder(coding);
  std::string out;
  EXPECT_TRUE((*encoder)->Finish(text, out).ok());
  return out;
}

bool Named(const Status& status, std::string_view word) {
  return status.message().find(word) != std::string_view::npos;
}

std::string Noise(std::size_t bytes) {
  std::mt19937 random(7);
  std::string text;
  while (text.size() < bytes) text.push_back(static_cast<char>(random()));
  return text;
}

TEST(ContentCodingTest, ReadsContentEncoding) {
  EXPECT_EQ(*ParseCoding(""), ContentCoding::kIdentity);
  EXPECT_EQ(*ParseCoding("Identity"), ContentCoding::kIdentity);
  EXPECT_EQ(*ParseCoding(" GZIP "), ContentCoding::kGzip);
  EXPECT_EQ(*ParseCoding("x-gzip"), ContentCoding::kGzip);
  EXPECT_EQ(*ParseCoding("zstd"), ContentCoding::kZstd);
  for (const char* bad : {"br", "deflate", "gzip, zstd", "gzip2", "gzip;q=1"})
    EXPECT_EQ(ParseCoding(bad).status().code(), Code::kUnsupportedMediaType) << bad;
}

TEST(ContentCodingTest, AMessageQuotesWholeCharacters) {
  for (const std::string& bad : {std::string("\xFFgzip"), std::string(63, 'x') + "é"})
    EXPECT_TRUE(IsValidUtf8(ParseCoding(bad).status().message()));
}

TEST(ContentCodingTest, ChoosesWhatTheClientLikes) {
  const auto name = [](std::string_view accept) { return CodingName(ChooseCodings(accept)->best); };
  EXPECT_EQ(name(""), "identity");
  EXPECT_EQ(name("gzip"), "gzip");
  EXPECT_EQ(name("gzip, deflate, br, zstd"), "zstd");
  EXPECT_EQ(name("gzip;q=1.0, zstd;q=0.5"), "gzip");
  EXPECT_EQ(name("gzip;q=0"), "identity");
  EXPECT_EQ(name("*"), "zstd");
  EXPECT_EQ(name("*, zstd;q=0"), "gzip");
  EXPECT_EQ(name("identity, gzip;q=0.5"), "identity");
  EXPECT_EQ(name("identity;q=0.5, gzip;q=1"), "gzip");
  EXPECT_EQ(name("identity, gzip"), "gzip");
  EXPECT_EQ(name("br"), "identity");
  EXPECT_EQ(name("x-gzip"), "gzip");
}

TEST(ContentCodingTest, IdentityIsFineUnlessItIsRefused) {
  for (const char* fine : {"", "gzip", "br", "identity", "*;q=0, identity;q=0.1", "*;q=0.1"})
    EXPECT_TRUE(ChooseCodings(fine)->identity) << fine;
  for (const char* not_so : {"gzip, identity;q=0", "*;q=0, zstd", "identity;q=0, *"}) {
    const auto codings = ChooseCodings(not_so);
    ASSERT_TRUE(codings.ok()) << not_so;
    EXPECT_FALSE(codings->identity) << not_so;
    EXPECT_NE(codings->best, ContentCoding::kIdentity) << not_so;
  }
  for (const char* nothing : {"identity;q=0", "*;q=0", "br, identity;q=0", "*;q=0, gzip;q=0",
                              "identity;q=0, gzip;q=0.0, zstd;q=0.000"})
    EXPECT_EQ(ChooseCodings(nothing).status().code(), Code::kNotAcceptable) << nothing;
}

TEST(ContentCodingTest, AShortBodyThatIsOfNoCodingSaysSo) {
  for (const ContentCoding coding : kCodings) {
    for (const char* body : {"x", "{}", "{\"limit\":0}", "\x1f", "\x1f\x8b", "\x28\xb5"}) {
      const Status status = DecodeBody(body, coding, {}).status();
      EXPECT_EQ(status.code(), Code::kInvalidArgument) << body;
      const bool not_that = status.message().starts_with("the body is no");
      EXPECT_TRUE(not_that && Named(status, CodingName(coding))) << status.ToString();
    }
  }
}

TEST(ContentCodingTest, ComesBackAsItWas) {
  for (const ContentCoding coding : kCodings) {
    for (const std::string& text : {std::string(), std::string("a"), Noise(300'000)}) {
      const auto decoded = DecodeBody(Encoded(coding, text), coding, {});
      ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
      EXPECT_EQ(*decoded, text);
    }
  }
}

TEST(ContentCodingTest, EachPieceCanBeReadAtOnce) {
  for (const ContentCoding coding : kCodings) {
    auto encoder = MakeEncoder(coding);
    std::string sent;
    ASSERT_TRUE((*encoder)->Write("first line\n", sent).ok());
    // A decoder has it all before there is more, and then asks for the missing end.
    struct Part final : BodySource {
      std::string text;
      std::size_t at = 0;
      Result<std::size_t> Read(std::span<char> out) override {
        if (at == text.size()) return Status(Code::kCancelled, "no more yet");
        const std::size_t n = std::min(out.size(), text.size() - at);
        std::copy_n(text.data() + at, n, out.data());
        at += n;
        return n;
      }
    };
    auto part = std::make_shared<Part>();
    part->text = sent;
    auto source = MakeDecodingSource(part, coding, {});
    std::string got(64, '\0');
    const auto n = (*source)->Read(got);
    ASSERT_TRUE(n.ok()) << n.status().ToString();
    EXPECT_EQ(got.substr(0, *n), "first line\n");
    EXPECT_EQ((*source)->Read(got).status().code(), Code::kCancelled);
  }
}

TEST(ContentCodingTest, SeveralMembersAreOneBody) {
  for (const ContentCoding coding : kCodings) {
    const auto decoded = DecodeBody(Encoded(coding, "one ") + Encoded(coding, "two"), coding, {});
    ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
    EXPECT_EQ(*decoded, "one two");
  }
}

TEST(ContentCodingTest, RefusesBytesThatAreNotOfTheCoding) {
  for (const ContentCoding coding : kCodings) {
    const std::string good = Encoded(coding, Noise(2'000));
    for (std::size_t cut = 1; cut < good.size(); cut += 7) {
      EXPECT_EQ(DecodeBody(good.substr(0, cut), coding, {}).status().code(), Code::kInvalidArgument)
          << CodingName(coding) << " cut at " << cut;
    }
    EXPECT_EQ(DecodeBody("garbage", coding, {}).status().code(), Code::kInvalidArgument);
    EXPECT_EQ(DecodeBody(good + "garbage", coding, {}).status().code(), Code::kInvalidArgument);
  }
}

TEST(ContentCodingTest, LimitsWhatComesOut) {
  for (const ContentCoding coding : kCodings) {
    const std::string text = Noise(1'000);
    const std::string sent = Encoded(coding, text);
    EXPECT_EQ(DecodeBody(sent, coding, {.decoded_bytes_max = 999}).status().code(),
              Code::kTooLarge);
    EXPECT_TRUE(DecodeBody(sent, coding, {.decoded_bytes_max = 1'000}).ok());
    EXPECT_TRUE(DecodeBody(sent, coding, {.decoded_bytes_max = 1'001}).ok());
  }
}

TEST(ContentCodingTest, ABombStopsEarly) {
  for (const ContentCoding coding : kCodings) {
    const std::string bomb = Encoded(coding, std::string(64u << 20, '\0'));
    ASSERT_GT((64u << 20) / bomb.size(), 200u);
    const auto decoded = DecodeBody(bomb, coding, {.ratio_max = 100});
    EXPECT_EQ(decoded.status().code(), Code::kTooLarge) << CodingName(coding);
    EXPECT_NE(decoded.status().message().find("100 times"), std::string::npos);
  }
}

TEST(ContentCodingTest, AZstdWindowTakesNoMoreThanHttpAllows) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 27);
  ZSTD_CCtx_setParameter(context, ZSTD_c_enableLongDistanceMatching, 1);
  const std::string text = Noise(40u << 20);
  std::string out(ZSTD_compressBound(text.size()), '\0');
  ZSTD_CCtx_setPledgedSrcSize(context, ZSTD_CONTENTSIZE_UNKNOWN);
  ZSTD_inBuffer in{text.data(), text.size(), 0};
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  while (ZSTD_compressStream2(context, &to, &in, ZSTD_e_continue) != 0 && in.pos < in.size) {
  }
  ASSERT_EQ(ZSTD_compressStream2(context, &to, &in, ZSTD_e_end), 0u);
  ZSTD_freeCCtx(context);
  out.resize(to.pos);
  EXPECT_EQ(DecodeBody(out, ContentCoding::kZstd, {}).status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace granary::net
