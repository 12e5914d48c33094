// ./dev bench optimizer: how good the chosen plans are: every plan of each generated query is
// really run, before learning, after it, and after statistics went wrong.
#include <cstdio>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "granary/query/optimizer/coefficients.h"
#include "learning_course.h"

int main(int argc, char** argv) {
  granary::bench::CourseOptions options;
  options.shapes = {{"small", 40, 5'000}, {"medium", 8, 40'000}, {"large", 1, 200'000}};
  CLI::App app{"Regret of chosen plans, measured."};
  app.add_option("--queries", options.queries, "in each stage")->capture_default_str();
  app.add_option("--lessons", options.lessons, "learned from")->capture_default_str();
  app.add_option("--seed", options.seed, "of data and queries")->capture_default_str();
  app.add_option("--runs", options.race.runs, "of each plan; the least counts")
      ->capture_default_str();
  bool shows_worst = false, shows_prices = false, counts = false;
  app.add_flag("--count", counts, "count work at builtin prices instead of timing it");
  app.add_flag("--prices", shows_prices, "also the prices before and after learning");
  app.add_flag("--worst", shows_worst, "also the worst choices of each stage");
  CLI11_PARSE(app, argc, argv);
  if (counts) options.race.truth = granary::query::CostModel();
  const auto result = granary::bench::RunCourse(options);
  fmt::print(
      "| stage | queries | plans run | regret median | regret p95 | q-error median | q-error p95 "
      "|\n");
  fmt::print("|---|---|---|---|---|---|---|\n");
  for (const auto& stage : result.stages) {
    fmt::print("| {} | {} | {} | {:.2f} | {:.2f} | {:.2f} | {:.1f} |\n", stage.stage, stage.queries,
               stage.plans, stage.regret_median, stage.regret_p95, stage.q_error_median,
               stage.q_error_p95);
  }
  if (result.back_within)
    fmt::print("\nBack {} queries after statistics went wrong.\n", *result.back_within);
  else
    fmt::print("\nNot back within the queries that were asked.\n");
  for (const auto& stage : result.stages) {
    if (!shows_worst) break;
    fmt::print("\n{}\n", stage.stage);
    for (const auto& choice : stage.worst) fmt::print("  {}\n", choice);
  }
  if (shows_prices) {
    fmt::print("\n| price | at first | learned |\n|---|---|---|\n");
    for (const auto& price : granary::query::Coefficients())
      fmt::print("| {} | {:.4g} | {:.4g} |\n", price.name, options.start.*price.ns,
                 result.learned.*price.ns);
  }
  fmt::print("Seed {}, model {}.\n", options.seed, result.model_version);
  return 0;
}
