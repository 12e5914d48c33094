// HistogramChart: the common values and histograms of a source's columns, drawn with text.
#pragma once

#include <string>
#include <string_view>

#include "granary/base/status.h"

namespace granary::cli {

/// `answer` is that of GET /sources/{id}/stats?histograms=true. For each column a line of what is
/// known, then a table: its most common values (up to 10) and its histogram (16 lines), each with
/// rows, share and a bar. kInternal when it is another answer.
Result<std::string> HistogramChart(std::string_view answer);

}  // namespace granary::cli
