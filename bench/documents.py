#!/usr/bin/env python3
"""Documents: the five queries of JSONBench over events in a source of schema_mode json, beside DuckDB's JSON type and its columns from read_json, in one run.

  python -m bench.documents --events 200000 [--binary build/release/granary] [--reps 7]

Granary is asked with its paths as columns and, with SHRED_PATHS_MAX=0, as text; warm, without kept results. Each answer is compared with DuckDB's. Prints a line
of JSON a case: loading (records/s, bytes on disk) and each query (min and median ms, CPU ms of the node or of this process).
"""

import argparse
import json
import os
import pathlib
import resource
import shutil
import statistics
import time

import duckdb

from bench import events
from bench.node import Node

CREATED = {"kind": "commit", "commit.operation": "create"}
POSTS = {**CREATED, "commit.collection": "app.bsky.feed.post"}
FEEDS = ["app.bsky.feed.post", "app.bsky.feed.repost", "app.bsky.feed.like"]
BY_COLLECTION = [{"column": "commit.collection", "alias": "e"}]
COUNT = {"type": "count", "alias": "c"}
HOUR_US = 3_600_000_000
# Each as an aggregate of Granary's, as SQL over c (a path) and what makes the answers alike.
QUERIES = {
    "q1_by_collection": ({"group_by": BY_COLLECTION, "aggregations": [COUNT], "order_by": [{"column": "c", "direction": "desc"}]},
                         "SELECT {collection} AS e, count(*) AS c FROM events GROUP BY e ORDER BY c DESC"),
    "q2_uniq_did": ({"filters": CREATED, "group_by": BY_COLLECTION, "aggregations": [COUNT, {"type": "count_distinct", "column": "did", "alias": "u"}],
                     "order_by": [{"column": "c", "direction": "desc"}]},
                    "SELECT {collection} AS e, count(*) AS c, count(DISTINCT {did}) AS u FROM events WHERE {created} GROUP BY e ORDER BY c DESC"),
    "q3_collections": ({"filters": {**CREATED, "commit.collection": {"in": FEEDS}}, "group_by": BY_COLLECTION,
                        "aggregations": [COUNT, {"type": "min", "column": "time_us", "alias": "first"}], "order_by": [{"column": "e"}]},
                       "SELECT {collection} AS e, count(*) AS c, min({time_us}) AS first FROM events WHERE {created} AND {collection} IN {feeds} GROUP BY e ORDER BY e"),
    "q4_first_post": ({"filters": POSTS, "group_by": [{"column": "did", "alias": "d"}], "aggregations": [{"type": "min", "column": "time_us", "alias": "t"}],
                       "order_by": [{"column": "t"}], "limit": 3},
                      "SELECT {did} AS d, min({time_us}) AS t FROM events WHERE {posts} GROUP BY d ORDER BY t LIMIT 3"),
    "q5_last_post": ({"filters": POSTS, "group_by": [{"column": "did", "alias": "d"}],
                      "aggregations": [{"type": "max", "column": "time_us", "alias": "t"}, {"type": "min", "column": "time_us", "alias": "f"}],
                      "order_by": [{"column": "t", "direction": "desc"}], "limit": 3},
                     "SELECT {did} AS d, max({time_us}) AS t, min({time_us}) AS f FROM events WHERE {posts} GROUP BY d ORDER BY t DESC LIMIT 3"),
}


def sql(query, text):
    """`text`: how a path is written."""
    words = {"collection": text("commit.collection"), "did": text("did"), "time_us": f"CAST({text('time_us')} AS BIGINT)", "feeds": tuple(FEEDS)}
    words["created"] = f"{text('kind')} = 'commit' AND {text('commit.operation')} = 'create'"
    words["posts"] = words["created"] + f" AND {words['collection']} = 'app.bsky.feed.post'"
    return query.format(**words)


class DuckDB:
    def __init__(self, name, table, text, threads):
        self.name, self.table, self.text = name, table, text
        self.connection = duckdb.connect(config={"threads": threads})

    def cpu_ms(self):
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return (usage.ru_utime + usage.ru_stime) * 1000

    def load(self, path):
        self.connection.execute(f"CREATE TABLE events AS {self.table.format(path=path)}")
        return {}

    def ask(self, name):
        cursor = self.connection.execute(sql(QUERIES[name][1], self.text))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor.fetchall()]

    def close(self):
        self.connection.close()


class Granary:
    def __init__(self, name, settings, paths):
        self.name = name
        folder = settings.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        self.node = Node(settings.binary, folder, MIN_WORKERS=settings.threads, MAX_WORKERS=settings.threads, SHRED_PATHS_MAX=paths, PARTIAL_CACHE_MB=0,
                         FLUSH_AGE_SECONDS=100000, TENANT_ID="bench")
        self.node.start()
        self.client = self.node.client()

    def cpu_ms(self):
        fields = pathlib.Path(f"/proc/{self.node.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    def post(self, target, body, kind="application/json"):
        self.client.connection.request("POST", target, body, {"Content-Type": kind})
        response = self.client.connection.getresponse()
        content = response.read()
        if response.status // 100 != 2:
            raise RuntimeError(f"{target}: {response.status} {content[:300]}")
        return json.loads(content) if content else None

    def load(self, path):
        self.post("/sources/add", json.dumps({"source_id": "events", "schema_mode": "json", "compression": "zstd"}))
        with open(path, "rb") as lines:
            self.post("/data/write?source_id=events", lines.read(), "application/x-ndjson")
        self.post("/sources/events/flush", "")
        files = list(self.node.data.rglob("*.parquet"))
        return {"bytes": sum(file.stat().st_size for file in files), "files": len(files)}

    def ask(self, name):
        return self.post("/data/aggregate", json.dumps({"source_ids": ["events"], **QUERIES[name][0]}))["results"]

    def close(self):
        self.node.stop()


def measure(peer, work, reps):
    times, cpu = [], peer.cpu_ms()
    for _ in range(reps):
        begin = time.perf_counter()
        work()
        times.append((time.perf_counter() - begin) * 1000)
    return {"min_ms": round(min(times), 2), "median_ms": round(statistics.median(times), 2), "cpu_ms": round((peer.cpu_ms() - cpu) / reps, 2)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--reps", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--binary", type=pathlib.Path, default=pathlib.Path("build/release/granary"))
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("build/bench/documents"))
    settings = parser.parse_args()
    settings.binary = settings.binary.resolve()
    settings.folder = settings.folder.resolve()
    settings.folder.mkdir(parents=True, exist_ok=True)
    path = settings.folder / f"events-{settings.events}.ndjson"
    if not path.exists():
        events.write(path, settings.events)
    peers = (lambda: DuckDB("duckdb_json", "SELECT json AS j FROM read_json_objects('{path}')",
                            lambda name: f"(j ->> '$.{name}')", settings.threads),
             lambda: DuckDB("duckdb_columns", "SELECT * FROM read_ndjson('{path}', sample_size=-1)", lambda name: name, settings.threads),
             lambda: Granary("granary_text", settings, 0), lambda: Granary("granary_shredded", settings, 64))
    truth = {}
    for make in peers:
        peer = make()
        try:
            loaded = {}
            found = measure(peer, lambda peer=peer: loaded.update(peer.load(path)), 1)
            print(json.dumps({"peer": peer.name, "case": "load", "events_per_s": round(settings.events / found["min_ms"] * 1000), "cpu_ms": found["cpu_ms"], **loaded}), flush=True)
            for name in QUERIES:
                answer = peer.ask(name)
                same = truth.setdefault(name, answer) == answer
                print(json.dumps({"peer": peer.name, "case": name, **measure(peer, lambda peer=peer, name=name: peer.ask(name), settings.reps),
                                  "answer": "equal" if same else f"DIFFERS {answer[:3]} {truth[name][:3]}"}), flush=True)
        finally:
            peer.close()


if __name__ == "__main__":
    main()
