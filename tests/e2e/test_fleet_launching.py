"""Nodes that the Operation Node launches: processes that it starts, starts again and ends, and where they are reached."""

import hashlib
import json
import os
import pathlib
import signal
import socket
import time

import pytest

from fleet import KEY, beat, gone, node_of, operation, own_address, processes_of, refused, serving, told, wait_ready, wait_ready_at
from gateway import Gateway
from node import Client, free_port, until


def test_a_node_that_is_killed_is_started_again(operation):
    service = operation()
    service.client().call("POST", "/tenants", {"tenant_id": "acme"})
    tenant = serving(service, "acme")
    first, = processes_of(service)
    os.kill(first, signal.SIGKILL)
    service.wait_for(lambda _: processes_of(service) not in (set(), {first}), "another process runs")

    def is_back(client):
        now = client.call("GET", f"/nodes/{tenant['placement']['node_id']}")
        return now["process"]["starts"] == 2 and now["url"] != tenant["placement"]["url"] and now

    process = service.wait_for(is_back, "it says where it is now")["process"]
    assert process["runs"] and process["last_exit"] == "signal 9 (Killed)" and process["failures"] == 1
    assert '"msg":"a launched node ended by itself"' in service.log()


def test_a_node_that_cannot_start_is_tried_again_later_and_later(operation, tmp_path):
    bad = tmp_path / "bad.env"
    bad.write_text("WAL_LANES=many\n")
    service = operation(LAUNCH_CONFIG_FILE=str(bad))
    client = service.client()
    node = client.call("POST", "/tenants", {"tenant_id": "acme"})["placement"]["node_id"]
    process = service.wait_for(lambda one: (one.call("GET", f"/nodes/{node}")["process"] or {}).get("failures", 0) >= 2 and
                               one.call("GET", f"/nodes/{node}")["process"], "it has failed twice")
    assert process["last_exit"] == "exit code 2"
    assert "WAL_LANES is 'many'" in service.log()
    tenant = client.call("GET", "/tenants/acme")
    assert tenant["serving"] is False and "ended by itself" in tenant["reason"] and "exit code 2" in tenant["reason"]
    bad.write_text("WAL_LANES=1\n")
    assert serving(service, "acme")["reason"] is None


def test_its_nodes_end_with_it_however_it_ends(operation):
    service = operation()
    for tenant in ("a", "b"):
        service.client().call("POST", "/tenants", {"tenant_id": tenant})
    for tenant in ("a", "b"):
        serving(service, tenant)
    children = processes_of(service)
    assert len(children) == 2
    service.kill()
    deadline = time.monotonic() + 60
    while any(pathlib.Path(f"/proc/{child}").exists() and "granary" in pathlib.Path(f"/proc/{child}/cmdline").read_text() for child in children):
        assert time.monotonic() < deadline, "a node outlived its Operation Node"
        time.sleep(0.05)  # Between two looks; nothing depends on its length.
    service.start()
    serving(service, "a")
    children = processes_of(service)
    assert service.stop() == 0
    assert not any(pathlib.Path(f"/proc/{child}").exists() for child in children)


def test_a_request_that_runs_on_a_launched_node_when_it_stops_is_answered(operation):
    service = operation()
    service.client().call("POST", "/tenants", {"tenant_id": "acme"})
    node = node_of(serving(service, "acme"))
    wait_ready(node)
    node.add({"source_id": "a"})
    body = json.dumps({"source_id": "a", "records": [{"fields": {"n": 1}}]}).encode()
    with socket.create_connection(("127.0.0.1", node.connection.port)) as slow:
        slow.sendall(b"POST /data/write HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:-1])
        until(lambda: node.metric("granary_http_connections") >= 2, "it is there")
        service.process.send_signal(signal.SIGTERM)
        until(lambda: told(service, "stopping") == 2, "both stop")
        slow.sendall(body[-1:])
        assert slow.recv(1 << 16).startswith(b"HTTP/1.1 200")
    assert service.process.wait(timeout=60) == 0
    service.process = None
    service.start()
    node = node_of(serving(service, "acme"))
    wait_ready(node)
    assert node.rows(source_id="a") == [{"n": 1}]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_its_nodes_stop_in_order_however_it_ends(operation, end):
    service = operation()
    tenants = ("a", "b", "c")
    for tenant in tenants:
        service.client().call("POST", "/tenants", {"tenant_id": tenant})
    for tenant in tenants:
        wait_ready(node_of(serving(service, tenant)))
    children = processes_of(service)
    getattr(service, end)()
    until(lambda: not any(pathlib.Path(f"/proc/{child}/exe").exists() for child in children), "its nodes have ended")
    own = 1 if end == "stop" else 0
    assert told(service, "stopping") == told(service, "stopped") == len(tenants) + own, service.log()[-3000:]


def test_a_tenant_cannot_keep_its_node_from_starting(operation):
    service = operation()
    service.client().call("POST", "/tenants", {"tenant_id": "acme"})
    node = node_of(serving(service, "acme"))
    wait_ready(node)
    node.add({"source_id": "a", "data_path": "config.env"})  # Below the folder where the node starts.
    node.write("a", [{"n": 1}])
    service.restart()
    serving(service, "acme")
    wait_ready_at(service, "acme", lambda one: one.rows(source_id="a") == [{"n": 1}])


def test_a_parent_that_ignores_its_childrens_ends_hides_none(operation):
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # Which whatever is started now inherits.
    try:
        service = operation(wait=False)
    finally:
        signal.signal(signal.SIGCHLD, before)
    service.wait_for(lambda one: one.raw("GET", "/health")[0] == 200, "it is ready")
    service.client().call("POST", "/tenants", {"tenant_id": "acme"})
    serving(service, "acme")
    (child,) = processes_of(service)
    os.kill(child, signal.SIGKILL)
    service.wait_for(lambda one: one.call("GET", "/nodes")["nodes"][0]["process"]["starts"] == 2, "it is started again")
    serving(service, "acme")


def test_no_more_nodes_are_launched_than_may_be_and_the_rest_waits(operation):
    service = operation(MAX_LAUNCHED_NODES="1")
    client = service.client()
    assert client.call("POST", "/tenants", {"tenant_id": "a"})["placement"]
    assert client.call("POST", "/tenants", {"tenant_id": "b"})["placement"] is None
    scaling = client.call("GET", "/scaling")
    assert scaling["inputs"]["waiting_tenants"] == 1 and scaling["step"] == "grow" and "1 tenants wait" in scaling["reason"]
    # Whoever waits gets the first place that comes free.
    client.call("POST", "/tenants/a/suspend")
    service.wait_for(lambda one: one.call("GET", "/tenants/b")["placement"], "b is placed")
    assert refused(client, "POST", "/tenants/a/resume")["status"] == 429
    serving(service, "b")


def test_nobody_takes_a_future_tenant_by_the_id_of_the_node_that_would_be_launched(operation):
    service = operation()
    client = service.client()
    client.call("POST", "/tenants", {"tenant_id": "acme"})
    own = serving(service, "acme")["placement"]["launched_by"]
    taken = "node-" + hashlib.sha256(f"{own}/bank".encode()).hexdigest()[:16]
    assert "node-" + hashlib.sha256(f"{own}/acme".encode()).hexdigest()[:16] == client.call("GET", "/tenants/acme")["placement"]["node_id"]
    beat(client, taken, capacity=0)
    problem = refused(client, "POST", "/tenants", {"tenant_id": "bank"})
    assert problem["status"] == 409 and taken in problem["detail"]
    assert gone(client, "bank")
    service.wait_for(lambda one: one.raw("DELETE", f"/nodes/{taken}")[0] == 204, "it has fallen silent and is removed")
    client.call("POST", "/tenants", {"tenant_id": "bank"})
    serving(service, "bank")
    assert refused(client, "PUT", f"/nodes/{taken}", {"key": KEY, "url": "http://127.0.0.1:9"})["status"] == 403


def test_launched_nodes_are_reached_from_other_machines_at_their_address(operation, tmp_path, own_address):
    """LAUNCH_HOST, and a gateway that asks and sends from another address than loopback."""
    secret, port = "0123456789abcdef-secret", free_port()
    service = operation(OPERATION_NODE_KEY=secret, REST_HOST="0.0.0.0", LAUNCH_HOST=own_address, GATEWAY_JWKS=f"http://127.0.0.1:{port}/auth/jwks.json")
    gateway = Gateway(tmp_path / "gateway", {"TENANT_ID": "acme", "OPERATION_NODE_URL": f"http://{own_address}:{service.port}", "OPERATION_NODE_KEY": secret,
                                             "AUTH_GATEWAY_PORT": str(port)})
    gateway.port = port
    gateway.start()
    try:
        service.client().call("POST", "/tenants", {"tenant_id": "acme"})
        url = serving(service, "acme")["placement"]["url"]
        assert url.startswith(f"http://{own_address}:")
        shown = {"Authorization": f"Bearer {secret}"}
        assert Client(service.port, host=own_address).call("GET", "/tenants/acme/placement", headers=shown)["placement"]["url"] == url
        admin = gateway.caller()
        gateway.wait_for(lambda _: admin.raw("GET", "/sources")[0] == 200, "the gateway reaches it")
        admin.add({"source_id": "s"})
        admin.write("s", [{"a": 1}])
        assert admin.rows(source_id="s") == [{"a": 1}]
        assert Client(int(url.rsplit(":", 1)[1]), host=own_address).raw("GET", "/sources")[0] == 401
    finally:
        gateway.close()
