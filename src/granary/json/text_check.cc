#include "granary/json/text_check.h"

#include <string>

#include <simdjson.h>

namespace granary::json {

struct TextCheck::State {
  simdjson::dom::parser parser;
  std::string padded;
};

TextCheck::TextCheck() : state_(std::make_unique<State>()) {}
TextCheck::~TextCheck() = default;

bool TextCheck::IsJson(std::string_view text) {
  std::string& padded = state_->padded;
  padded.assign(text);
  padded.reserve(text.size() + simdjson::SIMDJSON_PADDING);
  return state_->parser.parse(padded.data(), text.size(), /*realloc_if_needed=*/false).error() ==
         simdjson::SUCCESS;
}

}  // namespace granary::json
