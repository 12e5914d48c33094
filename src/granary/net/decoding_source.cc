#include "granary/net/decoding_source.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

namespace granary::net {
namespace {

constexpr std::size_t kInputBytes = 64u << 10;
constexpr std::uint64_t kRatioFreeBytes = 1u << 20;  // So much may come of anything.
constexpr int kZstdWindowLogMax = 23;

/// What one step of a decoder did.
struct Step {
  std::size_t used = 0, made = 0;
  bool at_end = false;  ///< Of a member or frame: the body may end here.
};

class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual Result<Step> Decode(std::string_view in, std::span<char> out) = 0;
};

class GzipDecoder final : public Decoder {
 public:
  ~GzipDecoder() override {
    if (started_) ::inflateEnd(&stream_);
  }
  Status Start() {
    started_ = ::inflateInit2(&stream_, kGzipWindowBits) == Z_OK;
    return started_ ? Status::Ok() : Status::Internal("gzip: out of memory");
  }
  Result<Step> Decode(std::string_view in, std::span<char> out) override {
    // Another member may follow the one that ended.
    if (ended_ && !in.empty()) {
      ::inflateReset(&stream_);
      ended_ = false;
    }
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    if (!ended_) {
      const int done = ::inflate(&stream_, Z_NO_FLUSH);
      if (done != Z_OK && done != Z_STREAM_END && done != Z_BUF_ERROR) {
        return Status(Code::kInvalidArgument,
                      fmt::format("the body is not gzip: {}",
                                  stream_.msg == nullptr ? "broken" : stream_.msg));
      }
      ended_ = done == Z_STREAM_END;
    }
    return Step{in.size() - stream_.avail_in, out.size() - stream_.avail_out, ended_};
  }

 private:
  z_stream stream_{};
  bool started_ = false;
  bool ended_ = false;
};

class ZstdDecoder final : public Decoder {
 public:
  ~ZstdDecoder() override { ::ZSTD_freeDCtx(context_); }
  Status Start() {
    context_ = ::ZSTD_createDCtx();
    if (context_ == nullptr) return Status::Internal("zstd: out of memory");
    ::ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, kZstdWindowLogMax);
    return Status::Ok();
  }
  Result<Step> Decode(std::string_view in, std::span<char> out) override {
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    const std::size_t left = ::ZSTD_decompressStream(context_, &to, &from);
    if (::ZSTD_isError(left) != 0) {
      return Status(Code::kInvalidArgument,
                    fmt::format("the body is not zstd: {}", ::ZSTD_getErrorName(left)));
    }
    // Called again after a frame's end, it reports the start of the next one.
    if (from.pos > 0 || to.pos > 0) at_end_ = left == 0;
    return Step{from.pos, to.pos, at_end_};
  }

 private:
  ZSTD_DCtx* context_ = nullptr;
  bool at_end_ = false;
};

class DecodingSource final : public BodySource {
 public:
  DecodingSource(std::shared_ptr<BodySource> encoded, ContentCoding coding,
                 std::unique_ptr<Decoder> decoder, DecodingLimits limits)
      : encoded_(std::move(encoded)),
        coding_(coding),
        decoder_(std::move(decoder)),
        limits_(limits) {}

  Result<std::size_t> Read(std::span<char> out) override {
    GRANARY_TRY(failure_);
    Result<std::size_t> made = Decode(out);
    if (!made.ok()) failure_ = made.status();
    return made;
  }
  bool timed_out() const override { return encoded_->timed_out(); }

 private:
  Result<std::size_t> Decode(std::span<char> out) {
    for (;;) {
      // What the decoder still holds comes before more is waited for.
      if (begin_ == end_ && !at_input_end_ && !out_was_full_) GRANARY_TRY(Fill());
      if (at_input_end_ && begin_ == end_ && in_bytes_ == 0) return std::size_t{0};
      GRANARY_ASSIGN(const Step step,
                     decoder_->Decode({input_.data() + begin_, end_ - begin_}, out));
      begin_ += step.used;
      out_bytes_ += step.made;
      out_was_full_ = step.made == out.size();
      GRANARY_TRY(CheckLimits());
      if (step.made > 0) return step.made;
      if (begin_ < end_ && step.used > 0) continue;
      if (begin_ == end_ && !at_input_end_) continue;
      if (step.at_end && begin_ == end_) return std::size_t{0};
      // A few bytes of anything may be the beginning of it.
      return Status(Code::kInvalidArgument,
                    fmt::format("the body is no {}, or it ends too early: it has {} bytes",
                                CodingName(coding_), in_bytes_));
    }
  }

  Status Fill() {
    GRANARY_ASSIGN(end_, encoded_->Read(input_));
    begin_ = 0;
    in_bytes_ += end_;
    at_input_end_ = end_ == 0;
    return Status::Ok();
  }

  Status CheckLimits() const {
    if (out_bytes_ > limits_.decoded_bytes_max) {
      return {Code::kTooLarge, fmt::format("the decompressed body is larger than {} bytes",
                                           limits_.decoded_bytes_max)};
    }
    const std::uint64_t used = in_bytes_ - (end_ - begin_);
    if (out_bytes_ > kRatioFreeBytes && out_bytes_ / limits_.ratio_max > used) {
      return {Code::kTooLarge,
              fmt::format("the body grows more than {} times when it is decompressed",
                          limits_.ratio_max)};
    }
    return Status::Ok();
  }

  const std::shared_ptr<BodySource> encoded_;
  const ContentCoding coding_;
  const std::unique_ptr<Decoder> decoder_;
  const DecodingLimits limits_;
  std::array<char, kInputBytes> input_;
  std::size_t begin_ = 0, end_ = 0;
  bool at_input_end_ = false, out_was_full_ = false;
  std::uint64_t in_bytes_ = 0, out_bytes_ = 0;
  Status failure_;
};

class StringSource final : public BodySource {
 public:
  explicit StringSource(std::string text) : text_(std::move(text)) {}
  Result<std::size_t> Read(std::span<char> out) override {
    const std::size_t bytes = std::min(out.size(), text_.size() - at_);
    std::memcpy(out.data(), text_.data() + at_, bytes);
    at_ += bytes;
    return bytes;
  }

 private:
  const std::string text_;
  std::size_t at_ = 0;
};

template <typename Kind>
Result<std::unique_ptr<Decoder>> StartedDecoder() {
  auto decoder = std::make_unique<Kind>();
  GRANARY_TRY(decoder->Start());
  return std::unique_ptr<Decoder>(std::move(decoder));
}

}  // namespace

Result<std::unique_ptr<BodySource>> MakeDecodingSource(std::shared_ptr<BodySource> encoded,
                                                       ContentCoding coding,
                                                       DecodingLimits limits) {
  GRANARY_ASSIGN(auto decoder, coding == ContentCoding::kGzip ? StartedDecoder<GzipDecoder>()
                                                              : StartedDecoder<ZstdDecoder>());
  return std::unique_ptr<BodySource>(
      std::make_unique<DecodingSource>(std::move(encoded), coding, std::move(decoder), limits));
}

Result<std::string> DecodeBody(std::string encoded, ContentCoding coding, DecodingLimits limits) {
  GRANARY_ASSIGN(
      const auto source,
      MakeDecodingSource(std::make_shared<StringSource>(std::move(encoded)), coding, limits));
  std::string body;
  std::array<char, kInputBytes> piece;
  for (;;) {
    GRANARY_ASSIGN(const std::size_t bytes, source->Read(piece));
    if (bytes == 0) return body;
    body.append(piece.data(), bytes);
  }
}

}  // namespace granary::net
