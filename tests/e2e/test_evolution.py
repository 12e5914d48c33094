"""PATCH /sources/{id}, schema modes and the history of a schema, through REST."""

import json
import threading

import pytest

from node import Refused

COLUMNS = {"a": "int32", "b": "string", "day": "date", "key": "string", "x": "float64"}
BIG = 2**53 + 1


@pytest.fixture
def source(client):
    client.add({"source_id": "s", "schema_definition": COLUMNS, "partition_columns": ["day"],
                "index_columns": ["key"], "sort_columns": ["b"]})
    return client


def patch(client, change, source="s"):
    return client.call("PATCH", f"/sources/{source}", change)


def refused(call, *arguments):
    with pytest.raises(Refused) as problem:
        call(*arguments)
    return problem.value


def rows(client, **body):
    return client.rows(source_ids=["s"], order_by=[{"column": "_seq"}], **body)


def test_an_empty_patch_changes_nothing(source):
    before = source.call("GET", "/sources/s")
    assert patch(source, {}) == before
    assert len(source.call("GET", "/sources/s/schema")["versions"]) == 1


def test_columns_of_either_age_are_read_right(source):
    source.write("s", [{"a": 1, "b": "one", "x": 0.5, "day": "2024-01-15"}, {"a": 2, "b": "two"}])
    source.flush("s")
    source.write("s", [{"a": 3, "b": "three"}])
    answer = patch(source, {"add_columns": {"c": "string"}, "rename_columns": {"a": "n"}, "drop_columns": ["x"],
                            "widen_columns": {"a": "float64"}})
    assert answer["schema_version"] == 2
    assert answer["schema_definition"] == {"n": "float64", "b": "string", "day": "date", "key": "string", "c": "string"}
    source.write("s", [{"n": 4.5, "c": "new"}])
    for _ in range(2):
        assert [row["n"] for row in rows(source)] == [1.0, 2.0, 3.0, 4.5]
        assert [row["c"] for row in rows(source)] == [None, None, None, "new"]
        assert [row["b"] for row in rows(source, filters={"n": {"lt": 2.5}})] == ["one", "two"]
        assert source.aggregate(source_ids=["s"], aggregations=[{"type": "max", "column": "n"}]) == [{"max_n": 4.5}]
        source.flush("s")
    problem = refused(lambda: rows(source, filters={"a": 1}))
    assert (problem.code, problem.pointers) == ("UNKNOWN_COLUMN", ["/filters/a"])


def test_a_dropped_and_readded_name_starts_empty(source):
    source.write("s", [{"a": 1, "x": 0.5}])
    source.flush("s")
    patch(source, {"drop_columns": ["a", "x"]})
    patch(source, {"add_columns": {"a": "int32"}})
    source.write("s", [{"a": 7}])
    assert [row["a"] for row in rows(source)] == [None, 7]
    patch(source, {"drop_columns": ["a"], "add_columns": {"a": "string"}})
    assert [row["a"] for row in rows(source)] == [None, None]
    assert source.call("GET", "/sources/s/stats")["columns"]["a"]["nulls"] == 2


def test_names_swap(source):
    source.write("s", [{"a": 1, "b": "one"}])
    source.flush("s")
    patch(source, {"rename_columns": {"a": "b", "b": "a"}})
    source.write("s", [{"b": 2, "a": "two"}])
    assert [(row["b"], row["a"]) for row in rows(source)] == [(1, "one"), (2, "two")]
    assert source.call("GET", "/sources/s")["sort_columns"] == ["a"]


def test_columns_in_use_follow_a_rename_and_stay(source, node):
    source.write("s", [{"day": "2024-01-15", "a": 1}, {"day": "2024-02-01", "a": 2}])
    source.flush("s")
    answer = patch(source, {"rename_columns": {"day": "order/day", "key": "k2", "b": "b2"}})
    assert (answer["partition_columns"], answer["index_columns"]) == (["order/day"], ["k2"])
    assert answer["sort_columns"] == ["b2"]
    problem = refused(patch, source, {"drop_columns": ["a", "order/day", "k2", "b2"]})
    assert problem.code == "INVALID_DEFINITION"
    assert problem.pointers == ["/drop_columns/1", "/drop_columns/2", "/drop_columns/3"]
    source.write("s", [{"order/day": "2024-01-15", "a": 3}])
    source.flush("s")
    node.kill()
    node.start()
    client = node.client()
    answer = client.search(source_ids=["s"], filters={"order/day": "2024-01-15"}, columns=["a"])
    assert [record["fields"]["a"] for record in answer["records"]] == [1, 3]
    assert answer["stats"]["segments_pruned"] == 1
    client.close()


def test_says_what_is_wrong_and_changes_nothing(source):
    before = source.call("GET", "/sources/s/schema")
    source.write("s", [{"a": 1}])
    for change, code, pointers in [
        ({"add_columns": {"a": "int64"}}, "INVALID_DEFINITION", ["/add_columns/a"]),
        ({"add_columns": {"c": "strnig"}}, "INVALID_DEFINITION", ["/add_columns/c"]),
        ({"add_columns": {"_seq": "int64"}}, "INVALID_DEFINITION", ["/add_columns/_seq"]),
        ({"add_columns": ["c"]}, "INVALID_REQUEST", ["/add_columns"]),
        ({"rename_columns": {"a": "b"}}, "INVALID_DEFINITION", ["/rename_columns/a"]),
        ({"rename_columns": {"a/~": "c"}}, "INVALID_DEFINITION", ["/rename_columns/a~1~0"]),
        ({"rename_columns": {"a": ""}}, "INVALID_REQUEST", ["/rename_columns/a"]),
        ({"rename_columns": {"a": "x" * 256}}, "INVALID_DEFINITION", ["/rename_columns/a"]),
        ({"add_columns": {"ok": "int8"}, "drop_columns": ["nope"]}, "INVALID_DEFINITION", ["/drop_columns/0"]),
        ({"widen_columns": {"a": "int8"}}, "INVALID_DEFINITION", ["/widen_columns/a"]),
        ({"widen_columns": {"a": "string"}}, "UNSUPPORTED", ["/widen_columns/a"]),
        ({"widen_columns": {"day": "json"}}, "UNSUPPORTED", ["/widen_columns/day"]),
        ({"drop_columns": ["a"], "widen_columns": {"a": "int64"}}, "INVALID_DEFINITION", ["/widen_columns/a"]),
        ({"sort_columns": ["a", "gone"]}, "INVALID_DEFINITION", ["/sort_columns/1"]),
        ({"compression_level": 3}, "INVALID_DEFINITION", ["/compression"]),
        ({"max_file_size_mb": 0}, "INVALID_REQUEST", ["/max_file_size_mb"]),
        ({"schema_mode": "loose"}, "INVALID_DEFINITION", ["/schema_mode"]),
        ({"durability": "often"}, "INVALID_DEFINITION", ["/durability"]),
        ({"durability": 5}, "INVALID_REQUEST", ["/durability"]),
        ({"retention": {}}, "INVALID_REQUEST", ["/retention/column"]),
        ({"retention": {"column": "a", "days": 1}}, "INVALID_DEFINITION", ["/retention/column"]),
        ({"retention": {"column": "gone", "days": 1}}, "INVALID_DEFINITION", ["/retention/column"]),
        ({"retention": "never"}, "INVALID_REQUEST", ["/retention"]),
        ({"add_column": {}}, "UNKNOWN_MEMBER", ["/add_column"]),
        *(({name: value}, "INVALID_REQUEST", [f"/{name}"])
          for name, value in (("source_id", "s"), ("data_path", "x"), ("wal_enabled", False),
                              ("partition_columns", []), ("index_columns", []), ("primary_key", []), ("schema_definition", {}))),
    ]:
        problem = refused(patch, source, change)
        assert (problem.code, problem.pointers) == (code, pointers), (change, problem.problem)
        assert problem.status == (501 if code == "UNSUPPORTED" else 400)
    assert source.call("GET", "/sources/s/schema") == before
    assert refused(patch, source, {}, "nobody").code == "SOURCE_NOT_FOUND"
    assert refused(patch, source, {}, "..%2f").status == 400
    status, _, content = source.raw("PATCH", "/sources/s", b"")
    assert status == 400, content


def test_integers_become_floats_only_while_exact(source):
    source.write("s", [{"a": 2**31 - 1}])
    patch(source, {"widen_columns": {"a": "int64"}})
    source.write("s", [{"a": BIG}])
    for _ in range(2):
        problem = refused(patch, source, {"widen_columns": {"a": "float64"}, "add_columns": {"c": "int8"}})
        assert (problem.code, problem.pointers) == ("INVALID_DEFINITION", ["/widen_columns/a"])
        problem = refused(source.write, "s", [{"b": "fine"}, {"a": 1}, {"a": 0.5}, {"a": 1.5}])
        assert (problem.code, problem.pointers) == ("INVALID_RECORD", ["/records/2/fields/a"])
        source.flush("s")
    assert [row["a"] for row in rows(source)] == [2**31 - 1, BIG]


def test_a_later_batch_makes_integers_floats(client):
    client.add({"source_id": "s"})
    client.write("s", [{"a": 2**53}, {"a": -(2**53)}])
    client.flush("s")
    client.write("s", [{"a": 7}])
    assert client.write("s", [{"a": 0.5}])["schema_version"] == 3
    assert [row["a"] for row in rows(client)] == [2.0**53, -(2.0**53), 7.0, 0.5]
    assert client.aggregate(source_ids=["s"], aggregations=[{"type": "min", "column": "a"}]) == [{"min_a": -(2.0**53)}]
    problem = refused(client.write, "s", [{"a": "text"}])
    assert (problem.code, problem.pointers) == ("INVALID_RECORD", ["/records/0/fields/a"])
    client.write("s", [{"t": "text"}])
    assert refused(client.write, "s", [{"t": 5}]).pointers == ["/records/0/fields/t"]


def test_instants_become_finer_only_where_they_fit(client):
    client.add({"source_id": "s", "schema_definition": {"at": "datetime64[s]", "d": "date"}})
    client.write("s", [{"at": "2024-01-15T10:00:00Z", "d": "2024-01-15"}])
    client.flush("s")
    patch(client, {"widen_columns": {"at": "datetime64[us]"}})
    client.write("s", [{"at": "9999-12-31T23:59:59.5Z", "d": "0001-01-01"}])
    problem = refused(patch, client, {"widen_columns": {"at": "datetime64[ns]", "d": "datetime64[ms]"}})
    assert problem.pointers == ["/widen_columns/at"]
    patch(client, {"widen_columns": {"d": "datetime64[ms]"}})
    assert rows(client) == [{"at": "2024-01-15T10:00:00Z", "d": "2024-01-15T00:00:00Z"},
                            {"at": "9999-12-31T23:59:59.5Z", "d": "0001-01-01T00:00:00Z"}]
    assert len(rows(client, filters={"d": {"gte": "2024-01-15T00:00:00Z"}})) == 1


def test_a_source_may_become_strict(client):
    client.add({"source_id": "s", "schema_definition": {"a": "int32"}})
    client.write("s", [{"a": 1, "new": "x"}])
    assert patch(client, {"schema_mode": "strict"})["schema_mode"] == "strict"
    for record, pointer in (({"a": 1, "other": 2}, "other"), ({"a": "x"}, "a"), ({"a": 2**31}, "a"), ({"a": 1.5}, "a")):
        problem = refused(client.write, "s", [{"a": 5}, record])
        assert (problem.code, problem.pointers) == ("INVALID_RECORD", [f"/records/1/fields/{pointer}"])
    assert [row["a"] for row in rows(client)] == [1]
    patch(client, {"schema_mode": "evolve"})
    assert client.write("s", [{"a": 2**31}])["schema_version"] == 3


def test_policies_hold_for_new_files(source):
    answer = patch(source, {"name": "Sales", "connection_string": "file://x", "max_file_size_mb": 7,
                            "compression": {"default": "zstd", "columns": {"b": "gzip"}}, "compression_level": 5,
                            "sort_columns": ["a"]})
    assert [answer[k] for k in ("name", "connection_string", "max_file_size_mb", "compression_level", "sort_columns")] \
        == ["Sales", "file://x", 7, 5, ["a"]]
    assert answer["compression"] == {"default": "zstd", "columns": {"b": "gzip"}}
    assert answer["schema_version"] == 1
    source.write("s", [{"a": 2, "day": "2024-01-15"}, {"a": 1, "day": "2024-01-15"}])
    source.flush("s")
    assert source.rows(source_ids=["s"], columns=["a"]) == [{"a": 1}, {"a": 2}]
    assert patch(source, {"compression": "snappy"})["compression_level"] is None
    # The definition is the changed one from now on.
    assert source.raw("POST", "/sources/add", {"source_id": "s", "schema_definition": COLUMNS})[0] == 409


def test_history_tells_every_version(source):
    source.write("s", [{"fresh": 1}])
    patch(source, {"rename_columns": {"a": "n"}, "widen_columns": {"a": "int64"}, "drop_columns": ["x"]})
    history = source.call("GET", "/sources/s/schema")
    assert (history["source_id"], history["schema_version"]) == ("s", 3)
    assert [v["change"] for v in history["versions"]] == [
        "created with 5 columns", "added fresh (int64)",
        "renamed a to n; widened n from int32 to int64; dropped x"]
    assert history["versions"][0]["columns"][0] == {"id": 1, "name": "a", "type": "int32"}
    assert history["versions"][2]["columns"][-1] == {"id": 6, "name": "fresh", "type": "int64"}
    times = [v["created_at"] for v in history["versions"]]
    assert times == sorted(times) and times[0] == source.call("GET", "/sources/s")["created_at"]
    for answer in (source.call("GET", "/sources/s"), source.call("GET", "/sources/s/stats")):
        assert answer["schema_version"] == 3


def test_frames_of_older_schemas_survive_a_kill(source, node):
    source.write("s", [{"a": 1, "x": 0.5, "b": "old"}])
    patch(source, {"rename_columns": {"a": "n", "x": "a"}})
    source.write("s", [{"n": 2, "a": 1.5}])
    patch(source, {"drop_columns": ["a"], "add_columns": {"a": "string"}, "widen_columns": {"n": "decimal(12,2)"}})
    source.write("s", [{"n": "3.25", "a": "new"}])
    expected = rows(source)
    assert [(row["n"], row["a"]) for row in expected] == [("1.00", None), ("2.00", None), ("3.25", "new")]
    node.kill()
    node.start()
    client = node.client()
    assert rows(client) == expected
    client.flush("s")
    assert rows(client) == expected
    client.close()


def test_changes_and_writes_at_once_are_serialised(source, node):
    """Every acknowledged row is there, whatever name its column had when it was written."""
    acked, changes, stop = [], [], threading.Event()

    def write(number):
        client = node.client()
        for i in range(60):
            client.write("s", [{"b": f"{number}-{i}", "fresh" + str(number): i, "a": i}])
            acked.append(f"{number}-{i}")
        client.close()

    def change(number):
        client = node.client()
        while not stop.is_set():
            name = f"p{number}"
            try:
                patch(client, {"add_columns": {name: "int64"}})
                patch(client, {"rename_columns": {name: name + "x"}})
                patch(client, {"drop_columns": [name + "x"]})
                changes.append(1)
            except Refused as problem:
                raise AssertionError(problem.problem) from None
        client.close()

    failures = []

    def guarded(work, number):
        try:
            work(number)
        except BaseException as failure:  # noqa: BLE001: told below, in the test's own thread.
            failures.append(failure)

    writers = [threading.Thread(target=guarded, args=(write, n)) for n in range(4)]
    changers = [threading.Thread(target=guarded, args=(change, n)) for n in range(2)]
    for thread in writers + changers:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in changers:
        thread.join()
    assert not failures, failures
    assert changes
    assert sorted(row["b"] for row in rows(source, limit=1000)) == sorted(acked)
    history = source.call("GET", "/sources/s/schema")
    versions = [v["schema_version"] for v in history["versions"]]
    assert versions == list(range(1, len(versions) + 1))
    ids = {}
    for version in history["versions"]:
        for column in version["columns"]:
            assert ids.setdefault(column["id"], column["type"]) == column["type"]
    assert json.dumps(history)


def test_a_kill_in_a_change_leaves_all_of_it_or_nothing(tmp_path):
    from node import Node
    for point, there in (("manifest.before_commit", False), ("manifest.after_commit", True)):
        folder = tmp_path / point
        folder.mkdir()
        node = Node(folder).start()
        client = node.client()
        client.add({"source_id": "s", "schema_definition": COLUMNS, "partition_columns": ["day"]})
        client.write("s", [{"a": 1, "b": "one"}])
        client.close()
        assert node.stop() == 0
        node.start(args=["--failpoints", f"{point}=kill@1"])
        client = node.client()
        with pytest.raises(OSError):
            patch(client, {"rename_columns": {"a": "n", "day": "on"}, "drop_columns": ["x"], "name": "New"})
        node.process.wait()
        node.process = None
        node.start()
        client = node.client()
        answer = client.call("GET", "/sources/s")
        assert answer["schema_version"] == (2 if there else 1)
        assert (answer["name"], answer["partition_columns"]) == (("New", ["on"]) if there else ("s", ["day"]))
        assert client.rows(source_ids=["s"], columns=["n" if there else "a"]) == [{"n" if there else "a": 1}]
        client.close()
        node.close()
