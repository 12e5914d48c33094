#!/usr/bin/env python3
"""Where a node's CPU time goes, by perf, while the load generator runs one case: the functions that hold most of it.

  build/bench/venv/bin/python -m bench.profile_node order_id batch1000_c8_json csv

Cases: the look-ups of w3 and w4, the aggregates of w5, ndjson and arrow of w7, w1's (batch1_c64_json), w2's csv. Needs
perf and, but for w1 and w2, the orders that an earlier ./dev bench left.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import threading

from bench import queries
from bench.http_request import encode
from bench.peers.granary import Granary
from bench.run import OUT, read_arguments
from bench.workloads import export


def work_of(peer, case, seconds):
    """A function that keeps the node busy for so long, and returns a Sample."""
    if case in queries.LOOK_UPS:
        clients = 8 if case in ("order_id", "customer_id", "in_100") else 1
        return lambda: next(peer.own_look_ups(case, clients, seconds))
    aggregates = {query.name: query for query in queries.AGGREGATES}
    if case in aggregates:
        request = encode("POST", "/data/aggregate", {"source_ids": ["orders"], **aggregates[case].request})
        return lambda: peer.load.run(case, peer, "rest", peer.node.port, [request], 1, seconds, warm_up=2)
    forms = dict(export.FORMS)
    if case in forms:
        return lambda: peer.export_load(case, forms[case], 5)
    if written := re.fullmatch(r"batch(\d+)_c(\d+)_(\w+)", case):
        peer.reset_ingest()
        return lambda: peer.write_load(case, written[3], "ingested", int(written[1]), int(written[2]), seconds)
    if case == "csv":
        return lambda: peer.load_body("profiled", peer.data / "orders.csv", "text/csv", "snappy")
    raise SystemExit(f"no such case: {case}")


def record(peer, work, data, tree):
    """perf on the node while `work` runs."""
    outcome = []
    worker = threading.Thread(target=lambda: outcome.append(work()))
    options = ["--call-graph", "dwarf,8192", "-F", "199"] if tree else ["-F", "999"]
    recorder = subprocess.Popen(["perf", "record", "-e", "cpu-clock", "-q", *options, "-p", str(peer.servers()[0]), "-o", str(data)],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    worker.start()
    worker.join()
    recorder.terminate()
    recorder.wait()
    return outcome[0] if outcome else None


def show(data, functions, tree):
    options = ["--children", "-g", "none"] if tree else ["--no-children"]
    report = subprocess.run(["perf", "report", "-i", str(data), "--stdio", "-q", "--percent-limit", "0.4", "--sort", "symbol", *options],
                            capture_output=True, text=True).stdout
    lines = [line.rstrip() for line in report.splitlines() if line.strip()]
    for line in lines[:functions]:
        print("  " + re.sub(r"\s+", " ", line.strip())[:150])


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="+")
    parser.add_argument("--functions", type=int, default=25)
    parser.add_argument("--tree", action="store_true", help="time with what they call, instead of their own")
    parser.add_argument("--rows", default="1000000")
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args(arguments)
    peer = Granary(read_arguments(["--rows", options.rows]))
    peer.open()
    folder = pathlib.Path(OUT / "profiles")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        for case in options.cases:
            sample = record(peer, work_of(peer, case, options.seconds), folder / f"{case}.perf", options.tree)
            if hasattr(sample, "line"):
                line = sample.line()
                print(f"\n{case}: {line['cpu_ms_per_op']} CPU ms an operation, {line['per_s']} a second")
            else:
                print(f"\n{case}: {sample}")
            show(folder / f"{case}.perf", options.functions, options.tree)
    finally:
        peer.close()


if __name__ == "__main__":
    main(sys.argv[1:])
