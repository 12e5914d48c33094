#include "granary/cli/query_command.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <simdjson.h>

#include "granary/cli/node_client.h"
#include "granary/cli/text_table.h"
#include "granary/formats/table_format.h"
#include "granary/json/batch_writer.h"

namespace granary::cli {
namespace {

std::string StringList(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const auto& item : items) {
    if (out.size() > 1) out += ',';
    json::AppendString(item, out);
  }
  return out + "]";
}

Result<std::string> OrderBy(const std::vector<std::string>& keys) {
  std::string out = "[";
  for (const auto& key : keys) {
    const std::size_t colon = key.rfind(':');
    const std::string direction = colon == std::string::npos ? "asc" : key.substr(colon + 1);
    if (direction != "asc" && direction != "desc") {
      return Status(Code::kInvalidArgument, "--order-by " + key + ": the direction is asc or desc");
    }
    out += out.size() > 1 ? R"(,{"column":)" : R"({"column":)";
    json::AppendString(key.substr(0, colon), out);
    out += R"(,"direction":")" + direction + "\"}";
  }
  return out + "]";
}

std::string CellText(const simdjson::dom::element& value) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return std::string(text);
  return value.is_null() ? "" : std::string(simdjson::minify(value));
}

Result<simdjson::dom::object> FieldsOf(const simdjson::dom::element& record) {
  simdjson::dom::object fields;
  if (record["fields"].get(fields) != simdjson::SUCCESS)
    return Status::Internal("a record of the answer has no fields");
  return fields;
}

// One column for each field that occurs, in order of first appearance.
Result<std::string> RecordsTable(std::string_view answer) {
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  simdjson::dom::array records;
  if (parser.parse(answer.data(), answer.size()).get(document) != simdjson::SUCCESS ||
      document["records"].get(records) != simdjson::SUCCESS) {
    return Status::Internal("the node's answer is not a search result");
  }
  std::vector<std::string> names;
  for (simdjson::dom::element record : records) {
    GRANARY_ASSIGN(const simdjson::dom::object fields, FieldsOf(record));
    for (auto field : fields) {
      if (std::find(names.begin(), names.end(), field.key) == names.end())
        names.emplace_back(field.key);
    }
  }
  TextTable table(names);
  for (simdjson::dom::element record : records) {
    std::vector<std::string> cells(names.size());
    GRANARY_ASSIGN(const simdjson::dom::object fields, FieldsOf(record));
    for (auto field : fields) {
      const auto at = std::find(names.begin(), names.end(), field.key) - names.begin();
      cells[static_cast<std::size_t>(at)] = CellText(field.value);
    }
    table.Add(std::move(cells));
  }
  double elapsed_ms = 0;
  const bool timed = document["stats"]["elapsed_ms"].get(elapsed_ms) == simdjson::SUCCESS;
  return table.ToString() + fmt::format("{} records{}\n", table.rows(),
                                        timed ? fmt::format(", {:.2f} ms", elapsed_ms) : "");
}

}  // namespace

std::string StreamBody(const QueryOptions& options) {
  std::string members;
  const auto add = [&members](std::string_view name, std::string_view value) {
    members += fmt::format(R"({}"{}":{})", members.empty() ? "" : ",", name, value);
  };
  if (!options.sources.empty()) add("source_ids", StringList(options.sources));
  if (!options.filters.empty()) add("filters", options.filters);
  if (!options.columns.empty()) add("columns", StringList(options.columns));
  return "{" + members + "}";
}

Result<std::string> SearchBody(const QueryOptions& options) {
  const std::string all = StreamBody(options);
  std::string body = fmt::format(R"({{"limit":{})", options.limit);
  if (all != "{}") body += "," + all.substr(1, all.size() - 2);
  if (!options.order_by.empty()) {
    GRANARY_ASSIGN(const std::string order, OrderBy(options.order_by));
    body += R"(,"order_by":)" + order;
  }
  return body + "}";
}

std::optional<std::string_view> StreamedOutput(std::string_view word) {
  using formats::TableFormat;
  if (word == "ndjson" || word == "jsonl") return formats::MediaTypeOf(TableFormat::kNdjson);
  if (word == "csv") return formats::MediaTypeOf(TableFormat::kCsv);
  if (word == "arrow" || word == "arrows") return formats::MediaTypeOf(TableFormat::kArrow);
  if (word == "parquet") return formats::MediaTypeOf(TableFormat::kParquet);
  return std::nullopt;
}

Status RunQuery(const QueryOptions& options) {
  GRANARY_ASSIGN(const std::string body, SearchBody(options));
  GRANARY_ASSIGN(auto node, NodeClient::Connect(options));
  if (const auto accept = StreamedOutput(options.output)) {
    const auto print = [](std::string_view piece) {
      std::fwrite(piece.data(), 1, piece.size(), stdout);
      return Status::Ok();
    };
    return node.Stream("/data/search/stream", body, print, *accept);
  }
  GRANARY_ASSIGN(const std::string answer, node.Call("POST", "/data/search", body));
  if (options.output == "json") {
    std::printf("%s\n", PrettyJson(answer).c_str());
    return Status::Ok();
  }
  if (options.output != "table") {
    return Status(Code::kInvalidArgument, "--output " + options.output +
                                              ": one of table, json, ndjson, csv, arrow, parquet");
  }
  GRANARY_ASSIGN(const std::string table, RecordsTable(answer));
  std::fputs(table.c_str(), stdout);
  return Status::Ok();
}

}  // namespace granary::cli
