"""Every limit one below, at and one above it, through REST; and their list, docs/limits.md."""

import json
import re
import socket
import subprocess
import time
import zlib

import pytest

from node import BINARY, REPOSITORY, Node, Refused

SMALL = {"MAX_BODY_MB": "1", "MAX_HEADER_KB": "2", "MAX_JSON_DEPTH": "6", "MAX_BATCH_RECORDS": "3", "MAX_COLUMNS": "4",
         "MAX_PAGE_RECORDS": "5", "HEADER_TIMEOUT_SECONDS": "1", "MAX_SOURCES": "7",
         "MAX_PATTERN_BYTES": "20"}
DEFAULTS = {"MAX_BODY_MB": "16", "MAX_HEADER_KB": "16", "MAX_JSON_DEPTH": "64", "MAX_BATCH_RECORDS": "10000",
            "MAX_COLUMNS": "1000", "MAX_PAGE_RECORDS": "10000", "HEADER_TIMEOUT_SECONDS": "10", "MAX_SOURCES": "10000",
            "MAX_PATTERN_BYTES": "8192"}


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


def test_pattern(limited):
    limit = limited["MAX_PATTERN_BYTES"]
    limited.client.add({"source_id": "p", "schema_definition": {"s": "string"}})
    for count in around(limit):
        for operator in ("like", "ilike", "regex"):
            status, code = limited.status("POST", "/data/search",
                                          {"source_ids": ["p"], "filters": {"s": {operator: "a" * count}}})
            assert (status, code) == ((413, "TOO_LARGE") if count > limit else (200, None)), (operator, count)


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
        assert line.startswith(b"HTTP/1.1 431" if size > limit else b"HTTP/1.1 200"), (size, line)


def test_header_time(tmp_path):
    node = Node(tmp_path, env={"HEADER_TIMEOUT_SECONDS": "2"}).start()
    try:
        limited = Limited(node, {})
        head, rest = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", b"\r\n"
        assert raw_get(limited, head, 1.0, rest).startswith(b"HTTP/1.1 200")
        with socket.create_connection(("127.0.0.1", node.port), timeout=60) as connection:
            connection.sendall(head)
            began = time.monotonic()
            line = connection.recv(65536)
            waited = time.monotonic() - began
        # Never before its time, but for what the head took to arrive; and once it is over, as soon as the machine allows.
        assert line.startswith(b"HTTP/1.1 408"), line
        assert 1.9 < waited < 20, waited
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
    assert {n for n in settings if n.startswith("MAX_")} - listed.keys() <= {"MAX_FILE_SIZE_MB", "MAX_OPEN_SEGMENTS",
                                                                             "MAX_OPEN_INDEXES"}


def test_refusals_of_a_limit_change_nothing(limited):
    before = limited.client.call("GET", "/sources/t/stats")["rows"]
    with pytest.raises(Refused):
        limited.client.write("t", [{"s": "x"}] * (limited["MAX_BATCH_RECORDS"] + 1))
    assert limited.client.call("GET", "/sources/t/stats")["rows"] == before


NDJSON, CSV, ARROW, PARQUET = ("application/x-ndjson", "text/csv", "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet")


def written(node, kind, body, headers=None):
    client = node.client()
    status, _, content = client.raw("POST", "/data/write?source_id=t", body, {"Content-Type": kind, **(headers or {})})
    client.close()
    return status, json.loads(content).get("code")


@pytest.fixture
def streaming(tmp_path):
    """A node whose limits of streamed bodies are all small."""
    node = Node(tmp_path, env={"MAX_BODY_MB": "1", "BODY_CHUNK_MB": "1", "BODY_CHUNK_ROWS": "1000", "BODY_SPOOL_MAX_MB": "1",
                               "MAX_BODY_RATIO": "20", "MAX_JSON_DEPTH": "6", "MAX_COLUMNS": "4", "BODY_DECODE_MB": "8", "FLUSH_MB": "1"}).start()
    node.client().add({"source_id": "t", "schema_definition": {"s": "string"}})
    yield node
    node.close()


def test_line_of_a_streamed_body(streaming):
    limit = 1 << 20
    for size in around(limit):
        expected = (413, "TOO_LARGE") if size > limit else (200, None)
        assert written(streaming, NDJSON, b'{"s":"' + b"x" * (size - 8) + b'"}\n') == expected, size
        assert written(streaming, CSV, b"s\n" + b"x" * size + b"\n") == expected, size


def test_streamed_bodies_have_no_limit_but_their_parts(streaming):
    lines = b'{"s":"x"}\n' * 400_000
    assert len(lines) > 3 << 20
    assert written(streaming, NDJSON, lines) == (200, None)


def test_spooled_body(streaming):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    limit = 1 << 20

    def file_of(size):
        """A Parquet file of exactly that size."""
        length = size - 1000
        for _ in range(20):
            out = pa.BufferOutputStream()
            pq.write_table(pa.table({"s": ["x" * length]}), out, compression="none", use_dictionary=False, write_statistics=False)
            content = out.getvalue().to_pybytes()
            if len(content) == size:
                return content
            length += size - len(content)
        raise AssertionError(f"no file of {size} bytes, the last had {len(content)}")

    for size in around(limit):
        assert written(streaming, PARQUET, file_of(size)) == ((413, "TOO_LARGE") if size > limit else (200, None)), size
    assert list(streaming.data.rglob("*/spool/*")) == []


def test_growth_of_a_compressed_body(streaming):
    """Past its first MiB a body may be at most 20 times as long as it was compressed."""
    lines = b'{"s":"x"}\n' * 250_000
    packed = {level: len(zlib.compress(lines, level, 31)) for level in (0, 9)}
    assert len(lines) / packed[0] < 20 < len(lines) / packed[9]
    assert written(streaming, NDJSON, zlib.compress(lines, 0, 31), {"Content-Encoding": "gzip"}) == (200, None)
    assert written(streaming, NDJSON, zlib.compress(lines, 9, 31), {"Content-Encoding": "gzip"}) == (413, "TOO_LARGE")
    free = b'{"s":"x"}\n' * 100_000  # Less than a MiB, whatever it was.
    assert len(free) < 1 << 20
    assert written(streaming, NDJSON, zlib.compress(free, 9, 31), {"Content-Encoding": "gzip"}) == (200, None)


def test_depth_and_columns_of_a_streamed_body(streaming):
    for depth in around(6):
        lists = depth - 1
        line = b'{"j":' + b"[" * lists + b"]" * lists + b"}\n"
        assert written(streaming, NDJSON, line) == ((400, "INVALID_JSON") if depth > 6 else (200, None)), depth
    # s and j are there; the header may name as many as a source may have.
    assert written(streaming, CSV, b"s,j,c\n1,,1\n") == (200, None)
    assert written(streaming, CSV, b"s,j,c,d\n1,,1,1\n") == (200, None)
    assert written(streaming, CSV, b"s,j,c,d,e\n1,,1,1,1\n") == (400, "INVALID_RECORD")


def test_decoding_memory(streaming):
    """A batch that takes more than twice BODY_DECODE_MB and a flush's worth is refused."""
    pa = pytest.importorskip("pyarrow")
    for size, expected in ((4 << 20, 200), (64 << 20, 413)):
        out = pa.BufferOutputStream()
        table = pa.table({"s": ["x" * 1000] * (size // 1000)})
        with pa.ipc.new_stream(out, table.schema) as writer:
            writer.write_table(table)
        assert written(streaming, ARROW, out.getvalue().to_pybytes())[0] == expected
    # Many batches that fit one by one fit together, however long the body is.
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, table.schema) as writer:
        for _ in range(8):
            writer.write_batch(pa.record_batch({"s": ["y" * 1000] * 5_500}))
    assert written(streaming, ARROW, out.getvalue().to_pybytes()) == (200, None)


def test_small_answers_are_not_compressed(tmp_path):
    node = Node(tmp_path, env={"COMPRESS_MIN_BYTES": "1000"}).start()
    try:
        client = node.client()
        client.add({"source_id": "t", "name": "n"})
        bare = len(client.raw("GET", "/sources/t")[2]) - 1
        for size in around(1000):
            client.call("PATCH", "/sources/t", {"name": "n" * (size - bare)})
            _, headers, content = client.raw("GET", "/sources/t", headers={"Accept-Encoding": "gzip"})
            assert headers.get("content-encoding") == (None if size < 1000 else "gzip"), size
            plain = content if size < 1000 else zlib.decompress(content, 31)
            assert len(plain) == size and plain == client.raw("GET", "/sources/t")[2]
    finally:
        node.close()
