"""The memory limit: imports, streams and aggregates many times its size stay under it, work that does not fit waits or is
refused, nothing ends the node, and what was used is given back."""

import concurrent.futures
import json
import os
import pathlib
import random
import threading
import time

import duckdb
import pytest

from node import Client, Node, Refused, until
from unfinished import UnfinishedCall

LIMIT_MB = 256
MB = 1 << 20


def memory_of(node, field):
    """VmHWM (the most that was ever resident) or VmRSS, in bytes."""
    for line in pathlib.Path(f"/proc/{node.process.pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) << 10
    raise AssertionError(field)


SMALL = {"MEMORY_LIMIT_MB": str(LIMIT_MB), "QUERY_MEMORY_MB": "8", "MEMORY_WAIT_MS": "60000", "IDLE_TIMEOUT_SECONDS": "3600"}


@pytest.fixture
def small(start_node):
    """A node with a small limit."""
    return start_node(SMALL)


def spill_files(node):
    return [path for path in pathlib.Path(node.data).glob("tenants/*/spill/*")]


def wide_batches(total_bytes, rows=4000, width=1000):
    """Bodies of about rows * width bytes, whose texts do not repeat within a batch."""
    rng = random.Random(7)
    texts = ["%0*x" % (width, rng.getrandbits(4 * width)) for _ in range(rows)]
    sent, number = 0, 0
    while sent < total_bytes:
        records = ",".join('{"fields":{"id":%d,"k":%d,"s":"%d%s"}}' % (number * rows + i, (number * 7919 + i * 104729) % 1_000_003,
                                                                  number, texts[i]) for i in range(rows))
        body = ('{"source_id":"wide","records":[' + records + "]}").encode()
        sent += len(body)
        number += 1
        yield body, rows


def stream_lines(node, body, on_chunk):
    """Reads a stream without keeping it."""
    client = node.client(timeout=300)
    client.connection.request("POST", "/data/search/stream", json.dumps(body), {"Content-Type": "application/json"})
    response = client.connection.getresponse()
    assert response.status == 200, response.read()
    total = 0
    while chunk := response.read1(1 << 16):
        total += len(chunk)
        on_chunk(chunk)
    client.close()
    return total


@pytest.mark.parametrize("times", [2, pytest.param(10, marks=pytest.mark.long)])
def test_imports_and_streams_many_times_the_limit_stay_under_it(small, figure, times):
    client = small.client(timeout=300)
    client.add({"source_id": "wide", "schema_definition": {"id": "int64", "k": "int64", "s": "string"}})
    began, sent, rows = time.monotonic(), 0, 0
    for body, count in wide_batches(times * LIMIT_MB * MB):
        while True:
            status, headers, content = client.raw("POST", "/data/write", body)
            if status != 503:
                break
            assert "retry-after" in headers
            time.sleep(0.1)  # As the answer asks, only sooner.
        assert status == 200, content
        sent += len(body)
        rows += count
    client.flush("wide")
    peak = memory_of(small, "VmHWM")
    figure(f"import of {sent / MB:.0f} MB ({rows} records) in {time.monotonic() - began:.1f} s under a limit of {LIMIT_MB} MB: "
           f"peak {peak / MB:.0f} MB resident")
    assert peak < LIMIT_MB * MB

    began, lines = time.monotonic(), [0]

    def count_lines(chunk):
        lines[0] += chunk.count(b"\n")

    total = stream_lines(small, {"source_id": "wide"}, count_lines)
    assert lines[0] == rows
    assert total > times * LIMIT_MB * MB * 0.9
    peak = memory_of(small, "VmHWM")
    figure(f"stream of {total / MB:.0f} MB in {time.monotonic() - began:.1f} s: peak {peak / MB:.0f} MB resident")
    assert peak < LIMIT_MB * MB

    began, lines[0], last, tail = time.monotonic(), 0, [-1], [b""]

    def check_order(chunk):
        parts = (tail[0] + chunk).split(b"\n")
        tail[0] = parts.pop()
        for part in parts:
            k = int(part[part.index(b'"k":') + 4:].split(b",", 1)[0])
            assert k >= last[0]
            last[0] = k
        lines[0] += len(parts)

    total = stream_lines(small, {"source_id": "wide", "order_by": [{"column": "k"}]}, check_order)
    assert lines[0] == rows
    peak, spilled = memory_of(small, "VmHWM"), client.metric("granary_spilled_bytes_total")
    figure(f"the same ordered by a column: {time.monotonic() - began:.1f} s, {spilled / MB:.0f} MB spilled, peak "
           f"{peak / MB:.0f} MB resident")
    assert spilled > 0
    assert peak < LIMIT_MB * MB
    assert spill_files(small) == []
    assert client.metric("granary_spill_bytes") == 0


KEYS = 1_000_000


@pytest.fixture(scope="module")
def million_keys(tmp_path_factory):
    """A node with a small limit and a source of a million keys, two records each."""
    node = Node(tmp_path_factory.mktemp("keyed"), dict(SMALL)).start()
    client = node.client(timeout=300)
    client.add({"source_id": "keyed", "schema_definition": {"key": "int64", "v": "int64", "f": "float64"}})
    for first in range(0, 2 * KEYS, 10_000):
        records = ",".join('{"fields":{"key":%d,"v":%d,"f":%d.25}}' % ((i * 7919) % KEYS, i % 1009, i % 501) for i in
                           range(first, first + 10_000))
        status, _, content = client.raw("POST", "/data/write", ('{"source_id":"keyed","records":[' + records + "]}").encode())
        assert status == 200, content
    client.flush("keyed")
    client.close()
    yield node
    node.close()


@pytest.fixture
def keyed(million_keys):
    """The same in a process of its own, whose memory is this test's."""
    million_keys.env = dict(SMALL)
    million_keys.restart()
    return million_keys


HEAVY = {"source_id": "keyed", "group_by": ["key"],
         "aggregations": [{"type": "count"}, {"type": "sum", "column": "v"}, {"type": "avg", "column": "f"}]}


def test_a_million_groups_under_a_small_share_are_duckdbs(keyed, figure):
    client = keyed.client(timeout=300)
    began = time.monotonic()
    answer = client.call("POST", "/data/aggregate", HEAVY)
    seconds = time.monotonic() - began
    assert len(answer["results"]) == KEYS
    assert answer["stats"]["spilled_bytes"] > 0
    expected = duckdb.sql(f"SELECT (i * 7919) % {KEYS} AS key, count(*), sum(i % 1009)::BIGINT, avg(i % 501 + 0.25::DOUBLE) "
                          f"FROM range(2 * {KEYS}) t(i) GROUP BY 1").fetchall()
    assert {(row["key"], row["count"], row["sum_v"], row["avg_f"]) for row in answer["results"]} == set(expected)
    # As they were first met.
    assert [row["key"] for row in answer["results"][:3]] == [(i * 7919) % KEYS for i in range(3)]
    top = client.call("POST", "/data/aggregate", {**HEAVY, "order_by": [{"column": "sum_v", "direction": "desc"}], "limit": 5})
    assert [row["sum_v"] for row in top["results"]] == sorted((row[2] for row in expected), reverse=True)[:5]
    peak, queries = memory_of(keyed, "VmHWM"), client.metric("granary_memory_queries_peak_bytes")
    figure(f"{KEYS} groups of {2 * KEYS} records under a share of 8 MB: {seconds:.1f} s, "
           f"{answer['stats']['spilled_bytes'] / MB:.0f} MB spilled, peak {peak / MB:.0f} MB resident, {queries / MB:.0f} MB reserved by queries")
    assert peak < LIMIT_MB * MB
    assert spill_files(keyed) == []


# Without groups: a million distinct keys and two million values of each column.
VALUES = {"source_id": "keyed",
          "aggregations": [{"type": "count_distinct", "column": "key"}, {"type": "count_distinct", "column": "f"},
                           {"type": "percentile", "column": "f", "p": 0.5, "alias": "f50"}, {"type": "percentile", "column": "f", "p": 0.99, "alias": "f99"},
                           {"type": "percentile", "column": "key", "p": 0.1234567, "alias": "k12"}, {"type": "sum", "column": "v"}]}


def test_millions_of_values_under_a_small_share_are_duckdbs(keyed, figure):
    client = keyed.client(timeout=300)
    began = time.monotonic()
    answer = client.call("POST", "/data/aggregate", VALUES)
    seconds = time.monotonic() - began
    assert answer["stats"]["spilled_bytes"] > 0
    table = f"SELECT (i * 7919) % {KEYS} AS key, i % 1009 AS v, i % 501 + 0.25::DOUBLE AS f FROM range(2 * {KEYS}) t(i)"
    expected = duckdb.sql("SELECT count(DISTINCT key), count(DISTINCT f), quantile_cont(f, 0.5), quantile_cont(f, 0.99), "
                          f"quantile_cont(key::DOUBLE, 0.1234567), sum(v)::BIGINT FROM ({table})").fetchall()
    assert [tuple(row.values()) for row in answer["results"]] == expected
    # The same of one group that is nearly all, among others.
    grouped = client.aggregate(**{**VALUES, "group_by": [{"column": "key", "transform": {"bucket": 900_000}, "alias": "part"}]})
    expected = duckdb.sql("SELECT (key // 900000) * 900000 AS part, count(DISTINCT key), count(DISTINCT f), quantile_cont(f, 0.5), quantile_cont(f, 0.99), "
                          f"quantile_cont(key::DOUBLE, 0.1234567), sum(v)::BIGINT FROM ({table}) GROUP BY 1").fetchall()
    assert {tuple(row.values()) for row in grouped} == set(expected)
    peak, queries = memory_of(keyed, "VmHWM"), client.metric("granary_memory_queries_peak_bytes")
    figure(f"count_distinct and percentiles of {2 * KEYS} records under a share of 8 MB: {seconds:.1f} s, "
           f"{answer['stats']['spilled_bytes'] / MB:.0f} MB spilled, peak {peak / MB:.0f} MB resident, {queries / MB:.0f} MB reserved by queries")
    assert peak < LIMIT_MB * MB
    assert spill_files(keyed) == []


def latencies_of_cancelling(node, request, step_mb):
    """Eight runs of a request that spills, each cancelled once so much more is written."""
    control = node.client()
    latencies = []
    for part in range(1, 9):
        done = {}

        def run():
            client = node.client(timeout=300)
            try:
                client.call("POST", "/data/aggregate", request)
            except Refused as refused:
                done["code"] = refused.code
            done["at"] = time.monotonic()

        before = control.metric("granary_spilled_bytes_total")
        thread = threading.Thread(target=run)
        thread.start()
        # While rows are written, and later while parts are read back and merged.
        while thread.is_alive() and control.metric("granary_spilled_bytes_total") - before < part * step_mb * MB:
            pass
        queries = control.call("GET", "/queries")["queries"]
        if queries:
            began = time.monotonic()
            control.raw("DELETE", f"/queries/{queries[0]['id']}")
            thread.join()
            if done.get("code") == "CANCELLED":
                latencies.append(done["at"] - began)
        thread.join()
        until(lambda: control.metric("granary_spill_bytes") == 0, seconds=5)
    assert len(latencies) >= 4
    return latencies


def test_cancelling_a_query_that_spills_is_prompt(keyed, figure):
    latencies = latencies_of_cancelling(keyed, HEAVY, 7)
    figure(f"a query that spills ends {1000 * max(latencies):.0f} ms after DELETE at the latest ({len(latencies)} times)")
    assert sorted(latencies)[len(latencies) // 2] < 0.05


def test_cancelling_a_query_of_many_values_is_prompt(keyed, figure):
    latencies = latencies_of_cancelling(keyed, VALUES, 14)
    figure(f"a query of many values ends {1000 * max(latencies):.0f} ms after DELETE at the latest ({len(latencies)} times)")
    assert sorted(latencies)[len(latencies) // 2] < 0.05


def test_temporary_files_past_their_limit_are_507(keyed):
    keyed.stop()
    keyed.env.update(SPILL_MAX_MB="16")
    keyed.start()
    client = keyed.client(timeout=300)
    for request in (HEAVY, VALUES):
        status, _, content = client.raw("POST", "/data/aggregate", request)
        problem = json.loads(content)
        assert (status, problem["code"]) == (507, "DISK_FULL")
        assert "SPILL_MAX_MB" in problem["detail"] and str(16 * MB) in problem["detail"]
        until(lambda: client.metric("granary_spill_bytes") == 0, seconds=5)
    assert spill_files(keyed) == []
    # What fits its memory needs none.
    total = sum(i % 1009 for i in range(2 * KEYS))
    assert client.aggregate(source_id="keyed", aggregations=[{"type": "sum", "column": "v"}]) == [{"sum_v": total}]


def test_many_heavy_queries_wait_or_are_refused_and_the_node_lives(keyed, figure):
    keyed.stop()
    keyed.env.update(MAX_CONCURRENT_SEARCHES="64", QUERY_MEMORY_MB="64", QUERY_START_MEMORY_KB="24576", MEMORY_WAIT_MS="1500",
                     HANDLER_THREADS="96")
    keyed.start()
    client = keyed.client(timeout=300)
    idle = memory_of(keyed, "VmRSS")
    expected = client.aggregate(**{**HEAVY, "limit": 20})
    waiting = [0]
    stop = threading.Event()

    def watch():
        watcher = keyed.client()
        while not stop.is_set():
            waiting[0] = max(waiting[0], watcher.metric("granary_memory_queries_waiting"))

    def ask(_):
        mine = keyed.client(timeout=300)
        status, headers, content = mine.raw("POST", "/data/aggregate", {**HEAVY, "limit": 20})
        mine.close()
        if status == 503:
            assert "retry-after" in headers and json.loads(content)["code"] == "OVERLOADED"
        return status, json.loads(content).get("results")

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(48) as pool:
        answers = list(pool.map(ask, range(48)))
    seconds = time.monotonic() - began
    stop.set()
    watcher.join()
    statuses = [status for status, _ in answers]
    assert set(statuses) <= {200, 503}
    assert statuses.count(200) > 0 and statuses.count(503) > 0, statuses
    assert all(results == expected for status, results in answers if status == 200)
    assert waiting[0] > 0
    assert keyed.process.poll() is None
    peak = memory_of(keyed, "VmHWM")
    assert peak < LIMIT_MB * MB
    until(lambda: client.metric("granary_memory_queries_bytes") == 0, seconds=5)
    cached = client.metric("granary_memory_column_cache_bytes")
    until(lambda: memory_of(keyed, "VmRSS") < 1.1 * idle + cached + 16 * MB, seconds=30)
    figure(f"48 heavy queries at once: {statuses.count(200)} answered, {statuses.count(503)} refused with 503, at most "
           f"{waiting[0]:.0f} waited for memory, {seconds:.1f} s; {idle / MB:.0f} MB resident before, {peak / MB:.0f} MB at most, "
           f"{memory_of(keyed, 'VmRSS') / MB:.0f} MB afterwards ({cached / MB:.0f} MB of it cached columns)")


def test_a_kill_while_a_query_spills_leaves_nothing(keyed):
    left = pathlib.Path(keyed.data) / "tenants/default_tenant/spill/000000000099.spill"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"of an earlier process")
    control = keyed.client()
    thread = threading.Thread(target=lambda: pytest.raises(Exception, keyed.client(timeout=300).call, "POST", "/data/aggregate", HEAVY))
    thread.start()
    while control.metric("granary_spill_bytes") == 0:
        pass
    keyed.kill()
    thread.join()
    keyed.start()
    assert spill_files(keyed) == []
    assert keyed.client(timeout=300).aggregate(source_id="keyed", aggregations=[{"type": "count"}]) == [{"count": 2 * KEYS}]


def test_a_write_that_never_fits_is_told_so(tmp_path):
    node = Node(tmp_path, env={"MEMORY_LIMIT_MB": "160", "MAX_BODY_MB": "64"}).start()
    try:
        client = node.client()
        client.add({"source_id": "t", "schema_definition": {"s": "string"}})
        client.write("t", [{"s": "x"}])
        body = json.dumps({"source_id": "t", "records": [{"fields": {"s": "x" * (60 * MB)}}]}).encode()
        status, _, content = client.raw("POST", "/data/write", body)
        assert (status, json.loads(content)["code"]) in {(413, "TOO_LARGE"), (503, "OVERLOADED")}
        client.write("t", [{"s": "y"}])
    finally:
        node.close()


def test_pages_of_wide_records_are_not_held_whole(start_node, figure):
    limit = 200
    node = start_node({"MEMORY_LIMIT_MB": str(limit)})
    client = node.client(timeout=300)
    client.add({"source_id": "w", "schema_definition": {"k": "int64", "s": "string"}})
    rng, rows, width, wide = random.Random(7), 8000, 12000, {"Content-Type": "application/x-ndjson"}
    for first in range(0, rows, 1000):
        lines = "".join('{"k":%d,"s":"%0*x"}\n' % (k, width, rng.getrandbits(4 * width)) for k in range(first, first + 1000))
        while (answer := client.raw("POST", "/data/write?source_id=w", lines.encode(), wide))[0] == 503:
            time.sleep(0.1)
        assert answer[0] == 200, answer
    client.flush("w")
    pathlib.Path(f"/proc/{node.process.pid}/clear_refs").write_text("5")  # VmHWM begins anew.

    def page(_):
        one, found, size = node.client(timeout=300), 0, 0
        one.connection.request("POST", "/data/search", json.dumps({"source_ids": ["w"], "limit": 10000}),
                               {"Content-Type": "application/json"})
        response = one.connection.getresponse()
        tail = b""
        while chunk := response.read(1 << 16):
            size += len(chunk)
            found += (tail[-14:] + chunk).count(b'{"source_id":"w"')
            tail = chunk
        one.close()
        return response.status, found, size

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        pages = list(pool.map(page, range(4)))
    peak = memory_of(node, "VmHWM")
    figure(f"4 pages of {pages[0][2] / MB:.0f} MB at once under a limit of {limit} MB: peak {peak / MB:.0f} MB resident")
    assert [(status, found) for status, found, _ in pages] == [(200, rows)] * 4
    # What a row group of long texts takes is a guess until it is decoded.
    assert peak < 1.5 * limit * MB


def test_a_small_body_without_a_length_fits_the_least_limit(start_node):
    node = start_node({"MEMORY_LIMIT_MB": "96", "MEMORY_WAIT_MS": "100"})
    client = node.client()
    client.add({"source_id": "t"})
    for _ in range(3):
        client.connection.request("POST", "/data/write?source_id=t", iter([b'{"a":1}\n']),
                                  {"Content-Type": "application/x-ndjson"}, encode_chunked=True)
        response = client.connection.getresponse()
        content = response.read()
        assert response.status == 200, content


def test_bodies_that_decode_to_far_more_than_they_are_stay_under_the_limit(start_node, figure):
    """Which the body is told, with the limit that is in the way."""
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    limit = 200
    node = start_node({"MEMORY_LIMIT_MB": str(limit), "MEMORY_WAIT_MS": "100"})
    client = node.client(timeout=300)
    client.add({"source_id": "t", "schema_definition": {"x": "string"}})
    table = pa.table({"x": pa.DictionaryArray.from_arrays(pa.array([0] * 400, pa.int32()), pa.array(["y" * 1_000_000]))})
    stream, file = pa.BufferOutputStream(), pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    parquet.write_table(pa.table({"x": table["x"].cast(pa.string())}), file, compression="zstd")
    for media, body in (("arrow.stream", stream), ("parquet", file)):
        sent = body.getvalue().to_pybytes()
        status, _, content = client.raw("POST", "/data/write?source_id=t", sent,
                                        {"Content-Type": f"application/vnd.apache.{media}"})
        peak = memory_of(node, "VmHWM")
        figure(f"{len(sent)} bytes of {media} that decode to 400 MB under a limit of {limit} MB: {status}, peak {peak / MB:.0f} MB resident")
        problem = json.loads(content)
        assert (status, problem["code"]) == (413, "TOO_LARGE"), problem
        assert "process" in problem["detail"], problem
        assert peak < limit * MB
    assert client.write("t", [{"x": "y"}])["written"] == 1

    # A legal table: of many columns it takes fewer rows at a time.
    file = pa.BufferOutputStream()
    parquet.write_table(pa.table({f"c{i}": pa.array([0] * 20_000, pa.int64()) for i in range(900)}), file, compression="zstd")
    client.add({"source_id": "wide"})
    status, _, content = client.raw("POST", "/data/write?source_id=wide", file.getvalue().to_pybytes(),
                                    {"Content-Type": "application/vnd.apache.parquet"})
    peak = memory_of(node, "VmHWM")
    figure(f"900 columns of 20,000 rows under a limit of {limit} MB: {status}, peak {peak / MB:.0f} MB resident")
    assert status == 200, content
    assert peak < limit * MB


def test_many_patterns_are_refused_before_they_take_memory(start_node, figure):
    limit = 200
    node = start_node({"MEMORY_LIMIT_MB": str(limit)})
    client = node.client(timeout=120)
    client.add({"source_id": "t", "schema_definition": {"s": "string"}})
    client.write("t", [{"s": "a" * 100}] * 1000)
    patterns = [{"s": {"regex": "(a|b){%d}" % (i % 500)}} for i in range(20_000)]
    began = time.monotonic()
    status, _, content = client.raw("POST", "/data/search", {"source_ids": ["t"], "filters": {"$or": patterns}})
    took, peak = time.monotonic() - began, memory_of(node, "VmHWM")
    figure(f"20,000 regexes: {status} after {took:.2f} s, peak {peak / MB:.0f} MB resident")
    problem = json.loads(content)
    assert (status, problem["code"]) == (413, "TOO_LARGE"), problem
    assert "QUERY_MEMORY_MB" in problem["detail"]
    assert peak < limit * MB
    found = client.rows(source_ids=["t"], limit=2000,
                        filters={"$or": [{"s": {"regex": "^(a|b){%d}$" % i}} for i in range(90, 110)]})
    assert len(found) == 1000


def test_grpc_messages_that_never_end_take_a_bounded_part(start_node, figure):
    """Nobody can reserve what the library has not handed over; its own limit has to hold."""
    node = start_node({"MEMORY_LIMIT_MB": "192"}, args=["both"])
    client = node.client()
    calls = [UnfinishedCall(node.grpc_port, "/granary.v1.TenantNode/WriteData", 15 << 20) for _ in range(24)]
    threads = [threading.Thread(target=call.send_all_but_the_last_byte, args=(3,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent, peak = sum(call.sent for call in calls), memory_of(node, "VmHWM")
    ended = sum(call.ended is not None for call in calls)
    figure(f"24 unfinished messages of 15 MiB, {sent >> 20} MiB taken in, {ended} calls ended: peak {peak >> 20} MiB")
    assert peak < 192 * MB
    client.add({"source_id": "t"})
    assert client.write("t", [{"i": 1}])["written"] == 1
    for call in calls:
        call.close()
