// HeldSink: holds the beginning of a stream back until it is longer than may be held. A stream that
// ends before can go out as a body with its length, and one that fails before as a refusal.
//
// Threads    one.
// Owns       nothing: `onward` outlives it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "granary/net/http_message.h"

namespace granary::net {

class HeldSink final : public BodySink {
 public:
  HeldSink(BodySink& onward, std::size_t bytes_max) : onward_(onward), bytes_max_(bytes_max) {}

  Status Write(std::string_view bytes) override {
    if (passed_) return onward_.Write(bytes);
    if (bytes.size() <= bytes_max_ - held_.size()) {
      held_.append(bytes);
      return Status::Ok();
    }
    passed_ = true;
    if (!held_.empty()) GRANARY_TRY(onward_.Write(std::exchange(held_, {})));
    return onward_.Write(bytes);
  }
  void WriteLast(std::string_view bytes) override {
    if (passed_) onward_.WriteLast(bytes);
  }
  /// True once something was handed on.
  bool passed() const { return passed_; }
  /// All that was written, when nothing was handed on.
  std::string Take() { return std::exchange(held_, {}); }

 private:
  BodySink& onward_;
  const std::size_t bytes_max_;
  std::string held_;
  bool passed_ = false;
};

}  // namespace granary::net
