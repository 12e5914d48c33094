#!/usr/bin/env bash
# Checks that the C++ files are formatted (.clang-format); with --fix formats them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly WANTED=14  # other versions of clang-format disagree about details

cpp_files() { git ls-files -z --cached --others --exclude-standard -- '*.cc' '*.h'; }

# Files that are listed but deleted in the working tree are left out.
present_files() {
  local file
  while IFS= read -r -d '' file; do
    if [[ -f $file ]]; then printf '%s\0' "$file"; fi
  done < <(cpp_files)
}

main() {
  local formatter=clang-format
  if command -v "clang-format-$WANTED" >/dev/null; then formatter=clang-format-$WANTED; fi
  local version; version=$("$formatter" --version)
  if [[ $version != *" version $WANTED."* ]]; then
    echo "format: need clang-format $WANTED, found: $version" >&2
    exit 1
  fi
  if [[ ${1-} == --fix ]]; then
    present_files | xargs -0 -r -n 16 -P "$(nproc)" "$formatter" -i
  elif ! present_files | xargs -0 -r -n 16 -P "$(nproc)" "$formatter" --dry-run -Werror; then
    echo "format: run ./dev fmt" >&2
    exit 1
  fi
}

main "$@"
