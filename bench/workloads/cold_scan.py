"""Cold scan: aggregates over Parquet files that Granary wrote, by Granary and by DuckDB, from the disk.

Before each the files are dropped from the page cache and the reader starts anew: a node, a connection. The time is that
of the query; opening is not in it.
"""

from bench import machine, oracle, queries
from bench.answers import compare
from bench.measure import Meter, Sample, now

REPS = 5


def run(peer, recorder, settings):
    for query in queries.AGGREGATES:
        if query.name in queries.SCANS and settings.wants(query.name):
            try:
                recorder.sample(scan(peer, settings, query))
            except Exception as error:
                recorder.error(query.name, error)


def scan(peer, settings, query):
    # Granary's folder, whoever reads it.
    stored = settings.store / "granary"
    files = sorted(file for file in (stored / "node" / "data").rglob("*.parquet") if "orders" in file.parts)
    if not files:
        raise RuntimeError("Granary has no orders: run w2 first")
    times, answers, cpu, read = [], set(), 0.0, 0
    for _ in range(REPS):
        peer.close()
        machine.evict(stored)
        peer.open()
        with Meter(peer) as meter:
            start = now()
            rows = peer.scan(query, files) if hasattr(peer, "scan") else peer.aggregate(query)
            times.append(now() - start)
        cpu, read = cpu + meter.cpu_s, read + meter.disk_read
        answers.add(compare(rows, oracle.aggregate(settings, query), query.approximate))
    meter.cpu_s, meter.disk_read, meter.client_cpu_s = cpu, read, None
    return Sample.of(query.name, times, meter, wall_s=sum(times), answer=" ".join(sorted(answers)), files=len(files))
