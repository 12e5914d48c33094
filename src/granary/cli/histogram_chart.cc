#include "granary/cli/histogram_chart.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <simdjson.h>

#include "granary/cli/text_table.h"

namespace granary::cli {
namespace {

using simdjson::dom::element;

constexpr std::size_t kCommonLines = 10;
constexpr std::size_t kHistogramLines = 16;
constexpr double kBarLength = 40;  ///< Of all rows.

std::string Text(const element& value) {
  std::string_view text;
  return value.get(text) == simdjson::SUCCESS ? std::string(text)
                                              : std::string(simdjson::minify(value));
}

std::string Member(const element& object, std::string_view name) {
  element value;
  return object[name].get(value) == simdjson::SUCCESS ? Text(value) : "";
}

std::uint64_t Count(const element& object, std::string_view name) {
  std::uint64_t count = 0;
  return object[name].get(count) == simdjson::SUCCESS ? count : 0;
}

void AddLine(TextTable& table, std::string values, std::uint64_t rows, std::uint64_t all) {
  const double share = all == 0 ? 0 : static_cast<double>(rows) / static_cast<double>(all);
  const auto length = static_cast<std::size_t>(share * kBarLength + 0.5);
  table.Add({std::move(values), std::to_string(rows), fmt::format("{:.1f} %", share * 100),
             std::string(length, '#')});
}

void AddCommon(const element& column, std::uint64_t all, TextTable& table) {
  simdjson::dom::array common;
  if (column["most_common"].get(common) != simdjson::SUCCESS) return;
  std::size_t lines = 0;
  std::uint64_t others = 0;
  for (const element value : common) {
    if (lines < kCommonLines) {
      ++lines;
      AddLine(table, Member(value, "value"), Count(value, "rows"), all);
    } else {
      others += Count(value, "rows");
    }
  }
  if (others > 0) AddLine(table, fmt::format("{} more", common.size() - lines), others, all);
}

void AddBuckets(const element& histogram, std::uint64_t all, TextTable& table) {
  simdjson::dom::array buckets;
  if (histogram["buckets"].get(buckets) != simdjson::SUCCESS) return;
  const std::size_t each = (buckets.size() + kHistogramLines - 1) / kHistogramLines;
  std::string from = Member(histogram, "from");
  std::uint64_t rows = 0;
  std::size_t i = 0;
  for (const element bucket : buckets) {
    rows += Count(bucket, "rows");
    if (++i % each != 0 && i < buckets.size()) continue;
    std::string to = Member(bucket, "to");
    AddLine(table, fmt::format("{} … {}", from, to), std::exchange(rows, 0), all);
    from = std::move(to);
  }
}

std::string ChartOf(std::string_view name, const element& column) {
  std::string out =
      fmt::format("{}  {}  nulls {}  distinct {}  {} … {}\n", name, Member(column, "type"),
                  Member(column, "nulls"), Member(column, "distinct"), Member(column, "min"),
                  Member(column, "max"));
  element histogram;
  if (column["histogram"].get(histogram) != simdjson::SUCCESS || histogram.is_null())
    return out + "  no histogram is known\n";
  const std::uint64_t all = Count(histogram, "described");
  const std::uint64_t sampled = Count(histogram, "sampled");
  if (sampled < all) out += fmt::format("  estimated by {} of {} values\n", sampled, all);
  TextTable table({"values", "rows", "share", ""});
  AddCommon(column, all, table);
  AddBuckets(histogram, all, table);
  if (const std::uint64_t nans = Count(histogram, "nans"); nans > 0)
    AddLine(table, "NaN", nans, all);
  return table.rows() == 0 ? out : out + table.ToString();
}

}  // namespace

Result<std::string> HistogramChart(std::string_view answer) {
  simdjson::dom::parser parser;
  element document;
  simdjson::dom::object columns;
  if (parser.parse(answer.data(), answer.size()).get(document) != simdjson::SUCCESS ||
      document["columns"].get(columns) != simdjson::SUCCESS) {
    return Status::Internal("the node's answer is no statistics");
  }
  std::string out;
  for (const auto& [name, column] : columns) {
    if (!out.empty()) out += '\n';
    out += ChartOf(name, column);
  }
  return out;
}

}  // namespace granary::cli
