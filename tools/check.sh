#!/usr/bin/env bash
# What a commit must pass, within two minutes when the build is warm.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

step() {
  local name=$1 begin=$SECONDS; shift
  if ! "$@"; then
    printf 'check: %s failed, after %d s: %s\n' "$name" $((SECONDS - begin)) "$*" >&2
    exit 1
  fi
  printf 'check: %-8s ok, %d s\n' "$name" $((SECONDS - begin))
}

main() {
  step format tools/format.sh
  step console tools/npm.sh run --silent lint
  step types tools/npm.sh run --silent check
  step layers python3 tools/check_layers.py .
  step build ./dev build dev all
  step headers cmake --build --preset dev --target headers
  step tidy tools/tidy.sh
  step unit ctest --preset dev --label-regex unit --parallel "$(nproc)" --output-on-failure --progress
}

main
