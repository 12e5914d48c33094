#!/usr/bin/env python3
"""Makes docs/performance.md and its charts of the lines of runs: the latest of each size, unless runs are named.

  .venv/bin/python -m bench.report [--results FILE] [--run RUN]...
"""

import argparse
import collections
import json
import pathlib
import statistics
import sys

from bench import charts, machine, targets
from bench.run import OUT, ROOT

PAGE = ROOT / "docs/performance.md"
CHARTS = ROOT / "docs/performance"
NOTES = ROOT / "bench/notes.md"
PEERS = ["granary", "duckdb", "duckdb_parquet", "postgresql", "clickhouse", "polars", "datafusion"]


def read(path, run=None):
    """All lines, or those of a run; of a case that was measured again the last."""
    lines = {}
    for text in open(path):
        line = json.loads(text)
        if run in (None, line["run"]):
            lines[line["run"], line["rows"], line["peer"], line["workload"], line["case"]] = line
    return list(lines.values())


def latest(lines):
    """The lines of the latest run of each size."""
    newest = {}
    for line in lines:
        newest[line["rows"]] = max(newest.get(line["rows"], ""), line["run"])
    return [line for line in lines if line["run"] == newest[line["rows"]]]


def number(value):
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if abs(value) >= 1e6:
        return f"{value / 1e6:.3g} M"
    if abs(value) >= 1e4:
        return f"{value / 1e3:.3g} k"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(str(cell).replace("|", "/") for cell in row) + " |"
    yield ""


# Of each workload: its heading, and the columns of its table as (heading, field, factor).
TIMES = [("median ms", "median_ms", 1), ("p99 ms", "p99_ms", 1)]
COSTS = [("CPU ms / op", "cpu_ms_per_op", 1), ("client CPU ms / op", "client_cpu_ms_per_op", 1)]
WORKLOADS = {
    "w1": ("W1: durable ingest", [("rows/s", "rows_per_s", 1), ("MB/s of CSV", "mb_per_s", 1), *TIMES, *COSTS,
                                  ("disk bytes / op", "disk_written_bytes_per_op", 1)]),
    "w2": ("W2: a file into place", [("s", "median_ms", 1e-3), ("rows/s", "rows_per_s", 1), ("CPU s", "cpu_ms_per_op", 1e-3),
                                     ("MB on disk", "disk_bytes", 1e-6), ("with indices", "disk_bytes_with_indices", 1e-6)]),
    "w3": ("W3: look-ups", [("/s", "per_s", 1), *TIMES, *COSTS, ("answer bytes", "answer_bytes_per_op", 1)]),
    "w4": ("W4: filter and range, a hundred records", [("/s", "per_s", 1), *TIMES, *COSTS]),
    "w5": ("W5: aggregates over all orders", [("min ms", "min_ms", 1), *TIMES, ("CPU ms", "cpu_ms_per_op", 1)]),
    "scan": ("Cold scan of Granary's Parquet files", [*TIMES, ("CPU ms", "cpu_ms_per_op", 1), ("MB read", "disk_read_bytes_per_op", 1e-6)]),
    "w7": ("W7: a million records out", [("s", "median_ms", 1e-3), ("rows/s", "rows_per_s", 1), ("MB/s", "mb_per_s", 1),
                                         ("CPU ms", "cpu_ms_per_op", 1)]),
    "recovery": ("Coming back", [*TIMES, ("MB/s", "mb_per_s", 1), ("CPU ms", "cpu_ms_per_op", 1)])}
CHARTED = {  # The field, its title, and the cases of each group by peer.
    "w1": ("rows_per_s", "Durable ingest: rows a second (more is better)", [
        ("batch 1, 64 clients", {"granary": "batch1_c64_json", "postgresql": "batch1_c64_pgbench", "duckdb": "batch1_c64"}),
        ("batch 1, 8 clients", {"granary": "batch1_c8_json", "postgresql": "batch1_c8_pgbench", "duckdb": "batch1_c8"}),
        *((f"batch {size:,}, 8 clients", {"granary": f"batch{size}_c8_json", **{peer: f"batch{size}_c8" for peer in
           ("postgresql", "duckdb", "clickhouse", "polars")}}) for size in (100, 1000, 10_000))]),
    "w3": ("per_s", "Look-ups, 8 clients: a second (more is better)", [
        ("by unique key", {"granary": "order_id_rest_c8", "postgresql": "order_id_pgbench_c8", "duckdb": "order_id_art_c8"}),
        ("by customer", {"granary": "customer_id_rest_c8", "postgresql": "customer_id_pgbench_c8", "duckdb": "customer_id_art_c8"}),
        ("100 keys at once", {"granary": "in_100_rest_c8", "postgresql": "in_100_btree_c8", "duckdb": "in_100_art_c8"})]),
    "w4": ("median_ms", "Filter and range, 1 client: median ms (less is better)", [
        (label, {"granary": f"{kind}_rest_c1", "duckdb": f"{kind}_scan_c1", "postgresql": f"{kind}_btree_c1", "clickhouse": f"{kind}_bloom_c1",
                 "polars": f"{kind}_parquet_c1", "datafusion": f"{kind}_parquet_c1"})
        for label, kind in (("any 100", "filter_100"), ("the dearest 100", "filter_top_100"))]),
    "w5": ("median_ms", "Aggregates, warm: median ms (less is better)", [
        (name, {peer: name for peer in ("granary", "duckdb", "clickhouse", "polars", "datafusion")}) for name in targets.NINE]),
    "w7": ("median_ms", "A million records out: median ms (less is better)", [
        (form, {peer: form for peer in PEERS}) for form in ("ndjson", "arrow")])}


def side_by_side(lines, workload):
    """[(label, {peer: figure})] of the charted cases."""
    field, _, groups = CHARTED[workload]
    known = {(line["peer"], line["case"]): line[field] for line in lines if line["workload"] == workload and field in line}
    return [(label, {peer: known[peer, case] for peer, case in cases.items() if (peer, case) in known}) for label, cases in groups]


def ratios(lines, workload):
    """[(label, {peer: how many times as fast as it Granary was})]."""
    slower_is_more = CHARTED[workload][0] == "median_ms"
    for label, figures in side_by_side(lines, workload):
        if own := figures.pop("granary", None):
            yield label, {peer: other / own if slower_is_more else own / other for peer, other in figures.items()}


def ratio_table(lines, workload):
    found = list(ratios(lines, workload))
    peers = [peer for peer in PEERS if any(peer in times for _, times in found)]
    if not peers:
        return
    yield "How many times as fast as each peer Granary was:"
    yield ""
    yield from table(["", *peers], [[label, *(number(times[peer]) + "×" if peer in times else "" for peer in peers)] for label, times in found])


def ratios_as_text(lines):
    """For the terminal."""
    for workload in CHARTED:
        for label, times in ratios(lines, workload):
            if times:
                yield f"{workload} {label:<28} " + "  ".join(f"{peer} {number(value)}×" for peer, value in times.items())


def section(lines, workload, rows):
    heading, columns = WORKLOADS[workload]
    chosen = [line for line in lines if line["workload"] == workload and "error" not in line]
    if not chosen:
        return
    yield f"### {heading}"
    yield ""
    if workload in CHARTED:
        name = f"{workload}-{rows}.svg"
        CHARTS.mkdir(exist_ok=True)
        (CHARTS / name).write_text(charts.bars(CHARTED[workload][1], side_by_side(lines, workload)))
        yield f"![{heading}](performance/{name})"
        yield ""
        yield from ratio_table(lines, workload)
    shown = [column for column in columns if any(column[1] in line for line in chosen)]
    chosen.sort(key=lambda line: PEERS.index(line["peer"]))
    yield from table(["peer", "case", "n", *(column[0] for column in shown), "answer", "other cores"],
                     [[line["peer"], line["case"] + (" (ended early)" if line.get("ended_early") else ""), line["n"],
                       *(number(line[field] * factor if field in line else None) for _, field, factor in shown),
                       line.get("answer", ""), line["other_cores"]] for line in chosen])


def size(lines, rows):
    yield f"## {rows:,} orders"
    yield ""
    run = lines[0]["run"]
    others = [line["other_cores"] for line in lines if "other_cores" in line]
    wrong = [f"{line['peer']} {line['case']}" for line in lines if str(line.get("answer", "ok")) != "ok"]
    yield (f"Run of {run.replace('T', ' ')}. Others used {statistics.mean(others):.2f} cores on average while a case ran "
           f"(at most {max(others):.2f}).")
    yield f"Answers compared: {sum('answer' in line for line in lines)} cases, {len(wrong)} of which differ{': ' + ', '.join(wrong) if wrong else ''}."
    yield ""
    yield "### Targets, misses first"
    yield ""
    yield from table(targets.HEADINGS, [verdict.cells() for verdict in targets.judge(lines)])
    for workload in WORKLOADS:
        yield from section(lines, workload, rows)
    errors = [line for line in lines if "error" in line]
    if errors:
        yield "### Cases that failed"
        yield ""
        yield from table(["peer", "workload", "case", "error"], [[line["peer"], line["workload"], line["case"], line["error"][:160]] for line in errors])


def page(lines):
    facts = machine.describe(OUT)
    versions = collections.OrderedDict((line["peer"], line["version"]) for line in sorted(lines, key=lambda line: PEERS.index(line["peer"])))
    yield "# Performance"
    yield ""
    yield "Made by `./dev bench report` of the results of `./dev bench`: do not edit. How it is measured: [bench/README.md](../bench/README.md)."
    yield ""
    yield (f"Machine: {facts['cores']} cores of {facts['cpu']}, {facts['memory_gib']} GiB, {facts['file_system']}, Linux {facts['kernel']}, "
           f"{facts['system']}. The client runs on the same cores.")
    yield "Versions: " + "; ".join(f"{peer} {version}" for peer, version in versions.items()) + "."
    yield ""
    yield NOTES.read_text().rstrip()
    yield ""
    for rows in sorted({line["rows"] for line in lines}):
        yield from size([line for line in lines if line["rows"] == rows], rows)


def main(arguments):
    parser = argparse.ArgumentParser(prog="./dev bench report", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=pathlib.Path, default=OUT / "results.jsonl")
    parser.add_argument("--run", action="append", help="its time, as the lines of results have it")
    options = parser.parse_args(arguments)
    lines = read(options.results)
    lines = [line for line in lines if line["run"] in options.run] if options.run else latest(lines)
    if not lines:
        print("bench report: no results: run ./dev bench first", file=sys.stderr)
        return 1
    for old in CHARTS.glob("*.svg"):
        old.unlink()
    PAGE.write_text("\n".join(page(lines)).rstrip() + "\n")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
