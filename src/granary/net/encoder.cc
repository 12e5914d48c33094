// MakeEncoder (content_coding.h), over zlib and libzstd.
#include <array>

#include <zlib.h>
#include <zstd.h>

#include "granary/net/content_coding.h"

namespace granary::net {
namespace {

// Quick ones: an answer is made once and sent once.
constexpr int kGzipLevel = 3;
constexpr int kZstdLevel = 1;
constexpr int kGzipMemoryLevel = 8;
constexpr std::size_t kStepBytes = 64u << 10;

class GzipEncoder final : public Encoder {
 public:
  GzipEncoder() = default;
  ~GzipEncoder() override {
    if (started_) ::deflateEnd(&stream_);
  }
  Status Start() {
    started_ = ::deflateInit2(&stream_, kGzipLevel, Z_DEFLATED, kGzipWindowBits, kGzipMemoryLevel,
                              Z_DEFAULT_STRATEGY) == Z_OK;
    return started_ ? Status::Ok() : Status::Internal("gzip: out of memory");
  }
  Status Write(std::string_view bytes, std::string& out) override {
    return Run(bytes, Z_SYNC_FLUSH, out);
  }
  Status Finish(std::string_view bytes, std::string& out) override {
    return Run(bytes, Z_FINISH, out);
  }

 private:
  Status Run(std::string_view bytes, int flush, std::string& out) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(step_.data());
      stream_.avail_out = static_cast<uInt>(step_.size());
      if (::deflate(&stream_, flush) == Z_STREAM_ERROR) return Status::Internal("gzip failed");
      out.append(step_.data(), step_.size() - stream_.avail_out);
    } while (stream_.avail_out == 0);
    return Status::Ok();
  }

  z_stream stream_{};
  bool started_ = false;
  std::array<char, kStepBytes> step_;
};

class ZstdEncoder final : public Encoder {
 public:
  ~ZstdEncoder() override { ::ZSTD_freeCCtx(context_); }
  Status Start() {
    context_ = ::ZSTD_createCCtx();
    if (context_ == nullptr) return Status::Internal("zstd: out of memory");
    ::ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, kZstdLevel);
    return Status::Ok();
  }
  Status Write(std::string_view bytes, std::string& out) override {
    return Run(bytes, ZSTD_e_flush, out);
  }
  Status Finish(std::string_view bytes, std::string& out) override {
    return Run(bytes, ZSTD_e_end, out);
  }

 private:
  Status Run(std::string_view bytes, ZSTD_EndDirective end, std::string& out) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (std::size_t left = 1; left != 0 || in.pos < in.size;) {
      ZSTD_outBuffer step{step_.data(), step_.size(), 0};
      left = ::ZSTD_compressStream2(context_, &step, &in, end);
      if (::ZSTD_isError(left) != 0) return Status::Internal("zstd failed");
      out.append(step_.data(), step.pos);
    }
    return Status::Ok();
  }

  ZSTD_CCtx* context_ = nullptr;
  std::array<char, kStepBytes> step_;
};

template <typename Kind>
Result<std::unique_ptr<Encoder>> StartedEncoder() {
  auto encoder = std::make_unique<Kind>();
  GRANARY_TRY(encoder->Start());
  return std::unique_ptr<Encoder>(std::move(encoder));
}

}  // namespace

Result<std::unique_ptr<Encoder>> MakeEncoder(ContentCoding coding) {
  if (coding == ContentCoding::kGzip) return StartedEncoder<GzipEncoder>();
  if (coding == ContentCoding::kZstd) return StartedEncoder<ZstdEncoder>();
  return Status::Internal("identity has no encoder");
}

}  // namespace granary::net
