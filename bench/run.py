#!/usr/bin/env python3
"""Measures Granary beside PostgreSQL, DuckDB, ClickHouse, Polars and DataFusion on the same machine and data, in one run.

  w1  durable ingest               w5        aggregates, warm and repeated
  w2  a CSV file into place        scan      cold scan of Granary's Parquet files, by it and by DuckDB
  w3  look-ups by key              w7        export of a million records
  w4  filter and range, top 100    recovery  replay of the log; start with 1,000 segments

Each peer and workload is a process of its own, one at a time, the peers of a workload one after the other. Every
case is a line of JSON in build/bench/results.jsonl; bench/report.py makes tables of them. w2 puts the orders into
place for those after it; without it they use what an earlier run left.
"""

import argparse
import importlib
import pathlib
import re
import signal
import subprocess
import sys
import time

from bench.measure import Recorder

ROOT = pathlib.Path(__file__).resolve().parents[1]
OUT = ROOT / "build/bench"
# In this order within a workload: who writes the answers' data first, Granary last before its readers.
PEERS = {"granary": "granary.Granary", "duckdb": "duckdb.DuckDB", "postgresql": "postgresql.PostgreSQL",
         "clickhouse": "clickhouse.ClickHouse", "polars": "polars.Polars", "datafusion": "datafusion.DataFusion",
         "duckdb_parquet": "duckdb.DuckDBParquet"}
EVERYONE = [peer for peer in PEERS if peer != "duckdb_parquet"]
WORKLOADS = {  # The function, and who takes part.
    "w2": ("bulk_load.run", EVERYONE),
    "w3": ("look_ups.run_w3", EVERYONE),
    "w4": ("look_ups.run_w4", EVERYONE),
    "w5": ("aggregates.run", EVERYONE),
    "scan": ("cold_scan.run", ["granary", "duckdb_parquet"]),
    "w7": ("export.run", EVERYONE),
    "w1": ("ingest.run", ["granary", "duckdb", "postgresql", "clickhouse", "polars"]),
    "recovery": ("recovery.run", ["granary"])}


class Settings(argparse.Namespace):
    def wants(self, case):
        return not self.only or re.search(self.only, case) is not None


def found(name, package):
    module, attribute = name.rsplit(".", 1)
    return getattr(importlib.import_module(f"bench.{package}.{module}"), attribute)


def one(settings):
    """A peer and a workload, in this process."""
    peer = found(PEERS[settings.peer], "peers")(settings)
    peer.open()
    try:
        recorder = Recorder(settings.results, run=settings.run, rows=settings.rows, threads=settings.threads, peer=settings.peer,
                            version=peer.version(), workload=settings.workload)
        found(WORKLOADS[settings.workload][0], "workloads")(peer, recorder, settings)
    finally:
        peer.close()


def everything(settings, arguments):
    """Every peer and workload, each in a process of its own. Returns whether all of them ended well."""
    from bench import data
    data.make(settings.data, settings.rows)
    failed = []
    for workload in settings.workloads or WORKLOADS:
        print(f"\n== {workload}: {settings.rows:,} orders", flush=True)
        for peer in [name for name in WORKLOADS[workload][1] if not settings.peers or name in settings.peers]:
            command = [sys.executable, "-m", "bench.run", *arguments, "--run", settings.run, "--peer", peer, "--workload", workload]
            if run_to_its_end(command) != 0:
                failed.append(f"{peer} {workload}")
    if failed:
        print("\nended badly: " + ", ".join(failed))
    return not failed


def run_to_its_end(command):
    """Also when this process is told to stop: the other stops its servers first."""
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        return process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise


def comma_list(known):
    def read(text):
        names = text.split(",")
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name}: not one of {', '.join(known)}")
        return names
    return read


def read_arguments(arguments):
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="orders; default %(default)s; the full campaign also has 10000000")
    parser.add_argument("--workloads", type=comma_list(WORKLOADS), help="some of them, with commas")
    parser.add_argument("--peers", type=comma_list(PEERS), help="some of them, with commas")
    parser.add_argument("--only", help="regular expression: the cases that it finds")
    parser.add_argument("--threads", type=int, default=2, help="of every engine; default %(default)s")
    parser.add_argument("--seconds", type=float, default=4, help="of a case of w1, w3 and w4; default %(default)s")
    parser.add_argument("--sustained-seconds", type=float, default=10,
                        help="of w1's batches of 1,000 by 8 clients; default %(default)s; the full campaign has 60")
    parser.add_argument("--reps", type=int, default=7, help="of a query of w5 and w7; default %(default)s")
    parser.add_argument("--load-reps", type=int, default=1, help="of a load of w2; default %(default)s")
    parser.add_argument("--results", type=pathlib.Path, default=OUT / "results.jsonl")
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "build/release/granary")
    parser.add_argument("--load-generator", type=pathlib.Path, default=ROOT / "build/release/bench/granary_load")
    parser.add_argument("--run", help="goes on with a run: its name in the lines; cases that are measured again replace the earlier")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    parser.add_argument("--workload", help=argparse.SUPPRESS)
    settings = parser.parse_args(arguments, namespace=Settings())
    settings.run = settings.run or time.strftime("%Y-%m-%dT%H:%M:%S")
    settings.results, settings.binary, settings.load_generator = (
        path.resolve() for path in (settings.results, settings.binary, settings.load_generator))
    settings.data = OUT / "data" / str(settings.rows)
    settings.store = OUT / "store" / str(settings.rows)
    return settings


def main(arguments):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # So that servers are stopped on the way out.
    settings = read_arguments(arguments)
    if settings.peer:
        return one(settings)
    well = everything(settings, arguments)
    from bench import report, targets
    lines = [line for line in report.read(settings.results, settings.run) if line["rows"] == settings.rows]
    print("\nHow many times as fast as each peer Granary was:")
    print("\n".join(report.ratios_as_text(lines)) + "\n")
    print(targets.as_text(targets.judge(lines)))
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
