"""granary up: the services of one machine in one process."""

import json
import os
import re
import subprocess

import pytest

from gateway import KeyClient
from node import BINARY, REPOSITORY, Client, free_port, until
from service import Service
from test_engine_grpc import EngineRpc


@pytest.fixture
def up(tmp_path):
    node_port = free_port()
    service = Service("up", "MONITORING_PORT", tmp_path, {"REST_PORT": str(node_port), "GRPC_PORT": "0", "GRPC_HOST": "127.0.0.1", "CBO_ENGINE_PORT": "0",
                                                          "SCRAPE_INTERVAL_SECONDS": "1"})
    service.node_port = node_port
    service.start().wait_for(lambda _: "Granary is up" in service.log(), "it says where everything is")
    yield service
    service.close()


def test_serves_all_and_stops_in_order(up):
    up.wait_for(lambda client: {one["service"]: one["status"] for one in client.call("GET", "/health/all")["services"]}.get("tenant-node") == "ok",
                "the node is seen")
    node = Client(up.node_port)
    node.add({"source_id": "s"})
    node.write("s", [{"a": 1}])
    assert node.rows(source_id="s") == [{"a": 1}]
    node.close()
    assert up.stop() == 0
    log = up.log()
    assert "Granary is up" in log and f"http://127.0.0.1:{up.node_port}" in log
    up.start()
    assert Client(up.node_port).rows(source_id="s") == [{"a": 1}]


def test_the_gateway_is_one_of_them(up):
    """With the key of the first start, to the node beside it; who does not come through it is answered on this machine alone."""
    port = int(re.search(r"Auth Gateway +http://127.0.0.1:(\d+)", up.log())[1])
    admin = KeyClient(port, re.search(r"gk_\w+", up.log())[0])
    assert admin.call("GET", "/auth/me")["tenant_id"] == "default_tenant"
    admin.add({"source_id": "s"})
    admin.write("s", [{"a": 1}])
    assert admin.rows(source_id="s") == Client(up.node_port).rows(source_id="s") == [{"a": 1}]
    reader = KeyClient(port, admin.call("POST", "/auth/keys", {"scope": [{"verbs": ["read"], "source": "s"}]})["key"])
    assert reader.rows(source_id="s") == [{"a": 1}]
    assert reader.raw("POST", "/data/write", {"source_id": "s", "records": []})[0] == 403
    assert Client(port).raw("GET", "/sources")[0] == 401
    up.wait_for(lambda client: {one["service"]: one["status"] for one in client.call("GET", "/health/all")["services"]}.get("auth-gateway") == "ok",
                "the gateway is seen")


def test_the_operation_node_is_one_of_them(up):
    """It takes over the tenant of the node beside it, and launches nodes for others, which the gateway finds."""
    ports = {name: int(port) for name, port in re.findall(r"(Auth Gateway|Operation Node) +http://127.0.0.1:(\d+)", up.log())}
    fleet = Client(ports["Operation Node"])
    own, = up.wait_for(lambda _: fleet.call("GET", "/tenants")["tenants"], "the tenant of the node is taken over")
    assert own["tenant_id"] == "default_tenant" and own["placement"]["url"] == f"http://127.0.0.1:{up.node_port}" and own["serving"]
    fleet.call("POST", "/tenants", {"tenant_id": "acme"})
    up.wait_for(lambda _: fleet.call("GET", "/tenants/acme")["serving"], "another tenant is served")
    admin = KeyClient(ports["Auth Gateway"], re.search(r"gk_\w+", up.log())[0])
    user = admin.call("POST", "/auth/users", {"username": "boss", "password": "a long password", "roles": ["admin"], "tenant_id": "acme"})
    other = KeyClient(ports["Auth Gateway"], admin.call("POST", "/auth/keys", {"user_id": user["user_id"], "name": "test"})["key"])
    up.wait_for(lambda _: other.raw("GET", "/sources")[0] == 200, "the gateway reaches it")
    other.add({"source_id": "s"})
    other.write("s", [{"a": 1}])
    assert other.rows(source_id="s") == [{"a": 1}] and admin.call("GET", "/sources")["sources"] == []
    up.wait_for(lambda client: {one["service"]: one["status"] for one in client.call("GET", "/health/all")["services"]}.get("operation-node") == "ok",
                "the Operation Node is seen")
    assert up.stop() == 0


def test_the_metadata_catalog_is_one_of_them(up):
    """The node beside it tells it, and so does one that is launched for another tenant."""
    ports = {name: int(port) for name, port in re.findall(r"(Metadata Catalog|Operation Node) +http://127.0.0.1:(\d+)", up.log())}
    catalog, fleet, node = Client(ports["Metadata Catalog"]), Client(ports["Operation Node"]), Client(up.node_port)
    node.add({"source_id": "s"})
    node.write("s", [{"a": 1}])
    node.flush("s")
    told = until(lambda: catalog.call("GET", "/metadata/sources")["sources"], "the node tells of its source")
    assert [(one["tenant_id"], one["source_id"]) for one in told] == [("default_tenant", "s")]
    until(lambda: catalog.call("GET", "/metadata/sources/default_tenant/s/files")["files"], "and of its file")
    fleet.call("POST", "/tenants", {"tenant_id": "acme"})
    until(lambda: {one["tenant_id"] for one in catalog.call("GET", "/metadata/nodes")["nodes"]} == {"acme", "default_tenant"}, "a launched node tells, too")
    up.wait_for(lambda client: {one["service"]: one["status"] for one in client.call("GET", "/health/all")["services"]}.get("metadata-catalog") == "ok",
                "the Metadata Catalog is seen")
    assert up.stop() == 0


def test_the_engine_speaks_grpc_too(up):
    """It knows no more through one door than through the other."""
    port, call_port = re.search(r"CBO Engine +http://127.0.0.1:(\d+)\n +gRPC +127.0.0.1:(\d+)", up.log()).groups()
    rpc = EngineRpc(int(call_port))
    assert rpc.call("SendFeedback", {"node_id": "n", "tenant_id": "t", "records": [{"source_id": "s", "rows": 1, "ns": 1}]}).accepted == 1
    assert Client(int(port)).call("GET", "/stats/execution")["window_records"] >= 1


def test_a_service_that_cannot_start_ends_all_of_it(up, tmp_path):
    port = free_port()
    second = Service("up", "MONITORING_PORT", tmp_path / "second",
                     {"REST_PORT": str(port), "GRPC_PORT": "0", "GRPC_HOST": "127.0.0.1", "CBO_ENGINE_PORT": "0", "MONITORING_PORT": str(up.port)})
    second.start(wait=False)
    assert second.process.wait(timeout=60) == 1
    assert str(up.port) in second.log() and '"msg":"cannot start"' in second.log()
    with pytest.raises(OSError):
        Client(port).raw("GET", "/health")


def test_bad_settings_of_any_service_stop_the_start(tmp_path):
    for name in ("REST_PORT", "SERIES_RETENTION_DAYS"):
        service = Service("up", "MONITORING_PORT", tmp_path, {name: "x"}).start(wait=False)
        assert service.process.wait(timeout=60) == 2 and f"{name} is 'x'" in service.log()


def test_tls_is_refused_since_the_services_ask_each_other_without(tmp_path):
    service = Service("up", "MONITORING_PORT", tmp_path, {"TLS_CERT_FILE": "cert.pem", "TLS_KEY_FILE": "key.pem"}).start(wait=False)
    assert service.process.wait(timeout=60) == 2 and "TLS_CERT_FILE is set" in service.log() and "proxy" in service.log()


def test_the_services_find_each_other_wherever_they_listen(tmp_path):
    """On an address that is not the usual one, and at ports that are known only once they listen."""
    host = "127.0.0.2"
    service = Service("up", "MONITORING_PORT", tmp_path, {"REST_HOST": host, "MONITORING_PORT": "0", "REST_PORT": "0", "GRPC_PORT": "0", "CBO_ENGINE_PORT": "0",
                                                          "GRPC_HOST": host, "SCRAPE_INTERVAL_SECONDS": "1"}).start(wait=False)
    try:
        until(lambda: "Granary is up" in service.log(), "it says where it is")
        ports = {name: int(re.search(rf"{name} +http://{host}:(\d+)", service.log())[1]) for name in ("Operation Node", "Auth Gateway", "Tenant Node", "CBO Engine", "Metadata Catalog", "Monitoring")}
        client = Client(ports["Monitoring"], host=host)
        until(lambda: client.call("GET", "/health/all")["status"] == "ok", "all of them are seen, Monitoring itself among them")
        assert len(client.call("GET", "/health/all")["services"]) == len(ports)
        key = re.search(r"gk_\w+", service.log())[0]
        assert Client(ports["Auth Gateway"], host=host).call("GET", "/sources", headers={"X-API-Key": key}) == {"sources": []}
        assert "the CBO Engine does not answer" not in service.log()
    finally:
        service.close()


def test_one_file_configures_all(tmp_path):
    (tmp_path / "config.env").write_text(f"TENANT_NAME=Shop\nREST_PORT={free_port()}\nGRPC_PORT=0\nSERIES_RETENTION_DAYS=3\n")
    service = Service("up", "MONITORING_PORT", tmp_path, {}).start()
    try:
        service.wait_for(lambda client: json.dumps(client.call("GET", "/health/all")).find('"Shop"') > 0, "the node of that name is seen")
    finally:
        service.close()
    # And each alone.
    alone = Service("monitoring", "MONITORING_PORT", tmp_path, {}).start()
    alone.close()


@pytest.mark.parametrize("settings", [{}, {"OPERATION_NODE_KEY": "a-secret-of-all-services"}, {"GATEWAY_JWKS": "data/auth/jwks.json"}], ids=["bare", "with a key", "gateway alone"])
def test_what_it_says_to_try_works_as_it_stands(tmp_path, settings):
    service = Service("up", "MONITORING_PORT", tmp_path, {"REST_PORT": "0", "GRPC_PORT": "0", "GRPC_HOST": "127.0.0.1", "CBO_ENGINE_PORT": "0", **settings})
    service.start().wait_for(lambda _: "Granary is up" in service.log(), "it says what to try")
    try:
        key = re.search(r"gk_[0-9a-f]{16}_\w{43}", service.log())[0]
        tried = re.search(r"Try:\n((?:  .*\n)+)", service.log())[1]
        page, *lines = [line.strip() for line in tried.splitlines()]
        assert "in a browser" in page and len(lines) == 7
        (tmp_path / "your.csv").write_text("a\n7\n")
        script = "set -e\n" + "\n".join(lines).replace("gk_…", key).replace("curl ", "curl -sf ").replace("granary ", f"{BINARY} ")
        done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env={**os.environ, **settings}, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and done.stdout.splitlines()[-2].strip() == "7", (script, done.stdout, done.stderr)
    finally:
        service.close()


DEMO_KEY = re.compile(r"This key of it is shown once:\n\n    (gk_\w+)")


@pytest.fixture
def demo(tmp_path):
    """Starts granary up with a demo tenant's data; it ends with the test."""
    folder = tmp_path / "tables"
    folder.mkdir()
    service = Service("up", "MONITORING_PORT", tmp_path / "up", {"REST_PORT": "0", "GRPC_PORT": "0", "GRPC_HOST": "127.0.0.1", "DEMO_DATA": str(folder)})
    service.tables = folder
    yield service
    service.close()


def ports_of(service):
    until(lambda: "Granary is up" in service.log(), "it says where it is")
    return {name: int(re.findall(rf"{name} +http://127.0.0.1:(\d+)", service.log())[-1]) for name in ("Auth Gateway", "Operation Node", "Tenant Node")}


def test_a_first_start_makes_a_demo_tenant_of_its_own(demo):
    (demo.tables / "planes.csv").write_text("tailnum,year,seats\nN1,2004,55\nN2,NA,180\n")
    (demo.tables / "airlines.csv").write_text("carrier,name\nUA,United\n")
    (demo.tables / "README.txt").write_text("no table")
    demo.start()
    key = until(lambda: DEMO_KEY.search(demo.log()), "it says that it is there")[1]
    ports = ports_of(demo)
    client = KeyClient(ports["Auth Gateway"], key)
    assert client.call("GET", "/auth/me")["tenant_id"] == "demo"
    assert {one["source_id"] for one in client.call("GET", "/sources")["sources"]} == {"planes", "airlines"}
    assert client.rows(source_id="planes") == [{"tailnum": "N1", "year": 2004, "seats": 55}, {"tailnum": "N2", "year": None, "seats": 180}]
    assert client.call("GET", "/sources/planes/stats")["hot_rows"] == 0, "it lies in Parquet"
    # Nothing of it is in the tenant of the node beside, and its key is no way there.
    admin = KeyClient(ports["Auth Gateway"], re.search(r"gk_\w+", demo.log())[0])
    assert admin.call("GET", "/sources")["sources"] == [] and admin.call("GET", "/auth/me")["tenant_id"] == "default_tenant"
    assert client.raw("GET", "/auth/users?tenant_id=default_tenant")[0] in (403, 404)
    until(lambda: not (demo.data / "demo" / "key").exists(), "its key is kept nowhere")
    client.call("POST", "/data/delete", {"source_id": "airlines", "filters": {}})
    assert demo.stop() == 0
    shown = len(re.findall(r"gk_[0-9a-f]{16}_", demo.log()))
    demo.start()
    fleet = Client(ports_of(demo)["Operation Node"])
    demo.wait_for(lambda _: fleet.call("GET", "/tenants/demo")["serving"], "it is served again")
    client = KeyClient(ports_of(demo)["Auth Gateway"], key)
    demo.wait_for(lambda _: client.raw("GET", "/sources")[0] == 200, "and found")
    assert client.rows(source_id="airlines") == [] and len(client.rows(source_id="planes")) == 2, "whole once, it is left alone"
    assert len(re.findall(r"gk_[0-9a-f]{16}_", demo.log())) == shown


def test_a_demo_tenant_that_is_not_whole_is_gone_on_with(demo):
    (demo.tables / "a.csv").write_text("x\n1\n")
    (demo.tables / "b.csv").write_text("x,y\n1,2\n3\n" + "4,5\n" * 10)
    demo.start().wait_for(lambda _: "the demo tenant is not whole" in demo.log(), "it says so")
    assert DEMO_KEY.search(demo.log()) is None
    kept = demo.data / "demo" / "key"
    assert kept.stat().st_mode & 0o777 == 0o600
    # All else is as well as without it.
    assert Client(ports_of(demo)["Tenant Node"]).raw("GET", "/health")[0] == 200
    assert demo.stop() == 0
    (demo.tables / "b.csv").write_text("x,y\n1,2\n")
    demo.start()
    key = until(lambda: DEMO_KEY.search(demo.log()), "it is whole now")[1]
    client = KeyClient(ports_of(demo)["Auth Gateway"], key)
    assert client.rows(source_id="a") == [{"x": 1}] and client.rows(source_id="b") == [{"x": 1, "y": 2}]
    until(lambda: not kept.exists(), "its key is kept no more")


def test_without_data_there_is_no_demo_tenant(demo, up):
    demo.start().wait_for(lambda _: "has no CSV file" in demo.log(), "it says so")
    assert Client(ports_of(demo)["Operation Node"]).raw("GET", "/tenants/demo")[0] == 404
    assert "There is no demo tenant: DEMO_DATA" in up.log() and "There is no demo tenant" not in demo.log()


def test_dev_run_shows_what_it_can_do(tmp_path):
    """./dev run on real data, as its reader sees it."""
    if BINARY != REPOSITORY / "build/release/granary":
        pytest.skip("another program than ./dev run's is under test")
    names = ("REST_PORT", "AUTH_GATEWAY_PORT", "OPERATION_NODE_PORT", "CBO_ENGINE_PORT", "METADATA_CATALOG_PORT", "MONITORING_PORT", "GRPC_PORT", "CBO_ENGINE_GRPC_PORT")
    environment = {**os.environ, "DATA_PATH": str(tmp_path / "data"), **{name: str(free_port()) for name in names}}
    seen = []
    for _ in range(2):
        done = subprocess.run(["bash", str(REPOSITORY / "tools/run.sh"), "--once"], env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        seen.append(done.stdout)
    first, second = seen
    for text in seen:
        assert "flights: 336776 rows" in text and '"total_orders":1' in text and "EWR -> CAE" in text
    assert len(re.findall(r"gk_[0-9a-f]{16}_[0-9A-Za-z]{43}", first)) == 2 and "gk_" not in second
    assert '{"carrier":' in first, "the demo tenant is asked through the gateway"
    assert '"username":"admin"' in first and "401 UNAUTHENTICATED" in first
    assert "tenant-node: ok" in second and "down" not in second
