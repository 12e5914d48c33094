"""The Auth Gateway before the Operation Node: tenants are found where they are placed, whatever becomes of who knows it."""

import concurrent.futures
import os
import signal
import time

import pytest

from fleet import PATIENT, beat, fleet_gateway, node_of, operation, refused, serving
from gateway import Gateway
from node import free_port
from service import Service


def test_the_gateway_finds_tenants_where_the_operation_node_placed_them(operation, tmp_path):
    gateway_port = free_port()
    service = operation(GATEWAY_JWKS=f"http://127.0.0.1:{gateway_port}/auth/jwks.json")
    gateway = Gateway(tmp_path / "gateway", {"TENANT_ID": "acme", "OPERATION_NODE_URL": f"http://127.0.0.1:{service.port}", "PLACEMENT_CACHE_SECONDS": "1",
                                             "AUTH_GATEWAY_PORT": str(gateway_port)})
    gateway.port = gateway_port
    gateway.start()
    try:
        for tenant in ("acme", "globex"):
            service.client().call("POST", "/tenants", {"tenant_id": tenant})
        admins = {"acme": gateway.caller(), "globex": gateway.caller(gateway.key(gateway.user("boss", ["admin"], "globex")["user_id"]))}

        def answered(admin):
            return lambda _: admin.raw("GET", "/sources")[0] == 200

        for tenant, admin in admins.items():
            serving(service, tenant)
            gateway.wait_for(answered(admin), f"the gateway reaches {tenant}")
            admin.add({"source_id": "s"})
            admin.write("s", [{"who": tenant}])
        for tenant, admin in admins.items():
            assert admin.rows(source_id="s") == [{"who": tenant}]
        # Nobody comes around the gateway.
        assert node_of(service.client().call("GET", "/tenants/acme")).raw("GET", "/sources")[0] == 401
        # A suspended tenant is refused, and comes back.
        service.client().call("POST", "/tenants/globex/suspend")
        gateway.wait_for(lambda _: admins["globex"].raw("GET", "/sources")[0] == 403, "it is refused")
        assert admins["acme"].rows(source_id="s") == [{"who": "acme"}]
        service.client().call("POST", "/tenants/globex/resume")
        gateway.wait_for(lambda _: admins["globex"].raw("GET", "/sources")[0] == 200, "it is served again")
        assert admins["globex"].rows(source_id="s") == [{"who": "globex"}]
    finally:
        gateway.close()


def test_the_gateway_goes_on_with_the_last_placements(operation, start_node, tmp_path):
    gateway_port = free_port()
    service = operation()
    node = start_node({"OPERATION_NODE_URL": f"http://127.0.0.1:{service.port}", "HEARTBEAT_SECONDS": "1", "TENANT_ID": "globex",
                       "GATEWAY_JWKS": f"http://127.0.0.1:{gateway_port}/auth/jwks.json"})
    gateway = Gateway(tmp_path / "gateway", {"OPERATION_NODE_URL": f"http://127.0.0.1:{service.port}", "PLACEMENT_CACHE_SECONDS": "1"})
    gateway.port = gateway_port
    gateway.start()
    try:
        service.wait_for(lambda one: one.call("GET", "/nodes")["nodes"], "it registered")
        service.client().call("POST", "/tenants", {"tenant_id": "globex"})
        admin = gateway.caller(gateway.key(gateway.user("boss", ["admin"], "globex")["user_id"]))
        gateway.wait_for(lambda _: admin.raw("GET", "/sources")[0] == 200, "the gateway reaches it")
        admin.add({"source_id": "s"})
        service.kill()
        deadline = time.monotonic() + 60
        while "its last placements serve" not in gateway.log():
            assert admin.rows(source_id="s") == []
            assert time.monotonic() < deadline
        gateway.restart()
        admin = gateway.caller(admin.credential)
        assert admin.rows(source_id="s") == []
        admin.write("s", [{"a": 1}])
        assert admin.rows(source_id="s") == [{"a": 1}]
    finally:
        gateway.close()


def test_an_operation_node_that_is_hung_stalls_no_request_of_the_gateway(operation, start_node, fleet_gateway):
    service = operation(MAX_LAUNCHED_NODES="0", **PATIENT)
    gateway = fleet_gateway(f"http://127.0.0.1:{service.port}", TENANT_ID="known", HANDLER_THREADS="4")
    node = start_node({"TENANT_ID": "known", "GATEWAY_JWKS": f"http://127.0.0.1:{gateway.port}/auth/jwks.json"})
    beat(service.client(), "n", url=f"http://127.0.0.1:{node.port}", tenants=["known"])
    service.client().call("POST", "/tenants", {"tenant_id": "known"})
    known = gateway.caller()
    gateway.wait_for(lambda _: known.raw("GET", "/sources")[0] == 200, "the gateway reaches it")
    for i in range(20):
        service.client().call("POST", "/tenants", {"tenant_id": f"t{i}"})
    others = [gateway.caller(gateway.key(gateway.user("boss", ["admin"], f"t{i}")["user_id"])) for i in range(20)]
    os.kill(service.process.pid, signal.SIGSTOP)
    try:
        with concurrent.futures.ThreadPoolExecutor(len(others)) as pool:
            asked = [pool.submit(other.raw, "GET", "/sources") for other in others]
            answers = [one.result()[0] for one in asked]
        begun = time.monotonic()
        assert set(answers) == {503}
        # Twenty questions of two seconds each would be forty; one was asked, and now nobody waits for another.
        for other in others:
            assert other.raw("GET", "/sources")[0] == 503
            assert known.raw("GET", "/sources")[0] == 200
        assert time.monotonic() - begun < 10
        begun = time.monotonic()
        assert gateway.stop() == 0
        assert time.monotonic() - begun < 10
    finally:
        os.kill(service.process.pid, signal.SIGCONT)


def test_who_is_suspended_is_so_for_a_gateway_that_restarts_with_nobody_to_ask(operation, start_node, fleet_gateway):
    service = operation(MAX_LAUNCHED_NODES="0", **PATIENT)
    gateway_port = free_port()
    node = start_node({"TENANT_ID": "acme", "GATEWAY_JWKS": f"http://127.0.0.1:{gateway_port}/auth/jwks.json"})
    gateway = fleet_gateway(f"http://127.0.0.1:{service.port}", TENANT_ID="acme", TENANT_NODE_URL=f"http://127.0.0.1:{node.port}", port=gateway_port)
    admin = gateway.caller()
    assert admin.raw("GET", "/sources")[0] == 200  # Nobody knows the tenant, and TENANT_NODE_URL serves.
    beat(service.client(), "n", url=f"http://127.0.0.1:{node.port}", tenants=["acme"])
    service.client().call("POST", "/tenants", {"tenant_id": "acme"})
    service.client().call("POST", "/tenants/acme/suspend")
    gateway.wait_for(lambda _: admin.raw("GET", "/sources")[0] == 403, "it is refused")
    service.kill()
    gateway.restart()
    assert gateway.caller(admin.credential).raw("GET", "/sources")[0] == 403


def test_another_service_in_the_place_of_the_operation_node_makes_no_tenant_unknown(operation, start_node, fleet_gateway):
    service = operation(MAX_LAUNCHED_NODES="0", **PATIENT)
    gateway = fleet_gateway(f"http://127.0.0.1:{service.port}", TENANT_ID="own")
    node = start_node({"TENANT_ID": "acme", "GATEWAY_JWKS": f"http://127.0.0.1:{gateway.port}/auth/jwks.json"})
    beat(service.client(), "n", url=f"http://127.0.0.1:{node.port}", tenants=["acme"])
    service.client().call("POST", "/tenants", {"tenant_id": "acme"})
    admin = gateway.caller(gateway.key(gateway.user("boss", ["admin"], "acme")["user_id"]))
    gateway.wait_for(lambda _: admin.raw("GET", "/sources")[0] == 200, "the gateway reaches it")
    service.stop()
    other = Service("cbo-engine", "CBO_ENGINE_PORT", service.folder / "other", {"CBO_ENGINE_PORT": str(service.port)})
    other.port = service.port
    other.start()
    try:
        gateway.wait_for(lambda _: admin.raw("GET", "/sources")[0] == 200 and "there is no Operation Node but 'cbo-engine'" in gateway.log(), "it says so")
        assert admin.raw("GET", "/sources")[0] == 200
        gateway.restart()
        assert gateway.caller(admin.credential).raw("GET", "/sources")[0] == 200
    finally:
        other.stop()


@pytest.mark.parametrize("knows_gateway", [True, False], ids=["with_gateway_jwks", "without"])
def test_a_gateway_that_asks_another_tenants_node_gets_nothing(operation, tmp_path, knows_gateway):
    """As with a port that was given to another tenant's node since the gateway heard of it."""
    port = free_port()
    service = operation(**({"GATEWAY_JWKS": f"http://127.0.0.1:{port}/auth/jwks.json"} if knows_gateway else {}))
    service.client().call("POST", "/tenants", {"tenant_id": "globex"})
    url = serving(service, "globex")["placement"]["url"]
    gateway = Gateway(tmp_path / "gateway", {"TENANT_ID": "acme", "AUTH_GATEWAY_PORT": str(port), "TENANT_NODE_URLS": f"acme={url},globex={url}"})
    gateway.port = port
    gateway.start()
    try:
        admin, other = gateway.caller(), gateway.caller(gateway.key(gateway.user("boss", ["admin"], "globex")["user_id"]))
        assert other.raw("POST", "/sources/add", {"source_id": "s"})[0] == (201 if knows_gateway else 502)
        for method, path, body in (("GET", "/sources", None), ("POST", "/sources/add", {"source_id": "t"}), ("GET", "/tenant/stats", None),
                                   ("POST", "/data/write", {"source_id": "s", "records": [{"fields": {"a": 1}}]}), ("DELETE", "/sources/s", None)):
            problem = refused(admin, method, path, body)
            assert problem["status"] == 502 and "carried nothing out" in problem["detail"], problem
        if knows_gateway:
            assert other.rows(source_id="s") == [] and [one["source_id"] for one in other.call("GET", "/sources")["sources"]] == ["s"]
    finally:
        gateway.close()
