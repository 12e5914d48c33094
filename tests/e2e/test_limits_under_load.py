"""Limits of what a node does at once and of how long it waits; and the fixed ones of names and types."""

import concurrent.futures
import json
import os
import random
import socket
import subprocess
import time

import pytest

from node import BINARY, Node, until

HEAD = b"POST /data/search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture
def started(tmp_path):
    """Starts a node with settings; it ends with the test."""
    nodes = []

    def start(args=(), **settings):
        nodes.append(Node(tmp_path, env=settings, args=args).start())
        return nodes[-1]

    yield start
    for node in nodes:
        node.close()


def connect(node):
    return socket.create_connection(("127.0.0.1", node.port), timeout=60)


def get(connection, target=b"/health"):
    connection.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    return connection.recv(65536)


def ended(connection):
    """Everything that still comes, once the other side has closed."""
    content = b""
    try:
        while piece := connection.recv(65536):
            content += piece
    except ConnectionResetError:
        pass
    return content


def test_connections(started):
    node = started(MAX_CONNECTIONS="3")
    probe = node.client()
    until(lambda: probe.metric("granary_http_connections") == 1)
    more = [connect(node) for _ in range(2)]
    for connection in more:
        assert get(connection).startswith(b"HTTP/1.1 200")
    with connect(node) as one_too_many:
        answer = ended(one_too_many)
    assert answer.startswith(b"HTTP/1.1 503") and b'"code":"OVERLOADED"' in answer and b"Retry-After" in answer
    more[0].close()
    until(lambda: probe.metric("granary_http_connections") == 2)
    with connect(node) as again:
        assert get(again).startswith(b"HTTP/1.1 200")


def slow_source(node):
    """A source and a search of it that takes seconds: an expression that must be tried at every place."""
    client = node.client()
    client.add({"source_id": "slow", "schema_definition": {"s": "string"}})
    chooser = random.Random(5)
    for _ in range(4):
        client.write("slow", [{"s": "".join(chooser.choices("abcdef", k=1000))} for _ in range(5000)])
    return {"source_ids": ["slow"], "filters": {"s": {"regex": "[ab].{300}[cd].{300}x"}}, "limit": 1}


def test_searches_at_once_and_in_the_queue(started):
    node = started(MAX_CONCURRENT_SEARCHES="2", MAX_QUEUED_SEARCHES="2")
    body, watcher = slow_source(node), node.client()

    def ask():
        client = node.client(timeout=60)
        status, headers, content = client.raw("POST", "/data/search", body)
        client.close()
        return status, headers, json.loads(content)

    def states():
        return [query["state"] for query in watcher.call("GET", "/queries")["queries"]]

    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        asked = []
        for expected in (["running"], ["running"] * 2, ["running"] * 2 + ["queued"], ["running"] * 2 + ["queued"] * 2):
            asked.append(pool.submit(ask))
            until(lambda: sorted(states(), reverse=True) == expected)
        status, headers, problem = ask()
        assert (status, problem["code"]) == (503, "OVERLOADED") and int(headers["retry-after"]) >= 1
        assert watcher.call("POST", "/data/write", {"source_id": "slow", "records": [{"fields": {"s": "x"}}]})["written"] == 1
        while not all(one.done() for one in asked):
            for query in watcher.call("GET", "/queries")["queries"]:
                watcher.raw("DELETE", f"/queries/{query['id']}")
        assert [one.result()[0] for one in asked] == [499] * 4
        assert watcher.search(source_ids=["slow"], limit=1)["count"] == 1


@pytest.mark.parametrize("column", ["s", "j.t"])
def test_a_costly_expression_ends_soon(started, column):
    """Many milliseconds a row, so that no fixed number of rows is a short time."""
    node = started()
    client = node.client()
    client.add({"source_id": "t", "schema_definition": {"s": "string", "j": "json"}})
    chooser = random.Random(5)
    for _ in range(4):
        texts = ["".join(chooser.choices("abcdef", k=1000)) for _ in range(5000)]
        client.write("t", [{"s": text} if column == "s" else {"j": {"t": text}} for text in texts])
    body = {"source_ids": ["t"], "filters": {column: {"regex": "[ab].{300}[cd].{300}x"}}, "limit": 1}

    def ask(**headers):
        asking = node.client(timeout=60)
        status, _, _ = asking.raw("POST", "/data/search", body, headers)
        asking.close()
        return status

    taken = []
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for _ in range(5):
            asked = pool.submit(ask)
            query = until(lambda: [one for one in client.call("GET", "/queries")["queries"] if one["rows_scanned"] > 0])[0]
            start = time.monotonic()
            assert client.raw("DELETE", f"/queries/{query['id']}")[0] == 204
            assert asked.result() == 499
            taken.append(time.monotonic() - start)
    for _ in range(5):
        start = time.monotonic()
        assert ask(**{"X-Timeout-Ms": "100"}) == 504
        taken.append(time.monotonic() - start - 0.1)
    assert sorted(taken)[5] < 0.5, taken


def test_bodies_of_all_requests(started):
    node = started(MAX_BODY_MB="1", MAX_BODIES_MB="1")
    watcher = node.client()
    half = 1 << 19
    for size, status in ((half, b"400"), (half + 1, b"400"), (half + 2, b"503")):  # 400: it was read, and is no JSON.
        with connect(node) as slow, connect(node) as second:
            slow.sendall(HEAD % half + b" " * (half - 1))
            until(lambda: watcher.metric("granary_memory_bodies_bytes") >= half - 1)
            second.sendall(HEAD % size + b" " * size)
            assert second.recv(65536).startswith(b"HTTP/1.1 " + status), size
        until(lambda: watcher.metric("granary_memory_bodies_bytes") == 0)


def test_memory_of_records_that_are_not_flushed(started):
    node = started(args=["--failpoints", "flush.before_segments=error@1+"], HOT_MEMORY_MAX_MB="4", MEMORY_WAIT_MS="100")
    client = node.client()
    client.add({"source_id": "t", "schema_definition": {"s": "string"}})
    written = 0
    while True:
        status, headers, content = client.raw("POST", "/data/write", {"source_id": "t", "records": [{"fields": {"s": "x" * 1000}}] * 100})
        if status != 200:
            break
        written += 100
        assert written < 10_000, "ten megabytes fit into four"
    assert (status, json.loads(content)["code"]) == (503, "OVERLOADED") and int(headers["retry-after"]) >= 1
    assert 2_000 <= written <= 4_300
    assert client.aggregate(aggregations=[{"type": "count"}]) == [{"count": written}]
    node.kill()
    node.start(args=[])
    client = node.client()
    client.flush("t")
    assert client.write("t", [{"s": "y"}])["written"] == 1
    assert client.aggregate(aggregations=[{"type": "count"}]) == [{"count": written + 1}]


def test_columns_of_one_write_in_the_log(started):
    """The frame of one long text, to the byte: the least that is refused lies within a kilobyte below the limit."""
    client = started(WAL_BATCH_MAX_MB="1", MAX_BODY_MB="4").client()
    client.add({"source_id": "t"})

    def write(size):
        status, _, content = client.raw("POST", "/data/write", {"source_id": "t", "records": [{"fields": {"s": "x" * size}}]})
        assert status == 200 or (status, json.loads(content)["code"]) == (413, "TOO_LARGE"), content
        return status == 200

    limit = 1 << 20
    assert not write(limit)
    assert client.call("GET", "/sources/t")["schema_definition"] == {}  # A refused batch brings no column.
    fits, refused = limit - 4096, limit
    rows = 1
    assert write(fits)
    while refused - fits > 1:
        middle = (fits + refused) // 2
        if write(middle):
            fits, rows = middle, rows + 1
        else:
            refused = middle
    assert limit - 1024 < refused <= limit
    assert client.aggregate(aggregations=[{"type": "count"}]) == [{"count": rows}]


def test_idempotency_keys(started):
    node = started(MAX_IDEMPOTENCY_KEYS="3")
    client = node.client()
    client.add({"source_id": "t"})

    def write(key):
        status, headers, content = client.raw("POST", "/data/write", {"source_id": "t", "records": [{"fields": {"k": key}}]},
                                              {"Idempotency-Key": key})
        assert status == 200, content
        return headers.get("idempotency-replayed") == "true"

    assert [write(key) for key in ("a", "b")] == [False, False] and write("a")
    assert not write("c") and write("a") and write("b")
    assert not write("d")  # One too many: the oldest is forgotten, the others are known.
    assert write("b") and write("c") and write("d")
    assert not write("a")


@pytest.mark.parametrize("length,status", [(1, 200), (254, 200), (255, 200), (256, 400), (0, 400)])
def test_length_of_an_idempotency_key(started, length, status):
    client = started().client()
    client.add({"source_id": "t"})
    got, _, content = client.raw("POST", "/data/write", {"source_id": "t", "records": []}, {"Idempotency-Key": "k" * length})
    assert got == status, content


def test_a_body_without_progress(started):
    node = started(BODY_TIMEOUT_SECONDS="2", BODY_PROGRESS_KB="0")
    with connect(node) as stalled, connect(node) as steady:
        stalled.sendall(HEAD % 10 + b"{")
        steady.sendall(HEAD % 6)
        for byte in b"{    }":
            time.sleep(1)  # The slowness of the client is what is tested: slower in all than the limit, never at once.
            steady.sendall(bytes([byte]))
        assert steady.recv(65536).startswith(b"HTTP/1.1 200")
        assert ended(stalled).startswith(b"HTTP/1.1 408")


def test_a_connection_between_requests(started):
    node = started(IDLE_TIMEOUT_SECONDS="2")
    with connect(node) as connection:
        for _ in range(3):
            assert get(connection).startswith(b"HTTP/1.1 200")
            time.sleep(1)  # Below the limit each time.
        start = time.monotonic()
        assert ended(connection) == b""
        assert 0.5 < time.monotonic() - start < 30


def endless(node):
    """A stream that nobody takes."""
    client = node.client()
    client.add({"source_id": "big"})
    for _ in range(6):
        client.write("big", [{"i": i, "s": "x" * 1000} for i in range(10_000)])
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", node.port))
    connection.sendall((HEAD % 2 + b"{}").replace(b"/data/search", b"/data/search/stream"))
    until(lambda: client.call("GET", "/queries")["queries"])
    return connection, client


def test_a_client_that_does_not_take_its_answer(started):
    node = started(WRITE_TIMEOUT_SECONDS="2")
    connection, client = endless(node)
    start = time.monotonic()
    with connection:
        until(lambda: not client.call("GET", "/queries")["queries"])
        assert 1 < time.monotonic() - start < 30
        assert not ended(connection).endswith(b"0\r\n\r\n")  # Cut, so that it is not taken for whole.


@pytest.mark.parametrize("seconds", [0, 2])
def test_running_requests_when_the_node_stops(started, seconds):
    node = started(STOP_TIMEOUT_SECONDS=str(seconds))
    connection, _ = endless(node)
    with connection:
        start = time.monotonic()
        assert node.stop() == 0
        assert seconds * 0.9 <= time.monotonic() - start < seconds + 30


@pytest.mark.parametrize("kind,fits", [("decimal(37,2)", True), ("decimal(38,2)", True), ("decimal(39,2)", False), ("decimal(38,38)", True),
                                       ("decimal(38,39)", False)])
def test_digits_of_a_decimal(started, kind, fits):
    status, _, content = started().client().raw("POST", "/sources/add", {"source_id": "t", "schema_definition": {"d": kind}})
    assert (status, json.loads(content).get("code")) == ((201, None) if fits else (400, "INVALID_DEFINITION")), content


def test_digits_of_a_decimal_value(started):
    client = started().client()
    client.add({"source_id": "t", "schema_definition": {"d": "decimal(38,0)"}})
    for digits, status in ((37, 200), (38, 200), (39, 400)):
        got, _, content = client.raw("POST", "/data/write", {"source_id": "t", "records": [{"fields": {"d": "9" * digits}}]})
        assert got == status, content
    assert client.rows() == [{"d": "9" * 37}, {"d": "9" * 38}]


def test_nesting_of_lists(started):
    client = started().client()
    for depth, status in ((7, 201), (8, 201), (9, 400)):
        kind = "list<" * depth + "int8" + ">" * depth
        got, _, content = client.raw("POST", "/sources/add", {"source_id": f"t{depth}", "schema_definition": {"l": kind}})
        assert got == status and (status == 201 or json.loads(content)["code"] == "INVALID_DEFINITION"), content
        if status == 201:
            value = 1
            for _ in range(depth):
                value = [value]
            client.write(f"t{depth}", [{"l": value}])
            client.flush(f"t{depth}")
            assert client.rows(source_ids=[f"t{depth}"]) == [{"l": value}]


@pytest.mark.parametrize("size,status", [(0, 400), (1, 201), (65535, 201), (65536, 201), (65537, 400)])
def test_size_of_a_file(started, size, status):
    got, _, content = started().client().raw("POST", "/sources/add", {"source_id": "t", "max_file_size_mb": size})
    assert (got, json.loads(content).get("code")) == (status, None if status == 201 else "INVALID_REQUEST"), content


def test_places_that_one_answer_names(started):
    client = started().client()
    client.add({"source_id": "t", "schema_mode": "strict", "schema_definition": {"i": "int64"}})
    for wrong, named in ((19, 19), (20, 20), (21, 20)):
        _, _, content = client.raw("POST", "/data/write", {"source_id": "t", "records": [{"fields": {"i": 1}}] + [{"fields": {"i": "x"}}] * wrong})
        pointers = [error["pointer"] for error in json.loads(content)["errors"]]
        assert pointers == [f"/records/{i + 1}/fields/i" for i in range(named)]


@pytest.mark.parametrize("length", [127, 128, 129])
def test_length_of_the_tenants_id(tmp_path, length):
    done = subprocess.run([str(BINARY), "config", "show", "--output", "json"], cwd=tmp_path, env={**os.environ, "TENANT_ID": "t" * length},
                          capture_output=True, text=True, timeout=60)
    if length > 128:
        assert done.returncode != 0 and "TENANT_ID" in done.stderr
    else:
        assert json.loads(done.stdout)["TENANT_ID"]["value"] == "t" * length
