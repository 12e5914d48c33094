"""Paging by cursor: one snapshot, whatever happens between the pages."""

import concurrent.futures
import json
import threading

import pytest

from node import Node, Refused


def pages(client, limit, between=None, **body):
    """All records of a search, page by page; `between` runs after each page but the last."""
    found, cursor = [], None
    for _ in range(10_000):
        answer = client.search(**body, limit=limit, cursor=cursor)
        assert answer["count"] == len(answer["records"]) <= limit
        found += answer["records"]
        cursor = answer["next_cursor"]
        if cursor is None:
            return found
        assert answer["count"] == limit
        if between:
            client = between() or client
    raise AssertionError("pages without end")


def ids(records):
    return [record["fields"]["id"] for record in records]


def fill(client, seeded, rows=300):
    client.add({"source_id": "a", "partition_columns": ["p"], "schema_definition": {"id": "int64", "p": "string"}})
    client.add({"source_id": "b"})
    for first in range(0, rows, 50):
        for source, offset in (("a", 0), ("b", 100_000)):
            client.write(source, [row(seeded, offset + first + i) for i in range(50)])
        if first in (50, 150):
            client.flush("a")
    return sorted(i + offset for i in range(rows) for offset in (0, 100_000))


def row(seeded, number):
    made = {"id": number, "p": f"p{seeded.randrange(4)}", "k": seeded.randrange(5), "t": seeded.choice("xyz")}
    for name in ("k", "t"):
        if seeded.random() < 0.2:
            del made[name]
    return made


ORDERS = [None, [{"column": "k"}], [{"column": "t", "direction": "desc"}, {"column": "k"}], [{"column": "_seq", "direction": "desc"}]]


@pytest.mark.parametrize("order", ORDERS)
def test_pages_are_one_snapshot_across_writes_flushes_kills_and_restarts(node, client, seeded, order):
    every = fill(client, seeded)
    body = {"order_by": order} if order else {}
    whole = client.stream(**body)
    assert sorted(ids(whole)) == every
    steps = iter(range(10_000))

    def between():
        client = node.client()
        client.write("a", [row(seeded, 900_000)])
        step = next(steps)
        if step % 4 == 0:
            client.flush("a" if step % 8 else "b")
        if step == 2:
            node.kill()
            node.start()
        if step == 5:
            node.restart()
        return node.client()

    found = ids(pages(client, 37, between, **body))
    assert sorted(found) == every
    if order:
        assert found == ids(whole)


def test_pages_while_writers_and_flushes_run(node, client, seeded):
    every = fill(client, seeded)
    stop = threading.Event()

    def disturb(source):
        mine, number = node.client(), 500_000
        while not stop.is_set():
            mine.write(source, [{"id": number + i, "p": "p1", "k": 1} for i in range(20)])
            mine.flush(source)
            number += 20

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        noise = [pool.submit(disturb, source) for source in ("a", "b")]
        readers = [pool.submit(pages, node.client(), seeded.randrange(5, 60), None, filters={"id": {"lt": 400_000}}, **body)
                   for body in ({}, {"order_by": [{"column": "k"}]}, {"columns": ["id"]})]
        try:
            for reader in readers:
                assert sorted(ids(reader.result(timeout=120))) == every
        finally:
            stop.set()
        for one in noise:
            one.result(timeout=60)


def test_a_cursor_is_refused_unless_it_is_whole_and_its_request_the_same(client, seeded):
    fill(client, seeded, rows=50)
    body = {"source_ids": ["a", "b"], "filters": {"k": {"gte": 1}}, "columns": ["id"], "order_by": [{"column": "k"}]}
    cursor = client.search(**body, limit=5)["next_cursor"]
    # Another limit, another order of the same sources, white space: the same request.
    assert client.search(**body, limit=7, cursor=cursor)["count"] == 7
    assert client.search(**{**body, "source_ids": ["b", "a"]}, limit=7, cursor=cursor)["count"] == 7
    status, _, _ = client.raw("POST", "/data/search", json.dumps({**body, "cursor": cursor}, indent=3).encode())
    assert status == 200
    assert client.search(**body, limit=0, cursor=cursor)["next_cursor"] is None

    def refused(cursor, **other):
        with pytest.raises(Refused) as caught:
            client.search(**{**body, **other}, cursor=cursor)
        assert caught.value.status == 400, caught.value
        assert caught.value.pointers == ["/cursor"]

    refused(cursor, filters={"k": {"gte": 2}})
    refused(cursor, columns=["id", "k"])
    refused(cursor, order_by=[{"column": "k", "direction": "desc"}])
    refused(cursor, source_ids=["a"])
    for bad in ("", "x", "%", cursor[:-1], cursor[1:], cursor + "A", cursor.swapcase(), cursor[:40] + "A" + cursor[41:] + "A"):
        refused(bad)
    refused(7)
    with pytest.raises(Refused) as caught:
        client.call("POST", "/data/search/stream", {**body, "cursor": cursor})
    assert caught.value.pointers == ["/cursor"]


def test_a_cursor_of_another_tenant_is_refused(tmp_path, client, seeded):
    fill(client, seeded, rows=50)
    cursor = client.search(limit=5)["next_cursor"]
    folder = tmp_path / "other"
    folder.mkdir()
    other = Node(folder, {"TENANT_ID": "other"}).start()
    try:
        theirs = other.client()
        theirs.add({"source_id": "a"})
        with pytest.raises(Refused) as caught:
            theirs.search(cursor=cursor)
        assert (caught.value.status, caught.value.pointers) == (400, ["/cursor"])
    finally:
        other.close()


def test_a_cursor_ends_with_its_source_and_its_time(tmp_path, seeded):
    node = Node(tmp_path, {"SNAPSHOT_RETENTION_MINUTES": "0"}).start()
    try:
        client = node.client()
        fill(client, seeded, rows=50)
        cursor = client.search(limit=5)["next_cursor"]
        with pytest.raises(Refused) as caught:
            client.search(cursor=cursor)
        assert (caught.value.status, caught.value.code) == (410, "CURSOR_EXPIRED")
        node.env.clear()
        node.restart()
        client = node.client()
        assert client.search(cursor=cursor)["count"] == 95
        client.call("DELETE", "/sources/b")
        for _ in range(2):
            with pytest.raises(Refused) as caught:
                client.search(cursor=cursor)
            assert (caught.value.status, caught.value.code) == (410, "CURSOR_EXPIRED")
            client.add({"source_id": "b"})
    finally:
        node.close()


def test_columns_that_came_later_do_not_show(client):
    client.add({"source_id": "s"})
    client.write("s", [{"id": i, "n": i} for i in range(10)])
    first = client.search(source_ids=["s"], limit=4)
    client.write("s", [{"id": 99, "n": 1.5, "later": "x"}])
    client.flush("s")
    rest = client.search(source_ids=["s"], limit=100, cursor=first["next_cursor"])
    assert ids(first["records"] + rest["records"]) == list(range(10))
    assert all(set(record["fields"]) == {"id", "n"} for record in rest["records"])
    assert rest["next_cursor"] is None


CHANGES = {"drop_columns": ["tag"], "widen_columns": {"n": "float64", "day": "datetime64[ms]"}}


def start_changed(client):
    client.add({"source_id": "s", "schema_definition": {"id": "int64", "n": "int32", "day": "date", "tag": "string"}})
    client.write("s", [{"id": i, "n": i % 3, "day": f"2024-01-{i + 1:02}", "tag": "xyz"[i % 3]} for i in range(20)])


@pytest.mark.parametrize("order", [None, [{"column": "tag"}, {"column": "n", "direction": "desc"}]], ids=["stored", "ordered"])
def test_columns_that_were_dropped_or_widened_show_as_they_were(node, client, order):
    start_changed(client)
    client.flush("s")
    body = {"source_ids": ["s"], "filters": {"tag": {"in": ["x", "y"]}, "day": {"gt": "2024-01-02"}}, **({"order_by": order} if order else {})}
    whole = client.search(**body)["records"]

    def between():
        client = node.client()
        if next(steps) == 0:
            client.call("PATCH", "/sources/s", CHANGES)
            client.write("s", [{"id": 99, "n": 0.5}])
        client.flush("s")
        client.call("POST", "/sources/s/compact?wait=true")
        node.restart()
        return node.client()

    steps = iter(range(100))
    found = pages(client, 3, between, **body)
    assert json.dumps(found) == json.dumps(whole)  # 0 is not 0.0.
    assert "tag" not in node.client().search(source_ids=["s"])["records"][0]["fields"]


def test_a_dropped_column_that_a_flush_left_out_ends_the_cursors_that_need_it(client):
    start_changed(client)
    bodies = [{"columns": ["id", "n"]}, {}, {"columns": ["tag"]}, {"columns": ["id"], "order_by": [{"column": "tag"}]},
              {"columns": ["id"], "filters": {"$not": {"tag": "x"}}}]
    begun = [client.search(**body, limit=5) for body in bodies]
    client.call("PATCH", "/sources/s", CHANGES)
    for body, first in zip(bodies, begun):  # Still in memory as they were.
        assert client.search(**body, limit=3, cursor=first["next_cursor"])["count"] == 3
    client.flush("s")
    rest = client.search(**bodies[0], limit=100, cursor=begun[0]["next_cursor"])
    assert [type(record["fields"]["n"]) for record in rest["records"]] == [int] * 15
    for body, first in zip(bodies[1:], begun[1:]):
        with pytest.raises(Refused) as refused:
            client.search(**body, limit=100, cursor=first["next_cursor"])
        assert (refused.value.status, refused.value.code) == (410, "CURSOR_EXPIRED")
        assert '"tag" was dropped' in refused.value.problem["detail"]


def test_an_empty_answer_and_a_last_page_have_no_cursor(client):
    client.add({"source_id": "s"})
    assert client.search()["next_cursor"] is None
    client.write("s", [{"id": i} for i in range(10)])
    assert client.search(limit=10)["next_cursor"] is None
    assert client.search(limit=9)["next_cursor"] is not None
    assert client.search(limit=0)["next_cursor"] is None
    assert client.search(filters={"id": {"lt": 0}})["next_cursor"] is None


def test_a_page_over_hot_chunks_of_an_indexed_column_ends_where_its_snapshot_does(client):
    """The last chunk of the snapshot is cut, and then has no hash index, unlike the one before."""
    client.add({"source_id": "hot", "index_columns": ["id"], "schema_definition": {"id": "int64"}})
    client.write("hot", [{"id": 1}] * 10)
    client.write("hot", [{"id": 1, "b": 1}] * 10)
    body = {"source_ids": ["hot"], "filters": {"id": 1}, "order_by": [{"column": "_seq"}]}
    first = client.search(**body, limit=5)
    client.write("hot", [{"id": 1, "b": 2}])
    rest = client.search(**body, limit=100, cursor=first["next_cursor"])
    assert rest["count"] == 15 and rest["next_cursor"] is None


@pytest.mark.parametrize("change", [{"add_columns": {"c": "int64"}}, {"drop_columns": ["tag"]}], ids=["declared", "dropped"])
def test_a_page_of_documents_never_means_something_else_after_a_change(client, change):
    client.add({"source_id": "docs", "schema_mode": "json", "schema_definition": {"id": "int64", "tag": "string"}})
    client.write("docs", [{"id": i, "tag": "x", "c": i if i % 2 else str(i)} for i in range(8)])
    body = {"source_ids": ["docs"], "filters": {"c": {"exists": True}, "tag": "x"}, "order_by": [{"column": "id"}]}
    first = client.search(**body, limit=2)
    client.call("PATCH", "/sources/docs", change)
    with pytest.raises(Refused) as refused:
        client.search(**body, limit=100, cursor=first["next_cursor"])
    assert refused.value.status == 410 and "declared or dropped" in refused.value.problem["detail"]
