"""A service at another one's address is not taken for it."""

import json

import pytest

from gateway import Gateway
from node import until
from service import Service


@pytest.fixture
def catalog(tmp_path):
    service = Service("metadata-catalog", "METADATA_CATALOG_PORT", tmp_path / "catalog").start()
    yield service
    service.close()


def test_every_answer_says_who_answers(catalog):
    client = catalog.client()
    for method, target in (("GET", "/health"), ("GET", "/metadata/nodes"), ("GET", "/nothing"), ("DELETE", "/health")):
        assert client.raw(method, target)[1]["granary-service"] == "metadata-catalog", target


def test_the_gateway_gives_no_other_services_answer_for_a_nodes(catalog, tmp_path):
    gateway = Gateway(tmp_path / "gateway", {"TENANT_NODE_URL": f"http://127.0.0.1:{catalog.port}"}).start()
    try:
        for method, target, body in (("GET", "/sources", None), ("POST", "/data/search", {})):
            status, headers, content = gateway.caller().raw(method, target, body)
            assert status == 502 and "is none" in json.loads(content)["detail"], content
            assert headers["granary-service"] == "auth-gateway"
        assert "what answers there is no Tenant Node but 'metadata-catalog'" in gateway.log()
    finally:
        gateway.close()


def test_monitoring_says_which_service_answers_in_the_place_of_one(catalog, tmp_path):
    url = f"http://127.0.0.1:{catalog.port}"
    service = Service("monitoring", "MONITORING_PORT", tmp_path / "monitoring",
                      {"MONITORING_TARGETS": f"tenant-node={url},metadata-catalog={url},mine={url}", "SCRAPE_INTERVAL_SECONDS": "1"}).start()
    try:
        seen = service.wait_for(lambda one: {each["service"]: each for each in one.call("GET", "/health/all")["services"] if each["checked"]}, "it looked")
        assert seen["tenant-node"]["status"] == "not ready" and "'metadata-catalog' answers there" in seen["tenant-node"]["error"]
        assert seen["metadata-catalog"]["status"] == "ok" and seen["mine"]["status"] == "ok", "a name of one's own says nothing"
    finally:
        service.close()


def test_a_node_tells_no_other_service_what_queries_cost(catalog, start_node):
    node = start_node({"CBO_ENGINE_URL": f"http://127.0.0.1:{catalog.port}"})
    until(lambda: "what answers there is no CBO Engine but metadata-catalog" in node.log(), "it says so")


def test_a_key_is_never_passed_over(catalog, start_node, tmp_path):
    """Whoever mistakes the port is told where the key belongs, and not given what is everybody's."""
    node = start_node()
    cbo = Service("cbo-engine", "CBO_ENGINE_PORT", tmp_path / "cbo").start()
    operation = Service("operation-node", "OPERATION_NODE_PORT", tmp_path / "operation").start()
    try:
        for service, target in ((node, "/sources"), (cbo, "/models"), (operation, "/tenants"), (catalog, "/metadata/sources")):
            client = service.client()
            assert client.raw("GET", target)[0] == 200
            for headers in ({"X-API-Key": "gk_0123456789abcdef_x"}, {"Authorization": "Bearer gk_0123456789abcdef_x"}, {"Authorization": "Basic eDp5"}):
                status, _, content = client.raw("GET", target, headers=headers)
                assert status == 401, (target, headers, content)
                assert client.raw("GET", "/health", headers=headers)[0] == 200
        assert "send the request to the Auth Gateway" in json.loads(node.client().raw("GET", "/sources", headers={"X-API-Key": "x"})[2])["detail"]
    finally:
        cbo.close()
        operation.stop()
