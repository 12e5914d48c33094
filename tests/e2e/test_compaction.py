"""Compaction: few files, the same answers; jobs; beside writers, readers, cursors, restarts and kills."""

import hashlib
import json
import os
import random
import subprocess
import threading
import time

import duckdb
import pytest

from node import BINARY, Node, Refused
from test_cursors import ids, pages

WRITES = 10_000
WRITERS = 4

TABLE = {"source_id": "t", "schema_definition": {"id": "int64", "k": "int64", "s": "string", "d": "decimal(12,2)", "at": "datetime64[ns]",
                                                  "l": "list<int64>", "b": "bool"}}


def row(seeded, number):
    made = {"id": number, "k": seeded.randrange(50), "s": f"s{seeded.randrange(200)}", "d": f"{seeded.randrange(10_000)}.{seeded.randrange(100):02}",
            "at": f"2024-01-{1 + seeded.randrange(28):02}T00:00:00.{seeded.randrange(10**9):09}Z", "l": [seeded.randrange(9) for _ in range(3)],
            "b": seeded.random() < 0.5}
    for name in list(made)[1:]:
        if seeded.random() < 0.1:
            made[name] = None
    return made


def answers(client, seeded_searches):
    found = []
    for body in seeded_searches:
        found.append(client.rows(**body))
    found.append(client.aggregate(source_ids=["t"], group_by=["k"], aggregations=[
        {"type": "count", "alias": "n"}, {"type": "sum", "column": "id", "alias": "sum"}, {"type": "max", "column": "s", "alias": "m"}],
        order_by=[{"column": "k", "direction": "asc"}]))
    return found


def searches(seeded, count):
    made = []
    for _ in range(count):
        filters = [{"k": {"gte": seeded.randrange(50)}}, {"s": {"eq": f"s{seeded.randrange(200)}"}}, {"id": {"lt": seeded.randrange(WRITES)}},
                   {"d": {"gt": f"{seeded.randrange(10_000)}.00"}}, {"b": {"eq": True}, "k": {"lt": seeded.randrange(50)}}][seeded.randrange(5)]
        made.append({"source_ids": ["t"], "filters": filters, "columns": ["id", "k", "s", "d", "at", "l", "b", "_seq"],
                     "order_by": [{"column": seeded.choice(["id", "k", "s", "_seq"]), "direction": seeded.choice(["asc", "desc"])}], "limit": 200})
    return made


def content(client):
    """A hash over every record with its sequence, whatever the order of files."""
    lines = sorted(json.dumps(record["fields"], sort_keys=True) for record in
                   client.stream(source_ids=["t"], columns=["id", "k", "s", "d", "at", "l", "b", "_seq"]))
    return len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest()


def await_job(client, job, states=("done", "failed", "cancelled")):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        found = client.call("GET", f"/jobs/{job}")
        if found["state"] in states:
            return found
        time.sleep(0.005)  # Between two looks; nothing depends on its length.
    raise AssertionError(f"job {job} did not end: {found}")


def parquet_files(node):
    return sorted(str(path) for path in (node.data / "tenants/default_tenant/sources/t").rglob("*.parquet"))


def test_files_are_as_large_as_the_settings_say(start_node):
    """MIN_FILE_SIZE_MB: what is smaller is merged; TARGET_FILE_SIZE_MB: how large a merge makes a file, to a row group; MAX_FILE_SIZE_MB: none is larger."""
    node = start_node({"MIN_FILE_SIZE_MB": "1", "TARGET_FILE_SIZE_MB": "2", "MAX_FILE_SIZE_MB": "4", "ROW_GROUP_MB": "1", "AUTO_COMPACTION_ENABLED": "false"})
    client = node.client()
    client.add({"source_id": "t", "schema_definition": {"id": "int64", "s": "string"}, "compression": "none"})
    noise = random.Random(7)
    # Eight files of about 0.8 MB, each too small, and then one that is whole.
    for part in range(8):
        client.write("t", [{"id": part * 800 + i, "s": noise.randbytes(512).hex()} for i in range(800)])
        client.flush("t")
    client.write("t", [{"id": 10_000 + i, "s": noise.randbytes(512).hex()} for i in range(1600)])
    client.flush("t")
    before = {path: os.path.getsize(path) for path in parquet_files(node)}
    assert len(before) == 9 and sum(size < 1 << 20 for size in before.values()) == 8
    whole, = (path for path, size in before.items() if size >= 1 << 20)
    client.call("POST", "/sources/t/compact?wait=true")
    assert client.call("GET", "/sources/t/stats")["rows"] == 8000
    live = client.call("GET", "/sources/t/stats")["files"]
    made = sorted(os.path.getsize(path) for path in parquet_files(node) if path not in before)
    assert whole in parquet_files(node) and live == len(made) + 1, "what is large enough is left alone"
    assert 3 <= len(made) <= 5 and all(size <= 4 << 20 for size in made) and all(size > 1 << 20 for size in made[1:]), made
    assert len(client.rows(source_id="t", columns=["id"], limit=10_000)) == 8000


@pytest.mark.parametrize("writes", [WRITES, pytest.param(50_000, marks=pytest.mark.long)])
def test_ten_thousand_one_row_writes_end_in_a_file(tmp_path, seeded, figure, writes):
    node = Node(tmp_path, {"AUTO_COMPACTION_ENABLED": "false", "SNAPSHOT_RETENTION_MINUTES": "0"}).start()
    try:
        client = node.client()
        client.add(dict(TABLE, durability="interval"))  # What waits for the disk is no part of the test.
        rows = [row(seeded, number) for number in range(writes)]

        def write(part):
            own = node.client()
            for n, made in enumerate(rows[part::WRITERS]):
                own.write("t", [made])
                if n % 25 == 24:
                    own.flush("t")
            own.close()

        threads = [threading.Thread(target=write, args=(part,)) for part in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        client = node.client()
        client.flush("t")
        before = client.call("GET", "/sources/t/stats")
        assert before["segments"] > 100 and before["last_compaction"] is None
        asked = searches(seeded, 40)
        content_before, answers_before = content(client), answers(client, asked)
        job = client.call("POST", "/sources/t/compact?wait=true")
        assert (job["state"], job["error"]) == ("done", None)
        after = client.call("GET", "/sources/t/stats")
        figure(f"{writes} one-row writes: {before['segments']} segments before, {after['segments']} after, {before['bytes']} and {after['bytes']} "
               f"bytes, merged in {job['ended_at']} - {job['started_at']}")
        assert after["segments"] == 1 and after["last_compaction"] is not None
        assert content(client) == content_before == (writes, content_before[1])
        assert answers(client, asked) == answers_before
        assert client.metric("granary_compaction_files_in_total") == before["segments"]
        deadline = time.monotonic() + 60
        while len(parquet_files(node)) > 1 and time.monotonic() < deadline:
            time.sleep(0.05)  # The background removes what nobody reads.
        (path,) = parquet_files(node)
        assert duckdb.sql(f"SELECT count(*), count(DISTINCT _seq), sum(id) FROM '{path}'").fetchall() == [(writes, writes, sum(range(writes)))]
        node.restart()
        client = node.client()
        assert content(client) == content_before
        assert node.stop() == 0
        check = subprocess.run([str(BINARY), "check", str(node.data)], capture_output=True, text=True, timeout=120)
        assert check.returncode == 0, check.stdout + check.stderr
    finally:
        node.close()


@pytest.fixture
def compacting(tmp_path):
    node = Node(tmp_path, {"AUTO_COMPACTION_ENABLED": "false"}).start()
    client = node.client()
    client.add(TABLE)
    yield node, client
    node.close()


def fill(client, seeded, files, rows_each, first=0):
    for n in range(files):
        client.write("t", [row(seeded, first + n * rows_each + i) for i in range(rows_each)])
        client.flush("t")


def test_cursors_go_on_beside_compactions_and_restarts(compacting, seeded):
    node, client = compacting
    fill(client, seeded, 12, 25)
    client.write("t", [row(seeded, 1_000 + i) for i in range(40)])
    expected = sorted([*range(300), *range(1_000, 1_040)])
    for order in ([], [{"column": "k", "direction": "asc"}]):
        turn = iter(range(1_000))

        def between():
            n = next(turn)
            client = node.client()
            if n % 4 == 0:
                client.write("t", [row(seeded, 10_000 + n)])
                client.flush("t")
            if n % 4 in (1, 3):
                assert client.call("POST", "/sources/t/compact?wait=true")["state"] == "done"
            if n % 7 == 6:
                node.restart()
                client = node.client()
            return client

        body = {"source_ids": ["t"], "columns": ["id"], "filters": {"id": {"lt": 10_000}}, "order_by": order}
        assert sorted(ids(pages(client, 17, between, **body))) == expected
        client = node.client()


def test_searches_and_writes_go_on_beside_compactions(compacting, seeded, figure):
    node, client = compacting
    fill(client, seeded, 20, 50)
    stop, failures, times = threading.Event(), [], []

    def read():
        own = node.client()
        while not stop.is_set():
            began = time.monotonic()
            found = own.rows(source_ids=["t"], columns=["id"], filters={"id": {"lt": 1_000}}, limit=10_000)
            times.append(time.monotonic() - began)
            if sorted(r["id"] for r in found) != list(range(1_000)):
                failures.append(len(found))
        own.close()

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    merged = 0
    for round_ in range(15):
        fill(client, seeded, 3, 1, first=2_000 + 3 * round_)
        merged += client.call("POST", "/sources/t/compact?wait=true")["files_before"]
    stop.set()
    for reader in readers:
        reader.join()
    assert not failures
    assert client.call("GET", "/sources/t/stats")["rows"] == 1_045
    figure(f"{len(times)} searches beside {merged} merged files, the slowest {1000 * max(times):.0f} ms")


def test_jobs_are_shown_cancelled_and_unknown_ones_refused(compacting, seeded):
    node, client = compacting
    fill(client, seeded, 3, 5)
    status, headers, body = client.raw("POST", "/sources/t/compact")
    job = json.loads(body)
    assert (status, headers["location"]) == (202, f"/jobs/{job['job_id']}")
    ended = await_job(client, job["job_id"])
    assert (ended["state"], ended["files_before"], ended["files_after"], ended["rows"]) == ("done", 3, 1, 15)
    assert ended["bytes_done"] == ended["bytes_total"] == ended["bytes_before"] and "3 files" in ended["reason"]
    assert [each["job_id"] for each in client.call("GET", "/jobs")["jobs"]] == [job["job_id"]]
    assert client.raw("DELETE", f"/jobs/{job['job_id']}")[0] == 204
    assert client.call("GET", f"/jobs/{job['job_id']}")["state"] == "done"
    for method, target in (("GET", "/jobs/none"), ("DELETE", "/jobs/none"), ("POST", "/sources/none/compact"), ("GET", "/sources/none/compaction")):
        with pytest.raises(Refused) as refused:
            client.call(method, target)
        assert refused.value.status == 404
    for target, named in (("/sources/t/compact?wait=maybe", "wait"), ("/sources/t/compact?weit=true", "weit")):
        with pytest.raises(Refused) as refused:
            client.call("POST", target)
        assert refused.value.status == 400 and named in refused.value.problem["detail"]
    with pytest.raises(Refused) as refused:
        client.call("POST", "/sources/t/compact", {"wait": True})
    assert refused.value.status == 400


def test_a_cancel_ends_a_job_promptly(tmp_path, seeded, figure):
    node = Node(tmp_path, {"AUTO_COMPACTION_ENABLED": "false"}).start()
    try:
        client = node.client()
        client.add({"source_id": "t", "sort_columns": ["s"], "compression": "zstd", "schema_definition": {"id": "int64", "s": "string", "k": "int64"}})
        for part in range(6):
            lines = "".join(f'{{"id":{part * 150_000 + i},"s":"{seeded.getrandbits(64):016x}","k":{i % 100}}}\n' for i in range(150_000))
            client.raw("POST", "/data/write?source_id=t", lines.encode(), {"Content-Type": "application/x-ndjson"})
            client.flush("t")
        before = client.aggregate(source_ids=["t"], aggregations=[{"type": "count"}, {"type": "sum", "column": "id"}])
        files = parquet_files(node)
        times = []
        for n in range(8):
            job = client.call("POST", "/sources/t/compact")["job_id"]
            found = await_job(client, job, ("running", "done"))
            while found["state"] == "running" and found["bytes_done"] * 10 < found["bytes_total"] * n:
                found = client.call("GET", f"/jobs/{job}")
            began = time.monotonic()
            assert client.raw("DELETE", f"/jobs/{job}")[0] == 204
            ended = await_job(client, job)
            if ended["state"] == "done":  # It was faster.
                break
            times.append(time.monotonic() - began)
            assert parquet_files(node) == files
        figure(f"{len(times)} cancels, {', '.join(f'{1000 * t:.0f}' for t in times)} ms")
        assert times
        assert client.aggregate(source_ids=["t"], aggregations=[{"type": "count"}, {"type": "sum", "column": "id"}]) == before
    finally:
        node.close()


def test_the_background_merges_and_survives_kills(tmp_path, seeded):
    node = Node(tmp_path, {"COMPACTION_FILES_DUE": "5", "SNAPSHOT_RETENTION_MINUTES": "0"}).start()
    try:
        client = node.client()
        client.add(TABLE)
        number = 0
        for _ in range(6):
            fill(client, seeded, 12, 3, first=number)
            number += 36
            node.kill()
            node.start()
            client = node.client()
            assert sorted(r["id"] for r in client.rows(source_ids=["t"], columns=["id"], limit=10_000)) == list(range(number))
        deadline = time.monotonic() + 60
        while client.call("GET", "/sources/t/stats")["segments"] > 20 and time.monotonic() < deadline:
            fill(client, seeded, 6, 1, first=number)
            number += 6
        assert client.call("GET", "/sources/t/stats")["segments"] <= 20
        assert client.call("GET", "/sources/t/stats")["rows"] == number
    finally:
        node.close()


def test_the_command_line_compacts_and_explains(compacting, seeded):
    node, client = compacting
    fill(client, seeded, 4, 3)

    def granary(*words):
        done = subprocess.run([str(BINARY), *words, "--url", f"http://127.0.0.1:{node.port}"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    told = granary("compaction", "explain", "t")
    assert "merge" in told and "4 small files" in told
    assert json.loads(granary("compaction", "explain", "t", "--output", "json")) == client.call("GET", "/sources/t/compaction")
    assert json.loads(granary("source", "compact", "t", "--wait"))["files_after"] == 1
    told = granary("compaction", "explain", "t", "--all")
    assert "leave" in told and "small, and the only one" in told


@pytest.mark.parametrize("owed", [9, 10, 11])
def test_writers_are_slowed_and_then_refused_while_files_wait_and_readers_never(tmp_path, seeded, owed):
    """Merges fail here, so that what waits for them stays: 24 small files are no debt, 10 more are too much."""
    settings = {"COMPACTION_DEBT_SLOW_FILES": "5", "COMPACTION_DEBT_MAX_FILES": "10", "COMPACTION_DELAY_MAX_MS": "50"}
    node = Node(tmp_path, settings, args=["--failpoints", "compact.before_segments=error@1+"]).start()
    try:
        client = node.client()
        client.add(TABLE)

        def owes(files):
            deadline = time.monotonic() + 30
            while client.metric("granary_compaction_debt_files") != files:
                assert time.monotonic() < deadline
                time.sleep(0.01)  # Between two looks; nothing depends on its length.

        fill(client, seeded, 24 + 4, 1)
        owes(4)
        assert client.metric("granary_writes_slowed_total") == 0 == client.metric("granary_write_delay_seconds")
        for files in range(5, min(owed, 10) + 1):
            fill(client, seeded, 1, 1, first=1000 + files)
            owes(files)
        assert client.metric("granary_writes_slowed_total") >= 3
        if owed == 9:
            assert 0.04 <= client.metric("granary_write_delay_seconds") <= 0.05
            fill(client, seeded, 1, 1, first=2000)
        else:
            status, headers, problem = client.raw("POST", "/data/write", {"source_id": "t", "records": [{"fields": row(seeded, 1)}]})
            assert status == 503 and 1 <= int(headers["retry-after"]) <= 60 and b"wait to be merged" in problem
            told = client.call("GET", "/sources/t/compaction")
            assert told["debt"]["files"] == 10 and told["writes"].startswith("refused: 10 files") and told["hours"] == "at any time"
            command = subprocess.run([str(BINARY), "compaction", "explain", "t", "--url", f"http://127.0.0.1:{node.port}"], capture_output=True, text=True)
            assert "writes: refused: 10 files" in command.stdout
            status, _, problem = client.raw("POST", "/data/write?source_id=t", b'{"id": 1}\n', {"Content-Type": "application/x-ndjson"})
            assert status == 503, problem
        before = content(client)
        assert before[0] == 34 and len(client.rows(source_ids=["t"], limit=100)) == 34
        node.args = []
        node.restart()
        client = node.client()
        owes(0)  # Merged without being asked: it is owed.
        assert content(client) == before
        client.write("t", [row(seeded, 9)])
    finally:
        node.close()


def test_without_automatic_compaction_no_writer_waits_for_it(tmp_path, seeded):
    settings = {"COMPACTION_DEBT_SLOW_FILES": "1", "COMPACTION_DEBT_MAX_FILES": "1", "AUTO_COMPACTION_ENABLED": "false"}
    node = Node(tmp_path, settings).start()
    try:
        client = node.client()
        client.add(TABLE)
        fill(client, seeded, 24 + 6, 1)
        assert client.call("GET", "/sources/t/compaction")["debt"]["files"] == 6
        assert client.metric("granary_writes_slowed_total") == 0
    finally:
        node.close()


@pytest.mark.parametrize("settings", [{"COMPACTION_WINDOW": "22:00"}, {"COMPACTION_WINDOW": "25:00-06:00"}, {"COMPACTION_WINDOW": "06:00-06:00"},
                                      {"COMPACTION_DEBT_SLOW_FILES": "0"}, {"COMPACTION_DEBT_SLOW_FILES": "4001"}, {"COMPACTION_DELAY_MAX_MS": "60001"}])
def test_settings_of_debt_and_hours_that_make_no_sense_stop_the_start(tmp_path, settings):
    ended = subprocess.run([BINARY, "tenant-node"], cwd=tmp_path, capture_output=True, text=True, timeout=60,
                           env={**os.environ, "DATA_PATH": str(tmp_path / "data"), **settings})
    assert ended.returncode == 2 and any(name in ended.stderr for name in settings)


def test_outside_of_the_hours_only_whoever_asks_merges(tmp_path, seeded):
    now = time.gmtime()
    later = f"{(now.tm_hour + 2) % 24:02}:00-{(now.tm_hour + 3) % 24:02}:00"
    node = Node(tmp_path, {"COMPACTION_WINDOW": later, "COMPACTION_FILES_DUE": "4"}).start()
    try:
        client = node.client()
        client.add(TABLE)
        fill(client, seeded, 12, 1)
        assert client.call("GET", "/sources/t/compaction")["hours"].startswith("later")
        assert client.call("GET", "/jobs")["jobs"] == []
        assert client.call("POST", "/sources/t/compact?wait=true")["files_after"] == 1
    finally:
        node.close()
