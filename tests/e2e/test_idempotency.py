"""Idempotency-Key: a write that is sent again, whatever happened in between, is written once."""

import http.client
import json
import threading

import pytest

from node import Node


def send(client, source, rows, key):
    body = {"source_id": source, "records": [{"fields": row} for row in rows]}
    status, headers, content = client.raw("POST", "/data/write", body, {"Idempotency-Key": key})
    return status, headers.get("idempotency-replayed"), json.loads(content)


@pytest.fixture
def node(tmp_path):
    with_small_logs = {"WAL_RETENTION_HOURS": "0", "WAL_RETENTION_MAX_MB": "0", "WAL_FILE_MB": "1"}
    started = Node(tmp_path, with_small_logs).start()
    yield started
    started.close()


def ids(client, source):
    return sorted(row["id"] for row in client.rows(source_id=source, columns=["id"], limit=10_000))


@pytest.mark.parametrize("flush", [False, True])
@pytest.mark.parametrize("end", ["kill", "stop"])
def test_the_first_answer_comes_again_after_a_restart(node, flush, end):
    client = node.client()
    client.add({"source_id": "s"})
    first = send(client, "s", [{"id": 1}, {"id": 2}], "k-1")
    assert first[:2] == (200, None)
    empty = send(client, "s", [], "k-empty")
    assert empty[0] == 200
    if flush:
        client.flush("s")
    if end == "kill":
        node.kill()
    else:
        node.stop()
    node.start()
    client = node.client()
    assert send(client, "s", [{"id": 1}, {"id": 2}], "k-1") == (200, "true", first[2])
    assert send(client, "s", [], "k-empty") == (200, "true", empty[2])
    status, _, problem = send(client, "s", [{"id": 1}, {"id": 3}], "k-1")
    assert (status, problem["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")
    assert ids(client, "s") == [1, 2]
    # A key belongs to its source, and to this life of it.
    client.add({"source_id": "other"})
    assert send(client, "other", [{"id": 9}], "k-1")[:2] == (200, None)
    client.call("DELETE", "/sources/other")
    client.add({"source_id": "other"})
    assert send(client, "other", [{"id": 10}], "k-1")[:2] == (200, None)


def test_fifty_at_once_write_once(node):
    node.client().add({"source_id": "s"})
    answers = []

    def work():
        answers.append(send(node.client(), "s", [{"id": 1}], "same"))

    threads = [threading.Thread(target=work) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 50
    assert all(status == 200 for status, _, _ in answers)
    assert len({json.dumps(body) for _, _, body in answers}) == 1
    assert sum(replayed is None for _, replayed, _ in answers) == 1
    assert ids(node.client(), "s") == [1]


def test_a_refused_write_is_not_remembered(node):
    client = node.client()
    client.add({"source_id": "s", "schema_mode": "strict", "schema_definition": {"id": "int64"}})
    status, _, problem = send(client, "s", [{"id": "x"}], "k")
    assert status == 400, problem
    assert send(client, "s", [{"id": 1}], "k")[:2] == (200, None)


def test_a_writer_that_sends_again_until_it_is_told_writes_once(node, seeded):
    """Killed at any moment; every batch is sent, with its key, until somebody answers."""
    node.client().add({"source_id": "s", "schema_definition": {"id": "int64"}})
    batches = [[{"id": 100 * b + i} for i in range(seeded.choice((1, 3, 20)))] for b in range(60)]
    stop = threading.Event()

    def work(mine):
        client = node.client(timeout=10)
        for batch in mine:
            while not stop.is_set():
                try:
                    status, _, _ = send(client, "s", batch, f"batch-{batch[0]['id']}")
                    if status == 200:
                        break
                except (OSError, http.client.HTTPException, ValueError):
                    client = node.client(timeout=10)

    threads = [threading.Thread(target=work, args=(batches[w::3],)) for w in range(3)]
    for thread in threads:
        thread.start()
    try:
        for kill in range(3):
            while any(t.is_alive() for t in threads) and len(ids(node.client(), "s")) < 20 * (kill + 1):
                pass
            if kill % 2:
                node.client().flush("s")
            node.kill()
            node.start()
        for thread in threads:
            thread.join(timeout=120)
            assert not thread.is_alive()
    finally:
        stop.set()
    assert ids(node.client(), "s") == sorted(row["id"] for batch in batches for row in batch)
