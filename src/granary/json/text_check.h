// TextCheck: whether a text that comes from another process is one JSON value, before it stands in
// an answer of ours as it is.
//
// Threads    one; the parser's buffers are kept from text to text.
#pragma once

#include <memory>
#include <string_view>

namespace granary::json {

class TextCheck {
 public:
  TextCheck();
  ~TextCheck();

  /// One value, in UTF-8, with nothing but blanks around it.
  bool IsJson(std::string_view text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace granary::json
