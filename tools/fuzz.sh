#!/usr/bin/env bash
# Runs the fuzz targets (src/granary/**/*_fuzz.cc) under libFuzzer, one after the other, and says
# what each did and found. Usage: ./dev fuzz [TARGET|all] [SECONDS]
#
#   build/fuzz/corpus/TARGET    grows from run to run, from the seeds in tests/fuzz/corpus/TARGET
#   build/fuzz/findings/TARGET  inputs that stopped a target; they stay until you remove them
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly SEEDS=tests/fuzz/corpus CORPUS=build/fuzz/corpus FINDINGS=build/fuzz/findings
readonly LOGS=build/fuzz/logs PROGRAMS=build/fuzz/fuzzers JUNIT=build/test/fuzz.xml

# A run that takes 10 s hangs; one allocation of 512 MB, or 2 GB in all, comes from a length that
# nobody checked.
readonly LIMITS=(-timeout=10 -malloc_limit_mb=512 -rss_limit_mb=2048 -max_len=16384)

# Arrow comes built, by gcc and without sanitizers. It gets its memory from malloc, not from an
# allocator of its own, so that the address sanitizer sees what our code does with it. Annotations of
# containers (detect_container_overflow) need no switch: libstdc++, which both sides use, has none.
export ARROW_DEFAULT_MEMORY_POOL=system
export UBSAN_OPTIONS=print_stacktrace=1
export ASAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-16

say() { printf 'fuzz: %s\n' "$*"; }

targets() { (cd src/granary && find . -name '*_fuzz.cc') | sed -E 's#.*/##; s#_fuzz\.cc$##' | sort; }

files_in() { find "$1" -type f | wc -l; }

# The last number behind WORD in a log of libFuzzer's.
last() { grep -aoE "$2:? *[0-9]+" "$1" | tail -n 1 | grep -oE '[0-9]+$' || echo 0; }

# fuzz TARGET SECONDS: one line on what it did; fails when it found something.
fuzz() {
  local target=$1 seconds=$2 log=$LOGS/$1.log
  local corpus=$CORPUS/$target seeds=$SEEDS/$target findings=$FINDINGS/$target
  mkdir -p "$corpus" "$findings" "$LOGS"
  [[ -d $seeds ]] || { say "$target: no seeds, expected some in $seeds"; return 1; }
  local before; before=$(files_in "$corpus")
  local result=0
  "$PROGRAMS/granary_fuzz_$target" "${LIMITS[@]}" -max_total_time="$seconds" -print_final_stats=1 \
    -artifact_prefix="$findings/" "$corpus" "$seeds" >"$log" 2>&1 || result=$?
  say "$target: $(last "$log" stat::number_of_executed_units) executions in $seconds s," \
    "$(last "$log" 'cov') branches covered, corpus $(files_in "$seeds") seeds" \
    "+ $before -> $(files_in "$corpus") files"
  ((result == 0)) && return
  explain "$target" "$log" "$findings"
  return 1
}

explain() {
  local target=$1 log=$2 findings=$3
  grep -aE -m 3 'ERROR|runtime error|check failed|what\(\)' "$log" || tail -n 5 "$log"
  local input
  input=$(grep -aoE "$findings/[a-z]+-[0-9a-f]+" "$log" | tail -n 1 || true)
  say "$target: FOUND something; whole output: $log"
  [[ -z $input ]] || cat <<END
  replay    $PROGRAMS/granary_fuzz_$target $input
  smaller   $PROGRAMS/granary_fuzz_$target -minimize_crash=1 -max_total_time=60 $input
  when it is mended, keep the input: cp $input $SEEDS/$target/what_it_was
END
}

junit() {
  local failed=$1; shift
  mkdir -p "$(dirname "$JUNIT")"
  {
    printf '<testsuite name="fuzz" tests="%d">\n' $#
    local target
    for target in "$@"; do
      if [[ " $failed " == *" $target "* ]]; then
        printf '<testcase name="fuzz.%s"><failure message="see %s"/></testcase>\n' "$target" \
          "$LOGS/$target.log"
      else
        printf '<testcase name="fuzz.%s"/>\n' "$target"
      fi
    done
    printf '</testsuite>\n'
  } >"$JUNIT"
}

main() {
  local wanted=${1:-all} seconds=${2:-60} program=fuzzers
  local all; mapfile -t all < <(targets)
  if [[ $wanted != all ]]; then
    if [[ " ${all[*]} " != *" $wanted "* ]]; then
      say "no such target: $wanted; there are ${all[*]}" >&2
      exit 2
    fi
    all=("$wanted")
    program=granary_fuzz_$wanted
  fi
  if [[ ! $seconds =~ ^[1-9][0-9]*$ ]]; then
    say "expected a number of seconds, found: $seconds" >&2
    exit 2
  fi
  ./dev build fuzz "$program"
  local failed="" target
  for target in "${all[@]}"; do
    fuzz "$target" "$seconds" || failed+=" $target"
  done
  junit "$failed" "${all[@]}"
  [[ -z $failed ]] || { say "findings in:$failed" >&2; exit 1; }
}

main "$@"
