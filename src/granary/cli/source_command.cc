#include "granary/cli/source_command.h"

#include <cstdio>
#include <iostream>
#include <iterator>

#include <fmt/format.h>
#include <simdjson.h>

#include "granary/api/response_json.h"
#include "granary/cli/histogram_chart.h"
#include "granary/cli/node_client.h"
#include "granary/cli/text_table.h"
#include "granary/io/clock.h"
#include "granary/io/posix_file_system.h"
#include "granary/storage/source/folder_compaction.h"

namespace granary::cli {
namespace {

// Checked here: an id with a slash would ask for something else.
Result<std::string> Target(const SourceOptions& options, std::string_view behind = {}) {
  GRANARY_ASSIGN(const SourceId id, SourceId::Parse(options.id));
  return fmt::format("/sources/{}{}", id.str(), behind);
}

Result<std::string> BodyOf(const SourceOptions& options) {
  if (!options.body.starts_with('@')) return options.body;
  const std::string path = options.body.substr(1);
  if (path == "-")
    return std::string(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
  io::PosixFileSystem files;
  return files.ReadFile(path);
}

Status Print(const Result<std::string>& answer) {
  if (!answer.ok()) return answer.status();
  if (!answer->empty()) std::printf("%s\n", PrettyJson(*answer).c_str());
  return Status::Ok();
}

Status CallAndPrint(const SourceOptions& options, std::string_view method,
                    std::string_view behind = {}, std::string_view body = {}) {
  GRANARY_ASSIGN(const std::string target, Target(options, behind));
  GRANARY_ASSIGN(auto node, NodeClient::Connect(options));
  return Print(node.Call(method, target, body));
}

std::string TextOf(const simdjson::dom::element& source, std::string_view name) {
  simdjson::dom::element value;
  if (source[name].get(value) != simdjson::SUCCESS || value.is_null()) return "";
  std::string_view text;
  return value.get(text) == simdjson::SUCCESS ? std::string(text)
                                              : std::string(simdjson::minify(value));
}

Result<std::string> SourcesTable(std::string_view answer) {
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  simdjson::dom::array sources;
  if (parser.parse(answer.data(), answer.size()).get(document) != simdjson::SUCCESS ||
      document["sources"].get(sources) != simdjson::SUCCESS) {
    return Status::Internal("the node's answer is not a list of sources");
  }
  TextTable table({"source", "name", "columns", "schema", "mode", "created"});
  for (simdjson::dom::element source : sources) {
    simdjson::dom::object columns;
    const bool has_columns = source["schema_definition"].get(columns) == simdjson::SUCCESS;
    table.Add({TextOf(source, "source_id"), TextOf(source, "name"),
               has_columns ? std::to_string(columns.size()) : "", TextOf(source, "schema_version"),
               TextOf(source, "schema_mode"), TextOf(source, "created_at")});
  }
  return table.ToString();
}

Result<std::string> AskForPlan(const SourceOptions& options) {
  GRANARY_ASSIGN(const std::string target,
                 Target(options, options.all ? "/compaction?all=true" : "/compaction"));
  GRANARY_ASSIGN(auto node, NodeClient::Connect(options));
  return node.Call("GET", target);
}

Result<std::string> PlanOfFolder(const SourceOptions& options) {
  GRANARY_ASSIGN(const SourceId id, SourceId::Parse(options.id));
  io::PosixFileSystem files;
  const io::SystemClock clock;
  const auto wish =
      options.all ? storage::CompactionWish::kAll : storage::CompactionWish::kWhatPays;
  GRANARY_ASSIGN(const auto plan,
                 storage::PlanFolderCompaction(files, clock, options.data_path, id,
                                               storage::CompactionOptions(), wish));
  return api::CompactionPlanJson(id, plan);
}

Result<std::string> CompactionTable(std::string_view answer) {
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  if (parser.parse(answer.data(), answer.size()).get(document) != simdjson::SUCCESS)
    return Status::Internal("the node's answer is not a plan");
  TextTable table({"what", "partition", "files", "bytes", "reason"});
  for (const auto& [member, word] : {std::pair("merges", "merge"), std::pair("left", "leave")}) {
    simdjson::dom::array items;
    if (document[member].get(items) != simdjson::SUCCESS)
      return Status::Internal("the node's answer is not a plan");
    for (simdjson::dom::element item : items) {
      table.Add({word, TextOf(item, "partition"), TextOf(item, "files"), TextOf(item, "bytes"),
                 TextOf(item, "reason")});
    }
  }
  return fmt::format("{}\nwrites: {}\nmerges that nobody asked for: {}\n", table.ToString(),
                     TextOf(document, "writes"), TextOf(document, "hours"));
}

}  // namespace

Status ListSources(const SourceOptions& options) {
  GRANARY_ASSIGN(auto node, NodeClient::Connect(options));
  GRANARY_ASSIGN(const std::string answer, node.Call("GET", "/sources"));
  if (options.output == "json") return Print(answer);
  if (options.output != "table")
    return {Code::kInvalidArgument, "--output " + options.output + ": one of table, json"};
  GRANARY_ASSIGN(const std::string table, SourcesTable(answer));
  std::fputs(table.c_str(), stdout);
  return Status::Ok();
}

Status ShowSource(const SourceOptions& options) { return CallAndPrint(options, "GET"); }

Status ShowSchema(const SourceOptions& options) { return CallAndPrint(options, "GET", "/schema"); }

Status ShowStats(const SourceOptions& options) {
  if (!options.histograms) return CallAndPrint(options, "GET", "/stats");
  if (options.output != "table" && options.output != "json")
    return {Code::kInvalidArgument, "--output " + options.output + ": one of table, json"};
  if (options.output == "json") return CallAndPrint(options, "GET", "/stats?histograms=true");
  GRANARY_ASSIGN(const std::string target, Target(options, "/stats?histograms=true"));
  GRANARY_ASSIGN(auto node, NodeClient::Connect(options));
  GRANARY_ASSIGN(const std::string answer, node.Call("GET", target));
  GRANARY_ASSIGN(const std::string chart, HistogramChart(answer));
  std::fputs(chart.c_str(), stdout);
  return Status::Ok();
}

Status FlushSource(const SourceOptions& options) { return CallAndPrint(options, "POST", "/flush"); }

Status CompactSource(const SourceOptions& options) {
  return CallAndPrint(options, "POST", options.wait ? "/compact?wait=true" : "/compact");
}

Status ExplainCompaction(const SourceOptions& options) {
  GRANARY_ASSIGN(const std::string answer,
                 options.data_path.empty() ? AskForPlan(options) : PlanOfFolder(options));
  if (options.output == "json") return Print(answer);
  if (options.output != "table")
    return {Code::kInvalidArgument, "--output " + options.output + ": one of table, json"};
  GRANARY_ASSIGN(const std::string table, CompactionTable(answer));
  std::fputs(table.c_str(), stdout);
  return Status::Ok();
}

Status AddSource(const SourceOptions& options) {
  GRANARY_ASSIGN(const std::string body, BodyOf(options));
  GRANARY_ASSIGN(auto node, NodeClient::Connect(options));
  return Print(node.Call("POST", "/sources/add", body));
}

Status PatchSource(const SourceOptions& options) {
  GRANARY_ASSIGN(const std::string body, BodyOf(options));
  return CallAndPrint(options, "PATCH", "", body);
}

Status DeleteSource(const SourceOptions& options) {
  return CallAndPrint(options, "DELETE", options.keep_data ? "?keep_data=true" : "");
}

}  // namespace granary::cli
