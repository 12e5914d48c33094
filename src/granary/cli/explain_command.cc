#include "granary/cli/explain_command.h"

#include <cstdio>

#include <fmt/format.h>
#include <simdjson.h>

#include "granary/cli/node_client.h"

namespace granary::cli {
namespace {

using simdjson::dom::element;

std::string Text(const element& of, std::string_view name) {
  std::string_view text;
  return of[name].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}
double Figure(const element& of, std::string_view name) {
  double number = 0;
  return of[name].get(number) == simdjson::SUCCESS ? number : 0;
}

std::string Figures(const element& of) {
  return fmt::format("{:.0f} rows, {:.3f} ms", Figure(of, "rows"), Figure(of, "ms"));
}

void AppendStep(const element& step, const std::string& first, const std::string& below,
                std::string& out) {
  out += fmt::format("{}{}  {}\n", first, Text(step, "operator"), Text(step, "detail"));
  element estimated, actual;
  std::string figures;
  if (step["estimated"].get(estimated) == simdjson::SUCCESS)
    figures = "estimated " + Figures(estimated);
  if (step["actual"].get(actual) == simdjson::SUCCESS && !actual.is_null())
    figures += "; actual " + Figures(actual);
  out += fmt::format("{}      {}; cost {:.1f}\n", below, figures, Figure(step, "cost"));
  simdjson::dom::array children;
  if (step["children"].get(children) != simdjson::SUCCESS) return;
  std::size_t left = children.size();
  for (const element child : children) {
    const bool last = --left == 0;
    AppendStep(child, below + (last ? "└─ " : "├─ "), below + (last ? "   " : "│  "), out);
  }
}

void AppendRejected(const element& answer, std::string& out) {
  simdjson::dom::array rejected;
  if (answer["rejected"].get(rejected) != simdjson::SUCCESS || rejected.size() == 0) return;
  out += "\nOther plans\n";
  for (const element plan : rejected) {
    out += fmt::format("  cost {:>12.1f}  {}: {}\n", Figure(plan, "cost"), Text(plan, "plan"),
                       Text(plan, "reason"));
  }
}

void AppendPruning(const element& answer, std::string& out) {
  element pruning;
  if (answer["pruning"].get(pruning) != simdjson::SUCCESS) return;
  out +=
      fmt::format("\nPruned {:.0f} of {:.0f} segments: {:.0f} by partition, {:.0f} by statistics",
                  Figure(pruning, "segments_pruned"), Figure(pruning, "segments_total"),
                  Figure(pruning, "by_partition"), Figure(pruning, "by_statistics"));
  if (const double gone = Figure(pruning, "by_deletions"); gone > 0)
    out += fmt::format(", {:.0f} as deleted", gone);
  element by_index;
  if (pruning["by_index"].get(by_index) == simdjson::SUCCESS && !by_index.is_null())
    out += fmt::format(", {:.0f} by index", Figure(pruning, "by_index"));
  out += "\n";
  simdjson::dom::array segments;
  if (pruning["segments"].get(segments) != simdjson::SUCCESS) return;
  for (const element segment : segments) {
    out += fmt::format("  {} {:.0f}: {}\n", Text(segment, "source_id"), Figure(segment, "segment"),
                       Text(segment, "reason"));
  }
}

void AppendDistrusted(const element& answer, std::string& out) {
  simdjson::dom::array distrusted;
  if (answer["distrusted"].get(distrusted) != simdjson::SUCCESS || distrusted.size() == 0) return;
  out += "\nNot believed\n";
  for (const element each : distrusted) {
    std::string_view text;
    if (each.get(text) == simdjson::SUCCESS) out += fmt::format("  {}\n", text);
  }
}

}  // namespace

Result<std::string> ExplainTree(std::string_view answer) {
  simdjson::dom::parser parser;
  element document, plan;
  if (parser.parse(answer.data(), answer.size()).get(document) != simdjson::SUCCESS ||
      document["plan"].get(plan) != simdjson::SUCCESS) {
    return Status::Internal("the node's answer is not a plan");
  }
  std::string out;
  AppendStep(plan, "", "", out);
  AppendRejected(document, out);
  AppendPruning(document, out);
  out += fmt::format("\nCost model {}\n", Text(document, "model_version"));
  AppendDistrusted(document, out);
  return out;
}

Status RunExplain(const ExplainOptions& options) {
  std::string body;
  if (options.aggregate.empty()) {
    GRANARY_ASSIGN(const std::string search, SearchBody(options.search));
    body = R"({"search":)" + search + "}";
  } else {
    body = R"({"aggregate":)" + options.aggregate + "}";
  }
  const std::string& output = options.search.output;
  if (output != "tree" && output != "json")
    return Status(Code::kInvalidArgument, "--output " + output + ": one of tree, json");
  GRANARY_ASSIGN(auto node, NodeClient::Connect(options.search));
  const std::string target = options.analyze ? "/data/explain?analyze=true" : "/data/explain";
  GRANARY_ASSIGN(const std::string answer, node.Call("POST", target, body));
  if (output == "json") {
    std::printf("%s\n", PrettyJson(answer).c_str());
    return Status::Ok();
  }
  GRANARY_ASSIGN(const std::string tree, ExplainTree(answer));
  std::fputs(tree.c_str(), stdout);
  return Status::Ok();
}

}  // namespace granary::cli
