"""States of aggregates over whole segments are kept: a question that is asked again costs only what is new since."""

import random

from node import Node

ROWS = 60_000
QUESTIONS = [
    {"group_by": ["region"], "aggregations": [{"type": "sum", "column": "amount", "alias": "s"}, {"type": "count", "alias": "n"}]},
    {"aggregations": [{"type": "avg", "column": "amount", "alias": "a"}, {"type": "max", "column": "region", "alias": "m"}]},
    {"filters": {"amount": {"gte": 500}}, "group_by": [{"column": "amount", "transform": {"bucket": 100}, "alias": "b"}],
     "aggregations": [{"type": "count_distinct", "column": "id", "alias": "d"}, {"type": "stddev", "column": "amount", "alias": "s"}]},
    {"filters": {"region": {"in": ["r1", "r2"]}}, "aggregations": [{"type": "percentile", "column": "amount", "p": 0.5, "alias": "p"},
                                                                 {"type": "last", "column": "id", "alias": "l"}]},
]


def rows(random_, first, count):
    return [{"fields": {"id": first + i, "region": f"r{random_.randrange(8)}", "amount": random_.randrange(1000)}} for i in range(count)]


def fill(client, random_, first, count):
    for at in range(first, first + count, 10_000):
        client.call("POST", "/data/write", {"source_id": "s", "records": rows(random_, at, min(10_000, first + count - at))})


def ask(client, question):
    answer = client.call("POST", "/data/aggregate", {"source_ids": ["s"], **question})
    return sorted(map(repr, answer["results"])), answer["stats"]


def start(client):
    client.add({"source_id": "s", "schema_definition": {"id": "int64", "region": "string", "amount": "int64"}})


def test_an_aggregate_that_is_asked_again_reads_only_what_is_new(client):
    start(client)
    random_ = random.Random(7)
    fill(client, random_, 0, ROWS)
    client.call("POST", "/sources/s/flush")
    first, stats = ask(client, QUESTIONS[0])
    assert "partial_cache" not in stats["access_paths"] and stats["rows_scanned"] == ROWS
    again, stats = ask(client, {**QUESTIONS[0], "order_by": [{"column": "s"}]})
    assert again == first and stats["rows_scanned"] == 0 and "partial_cache" in stats["access_paths"]
    fill(client, random_, ROWS, 25)
    _, stats = ask(client, QUESTIONS[0])
    assert stats["rows_scanned"] == 25 and {"partial_cache", "hot"} <= set(stats["access_paths"])


def test_kept_states_change_no_answer(tmp_path):
    """Two nodes get the same records and are asked the same, and only one of them keeps anything."""
    random_ = random.Random(11)
    nodes = []
    try:
        for name, env in (("kept", {}), ("plain", {"PARTIAL_CACHE_MB": "0"})):
            (tmp_path / name).mkdir()
            nodes.append(Node(tmp_path / name, env).start())
        clients = [node.client() for node in nodes]
        for client in clients:
            start(client)
        took = 0
        for step in range(12):
            state = random_.getstate()
            for client in clients:
                random_.setstate(state)
                fill(client, random_, step * ROWS, ROWS if step % 4 == 0 else 500)
            if step % 2 == 0:
                for client in clients:
                    client.call("POST", "/sources/s/flush")
            if step == 6:
                for client in clients:
                    client.call("PATCH", "/sources/s", {"rename_columns": {"region": "area"}, "add_columns": {"region": "string"}})
            for question in QUESTIONS:
                (kept, stats), (expected, of_plain) = (ask(client, question) for client in clients)
                assert kept == expected, (step, question)
                assert "partial_cache" not in of_plain["access_paths"]
                took += "partial_cache" in stats["access_paths"]
        assert took > 10
    finally:
        for node in nodes:
            node.close()
