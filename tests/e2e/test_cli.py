"""The command line as a person uses it."""

import json
import socket
import subprocess

import pytest

from node import BINARY, REPOSITORY


def granary(*args, cwd=None, expect=0):
    done = subprocess.run([str(BINARY), *args], capture_output=True, text=True, timeout=120, cwd=cwd)
    assert done.returncode == expect, done.stdout + done.stderr
    return done


def test_demo_standalone(tmp_path):
    for chosen in (["standalone"], ["--choice", "1"]):
        out = granary("demo", *chosen, "--yes", cwd=tmp_path).stdout
        assert "every step answered as it should" in out and "Standalone" in out
        assert list(tmp_path.iterdir()) == []


def test_demo_against_a_node(node):
    url = f"http://127.0.0.1:{node.port}"
    for chosen in (["rest"], ["--choice", "2"]):  # It cleans up behind itself, so it runs again.
        assert "every step answered as it should" in granary("demo", *chosen, "--yes", "--url", url).stdout


def test_demo_says_when_no_node_runs():
    done = granary("demo", "rest", "--yes", "--url", "http://127.0.0.1:9", expect=1)
    assert "granary tenant-node" in done.stderr


@pytest.mark.parametrize("wrong", [
    ["demo", "soap"], ["demo", "rest", "--choice", "1"], ["nothing"], ["query", "--nothing"], ["source"], ["import"], ["tenant-node", "soap"],
    ["tenant-node", "--set", "REST_PORT=x"], []], ids=" ".join)
def test_a_wrong_command_line_ends_with_2(wrong, tmp_path):
    assert granary(*wrong, cwd=tmp_path, expect=2).stderr


def test_what_dumps_take(tmp_path):
    """A log has a folder of files; of the others each is one file."""
    assert "the folder of files" in granary("wal", "dump", "--help").stdout
    for noun in ("segment", "index", "manifest"):
        assert "folder" not in granary(noun, "dump", "--help").stdout
        assert granary(noun, "dump", str(tmp_path), expect=1).stderr


def test_import_formats_and_query(node, tmp_path):
    url = f"http://127.0.0.1:{node.port}"
    (tmp_path / "a.csv").write_text("id,name,score\n1,Ada,2.5\n2,Bob,NA\n")
    (tmp_path / "b.ndjson").write_text('{"id":3,"name":"Cy","tags":["x"]}\n{"id":4}\n')
    (tmp_path / "c.json").write_text('[{"id": 5, "name": "Di"}]')
    for name in ("a.csv", "b.ndjson", "c.json"):
        nulls = ["--null", "NA"] if name == "a.csv" else []
        out = granary("import", str(tmp_path / name), "--source", "people", *nulls, "--url", url).stdout
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
    assert "/1/id" in done.stderr and "nothing of it is written" in done.stderr
    assert node.client().aggregate(aggregations=[{"type": "count", "alias": "n"}]) == [{"n": 0}]
    done = granary("import", str(tmp_path / "bad.ndjson"), "--source", "t", "--batch", "1", "--url", f"http://127.0.0.1:{node.port}", expect=1)
    assert "/records/0/fields/id" in done.stderr and "records 1 to 1" in done.stderr
    assert node.client().aggregate(aggregations=[{"type": "count", "alias": "n"}]) == [{"n": 1}]


def test_import_as_one_write(node, tmp_path):
    """CSV goes as it stands, Parquet typed; into columns of other types in batches, which the node reads by column."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    import datetime

    url = f"http://127.0.0.1:{node.port}"
    rows = 70_000
    table = pa.table({"id": pa.array(range(rows), pa.int64()), "name": [f"n{i % 7}" if i % 5 else None for i in range(rows)],
                      "at": pa.array([datetime.datetime(2024, 1, 1) + datetime.timedelta(seconds=i) for i in range(rows)], pa.timestamp("us"))})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=30_000)
    (tmp_path / "a.csv").write_text("id,name,at\n" + "".join(
        f"{i},{f'n{i % 7}' if i % 5 else ''},2024-01-01T{i // 3600 % 24:02}:{i // 60 % 60:02}:{i % 60:02}\n" for i in range(rows)))
    client = node.client()
    for name, source in (("a.parquet", "p"), ("a.csv", "c")):
        assert "70,000 records" in granary("import", str(tmp_path / name), "--source", source, "--url", url).stdout
        assert client.call("GET", f"/sources/{source}/stats")["rows"] == rows
    ask = {"group_by": ["name"], "aggregations": [{"type": "sum", "column": "id", "alias": "s"}], "order_by": [{"column": "name"}]}
    assert client.aggregate(source_ids=["p"], **ask) == client.aggregate(source_ids=["c"], **ask)
    # Again, as one more write; and where the source has another type.
    granary("import", str(tmp_path / "a.parquet"), "--source", "p", "--url", url)
    assert client.call("GET", "/sources/p/stats")["rows"] == 2 * rows
    client.add({"source_id": "t", "schema_definition": {"id": "int64", "name": "string", "at": "timestamp"}, "schema_mode": "strict"})
    granary("import", str(tmp_path / "a.csv"), "--source", "t", "--url", url)
    assert client.call("GET", "/sources/t/stats")["rows"] == rows
    (tmp_path / "empty.csv").write_text("id,name\n")
    (tmp_path / "empty.ndjson").write_text("")
    for name in ("empty.csv", "empty.ndjson"):
        assert " 0 records" in granary("import", str(tmp_path / name), "--source", "e", "--url", url).stdout


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


def test_sources_from_the_command_line(node, tmp_path):
    url = f"--url=http://127.0.0.1:{node.port}"
    (tmp_path / "sales.json").write_text('{"source_id": "sales", "schema_definition": {"id": "int32", "note": "string"}}')
    added = json.loads(granary("source", "add", f"@{tmp_path}/sales.json", url).stdout)
    assert added["source_id"] == "sales" and added["schema_version"] == 1
    patched = json.loads(granary("source", "patch", "sales", '{"rename_columns": {"note": "remark"}}', url).stdout)
    assert patched["schema_definition"] == {"id": "int32", "remark": "string"}
    assert json.loads(granary("source", "show", "sales", url).stdout) == patched
    history = json.loads(granary("source", "schema", "sales", url).stdout)
    assert [v["change"] for v in history["versions"]] == ["created with 2 columns", "renamed note to remark"]
    node.client().write("sales", [{"id": 1}])
    assert json.loads(granary("source", "flush", "sales", url).stdout)["segments"] == 1
    assert json.loads(granary("source", "stats", "sales", url).stdout)["rows"] == 1
    chart = granary("source", "stats", "sales", "--histograms", url).stdout
    assert "id  int32  nulls 0  distinct 1  1 … 1" in chart and "100.0 %  ####" in chart
    asked = json.loads(granary("source", "stats", "sales", "--histograms", "--output=json", url).stdout)
    assert asked["columns"]["id"]["most_common"] == [{"value": 1, "rows": 1}]
    table = granary("source", "list", url).stdout.splitlines()
    assert table[0].split() == ["source", "name", "columns", "schema", "mode", "created"]
    assert table[2].split()[:5] == ["sales", "sales", "2", "2", "evolve"]
    refused = granary("source", "patch", "sales", '{"drop_columns": ["gone"]}', url, expect=1)
    assert "/drop_columns/0" in refused.stderr
    assert "INVALID_IDENTIFIER" in granary("source", "show", "a/b", url, expect=1).stderr
    granary("source", "delete", "sales", url)
    assert "404" in granary("source", "show", "sales", url, expect=1).stderr


def test_config_show_tells_value_and_origin(tmp_path):
    (tmp_path / "config.env").write_text("# mine\nTENANT_NAME=From file\nREST_PORT=1\n")
    done = subprocess.run([str(BINARY), "config", "show", "--rest-port", "9", "--set", "FLUSH_MB=5", "--output", "json"],
                          cwd=tmp_path, env={"TENANT_ID": "from_env"}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["TENANT_NAME"] == {"value": "From file", "origin": "config.env:2"}
    assert shown["TENANT_ID"] == {"value": "from_env", "origin": "environment"}
    assert shown["REST_PORT"] == {"value": "9", "origin": "--rest-port"}
    assert shown["FLUSH_MB"] == {"value": "5", "origin": "--set"}
    assert shown["MAX_COLUMNS"] == {"value": "1000", "origin": "default"}
    table = granary("config", "show", cwd=tmp_path).stdout.splitlines()
    assert len(table) == len(shown)
    assert "REST_PORT is 'x'" in granary("config", "show", "--rest-port", "x", cwd=tmp_path, expect=2).stderr


@pytest.mark.parametrize("service,own", [("auth-gateway", "RATE_KEY_PER_SECOND"), ("operation-node", "METADATA_STORE"), ("cbo-engine", "CBO_HISTORY_DAYS"),
                                         ("monitoring", "SCRAPE_INTERVAL_SECONDS"), ("up", "METADATA_STORE")])
def test_config_show_of_every_service(service, own, tmp_path):
    """Its own settings and those that all have; each with where it comes from; no secret."""
    secret = "0123456789abcdef-secret"
    (tmp_path / "config.env").write_text(f"OPERATION_NODE_KEY={secret}\nREST_HOST=127.0.0.1\n")
    done = subprocess.run([str(BINARY), "config", "show", service, "--set", "LOG_KEEP_KB=5", "--output", "json"], cwd=tmp_path,
                          env={"LOG_LEVEL": "debug"}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["REST_HOST"] == {"value": "127.0.0.1", "origin": "config.env:2"}
    assert shown["LOG_LEVEL"] == {"value": "debug", "origin": "environment"} and shown["LOG_KEEP_KB"] == {"value": "5", "origin": "--set"}
    assert shown[own]["origin"] == "default"
    assert shown["OPERATION_NODE_KEY"] == {"value": "(not shown)", "origin": "config.env:1"} and secret not in done.stdout
    assert ("WAL_LANES" in shown) == (service == "up")
    assert len(granary("config", "show", service, cwd=tmp_path).stdout.splitlines()) == len(shown)


def test_config_show_of_a_service_that_is_none(tmp_path):
    assert "operation-node" in granary("config", "show", "no-service", cwd=tmp_path, expect=2).stderr


def test_check_of_a_data_folder(node):
    client = node.client()
    client.add({"source_id": "t", "schema_definition": {"id": "int64", "name": "string"}, "index_columns": ["name"]})
    client.write("t", [{"id": i, "name": "x" * 50} for i in range(500)])
    client.flush("t")
    client.write("t", [{"id": 2, "name": "hot"}])
    assert f"locked by process {node.process.pid}" in granary("check", str(node.data), expect=1).stderr
    node.kill()
    out = granary("check", str(node.data)).stdout
    assert "1 segments whole" in out and "1 records not in segments yet" in out and "unfinished" not in out
    segment, = node.data.rglob("*.parquet")
    content = bytearray(segment.read_bytes())
    content[200] ^= 1
    segment.write_bytes(content)
    damaged = granary("check", str(node.data), expect=1)
    assert f"DAMAGED: {segment}" in damaged.stdout and "CORRUPTION" in damaged.stderr
    content[200] ^= 1
    segment.write_bytes(content)
    granary("check", str(node.data))
    node.start()
    assert node.client().aggregate(aggregations=[{"type": "count", "alias": "n"}]) == [{"n": 501}]
    assert "not a data folder" in granary("check", str(node.folder), expect=1).stderr


def test_completion_follows_the_commands():
    def completed(*words):
        script = ('source <("$0" completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _granary; '
                  'echo "${COMPREPLY[@]}"')
        done = subprocess.run(["bash", "-c", script, str(BINARY), *words], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    assert completed("granary", "sou") == ["source"]
    assert {"list", "show", "add", "patch", "delete", "flush", "stats"} <= set(completed("granary", "source", ""))
    assert completed("granary", "source", "delete", "--keep") == ["--keep-data"]
    assert completed("granary", "completion", "--h") == ["--help"]
    zsh = granary("completion", "zsh").stdout
    assert zsh.startswith("#compdef granary\n") and "bashcompinit" in zsh
    assert "bash or zsh" in granary("completion", "fish", expect=2).stderr


def test_the_manual_page_is_what_the_program_says():
    """To renew it: build/release/granary man > docs/granary.1"""
    assert granary("man").stdout == (REPOSITORY / "docs/granary.1").read_text()


def test_a_command_that_is_none_is_named():
    done = granary("sorce", "list", expect=2)
    assert "'sorce'" in done.stderr and "--help" in done.stderr


def test_a_mode_that_is_none_is_named():
    done = granary("tenant-node", "graphql", expect=2)
    assert "graphql" in done.stderr and "rest, grpc, both" in done.stderr


def test_rest_is_the_mode_that_a_node_starts_in(node):
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", node.grpc_port)) != 0
    assert node.client().call("GET", "/health")["status"] == "ok"


def test_a_word_that_is_no_command_is_named_with_the_nearest_that_is():
    for words, said in ((["source", "shwo", "x"], "there is no command 'source shwo': did you mean 'source show'? granary source --help"),
                        (["suorce", "show", "x"], "there is no command 'suorce': did you mean 'source'? granary --help"),
                        (["source", "explode"], "there is no command 'source explode'; granary source --help"),
                        (["compaction", "explian", "t"], "did you mean 'compaction explain'?")):
        assert said in granary(*words, expect=2).stderr, words


def test_commands_of_later_versions_are_named():
    for command in ("sql", "backup", "restore"):
        assert f"the command {command} is not offered by this version" in granary(command, "x", expect=1).stderr
