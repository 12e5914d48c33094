#!/usr/bin/env python3
"""Guards against slower code: instructions of each case of instructions/ under callgrind, beside those of
instructions.json.

  check    fails when a case takes more than the tolerance over its baseline, or has none
  update   writes the baseline: after a change that is meant to cost more, or that made something faster
  prove    runs a tenth more of each case's work and fails unless check would refuse every one of them

Counts hardly depend on the machine: callgrind emulates the processor, and what libraries choose by processor (simdjson,
Arrow, the C library) is pinned below to what every x86-64-v2 machine has. They do depend on compiler and libraries, which
tools/packages.apt pins.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

BASELINE = pathlib.Path(__file__).with_name("instructions.json")
TOLERANCE = 0.05
PINNED = {"SIMDJSON_FORCE_IMPLEMENTATION": "westmere", "ARROW_USER_SIMD_LEVEL": "SSE4_2", "ARROW_DEFAULT_MEMORY_POOL": "system",
          "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX_Fast_Unaligned_Load,-AVX2,-AVX,-AVX512F,-ERMS,-FSRM,-BMI1,-BMI2,-LZCNT,-MOVBE,-RTM"}


def count(program, percent=100, cases=()):
    """Instructions of each case, by name."""
    with tempfile.TemporaryDirectory(prefix="granary-callgrind-") as folder:
        out = pathlib.Path(folder) / "callgrind.out"
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--combine-dumps=yes", f"--callgrind-out-file={out}",
                   str(program), "--percent", str(percent), *cases]
        environment = {"PATH": os.environ.get("PATH", ""), "TMPDIR": folder, "LC_ALL": "C", **PINNED}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}\n{done.stderr[-3000:]}")
        return read_counts(out.read_text())


def read_counts(text):
    """Of each part of a callgrind file: the name that it was dumped with, and its total."""
    counts = {}
    for part in re.split(r"^part: ", text, flags=re.M)[1:]:
        trigger = re.search(r"^desc: Trigger: Client Request: (\S+)$", part, re.M)
        total = re.search(r"^totals: (\d+)$", part, re.M)
        if trigger and total:
            counts[trigger[1]] = int(total[1])
    return counts


def refusals(counts, baseline, tolerance=TOLERANCE):
    """A sentence for each case that is not as it was."""
    for name in sorted(counts.keys() | baseline.keys()):
        if name not in counts:
            yield f"{name}: is in the baseline and was not counted"
        elif name not in baseline:
            yield f"{name}: has no baseline"
        elif counts[name] > baseline[name] * (1 + tolerance):
            yield f"{name}: {counts[name]:,} instructions, {counts[name] / baseline[name] - 1:+.1%} over {baseline[name]:,}"


def show(counts, baseline):
    for name, value in counts.items():
        known = baseline.get(name)
        print(f"{name:<26} {value:>14,}   {'' if not known else f'{value / known - 1:+.2%}'}")


def check(counts, baseline):
    show(counts, baseline)
    refused = list(refusals(counts, baseline))
    faster = [name for name in counts if name in baseline and counts[name] < baseline[name] * (1 - TOLERANCE)]
    if faster:
        print(f"faster than the baseline: {', '.join(faster)}. ./dev bench baseline keeps it so.")
    for sentence in refused:
        print(sentence, file=sys.stderr)
    if refused:
        print("If it is meant to cost that: ./dev bench baseline, and say why in the commit.", file=sys.stderr)
    return not refused


def prove(program, baseline):
    """Against a count of now: the baseline may have been left behind by what became faster."""
    now = count(program)
    slower = count(program, percent=110)
    refused = {sentence.split(":")[0] for sentence in refusals(slower, now)}
    unseen = sorted(now.keys() - refused)
    show(slower, now)
    again = list(refusals(now, now))
    print(f"a tenth more work: {len(refused)} of {len(now)} cases refused" + (f"; not seen: {', '.join(unseen)}" if unseen else ""))
    return not unseen and not again and now.keys() == baseline.keys()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["check", "update", "prove"])
    parser.add_argument("--program", type=pathlib.Path, required=True, help="granary_instructions")
    parser.add_argument("--baseline", type=pathlib.Path, default=BASELINE)
    options = parser.parse_args()
    baseline = json.loads(options.baseline.read_text()) if options.baseline.exists() else {}
    if options.verb == "prove":
        return 0 if prove(options.program, baseline) else 1
    counts = count(options.program)
    if options.verb == "check":
        return 0 if check(counts, baseline) else 1
    show(counts, baseline)
    options.baseline.write_text(json.dumps(counts, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
