#!/usr/bin/env bash
# Builds the benchmarks and runs them; an argument is a regular expression of the names to run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

main() {
  ./dev build release
  cmake --build --preset release --target benches
  local programs
  mapfile -t programs < <(find build/release -type f -name '*_bench' -perm -u+x | sort)
  local program
  for program in "${programs[@]}"; do
    "$program" --benchmark_filter="${1:-.}"
  done
  if [[ -f bench/compare.py && -z ${1-} ]]; then
    GRANARY_BINARY=build/release/granary .venv/bin/python bench/compare.py
  fi
}

main "$@"
