#!/usr/bin/env bash
# Benchmarks. bench/README.md says what they measure and how to read it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly PYTHON=build/bench/venv/bin/python
readonly OUT=build/release/bench

help() {
  cat <<'END'
usage: ./dev bench [OPTION]...       Granary beside its peers, in one run; --help lists the options
       ./dev bench all               both sizes, a minute of sustained ingest, the report
       ./dev bench report            docs/performance.md of the latest results
       ./dev bench micro [REGEX]     the benchmarks of single rooms
       ./dev bench compaction        rewriting files beside DuckDB, and searches while files are merged
       ./dev bench services          the gateway, starting, idling and queries over tenants, beside what was asked
       ./dev bench scaler [SEED]     the policy of workers beside an oracle, under simulated loads
       ./dev bench optimizer [--queries N] [--seed N]
                                     how much longer chosen plans take than the best, before and
                                     after learning, and after statistics went wrong
       ./dev bench instructions      counts of instructions beside their baseline, as ./dev test has it
       ./dev bench baseline          makes the counts of now the baseline
       ./dev bench prove             shows that a tenth more work would be refused
END
}

targets() { cmake --build --preset release --target "$@"; }

peers() {
  tools/setup.sh bench
  ./dev build release
  targets granary_load
  "$PYTHON" -m bench.run "$@"
}

both_sizes() {
  peers --rows 1000000 --sustained-seconds 60 "$@"
  peers --rows 10000000 --sustained-seconds 60 "$@"
  "$PYTHON" -m bench.report
}

micro() {
  targets benches
  local programs program
  mapfile -t programs < <(find build/release -type f -name '*_bench' -perm -u+x | sort)
  for program in "${programs[@]}"; do
    "$program" --benchmark_filter="${1:-.}"
  done
}

compaction() {
  ./dev build release
  .venv/bin/python -m bench.compaction "$@"
}

services() {
  ./dev build release
  targets granary_load
  .venv/bin/python -m bench.services "$@"
}

scaler() {
  targets granary_scaler
  "$OUT/granary_scaler" "$@"
}

optimizer() {
  targets granary_plans
  "$OUT/granary_plans" "$@"
}

guard() {
  targets granary_instructions
  python3 bench/instruction_guard.py "$1" --program "$OUT/granary_instructions"
}

main() {
  [[ -f build/release/build.ninja ]] || cmake --preset release >/dev/null
  case ${1-} in
    help) help ;;
    all) shift; both_sizes "$@" ;;
    report) shift; "$PYTHON" -m bench.report "$@" ;;
    micro) shift; micro "$@" ;;
    compaction) shift; compaction "$@" ;;
    services) shift; services "$@" ;;
    scaler) shift; scaler "$@" ;;
    optimizer) shift; optimizer "$@" ;;
    instructions) guard check ;;
    baseline) guard update ;;
    prove) guard prove ;;
    "" | -*) peers "$@" ;;
    *) help >&2; exit 2 ;;
  esac
}

main "$@"
