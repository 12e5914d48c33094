"""A disk that fills up or fails under a running node."""

import json
import os
import subprocess
import time

import pytest

from node import Node, Refused

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
