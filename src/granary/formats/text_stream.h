// TextStream: Arrow's output stream into a string.
//
// Threads    one.
#pragma once

#include <cstdint>
#include <string>

#include <arrow/io/interfaces.h>
#include <arrow/result.h>
#include <arrow/status.h>

namespace granary::formats {

class TextStream final : public arrow::io::OutputStream {
 public:
  TextStream() { set_mode(arrow::io::FileMode::WRITE); }

  arrow::Status Write(const void* data, std::int64_t bytes) override {
    text_.append(static_cast<const char*>(data), static_cast<std::size_t>(bytes));
    position_ += bytes;
    return arrow::Status::OK();
  }
  using arrow::io::OutputStream::Write;
  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  arrow::Result<std::int64_t> Tell() const override { return position_; }
  bool closed() const override { return closed_; }

  /// Appends what was written since the last call.
  void MoveTo(std::string& out) {
    out.append(text_);
    text_.clear();
  }

 private:
  std::string text_;
  std::int64_t position_ = 0;
  bool closed_ = false;
};

}  // namespace granary::formats
