#!/usr/bin/env bash
# Runs clang-tidy (.clang-tidy) on the C++ files that differ from the last commit, or on all of them
# with --all. Needs the dev preset to be configured, for its list of compile commands.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly BUILD=build/dev

files() {
  if [[ ${1-} == --all ]]; then
    git ls-files --cached --others --exclude-standard -- 'src/*.cc'
  else
    git diff --name-only --diff-filter=d HEAD -- 'src/*.cc'
    git ls-files --others --exclude-standard -- 'src/*.cc'
  fi
}

# clang-tidy does not read gcc's precompiled headers, nor know all of gcc's warnings.
main() {
  local commands=$BUILD/tidy
  mkdir -p "$commands"
  sed -E 's/ -fpch-preprocess| -W[^ ]*| -include [^ ]*cmake_pch\.hxx//g' \
    "$BUILD/compile_commands.json" >"$commands/compile_commands.json"
  files "$@" | xargs -r -n 1 -P "$(nproc)" clang-tidy --quiet -p "$commands"
}

main "$@"
