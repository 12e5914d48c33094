#!/usr/bin/env bash
# Builds and runs every test; with --all also the long ones, the unit tests under the sanitizers and
# the fuzz targets, GRANARY_FUZZ_SECONDS each. Goes on after a failure and ends with one line that
# counts everything.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly RESULTS=build/test
readonly FUZZ_SECONDS=${GRANARY_FUZZ_SECONDS:-60}
FAILED_SUITES=()

say() { printf '\n== %s\n' "$*"; }

# suite NAME COMMAND...: runs it, remembers whether it failed, says how long it took.
suite() {
  local name=$1 begin=$SECONDS; shift
  say "$name"
  if "$@"; then
    printf '== %s: ok, %d s\n' "$name" $((SECONDS - begin))
  else
    printf '== %s: FAILED, %d s\n' "$name" $((SECONDS - begin))
    FAILED_SUITES+=("$name")
  fi
}

# cpp PRESET CTEST-OPTIONS...: the C++ tests of one build.
cpp() {
  local preset=$1; shift
  ctest --preset "$preset" --parallel "$(nproc)" --progress \
    --output-junit "$PWD/$RESULTS/ctest-$preset.xml" "$@"
}

# e2e PYTEST-OPTIONS...: real processes of the release build, on real data. A node's log takes
# 128 MB of disk from the start: the folder of a test that passed goes at once.
e2e() {
  GRANARY_BINARY=build/release/granary .venv/bin/python -m pytest tests/e2e \
    -o markers='long: takes minutes; only run by ./dev test --all' \
    -o tmp_path_retention_policy=failed -o tmp_path_retention_count=1 \
    -o junit_family=xunit2 --junitxml="$RESULTS/e2e.xml" --durations=10 -ra "$@"
}

# The console's own tests, and that its types hold; what a person sees is among the end-to-end tests.
console() {
  tools/npm.sh run --silent check &&
    third_party/node/bin/node --test --test-reporter=spec --test-reporter-destination=stdout \
      --test-reporter=junit --test-reporter-destination="$RESULTS/console.xml" 'console/test/*.test.ts'
}

build_and_test() {
  ./dev build "$1" all && cpp "$@"
}

main() {
  local all=no
  case ${1-} in
    "") ;;
    --all) all=yes ;;
    *) echo "usage: ./dev test [--all]" >&2; exit 2 ;;
  esac
  rm -rf "$RESULTS"
  mkdir -p "$RESULTS"

  say "build"
  ./dev build release all
  printf '== build: ok, %d s\n' "$SECONDS"
  if [[ $all == yes ]]; then
    suite "C++ tests" cpp release
    suite "console" console
    suite "end-to-end tests" e2e
    suite "C++ tests, address and undefined behaviour sanitizers" build_and_test asan -LE long
    suite "C++ tests, thread sanitizer" build_and_test tsan -LE long
    suite "fuzz targets, $FUZZ_SECONDS s each" tools/fuzz.sh all "$FUZZ_SECONDS"
  else
    suite "C++ tests" cpp release -LE long
    suite "console" console
    suite "end-to-end tests" e2e -m "not long"
  fi

  printf '\nwall time %d min %d s\n' $((SECONDS / 60)) $((SECONDS % 60))
  if ((${#FAILED_SUITES[@]})); then printf 'failed suite: %s\n' "${FAILED_SUITES[@]}"; fi
  .venv/bin/python tools/count_tests.py "$RESULTS"/*.xml
  ((${#FAILED_SUITES[@]} == 0))
}

main "$@"
