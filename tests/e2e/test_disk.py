"""A disk that fills up or fails under a running node."""

import http.client
import json
import os
import subprocess
import time

import pytest

from node import Node, Refused
from rpc import RpcClient

ROWS = [{"id": i, "text": "x" * 200} for i in range(500)]


@pytest.fixture
def small_disk(tmp_path):
    """48 MiB of tmpfs; needs the right to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)],
                                                   capture_output=True).returncode == 0
    if not mounted:
        pytest.skip("SKIPPED: mounting a small tmpfs needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def test_full_disk_refuses_writes_and_serves_reads(small_disk, tmp_path):
    node = Node(tmp_path, env={"WAL_FILE_MB": "4", "WAL_LANES": "1"})
    node.data = small_disk / "data"
    node.start()
    try:
        client = node.client()
        client.add({"source_id": "t", "schema_definition": {"id": "int64", "text": "string"}})
        acked = 0
        for _ in range(2_000):
            try:
                client.write("t", ROWS)
                acked += len(ROWS)
            except Refused as refused:
                assert refused.status == 507, refused.problem
                break
        else:
            raise AssertionError("the disk never filled up")
        assert acked > 0
        count = [{"type": "count", "alias": "n"}]
        assert client.aggregate(aggregations=count) == [{"n": acked}]
        assert len(client.rows(limit=10)) == 10
        subprocess.run(["mount", "-o", "remount,size=400m", str(small_disk)], check=True)
        deadline = time.monotonic() + 30
        while True:  # The log is opened anew by itself.
            try:
                assert client.write("t", ROWS)["durable"] is True
                break
            except Refused as refused:
                assert refused.status in (503, 507) and time.monotonic() < deadline, refused.problem
        # The refused batch is there whole or not at all, and that stays so.
        visible = client.aggregate(aggregations=count)
        assert visible[0]["n"] - acked in (len(ROWS), 2 * len(ROWS))
        node.kill()
        node.start()
        assert node.client().aggregate(aggregations=count) == visible
    finally:
        node.close()


@pytest.mark.parametrize("point", ["wal.after_write", "wal.after_sync"])
def test_failed_sync_turns_the_source_read_only(tmp_path, point):
    node = Node(tmp_path, args=["--failpoints", f"{point}=error@3"]).start()
    try:
        client = node.client()
        client.add({"source_id": "t", "schema_definition": {"id": "int64"}})
        acked = []
        refusals = 0
        for i in range(10):
            try:
                client.write("t", [{"id": i}])
                acked.append(i)
            except Refused as refused:
                assert refused.status == 503, refused.problem
                refusals += 1
        assert acked == [0, 1] and refusals == 8
        assert [row["id"] for row in client.rows(order_by=[{"column": "_seq"}])] == acked
        node.kill()
        node.start(args=[])
        client = node.client()
        ids = [row["id"] for row in client.rows(order_by=[{"column": "_seq"}])]
        assert ids[:2] == acked and set(ids[2:]) <= {2}
        assert client.write("t", [{"id": 99}])["durable"] is True
    finally:
        node.close()


def test_unwritable_folder_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    node = Node(tmp_path)
    node.data = blocked / "data"
    node.start(wait=False)
    assert node.process.wait(timeout=30) != 0
    assert str(blocked) in node.log()


def test_a_damaged_source_is_named_and_never_left_out_silently(start_node):
    node = start_node({"WAL_LANES": "1"})
    client = node.client()
    for source in ("hurt", "well"):
        client.add({"source_id": source})
        for i in range(2):
            client.write(source, [{"text": f"{source} needle {i}"}])
    node.kill()
    (log,) = [path for path in (node.data / "wal").rglob("*.wal") if b"hurt needle 0" in path.read_bytes()]
    content = bytearray(log.read_bytes())
    content[content.index(b"hurt needle 0")] ^= 1
    log.write_bytes(content)

    node.start()
    client = node.client()
    listed = client.call("GET", "/sources")
    assert [s["source_id"] for s in listed["sources"]] == ["well"]
    (damaged,) = listed["damaged_sources"]
    assert damaged["source_id"] == "hurt" and ".wal" in damaged["detail"]
    for target, body in (("/data/search", {}), ("/data/search/stream", {}),
                         ("/data/aggregate", {"aggregations": [{"type": "count", "alias": "n"}]})):
        status, _, content = client.raw("POST", target, body)
        problem = json.loads(content)
        assert (status, problem["code"]) == (500, "CORRUPTION"), problem
        assert "hurt" in problem["detail"] and "source_ids" in problem["detail"]
        status, _, _ = client.raw("POST", target, {**body, "source_ids": ["well"]})
        assert status == 200
    client.write("well", [{"text": "still"}])
    assert client.call("DELETE", "/sources/hurt") is None
    assert len(client.rows()) == 3


def test_no_answer_names_a_path_of_this_machine_and_the_log_does(start_node):
    node = start_node({"WAL_LANES": "1"}, args=["both"])
    client = node.client()
    for source in ("hurt", "lost"):
        client.add({"source_id": source})
        client.write(source, [{"text": f"{source} {i}"} for i in range(1000)])
    client.flush("hurt")
    client.write("lost", [{"text": "in the log alone"}])
    node.kill()
    (segment,) = [path for path in node.data.rglob("*.parquet") if "hurt" in str(path)]
    content = bytearray(segment.read_bytes())
    content[len(content) // 2:len(content) // 2 + 64] = b"\0" * 64
    content[4:200] = b"\0" * 196
    segment.write_bytes(content)
    (log,) = [path for path in (node.data / "wal").rglob("*.wal") if b"lost 7" in path.read_bytes()]
    content = bytearray(log.read_bytes())
    content[content.index(b"lost 7")] ^= 1
    log.write_bytes(content)
    node.start()
    client, rpc = node.client(), RpcClient(node.grpc_port)
    told = []

    def ask(method, target, body=None, headers=None):
        try:
            status, headers, content = client.raw(method, target, body, headers)
        except http.client.IncompleteRead as cut:
            status, content = 0, cut.partial
        told.append((target, status, content.decode()))
        return status

    count = {"aggregations": [{"type": "count_distinct", "column": "text"}]}
    assert ask("GET", "/sources") == 200
    ask("GET", "/health")
    for source in ("hurt", "lost"):
        failed = [ask("POST", target, {**body, "source_ids": [source]}) != 200 for target, body in (
            ("/data/search", {}), ("/data/search/stream", {}), ("/data/search/stream?frames=true", {}), ("/data/aggregate", count))]
        assert all(failed), told
        for request in (lambda: rpc.search({"source_ids": [source]}), lambda: rpc.search({"source_ids": [source]}, stream=True),
                        lambda: rpc.aggregate({**count, "source_ids": [source]})):
            with pytest.raises(Refused) as refused:
                request()
            told.append(("gRPC", refused.value.status, json.dumps(refused.value.problem)))
        ask("POST", "/data/write", {"source_id": source, "records": [{"fields": {"text": "more"}}]})
        for method, target in (("GET", f"/sources/{source}"), ("GET", f"/sources/{source}/stats"), ("POST", f"/sources/{source}/flush")):
            ask(method, target)
    told.append(("gRPC", 0, str(rpc.call("ListSources", rpc.pb.ListSourcesRequest()))))
    # Folders that a source may not have are known by the setting, too.
    assert ask("POST", "/sources/add", {"source_id": "in", "data_path": str(node.data / "wal")}) == 409
    assert ask("POST", "/sources/add", {"source_id": "in", "data_path": str(segment.parent)}) == 409
    for target, status, content in told:
        assert str(node.data) not in content and str(node.folder) not in content, (target, status, content)
    assert any("DATA_PATH/" in content and segment.name in content for _, _, content in told)
    assert any("DATA_PATH/wal/" in content for _, _, content in told)
    # Each failure is in the log in full, by its request's id.
    for target, status, content in told:
        if "DATA_PATH/" not in content or not content.startswith('{"type"'):
            continue
        found = json.loads(content)
        logged = [line["msg"] for line in map(json.loads, node.log().splitlines()) if line.get("request_id") == found["instance"]]
        assert found["detail"].replace("DATA_PATH", str(node.data)) in logged, (found, logged)


def test_a_segment_that_is_gone_is_damage_and_not_a_missing_source(node, client):
    client.add({"source_id": "t"})
    client.write("t", [{"id": 1}])
    client.flush("t")
    node.stop()
    (segment,) = node.data.rglob("*.parquet")
    segment.rename(segment.with_suffix(".away"))
    node.start()
    status, _, content = node.client().raw("POST", "/data/search", {})
    problem = json.loads(content)
    assert (status, problem["code"]) == (500, "CORRUPTION") and segment.name in problem["detail"]
