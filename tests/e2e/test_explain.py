"""POST /data/explain and granary explain: the plan, what it was chosen over, and what really happened."""

import subprocess

import pytest

from node import BINARY, Refused

ROWS = 20_000


def operators(step):
    return [step, *(found for child in step["children"] for found in operators(child))]


def named(plan, name):
    return [step for step in operators(plan) if step["operator"] == name]


@pytest.fixture(scope="module")
def explained(tmp_path_factory):
    from node import Node

    node = Node(tmp_path_factory.mktemp("explained")).start()
    client = node.client()
    client.add({"source_id": "t", "schema_definition": {"id": "int64", "customer": "string", "amount": "float64", "day": "date"},
                "partition_columns": [{"column": "day", "transform": "month"}],
                "index_columns": ["customer", {"column": "amount", "kind": "btree"}]})
    for first in range(0, ROWS, 5000):
        client.write("t", [{"id": i, "customer": f"C{i % 4000}", "amount": i * 7 % 10_000 / 4, "day": f"2024-{1 + i % 2:02}-15"}
                           for i in range(first, first + 5000)])
    client.flush("t")
    client.write("t", [{"id": ROWS, "customer": "C7", "amount": 1.0, "day": "2024-01-16"}])
    yield node
    node.close()


def explain(node, body, analyze=True):
    return node.client().call("POST", "/data/explain" + ("?analyze=true" if analyze else ""), body)


def test_a_look_up_is_by_its_index_and_what_it_beat_is_named(explained):
    search = {"source_ids": ["t"], "filters": {"customer": "C7", "day": "2024-02-15"}}
    answer = explain(explained, {"search": search})
    found = explained.client().search(**search)
    plan = answer["plan"]
    assert plan["operator"] == "search" and plan["actual"]["rows"] == found["count"] == 5
    assert plan["actual"]["ms"] > 0 and plan["estimated"]["ms"] > 0 and plan["cost"] > 0
    [index] = named(plan, "hash_index")
    assert index["actual"]["rows"] == 5 and "customer = C7" in index["detail"]
    assert 1 <= index["estimated"]["rows"] <= 50
    assert "hash_index" in found["stats"]["access_paths"]
    assert any("read every segment" in other["plan"] and other["reason"] for other in answer["rejected"])
    assert [other["cost"] for other in answer["rejected"]] == sorted(other["cost"] for other in answer["rejected"])


def test_without_analyze_nothing_is_run(explained):
    body = {"search": {"source_ids": ["t"], "filters": {"amount": {"gt": 1}}}}
    answer = explain(explained, body, analyze=False)
    assert all(step["actual"] is None for step in operators(answer["plan"]))
    assert answer["pruning"]["by_index"] is None
    assert set(answer) == {"plan", "rejected", "pruning", "model_version", "distrusted"} and answer["distrusted"] == []
    assert answer["plan"]["operator"] == explain(explained, body)["plan"]["operator"]


def test_pruned_segments_have_their_reason(explained):
    answer = explain(explained, {"search": {"source_ids": ["t"], "filters": {"day": {"gte": "2024-02-01"}, "amount": {"gte": 0}}}})
    pruning = answer["pruning"]
    assert pruning["segments_total"] == 2 and pruning["segments_pruned"] == 1
    [one] = pruning["segments"]
    assert one["source_id"] == "t" and "day" in one["reason"] and one["by"] in ("partition", "statistics")


def test_estimates_of_ranges_are_near_what_comes(explained):
    for low in (0, 500, 1250, 2000, 2400):
        answer = explain(explained, {"aggregate": {"source_ids": ["t"], "filters": {"amount": {"gte": low}}, "group_by": ["day"],
                                                   "aggregations": [{"type": "sum", "column": "amount"}]}})
        [source] = named(answer["plan"], "source")
        actual, estimated = source["actual"]["rows"], source["estimated"]["rows"]
        assert abs(actual - estimated) <= 0.1 * actual + 50, (low, actual, estimated)


def test_a_question_that_is_asked_again_is_merged(explained):
    body = {"aggregate": {"source_ids": ["t"], "group_by": ["customer"], "aggregations": [{"type": "count", "alias": "n"}]}}
    first = explain(explained, body)
    again = explain(explained, body)
    assert first["plan"]["actual"]["rows"] == again["plan"]["actual"]["rows"] == 4000
    assert named(again["plan"], "partial_cache") and not named(first["plan"], "partial_cache")


def test_counts_come_from_statistics(explained):
    answer = explain(explained, {"aggregate": {"source_ids": ["t"], "aggregations": [{"type": "count"}]}})
    [known] = named(answer["plan"], "metadata")
    assert known["actual"]["rows"] == ROWS and answer["plan"]["actual"]["rows"] == 1


def test_says_what_is_wrong_where_it_stands(explained):
    for body, code, pointer in (({"search": {"source_ids": ["t"], "filters": {"amount": {"gt": "x"}}}}, 400, "/search/filters/amount/gt"),
                                ({"aggregate": {"source_ids": ["t"], "aggregations": [{"type": "sum", "column": "customer"}]}}, 422,
                                 "/aggregate/aggregations/0/column"),
                                ({"search": {"limit": 10_001}}, 400, "/search/limit"), ({}, 400, "/search"), ({}, 400, "/aggregate"),
                                ({"search": {}, "aggregate": {}}, 400, "/aggregate")):
        with pytest.raises(Refused) as refusal:
            explain(explained, body)
        assert refusal.value.status == code
        assert pointer is None or pointer in refusal.value.pointers
    with pytest.raises(Refused) as refusal:
        explained.client().call("POST", "/data/explain?analyze=perhaps", {"search": {}})
    assert refusal.value.status == 400


def test_the_command_line_prints_a_tree(explained):
    def granary(*args):
        return subprocess.run([str(BINARY), "explain", *args, "--url", f"http://127.0.0.1:{explained.port}"], check=True,
                              capture_output=True, text=True, timeout=60).stdout

    told = granary("t", "--filters", '{"customer": "C7"}', "--analyze")
    assert "hash_index" in told and "actual 6 rows" in told and "Other plans" in told and "Cost model" in told
    told = granary("--aggregate", '{"source_ids": ["t"], "aggregations": [{"type": "count"}]}')
    assert "metadata" in told and "actual" not in told
    assert '"operator"' in granary("t", "--output", "json")


def test_switched_off_there_is_one_plan(start_node):
    node = start_node({"QUERY_OPTIMIZATION_ENABLED": "false"})
    client = node.client()
    client.add({"source_id": "t", "schema_definition": {"id": "int64"}, "index_columns": ["id"]})
    client.write("t", [{"id": i} for i in range(2000)])
    client.flush("t")
    answer = explain(node, {"search": {"source_ids": ["t"], "filters": {"id": 77}}})
    assert answer["rejected"] == [] and answer["plan"]["actual"]["rows"] == 1
    assert named(answer["plan"], "full_scan") and not named(answer["plan"], "btree_index")
    stats = client.search(source_ids=["t"], filters={"id": 77})["stats"]
    assert not {"btree_index", "hash_index"} & set(stats["access_paths"])
