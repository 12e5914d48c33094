"""How fast a node comes back: with a log to replay, and with many segments and nothing to replay.

Replay: orders are written in batches of 10,000 and stay in memory and log; the node is killed; the time is from the
start of the process until /health says ready. Start: a source of 1,000 partitions, a segment each, stopped cleanly.
"""

import shutil

from bench import data, queries
from bench.http_request import Client
from bench.measure import Meter, Sample, now
from bench.node import Node
from bench.peers import granary

REPLAY_ROWS = 1_000_000
BATCH = 10_000
SEGMENTS = 1_000
REPS = 5


def run(peer, recorder, settings):
    for case, measure in (("wal_replay", replay), (f"start_{SEGMENTS}_segments", start)):
        if not settings.wants(case):
            continue
        folder = peer.folder / case
        shutil.rmtree(folder, ignore_errors=True)
        try:
            recorder.sample(measure(peer, case, settings, folder))
        except Exception as error:
            recorder.error(case, error)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def replay(peer, case, settings, folder):
    """The node keeps everything in memory: nothing is flushed, so all of it is replayed each time."""
    large = 1 << 20
    node = Node(settings.binary, folder, FLUSH_ROWS=1_000_000_000, FLUSH_MB=large, FLUSH_AGE_SECONDS=31_536_000, WAL_LANE_MAX_MB=large,
                HOT_MEMORY_MAX_MB=large, WAL_RETENTION_MAX_MB=large)
    node.start()
    running, peer.node = peer.node, node
    client, peer.client = peer.client, node.client()
    try:
        peer.client.call("POST", "/sources/add", granary.definition("ingested", ["order_id", "customer_id"]))
        rows = min(REPLAY_ROWS, peer.rows)
        # Each connection's last batch must be acknowledged: so few that all of them are.
        written = peer.write_load(case, "json", "ingested", BATCH, 4, 600, requests_max=rows // BATCH).operations * BATCH
        log_bytes = peer.client.call("GET", "/sources/ingested/stats")["wal_bytes"]
        times, cpu = [], 0.0
        for _ in range(REPS):
            node.kill()
            times.append(node.start())
            with Meter(peer) as meter:
                pass
            cpu += meter.before[2]  # All that the new process has used.
        peer.client = node.client()
        found = peer.ingested()
    finally:
        if node.process is not None:
            node.kill()
        peer.node, peer.client = running, client
    meter.cpu_s, meter.disk_read = cpu, None
    sample = Sample.of(case, times, meter, wall_s=sum(times), rows=written, log_bytes=log_bytes,
                       answer="ok" if found == written else f"differs: {found} rows, not {written}")
    sample.extra.update(mb_per_s=round(log_bytes / sample.median_ms / 1e3, 1), rows_per_s=round(1000 * written / sample.median_ms))
    return sample


def start(peer, case, settings, folder):
    node = Node(settings.binary, folder)
    node.start()
    client = node.client()
    client.call("POST", "/sources/add", {"source_id": "many", "schema_definition": {"partition": "int32", "value": "float64"},
                                         "partition_columns": ["partition"]})
    records = [{"fields": {"partition": partition, "value": partition / 7}} for partition in range(SEGMENTS)]
    client.call("POST", "/data/write", {"source_id": "many", "records": records})
    client.call("POST", "/sources/many/flush")
    segments = client.call("GET", "/sources/many/stats")["segments"]
    times = []
    cpu = 0.0
    running, peer.node = peer.node, node
    try:
        for _ in range(REPS):
            node.stop()
            times.append(node.start())
            with Meter(peer) as meter:
                pass
            cpu += meter.before[2]
        rows = Client(node.port).call("POST", "/data/aggregate", {"source_ids": ["many"], "aggregations": [queries.COUNT]})
    finally:
        node.kill()
        peer.node = running
    meter.cpu_s, meter.disk_read = cpu, None
    found = rows["results"][0]["n"]
    return Sample.of(case, times, meter, wall_s=sum(times), segments=segments,
                     answer="ok" if found == SEGMENTS == segments else f"differs: {found} rows in {segments} segments")
