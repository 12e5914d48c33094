#!/usr/bin/env python3
"""./dev bench compaction: what merging costs, and what it costs those who search meanwhile.

  rewrite   a source's files merged into one beside DuckDB, which copies the same files into one of the same codec and
            row groups, in the same run; each takes its turn, the best of `--rounds` counts
  beside    p99 of point searches while files are merged, divided by p99 in the quiet before
"""

import argparse
import os
import pathlib
import random
import shutil
import sys
import tempfile
import threading
import time

import duckdb
import pyarrow
import pyarrow.ipc

from bench.node import Node

ROOT = pathlib.Path(__file__).resolve().parents[1]
RATIO_MAX, SLOWER_MAX = 1.5, 2.5
SCHEMA = {"order_id": "string", "customer_id": "string", "region": "string", "amount": "float64", "quantity": "int64", "ordered_at": "timestamp"}
REGIONS = ["us-east", "us-west", "eu-north", "eu-south", "ap-east", "sa-east"]


def batch(chooser, first, rows):
    """Orders, as the other benchmarks have them."""
    numbers = range(first, first + rows)
    at = [1_704_067_200_000_000 + n * 1_000_000 for n in numbers]
    return pyarrow.record_batch({
        "order_id": [f"ORD_{n:09}" for n in numbers], "customer_id": [f"CUST_{chooser.randrange(100_000):06}" for _ in numbers],
        "region": [chooser.choice(REGIONS) for _ in numbers], "amount": [chooser.randrange(1, 100_000) / 100 for _ in numbers],
        "quantity": pyarrow.array([chooser.randrange(1, 20) for _ in numbers], pyarrow.int64()),
        "ordered_at": pyarrow.array(at, pyarrow.timestamp("us", "UTC"))})


def arrow_body(made):
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, made.schema) as writer:
        writer.write_batch(made)
    return sink.getvalue().to_pybytes()


def fill(client, source, bodies):
    client.call("POST", "/sources/add", {"source_id": source, "schema_definition": SCHEMA, "index_columns": ["order_id"]})
    for body in bodies:
        client.call("POST", f"/data/write?source_id={source}", body, "application/vnd.apache.arrow.stream")
        client.call("POST", f"/sources/{source}/flush")


def live_files(node, source):
    return sorted(str(path) for path in (node.data / f"tenants/default_tenant/sources/{source}").rglob("*.parquet"))


def rewrite(node, client, bodies, rounds, scratch):
    ours, theirs = [], []
    for number in range(rounds):
        source = f"r{number}"
        fill(client, source, bodies)
        files = live_files(node, source)
        out = scratch / "copy.parquet"
        connection = duckdb.connect(config={"threads": os.cpu_count()})
        begin = time.perf_counter()
        connection.execute(f"COPY (SELECT * FROM read_parquet({files})) TO '{out}' (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 131072)")
        theirs.append(time.perf_counter() - begin)
        connection.close()
        begin = time.perf_counter()
        job = client.call("POST", f"/sources/{source}/compact?wait=true")
        ours.append(time.perf_counter() - begin)
        assert job["files_after"] <= max(1, len(files) // 10), job  # One, or as many as its index entries fill (COMPACTION_MEMORY_MB).
        print(f"  round {number}: {len(files)} files, {job['bytes_before'] / 2**20:.1f} MiB, {job['rows']} rows: "
              f"granary {ours[-1]:.2f} s with its index, duckdb {theirs[-1]:.2f} s", flush=True)
    return min(ours), min(theirs)


def p99(times):
    times = sorted(times)
    return 1000 * times[min(len(times) - 1, int(0.99 * len(times)))]


class Searches:
    """One client that looks up orders of a source that is not merged, or the one that is, by turns."""

    def __init__(self, node, sources, rows):
        self.over, self.times = threading.Event(), []
        self.node, self.sources, self.rows = node, sources, rows
        self.thread = threading.Thread(target=self.run)

    def run(self):
        client, chooser = self.node.client(), random.Random(7)
        while not self.over.is_set():
            order = f"ORD_{chooser.randrange(self.rows):09}"
            begin = time.perf_counter()
            found = client.call("POST", "/data/search", {"source_ids": [chooser.choice(self.sources)], "filters": {"order_id": order}, "limit": 1})
            self.times.append(time.perf_counter() - begin)
            assert found["count"] == 1
        client.close()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def beside(node, client, bodies, rows):
    for source in ("quiet", "merged"):
        fill(client, source, bodies)
    with Searches(node, ["quiet", "merged"], rows):  # Files are opened, blocks of indexes come into memory.
        time.sleep(2)
    with Searches(node, ["quiet", "merged"], rows) as quiet:
        time.sleep(5)  # A measured span of time.
    with Searches(node, ["quiet", "merged"], rows) as busy:
        merges = 0
        while len(busy.times) < len(quiet.times) / 4 or merges < 2:
            client.call("POST", "/sources/merged/compact?wait=true")
            merges += 1
            source = f"m{merges}"  # Another of the same, so that merging goes on.
            fill(client, source, bodies[:8])
            client.call("POST", f"/sources/{source}/compact?wait=true")
    return p99(quiet.times), p99(busy.times), len(quiet.times), len(busy.times)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--files", type=int, default=40)
    options.add_argument("--rows", type=int, default=50_000, help="of each file")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--binary", default=str(ROOT / "build/release/granary"))
    options = options.parse_args()
    chooser = random.Random(1)
    bodies = [arrow_body(batch(chooser, n * options.rows, options.rows)) for n in range(options.files)]
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="granary-compaction-"))
    node = Node(options.binary, scratch / "node", AUTO_COMPACTION_ENABLED="false", SNAPSHOT_RETENTION_MINUTES="0")
    node.start()
    try:
        client = node.client()
        print(f"rewrite: {options.files} files of {options.rows} rows, snappy, one index")
        ours, theirs = rewrite(node, client, bodies, options.rounds, scratch)
        quiet, busy, few, many = beside(node, client, bodies, options.files * options.rows)
    finally:
        node.kill()
        shutil.rmtree(scratch)
    print(f"rewrite      granary {ours:.2f} s  duckdb {theirs:.2f} s  ratio {ours / theirs:.2f}  (target {RATIO_MAX})")
    print(f"search p99   quiet {quiet:.2f} ms of {few}  while merging {busy:.2f} ms of {many}  ratio {busy / quiet:.2f}  (target {SLOWER_MAX})")
    return 0 if ours / theirs <= RATIO_MAX and busy / quiet <= SLOWER_MAX else 1


if __name__ == "__main__":
    sys.exit(main())
