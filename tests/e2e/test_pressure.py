"""Nodes with little memory stay usable: what needs memory has hot rows flushed and then gets it, what never fits is told so, and what
is no longer used is given back."""

import concurrent.futures
import json
import socket
import time

import pytest

from node import until
from test_memory import MB, memory_of

FIELDS = 990


def sparse_body(source, records, first=0):
    """A write of records with one field each: 26 bytes of text a record, 8 KB in memory."""
    return json.dumps({"source_id": source, "records": [{"fields": {f"n{(first + i) % FIELDS}": i}} for i in range(records)]}).encode()


def until_taken(client, body, seconds):
    """Sends it again as long as the node says so; how long that took, and how often it was put off."""
    began, put_off = time.monotonic(), 0
    while True:
        status, headers, content = client.raw("POST", "/data/write", body)
        took = time.monotonic() - began
        if status == 200:
            return took, put_off
        problem = json.loads(content)
        assert (status, problem["code"]) == (503, "OVERLOADED"), problem
        assert int(headers["retry-after"]) >= 1
        assert "MEMORY_LIMIT_MB" in problem["detail"] and not problem["detail"].startswith("0 more"), problem
        assert took < seconds, problem
        put_off += 1
        time.sleep(0.05)  # Sooner than the answer asks.


def named(client):
    """What running work holds by name."""
    return sum(client.metric(f"granary_memory_{part}_bytes") for part in ("queries", "writes", "bodies"))


# What a flush of a thousand columns takes besides its rows is counted once it is there: so much of the limit may be resident for a moment.
WIDE = 1.05
# What fits beside the program: 1,000 such records take 17 MB while they are written.
FIT = {96: 500, 128: 1000, 256: 1000}


@pytest.mark.parametrize("limit", [96, 128, 256])
def test_sparse_writes_and_pages_one_after_the_other_are_served(start_node, figure, limit):
    """Whose hot rows take three hundred times of their text. Each waits for a flush, if need be, and is not sent away."""
    node = start_node({"MEMORY_LIMIT_MB": str(limit)})
    client = node.client(timeout=300)
    client.add({"source_id": "s", "schema_mode": "evolve"})
    slowest, put_off, rows = 0, 0, 0
    for turn in range(8):
        took, again = until_taken(client, sparse_body("s", FIT[limit], turn), seconds=10)
        slowest, put_off, rows = max(slowest, took), put_off + again, rows + FIT[limit]
        began = time.monotonic()
        status, _, content = client.raw("POST", "/data/search", {"source_ids": ["s"], "limit": 1000})
        slowest = max(slowest, time.monotonic() - began)
        assert status == 200, content
        assert len(json.loads(content)["records"]) == min(rows, 1000)
        if turn == 0:
            assert memory_of(node, "VmHWM") < limit * MB
    peak, hot = memory_of(node, "VmHWM"), client.metric("granary_memory_hot_tier_bytes")
    figure(f"8 sparse writes of {FIT[limit]} records, a page of up to 1,000 after each, under a limit of {limit} MB: the slowest took {slowest:.2f} s, "
           f"{put_off} were put off, {hot / MB:.1f} MB hot at the end, peak {peak / MB:.1f} MB resident")
    assert slowest < 5
    assert put_off == 0
    assert peak < WIDE * limit * MB


@pytest.mark.parametrize("limit", [96, 128, 256])
def test_a_sparse_write_that_never_fits_is_told_so_at_once_and_parts_of_it_fit(start_node, figure, limit):
    node = start_node({"MEMORY_LIMIT_MB": str(limit)})
    client = node.client(timeout=300)
    client.add({"source_id": "s", "schema_mode": "evolve"})
    body = sparse_body("s", 10_000)
    for _ in range(3):
        began = time.monotonic()
        status, _, content = client.raw("POST", "/data/write", body)
        took, problem = time.monotonic() - began, json.loads(content)
        assert (status, problem["code"]) == (413, "TOO_LARGE"), problem
        assert "fewer records" in problem["detail"] and "MEMORY_LIMIT_MB" in problem["detail"], problem
        assert took < 5
    peak = memory_of(node, "VmHWM")
    assert peak < limit * MB
    figure(f"10,000 records of one of {FIELDS} fields each under a limit of {limit} MB: 413 after {took:.2f} s, peak {peak / MB:.1f} MB resident")
    assert peak < WIDE * limit * MB
    for first in range(0, 10_000, 500):
        until_taken(client, sparse_body("s", 500, first), seconds=10)
    assert client.aggregate(source_id="s", aggregations=[{"type": "count"}]) == [{"count": 10_000}]
    peak = memory_of(node, "VmHWM")
    figure(f"the same in twenty parts: all written, peak {peak / MB:.1f} MB resident")
    assert peak < WIDE * limit * MB


@pytest.mark.parametrize("limit", [96, 128, 256])
def test_sparse_writes_at_once_wait_for_each_other_and_none_is_given_up(start_node, figure, limit):
    """Each fits, and so none is told that it never does."""
    node = start_node({"MEMORY_LIMIT_MB": str(limit)})
    control = node.client()
    control.add({"source_id": "s", "schema_mode": "evolve"})

    def writer(number):
        client = node.client(timeout=300)
        took = [until_taken(client, sparse_body("s", FIT[limit], number), seconds=60) for _ in range(4)]
        client.close()
        return took

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        taken = [one for part in pool.map(writer, range(4)) for one in part]
    peak = memory_of(node, "VmHWM")
    figure(f"16 sparse writes of {FIT[limit]} records by 4 clients at once under a limit of {limit} MB: {max(took for took, _ in taken):.2f} s at most, "
           f"put off {sum(again for _, again in taken)} times, peak {peak / MB:.1f} MB resident")
    assert control.aggregate(source_id="s", aggregations=[{"type": "count"}]) == [{"count": 16 * FIT[limit]}]
    assert peak < WIDE * limit * MB


def test_little_that_is_hot_is_not_flushed_again_and_again(start_node):
    node = start_node({"MEMORY_LIMIT_MB": "96"})
    client = node.client(timeout=300)
    client.add({"source_id": "s", "schema_mode": "evolve"})
    until_taken(client, sparse_body("s", 500), seconds=10)
    for turn in range(40):
        until_taken(client, sparse_body("s", 1, turn), seconds=10)
        assert client.raw("POST", "/data/search", {"source_ids": ["s"], "limit": 100})[0] == 200
    assert client.call("GET", "/sources/s/stats")["segments"] <= 3


def test_wide_files_that_were_read_do_not_take_the_memory_for_good(start_node, figure):
    """What open files know of themselves, 2.8 MB of each with 990 columns, is counted by name and given back."""
    limit, files = 128, 20
    node = start_node({"MEMORY_LIMIT_MB": str(limit)})
    client = node.client(timeout=300)
    client.add({"source_id": "s", "schema_mode": "evolve"})
    for first in range(files):
        until_taken(client, sparse_body("s", FIELDS, first), seconds=10)
        client.flush("s")
    before = client.metric("granary_memory_others_bytes")
    for _ in range(3):
        status, _, content = client.raw("POST", "/data/search", {"source_ids": ["s"], "limit": 10_000, "filters": {"n1": {"gte": 0}}})
        assert (status, len(json.loads(content)["records"])) == (200, files), content[:500]
    until(lambda: named(client) < MB, seconds=5)
    opened = client.metric("granary_memory_open_files_bytes")
    until(lambda: client.metric("granary_memory_others_bytes") < 100 * MB, "the program and little else", seconds=5)
    others, peak = client.metric("granary_memory_others_bytes"), memory_of(node, "VmHWM")
    figure(f"{files} files of {FIELDS} columns read under a limit of {limit} MB: others {before / MB:.1f} MB before and {others / MB:.1f} MB after, "
           f"{opened / MB:.1f} MB of open files by name, peak {peak / MB:.1f} MB resident")
    assert 0 < opened <= limit * MB / 8
    assert peak < limit * MB


def test_after_clients_that_left_and_writes_that_were_refused_an_idle_node_has_its_memory_back(start_node, figure):
    limit = 128
    node = start_node({"MEMORY_LIMIT_MB": str(limit)})
    client = node.client(timeout=300)
    client.add({"source_id": "s", "schema_mode": "evolve"})
    large = sparse_body("s", 10_000)
    request = json.dumps({"source_ids": ["s"], "limit": 10_000}).encode()

    def leave(path, body):
        """Sends a request and goes away before the answer is there."""
        with socket.create_connection(("127.0.0.1", node.port)) as connection:
            connection.sendall(b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (path, len(body)) + body)

    for turn in range(6):
        until_taken(client, sparse_body("s", 700, turn), seconds=10)
        leave(b"/data/write", large)
        leave(b"/data/search", request)
        leave(b"/data/search/stream", request)
        client.raw("POST", "/data/write", large)
    until(lambda: named(client) == 0, seconds=10)
    until(lambda: client.metric("granary_memory_others_bytes") < 100 * MB, "the program and little else", seconds=5)
    until_taken(client, sparse_body("s", 1000), seconds=5)
    others, peak = client.metric("granary_memory_others_bytes"), memory_of(node, "VmHWM")
    figure(f"6 turns of writes and pages whose clients left, then idle: others {others / MB:.1f} MB, peak {peak / MB:.1f} MB resident")
    assert peak < WIDE * limit * MB


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_an_ordered_search_looks_at_more_files_than_may_be_open(start_node, direction):
    node = start_node({"MAX_OPEN_SEGMENTS": "16"})
    client = node.client(timeout=300)
    client.add({"source_id": "many", "schema_definition": {"part": "int32", "value": "float64"}, "partition_columns": ["part"]})
    rows = [{"part": number % 100, "value": float(number * 7919 % 1009)} for number in range(400)]
    client.write("many", rows)
    client.flush("many")
    assert client.call("GET", "/sources/many/stats")["segments"] == 100
    page = client.call("POST", "/data/search", {"source_ids": ["many"], "order_by": [{"column": "value", "direction": direction}], "limit": 20})
    wanted = sorted((row["value"] for row in rows), reverse=direction == "desc")[:20]
    assert [record["fields"]["value"] for record in page["records"]] == wanted
