"""Every limit one below, at and one above it, through REST; and their list, docs/limits.md."""

import json
import re
import socket
import subprocess
import time

import pytest

from node import BINARY, REPOSITORY, Node, Refused

SMALL = {"MAX_BODY_MB": "1", "MAX_HEADER_KB": "2", "MAX_JSON_DEPTH": "6", "MAX_BATCH_RECORDS": "3", "MAX_COLUMNS": "4",
         "MAX_PAGE_RECORDS": "5", "HEADER_TIMEOUT_SECONDS": "1", "MAX_SOURCES": "7"}
DEFAULTS = {"MAX_BODY_MB": "16", "MAX_HEADER_KB": "16", "MAX_JSON_DEPTH": "64", "MAX_BATCH_RECORDS": "10000",
            "MAX_COLUMNS": "1000", "MAX_PAGE_RECORDS": "10000", "HEADER_TIMEOUT_SECONDS": "10", "MAX_SOURCES": "10000"}


class Limited:
    def __init__(self, node, settings):
        self.node, self.client = node, node.client()
        self.limits = {name: int(value) for name, value in settings.items()}

    def __getitem__(self, name):
        return self.limits[name]

    def status(self, method, target, body=None, headers=None):
        status, _, content = self.client.raw(method, target, body, headers)
        return status, (json.loads(content).get("code") if content and status >= 400 else None)


@pytest.fixture(scope="module", params=["small", "default"])
def limited(request, tmp_path_factory):
    settings = SMALL if request.param == "small" else DEFAULTS
    env = settings if request.param == "small" else {}
    node = Node(tmp_path_factory.mktemp("limits"), env=env).start()
    limited = Limited(node, settings)
    limited.client.add({"source_id": "t", "schema_definition": {"s": "string"}})
    yield limited
    node.close()


def around(limit):
    return limit - 1, limit, limit + 1


def test_body(limited):
    limit = limited["MAX_BODY_MB"] << 20
    for size in around(limit):
        client = limited.node.client()
        head, tail = b'{"source_id":"t","records":[{"fields":{"s":"', b'"}}]}'
        body = head + b"x" * (size - len(head) - len(tail)) + tail
        status, _, content = client.raw("POST", "/data/write", body)
        assert status == (413 if size > limit else 200), content[:300]
        client.close()


def test_depth(limited):
    limit = limited["MAX_JSON_DEPTH"]
    for depth in around(limit):
        expected = (400, "INVALID_JSON") if depth > limit else (200, None)
        # The body, the filter and each $not are an object within the other.
        nots = depth - 2
        search = b'{"filters":' + b'{"$not":' * (nots - 1) + b'{"s":"x"}' + b"}" * (nots - 1) + b"}"
        assert search.count(b"{") == depth - 1
        deeper = b'{"filters":' + b'{"$not":' * nots + b'{"s":"x"}' + b"}" * nots + b"}"
        assert deeper.count(b"{") == depth
        assert limited.status("POST", "/data/search", deeper) == expected
        # The body, the array, the record and its fields.
        lists = depth - 4
        write = b'{"source_id":"t","records":[{"fields":{"j":' + b"[" * lists + b"]" * lists + b"}}]}"
        assert limited.status("POST", "/data/write", write) == expected, depth


def test_batch_records(limited):
    limit = limited["MAX_BATCH_RECORDS"]
    for count in around(limit):
        body = {"source_id": "t", "records": [{"fields": {"s": "r"}}] * count}
        assert limited.status("POST", "/data/write", body) == ((413, "TOO_LARGE") if count > limit else (200, None))


def test_columns(limited):
    limit = limited["MAX_COLUMNS"]
    for count in around(limit):
        columns = {f"c{i}": "int8" for i in range(count)}
        status, code = limited.status("POST", "/sources/add", {"source_id": f"c{count}", "schema_definition": columns})
        assert (status, code) == ((400, "INVALID_DEFINITION") if count > limit else (201, None))
    patch = f"/sources/c{limit - 1}"
    assert limited.status("PATCH", patch, {"add_columns": {"x": "int8", "y": "int8"}}) == (400, "INVALID_DEFINITION")
    assert limited.status("PATCH", patch, {"add_columns": {"x": "int8"}}) == (200, None)
    assert limited.status("PATCH", patch, {"add_columns": {"y": "int8"}}) == (400, "INVALID_DEFINITION")
    assert limited.status("PATCH", patch, {"add_columns": {"y": "int8"}, "drop_columns": ["x"]}) == (200, None)
    limited.client.add({"source_id": "grows"})
    for count in around(limit):
        body = {"source_id": "grows", "records": [{"fields": {f"c{i}": i for i in range(count)}}]}
        assert limited.status("POST", "/data/write", body) == ((400, "INVALID_RECORD") if count > limit else (200, None))


def test_page(limited):
    limit = limited["MAX_PAGE_RECORDS"]
    for count in around(limit):
        status, code = limited.status("POST", "/data/search", {"source_ids": ["t"], "limit": count})
        assert (status, code) == ((400, "INVALID_REQUEST") if count > limit else (200, None))


def test_names(limited):
    for count in around(255):
        name = "n" * (count - 2) + "é"
        assert len(name.encode()) == count
        source = f"n{count % 3}"
        status, code = limited.status("POST", "/sources/add", {"source_id": source, "schema_definition": {name: "int8"}})
        assert (status, code) == ((400, "INVALID_DEFINITION") if count > 255 else (201, None))
        status, code = limited.status("POST", "/data/write", {"source_id": "t", "records": [{"fields": {name: 1}}]})
        assert (status, code) == ((400, "INVALID_RECORD") if count > 255 else (200, None))
        limited.client.raw("DELETE", f"/sources/{source}")


def test_identifiers(limited):
    for count in around(128):
        expected = (400, "INVALID_IDENTIFIER") if count > 128 else (201, None)
        assert limited.status("POST", "/sources/add", {"source_id": "i" * count}) == expected
        expected = (400, "INVALID_IDENTIFIER") if count > 128 else (204, None)
        assert limited.status("DELETE", "/sources/" + "i" * count) == expected


def raw_get(limited, head, wait=0.0, rest=b""):
    with socket.create_connection(("127.0.0.1", limited.node.port), timeout=60) as connection:
        try:
            connection.sendall(head)
            if wait:
                time.sleep(wait)  # The slowness of the client is what is tested.
                connection.sendall(rest)
        except OSError:
            pass  # Refused before all of it was sent.
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
        return answer.split(b"\r\n", 1)[0]


def test_header_bytes(limited):
    limit = limited["MAX_HEADER_KB"] << 10
    for size in around(limit):
        head = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Fill: "
        head += b"f" * (size - len(head) - 4) + b"\r\n\r\n"
        assert len(head) == size
        line = raw_get(limited, head)
        assert line.startswith(b"HTTP/1.1 " + (b"4" if size > limit else b"200")), (size, line)


def test_header_time(tmp_path):
    node = Node(tmp_path, env={"HEADER_TIMEOUT_SECONDS": "2"}).start()
    try:
        limited = Limited(node, {})
        head, rest = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", b"\r\n"
        assert raw_get(limited, head, 1.0, rest).startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        line = raw_get(limited, head, 3.0, rest)
        assert not line.startswith(b"HTTP/1.1 200"), line
        assert time.monotonic() - began < 20
    finally:
        node.close()


def test_sources(tmp_path):
    node = Node(tmp_path, env={"MAX_SOURCES": "2"}).start()
    try:
        limited = Limited(node, {})
        for i in range(2):
            assert limited.status("POST", "/sources/add", {"source_id": f"s{i}"}) == (201, None)
        assert limited.status("POST", "/sources/add", {"source_id": "s2"}) == (429, "QUOTA_EXCEEDED")
    finally:
        node.close()


def test_the_list_is_complete():
    """docs/limits.md names every setting that limits something, with its default."""
    shown = subprocess.run([str(BINARY), "config", "show", "--output", "json"], capture_output=True, text=True, check=True,
                           env={}, cwd="/")
    settings = json.loads(shown.stdout)
    listed = dict(re.findall(r"\| `([A-Z_]+)` \| ([^|]+?) \|", (REPOSITORY / "docs/limits.md").read_text()))
    for name, default in listed.items():
        if default == "derived":  # From the machine's memory: said where the value comes from.
            assert settings[name]["origin"].startswith("default: "), name
            assert int(settings[name]["value"]) > 0, name
        else:
            assert settings[name] == {"value": default, "origin": "default"}, name
    example = (REPOSITORY / "config.env.example").read_text()
    section = example.split("# ── Limits of requests ──")[1].split("# ── ")[0]
    names = re.findall(r"^([A-Z_]+)=", section, re.M)
    assert len(names) > 10 and set(names) <= listed.keys(), set(names) - listed.keys()
    assert {n for n in settings if n.startswith("MAX_")} - listed.keys() <= {"MAX_WORKERS", "MAX_FILE_SIZE_MB",
                                                                             "MAX_OPEN_SEGMENTS", "MAX_OPEN_INDEXES"}


def test_refusals_of_a_limit_change_nothing(limited):
    before = limited.client.call("GET", "/sources/t/stats")["rows"]
    with pytest.raises(Refused):
        limited.client.write("t", [{"s": "x"}] * (limited["MAX_BATCH_RECORDS"] + 1))
    assert limited.client.call("GET", "/sources/t/stats")["rows"] == before
