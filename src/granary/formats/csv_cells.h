// A CSV record taken apart.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"

namespace granary::formats {

struct CsvCell {
  std::string_view text;
  bool quoted = false;  ///< "" is an empty text, and no cell at all is null.
  bool IsNull() const { return text.empty() && !quoted; }
};

/// The cells of `record`, which is without its line end. Texts point into `record`, or into `store`
/// where quotes were doubled. kInvalidRecord names the column (from 1).
Status SplitCsv(std::string_view record, std::vector<CsvCell>& cells,
                std::vector<std::string>& store);

}  // namespace granary::formats
