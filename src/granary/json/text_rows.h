// TextRows: records that come as rows of texts, as CSV has them, and what each text is to be.
//
// Place      formats (CSV) -> RecordParser::ParseRows, without JSON text in between.
// Threads    one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"

namespace granary::json {

struct TextCell {
  /// As what it would stand in a JSON record.
  enum class Form : std::uint8_t {
    kMissing,
    kString,
    kNumber,  ///< `text` is a JSON number.
    kTrue,
    kFalse,
    kDocument,  ///< `text` is one JSON value.
  };

  Form form = Form::kMissing;
  std::string_view text;
};

class TextRows {
 public:
  virtual ~TextRows() = default;

  /// Of the fields, each once.
  virtual const std::vector<std::string>& names() const = 0;
  virtual std::int64_t rows() const = 0;
  /// Reads row `row`, a cell for each name, into `cells`; their texts are good until the next call.
  /// An error says what is wrong with this row alone. Rows may be read again.
  virtual Status Read(std::int64_t row, std::vector<TextCell>& cells) = 0;
};

}  // namespace granary::json
