"""kill -9 under concurrent writers and flushes, judged by a ledger outside the product."""

import http.client
import itertools
import threading

import pytest

from ledger import Ledger, payload_of
from node import Node, Refused

WRITERS = 4
SOURCES = ("events", "late")  # Answered once the disk has a write, and once the log file has it.


class Load:
    """Writers and a flusher until told to stop; each write goes through the ledger."""

    def __init__(self, node, ledger, ids, batches, seeded):
        self.node = node
        self.ledger = ledger
        self.ids = ids
        self.batches = batches
        self.stopping = threading.Event()
        self.acked = threading.Semaphore(0)
        self.flushes = 0
        self.flushed = threading.Semaphore(0)
        seeds = [seeded.random() for _ in range(WRITERS)]
        self.threads = [threading.Thread(target=self.write, args=(seed,)) for seed in seeds]
        self.threads.append(threading.Thread(target=self.flush))
        for thread in self.threads:
            thread.start()

    def write(self, seed):
        import random
        chooser = random.Random(seed)
        client = self.node.client(timeout=20)
        while not self.stopping.is_set():
            batch = next(self.batches)
            ids = [next(self.ids) for _ in range(chooser.choice((1, 1, 3, 20, 200)))]
            self.ledger.intend(batch, ids)
            rows = [{"id": i, "batch": batch, "payload": payload_of(i), "day": f"2024-01-{1 + i % 3:02}"} for i in ids]
            try:
                client.write(chooser.choice(SOURCES), rows)
                self.ledger.settle(batch, "acked")
                self.acked.release()
            except Refused as refused:
                # A 4xx changed nothing; after a 5xx nobody knows.
                self.ledger.settle(batch, "refused" if refused.status < 500 else "unknown")
            except (OSError, http.client.HTTPException, ValueError):
                if self.stopping.is_set() or self.node.process is None:
                    return
        client.close()

    def flush(self):
        client = self.node.client(timeout=20)
        for source in itertools.cycle(SOURCES):
            if self.stopping.is_set():
                return
            try:
                client.flush(source)
                self.flushes += 1
                self.flushed.release()
            except (OSError, http.client.HTTPException, Refused, ValueError):
                if self.stopping.is_set() or self.node.process is None:
                    return

    def kill_after(self, writes, flushes):
        for _ in range(writes):
            assert self.acked.acquire(timeout=30), "no write was acknowledged in 30 s"
        for _ in range(flushes):
            assert self.flushed.acquire(timeout=60), "no flush was done in 60 s"
        self.stopping.set()
        self.node.process.kill()
        self.node.process.wait()
        self.node.process = None
        for thread in self.threads:
            thread.join(timeout=60)
            assert not thread.is_alive()


def run_kills(folder, seeded, kills, figure):
    node = Node(folder).start()
    ledger = Ledger()
    ids, batches = itertools.count(1), itertools.count(1)
    client = node.client()
    for source, durability in zip(SOURCES, ("sync", "interval")):
        client.add({"source_id": source, "partition_columns": ["day"], "index_columns": ["id", "payload"], "durability": durability,
                    "schema_definition": {"id": "int64", "batch": "int64", "payload": "string", "day": "date"}})
    client.close()
    try:
        flushes = 0
        for round in range(kills):
            load = Load(node, ledger, ids, batches, seeded)
            # Mostly amid the first flush; every fifth time amid the one after it.
            load.kill_after(seeded.randint(1, 40), flushes=1 if round % 5 == 0 else 0)
            flushes += load.flushes
            node.start()
            client = node.client()
            rows = [line["fields"] for line in client.stream(source_ids=list(SOURCES), columns=["id", "batch", "payload"])]
            client.close()
            ledger.check(rows)
        figure(f"{kills} kills, {flushes} flushes: {ledger.counts()}, {len(rows)} records visible")
        assert ledger.counts()["acked"] >= kills and flushes >= kills // 5
        assert sum(node.client().call("GET", f"/sources/{source}/stats")["segments"] for source in SOURCES) > 0
    finally:
        node.close()


def test_50_kills_under_4_writers_and_flushes(tmp_path, seeded, figure):
    run_kills(tmp_path, seeded, 50, figure)


@pytest.mark.long
def test_1000_kills_under_4_writers_and_flushes(tmp_path, seeded, figure):
    run_kills(tmp_path, seeded, 1000, figure)
