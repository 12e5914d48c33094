"""What the requirements ask for: their requests as they stand there, hot, flushed and after kill -9; and every row of their text with its proof."""

import json
import os
import pathlib
import re
import subprocess
import sys

import grpc
import pytest

import test_contract
from node import BINARY, REPOSITORY, Node, free_port
from requirements_proofs import PROOFS, page, proof
from requirements_text import TEXT, rows
from service import Service

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


def of_kind(kind):
    return [row for row in rows() if row.kind == kind]


def test_every_row_has_a_proof_and_the_page_is_written_from_them():
    found = rows()
    assert len(found) > 120 and {row.kind for row in found} == {"point", "variable", "command", "example", "file"}
    assert {row.text for row in found if row.kind != "variable"} == PROOFS.keys()
    assert (REPOSITORY / "docs/requirements.md").read_text() == page(), "write it anew: tests/e2e/requirements_proofs.py says how"


def test_the_text_is_the_one_that_was_given():
    given = os.environ.get("GRANARY_REQUIREMENTS")
    if given is None:
        pytest.skip("SKIPPED: GRANARY_REQUIREMENTS names no file to compare docs/requirements/text.md with")
    assert pathlib.Path(given).read_text().endswith(TEXT.read_text())


def test_every_proof_is_there():
    known = test_contract.gtests() | test_contract.pytests() | test_contract.cases() | {path.name for path in (REPOSITORY / "tests/e2e").glob("test_*.py")}
    named = {test for row in rows() for test in proof(row)[1]}
    assert {test for test in named if not test.startswith("(")} <= known, named - known
    assert {test for test in named if test.startswith("(")} == {"(no test: to be read)", "(no test: the compiler)"}


def test_every_variable_has_its_name_and_its_default():
    """The text gives placeholders for the tenant in its example; all other values are defaults, and stand in config.env.example."""
    shown = json.loads(subprocess.run([str(BINARY), "config", "show", "--output", "json"], capture_output=True, text=True, check=True, env={}, cwd="/").stdout)
    example = (REPOSITORY / "config.env.example").read_text()
    placeholders = {("TENANT_ID", "your_tenant_id"), ("TENANT_NAME", "Your Tenant Name")}
    production = {("TENANT_ID", "prod_tenant_001"), ("DATA_PATH", "/var/lib/tenant_node/data"), ("MAX_CONCURRENT_SEARCHES", "50")}
    seen = set()
    for row in of_kind("variable"):
        assert row.text in shown, row
        if (row.text, row.default) not in placeholders | production:
            assert shown[row.text] == {"value": row.default, "origin": "default"}, row
            assert f"\n{row.text}={row.default}\n" in example, row
            seen.add(row.text)
    assert len(seen) >= 22


def test_every_endpoint_is_in_the_document_and_answers(client):
    endpoints = [re.match(r"(GET|POST|DELETE) (/\S+) - ", row.text) for row in of_kind("point")]
    endpoints = [found.groups() for found in endpoints if found]
    assert len(endpoints) == 10
    documented = json.loads((REPOSITORY / "docs/openapi/tenant_node.json").read_text())["paths"]
    client.add(SOURCE)
    for method, path in endpoints:
        assert method.lower() in documented[path.replace("{source_id}", "{id}")], path
        body = {"/data/write": {"source_id": "sales_data", "records": [{"fields": {"order_id": "A"}}]}, "/sources/add": SOURCE, "/data/search": {}, "/data/search/stream": {},
                "/data/aggregate": {"aggregations": [{"type": "count"}]}}.get(path)
        if method != "DELETE":
            assert client.raw(method, path.replace("{source_id}", "sales_data"), body)[0] == 200, path
    assert client.raw("DELETE", "/sources/sales_data")[0] == 204


def test_every_service_answers_on_its_port(tmp_path):
    found = [re.match(r"(.*) \((\d+)\) - ", row.text) for row in of_kind("point")]
    services = {one[1].lower().replace(" ", "-"): int(one[2]) for one in found if one}
    assert len(services) == 6
    told = subprocess.run([str(BINARY), "--help"], capture_output=True, text=True, check=True).stdout
    shown = json.loads(subprocess.run([str(BINARY), "config", "show", "up", "--output", "json"], capture_output=True, text=True, check=True, env={}, cwd="/").stdout)
    for name, port in services.items():
        variable = "REST_PORT" if name == "tenant-node" else name.upper().replace("-", "_") + "_PORT"
        assert shown[variable] == {"value": str(port), "origin": "default"}
        if not re.search(rf"^  {name} ", told, re.M):
            assert "not offered by this version" in subprocess.run([str(BINARY), name], capture_output=True, text=True).stderr
            continue
        service = Service(name, variable, tmp_path / name).start()
        try:
            assert service.client().call("GET", "/health")["service"] == name
        finally:
            service.close()


def test_the_example_of_settings_serves_as_it_stands(tmp_path):
    """cp config.env.example config.env; only the port is another, by the environment."""
    (tmp_path / "config.env").write_text((REPOSITORY / "config.env.example").read_text())
    service = Service("tenant-node", "REST_PORT", tmp_path, {"GRPC_PORT": str(free_port())}).start()
    try:
        assert service.client().call("GET", "/health")["tenant_id"] == "default_tenant"
    finally:
        service.close()


@pytest.mark.parametrize("mode", ["rest", "grpc", "both"])
def test_run_modes(mode, tmp_path):
    node = Node(tmp_path, args=[mode])
    node.start(wait=False)
    try:
        if mode != "rest":
            with grpc.insecure_channel(f"127.0.0.1:{node.grpc_port}") as channel:
                grpc.channel_ready_future(channel).result(timeout=60)
        if mode != "grpc":
            node.wait_ready()
            assert node.client().call("GET", "/health")["status"] == "ok"
        else:
            with pytest.raises(OSError):
                node.client().raw("GET", "/health")
    finally:
        node.close()


def test_every_member_of_the_example_is_kept_and_shown(client):
    members = {row.text.partition(":")[0] for row in of_kind("point") if row.section == "Data Source Configuration"}
    assert members <= SOURCE.keys()
    client.add(SOURCE)
    shown = client.call("GET", "/sources/sales_data")
    for name, value in SOURCE.items():
        if name == "schema_definition":
            assert shown[name].keys() == value.keys() and shown[name]["amount"] == "float64"
        elif name == "partition_columns":
            assert "order_date" in json.dumps(shown[name])
        elif name == "index_columns":
            assert all(column in json.dumps(shown[name]) for column in value)
        else:
            assert shown[name] == value, name


def test_the_rooms_include_only_lower_ones():
    done = subprocess.run([sys.executable, str(REPOSITORY / "tools/check_layers.py"), str(REPOSITORY)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
