// EncodingSink: compresses what is written and hands each piece on at once.
//
// Threads    one.
#pragma once

#include <memory>
#include <string>

#include "granary/net/content_coding.h"
#include "granary/net/http_message.h"

namespace granary::net {

class EncodingSink final : public BodySink {
 public:
  EncodingSink(BodySink& out, std::unique_ptr<Encoder> encoder)
      : out_(out), encoder_(std::move(encoder)) {}

  Status Write(std::string_view bytes) override {
    if (bytes.empty()) return Status::Ok();
    buffer_.clear();
    GRANARY_TRY(encoder_->Write(bytes, buffer_));
    return out_.Write(buffer_);
  }
  /// Without the end of the coding, as the answer has none.
  void WriteLast(std::string_view bytes) override {
    buffer_.clear();
    if (encoder_->Write(bytes, buffer_).ok()) out_.WriteLast(buffer_);
  }
  /// Writes the end of the coding. Once, after the last piece.
  Status Finish() {
    buffer_.clear();
    GRANARY_TRY(encoder_->Finish({}, buffer_));
    return out_.Write(buffer_);
  }

 private:
  BodySink& out_;
  const std::unique_ptr<Encoder> encoder_;
  std::string buffer_;
};

}  // namespace granary::net
