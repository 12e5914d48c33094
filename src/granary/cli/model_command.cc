#include "granary/cli/model_command.h"

#include <cstdio>

#include <fmt/format.h>
#include <simdjson.h>

#include "granary/cli/node_client.h"

namespace granary::cli {
namespace {

using simdjson::dom::element;

std::string TextIn(const element& of, std::string_view name) {
  std::string_view text;
  return of[name].get(text) == simdjson::SUCCESS ? std::string(text) : std::string("-");
}
double FigureIn(const element& of, std::string_view name) {
  double number = 0;
  return of[name].get(number) == simdjson::SUCCESS ? number : 0;
}

Result<std::string> Ask(const ModelOptions& options, std::string_view method,
                        const std::string& target) {
  if (options.output != "table" && options.output != "json")
    return Status(Code::kInvalidArgument, "--output " + options.output + ": one of table, json");
  GRANARY_ASSIGN(auto engine, NodeClient::Create(options.url, options.ca_file));
  return engine.Call(method, target);
}

/// Prints the answer as JSON, or what `show` makes of it.
template <typename Show>
Status Print(const ModelOptions& options, const std::string& answer, const Show& show) {
  simdjson::dom::parser parser;
  element document;
  if (parser.parse(answer).get(document) != simdjson::SUCCESS)
    return Status::Internal("the engine's answer is not JSON");
  const std::string text = options.output == "json" ? PrettyJson(answer) + "\n" : show(document);
  std::fputs(text.c_str(), stdout);
  return Status::Ok();
}

std::string ReplayLine(std::string_view version, const element& replay) {
  return fmt::format("{:<28} {:>7.0f} queries  regret mean {:.3f}, median {:.3f}, p95 {:.3f}\n",
                     version, FigureIn(replay, "queries"), FigureIn(replay, "regret_mean"),
                     FigureIn(replay, "regret_median"), FigureIn(replay, "regret_p95"));
}

std::string PromotionLine(const element& promotion) {
  return fmt::format("{}  {:<8}  {}: {}\n", TextIn(promotion, "at"), TextIn(promotion, "action"),
                     TextIn(promotion, "version"), TextIn(promotion, "reason"));
}

}  // namespace

Status RunModelList(const ModelOptions& options) {
  GRANARY_ASSIGN(const std::string answer, Ask(options, "GET", "/models"));
  return Print(options, answer, [](const element& document) {
    std::string out;
    simdjson::dom::array models, promotions;
    if (document["models"].get(models) == simdjson::SUCCESS) {
      for (const element model : models) {
        out +=
            fmt::format("{:<28} {:<10} {}  {:.0f} queries, on top of {}\n",
                        TextIn(model, "version"), TextIn(model, "state"), TextIn(model, "made_at"),
                        FigureIn(model, "queries"), TextIn(model, "parent"));
      }
    }
    if (document["promotions"].get(promotions) == simdjson::SUCCESS && promotions.size() > 0) {
      out += "\nServed\n";
      for (const element promotion : promotions) out += "  " + PromotionLine(promotion);
    }
    return out;
  });
}

Status RunModelShow(const ModelOptions& options) {
  GRANARY_ASSIGN(const std::string answer, Ask(options, "GET", "/models/" + options.version));
  return Print(options, answer, [](const element& document) {
    std::string out = fmt::format("{} ({}), made {} of {:.0f} queries on top of {}\n",
                                  TextIn(document, "version"), TextIn(document, "state"),
                                  TextIn(document, "made_at"), FigureIn(document, "queries"),
                                  TextIn(document, "parent"));
    simdjson::dom::object prices;
    if (document["prices"].get(prices) == simdjson::SUCCESS) {
      for (const auto& price : prices) {
        double ns = 0;
        if (price.value.get(ns) == simdjson::SUCCESS)
          out += fmt::format("  {:<20} {:>12.2f} ns\n", price.key, ns);
      }
    }
    simdjson::dom::array shapes;
    if (document["shapes"].get(shapes) == simdjson::SUCCESS) {
      for (const element shape : shapes) {
        const double factor = FigureIn(shape, "factor");
        if (factor == 1) continue;
        out += fmt::format("  rows of {}: times {:.3g}\n", TextIn(shape, "text"), factor);
      }
    }
    return out;
  });
}

Status RunModelPromote(const ModelOptions& options) {
  GRANARY_ASSIGN(const std::string answer, Ask(options, "POST",
                                               fmt::format("/models/{}/promote{}", options.version,
                                                           options.force ? "?force=true" : "")));
  return Print(options, answer, PromotionLine);
}

Status RunModelRollback(const ModelOptions& options) {
  GRANARY_ASSIGN(const std::string answer, Ask(options, "POST", "/models/previous/promote"));
  return Print(options, answer, PromotionLine);
}

Status RunModelReplay(const ModelOptions& options) {
  GRANARY_ASSIGN(const std::string answer,
                 Ask(options, "POST", "/replay?model=" + options.version));
  return Print(options, answer, [](const element& document) {
    element replay, serving;
    std::string out;
    if (document["replay"].get(replay) == simdjson::SUCCESS)
      out += ReplayLine(TextIn(document, "version"), replay);
    if (document["serving_replay"].get(serving) == simdjson::SUCCESS)
      out += ReplayLine("serving: " + TextIn(document, "serving"), serving);
    return out;
  });
}

}  // namespace granary::cli
