"""A source's definition, its folder, its indexes, its statistics and its end, through REST."""

import json
import time

import pyarrow.parquet as pq
import pytest

from node import Node, Refused

EVERYTHING = {
    "source_id": "all", "name": "Everything", "connection_string": "file://sales", "data_path": "./data/sources/all",
    "schema_definition": {"id": "int64", "region": "string", "at": "datetime64[ns]", "note": "string"},
    "partition_columns": ["at", {"column": "region", "transform": "bucket[4]"}], "index_columns": ["region", {"column": "id", "kind": "btree"}],
    "sort_columns": ["id"], "compression": {"default": "snappy", "columns": {"note": "zstd"}}, "max_file_size_mb": 64, "wal_enabled": True,
    "schema_mode": "strict", "durability": "sync"}


@pytest.fixture
def node(tmp_path):
    """Plans by the builtin prices: measured ones choose between an index and what is cached as the machine is today."""
    node = Node(tmp_path, {"COST_MODEL_LEARNING_ENABLED": "false"}).start()
    yield node
    node.close()


def refused(call, *arguments):
    with pytest.raises(Refused) as problem:
        call(*arguments)
    return problem.value


def files(node, suffix=".parquet"):
    return sorted(path for path in node.data.rglob("*" + suffix) if path.is_file())


def test_every_member_is_kept_and_shown(node, client):
    status, headers, content = client.raw("POST", "/sources/add", EVERYTHING)
    added = json.loads(content)
    assert status == 201 and headers["location"] == "/sources/all"
    assert {name: added[name] for name in EVERYTHING} == EVERYTHING
    assert added["schema_version"] == 1 and added["created_at"].endswith("Z")
    assert client.call("GET", "/sources/all") == added
    assert client.call("GET", "/sources") == {"sources": [added]}
    node.restart()
    client = node.client()
    assert client.call("GET", "/sources/all") == added
    status, _, content = client.raw("POST", "/sources/add", EVERYTHING)
    assert (status, json.loads(content)) == (200, added)
    for name, value in (("name", "Other"), ("connection_string", "s3://x"), ("max_file_size_mb", 65), ("schema_mode", "evolve"),
                        ("sort_columns", []), ("index_columns", []), ("wal_enabled", False)):
        problem = refused(client.add, {**EVERYTHING, name: value})
        assert (problem.status, problem.code) == (409, "SOURCE_CONFLICT"), name


def test_only_the_id_is_needed(client):
    added = client.add({"source_id": "bare"})
    assert {name: added[name] for name in ("name", "schema_definition", "partition_columns", "index_columns", "sort_columns", "compression",
                                           "max_file_size_mb", "wal_enabled", "schema_mode", "durability")} == {
        "name": "bare", "schema_definition": {}, "partition_columns": [], "index_columns": [], "sort_columns": [], "compression": "snappy",
        "max_file_size_mb": 256, "wal_enabled": True, "schema_mode": "evolve", "durability": "sync"}
    assert client.call("POST", "/sources/add", {"source_id": "bare", "schema_mode": "evolve", "wal_enabled": True}) == added
    assert refused(client.add, {}).pointers == ["/source_id"]


def test_a_connection_string_chooses_no_path(node, client, tmp_path):
    for number, text in enumerate((f"file://{tmp_path}/elsewhere", "s3://bucket/key", "postgres://x")):
        assert client.add({"source_id": f"c{number}", "connection_string": text})["connection_string"] == text
        client.write(f"c{number}", [{"i": 1}])
        client.flush(f"c{number}")
    assert len(files(node)) == 3 and not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("given,shown", [
    ("object", "string"), ("str", "string"), ("varchar", "string"), ("varchar(20)", "string"), ("text", "string"), ("utf8", "string"),
    ("boolean", "bool"), ("tinyint", "int8"), ("smallint", "int16"), ("integer", "int64"), ("int", "int64"), ("bigint", "int64"), ("uint32", "uint32"),
    ("float", "float64"), ("double", "float64"), ("double precision", "float64"), ("real", "float32"), ("numeric(10,2)", "decimal(10,2)"),
    ("decimal(10, 2)", "decimal(10,2)"), ("date32", "date"), ("timestamp", "datetime64[us]"), ("datetime64[ns]", "datetime64[ns]"),
    ("timestamp[ms]", "datetime64[ms]"), ("time", "time"), ("bytes", "binary"), ("bytea", "binary"), ("uuid", "uuid"), ("jsonb", "json"),
    ("list<string>", "list<string>"), ("list<bigint>", "list<int64>")])
def test_types_in_the_words_of_others(client, given, shown):
    assert client.add({"source_id": "t", "schema_definition": {"a": given}})["schema_definition"] == {"a": shown}


@pytest.mark.parametrize("transform,kind,values,folders", [
    ("identity", "string", ["a", "b", "a", None], 3), ("year", "date", ["2023-12-31", "2024-01-01", "2024-12-31"], 2),
    ("month", "date", ["2024-01-31", "2024-02-01", "2024-02-29"], 2), ("day", "timestamp", ["2024-01-31T23:59:59Z", "2024-02-01"], 2),
    ("hour", "timestamp", ["2024-01-31T22:59:59Z", "2024-01-31T23:00:00Z", "2024-01-31T23:59:59Z"], 2),
    ("bucket[2]", "int64", list(range(100)), 2), ("truncate[10]", "int64", [-1, 0, 9, 10], 3), ("truncate[2]", "string", ["abc", "abd", "b"], 2),
    (None, "date", ["2024-01-31", "2024-01-31", "2024-02-01"], 2), (None, "timestamp", ["2024-01-31T01:00:00Z", "2024-01-31T02:00:00Z"], 1),
    (None, "int64", [1, 1, 2], 2)], ids=str)
def test_partitions_by_every_transform(node, client, transform, kind, values, folders):
    column = {"column": "p", "transform": transform} if transform else "p"
    client.add({"source_id": "t", "schema_definition": {"p": kind}, "partition_columns": [column]})
    client.write("t", [{"p": value} for value in values])
    client.flush("t")
    stats = client.call("GET", "/sources/t/stats")
    assert (stats["partitions"], stats["segments"], len(files(node))) == (folders, folders, folders)
    assert len({path.parent for path in files(node)}) == folders
    for value in {str(value): value for value in values}.values():
        answer = client.search(filters={"p": value}, limit=1000)
        assert answer["count"] == values.count(value)
        assert answer["stats"]["segments_total"] == folders


@pytest.mark.parametrize("codec,level,written", [
    ("snappy", None, "SNAPPY"), ("zstd", 3, "ZSTD"), ("lz4", None, "LZ4"), ("gzip", 6, "GZIP"), ("brotli", 4, "BROTLI"), ("none", None, "UNCOMPRESSED")])
def test_files_are_written_with_the_codec(node, client, codec, level, written):
    policy = {"compression": codec, **({"compression_level": level} if level else {})}
    client.add({"source_id": "t", "schema_definition": {"a": "string", "b": "string"}, **policy})
    client.add({"source_id": "u", "schema_definition": {"a": "string", "b": "string"}, "data_path": "u",
                "compression": {"default": "none", "columns": {"b": codec}}})
    for source in ("t", "u"):
        client.write(source, [{"a": "x" * 1000, "b": "y" * 1000}] * 100)
        client.flush(source)

    def codecs(path):
        group = pq.ParquetFile(path).metadata.row_group(0)
        return {group.column(i).path_in_schema: group.column(i).compression for i in range(group.num_columns)}

    only, = (path for path in files(node) if node.data / "u" not in path.parents)
    assert {codecs(only)["a"], codecs(only)["b"]} == {written}
    other, = (node.data / "u").rglob("*.parquet")
    assert (codecs(other)["a"], codecs(other)["b"]) == ("UNCOMPRESSED", written)
    assert len(client.rows(source_ids=["t"])) == 100


def test_without_a_log_nothing_is_durable_until_the_flush(node, client):
    client.add({"source_id": "t", "wal_enabled": False})
    assert client.write("t", [{"i": 1}])["durable"] is False
    assert client.rows(source_ids=["t"]) == [{"i": 1}]
    client.flush("t")
    assert client.write("t", [{"i": 2}])["durable"] is False
    node.kill()
    node.start()
    assert node.client().rows(source_ids=["t"]) == [{"i": 1}]


def test_relative_paths_lie_under_the_data_path(node, client):
    for source, path, there in (("a", "plain/a", "plain/a"), ("b", "./data/sub/b", "sub/b"), ("c", "./c", "c"),
                                ("d", str(node.data / "inside/d"), "inside/d")):
        assert client.add({"source_id": source, "data_path": path})["data_path"] == path
        client.write(source, [{"i": 1}])
        client.flush(source)
        assert len(list((node.data / there).rglob("*.parquet"))) == 1


def test_absolute_paths_lie_in_what_is_allowed(tmp_path):
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    node = Node(tmp_path, env={"ALLOWED_DATA_PATHS": str(allowed)}).start()
    try:
        client = node.client()
        client.add({"source_id": "in", "data_path": str(allowed / "in")})
        client.write("in", [{"i": 1}])
        client.flush("in")
        assert len(list((allowed / "in").rglob("*.parquet"))) == 1
        (tmp_path / "link").symlink_to("/etc")
        for path in ("/etc/x", str(tmp_path / "x"), str(allowed), str(allowed) + "/../x", "../x", "a/../../x"):
            problem = refused(client.add, {"source_id": "out", "data_path": path})
            assert (problem.status, problem.code, problem.pointers) == (400, "INVALID_PATH", ["/data_path"]), path
        client.call("DELETE", "/sources/in")
        assert allowed.exists() and not (allowed / "in").exists()
    finally:
        node.close()


def test_a_folder_belongs_to_one_source(node, client):
    client.add({"source_id": "first", "data_path": "one/two"})
    for path in ("one/two", "one/two/three", "one", "./data/one/two"):
        problem = refused(client.add, {"source_id": "second", "data_path": path})
        assert (problem.status, problem.code) == (409, "SOURCE_CONFLICT"), problem.problem
    assert refused(client.add, {"source_id": "second", "data_path": "wal/x"}).status == 409
    (node.data / "mine").mkdir()
    (node.data / "mine/thesis.tex").write_text("mine")
    problem = refused(client.add, {"source_id": "second", "data_path": "mine"})
    assert (problem.status, problem.code) == (409, "SOURCE_CONFLICT")
    assert [path.name for path in (node.data / "mine").iterdir()] == ["thesis.tex"]
    (node.data / "empty").mkdir()
    client.add({"source_id": "second", "data_path": "empty"})


def test_delete_removes_our_files_before_it_answers_and_no_others(node, client):
    client.add({"source_id": "t", "data_path": "t", "schema_definition": {"i": "int64"}, "index_columns": ["i"], "partition_columns": ["i"]})
    client.write("t", [{"i": 1}, {"i": 2}])
    client.flush("t")
    assert len(files(node)) == 2
    foreign = files(node)[0].parent / "notes.txt"
    foreign.write_text("not yours")
    status, _, content = client.raw("DELETE", "/sources/t")
    assert (status, content) == (204, b"")
    assert [path for path in (node.data / "t").rglob("*") if path.is_file()] == [foreign]
    for method, target in (("GET", "/sources/t"), ("DELETE", "/sources/t"), ("GET", "/sources/t/stats"), ("POST", "/sources/t/flush"),
                           ("GET", "/sources/t/schema")):
        assert refused(client.call, method, target).code == "SOURCE_NOT_FOUND"
    assert client.add({"source_id": "t"})["schema_definition"] == {}
    assert client.rows(source_ids=["t"]) == []


def test_keep_data_leaves_the_files_to_whoever_wants_them(node, client):
    client.add({"source_id": "t", "data_path": "kept"})
    client.write("t", [{"i": 1}, {"i": 2}])
    client.flush("t")
    client.write("t", [{"i": 3}])
    status, _, _ = client.raw("DELETE", "/sources/t?keep_data=true")
    assert status == 204
    assert refused(client.call, "GET", "/sources/t").status == 404
    left = [value for path in (node.data / "kept").rglob("*.parquet") for value in pq.read_table(path)["i"].to_pylist()]
    assert sorted(left) == [1, 2, 3]
    problem = refused(client.add, {"source_id": "u", "data_path": "kept"})
    assert (problem.status, problem.code) == (409, "SOURCE_CONFLICT")
    status, _, _ = client.raw("DELETE", "/sources/nobody?keep_data=perhaps")
    assert status == 400


def test_statistics_tell_hot_and_flushed_rows_alike(client):
    client.add({"source_id": "t", "schema_definition": {"amount": "float64", "region": "string", "at": "timestamp"}, "index_columns": ["region"]})
    empty = client.call("GET", "/sources/t/stats")
    assert (empty["rows"], empty["last_write"], empty["last_compaction"]) == (0, None, None)
    client.write("t", [{"amount": 100.5, "region": "eu", "at": "2024-01-15"}, {"amount": 1.5, "region": "us"}, {"region": "eu"}])
    hot = client.call("GET", "/sources/t/stats")
    flushed = client.flush("t")
    assert flushed == client.call("GET", "/sources/t/stats")
    members = ["source_id", "rows", "bytes", "hot_rows", "deleted_rows", "segments", "files", "partitions", "schema_version", "wal_bytes", "index_bytes",
               "last_write", "last_compaction", "columns"]
    assert list(hot) == list(flushed) == members
    assert (hot["rows"], hot["hot_rows"], hot["segments"], hot["files"], hot["bytes"], hot["index_bytes"]) == (3, 3, 0, 0, 0, 0)
    assert hot["wal_bytes"] > 0 and hot["last_write"].endswith("Z")
    assert (flushed["rows"], flushed["hot_rows"], flushed["segments"], flushed["files"], flushed["partitions"]) == (3, 0, 1, 1, 1)
    assert flushed["bytes"] > 0 and flushed["index_bytes"] > 0
    assert hot["columns"] == flushed["columns"] == {
        "amount": {"type": "float64", "nulls": 1, "min": 1.5, "max": 100.5, "distinct": 2, "values": [1.5, 100.5], "indexes": []},
        "region": {"type": "string", "nulls": 0, "min": "eu", "max": "us", "distinct": 2, "values": ["eu", "us"], "indexes": ["hash"]},
        "at": {"type": "datetime64[us]", "nulls": 2, "min": "2024-01-15T00:00:00Z", "max": "2024-01-15T00:00:00Z", "distinct": 1,
               "values": ["2024-01-15T00:00:00Z"], "indexes": []}}
    client.write("t", [{"amount": float(i)} for i in range(1000)])
    many = client.call("GET", "/sources/t/stats")["columns"]["amount"]
    assert many["values"] is None and 900 <= many["distinct"] <= 1100  # An estimate, within five percent as a rule.


def test_nan_is_the_greatest_value_wherever_it_is_asked_for(node, client):
    """Statistics, aggregates, order and filters say the same of a column with NaN, whatever path its values take."""
    client.add({"source_id": "t", "schema_definition": {"id": "int64", "x": "float64", "r": "float32", "only": "float64", "none": "float64"},
                "index_columns": [{"column": "r", "kind": "btree"}]})

    def agree(nan, least=0.0, greatest=299.5):
        """`nan`: whether a NaN is there; None: statistics need not know."""
        shown = {name: client.call("GET", "/sources/t/stats")["columns"][name] for name in ("x", "r", "only", "none")}
        top = "NaN" if nan is not False else greatest
        for name in ("x", "r"):
            known = (shown[name]["min"], shown[name]["max"])
            assert known == (least, top) or (nan is None and known[1] is None), (name, known)
            ask = [{"type": "min", "column": name, "alias": "low"}, {"type": "max", "column": name, "alias": "high"}]
            expected = [client.rows(columns=[name], filters={name: {"exists": True}}, order_by=[{"column": name, "direction": how}], limit=1)[0][name]
                        for how in ("asc", "desc")]
            for filters in ({}, {"id": {"gte": 0}}):
                for _ in range(3):  # The second is kept for the third.
                    found = client.aggregate(aggregations=ask, filters=filters)
                    assert found == [{"low": expected[0], "high": expected[1]}]
            assert expected[0] == least and (nan is None or expected[1] == top)
            above = client.search(filters={name: {"gt": greatest}})["count"]
            assert (above > 0) is (expected[1] == "NaN")
            groups = client.aggregate(group_by=[name], aggregations=[{"type": "count"}], order_by=[{"column": name, "direction": "desc"}], limit=1)
            assert groups[0][name] == expected[1]
        if nan:
            assert (shown["only"]["min"], shown["only"]["max"]) == ("NaN", "NaN")
        assert (shown["none"]["min"], shown["none"]["max"]) == (None, None)

    rows = [{"id": i, "x": i / 2, "r": i / 2} for i in range(600)]
    client.write("t", rows)
    agree(False)
    client.write("t", [{"id": 600, "x": "NaN", "r": "NaN", "only": "NaN"}])
    agree(True)
    client.flush("t")
    agree(True)
    client.write("t", [{"id": 601, "x": 7.0, "r": 7.0}])  # Hot rows without one beside files with one.
    agree(True)
    client.flush("t")
    agree(True)
    client.call("POST", "/sources/t/compact?wait=true")
    agree(True)
    node.restart()
    client = node.client()
    agree(True)
    client.write("t", [{"id": 602, "x": 8.0, "r": 8.0}])
    client.call("POST", "/data/delete", {"source_id": "t", "filters": {"id": 600}})
    agree(None)
    client.call("POST", "/sources/t/compact?wait=true")
    client.flush("t")


def test_histograms_are_shown_when_asked_for(client):
    client.add({"source_id": "t", "schema_definition": {"id": "int64", "region": "string", "paid": "bool", "price": "float64", "doc": "json"}})
    rows = [{"id": i, "region": "eu" if i % 4 else "us", "paid": i % 2 == 0, "price": None if i % 5 == 0 else 0.5, "doc": {"i": i}} for i in range(300)]
    client.write("t", rows)
    hot = client.call("GET", "/sources/t/stats?histograms=true")["columns"]
    client.flush("t")
    plain = client.call("GET", "/sources/t/stats")["columns"]
    flushed = client.call("GET", "/sources/t/stats?histograms=true")["columns"]
    assert hot == flushed
    assert plain == {name: {k: v for k, v in column.items() if k not in ("most_common", "histogram")} for name, column in flushed.items()}
    assert flushed["region"]["most_common"] == [{"value": "eu", "rows": 225}, {"value": "us", "rows": 75}]
    assert flushed["paid"]["most_common"] == [{"value": False, "rows": 150}, {"value": True, "rows": 150}]
    assert flushed["price"]["most_common"] == [{"value": 0.5, "rows": 240}]
    assert flushed["price"]["histogram"] == {"described": 240, "sampled": 240, "nans": 0, "from": None, "buckets": []}
    assert flushed["doc"]["most_common"] is None and flushed["doc"]["histogram"] is None
    ids = flushed["id"]["histogram"]
    assert (ids["described"], ids["from"], ids["buckets"][-1]["to"]) == (300, 0, 299)
    assert sum(bucket["rows"] for bucket in ids["buckets"]) == 300 and len(ids["buckets"]) <= 64
    assert [bucket["to"] for bucket in ids["buckets"]] == sorted(bucket["to"] for bucket in ids["buckets"])
    status, _, _ = client.raw("GET", "/sources/t/stats?histograms=perhaps")
    assert status == 400


def test_statistics_of_the_tenant_add_up(client):
    for source in ("a", "b"):
        client.add({"source_id": source})
        client.write(source, [{"i": 1}, {"i": 2}])
    client.flush("a")
    tenant = client.call("GET", "/tenant/stats")
    assert list(tenant) == ["tenant_id", "tenant_name", "sources", "rows", "bytes", "segments", "source_stats"]
    assert (tenant["sources"], tenant["rows"], tenant["segments"]) == (2, 4, 1)
    assert tenant["source_stats"] == {source: client.call("GET", f"/sources/{source}/stats") for source in ("a", "b")}
    assert tenant["bytes"] == sum(one["bytes"] for one in tenant["source_stats"].values())


def paths(client, **filters):
    return set(client.search(source_ids=["t"], filters=filters)["stats"]["access_paths"])


def test_access_paths_tell_how_rows_were_found(client):
    client.add({"source_id": "t", "schema_definition": {"k": "string", "n": "int64", "at": "timestamp", "b": "string", "x": "float64"},
                "index_columns": ["k", "n", "at", {"column": "b", "kind": "bloom"}]})
    indexes = {name: column["indexes"] for name, column in client.call("GET", "/sources/t/stats")["columns"].items()}
    assert indexes == {"k": ["hash"], "n": ["btree"], "at": ["btree"], "b": ["bloom"], "x": []}  # By the type, unless said.
    client.write("t", [{"k": f"k{i}", "n": i, "at": f"2024-01-{i % 28 + 1:02}", "b": f"b{i}", "x": i / 2} for i in range(5000)])
    assert paths(client, x=2.5) == {"hot"}
    assert paths(client, k="k77") == {"hot", "hash_index"}
    client.flush("t")
    assert paths(client, x=2.5) == {"full_scan"}
    assert paths(client, x=2.5) == {"column_cache"}
    assert "hash_index" in paths(client, k="k77") and "btree_index" in paths(client, n={"between": [5, 9]})
    answer = client.search(source_ids=["t"], filters={"b": "b1x"})
    assert (answer["count"], answer["stats"]["access_paths"], answer["stats"]["segments_pruned"]) == (0, ["bloom"], 1)
    answer = client.search(source_ids=["t"], filters={"k": "k77"})
    assert (answer["count"], answer["stats"]["rows_scanned"], answer["stats"]["segments_total"]) == (1, 1, 1)
    answer = client.search(source_ids=["t"], filters={"n": {"gt": 10_000}})
    assert (answer["count"], answer["stats"]["rows_scanned"], answer["stats"]["segments_pruned"]) == (0, 0, 1)
    assert set(answer["stats"]) == {"elapsed_ms", "rows_scanned", "segments_total", "segments_pruned", "bytes_read", "access_paths"}
    counted = client.call("POST", "/data/aggregate", {"aggregations": [{"type": "count"}, {"type": "max", "column": "n"}]})
    assert counted["results"] == [{"count": 5000, "max_n": 4999}]
    assert (counted["stats"]["access_paths"], counted["stats"]["rows_scanned"]) == (["metadata"], 0)


def test_hot_rows_are_found_by_their_indexes(client):
    client.add({"source_id": "t", "schema_definition": {"k": "string", "n": "int64", "x": "float64"},
                "index_columns": [{"column": "k", "kind": "btree"}, "n", "x"]})
    rows = [{"k": f"k{i:05}", "n": i * 7919 % 50_000, "x": (i * 31 % 50_000) / 4} for i in range(50_000)]
    for first in range(0, len(rows), 5000):
        client.write("t", rows[first:first + 5000])

    def found(rows_max, **body):
        answer = client.search(source_ids=["t"], **body)
        assert answer["stats"]["segments_total"] == 0
        assert set(answer["stats"]["access_paths"]) == {"hot", "btree_index"}, answer["stats"]
        assert answer["stats"]["rows_scanned"] <= rows_max, answer["stats"]
        return [record["fields"] for record in answer["records"]]

    newest = 50_000 // 16 + 64  # Rows that no order has yet are looked at, too.
    assert sorted(r["n"] for r in found(100 + newest, filters={"n": {"gte": 120, "lt": 180}})) == list(range(120, 180))
    assert len(found(100 + newest, filters={"k": {"starts_with": "k0012"}})) == 10
    assert [r["n"] for r in found(200 + newest, order_by=[{"column": "n", "direction": "desc"}], limit=5)] == [49_999 - i for i in range(5)]
    client.write("t", [{"k": "k00125", "n": 50_001, "x": -1.0}])  # At once, and found at once.
    assert [r["n"] for r in found(200 + newest, order_by=[{"column": "n", "direction": "desc"}], limit=2)] == [50_001, 49_999]
    ends = client.call("POST", "/data/aggregate", {"aggregations": [{"type": "min", "column": "x"}, {"type": "max", "column": "n"}]})
    assert ends["results"] == [{"min_x": -1.0, "max_n": 50_001}]
    assert ends["stats"]["rows_scanned"] <= 200 + newest and set(ends["stats"]["access_paths"]) == {"hot", "btree_index"}


def test_indexes_come_and_go_by_patch_while_answers_stay(node, client):
    client.add({"source_id": "t", "schema_definition": {"k": "string", "n": "int64"}, "index_columns": ["k"]})
    client.write("t", [{"k": f"k{i}", "n": i} for i in range(5000)])
    client.flush("t")
    answer = client.call("PATCH", "/sources/t", {"add_indexes": ["n"], "drop_indexes": ["k"]})
    assert (answer["index_columns"], answer["schema_version"]) == (["n"], 1)
    deadline = time.monotonic() + 60
    while "btree_index" not in paths(client, n=77) or "hash_index" in paths(client, k="k77"):  # Built in the background.
        assert client.rows(source_ids=["t"], filters={"n": 77}) == client.rows(source_ids=["t"], filters={"k": "k77"}) == [{"k": "k77", "n": 77}]
        assert time.monotonic() < deadline, "the index is not there after a minute"
    assert client.call("PATCH", "/sources/t", {"add_indexes": [{"column": "k", "kind": "bloom"}]})["index_columns"] == [
        "n", {"column": "k", "kind": "bloom"}]
    node.restart()
    client = node.client()
    assert client.rows(source_ids=["t"], filters={"n": 77}) == client.rows(source_ids=["t"], filters={"k": "k77"}) == [{"k": "k77", "n": 77}]
    for change, pointer in (({"drop_indexes": ["gone"]}, "/drop_indexes/0"), ({"add_indexes": [{"column": "n", "kind": "tree"}]}, "/add_indexes/0/kind")):
        assert refused(client.call, "PATCH", "/sources/t", change).pointers == [pointer]


def test_a_batch_widens_safely_or_is_refused(client):
    client.add({"source_id": "t", "schema_definition": {"i": "int32", "s": "string"}})
    client.write("t", [{"i": 1, "s": "1"}])
    for value, kind in ((2**31, "int64"), (2**63, "decimal(38,0)")):
        client.write("t", [{"i": value}])
        assert client.call("GET", "/sources/t")["schema_definition"]["i"] == kind
    for record, pointer in (({"i": "x"}, "i"), ({"s": 1}, "s"), ({"s": True}, "s"), ({"i": True}, "i")):
        problem = refused(client.write, "t", [{"i": 5}, record])
        assert (problem.code, problem.pointers) == ("INVALID_RECORD", [f"/records/1/fields/{pointer}"])
    assert client.rows(source_ids=["t"], columns=["i"]) == [{"i": "1"}, {"i": str(2**31)}, {"i": str(2**63)}]


def test_a_default_page_holds_100_records(client):
    client.add({"source_id": "t"})
    client.write("t", [{"i": i} for i in range(150)])
    answer = client.search()
    assert (answer["count"], len(answer["records"])) == (100, 100) and answer["next_cursor"]
    assert len(client.stream()) == 150
    assert client.search(limit=0)["records"] == []


def test_an_unlimited_aggregate_gives_every_group(client):
    client.add({"source_id": "t", "schema_definition": {"i": "int64"}})
    for first in (0, 10_000):
        client.write("t", [{"i": i} for i in range(first, first + 10_000)])
    results = client.aggregate(group_by=["i"], aggregations=[{"type": "count"}, {"type": "approx_percentile", "column": "i", "p": 0.5}])
    assert sorted(row["i"] for row in results) == list(range(20_000))
    close, = client.aggregate(aggregations=[{"type": "approx_percentile", "column": "i", "p": 0.9, "alias": "p"},
                                            {"type": "approx_count_distinct", "column": "i", "alias": "d"}])
    assert abs(close["p"] - 18_000) < 400 and abs(close["d"] - 20_000) < 1_000


def test_the_order_without_order_by_is_stable(client):
    client.add({"source_id": "t", "partition_columns": [{"column": "p", "transform": "identity"}], "schema_definition": {"p": "string", "i": "int64"}})
    for first in range(0, 300, 100):
        client.write("t", [{"p": "abc"[i % 3], "i": i} for i in range(first, first + 100)])
        if first == 100:
            client.flush("t")
    first = client.rows(limit=300)
    assert all(client.rows(limit=300) == first for _ in range(5)) and len(first) == 300
