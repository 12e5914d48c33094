// granary_instructions: runs every case under callgrind, which counts the instructions of each.
// bench/instruction_guard.py starts it and reads the counts.
//
//   valgrind --tool=callgrind --instr-atstart=no granary_instructions [--percent N] [CASE]...
//
// --percent 110 does a tenth more of the same work: what the guard must see as slower.
#include <valgrind/callgrind.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <arrow/compute/initialize.h>

#include "granary/base/check.h"
#include "instruction_case.h"

namespace granary::bench {
namespace {

void Count(const InstructionCase& one, int repetitions) {
  const std::function<void()> work = one.prepare();
  work();
  CALLGRIND_ZERO_STATS;
  CALLGRIND_START_INSTRUMENTATION;
  for (int i = 0; i < repetitions; ++i) work();
  CALLGRIND_STOP_INSTRUMENTATION;
  CALLGRIND_DUMP_STATS_AT(one.name.c_str());
}

int Main(int argc, char** argv) {
  CLI::App app{"Work whose instructions callgrind counts."};
  int percent = 100;
  std::vector<std::string> wanted;
  app.add_option("--percent", percent, "How much of the work, in steps of 10")
      ->check(CLI::Range(10, 1000));
  app.add_option("cases", wanted, "Only these");
  CLI11_PARSE(app, argc, argv);
  GRANARY_CHECK(arrow::compute::Initialize().ok());

  std::vector<InstructionCase> cases = WriteCases();
  for (InstructionCase& one : ReadCases()) cases.push_back(std::move(one));
  for (const InstructionCase& one : cases) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), one.name) == wanted.end())
      continue;
    Count(one, kRepetitions * percent / 100);
    std::puts(one.name.c_str());
  }
  return 0;
}

}  // namespace
}  // namespace granary::bench

int main(int argc, char** argv) { return granary::bench::Main(argc, argv); }
