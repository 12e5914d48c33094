"""Bodies and answers in every format, both ways, against PyArrow and DuckDB."""

import csv
import gzip
import http.client
import io
import json
import os
import pathlib
import socket
import subprocess
import threading
import time
import zlib

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from node import Node, Refused

NDJSON = "application/x-ndjson"
CSV = "text/csv"
ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
EVENTS = "text/event-stream"
TABLES = [NDJSON, CSV, ARROW, PARQUET]

SCHEMA = {"id": "int64", "name": "string", "amount": "float64", "price": "decimal(18,4)", "at": "datetime64[us]",
          "day": "date", "ok": "bool", "small": "int16", "raw": "binary"}


def table_of(rows, first=0):
    ids = pa.array(range(first, first + rows), pa.int64())
    even = pc.equal(pc.bit_wise_and(ids, 1), 0)
    text = pc.cast(ids, pa.string())
    return pa.table({
        "id": ids,
        "name": pc.if_else(even, pc.binary_join_element_wise("na,me \"", text, ""), pa.scalar(None, pa.string())),
        "amount": pc.divide(pc.cast(ids, pa.float64()), 7.0),
        "price": pc.cast(pc.cast(ids, pa.decimal128(23, 4)), pa.decimal128(18, 4)),
        "at": pc.cast(pc.add(pc.multiply(ids, 1_000_003), 1_700_000_000_000_000), pa.timestamp("us", "UTC")),
        "day": pc.cast(pc.cast(pc.bit_wise_and(ids, 0xFFFF), pa.int32()), pa.date32()),
        "ok": even,
        "small": pc.cast(pc.bit_wise_and(ids, 0x7FFF), pa.int16()),
        "raw": pc.cast(text, pa.binary()),
    })


def body_of(table, kind):
    out = io.BytesIO()
    if kind == ARROW:
        with pa.ipc.new_stream(out, table.schema) as writer:
            writer.write_table(table, max_chunksize=50_000)
    elif kind == PARQUET:
        pq.write_table(table, out, row_group_size=70_000)
    else:
        import base64
        text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
        rows = csv.writer(text, lineterminator="\n")
        if kind == CSV:
            rows.writerow(table.column_names)
        for batch in table.to_batches(max_chunksize=10_000):
            for row in batch.to_pylist():
                row["price"] = str(row["price"])
                row["at"] = row["at"].isoformat()
                row["day"] = row["day"].isoformat()
                row["raw"] = base64.b64encode(row["raw"]).decode()
                if kind == CSV:
                    rows.writerow([str(v).lower() if isinstance(v, bool) else v for v in row.values()])
                else:
                    text.write(json.dumps(row) + "\n")
        text.flush()
        return out.getvalue()
    return out.getvalue()


def read_table(content, kind, folder):
    """An answer as an Arrow table, in SCHEMA's types."""
    if kind == ARROW:
        return pa.ipc.open_stream(content).read_all()
    if kind == PARQUET:
        return pq.read_table(io.BytesIO(content))
    path = pathlib.Path(folder) / "answer"
    path.write_bytes(content)
    if kind == CSV:
        source = f"read_csv('{path}', all_varchar=true, header=true)"
    else:
        source = f'''(SELECT unnest(fields) FROM read_ndjson('{path}', columns={{source_id: 'VARCHAR', fields: 'STRUCT("id" BIGINT, "name" VARCHAR, "amount" DOUBLE, "price" VARCHAR, "at" VARCHAR, "day" VARCHAR, "ok" BOOLEAN, "small" SMALLINT, "raw" VARCHAR)'}}))'''
    return duckdb.sql(f"""SELECT id::BIGINT AS id, name, amount::DOUBLE AS amount, price::DECIMAL(18,4) AS price,
        "at"::TIMESTAMPTZ AS "at", day::DATE AS day, ok::BOOLEAN AS ok, small::SMALLINT AS small,
        from_base64(raw) AS raw FROM {source}""").to_arrow_table()


def same(got, want):
    got = got.select(want.column_names).sort_by("id").cast(want.schema)
    assert got.num_rows == want.num_rows
    for name in want.column_names:
        a, b = got.column(name).combine_chunks(), want.column(name).combine_chunks()
        assert a.equals(b), f"{name}: {a.slice(0, 5)} is not {b.slice(0, 5)}"


def send(client, kind, body, source="t", query="", headers=None):
    return client.call("POST", f"/data/write?source_id={source}{query}", body, {"Content-Type": kind, **(headers or {})})


def take(client, kind, **body):
    status, headers, content = client.raw("POST", "/data/search/stream", body, {"Accept": kind})
    assert status == 200, content[:1000]
    assert headers["content-type"] == (kind + "; charset=utf-8" if kind == "text/csv" else kind)
    return content


def count(client):
    return client.aggregate(aggregations=[{"type": "count", "alias": "n"}])[0]["n"]


def round_trip(node, client, folder, kind, rows):
    want = table_of(rows)
    client.add({"source_id": "t", "schema_definition": SCHEMA, "schema_mode": "strict"})
    answer = send(client, kind, body_of(want, kind))
    assert answer["written"] == rows and answer["durable"] is True
    assert answer["sequence"] == {"first": 1, "last": rows}
    for out in TABLES:
        same(read_table(take(client, out), out, folder), want)
    node.restart()
    assert node.client().aggregate(aggregations=[{"type": "sum", "column": "id", "alias": "s"}]) == [{"s": rows * (rows - 1) // 2}]


@pytest.mark.parametrize("kind", TABLES)
def test_in_through_one_format_and_out_through_all(node, client, tmp_path, kind):
    round_trip(node, client, tmp_path, kind, 150_000)


@pytest.mark.long
@pytest.mark.parametrize("kind", TABLES)
def test_a_million_rows_in_through_one_format_and_out_through_all(node, tmp_path, figure, kind):
    began = time.monotonic()
    round_trip(node, node.client(timeout=600), tmp_path, kind, 1_000_000)
    figure(f"1,000,000 rows of 9 columns in as {kind}, out as {len(TABLES)} formats: all equal, {time.monotonic() - began:.0f} s")


def test_small_bodies_go_through_the_log_and_mix_with_large_ones(node, client):
    client.add({"source_id": "t", "schema_definition": {"id": "int64"}})
    small = b"".join(b'{"id":%d}\n' % i for i in range(10))
    assert send(client, NDJSON, small)["sequence"] == {"first": 1, "last": 10}
    large = b"id\n" + b"".join(b"%d\n" % i for i in range(10, 100_010))
    assert send(client, CSV, large)["sequence"] == {"first": 11, "last": 100_010}
    assert send(client, NDJSON, small)["sequence"] == {"first": 100_011, "last": 100_020}
    assert client.rows(filters={"_seq": {"between": [10, 12]}}, columns=["id"], order_by=[{"column": "_seq"}]) == [{"id": 9}, {"id": 10}, {"id": 11}]
    assert client.rows(filters={"_seq": {"gte": 100_010}}, columns=["_seq", "id"], order_by=[{"column": "_seq"}], limit=2) == [
        {"_seq": 100_010, "id": 100_009}, {"_seq": 100_011, "id": 0}]
    node.kill()  # Log and segments together must be the whole again.
    node.start()
    client = node.client()
    assert count(client) == 100_020
    assert send(client, NDJSON, small)["sequence"]["first"] == 100_021
    client.flush("t")
    node.restart()
    assert count(node.client()) == 100_030


def test_a_large_body_brings_its_columns(client):
    client.add({"source_id": "t"})
    lines = b"".join(b'{"id":%d}\n' % i for i in range(80_000)) + b'{"id":1.5,"late":"x"}\n'
    assert send(client, NDJSON, lines)["written"] == 80_001
    assert client.rows(filters={"late": "x"}) == [{"id": 1.5, "late": "x"}]
    assert client.aggregate(aggregations=[{"type": "max", "column": "id", "alias": "m"}]) == [{"m": 79_999}]


@pytest.mark.parametrize("values, outcome", [(["1.5", "9007199254740993"], "INVALID_RECORD"), (["1.5", '"NaN"'], "float64"),
                                             (["1", "1.0"], "float64"), (["1", "1e5"], "float64"), (["1", "1.5"], "float64"),
                                             (["1.5", "1" + "0" * 39], "float64"), (["1.5", "1152921504606847000"], "float64"), (["1", "1" + "0" * 30], "decimal(38,0)")])
def test_where_a_chunk_ends_makes_no_difference(client, values, outcome):
    """The type of a column that a body brings is found out until its end."""
    for source, between in (("near", 0), ("far", 70_000)):
        client.add({"source_id": source})
        lines = [values[0]] * (1 + between) + [values[1]]
        try:
            send(client, NDJSON, "".join('{"v":%s}\n' % value for value in lines).encode(), source)
            found = client.call("GET", f"/sources/{source}")["schema_definition"]["v"]
        except Refused as refused:
            found = refused.code
        assert found == outcome, source


@pytest.mark.parametrize("kind", [CSV, ARROW, PARQUET])
def test_a_strict_source_refuses_a_column_that_it_lacks_also_of_a_table_without_records(node, client, kind):
    client.add({"source_id": "t", "schema_mode": "strict", "schema_definition": {"id": "int64", "name": "string"}})

    def empty(*names):
        if kind == CSV:
            return (",".join(names) + "\n").encode()
        return body_of(pa.table({name: pa.array([], pa.int64() if name == "id" else pa.string()) for name in names}), kind)

    for query in ("", "&atomic=false", "&on_error=skip"):
        with pytest.raises(Refused) as refused:
            send(node.client(), kind, empty("id", "nmae"), query=query)
        assert refused.value.code == "INVALID_RECORD" and "nmae" in str(refused.value.problem), query
        assert send(node.client(), kind, empty("id", "name"), query=query)["written"] == 0
    for source, mode in (("e", "evolve"), ("j", "json")):  # Without records a column has no type yet.
        client.add({"source_id": source, "schema_mode": mode, "schema_definition": {"id": "int64"}})
        assert send(node.client(), kind, empty("id", "new"), source)["written"] == 0
        assert client.call("GET", f"/sources/{source}")["schema_definition"] == {"id": "int64"}


WHOLE = 2**53 + 1  # Between two floats.


@pytest.mark.parametrize("column, whole", [("float64", WHOLE), ("float64", -WHOLE), ("float64", 2**64 - 1), ("float32", 2**24 + 1),
                                           ("list<float64>", WHOLE)])
def test_a_whole_number_that_no_float_has_is_refused_at_every_door(node, client, column, whole):
    """Never rounded unasked; with a fraction or an exponent the nearest float is meant."""
    client.add({"source_id": "t", "schema_definition": {"x": column}})
    of_list = column.startswith("list")
    value = [whole] if of_list else whole
    text = json.dumps(value)
    integers = pa.uint64() if whole > 2**63 else pa.int64()
    table = pa.table({"x": pa.array([value], pa.list_(integers) if of_list else integers)})
    decimals = pa.decimal128(38, 0)
    digits = pa.table({"x": pa.array([value], pa.list_(decimals) if of_list else decimals)})
    cell = f'"{text}"' if of_list else text
    with pytest.raises(Refused) as refused:
        client.write("t", [{"x": value}])
    assert refused.value.code == "INVALID_RECORD" and refused.value.pointers == ["/records/0/fields/x" + "/0" * of_list]
    doors = [(NDJSON, f'{{"x":{text}}}\n'.encode()), (CSV, f"x\n{cell}\n".encode())]
    doors += [(kind, body_of(rows, kind)) for kind in (ARROW, PARQUET) for rows in (table, digits)]
    for kind, body in doors:
        with pytest.raises(Refused) as refused:
            send(node.client(), kind, body)
        assert refused.value.code == "INVALID_RECORD" and refused.value.pointers[0].startswith("/0/x"), (kind, refused.value.problem)
    assert count(client) == 0
    exact = whole - 1 if abs(whole) < 2**63 else 2**63
    for kind, body in ((NDJSON, f'{{"x":{json.dumps([exact] if of_list else exact)}}}\n'.encode()),
                       (NDJSON, f'{{"x":{json.dumps([whole + .0] if of_list else whole + .0)}}}\n'.encode())):
        assert send(client, kind, body)["written"] == 1


@pytest.mark.parametrize("door", [NDJSON, CSV, ARROW])
@pytest.mark.parametrize("whole, fits", [(WHOLE, False), (2**60, True)])
def test_a_whole_number_behind_a_float_is_the_same_in_one_batch_and_in_two(node, client, door, whole, fits):
    """The column is a float64 that was found out, not declared."""
    def rows(*values):
        if door == ARROW:  # Typed, so never both in one.
            return body_of(pa.table({"x": pa.array(values)}), ARROW)
        return ("x\n" + "".join(f"{value}\n" for value in values) if door == CSV
                else "".join(f'{{"x":{value}}}\n' for value in values)).encode()

    def tried(source, body):
        try:
            send(node.client(), door, body, source)
            return True
        except Refused as refused:
            assert refused.code == "INVALID_RECORD"
            return False

    for source in ("one", "two"):
        client.add({"source_id": source})
    if door != ARROW:
        assert tried("one", rows(1.5, whole)) is fits
    assert tried("two", rows(1.5)) and tried("two", rows(whole)) is fits
    assert client.call("GET", "/sources/two")["schema_definition"] == {"x": "float64"}
    assert [row["x"] for row in client.rows(source_ids=["two"], order_by=[{"column": "_seq"}])] == [1.5] + [float(whole)] * fits


def test_a_bad_record_at_the_end_refuses_all(node, client):
    client.add({"source_id": "t", "schema_definition": {"id": "int64"}})
    lines = b"".join(b'{"id":%d}\n' % i for i in range(100_000)) + b'{"id":"x"}\n'
    with pytest.raises(Refused) as refused:
        send(client, NDJSON, lines)
    assert refused.value.status == 400 and refused.value.pointers == ["/100000/id"]
    assert "line 100001" in refused.value.problem["detail"]
    client = node.client()
    assert count(client) == 0 and list(node.data.rglob("*.parquet")) == []
    with pytest.raises(Refused) as refused:
        send(client, NDJSON, lines, query="&atomic=false")
    assert "65536 records before are written" in refused.value.problem["detail"]
    client = node.client()
    assert count(client) == 65_536
    answer = send(client, NDJSON, lines, query="&on_error=skip")
    assert answer["written"] == 100_000 and answer["rejected_total"] == 1
    assert answer["rejected"][0]["index"] == 100_000 and "line 100001" in answer["rejected"][0]["detail"]


def test_json_bodies_skip_too(client):
    client.add({"source_id": "t", "schema_definition": {"id": "int64"}})
    body = {"source_id": "t", "on_error": "skip", "records": [{"fields": {"id": i if i % 3 else "x", "n": i}} for i in range(9)]}
    answer = client.call("POST", "/data/write", body)
    assert answer["written"] == 6 and [r["index"] for r in answer["rejected"]] == [0, 3, 6]
    assert answer["rejected"][1]["detail"].startswith("/records/3/fields/id: expected int64")
    assert count(client) == 6
    answer = client.call("POST", "/data/write", {**body, "records": [{"fields": {"id": "x"}}] * 500})
    assert answer["written"] == 0 and answer["rejected_total"] == 500 and len(answer["rejected"]) == 100


@pytest.mark.parametrize("kind", TABLES)
def test_bodies_that_are_none(client, kind):
    client.add({"source_id": "t", "schema_definition": {"id": "int64"}})
    bodies = [b"", b"\x00garbage\xff" * 50, b"id\n{\n", b"ARROW1\0\0\n1\n", b"PAR1\nPAR1\n"]
    for body in bodies if kind != CSV else bodies[:3]:
        with pytest.raises(Refused) as refused:
            send(client, kind, body)
        assert refused.value.status == 400, (body, refused.value.problem)
    for query in ("?", "?source_id=../x", "?source_id=t&atomic=1", "?source_id=t&on_error=x", "?source_id=t&unknown=1"):
        status, _, _ = client.raw("POST", f"/data/write{query}", b'{"id":1}\n', {"Content-Type": kind})
        assert status == 400, query
    assert client.raw("POST", "/data/write?source_id=nobody", b"x", {"Content-Type": kind})[0] == 404
    assert count(client) == 0


def test_kill_during_a_large_body_leaves_all_or_nothing(tmp_path):
    node = Node(tmp_path, env={"FLUSH_ROWS": "65536"}).start()
    try:
        node.client().add({"source_id": "t", "schema_definition": {"id": "int64"}})
        connection = socket.create_connection(("127.0.0.1", node.port))
        connection.sendall(b"POST /data/write?source_id=t HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
                           b"Transfer-Encoding: chunked\r\n\r\n")
        piece = b"".join(b'{"id":%d}\n' % i for i in range(10_000))
        chunk = b"%x\r\n%s\r\n" % (len(piece), piece)
        deadline = time.monotonic() + 120
        while not list(node.data.rglob("*.parquet")):  # Until it has files on disk.
            connection.sendall(chunk)
            assert time.monotonic() < deadline
        node.kill()
        connection.close()
        node.start()
        client = node.client()
        assert count(client) == 0 and list(node.data.rglob("*.parquet")) == []
        assert send(client, NDJSON, piece)["sequence"]["first"] == 1
    finally:
        node.close()


def test_a_client_that_leaves_takes_its_body_with_it(node, client):
    client.add({"source_id": "t", "schema_definition": {"id": "int64"}})
    connection = socket.create_connection(("127.0.0.1", node.port))
    connection.sendall(b"POST /data/write?source_id=t HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
                       b"Content-Length: 100000000\r\n\r\n" + b'{"id":1}\n' * 200_000)
    connection.close()
    assert send(client, NDJSON, b'{"id":2}\n')["written"] == 1
    assert count(client) == 1


def rss_mb(node):
    for line in pathlib.Path(f"/proc/{node.process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024


def test_memory_stays_bounded_however_long_the_body(tmp_path, figure):
    node = Node(tmp_path, env={"MAX_BODY_MB": "4", "FLUSH_MB": "8", "BODY_CHUNK_MB": "2", "COLUMN_CACHE_MB": "8"}).start()
    try:
        client = node.client(timeout=300)
        client.add({"source_id": "t", "schema_definition": {"id": "int64", "text": "string"}})
        send(client, NDJSON, b'{"id":1,"text":"warm"}\n' * 50_000)
        client.raw("POST", "/data/search/stream", {}, {"Accept": CSV})
        before = rss_mb(node)
        line = json.dumps({"id": 1, "text": os.urandom(100).hex()}).encode() + b"\n"
        sent = {"bytes": 0}

        def pieces():
            while sent["bytes"] < 400 << 20:
                sent["bytes"] += len(line) * 1000
                yield line * 1000

        client.connection.request("POST", "/data/write?source_id=t", pieces(), {"Content-Type": NDJSON}, encode_chunked=True)
        response = client.connection.getresponse()
        written = json.loads(response.read())["written"]
        assert written == sent["bytes"] // len(line)
        grown = rss_mb(node) - before
        figure(f"peak memory grew by {grown:.0f} MB for a body of {sent['bytes'] >> 20} MB; MAX_BODY_MB is 4, FLUSH_MB 8")
        assert grown < 100
        for kind in TABLES:
            client.connection.request("POST", "/data/search/stream", json.dumps({}), {"Accept": kind, "Content-Type": "application/json"})
            response, size = client.connection.getresponse(), 0
            while piece := response.read(1 << 20):
                size += len(piece)
            assert size > 10_000 and (size > 300 << 20 or kind in (PARQUET, ARROW))
        grown = rss_mb(node) - before
        figure(f"and by {grown:.0f} MB in all, once it had gone out in {len(TABLES)} formats")
        assert grown < 300
    finally:
        node.close()


def test_compression_both_ways(client):
    client.add({"source_id": "t", "schema_definition": {"id": "int64", "name": "string"}})
    lines = b"".join(b'{"id":%d,"name":"name %d"}\n' % (i, i) for i in range(5_000))
    assert send(client, NDJSON, gzip.compress(lines), headers={"Content-Encoding": "gzip"})["written"] == 5_000
    zstd = pa.compress(lines, codec="zstd", asbytes=True)
    assert send(client, NDJSON, zstd, headers={"Content-Encoding": "zstd"})["written"] == 5_000
    search = gzip.compress(json.dumps({"limit": 0}).encode())
    assert client.call("POST", "/data/search", search, {"Content-Encoding": "gzip"})["count"] == 0
    plain = take(client, NDJSON)
    for target, body in (("/data/search/stream", {}), ("/data/search", {"limit": 1000})):
        status, headers, content = client.raw("POST", target, body, {"Accept-Encoding": "gzip"})
        assert headers["content-encoding"] == "gzip" and "Accept-Encoding" in headers["vary"]
        if target.endswith("stream"):
            assert gzip.decompress(content) == plain and len(content) < len(plain) / 4
        else:
            assert json.loads(gzip.decompress(content))["count"] == 1000
    status, headers, content = client.raw("POST", "/data/search/stream", {}, {"Accept-Encoding": "gzip;q=0.5, zstd"})
    assert headers["content-encoding"] == "zstd"
    assert pa.CompressedInputStream(pa.BufferReader(content), "zstd").read() == plain
    _, headers, _ = client.raw("GET", "/health/live", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in headers


def test_bad_codings_and_bombs(node, client):
    client.add({"source_id": "t", "schema_definition": {"id": "int64"}})
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bomb.compress(b" " * (100 << 20)) + bomb.flush()
    frame = pa.compress(b" " * (100 << 20), codec="zstd", asbytes=True)
    cases = [("gzip", b"garbage", 400), ("gzip", gzip.compress(b"{}" * 1000)[:-9], 400), ("zstd", b"garbage", 400),
             ("br", b"x", 415), ("gzip, gzip", b"x", 415), ("gzip", zeros, 413), ("zstd", frame, 413)]
    for target, kind in (("/data/search", "application/json"), ("/data/write?source_id=t", NDJSON), ("/data/write?source_id=t", PARQUET)):
        for coding, body, wanted in cases:
            status, _, content = node.client().raw("POST", target, body, {"Content-Type": kind, "Content-Encoding": coding})
            assert status == wanted, (target, kind, coding, content)
    assert rss_mb(node) < 400
    assert count(node.client()) == 0


def test_frames_and_events_tell_a_whole_answer(client):
    client.add({"source_id": "t", "schema_definition": {"id": "int64", "name": "string"}})
    client.write("t", [{"id": i, "name": "line\nend"} for i in range(3)])
    status, _, content = client.raw("POST", "/data/search/stream?frames=true", {})
    frames = [json.loads(line) for line in content.splitlines()]
    assert [next(iter(frame)) for frame in frames] == ["meta", "row", "row", "row", "end"]
    assert frames[0]["meta"]["columns"] == [{"name": "id", "type": "int64"}, {"name": "name", "type": "string"}]
    assert frames[-1]["end"]["rows"] == 3 and frames[1]["row"]["fields"] == {"id": 0, "name": "line\nend"}
    events = take(client, EVENTS).decode()
    parsed = [dict(line.split(": ", 1) for line in event.splitlines()) for event in events.split("\n\n") if event]
    assert [event["event"] for event in parsed] == ["meta", "row", "row", "row", "end"]
    assert json.loads(parsed[-1]["data"])["rows"] == 3


def test_several_sources_are_named_in_a_column(client, tmp_path):
    client.add({"source_id": "a", "schema_definition": {"id": "int32", "x": "string"}})
    client.add({"source_id": "b", "schema_definition": {"id": "int64", "y": "bool"}})
    client.write("a", [{"id": 1, "x": ""}])
    client.write("b", [{"id": 1 << 40, "y": True}])
    assert take(client, CSV).decode() == 'source_id,id,x,y\r\na,1,"",\r\nb,1099511627776,,true\r\n'
    for kind in (ARROW, PARQUET):
        table = read_table(take(client, kind), kind, tmp_path)
        assert table.schema.field("id").type == pa.int64()
        assert table.to_pylist() == [{"source_id": "a", "id": 1, "x": "", "y": None},
                                     {"source_id": "b", "id": 1 << 40, "x": None, "y": True}]
    client.add({"source_id": "c", "schema_definition": {"id": "string"}})
    status, _, content = client.raw("POST", "/data/search/stream", {}, {"Accept": ARROW})
    assert status == 422 and json.loads(content)["code"] == "TYPE_MISMATCH"
    assert take(client, CSV)


def test_accept_is_a_wish_that_may_not_come_true(client):
    client.add({"source_id": "t", "schema_definition": {"id": "int64"}})
    status, _, content = client.raw("POST", "/data/search/stream", {}, {"Accept": "image/png, text/csv;q=0"})
    assert status == 406 and json.loads(content)["code"] == "NOT_ACCEPTABLE"
    assert client.raw("POST", "/data/search/stream?frames=true", {}, {"Accept": CSV})[0] == 400


def test_writers_beside_a_large_body_lose_nothing(node, client):
    client.add({"source_id": "t", "schema_definition": {"id": "int64"}})
    stop, sequences = threading.Event(), []

    def write():
        other = node.client()
        while not stop.is_set():
            sequences.append(other.write("t", [{"id": -1}])["sequence"]["first"])

    thread = threading.Thread(target=write)
    thread.start()
    try:
        answer = send(client, CSV, b"id\n" + b"".join(b"%d\n" % i for i in range(200_000)))
    finally:
        stop.set()
        thread.join()
    assert answer["written"] == 200_000
    first, last = answer["sequence"]["first"], answer["sequence"]["last"]
    assert last - first + 1 == 200_000 and not [s for s in sequences if first <= s <= last]
    assert count(client) == 200_000 + len(sequences)
    node.kill()
    node.start()
    assert count(node.client()) == 200_000 + len(sequences)


def test_export_and_query_from_the_command_line(node, client, tmp_path):
    from node import BINARY
    client.add({"source_id": "t", "schema_definition": {"id": "int64", "name": "string"}})
    client.write("t", [{"id": i, "name": f"n{i}"} for i in range(5)])
    url = f"http://127.0.0.1:{node.port}"
    for ending in ("parquet", "csv", "ndjson", "arrow"):
        path = tmp_path / f"out.{ending}"
        subprocess.run([str(BINARY), "export", "t", str(path), "--url", url], check=True, timeout=60)
        out = subprocess.run([str(BINARY), "query", "t", "--format", ending, "--limit", "100", "--url", url], check=True,
                             timeout=60, capture_output=True).stdout
        if ending == "ndjson":  # A file of one source is of bare objects, as a body is.
            assert path.read_bytes() == b"".join(line[len(b'{"source_id":"t","fields":'):-1] + b"\n" for line in out.splitlines())
        elif ending == "parquet":
            assert pq.read_table(path).equals(pq.read_table(io.BytesIO(out))) and pq.read_table(path).num_rows == 5
        else:
            assert path.read_bytes() == out and len(out) > 20
    assert not list(tmp_path.glob("*.part"))
    assert subprocess.run([str(BINARY), "export", "nobody", str(tmp_path / "x.csv"), "--url", url], timeout=60).returncode == 1
    assert not (tmp_path / "x.csv").exists()


def keyed(client, kind, body, key, query=""):
    status, headers, content = client.raw("POST", f"/data/write?source_id=t{query}", body, {"Content-Type": kind, "Idempotency-Key": key})
    return status, headers.get("idempotency-replayed"), json.loads(content)


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("rows", [3, 100_000])
def test_a_key_makes_a_body_of_any_length_come_once(node, client, kind, rows):
    client.add({"source_id": "t", "schema_definition": SCHEMA})
    body, other = body_of(table_of(rows), kind), body_of(table_of(rows, first=1), kind)
    first = keyed(client, kind, body, "k")
    assert first[:2] == (200, None) and first[2]["written"] == rows
    for end in ("none", "kill", "flush", "stop"):
        if end == "kill":
            node.kill()
            node.start()
        elif end == "stop":
            node.restart()
        client = node.client()
        if end == "flush":
            client.flush("t")
        assert keyed(client, kind, body, "k") == (200, "true", first[2])
        # The same, compressed on its way.
        status, headers, content = client.raw("POST", "/data/write?source_id=t", gzip.compress(body),
                                              {"Content-Type": kind, "Idempotency-Key": "k", "Content-Encoding": "gzip"})
        assert (status, headers.get("idempotency-replayed"), json.loads(content)) == (200, "true", first[2])
        assert [keyed(client, kind, *wrong)[2]["code"] for wrong in ((other, "k"), (body, "k", "&on_error=skip"))] == ["IDEMPOTENCY_KEY_REUSED"] * 2
        assert count(client) == rows
    assert keyed(client, kind, other, "k2")[2]["written"] == rows


def test_a_key_remembers_what_was_left_out(node, client):
    client.add({"source_id": "t", "schema_definition": {"id": "int64"}})
    wrong = b"".join(b'{"id":%d}\n{"id":"x"}\n' % i for i in range(200))
    for body in (wrong, wrong + b'{"id":1}\n' * 80_000):
        key = f"k{len(body)}"
        first = keyed(client, NDJSON, body, key, "&on_error=skip")
        assert first[2]["rejected_total"] == 200 and len(first[2]["rejected"]) == 100
        node.kill()
        node.start()
        client = node.client()
        assert keyed(client, NDJSON, body, key, "&on_error=skip") == (200, "true", first[2])


def test_a_key_needs_one_transaction(client):
    client.add({"source_id": "t", "schema_definition": {"id": "int64"}})
    status, _, problem = keyed(client, NDJSON, b'{"id":1}\n', "k", "&atomic=false")
    assert (status, problem["code"]) == (400, "INVALID_ARGUMENT") and "leave atomic=false away" in problem["detail"]
    assert keyed(client, NDJSON, b"", "k")[0] == 400
    assert keyed(client, CSV, b"id\n", "k")[2]["written"] == 0
    assert keyed(client, CSV, b"id\n", "k")[:2] == (200, "true")
    assert count(client) == 0


def test_twenty_at_once_with_one_key_write_one_body(node, client):
    client.add({"source_id": "t", "schema_definition": {"id": "int64"}})
    body = b"id\n" + b"".join(b"%d\n" % i for i in range(70_000))
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(keyed(node.client(), CSV, body, "k"))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer[1] or "" for answer in answers) == [""] + ["true"] * 19
    assert len({json.dumps(answer[2]) for answer in answers}) == 1
    assert count(client) == 70_000


def test_a_cursor_from_before_a_large_body_does_not_see_it(node, client):
    client.add({"source_id": "t", "schema_definition": {"id": "int64"}})
    client.write("t", [{"id": i} for i in range(100)])
    large = b"id\n" + b"".join(b"%d\n" % i for i in range(1000, 81_000))

    def rest(page, limit):
        seen = [r["fields"]["id"] for r in page["records"]]
        while page["next_cursor"]:
            page = client.search(limit=limit, cursor=page["next_cursor"])
            seen += [r["fields"]["id"] for r in page["records"]]
        return seen

    before = client.search(limit=10)
    send(client, CSV, large)
    client.write("t", [{"id": i} for i in range(100, 150)])
    after = client.search(limit=7000)  # Hot rows below and above the large body.
    send(client, CSV, large)
    assert rest(before, 10) == list(range(100))
    client.flush("t")
    third = client.search(limit=9000)
    send(client, CSV, large)
    client.write("t", [{"id": -1}])
    node.kill()
    node.start()
    client = node.client()
    assert rest(before, 10) == list(range(100))
    once = sorted([*range(150), *range(1000, 81_000)])
    assert sorted(rest(after, 7000)) == once
    assert sorted(rest(third, 9000)) == sorted([*once, *range(1000, 81_000)])


def fill_to_hold_back(client):
    """More than fits between a node and a client that does not read."""
    client.add({"source_id": "t", "schema_definition": {"id": "int64", "text": "string"}})
    for first in range(0, 200_000, 50_000):
        send(client, CSV, b"id,text\n" + b"".join(b"%d,%s\n" % (i, os.urandom(100).hex().encode()) for i in range(first, first + 50_000)))


def last_frame(kind, content):
    """The name of the last frame and what it says."""
    if kind == "frames":
        (name, said), = json.loads(content.splitlines()[-1]).items()
        return name, said
    name, said = content.decode().removesuffix("\n\n").rsplit("\n\n", 1)[1].split("\n")
    return name.removeprefix("event: "), json.loads(said.removeprefix("data: "))


@pytest.mark.parametrize("ending", ["cancelled", "late"])
@pytest.mark.parametrize("kind", [NDJSON, CSV, ARROW, PARQUET, EVENTS, "frames"])
def test_a_failure_midway_cuts_the_body(node, client, kind, ending):
    """So that a short answer is never taken for a whole one; frames say why before."""
    fill_to_hold_back(client)
    target = "/data/search/stream" + ("?frames=true" if kind == "frames" else "")
    accept = NDJSON if kind == "frames" else kind
    reader = node.client().connection
    timeout = {"X-Timeout-Ms": "1000"} if ending == "late" else {}
    reader.request("POST", target, b"{}", {"Accept": accept, "Content-Type": "application/json", **timeout})
    response = reader.getresponse()
    got = response.read(1000)  # Under way, and held back by its reader.
    assert response.status == 200 and got
    if ending == "cancelled":
        query, = client.call("GET", "/queries")["queries"]
        client.call("DELETE", f"/queries/{query['id']}")
    else:
        while client.call("GET", "/queries")["queries"]:
            pass
    with pytest.raises(http.client.IncompleteRead) as cut:
        got += response.read()
    got += cut.value.partial
    assert b'"end"' not in got[-2000:]
    if kind in (EVENTS, "frames"):
        name, problem = last_frame(kind, got)
        wanted = ("CANCELLED", 499) if ending == "cancelled" else ("DEADLINE_EXCEEDED", 504)
        assert (name, problem["code"], problem["status"]) == ("error", *wanted)
        assert problem["instance"] == response.getheader("X-Request-Id") and problem["detail"]
    else:
        assert b"urn:granary:problem" not in got[-2000:]
    if kind == PARQUET:
        with pytest.raises(pa.ArrowInvalid):
            pq.read_table(io.BytesIO(got))


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_the_last_frame_comes_compressed_too(node, client, coding):
    fill_to_hold_back(client)
    reader = node.client().connection
    reader.request("POST", "/data/search/stream?frames=true", b"{}", {"Content-Type": "application/json", "Accept-Encoding": coding})
    response = reader.getresponse()
    got = response.read(1000)
    assert response.status == 200 and response.getheader("Content-Encoding") == coding
    query, = client.call("GET", "/queries")["queries"]
    client.call("DELETE", f"/queries/{query['id']}")
    with pytest.raises(http.client.IncompleteRead) as cut:
        response.read()
    got += cut.value.partial
    if coding == "gzip":
        content = zlib.decompressobj(31).decompress(got)
    else:  # With the empty last block that is missing.
        content = pa.CompressedInputStream(pa.BufferReader(got + b"\x01\x00\x00"), "zstd").read()
    name, problem = last_frame("frames", content)
    assert (name, problem["code"]) == ("error", "CANCELLED")


def test_a_client_that_takes_no_last_frame_holds_nothing(start_node):
    node = start_node({"MAX_CONCURRENT_SEARCHES": "1"})
    client = node.client()
    fill_to_hold_back(client)
    stalled = socket.create_connection(("127.0.0.1", node.port))
    stalled.sendall(b"POST /data/search/stream?frames=true HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nX-Timeout-Ms: 500\r\n\r\n{}")
    while not client.call("GET", "/queries")["queries"]:
        pass
    start = time.monotonic()
    while client.call("GET", "/queries")["queries"]:
        assert time.monotonic() - start < 10
    while client.metric("granary_http_in_flight") > 1:  # /metrics itself is one.
        assert time.monotonic() - start < 10  # WRITE_TIMEOUT_SECONDS is 60.
    stalled.close()


def test_events_are_frames_whether_asked_for_or_not(client):
    client.add({"source_id": "t", "schema_definition": {"id": "int64"}})
    client.write("t", [{"id": 1}])
    for query in ("", "?frames=true"):
        status, headers, content = client.raw("POST", "/data/search/stream" + query, b"{}", {"Accept": EVENTS})
        assert status == 200 and headers["content-type"] == EVENTS
        assert content.startswith(b"event: meta\n") and last_frame(EVENTS, content)[0] == "end"
    status, _, content = client.raw("POST", "/data/search/stream?frames=false", b"{}", {"Accept": EVENTS})
    assert status == 400 and "is a frame" in json.loads(content)["detail"]


def test_csv_lines_end_as_duckdb_reads_them(client, tmp_path):
    client.add({"source_id": "t", "schema_definition": {"id": "int64", "name": "string"}})
    for end in ("\n", "\r\n", "\r"):
        body = f'id,name{end}1,one{end}2,"t{end}wo"{end}3,three'
        assert send(client, CSV, body.encode())["written"] == 3
        (tmp_path / "body.csv").write_bytes(body.encode())
        theirs = duckdb.execute("select * from read_csv(?, header = true)", [str(tmp_path / "body.csv")]).fetchall()
        ours = [(row["id"], row["name"]) for row in client.rows(order_by=[{"column": "_seq", "direction": "desc"}], limit=3)][::-1]
        assert ours == [(i, name.replace("\r\n", "\n") if end != "\r\n" else name) for i, name in theirs], (end, theirs)


def test_csv_quotes_that_are_never_closed_refuse_the_body_even_where_wrong_records_are_skipped(client):
    client.add({"source_id": "t", "schema_definition": {"id": "int64", "name": "string"}})
    body = b'id,name\n1,a\n2,"b\n3,c\n4,d\n'
    for query in ("", "&on_error=skip"):
        with pytest.raises(Refused) as refused:
            send(client, CSV, body, query=query)
        assert refused.value.status == 400 and refused.value.problem["detail"].startswith("line 3: the quotes that open here")
    assert count(client) == 0
    answer = send(client, CSV, b'id,name\n1,a"b\n2,b\n', query="&on_error=skip")
    assert answer["written"] == 1 and answer["rejected"][0]["detail"].startswith("line 2: ")


def test_a_byte_order_mark_in_front_is_no_part_of_a_body(client):
    client.add({"source_id": "t", "schema_definition": {"id": "int64", "name": "string"}})
    mark = b"\xef\xbb\xbf"
    assert send(client, NDJSON, mark + b'{"id":1}\n')["written"] == 1
    assert send(client, CSV, mark + b'"id",name\n2,b\n')["written"] == 1
    for target, body in (("/data/write", b'{"source_id":"t","records":[{"fields":{"id":3}}]}'), ("/data/search", b"{}"),
                         ("/data/search/stream", b"{}"), ("/data/aggregate", b'{"aggregations":[{"type":"count"}]}'), ("/sources/t/flush", b"{}")):
        status, _, content = client.raw("POST", target, mark + body)
        assert status == 200, content
    assert count(client) == 3


@pytest.mark.parametrize("kind,named", [("text/csv; header=absent", "header=absent"), ("text/csv; delimiter=x", "delimiter=x"),
                                        ("application/x-ndjson; charset=utf-16", "charset=utf-16"), ("application/json; v=2", "v=2"),
                                        ("application/vnd.apache.parquet; version=2", "version=2")])
def test_a_parameter_of_a_type_that_means_nothing_here_is_refused_by_its_name(client, kind, named):
    client.add({"source_id": "t", "schema_definition": {"id": "int64"}})
    status, _, content = client.raw("POST", "/data/write?source_id=t", b"1,2\n", {"Content-Type": kind})
    problem = json.loads(content)
    assert (status, problem["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE") and named in problem["detail"], problem


def test_a_short_body_that_is_of_no_coding_says_so(node, client):
    client.add({"source_id": "t", "schema_definition": {"id": "int64"}})
    for kind in ("application/json", *TABLES):
        target = "/data/search" if kind == "application/json" else "/data/write?source_id=t"
        for coding in ("gzip", "zstd"):
            for body in (b"x", b"{}", b'{"limit":0}', b"\x1f\x8b", b"\x28\xb5\x2f", b"id\n1\n"):
                # A body that its handler has not read to the end closes the connection.
                status, _, content = node.client().raw("POST", target, body, {"Content-Type": kind, "Content-Encoding": coding})
                assert status == 400 and coding in json.loads(content)["detail"], (kind, body, content)
            status, _, content = node.client().raw("POST", target, b"", {"Content-Type": kind, "Content-Encoding": coding})
            assert status == 400 and "the body is empty" in json.loads(content)["detail"]


def test_no_coding_left_is_not_acceptable_and_nothing_is_done(client):
    client.add({"source_id": "t", "schema_definition": {"id": "int64"}})
    write = b'{"source_id":"t","records":[{"fields":{"id":1}}]}'
    for accept in ("identity;q=0", "*;q=0", "br, identity;q=0", "*;q=0, gzip;q=0"):
        for target, body in (("/data/write", write), ("/data/search", b"{}"), ("/data/search/stream", b"{}")):
            status, headers, content = client.raw("POST", target, body, {"Accept-Encoding": accept})
            problem = json.loads(content)
            assert (status, problem["code"]) == (406, "NOT_ACCEPTABLE") and "Accept-Encoding" in problem["detail"]
    assert count(client) == 0
    for accept, coding in (("*;q=0, gzip", "gzip"), ("identity;q=0, gzip;q=0.1", "gzip"), ("identity;q=0.1", None), ("*;q=0, identity", None)):
        status, headers, content = client.raw("POST", "/data/search", b"{}", {"Accept-Encoding": accept})
        assert status == 200 and headers.get("content-encoding") == coding, accept
        assert json.loads(gzip.decompress(content) if coding else content)["count"] == 0


def test_accept_means_the_parameters_that_it_names(client):
    client.add({"source_id": "t", "schema_definition": {"id": "int64"}})
    for accept, wanted in (("application/x-ndjson;profile=x", None), ("application/x-ndjson;q=0, */*", CSV), ("text/csv;header=absent", None),
                           ("text/csv; header=present; charset=utf-8", CSV), ("application/x-ndjson;profile=x, text/csv;q=0.1", CSV),
                           (NDJSON + ";q=0", None)):
        status, headers, content = client.raw("POST", "/data/search/stream", b"{}", {"Accept": accept})
        assert (status, headers["content-type"].partition(";")[0]) == ((200, wanted) if wanted else (406, "application/problem+json")), accept


def test_a_key_means_what_is_asked_for_and_not_how_it_is_written(client):
    client.add({"source_id": "t", "schema_definition": {"id": "int64"}})
    first = keyed(client, NDJSON, b'{"id":1}\n', "k")
    assert first[:2] == (200, None)
    for query in ("&atomic=true", "&on_error=reject", "&on_error=reject&atomic=true"):
        assert keyed(client, NDJSON, b'{"id":1}\n', "k", query) == (200, "true", first[2]), query
    status, headers, _ = client.raw("POST", "/data/write?atomic=true&source_id=%74", b'{"id":1}\n', {"Content-Type": NDJSON, "Idempotency-Key": "k"})
    assert (status, headers.get("idempotency-replayed")) == (200, "true")
    assert keyed(client, NDJSON, b'{"id":1}\n', "k", "&on_error=skip")[2]["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert keyed(client, CSV, b'{"id":1}\n', "k")[2]["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert count(client) == 1


def test_a_source_goes_out_as_frames_that_end(client):
    client.add({"source_id": "t", "schema_definition": {"id": "int64"}})
    send(client, CSV, b"id\n" + b"".join(b"%d\n" % i for i in range(100_000)))
    status, _, content = client.raw("POST", "/data/search/stream?frames=true", {})
    frames = [json.loads(line) for line in content.splitlines()]
    assert sum("row" in frame for frame in frames) == 100_000 and frames[-1]["end"]["rows"] == 100_000


def test_a_large_body_needs_no_more_hot_memory_than_there_is(start_node):
    node = start_node({"MEMORY_LIMIT_MB": "256", "FLUSH_MB": "128"})  # 64 MB of hot memory.
    client = node.client()
    client.add({"source_id": "t"})
    line = json.dumps({"id": 1, "s": "x" * 1000}).encode() + b"\n"
    status, _, content = client.raw("POST", "/data/write?source_id=t", line * 150_000, {"Content-Type": NDJSON})
    assert status == 200, content
    assert json.loads(content)["written"] == 150_000
    assert client.call("GET", "/sources/t/stats")["rows"] == 150_000


def test_what_was_read_whole_before_a_failure_counts_without_a_transaction(start_node):
    node = start_node({"BODY_CHUNK_MB": "1"})
    client = node.client()
    client.add({"source_id": "t"})
    lines = [json.dumps({"id": i, "s": "x" * 1000}).encode() + b"\n" for i in range(1500)]
    body = b"".join(lines) + b'{"id": "' + b"y" * (3 << 20) + b'"}\n'
    for query, expected in (("&atomic=false", 1000), ("", 0)):
        before = client.call("GET", "/sources/t/stats")["rows"]
        status, _, content = client.raw("POST", "/data/write?source_id=t" + query, body, {"Content-Type": NDJSON})
        assert status == 413, content
        written = client.call("GET", "/sources/t/stats")["rows"] - before
        assert (written >= expected) if expected else written == 0, content
        if expected:
            assert f"{written} records before are written" in json.loads(content)["detail"]


def test_lists_of_every_layout_come_back_equal_also_after_a_kill(node, client):
    lists = [[1, 2], [3], None, [], [4, 5, 6]] * 700
    texts = [["abc", None], [], None, ["d" * 300]] * 875
    for i, layout in enumerate((pa.list_, pa.large_list, pa.list_view, pa.large_list_view)):
        client.add({"source_id": f"t{i}", "schema_definition": {"i": "list<int64>", "s": "list<string>"}})
        table = pa.table({"i": pa.array(lists, layout(pa.int64())), "s": pa.array(texts, layout(pa.string())),
                          "n": pa.array([{"l": one} for one in lists], pa.struct([("l", layout(pa.int64()))]))})
        assert send(client, ARROW, body_of(table, ARROW), f"t{i}")["written"] == len(lists)
    node.kill()
    node.start()
    for i in range(4):
        got = [record["fields"] for record in node.client().search(source_ids=[f"t{i}"], limit=len(lists))["records"]]
        assert got == [{"i": a, "s": b, "n": {"l": a}} for a, b in zip(lists, texts)], i


def test_an_arrow_body_ends_where_its_stream_ends(client):
    client.add({"source_id": "t"})
    one = body_of(table_of(100).select(["id", "name"]), ARROW)
    for more in (one, b"junk", b"\0"):
        for query in ("", "&atomic=false"):
            status, _, content = client.raw("POST", "/data/write?source_id=t" + query, one + more, {"Content-Type": ARROW})
            assert status == 400 and "behind the end" in json.loads(content)["detail"], content
    assert send(client, ARROW, one)["written"] == 100


def test_writes_that_wait_for_a_key_hold_up_no_other(start_node):
    node = start_node({"HANDLER_THREADS": "2"})
    client = node.client()
    for source in "ab":
        client.add({"source_id": source})
    head = (f"POST /data/write?source_id=a HTTP/1.1\r\nHost: x\r\nContent-Type: {NDJSON}\r\nIdempotency-Key: k\r\n"
            "Content-Length: 1000\r\n\r\n").encode()
    body = json.dumps({"source_id": "a", "records": [{"fields": {"a": 1}}]}).encode()
    waiter = (b"POST /data/write HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\n"
              b"Content-Length: %d\r\n\r\n" % len(body) + body)
    with socket.create_connection(("127.0.0.1", node.port)) as slow:
        slow.sendall(head + b'{"a": 2}\n')
        waiters = [socket.create_connection(("127.0.0.1", node.port)) for _ in range(10)]
        for one in waiters:
            one.sendall(waiter)
        for i in range(20):
            assert node.client(timeout=10).write("b", [{"b": i}])["written"] == 1
        for one in waiters:
            one.close()


@pytest.mark.parametrize("kind", [ARROW, PARQUET])
def test_tables_hold_dates_of_the_years_1_to_9999(client, kind):
    """Arrow holds others; they are refused by their place, or left out."""
    days = {"day": (pa.date32(), -719162, 2932896)}
    for unit, units in (("s", 1), ("ms", 10**3), ("us", 10**6)):
        days[unit] = (pa.timestamp(unit), -62135596800 * units, 253402300800 * units - 1)
    for mode in ("strict", "evolve"):
        columns = {"day": "date", **{unit: f"datetime64[{unit}]" for unit in ("s", "ms", "us")}} if mode == "strict" else {}
        for name, (type_, first, last) in days.items():
            if kind == PARQUET and name == "s":
                continue  # Parquet has no seconds.
            source = f"y_{mode}_{name}"
            client.add({"source_id": source, "schema_mode": mode, "schema_definition": columns})
            send = lambda values, more="": client.raw("POST", f"/data/write?source_id={source}{more}", body_of(pa.table({name: pa.array(values, type_)}), kind),
                                                      {"Content-Type": kind})
            assert send([first, first + 1, None, last - 1, last])[0] == 200
            for outside in (first - 1, last + 1):
                status, _, content = send([0, outside])
                assert (status, json.loads(content)["errors"][0]["pointer"]) == (400, f"/1/{name}"), content
                status, _, content = send([0, outside], "&on_error=skip")
                assert (status, json.loads(content)["written"], json.loads(content)["rejected_total"]) == (200, 1, 1), content
            shown = [row[name] for row in client.rows(source_ids=[source], columns=[name], order_by=[{"column": "_seq"}])]
            assert len(shown) == 7 and shown[0].startswith("0001-01-01") and shown[4].startswith("9999-12-31"), shown
