"""Sources with `durability: interval`: a write is answered before the disk has it."""

import http.client
import subprocess
import threading
import time

import pytest

from ledger import Ledger, payload_of
from node import BINARY, Refused

HOUR = {"DURABILITY_INTERVAL_MS": "60000", "WAL_LANES": "1"}


def test_an_acknowledgement_says_what_it_is_worth(start_node):
    client = start_node(HOUR).client()
    assert client.add({"source_id": "late", "durability": "interval"})["durability"] == "interval"
    assert client.call("GET", "/sources/late")["durability"] == "interval"
    assert client.write("late", [{"i": 1}])["durable"] is False
    assert [row["i"] for row in client.rows(source_ids=["late"])] == [1]
    assert client.call("PATCH", "/sources/late", {"durability": "sync"})["durability"] == "sync"
    assert client.write("late", [{"i": 2}])["durable"] is True
    assert client.call("PATCH", "/sources/late", {"durability": "interval"})["durability"] == "interval"
    assert client.write("late", [{"i": 3}])["durable"] is False


def test_without_a_log_there_is_nothing_to_sync(start_node):
    client = start_node().client()
    with pytest.raises(Refused) as refused:
        client.add({"source_id": "none", "durability": "interval", "wal_enabled": False})
    assert (refused.value.code, refused.value.pointers) == ("INVALID_DEFINITION", ["/durability"])
    client.add({"source_id": "none", "wal_enabled": False})
    with pytest.raises(Refused) as refused:
        client.call("PATCH", "/sources/none", {"durability": "interval"})
    assert (refused.value.code, refused.value.pointers) == ("INVALID_DEFINITION", ["/durability"])


def test_a_kill_before_any_sync_loses_nothing(start_node):
    node = start_node(HOUR)
    client = node.client()
    client.add({"source_id": "late", "durability": "interval"})
    for i in range(20):
        assert client.write("late", [{"i": i}])["durable"] is False
    assert client.metric("granary_wal_syncs_total") == 0
    node.kill()
    node.start()
    assert sorted(row["i"] for row in node.client().rows(source_ids=["late"], limit=100)) == list(range(20))


def test_the_log_is_synced_once_an_interval(start_node):
    client = start_node({"DURABILITY_INTERVAL_MS": "20", "WAL_LANES": "1"}).client()
    client.add({"source_id": "late", "durability": "interval"})
    client.write("late", [{"i": 1}])
    deadline = time.monotonic() + 30
    while client.metric("granary_wal_syncs_total") < 1:
        assert time.monotonic() < deadline, "the log was not synced"
    assert client.metric("granary_wal_syncs_total") == 1


def test_a_failed_sync_turns_it_read_only_and_keeps_what_was_acknowledged(start_node):
    node = start_node({"DURABILITY_INTERVAL_MS": "20", "WAL_LANES": "1"}, args=["--failpoints", "wal.after_sync=error@1"])
    client = node.client()
    client.add({"source_id": "late", "durability": "interval"})
    acked = []
    deadline = time.monotonic() + 30
    while True:
        try:
            client.write("late", [{"i": len(acked)}])
            acked.append(len(acked))
        except Refused as refused:
            assert refused.status == 503 and "read-only" in refused.problem["detail"], refused.problem
            break
        assert time.monotonic() < deadline, "nobody synced"
    assert acked
    for _ in range(3):
        with pytest.raises(Refused) as again:
            client.write("late", [{"i": -1}])
        assert again.value.status == 503, "a sync that failed is not tried again"
    ids = {"source_ids": ["late"], "columns": ["i"]}
    assert sorted(line["fields"]["i"] for line in client.stream(**ids)) == acked
    node.kill()
    node.start(args=[])
    there = sorted(line["fields"]["i"] for line in node.client().stream(**ids))
    assert there[:len(acked)] == acked and set(there) - set(acked) <= {len(acked)}


def test_a_clean_stop_under_writers_keeps_what_was_acknowledged(start_node):
    """SIGTERM while eight clients write: the stop is clean, soon, and loses no more than a kill would."""
    node = start_node(HOUR)
    node.client().add({"source_id": "late", "durability": "interval",
                       "schema_definition": {"id": "int64", "batch": "int64", "payload": "string"}})
    ledger, started = Ledger(), threading.Semaphore(0)

    def write(writer):
        client = node.client(timeout=20)
        for n in range(100_000):
            batch = writer * 100_000 + n
            ledger.intend(batch, [batch])
            try:
                client.write("late", [{"id": batch, "batch": batch, "payload": payload_of(batch)}])
            except Refused as refused:
                ledger.settle(batch, "refused" if refused.status < 500 else "unknown")
                return
            except (OSError, http.client.HTTPException, ValueError):
                return
            ledger.settle(batch, "acked")
            started.release()

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        assert started.acquire(timeout=30)
    begun = time.monotonic()
    assert node.stop() == 0
    assert time.monotonic() - begun < 30
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive()
    last = max((node.data / "wal" / "lane-0").glob("*.wal"))
    dump = subprocess.run([str(BINARY), "wal", "dump", str(last)], capture_output=True, text=True, check=True).stdout
    assert "end of lane" in dump[-400:], dump[-400:]
    node.start()
    rows = [line["fields"] for line in node.client().stream(source_ids=["late"], columns=["id", "batch", "payload"])]
    ledger.check(rows)
    assert ledger.counts()["acked"] >= 200


def test_single_records_a_second(start_node, figure):
    """Eight clients, a record each: what waiting for the disk costs."""
    rates = {}
    for durability in ("sync", "interval"):
        node = start_node()
        node.client().add({"source_id": "t", "durability": durability, "schema_definition": {"id": "int64", "text": "string"}})
        counts, stop = [0] * 8, threading.Event()

        def write(writer, node=node, counts=counts, stop=stop):
            client = node.client()
            while not stop.is_set():
                client.write("t", [{"id": writer, "text": "x" * 100}])
                counts[writer] += 1

        threads = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
        begun = time.monotonic()
        for thread in threads:
            thread.start()
        stop.wait(3)
        stop.set()
        for thread in threads:
            thread.join()
        rates[durability] = sum(counts) / (time.monotonic() - begun)
        written = node.client().aggregate(source_ids=["t"], aggregations=[{"type": "count", "alias": "n"}])
        assert written == [{"n": sum(counts)}]
    figure(f"8 clients, one record a write: sync {rates['sync']:,.0f}/s, interval {rates['interval']:,.0f}/s")
