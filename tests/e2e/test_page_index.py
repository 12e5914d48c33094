"""Page indexes: of a sorted column only the pages that may match are read, whatever is asked, and nothing depends on it."""

import json

import pytest

from node import Node

ROWS, A_DAY = 60_000, 100
COLUMNS = {"day": "int64", "customer": "string", "amount": "float64", "note": "string"}


def row(i):
    return {"day": None if i % 1000 == 7 else i // A_DAY, "customer": f"C{i * 37 % 1009}", "amount": i % 250 / 4, "note": f"note {i}"}


@pytest.fixture(scope="module")
def sorted_node(tmp_path_factory):
    # With the builtin prices: those that are measured meanwhile hang on what else the machine does, and then so does which way wins.
    node = Node(tmp_path_factory.mktemp("sorted"),
                env={"PAGE_ROWS": "500", "ROW_GROUP_ROWS": "20000", "COST_MODEL_LEARNING_ENABLED": "false"}).start()
    client = node.client()
    client.add({"source_id": "t", "schema_definition": COLUMNS, "sort_columns": ["day"]})
    for first in range(0, ROWS, 5000):
        client.write("t", [row(i) for i in range(first, first + 5000)])
    client.flush("t")
    yield node
    node.close()


def restarted(node, enabled):
    node.env["QUERY_OPTIMIZATION_ENABLED"] = "true" if enabled else "false"
    node.restart()
    return node.client()


QUERIES = [
    {"filters": {"day": {"between": [300, 302]}}},
    {"filters": {"day": 17}, "order_by": [{"column": "amount", "direction": "desc"}], "limit": 10},
    {"filters": {"day": {"in": [3, 250, 599]}}, "columns": ["note"]},
    {"filters": {"$and": [{"day": {"gte": 590}}, {"customer": {"starts_with": "C1"}}]}},
    {"filters": {"$or": [{"day": {"lt": 2}}, {"day": {"gte": 598}}]}},
    {"filters": {"day": None}, "columns": ["note", "day"]},
    {"filters": {"_seq": {"between": [30_000, 30_200]}}},
]


def test_ranges_of_a_sorted_column_read_their_pages(sorted_node):
    client = restarted(sorted_node, enabled=False)
    plain = [client.search(source_ids=["t"], **{"limit": 10_000, **query}) for query in QUERIES]
    assert not any("page_index" in answer["stats"]["access_paths"] for answer in plain)
    client = restarted(sorted_node, enabled=True)
    for query, expected in zip(QUERIES, plain):
        answer = client.search(source_ids=["t"], **{"limit": 10_000, **query})
        assert answer["records"] == expected["records"] and answer["count"] > 0, query
        assert "page_index" in answer["stats"]["access_paths"], query
        assert answer["stats"]["rows_scanned"] <= 4_000, query
    # From the disk: what is read is told, and is less.
    for query in QUERIES[:2]:
        read = []
        for enabled in (False, True):
            client = restarted(sorted_node, enabled)
            stats = client.search(source_ids=["t"], **query)["stats"]
            read.append(stats["bytes_read"])
        assert 0 < read[1] < read[0] / 2, (query, read)


def test_aggregates_and_deletes_read_them_too(sorted_node):
    client = restarted(sorted_node, enabled=True)
    expected = [i for i in range(ROWS) if row(i)["day"] is not None and 100 <= row(i)["day"] < 103]
    answer = client.call("POST", "/data/aggregate", {"source_ids": ["t"], "filters": {"day": {"gte": 100, "lt": 103}},
                                                     "aggregations": [{"type": "count", "alias": "n"}, {"type": "sum", "column": "amount", "alias": "sum"}]})
    assert answer["results"] == [{"n": len(expected), "sum": sum(row(i)["amount"] for i in expected)}]
    assert "page_index" in answer["stats"]["access_paths"] and answer["stats"]["rows_scanned"] <= 1_500


def test_explain_tells_of_pages_kept_and_what_they_beat(sorted_node):
    client = restarted(sorted_node, enabled=True)

    def explain(filters, analyze="true"):
        return client.call("POST", f"/data/explain?analyze={analyze}", {"search": {"source_ids": ["t"], "filters": filters, "limit": 1000}})

    def steps(step):
        return [step, *(found for child in step["children"] for found in steps(child))]

    answer = explain({"day": {"between": [300, 302]}})
    [pages] = [step for step in steps(answer["plan"]) if step["operator"] == "page_index"]
    pruning = answer["pruning"]
    kept = pruning["pages_total"] - pruning["pages_pruned"]
    assert 1 <= kept <= 4 and pruning["pages_total"] >= 100
    assert f"{kept} of {pruning['pages_total']} pages" in pages["detail"]
    assert pages["actual"]["rows"] == answer["plan"]["actual"]["rows"] > 250
    [scan] = [other for other in answer["rejected"] if "read every segment" in other["plan"]]
    assert scan["cost"] > answer["plan"]["cost"] and scan["reason"]
    # Customers lie everywhere: reading everything is cheaper, and says what pages would have kept.
    answer = explain({"customer": {"between": ["C1", "C3"]}}, analyze="false")
    assert answer["pruning"]["pages_total"] == 0
    assert any(step["operator"] in ("full_scan", "column_cache") for step in steps(answer["plan"]))
    [other] = [other for other in answer["rejected"] if other["plan"].startswith("t: page_index")]
    assert f"{pruning['pages_total']} of {pruning['pages_total']} pages" in other["plan"]


def test_a_damaged_page_index_is_told_in_the_log_and_changes_no_answer(tmp_path):
    node = Node(tmp_path, env={"PAGE_ROWS": "500"}).start()
    try:
        client = node.client()
        client.add({"source_id": "t", "schema_definition": COLUMNS, "sort_columns": ["day"]})
        client.write("t", [row(i) for i in range(10_000)])
        client.flush("t")
        found = client.search(source_ids=["t"], columns=["amount"], limit=10)
        assert len(found["records"]) == 10  # The file is opened while it is whole.
        [segment] = list(node.data.rglob("*.parquet"))
        with open(segment, "r+b") as file:  # Behind the last column: what stands there first is a page index.
            file.seek(-8, 2)
            footer = int.from_bytes(file.read(4), "little")
            file.seek(-8 - footer - 64, 2)
            byte = file.read(1)[0]
            file.seek(-1, 1)
            file.write(bytes([byte ^ 0x55]))
        answer = client.search(source_ids=["t"], filters={"day": {"between": [30, 32]}}, limit=1000)
        assert [record["fields"]["note"] for record in answer["records"]] == [
            f"note {i}" for i in range(10_000) if row(i)["day"] in (30, 31, 32)]
        assert "full_scan" in answer["stats"]["access_paths"] and "page_index" not in answer["stats"]["access_paths"]
        [line] = [json.loads(line) for line in node.log().splitlines() if "page index not used" in line]
        assert "checksum" in line["reason"]
    finally:
        node.close()
