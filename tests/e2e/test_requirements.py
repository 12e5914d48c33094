"""The requests of the requirements, as they stand there: answered hot, flushed, and after kill -9."""

import json
import subprocess

SOURCE = {
    "source_id": "sales_data",
    "name": "Sales Data Source",
    "connection_string": "file://sales",
    "data_path": "./data/sources/sales_data",
    "schema_definition": {"order_id": "string", "customer_id": "string", "amount": "float64",
                          "order_date": "datetime64[ns]"},
    "partition_columns": ["order_date"],
    "index_columns": ["customer_id", "order_date"],
    "compression": "snappy",
    "max_file_size_mb": 256,
    "wal_enabled": True,
}

WRITE = """curl -X POST "http://localhost:8000/data/write" \\
  -H "Content-Type: application/json" \\
  -d '{
    "source_id": "sales_data",
    "records": [
      {
        "fields": {
          "order_id": "ORD_001",
          "customer_id": "CUST_001",
          "amount": 100.50,
          "order_date": "2024-01-15"
        }
      }
    ]
  }'"""

SEARCH = """curl -X POST "http://localhost:8000/data/search" \\
  -H "Content-Type: application/json" \\
  -d '{
    "filters": {
      "customer_id": {"eq": "CUST_001"}
    },
    "limit": 10
  }'"""

AGGREGATE = """curl -X POST "http://localhost:8000/data/aggregate" \\
  -H "Content-Type: application/json" \\
  -d '{
    "aggregations": [
      {"type": "count", "alias": "total_orders"},
      {"type": "sum", "column": "amount", "alias": "total_revenue"}
    ]
  }'"""


def curl(node, line):
    """Runs the line in a shell; only the port is another."""
    command = line.replace("localhost:8000", f"localhost:{node.port}").replace("curl ", "curl -sS ", 1)
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def check_answers(node):
    found = curl(node, SEARCH)
    assert found["count"] == 1
    assert found["next_cursor"] is None
    assert found["records"] == [{"source_id": "sales_data", "fields": {
        "order_id": "ORD_001", "customer_id": "CUST_001", "amount": 100.5, "order_date": "2024-01-15T00:00:00Z"}}]
    assert curl(node, AGGREGATE)["results"] == [{"total_orders": 1, "total_revenue": 100.5}]


def test_curl_lines_hot_flushed_and_killed(node):
    client = node.client()
    assert client.add(SOURCE)["source_id"] == "sales_data"
    written = curl(node, WRITE)
    assert written == {"source_id": "sales_data", "written": 1, "sequence": {"first": 1, "last": 1},
                       "schema_version": 1, "durable": True}
    check_answers(node)

    node.kill()  # Hot: only the log has it.
    node.start()
    check_answers(node)

    client.close()
    client.flush("sales_data")
    check_answers(node)
    assert list((node.data / "sources/sales_data").rglob("*.parquet"))

    node.kill()  # Flushed: replay must not double it.
    node.start()
    check_answers(node)

    node.restart()
    check_answers(node)


def test_health_and_statistics(node):
    health = json.loads(subprocess.run(["curl", "-sS", f"http://localhost:{node.port}/health"],
                                       capture_output=True, check=True, timeout=60).stdout)
    assert health["status"] == "ok"
    client = node.client()
    client.add(SOURCE)
    client.write("sales_data", [{"order_id": "A", "amount": 1.5}, {"order_id": "B", "amount": 100.5}])
    for flush in (False, True):
        if flush:
            client.flush("sales_data")
        stats = client.call("GET", "/sources/sales_data/stats")
        assert stats["rows"] == 2
        assert stats["hot_rows"] == (0 if flush else 2)
        amount = stats["columns"]["amount"]
        assert (amount["type"], amount["nulls"], amount["min"], amount["max"], amount["distinct"]) == \
            ("float64", 0, 1.5, 100.5, 2)
        assert stats["columns"]["customer_id"]["nulls"] == 2
        tenant = client.call("GET", "/tenant/stats")
        assert tenant["tenant_id"] == "default_tenant" and tenant["tenant_name"] == "Default Tenant"
        assert tenant["sources"] == 1 and tenant["rows"] == 2
        assert tenant["source_stats"]["sales_data"]["rows"] == 2


def test_adding_the_same_source_again(client):
    status, _, first = client.raw("POST", "/sources/add", SOURCE)
    assert status == 201
    status, _, second = client.raw("POST", "/sources/add", SOURCE)
    assert status == 200 and json.loads(first)["source_id"] == json.loads(second)["source_id"]
    status, _, third = client.raw("POST", "/sources/add", {**SOURCE, "compression": "zstd"})
    assert status == 409 and json.loads(third)["code"] == "SOURCE_CONFLICT"
    assert [s["source_id"] for s in client.call("GET", "/sources")["sources"]] == ["sales_data"]
    status, _, _ = client.raw("DELETE", "/sources/sales_data")
    assert status == 204
    assert client.call("GET", "/sources")["sources"] == []
