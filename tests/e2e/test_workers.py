"""Workers come with the load and go after it; answers stay what they are."""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import threading
import time

import pytest

from node import BINARY, Node, until

FOLDER = pathlib.Path(__file__).resolve().parent
SEGMENTS, ROWS = 30, 2000
QUESTION = {"source_ids": ["t"], "group_by": ["g"], "order_by": [{"column": "g"}],
            "aggregations": [{"type": "count"}, {"type": "sum", "column": "v"}, {"type": "max", "column": "w"}]}


@pytest.fixture
def slow_disk(tmp_path):
    """The environment of a node that waits 5 ms for each read of a Parquet file."""
    library = tmp_path / "slow_disk.so"
    subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", library, FOLDER / "slow_disk.c", "-ldl"], check=True)
    # Without what keeps columns and results, and with all workers for every query: only then it waits for the disk.
    return {"LD_PRELOAD": str(library), "SLOW_DISK_MS": "5", "COLUMN_CACHE_MB": "1", "PARTIAL_CACHE_MB": "0",
            "QUERY_OPTIMIZATION_ENABLED": "false", "AUTO_COMPACTION_ENABLED": "false", "MAX_CONCURRENT_SEARCHES": "4"}


def fill(client):
    client.add({"source_id": "t", "schema_definition": {"g": "int64", "v": "int64", "w": "float64"}})
    for segment in range(SEGMENTS):
        client.write("t", [{"g": row % 7, "v": segment * ROWS + row, "w": row / 3} for row in range(ROWS)])
        client.flush("t")


def expected():
    values = range(SEGMENTS * ROWS)
    return [{"g": g, "count": sum((v % ROWS) % 7 == g for v in values), "sum_v": sum(v for v in values if (v % ROWS) % 7 == g),
             "max_w": max(row for row in range(ROWS) if row % 7 == g) / 3} for g in range(7)]


class Load:
    """Clients that ask the same again and again until it ends."""

    def __init__(self, node, clients, answers):
        self.over = threading.Event()
        self.asked = 0
        self.node, self.answers = node, answers
        self.pool = concurrent.futures.ThreadPoolExecutor(clients)
        self.jobs = [self.pool.submit(self.ask) for _ in range(clients)]

    def ask(self):
        client = self.node.client()
        while not self.over.is_set():
            assert client.aggregate(**QUESTION) == self.answers
            self.asked += 1
        client.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.pool.shutdown()
        for job in self.jobs:
            job.result()


def workers(client):
    return client.metric("granary_workers")


def test_workers_rise_under_load_and_fall_after_it(tmp_path, slow_disk):
    node = Node(tmp_path, env=slow_disk).start()
    client = node.client()
    fill(client)
    answers = expected()
    least = client.call("GET", "/scaling")["policy"]["workers_idle"]
    assert client.aggregate(**QUESTION) == answers
    until(lambda: workers(client) == least)
    with Load(node, 6, answers) as load:
        until(lambda: workers(client) >= least + 6)
        asked = load.asked
        until(lambda: load.asked > asked + 20)
    until(lambda: workers(client) == least)
    assert client.metric("granary_workers_grown_total") > 0
    assert client.metric("granary_workers_shrunk_total") > 0
    assert client.metric("granary_workers_max") == 50

    report = client.call("GET", "/scaling")
    grown = [one for one in report["decisions"] if one["step"] == "grow"]
    assert grown and all(one["workers"] > one["inputs"]["workers"] for one in grown)
    assert any("wait" in one["reason"] and one["inputs"]["queue_delay_ms"] > 40 for one in grown)
    assert any(one["step"] == "shrink" for one in report["decisions"])
    lines = [json.loads(line) for line in node.log().splitlines() if '"msg":"workers"' in line]
    assert lines and {"from", "to", "reason", "queue_delay_ms", "memory_percent"} <= lines[0].keys()
    assert client.aggregate(**QUESTION) == answers
    node.close()


@pytest.mark.parametrize("most", [3, 4, 5])
def test_the_most_workers_there_may_be(tmp_path, slow_disk, most):
    node = Node(tmp_path, env={**slow_disk, "MIN_WORKERS": "3", "MAX_WORKERS": str(most)}).start()
    client = node.client()
    fill(client)
    seen = set()
    with Load(node, 6, expected()):
        until(lambda: seen.add(workers(client)) or max(seen) == most)
        end = time.monotonic() + 1
        while time.monotonic() < end:
            seen.add(workers(client))
    assert min(seen) >= 3 and max(seen) == most
    until(lambda: workers(client) == 3)
    assert client.aggregate(**QUESTION) == expected()
    node.close()


def test_switched_off_the_number_of_workers_stays(tmp_path, slow_disk):
    node = Node(tmp_path, env={**slow_disk, "AUTO_SCALING_ENABLED": "false", "MIN_WORKERS": "5", "MAX_WORKERS": "9"}).start()
    client = node.client()
    fill(client)
    before = workers(client)
    with Load(node, 6, expected()) as load:
        until(lambda: load.asked > 30)
        assert workers(client) == before >= 5
    report = client.call("GET", "/scaling")
    assert not report["enabled"] and report["decisions"] == [] and report["inputs"] is None
    node.close()


@pytest.mark.parametrize("settings", [{"MIN_WORKERS": "0"}, {"MIN_WORKERS": "1025", "MAX_WORKERS": "1025"}, {"MIN_WORKERS": "3", "MAX_WORKERS": "2"},
                                      {"SCALE_UP_THRESHOLD_CPU": "100.1"}, {"SCALE_DOWN_THRESHOLD_MEMORY": "-0.1"}, {"SCALE_UP_THRESHOLD_CPU": "nan"},
                                      {"SCALE_DOWN_THRESHOLD_CPU": "71"}, {"SCALE_UP_THRESHOLD_MEMORY": "39"}])
def test_settings_that_make_no_sense_stop_the_start(tmp_path, settings):
    ended = subprocess.run([BINARY, "tenant-node"], cwd=tmp_path, capture_output=True, text=True, timeout=60,
                           env={**os.environ, "DATA_PATH": str(tmp_path / "data"), **settings})
    assert ended.returncode == 2 and any(name in ended.stderr for name in settings)


@pytest.mark.parametrize("settings", [{"MIN_WORKERS": "1", "MAX_WORKERS": "1"}, {"MIN_WORKERS": "1024", "MAX_WORKERS": "1024"},
                                      {"SCALE_UP_THRESHOLD_CPU": "30", "SCALE_DOWN_THRESHOLD_CPU": "30"},
                                      {"SCALE_UP_THRESHOLD_MEMORY": "0", "SCALE_DOWN_THRESHOLD_MEMORY": "0"}])
def test_settings_at_their_limits_serve(tmp_path, settings):
    node = Node(tmp_path, env=settings).start()
    client = node.client()
    client.add({"source_id": "t"})
    client.write("t", [{"g": 1}] * 100)
    assert client.aggregate(source_ids=["t"], aggregations=[{"type": "count"}]) == [{"count": 100}]
    assert int(settings.get("MIN_WORKERS", 1)) <= workers(client) <= int(settings.get("MAX_WORKERS", 50))
    node.close()
