"""schema_mode json: declared columns are typed, everything else of a record stays queryable JSON and comes back equal."""

import csv
import io
import json
import pathlib
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest

from node import Refused

DECLARED = {"id": "int64", "at": "timestamp", "tag": "string"}
DOCUMENTS = [
    {"id": 1, "at": "2024-01-15T10:00:00Z", "kind": "commit", "commit": {"op": "create", "n": 1, "langs": ["en", "de"]}},
    {"id": 2, "kind": "commit", "commit": {"op": "delete", "n": 1.5}, "": "empty", "gone": None},
    {"id": 3, "at": None, "kind": 7, "commit": None, "tag": "x"},
    {"id": 4, "kind": "identity", "deep": [{"a": 1}, {"a": "two"}, {"b": {"": [None]}}]},
    {"id": 5}, {"big": 123456789012345678901234567890, "tiny": 1e-300, "ünï": "\u0001 \"é\""}, {}]


@pytest.fixture
def source(client):
    client.add({"source_id": "j", "schema_mode": "json", "schema_definition": DECLARED, "index_columns": ["id"]})
    return client


def documents(client, **body):
    return client.rows(source_ids=["j"], order_by=[{"column": "_seq"}], **body)


def test_the_mode_and_its_columns_are_shown(source):
    shown = source.call("GET", "/sources/j")
    assert (shown["schema_mode"], shown["schema_definition"], shown["schema_version"]) == (
        "json", {"id": "int64", "at": "datetime64[us]", "tag": "string"}, 1)
    assert list(source.call("GET", "/sources/j/stats")["columns"]) == ["id", "at", "tag"]
    again = {"source_id": "j", "schema_mode": "json", "schema_definition": DECLARED, "index_columns": ["id"]}
    assert source.raw("POST", "/sources/add", again)[0] == 200
    assert source.raw("POST", "/sources/add", {**again, "schema_mode": "evolve"})[0] == 409


def test_documents_come_back_equal_from_memory_log_file_and_compaction(node, source):
    source.write("j", DOCUMENTS)
    assert documents(source) == DOCUMENTS
    node.kill()
    node.start()
    assert documents(node.client()) == DOCUMENTS
    client = node.client()
    client.flush("j")
    assert documents(client) == DOCUMENTS
    client.write("j", DOCUMENTS)
    client.flush("j")
    client.call("POST", "/sources/j/compact?wait=true")
    assert documents(client) == DOCUMENTS + DOCUMENTS
    assert client.call("GET", "/sources/j/stats")["segments"] == 1
    node.stop()
    node.start()
    assert documents(node.client()) == DOCUMENTS + DOCUMENTS


def test_pages_of_documents(source):
    wanted = [{"id": i, "kind": f"k{i % 3}", "nested": {"i": i}} for i in range(50)]
    source.write("j", wanted[:30])
    page = source.search(source_ids=["j"], order_by=[{"column": "nested.i", "direction": "desc"}], limit=20)
    source.write("j", wanted[30:])
    source.flush("j")
    found, cursor = [r["fields"] for r in page["records"]], page["next_cursor"]
    while cursor:
        page = source.search(source_ids=["j"], order_by=[{"column": "nested.i", "direction": "desc"}], limit=7, cursor=cursor)
        found, cursor = found + [r["fields"] for r in page["records"]], page["next_cursor"]
    assert found == wanted[29::-1]


def test_a_retry_writes_nothing(source):
    body = {"source_id": "j", "records": [{"fields": {"id": 9, "x": {"y": 1}}}]}
    first = source.call("POST", "/data/write", body, {"Idempotency-Key": "k"})
    again = source.call("POST", "/data/write", body, {"Idempotency-Key": "k"})
    assert first["sequence"] == again["sequence"]
    assert documents(source) == [{"id": 9, "x": {"y": 1}}]


def test_text_bodies_come_in(source):
    lines = "\n".join(json.dumps(one) for one in DOCUMENTS)
    source.call("POST", "/data/write?source_id=j", lines.encode(), {"Content-Type": "application/x-ndjson"})
    assert documents(source) == DOCUMENTS
    text = "id,at,n,word,flag,_granary_rest\r\n10,2024-01-15,1,one,true,\"{\"\"x\"\":{\"\"y\"\":1},\"\"tag\"\":\"\"t\"\"}\"\r\n11,,2.50,,,\r\n"
    source.call("POST", "/data/write?source_id=j", text.encode(), {"Content-Type": "text/csv"})
    assert documents(source)[len(DOCUMENTS):] == [
        {"id": 10, "at": "2024-01-15T00:00:00Z", "tag": "t", "n": 1, "word": "one", "flag": True, "x": {"y": 1}}, {"id": 11, "n": 2.5}]
    with pytest.raises(Refused) as problem:
        source.call("POST", "/data/write?source_id=j", b"id,_granary_rest\r\n1,[2]\r\n", {"Content-Type": "text/csv"})
    assert problem.value.code == "INVALID_RECORD"


def table_bytes(table, form):
    sink = io.BytesIO()
    if form == "parquet":
        pq.write_table(table, sink)
    else:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue()


@pytest.mark.parametrize("form", ("arrow", "parquet"))
def test_tables_come_in_and_go_out(source, form):
    kind = {"arrow": "application/vnd.apache.arrow.stream", "parquet": "application/vnd.apache.parquet"}[form]
    table = pa.table({"id": [1, 2, None], "n": pa.array([1.5, None, 2.0]), "who": [{"a": 1, "b": None}, None, {"a": 2, "b": "x"}],
                      "list": [[1, 2], [], None], "tag": ["t", None, None]})
    source.call("POST", "/data/write?source_id=j", table_bytes(table, form), {"Content-Type": kind})
    expected = [{"id": 1, "tag": "t", "n": 1.5, "who": {"a": 1, "b": None}, "list": [1, 2]}, {"id": 2, "list": []},
                {"n": 2.0, "who": {"a": 2, "b": "x"}}]
    assert documents(source) == expected
    with pytest.raises(Refused) as problem:
        source.call("POST", "/data/write?source_id=j", table_bytes(pa.table({"id": ["x"], "n": [1]}), form), {"Content-Type": kind})
    assert (problem.value.code, problem.value.pointers) == ("INVALID_RECORD", ["/0/id"])

    def out():
        body = {"source_ids": ["j"], "order_by": [{"column": "_seq"}]}
        status, _, content = source.raw("POST", "/data/search/stream", body, {"Accept": kind})
        assert status == 200
        return pq.read_table(io.BytesIO(content)) if form == "parquet" else pa.ipc.open_stream(content).read_all()

    for _ in range(2):
        got = out()
        assert got.column_names == ["id", "at", "tag", "_granary_rest"]
        rest = [None if text is None else json.loads(text) for text in got.column("_granary_rest").cast(pa.string()).to_pylist()]
        assert rest == [{"n": 1.5, "who": {"a": 1, "b": None}, "list": [1, 2]}, {"list": []}, {"n": 2.0, "who": {"a": 2, "b": "x"}}]
        source.flush("j")
    # What goes out comes in again as it was.
    source.add({"source_id": "copy", "schema_mode": "json", "schema_definition": {"n": "float64"}})
    source.call("POST", "/data/write?source_id=copy", table_bytes(out(), form), {"Content-Type": kind})
    assert source.rows(source_ids=["copy"], order_by=[{"column": "_seq"}]) == expected


def test_csv_and_ndjson_go_out(source):
    source.write("j", DOCUMENTS[:3])
    assert [record["fields"] for record in source.stream(source_ids=["j"], order_by=[{"column": "_seq"}])] == DOCUMENTS[:3]
    _, _, content = source.raw("POST", "/data/search/stream", {"source_ids": ["j"], "order_by": [{"column": "_seq"}]}, {"Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    assert list(rows[0]) == ["id", "at", "tag", "_granary_rest"]
    assert json.loads(rows[0]["_granary_rest"]) == {"kind": "commit", "commit": {"op": "create", "n": 1, "langs": ["en", "de"]}}
    assert json.loads(rows[2]["_granary_rest"]) == {"at": None, "kind": 7, "commit": None}


def test_a_column_declared_later_takes_over_what_was_written(node, source):
    before = [{"id": 1, "c": 5, "x": 1}, {"id": 2, "c": "text"}, {"id": 3}, {"id": 4, "c": None}, {"id": 5, "c": 2.0}]
    source.write("j", before[:3])
    source.flush("j")
    source.write("j", before[3:])
    source.call("PATCH", "/sources/j", {"add_columns": {"c": "int64"}, "add_indexes": ["c"]})
    after = [*before, {"id": 6, "c": 6}, {"id": 7, "d": {"e": 1}}]
    source.write("j", after[5:])
    with pytest.raises(Refused) as problem:
        source.write("j", [{"c": "no number"}])
    assert problem.value.pointers == ["/records/0/fields/c"]
    for step in ("memory", "flushed", "compacted", "restarted"):
        if step == "flushed":
            source.flush("j")
        if step == "compacted":
            source.call("POST", "/sources/j/compact?wait=true")
        if step == "restarted":
            node.restart()
            source = node.client()
        assert documents(source) == after, step
        assert [row["id"] for row in documents(source, filters={"c": {"gte": 5}})] == [1, 6], step
        assert [row["id"] for row in documents(source, filters={"c": 2})] == [5], step
        assert [row["id"] for row in documents(source, filters={"c": {"exists": False}})] == [2, 3, 4, 7], step
        assert documents(source, columns=["c", "_granary_rest.c"])[:2] == [{"c": 5, "_granary_rest.c": None}, {"c": None, "_granary_rest.c": "text"}], step
        assert source.aggregate(source_ids=["j"], aggregations=[{"type": "sum", "column": "c"}, {"type": "count", "column": "c"},
                                {"type": "min", "column": "c"}]) == [{"sum_c": 13, "count_c": 3, "min_c": 2}], step


def test_a_dropped_columns_name_is_a_member_again(source):
    source.write("j", [{"id": 1, "tag": "old"}])
    source.call("PATCH", "/sources/j", {"drop_columns": ["tag"]})
    source.write("j", [{"id": 2, "tag": {"new": True}}])
    assert documents(source) == [{"id": 1}, {"id": 2, "tag": {"new": True}}]


def test_a_typed_source_becomes_one_of_documents_and_stays_one(client):
    client.add({"source_id": "j", "schema_definition": {"id": "int64"}})
    client.write("j", [{"id": 1, "word": "evolved"}])
    client.flush("j")
    changed = client.call("PATCH", "/sources/j", {"schema_mode": "json"})
    assert (changed["schema_mode"], changed["schema_definition"]) == ("json", {"id": "int64", "word": "string"})
    client.write("j", [{"id": 2, "other": {"x": 1}}])
    for _ in range(2):
        assert documents(client) == [{"id": 1, "word": "evolved"}, {"id": 2, "other": {"x": 1}}]
        assert documents(client, filters={"other.x": 1}, columns=["id"]) == [{"id": 2}]
        client.flush("j")
    for change, pointer in (({"schema_mode": "evolve"}, "/schema_mode"), ({"rename_columns": {"id": "n"}}, "/rename_columns/id"),
                            ({"drop_columns": ["_granary_rest"]}, "/drop_columns/0"), ({"add_indexes": ["_granary_rest"]}, "/add_indexes/0"),
                            ({"add_columns": {"_granary_rest": "json"}}, "/add_columns/_granary_rest")):
        with pytest.raises(Refused) as problem:
            client.call("PATCH", "/sources/j", change)
        assert (problem.value.code, problem.value.pointers) == ("INVALID_DEFINITION", [pointer])


@pytest.mark.parametrize("more", (-1, 0, 1))
def test_the_limit_of_columns_counts_declared_ones(start_node, more):
    client = start_node({"MAX_COLUMNS": "10"}).client()
    body = {"source_id": "j", "schema_mode": "json", "schema_definition": {f"c{i}": "int64" for i in range(10 + more)}}
    assert client.raw("POST", "/sources/add", body)[0] == (400 if more > 0 else 201)
    if more <= 0:
        client.write("j", [{f"k{i}": i for i in range(1000)}])
        assert client.rows(source_ids=["j"]) == [{f"k{i}": i for i in range(1000)}]


def test_limits_of_documents(source):
    deep = {"a": 0}
    for _ in range(60):  # The body, its records, the record and its fields are four.
        deep = {"a": deep}
    wide = {f"key {i}": i for i in range(100_000)}
    huge = {"text": "x" * (8 << 20), "y" * 70_000: 1}
    source.write("j", [deep])
    with pytest.raises(Refused):
        source.write("j", [{"a": deep}])
    source.write("j", [wide])
    source.write("j", [huge])
    for _ in range(2):
        assert documents(source) == [deep, wide, huge]
        assert documents(source, filters={"key 99999": 99999}, columns=["key 7"]) == [{"key 7": 7}]
        source.flush("j")


def test_numbers_keep_every_digit(client):
    client.add({"source_id": "j", "schema_mode": "json"})
    text = '{"source_id":"j","records":[{"fields":{"a":1.0,"b":1,"c":1e3,"d":-0.0,"e":9223372036854775808,"f":0.1000,"g":1E+2}}]}'
    client.call("POST", "/data/write", text.encode())
    for _ in range(3):
        _, _, content = client.raw("POST", "/data/search", {"source_ids": ["j"]})
        shown = content.decode().split('"fields":')[1].split("}")[0] + "}"
        assert shown == '{"a":1.0,"b":1,"c":1e3,"d":-0.0,"e":9223372036854775808,"f":0.1000,"g":1E+2}'
        assert client.rows(source_ids=["j"], filters={"a": 1, "c": 1000, "e": {"gt": 2**63 - 1}}, columns=["b"]) == [{"b": Decimal(1)}]
        client.flush("j")
        client.call("POST", "/sources/j/compact?wait=true")


def segment_files(node):
    return sorted(pathlib.Path(node.folder).rglob("*.parquet"))


def test_frequent_paths_are_columns_that_other_readers_see(node, source):
    rows = [{"id": i, "kind": f"k{i % 5}", "commit": {"op": "create" if i % 3 else "delete", "n": i if i % 2 else f"t{i}", "x.y": i / 8},
             "flag": i % 2 == 0, "rare": {"r": i} if i % 100 == 0 else None, "langs": ["en"]} for i in range(500)]
    source.write("j", rows)
    hot = source.call("GET", "/sources/j/paths")
    assert (hot["documents"], hot["complete"]) == (500, True)
    source.flush("j")
    paths = source.call("GET", "/sources/j/paths")
    assert (paths["documents"], paths["complete"]) == (500, True)
    shown = {path["path"]: path for path in paths["paths"]}
    assert {name: path["types"] for name, path in shown.items()} == {path["path"]: path["types"] for path in hot["paths"]} == {
        "kind": {"string": 500}, "commit": {"object": 500}, "commit.op": {"string": 500}, "commit.n": {"int64": 250, "string": 250},
        "commit.x\\.y": {"double": 500}, "flag": {"bool": 500}, "rare": {"object": 5, "null": 495}, "rare.r": {"int64": 5}, "langs": {"array": 500}}
    assert {name for name, path in shown.items() if path["conflict"]} == {"commit.n"}
    assert {name for name, path in shown.items() if path["shredded"] == 1} == {"kind", "commit.op", "commit.n", "commit.x\\.y", "flag"}
    table = pq.read_table(segment_files(node)[0])
    assert table.column("kind").to_pylist() == [row["kind"] for row in rows]
    assert table.column("commit.x\\.y").to_pylist() == [row["commit"]["x.y"] for row in rows]
    lanes = [table.column(name).to_pylist() for name in ("commit.n", "commit.n:int64")]  # As frequent: strings come first.
    assert [a if a is not None else b for a, b in zip(*lanes)] == [row["commit"]["n"] for row in rows]
    left = json.loads(table.column("_granary_rest").cast(pa.string()).to_pylist()[1])
    assert left == {"kind": None, "commit": {"op": None, "n": None, "x.y": None}, "flag": None, "rare": None, "langs": ["en"]}
    assert duckdb.sql(f"SELECT count(*) FROM '{segment_files(node)[0]}' WHERE \"commit.op\" = 'delete'").fetchall() == [(167,)]
    assert documents(source, limit=1000) == rows
    found = source.search(source_ids=["j"], filters={"kind": "no such kind"})
    assert (found["count"], found["stats"]["rows_scanned"]) == (0, 0)
    assert source.search(source_ids=["j"], filters={"nobody": 1})["stats"]["rows_scanned"] == 0
    assert source.search(source_ids=["j"], filters={"commit.x\\.y": {"gt": 100}})["stats"]["rows_scanned"] == 0


def test_paths_may_stay_in_the_text(start_node):
    node = start_node({"SHRED_PATHS_MAX": "0"})
    client = node.client()
    client.add({"source_id": "j", "schema_mode": "json"})
    client.write("j", [{"kind": "a"}, {"kind": "b"}])
    client.flush("j")
    assert pq.read_table(segment_files(node)[0]).column_names == ["_granary_rest", "_seq"]
    assert [path["shredded"] for path in client.call("GET", "/sources/j/paths")["paths"]] == [0]
    assert client.rows(source_ids=["j"], filters={"kind": "b"}) == [{"kind": "b"}]


KEYS = ("id", "kind", "at", "n", "a.b", "", "ü\"\\", "deep", "_seq2", "x")
SCALARS = ("", "create", "delete", "é\u0001", "1", 0, 1, -1, 7, 42, 2**63 - 1, -2**63, 2**63, 1.0, 1.5, -0.0, 1e3, 1e300, 0.1, True, False, None)


def random_value(random, depth):
    kind = random.random()
    if kind < 0.65 or depth > 3:
        return random.choice(SCALARS)
    if kind < 0.85:
        return {key: random_value(random, depth + 1) for key in random.sample(KEYS, random.randrange(4))}
    return [random_value(random, depth + 1) for _ in range(random.randrange(4))]


def random_document(random):
    return {key: random_value(random, 0) for key in random.sample(KEYS, random.randrange(1, 6))}


def reached(value, path):
    """What a path leads to: an array on the way means each of its elements."""
    if not path:
        return [value]
    if isinstance(value, dict):
        return reached(value[path[0]], path[1:]) if path[0] in value else []
    if isinstance(value, list):
        return [found for one in value for found in reached(one, path)]
    return []


def kind_of(value):
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, (int, float, Decimal)) else type(value).__name__


def exact(value):
    return Decimal(repr(value)) if isinstance(value, float) else value


def compares(value, operator, literal):
    if isinstance(value, list):
        return any(compares(one, operator, literal) for one in value if not isinstance(one, list))
    if kind_of(value) != kind_of(literal):
        return False
    value, literal = exact(value), exact(literal)
    if isinstance(value, str):
        value, literal = value.encode(), literal.encode()
    return {"eq": value == literal, "gt": value > literal, "gte": value >= literal, "lt": value < literal, "lte": value <= literal}[operator]


def truth(document, path, operator, literal):
    found = [value for value in reached(document, path) if value is not None]
    if operator == "exists":
        return bool(found) == literal
    if not found:
        return None
    if operator == "ne":
        return not any(compares(value, "eq", literal) for value in found)
    if operator == "in":
        return any(compares(value, "eq", one) for value in found for one in literal)
    return any(compares(value, operator, literal) for value in found)


def written(path):
    name = ".".join(key.replace("\\", "\\\\").replace(".", "\\.") for key in path)
    return name or "_granary_rest."  # A request's names are not empty.


def random_filter(random):
    path = random.sample(KEYS, random.choice((1, 1, 2, 3)))
    operator = random.choice(("eq", "ne", "gt", "gte", "lt", "lte", "in", "exists"))
    scalar = [one for one in SCALARS if one is not None]
    literal = {"in": random.sample(scalar, 3), "exists": random.random() < 0.5}.get(operator, random.choice(scalar))
    return path, operator, literal


@pytest.mark.parametrize("count", (2_000, pytest.param(100_000, marks=pytest.mark.long)))
def test_random_documents_come_back_and_are_found(start_node, seeded, count):
    """Random documents and queries over them against plain Python, the same from memory, files, merged files and after a restart."""
    node = start_node({"SHRED_PATHS_MAX": str(seeded.choice((1, 5, 64))), "AUTO_COMPACTION_ENABLED": "false"})
    client = node.client()
    client.add({"source_id": "j", "schema_mode": "json"})
    all_documents = [random_document(seeded) for _ in range(count)]
    questions = [random_filter(seeded) for _ in range(40)]

    def ask(step):
        documents = [record["fields"] for record in client.stream(source_ids=["j"], order_by=[{"column": "_seq"}])]
        assert len(documents) == len(all_documents)
        for number, (found, expected) in enumerate(zip(documents, all_documents)):
            assert json.dumps(found) == json.dumps(expected), (step, number)
        for path, operator, literal in questions:
            name, outcomes = written(path), [truth(document, path, operator, literal) for document in all_documents]
            expected = [number for number, outcome in enumerate(outcomes) if outcome]
            found = [record["fields"]["_seq"] - 1 for record in client.stream(source_ids=["j"], columns=["_seq"], order_by=[{"column": "_seq"}],
                                                                               filters={name: {operator: literal}})]
            assert found == expected, (step, name, operator, literal)
            inside = client.aggregate(source_ids=["j"], filters={"$not": {name: {operator: literal}}}, aggregations=[{"type": "count", "alias": "n"}])
            assert inside == [{"n": sum(outcome is False for outcome in outcomes)}], (step, name, operator, literal)
        groups = [client.aggregate(source_ids=["j"], group_by=[name], aggregations=[{"type": "count", "alias": "all"}, {"type": "min", "column": name, "alias": "least"},
                  {"type": "count_distinct", "column": "x", "alias": "different"}], order_by=[{"column": name}]) for name in (written((key,)) for key in KEYS[:4])]
        values = [client.stream(source_ids=["j"], columns=["_seq", written(path)], order_by=[{"column": written(path)}], limit=500)
                  for path in (("kind",), ("n",), ("deep", "x"), ("a.b", "n"))]
        return groups, values

    for first in range(0, count, 500):
        client.write("j", all_documents[first:first + 500])
        if first == count // 2:
            client.flush("j")
    answers = ask("memory and a file")
    client.flush("j")
    assert ask("files") == answers
    client.call("POST", "/sources/j/compact?wait=true")
    assert ask("merged") == answers
    node.restart()
    client = node.client()
    assert ask("restarted") == answers
