"""The command line as a person uses it."""

import json
import subprocess

from node import BINARY


def granary(*args, cwd=None, expect=0):
    done = subprocess.run([str(BINARY), *args], capture_output=True, text=True, timeout=120, cwd=cwd)
    assert done.returncode == expect, done.stdout + done.stderr
    return done


def test_demo_standalone(tmp_path):
    out = granary("demo", "--choice", "1", "--yes", cwd=tmp_path).stdout
    assert "every step answered as it should" in out
    assert list(tmp_path.iterdir()) == []


def test_demo_against_a_node(node):
    url = f"http://127.0.0.1:{node.port}"
    for _ in range(2):  # It cleans up behind itself, so it runs again.
        assert "every step answered as it should" in granary("demo", "--choice", "2", "--yes", "--url", url).stdout


def test_demo_says_when_no_node_runs():
    done = granary("demo", "--choice", "2", "--yes", "--url", "http://127.0.0.1:9", expect=1)
    assert "granary tenant-node" in done.stderr


def test_import_formats_and_query(node, tmp_path):
    url = f"http://127.0.0.1:{node.port}"
    (tmp_path / "a.csv").write_text("id,name,score\n1,Ada,2.5\n2,Bob,NA\n")
    (tmp_path / "b.ndjson").write_text('{"id":3,"name":"Cy","tags":["x"]}\n{"id":4}\n')
    (tmp_path / "c.json").write_text('[{"id": 5, "name": "Di"}]')
    for name in ("a.csv", "b.ndjson", "c.json"):
        out = granary("import", str(tmp_path / name), "--source", "people", "--url", url).stdout
        assert "rows/s" in out
    client = node.client()
    assert client.aggregate(aggregations=[{"type": "count", "alias": "n"}]) == [{"n": 5}]
    table = granary("query", "people", "--filters", '{"id": {"lte": 2}}', "--columns", "id,name,score", "--order-by", "id",
                    "--url", url).stdout
    assert table.splitlines()[:4] == ["id  name  score", "--  ----  -----", " 1  Ada     2.5", " 2  Bob        "]
    lines = granary("query", "people", "--output", "ndjson", "--url", url).stdout.splitlines()
    assert len(lines) == 5 and all(json.loads(line)["source_id"] == "people" for line in lines)


def test_import_says_where_it_stopped(node, tmp_path):
    (tmp_path / "bad.ndjson").write_text('{"id":1}\n{"id":"x"}\n')
    done = granary("import", str(tmp_path / "bad.ndjson"), "--source", "t", "--url", f"http://127.0.0.1:{node.port}", expect=1)
    assert "/records/1/fields/id" in done.stderr


def test_dumps_read_what_a_killed_node_left(node):
    client = node.client()
    client.add({"source_id": "t", "schema_definition": {"id": "int64", "name": "string"},
                "index_columns": [{"column": "name", "kind": "btree"}]})
    client.write("t", [{"id": 1, "name": "flushed"}])
    client.flush("t")
    client.write("t", [{"id": 2, "name": "hot"}])
    node.kill()
    before = {path: path.read_bytes() for path in node.data.rglob("*") if path.is_file()}
    wal = granary("wal", "dump", str(node.data / "wal")).stdout
    assert "default_tenant" in wal and "000001.wal" in wal
    assert granary("wal", "dump", str(node.data / "wal"), "--source", "nobody").stdout.count("default_tenant") == 0
    manifest, = node.data.rglob("manifest.db")
    assert "t" in granary("manifest", "dump", str(manifest)).stdout
    segment, = node.data.rglob("*.parquet")
    assert "name" in granary("segment", "dump", str(segment)).stdout
    index, = node.data.rglob("*.idx")
    assert '"flushed"  0' in granary("index", "dump", str(index)).stdout
    assert {path: path.read_bytes() for path in node.data.rglob("*") if path.is_file()} == before
    node.start()
    assert node.client().aggregate(aggregations=[{"type": "count", "alias": "n"}]) == [{"n": 2}]


def test_clean_stop_and_debug_logs(tmp_path):
    from node import Node
    node = Node(tmp_path, env={"LOG_LEVEL": "debug"}).start()
    node.client().call("GET", "/health")
    assert node.stop() == 0
    lines = [json.loads(line) for line in node.log().splitlines()]
    assert lines and all({"ts", "level", "msg"} <= set(line) for line in lines)
    assert any(line["level"] == "debug" for line in lines)
