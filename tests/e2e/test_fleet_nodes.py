"""Nodes that run on their own and tell the Operation Node of themselves: who is heard, who is placed where."""

import json
import socket
import time

import pytest

from fleet import KEY, PATIENT, beat, operation, refused
from node import Refused


def test_a_node_registers_and_is_seen_to_die(operation, start_node):
    service = operation()
    node = start_node({"OPERATION_NODE_URL": f"http://127.0.0.1:{service.port}", "HEARTBEAT_SECONDS": "1", "TENANT_ID": "acme"})
    client = service.client()
    seen, = service.wait_for(lambda one: one.call("GET", "/nodes")["nodes"], "it registered")
    assert seen["state"] == "alive" and seen["url"] == f"http://127.0.0.1:{node.port}" and seen["tenants"] == ["acme"]
    assert seen["capacity"] == 1 and seen["launched_by"] is None and seen["load"]["workers"] >= 1
    # Who has the tenant serves it: none is launched.
    tenant = client.call("POST", "/tenants", {"tenant_id": "acme"})
    assert tenant["placement"]["node_id"] == seen["node_id"] and tenant["placement"]["reason"] == "it has the tenant already" and tenant["serving"]
    node.kill()
    state = lambda wanted: lambda one: one.call("GET", f"/nodes/{seen['node_id']}")["state"] == wanted
    service.wait_for(state("suspect"), "it is suspected")
    service.wait_for(state("dead"), "it is taken for dead")
    assert client.call("GET", "/tenants/acme")["serving"] is False
    service.wait_for(lambda _: '"to":"dead"' in service.log(), "the log says so")
    assert refused(client, "DELETE", f"/nodes/{seen['node_id']}")["status"] == 409
    # Under the same name, since its folder is the same.
    node.start()
    service.wait_for(state("alive"), "it is back")
    client.call("DELETE", "/tenants/acme")
    assert refused(client, "DELETE", f"/nodes/{seen['node_id']}")["status"] == 409  # It lives.
    node.kill()
    service.wait_for(state("suspect"), "it is silent")
    assert client.raw("DELETE", f"/nodes/{seen['node_id']}")[0] == 204
    assert client.call("GET", "/nodes")["nodes"] == []


def test_a_dead_operation_node_costs_a_node_nothing(operation, start_node):
    service = operation()
    node = start_node({"OPERATION_NODE_URL": f"http://127.0.0.1:{service.port}", "HEARTBEAT_SECONDS": "1"})
    service.wait_for(lambda one: one.call("GET", "/nodes")["nodes"], "it registered")
    service.kill()
    client = node.client()
    client.add({"source_id": "s"})
    client.write("s", [{"a": 1}])
    deadline = time.monotonic() + 60
    while "does not hear this node" not in node.log():
        assert client.rows(source_id="s") == [{"a": 1}]
        assert time.monotonic() < deadline
    assert node.log().count("does not hear this node") == 1
    service.start()
    service.wait_for(lambda one: one.call("GET", "/nodes")["nodes"][0]["state"] == "alive", "it is heard again")
    assert node.stop() == 0


def test_an_operation_node_that_takes_and_never_answers_costs_nothing(start_node):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        node = start_node({"OPERATION_NODE_URL": f"http://127.0.0.1:{listener.getsockname()[1]}", "HEARTBEAT_SECONDS": "1"})
        client = node.client()
        client.add({"source_id": "s"})
        begun = time.monotonic()
        for i in range(200):
            client.write("s", [{"a": i}])
            assert client.search(source_id="s", limit=1)["count"] == 1
        assert time.monotonic() - begun < 30
        assert node.stop() == 0


def test_many_tenants_on_one_node_the_emptiest_first(operation):
    service = operation(MAX_LAUNCHED_NODES="0", **PATIENT)
    client = service.client()
    beat(client, "small", capacity=1)
    beat(client, "large", capacity=3)
    placed = {}
    for i in range(5):
        tenant = client.call("POST", "/tenants", {"tenant_id": f"t{i}"})
        placed[f"t{i}"] = tenant["placement"] and tenant["placement"]["node_id"]
    assert sorted(filter(None, placed.values())) == ["large", "large", "large", "small"] and placed["t4"] is None
    assert placed["t0"] == "large" and placed["t1"] == "small"  # By name, then the emptiest.
    assert beat(client, "large", capacity=3)["tenants"] == sorted(t for t, node in placed.items() if node == "large")
    # Room comes, and whoever waited is placed.
    beat(client, "new", capacity=1)
    assert service.wait_for(lambda one: one.call("GET", "/tenants/t4")["placement"], "t4 is placed")["node_id"] == "new"


def test_what_a_node_serves_beside_what_was_placed_there_takes_room(operation):
    service = operation(MAX_LAUNCHED_NODES="0", **PATIENT)
    client = service.client()
    beat(client, "n", tenants=["x"], capacity=3)
    for tenant in ("a", "b"):
        assert client.call("POST", "/tenants", {"tenant_id": tenant})["placement"]["node_id"] == "n"
    assert client.call("POST", "/tenants", {"tenant_id": "c"})["placement"] is None
    assert client.call("POST", "/tenants", {"tenant_id": "x"})["placement"]["node_id"] == "n"  # Which it has.


def test_of_many_who_wait_one_whom_a_node_has_is_placed(operation):
    service = operation(MAX_LAUNCHED_NODES="0", **PATIENT)
    client = service.client()
    for i in range(102):
        client.call("POST", "/tenants", {"tenant_id": f"t{i:03}"})
    beat(client, "n", tenants=["t101"])
    placed = service.wait_for(lambda one: one.call("GET", "/tenants/t101")["placement"], "it is placed")
    assert placed["node_id"] == "n"
    assert client.call("GET", "/tenants/t000")["placement"] is None


def test_draining(operation):
    service = operation(MAX_LAUNCHED_NODES="0", **PATIENT)
    client = service.client()
    for node in ("a", "b"):
        beat(client, node, capacity=9)
    assert client.call("POST", "/nodes/a/drain")["draining"] is True
    assert client.call("POST", "/tenants", {"tenant_id": "s"})["placement"]["node_id"] == "b"  # The other one is emptier by nothing but that.
    assert client.call("POST", "/nodes/b/drain")["draining"] is True
    assert client.call("POST", "/tenants", {"tenant_id": "t"})["placement"] is None
    assert [one["state"] for one in client.call("GET", "/nodes")["nodes"]] == ["alive", "alive"]
    assert client.call("POST", "/nodes/a/resume")["draining"] is False
    assert service.wait_for(lambda one: one.call("GET", "/tenants/t")["placement"], "it is placed")["node_id"] == "a"


def test_nobody_speaks_for_another_node(operation):
    service = operation()
    client = service.client()
    beat(client, "n1", url="http://127.0.0.1:9", tenants=["acme"])
    client.call("POST", "/tenants", {"tenant_id": "acme"})
    with pytest.raises(Refused) as spoofed:
        beat(client, "n1", url="http://127.0.0.1:10", tenants=["acme"], key="the key of somebody else")
    assert spoofed.value.status == 403 and spoofed.value.code == "PERMISSION_DENIED"
    assert client.call("GET", "/tenants/acme/placement")["placement"]["url"] == "http://127.0.0.1:9"
    # Nor for one that was launched and has not spoken yet.
    node = client.call("POST", "/tenants", {"tenant_id": "globex"})["placement"]["node_id"]
    with pytest.raises(Refused) as spoofed:
        beat(client, node, tenants=["globex"])
    assert spoofed.value.status == 403
    # Another one that says it has the tenant changes nothing either.
    beat(client, "n2", url="http://127.0.0.1:11", tenants=["acme"])
    assert client.call("GET", "/tenants/acme/placement")["placement"]["node_id"] == "n1"
    content = json.dumps([client.call("GET", "/nodes"), client.call("GET", "/tenants")])
    assert KEY not in content and "digest" not in content
