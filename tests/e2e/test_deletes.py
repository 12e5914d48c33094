"""Deletes, replaced records and retention: gone from every answer at once, for good, and from no page that began before."""

import datetime
import json
import threading

import duckdb
import pytest

from node import Node, Refused
from random_queries import Column, Generator, quote
from test_duckdb import columns_of, import_table, load_duckdb, same_rows

QUERIES = 60
DELETES = 6
ROUNDS = 6


def names_of(request):
    return [g["alias"] for g in request.get("group_by", [])] + [a["alias"] for a in request["aggregations"]]


def compare(client, connection, generator, source, count, state):
    """Random searches and aggregates, and what a full count and the statistics say."""
    differences = []
    for number in range(count):
        if number % 2:
            request, sql = generator.search(source)
            ours, names, ordered = client.rows(**request), request["columns"], True
        else:
            request, sql = generator.aggregate(source)
            ours, names, ordered = client.aggregate(**request), names_of(request), False
        theirs = connection.execute(sql).fetchall()
        if not same_rows(ours, theirs, names, ordered):
            differences.append((request, sql, ours[:3], theirs[:3]))
    assert not differences, f"{state}: {len(differences)} differences; the first: {differences[0]}"
    rows = connection.execute(f"SELECT count(*) FROM {quote(source)}").fetchone()[0]
    assert client.aggregate(source_ids=[source], aggregations=[{"type": "count", "alias": "n"}]) == [{"n": rows}], state
    assert client.call("GET", f"/sources/{source}/stats")["rows"] == rows, state
    assert len(client.stream(source_ids=[source])) == rows, state


def compact(client, source):
    assert client.call("POST", f"/sources/{source}/compact?wait=true")["state"] == "done"


def delete(client, source, filters, headers=None):
    return client.call("POST", "/data/delete", {"source_id": source, "filters": filters}, headers)["deleted"]


def test_random_deletes_leave_what_duckdb_leaves(tmp_path, seeded, figure):
    node = Node(tmp_path).start()
    try:
        client = node.client()
        client.add({"source_id": "weather", "schema_definition": {"origin": "string", "month": "int64", "day": "int64", "temp": "float64"},
                    "partition_columns": ["origin"], "index_columns": ["day", {"column": "temp", "kind": "btree"}]})
        import_table(node, "weather", flush=False)
        schema = client.call("GET", "/sources/weather")["schema_definition"]
        connection = load_duckdb("weather", schema)
        generator = Generator(seeded, columns_of(connection, "weather", schema))
        deleted = 0
        for state in ("hot", "flushed", "compacted", "restarted"):
            if state == "flushed":
                client.flush("weather")
            if state == "compacted":
                compact(client, "weather")
                assert client.call("GET", "/sources/weather/stats")["deleted_rows"] == 0
            if state == "restarted":
                node.restart()
                client = node.client()
            for _ in range(DELETES):
                filters, where = generator.filter()
                # A tenth of what matches: something is left for the next ones.
                day = seeded.randrange(1, 29)
                theirs = connection.execute(f"DELETE FROM weather WHERE ({where}) AND day = {day}").fetchone()[0]
                assert delete(client, "weather", {"$and": [filters, {"day": day}]}) == theirs, (state, filters, where)
                deleted += theirs
            compare(client, connection, generator, "weather", QUERIES, state)
        assert deleted > 0
        rest = connection.execute("SELECT count(*) FROM weather").fetchone()[0]
        assert delete(client, "weather", {}) == rest
        assert client.rows(source_ids=["weather"]) == []
        figure(f"{4 * DELETES} random deletes of {deleted} rows, {4 * QUERIES} queries: 0 differences")
    finally:
        node.close()


KEYED = {"source_id": "k", "schema_definition": {"a": "int64", "b": "string", "n": "int64", "s": "string", "x": "float64"},
         "primary_key": ["a", "b"], "partition_columns": ["s"], "index_columns": [{"column": "n", "kind": "btree"}]}


def keyed_row(seeded):
    return {"a": seeded.randrange(40), "b": seeded.choice("uvwxyz") * seeded.randrange(1, 4), "n": seeded.randrange(1000),
            "s": seeded.choice(["p", "q", "r", None]), "x": seeded.choice([None, round(seeded.uniform(-9, 9), 3)])}


class KeyedModel:
    """The same in DuckDB: the rows of a batch replace those of before, the last of a batch its others."""

    def __init__(self):
        self.connection = duckdb.connect()
        self.connection.execute("CREATE TABLE k (a BIGINT, b VARCHAR, n BIGINT, s VARCHAR, x DOUBLE, rowid BIGINT)")
        self.next = 0

    def write(self, rows):
        last = {}
        for row in rows:
            self.next += 1
            last[row["a"], row["b"]] = (row, self.next)
        for (a, b), (row, number) in last.items():
            self.connection.execute("DELETE FROM k WHERE a = ? AND b = ?", [a, b])
            self.connection.execute("INSERT INTO k VALUES (?, ?, ?, ?, ?, ?)", [row[c] for c in "abnsx"] + [number])


def test_random_replacements_leave_what_duckdb_leaves(tmp_path, seeded, figure):
    node = Node(tmp_path, env={"BODY_CHUNK_ROWS": "200", "ROW_GROUP_ROWS": "64"}).start()
    try:
        client = node.client()
        client.add(KEYED)
        model = KeyedModel()
        samples = [keyed_row(seeded) for _ in range(100)]
        generator = Generator(seeded, [Column("a", "int", [r["a"] for r in samples]), Column("b", "string", [r["b"] for r in samples]),
                                       Column("n", "int", [r["n"] for r in samples]), Column("s", "string", ["p", "q", "r"]),
                                       Column("x", "float", [r["x"] for r in samples if r["x"] is not None])])
        for turn in range(ROUNDS):
            for _ in range(seeded.randrange(1, 5)):
                rows = [keyed_row(seeded) for _ in range(seeded.choice([1, 3, 40, 300]))]
                if len(rows) == 300 and seeded.random() < 0.7:  # Longer than a chunk: around the log.
                    body = "\n".join(json.dumps(row) for row in rows)
                    status, _, content = client.raw("POST", "/data/write?source_id=k", body, {"Content-Type": "application/x-ndjson"})
                    assert status == 200, content
                    assert json.loads(content)["written"] == len(rows)
                else:
                    assert client.write("k", rows)["written"] == len(rows)
                model.write(rows)
                if seeded.random() < 0.3:
                    client.flush("k")
            if seeded.random() < 0.5:
                filters, where = generator.leaf()
                theirs = model.connection.execute(f"DELETE FROM k WHERE {where}").fetchone()[0]
                assert delete(client, "k", filters) == theirs, (filters, where)
            state = seeded.choice(["hot", "flushed", "compacted", "restarted", "killed"])
            if state == "flushed":
                client.flush("k")
            if state == "compacted":
                compact(client, "k")
            if state in ("restarted", "killed"):
                node.restart() if state == "restarted" else (node.kill(), node.start())
                client = node.client()
            compare(client, model.connection, generator, "k", QUERIES, f"round {turn}, {state}")
            keys = [(r["a"], r["b"]) for r in client.rows(source_ids=["k"], columns=["a", "b"], limit=10_000)]
            assert len(keys) == len(set(keys)), state
        figure(f"{ROUNDS} rounds of writes by key, {ROUNDS * QUERIES} queries: 0 differences")
    finally:
        node.close()


def test_nobody_sees_two_versions_or_none(client, seeded):
    client.add({"source_id": "t", "schema_definition": {"id": "int64", "v": "int64"}, "primary_key": ["id"]})
    ids, stop, seen = 50, threading.Event(), []

    def read():
        while not stop.is_set():
            rows = client_of_reader.rows(source_ids=["t"], limit=1000)
            counted = client_of_reader.aggregate(source_ids=["t"], aggregations=[{"type": "count", "alias": "n"}])[0]["n"]
            seen.append((len(rows), len({row["id"] for row in rows}), counted))

    client.write("t", [{"id": i, "v": 0} for i in range(ids)])
    client_of_reader = type(client)(client.connection.port)
    reader = threading.Thread(target=read)
    reader.start()
    try:
        for version in range(1, 60):
            client.write("t", [{"id": i, "v": version} for i in seeded.sample(range(ids), 20)])
            if version % 7 == 0:
                client.flush("t")
            if version % 20 == 0:
                compact(client, "t")
    finally:
        stop.set()
        reader.join()
    assert seen and set(seen) == {(ids, ids, ids)}


@pytest.mark.parametrize("ordered", [False, True])
def test_pages_of_before_a_delete_go_on_unchanged(node, client, ordered):
    client.add({"source_id": "t", "schema_definition": {"id": "int64"}, "primary_key": ["id"]})
    client.write("t", [{"id": i} for i in range(60)])
    client.flush("t")
    client.write("t", [{"id": i} for i in range(60, 100)])
    body = {"source_ids": ["t"], "limit": 7, "columns": ["id"]}
    if ordered:
        body["order_by"] = [{"column": "id", "direction": "desc"}]
    page = client.search(**body)
    found = [record["fields"]["id"] for record in page["records"]]
    steps = [lambda: delete(client, "t", {"id": {"gte": 50}}), lambda: client.write("t", [{"id": i} for i in range(0, 100, 3)]),
             lambda: client.flush("t"), lambda: compact(client, "t"), lambda: delete(client, "t", {}), node.restart]
    while page["next_cursor"]:
        if steps:
            steps.pop(0)()
            client = node.client()
        page = client.search(**body, cursor=page["next_cursor"])
        found += [record["fields"]["id"] for record in page["records"]]
    assert sorted(found) == list(range(100)) and (not ordered or found == sorted(found, reverse=True))
    assert not steps and client.rows(source_ids=["t"]) == []


def test_a_key_makes_a_delete_once(node, client):
    client.add({"source_id": "t", "schema_definition": {"id": "int64"}})
    client.write("t", [{"id": i} for i in range(10)])
    headers = {"Idempotency-Key": "once"}
    assert delete(client, "t", {"id": {"lt": 4}}, headers) == 4
    client.write("t", [{"id": 0}])
    for _ in range(2):
        status, got, content = client.raw("POST", "/data/delete", {"source_id": "t", "filters": {"id": {"lt": 4}}}, headers)
        assert (status, json.loads(content)["deleted"], got["idempotency-replayed"]) == (200, 4, "true")
        node.kill()
        node.start()
        client = node.client()
    assert client.search(source_ids=["t"], limit=0)["count"] == 0 and len(client.rows(source_ids=["t"])) == 7
    with pytest.raises(Refused) as refused:
        delete(client, "t", {}, headers)
    assert (refused.value.status, refused.value.code) == (409, "IDEMPOTENCY_KEY_REUSED")


def test_a_deadline_ends_a_delete_and_nothing_is_gone(client, seeded):
    client.add({"source_id": "t", "schema_definition": {"s": "string"}})
    client.write("t", [{"s": "".join(seeded.choices("abcdef", k=1000))} for _ in range(5000)])
    slow = {"s": {"regex": "[ab].{100}[cd].{100}x"}}
    status, _, content = client.raw("POST", "/data/delete", {"source_id": "t", "filters": slow}, {"X-Timeout-Ms": "30"})
    assert status == 504, content
    assert client.call("GET", "/sources/t/stats")["rows"] == 5000


@pytest.mark.parametrize("more,pointer", [
    ({"primary_key": ["nope"]}, "/primary_key/0"), ({"primary_key": ["id", "id"]}, "/primary_key/1"), ({"primary_key": ["j"]}, "/primary_key/0"),
    ({"primary_key": ["l"]}, "/primary_key/0"), ({"retention": {"column": "nope", "days": 1}}, "/retention/column"),
    ({"retention": {"column": "id", "days": 1}}, "/retention/column"), ({"retention": {"column": "d", "days": 0}}, "/retention/days"),
    ({"retention": {"column": "d"}}, "/retention/days"), ({"retention": {"column": "d", "days": 1, "hours": 1}}, "/retention/hours")],
    ids=lambda value: str(value)[:50])
def test_definitions_that_are_wrong_say_where(client, more, pointer):
    with pytest.raises(Refused) as refused:
        client.add({"source_id": "u", "schema_definition": {"id": "int64", "j": "json", "l": "list<int64>", "d": "date"}, **more})
    assert refused.value.status == 400 and refused.value.pointers == [pointer]


def test_a_key_is_not_null(client):
    client.add({"source_id": "t", "schema_definition": {"id": "int64", "r": "string", "v": "int64"}, "primary_key": ["id", "r"]})
    with pytest.raises(Refused) as refused:
        client.write("t", [{"id": 1, "r": "a"}, {"id": None, "r": "b"}, {"id": 3}])
    assert (refused.value.status, refused.value.code) == (400, "INVALID_RECORD")
    assert refused.value.pointers == ["/records/1/fields/id", "/records/2/fields/r"]
    assert client.rows(source_ids=["t"]) == []
    answer = client.call("POST", "/data/write", {"source_id": "t", "on_error": "skip", "records": [
        {"fields": {"id": 1, "r": "a", "v": 1}}, {"fields": {"v": 2}}, {"fields": {"id": "x", "r": "b"}}, {"fields": {"id": 1, "r": "a", "v": 3}}]})
    assert answer["written"] == 2 and [one["index"] for one in answer["rejected"]] == [1, 2]
    assert "NOT NULL" in answer["rejected"][0]["detail"]
    assert client.rows(source_ids=["t"]) == [{"id": 1, "r": "a", "v": 3}]
    status, _, content = client.raw("POST", "/data/write?source_id=t", '{"id":7,"r":"z"}\n{"id":8}\n', {"Content-Type": "application/x-ndjson"})
    assert status == 400 and json.loads(content)["errors"][0]["pointer"] == "/1/r"


def test_a_key_keeps_its_columns(client):
    source = client.add({"source_id": "t", "schema_definition": {"id": "int32", "v": "int64"}, "primary_key": ["id"]})
    assert source["primary_key"] == ["id"] and source["retention"] is None
    client.write("t", [{"id": 1, "v": 1}])
    for patch, pointer in (({"drop_columns": ["id"]}, "/drop_columns/0"), ({"widen_columns": {"id": "int64"}}, "/widen_columns/id"),
                           ({"primary_key": ["v"]}, "/primary_key")):
        with pytest.raises(Refused) as refused:
            client.call("PATCH", "/sources/t", patch)
        assert refused.value.status == 400 and refused.value.pointers == [pointer]
    with pytest.raises(Refused) as refused:
        client.write("t", [{"id": 2**40, "v": 1}])
    assert refused.value.status == 400 and refused.value.pointers == ["/records/0/fields/id"]
    assert client.call("PATCH", "/sources/t", {"rename_columns": {"id": "key"}})["primary_key"] == ["key"]
    client.write("t", [{"key": 1, "v": 2}])
    assert client.rows(source_ids=["t"]) == [{"key": 1, "v": 2}]
    client.flush("t")
    answer = client.search(source_ids=["t"], filters={"key": 1})
    assert [record["fields"] for record in answer["records"]] == [{"key": 1, "v": 2}]


def test_kept_files_hold_no_deleted_record(client, tmp_path):
    client.add({"source_id": "t", "schema_definition": {"id": "int64", "v": "int64"}, "primary_key": ["id"], "data_path": "kept"})
    client.write("t", [{"id": i, "v": 1} for i in range(20)])
    client.flush("t")
    client.write("t", [{"id": i, "v": 2} for i in range(10)])
    assert delete(client, "t", {"id": {"gte": 15}}) == 5
    assert client.raw("DELETE", "/sources/t?keep_data=true")[0] == 204
    files = str(tmp_path / "data" / "kept" / "**" / "*.parquet")
    rows = duckdb.connect().execute(f"SELECT id, v FROM read_parquet('{files}') ORDER BY id").fetchall()
    assert rows == [(i, 2 if i < 10 else 1) for i in range(15)]


def test_retention_takes_what_is_past_it(tmp_path):
    node = Node(tmp_path, env={"RETENTION_INTERVAL_MINUTES": "1"}).start()
    try:
        client = node.client()
        today = datetime.datetime.now(datetime.timezone.utc).date()
        source = client.add({"source_id": "t", "schema_definition": {"d": "date", "n": "int64"}, "partition_columns": ["d"],
                             "retention": {"column": "d", "days": 30}})
        assert source["retention"] == {"column": "d", "days": 30}
        client.write("t", [{"d": str(today - datetime.timedelta(days=days)), "n": days} for days in range(0, 60, 10)] + [{"n": -1}])
        assert client.call("PATCH", "/sources/t", {"retention": "none"})["retention"] is None
        assert client.call("PATCH", "/sources/t", {"retention": {"column": "d", "days": 7}})["retention"]["days"] == 7
        with pytest.raises(Refused) as refused:
            client.call("PATCH", "/sources/t", {"drop_columns": ["d"]})
        assert refused.value.status == 400
        with pytest.raises(Refused) as refused:
            client.call("PATCH", "/sources/t", {"retention": {"column": "n", "days": 7}})
        assert refused.value.pointers == ["/retention/column"]
        assert len(client.rows(source_ids=["t"])) == 7
    finally:
        node.close()
