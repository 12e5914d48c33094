"""Whatever comes in wrong is refused clearly, changes nothing, and the node lives."""

import json
import os
import socket
import subprocess
import time

import pytest

from node import BINARY, Node, Refused


def crc32c(data):
    """CRC-32C, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


SCHEMA = {"source_id": "t", "schema_mode": "strict",
          "schema_definition": {"s": "string", "i": "int64", "f": "float64", "d": "decimal(6,2)", "at": "timestamp"}}

CASES = [
    # method, target, body, status, code, pointer
    ("POST", "/data/write", b"", 400, None, None),
    ("POST", "/data/write", b"{", 400, "INVALID_JSON", None),
    ("POST", "/data/write", b'{"source_id": "t", "records": [{"fields": {"s": "\xff"}}]}', 400, "INVALID_JSON", None),
    ("POST", "/data/write", {"source_id": "t"}, 400, "INVALID_REQUEST", "/records"),
    ("POST", "/data/write", {"records": []}, 400, "INVALID_REQUEST", "/source_id"),
    ("POST", "/data/write", {"source_id": "../t", "records": []}, 400, "INVALID_IDENTIFIER", "/source_id"),
    ("POST", "/data/write", {"source_id": "t", "recods": []}, 400, "UNKNOWN_MEMBER", "/recods"),
    ("POST", "/data/write", {"source_id": "nobody", "records": [{"fields": {}}]}, 404, "SOURCE_NOT_FOUND", None),
    ("POST", "/data/write", {"source_id": "t", "records": [{"fields": {"i": 1}}, {"fields": {"i": "x"}}]}, 400,
     "INVALID_RECORD", "/records/1/fields/i"),
    ("POST", "/data/write", {"source_id": "t", "records": [{"fields": {"i": 1.5}}]}, 400, "INVALID_RECORD", "/records/0/fields/i"),
    ("POST", "/data/write", b'{"source_id": "t", "records": [{"fields": {"i": 9223372036854775808}}]}', 400,
     "INVALID_RECORD", "/records/0/fields/i"),
    ("POST", "/data/write", {"source_id": "t", "records": [{"fields": {"d": 1.234}}]}, 400, "INVALID_RECORD", "/records/0/fields/d"),
    ("POST", "/data/write", {"source_id": "t", "records": [{"fields": {"at": "yesterday"}}]}, 400, "INVALID_RECORD", "/records/0/fields/at"),
    ("POST", "/data/write", {"source_id": "t", "records": [{"fields": {"nope": 1}}]}, 400, "INVALID_RECORD", "/records/0/fields/nope"),
    ("POST", "/data/write", {"source_id": "t", "records": [{"field": {}}]}, 400, None, "/records/0/field"),
    ("POST", "/data/write", {"source_id": "t", "records": [7]}, 400, "INVALID_REQUEST", "/records/0"),
    ("POST", "/data/search", {"limit": 10001}, 400, None, "/limit"),
    ("POST", "/data/search", {"limit": -1}, 400, None, "/limit"),
    ("POST", "/data/search", {"filters": {"i": {"gt": "abc"}}}, 400, "INVALID_LITERAL", "/filters/i/gt"),
    ("POST", "/data/search", {"filters": {"i": {"above": 1}}}, 400, "UNKNOWN_OPERATOR", "/filters/i/above"),
    ("POST", "/data/search", {"filters": {"nope": 1}}, 400, "UNKNOWN_COLUMN", "/filters/nope"),
    ("POST", "/data/search", {"filters": {"$xor": []}}, 400, None, "/filters/$xor"),
    ("POST", "/data/search", {"filters": {"s": {"regex": "("}}}, 400, "INVALID_LITERAL", "/filters/s/regex"),
    ("POST", "/data/search", {"columns": ["nope"]}, 400, "UNKNOWN_COLUMN", "/columns/0"),
    ("POST", "/data/search", {"order_by": [{"column": "s", "direction": "up"}]}, 400, None, "/order_by/0/direction"),
    ("POST", "/data/search", {"source_ids": ["gone"]}, 404, "SOURCE_NOT_FOUND", None),
    ("POST", "/data/aggregate", {"aggregations": []}, 400, None, "/aggregations"),
    ("POST", "/data/aggregate", {"aggregations": [{"type": "sum", "column": "s"}]}, 422, "TYPE_MISMATCH", "/aggregations/0/column"),
    ("POST", "/data/aggregate", {"aggregations": [{"type": "median", "column": "i"}]}, 400, None, "/aggregations/0/type"),
    ("POST", "/data/aggregate", {"aggregations": [{"type": "sum"}]}, 400, None, "/aggregations/0/column"),
    ("POST", "/sources/add", {"source_id": "a/b"}, 400, "INVALID_IDENTIFIER", "/source_id"),
    ("POST", "/sources/add", {"source_id": ".."}, 400, "INVALID_IDENTIFIER", "/source_id"),
    ("POST", "/sources/add", {"source_id": "x" * 129}, 400, "INVALID_IDENTIFIER", "/source_id"),
    ("POST", "/sources/add", {"source_id": "u", "schema_definition": {"a": "strnig"}}, 400, "INVALID_DEFINITION", "/schema_definition/a"),
    ("POST", "/sources/add", {"source_id": "u", "partition_columns": ["a"]}, 400, "INVALID_DEFINITION", "/partition_columns/0"),
    ("POST", "/sources/add", {"source_id": "u", "data_path": "../../etc"}, 400, "INVALID_PATH", "/data_path"),
    ("POST", "/sources/add", {"source_id": "u", "data_path": "/etc"}, 400, "INVALID_PATH", "/data_path"),
    ("POST", "/sources/add", {"source_id": "u", "compression": "lzma"}, 400, "INVALID_DEFINITION", "/compression"),
    ("GET", "/sources/nobody", None, 404, "SOURCE_NOT_FOUND", None),
    ("GET", "/sources/..%2f..%2fetc", None, 400, None, None),
    ("GET", "/sources/..", None, 400, "INVALID_IDENTIFIER", None),
    ("GET", "/nowhere", None, 404, "NOT_FOUND", None),
    ("PUT", "/data/write", {}, 405, "METHOD_NOT_ALLOWED", None),
    ("POST", "/sql", {"query": "SELECT 1"}, 501, "UNSUPPORTED", None),
    ("POST", "/data/delete", {}, 400, "INVALID_REQUEST", "/source_id"),
    ("POST", "/data/delete", {"source_id": "t"}, 400, "INVALID_REQUEST", "/filters"),
    ("POST", "/data/delete", {"source_id": "t", "filters": None}, 400, "INVALID_REQUEST", "/filters"),
    ("POST", "/data/delete", {"source_id": "t", "filter": {}, "filters": {}}, 400, "UNKNOWN_MEMBER", "/filter"),
    ("POST", "/data/delete", {"source_id": "t", "filters": {"nope": 1}}, 400, "UNKNOWN_COLUMN", "/filters/nope"),
    ("POST", "/data/delete", {"source_id": "nobody", "filters": {}}, 404, "SOURCE_NOT_FOUND", None),
    ("PATCH", "/sources/t", {"add_indexes": ["nope"]}, 400, "INVALID_DEFINITION", "/add_indexes/0"),
]


@pytest.mark.parametrize("method,target,body,status,code,pointer", CASES, ids=lambda value: str(value)[:40])
def test_refusal_says_what_and_where(shared, method, target, body, status, code, pointer):
    got, headers, content = shared.raw(method, target, body)
    assert got == status, content
    assert headers["content-type"] == "application/problem+json"
    problem = json.loads(content)
    assert problem["status"] == status and problem["title"] and problem["detail"] and problem["type"]
    assert problem["instance"] == headers["x-request-id"]
    if code:
        assert problem["code"] == code
    if pointer:
        assert pointer in [error["pointer"] for error in problem["errors"]]
    if status == 405:
        assert headers["allow"]
    assert shared.aggregate(aggregations=[{"type": "count", "alias": "n"}], source_ids=["t"]) == [{"n": 1}]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    node = Node(tmp_path_factory.mktemp("bad")).start()
    client = node.client()
    client.add(SCHEMA)
    client.write("t", [{"s": "kept", "i": 1, "f": 0.5, "d": "1.25", "at": "2024-01-15T00:00:00Z"}])
    yield client
    node.close()


def test_deep_json_is_refused(shared):
    for depth in (100, 100_000):
        body = b'{"source_id":"t","records":[{"fields":{"s":' + b"[" * depth + b"]" * depth + b"}}]}"
        status, _, content = shared.raw("POST", "/data/write", body)
        assert status == 400, content
        status, _, content = shared.raw("POST", "/data/search", b'{"filters":' + b'{"$not":' * depth + b"{}" + b"}" * depth + b"}")
        assert status == 400, content


def test_body_limit_at_below_and_above(tmp_path):
    limit = 16 << 20
    node = Node(tmp_path).start()
    try:
        for size, expected in ((limit - 1, 200), (limit, 200), (limit + 1, 413)):
            client = node.client()
            if size == limit - 1:
                client.add({"source_id": "t", "schema_definition": {"s": "string"}})
            head, tail = b'{"source_id":"t","records":[{"fields":{"s":"', b'"}}]}'
            body = head + b"x" * (size - len(head) - len(tail)) + tail
            status, _, content = client.raw("POST", "/data/write", body)
            assert status == expected, content[:300]
    finally:
        node.close()


def test_record_limit_at_below_and_above(client):
    client.add({"source_id": "t", "schema_definition": {"i": "int64"}})
    for count, expected in ((9_999, 200), (10_000, 200), (10_001, 413)):
        status, _, content = client.raw("POST", "/data/write", {"source_id": "t", "records": [{"fields": {"i": 1}}] * count})
        assert status == expected, content[:300]
    assert client.aggregate(aggregations=[{"type": "count", "alias": "n"}]) == [{"n": 19_999}]


def test_content_length_with_transfer_encoding_closes(node):
    with socket.create_connection(("127.0.0.1", node.port), timeout=20) as raw:
        raw.sendall(b"POST /data/search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
                    b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
        answer = b""
        while piece := raw.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 400")


def test_clients_that_stop_midway_cost_nothing(node):
    client = node.client()

    def connections():
        return client.metric("granary_http_connections")

    before = connections()
    for _ in range(50):
        raw = socket.create_connection(("127.0.0.1", node.port), timeout=20)
        raw.sendall(b"POST /data/write HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nContent-Type: application/json\r\n\r\n{")
        raw.close()
    deadline = time.monotonic() + 30
    while connections() > before:
        assert time.monotonic() < deadline, "connections of clients that are gone stay open"
    assert client.call("GET", "/health")["status"] == "ok"


def test_second_start_on_one_folder_names_the_first(node, tmp_path):
    second = Node(tmp_path)
    second.data = node.data
    second.log_path = tmp_path / "second.log"
    second.start(wait=False)
    assert second.process.wait(timeout=30) != 0
    assert str(node.process.pid) in second.log()
    assert node.client().call("GET", "/health")["status"] == "ok"


def test_busy_port_is_named(node, tmp_path):
    second = Node(tmp_path / "other")
    (tmp_path / "other").mkdir()
    second.port = node.port
    second.start(wait=False)
    assert second.process.wait(timeout=30) != 0
    assert str(node.port) in second.log()


def test_foreign_and_newer_folders_are_refused_untouched(tmp_path):
    node = Node(tmp_path)
    node.data.mkdir()
    (node.data / "thesis.tex").write_text("mine")
    node.start(wait=False)
    assert node.process.wait(timeout=30) != 0
    assert sorted(p.name for p in node.data.iterdir()) == ["thesis.tex"]


def test_a_newer_folder_is_refused_untouched(node):
    node.kill()
    text = (node.data / "FORMAT").read_text().replace("format 1\n", "format 99\n")
    body = "".join(line + "\n" for line in text.splitlines()[:3])
    (node.data / "FORMAT").write_text(body + f"crc32c {crc32c(body.encode()):08x}\n")
    before = {path: path.read_bytes() for path in node.data.rglob("*") if path.is_file()}
    node.start(wait=False)
    assert node.process.wait(timeout=30) != 0
    assert "99" in node.log()
    after = {path: path.read_bytes() for path in node.data.rglob("*") if path.is_file()}
    assert {path: after[path] for path in before if path.name != "granary.lock"} == \
        {path: before[path] for path in before if path.name != "granary.lock"}


@pytest.mark.parametrize("name,value", [("REST_PORT", "eighty"), ("REST_PORT", "70000"), ("MAX_CONCURRENT_SEARCHES", "0"),
                                        ("TENANT_ID", "../x"), ("WAL_RETENTION_HOURS", "-1")])
def test_bad_settings_stop_the_start(tmp_path, name, value):
    done = subprocess.run([str(BINARY), "tenant-node"], cwd=tmp_path, env={**os.environ, name: value},
                          capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    assert name in done.stderr + done.stdout and value in done.stderr + done.stdout


def test_a_refused_batch_changes_nothing(client):
    client.add({"source_id": "e"})
    with pytest.raises(Refused):
        client.write("e", [{"a": 1, "b": "x"}, {"a": {"deep": []}}, {"a": "text"}])
    assert client.rows(source_ids=["e"]) == []
    assert client.write("e", [{"a": "now a string"}])["written"] == 1
    assert client.rows(source_ids=["e"]) == [{"a": "now a string"}]


def test_a_limit_as_large_as_numbers_go_is_no_limit(client):
    client.add({"source_id": "huge"})
    for _ in range(2):
        client.write("huge", [{"k": i, "s": "x" * 50} for i in range(5000)])
        client.flush("huge")
    for limit in (2**63 - 1, 2**63, 2**63 + 100, 2**64 - 1):
        rows = client.stream(source_ids=["huge"], order_by=[{"column": "k", "direction": "desc"}], limit=limit)
        assert len(rows) == 10_000 and rows[0]["fields"]["k"] == 4999, limit
