"""The Operation Node: the life of tenants, nodes that come and go, the processes that it launches, and a store that goes away."""

import concurrent.futures
import fcntl
import hashlib
import itertools
import json
import os
import pathlib
import re
import signal
import socket
import sqlite3
import string
import threading
import time

import pytest

from document_fuzz import fuzz
from gateway import Gateway, KeyClient
from node import REPOSITORY, Client, Node, Refused, free_port, until
from service import Service
from stores import ClickHouse, Holder, Postgres

QUICK = {"HEARTBEAT_SECONDS": "1", "NODE_SUSPECT_SECONDS": "2", "NODE_DEAD_SECONDS": "3", "SCALING_INTERVAL_SECONDS": "1"}
PATIENT = {"NODE_SUSPECT_SECONDS": "60", "NODE_DEAD_SECONDS": "120"}  # Where silence is not the subject.
KEY = "a key of a node of a test"


@pytest.fixture
def operation(tmp_path):
    """Starts an Operation Node; it ends with the test, and its nodes with it."""
    started = []

    def start(name="operation", wait=True, **env):
        service = Service("operation-node", "OPERATION_NODE_PORT", tmp_path / name, {**QUICK, **env})
        started.append(service)
        return service.start(wait)

    yield start
    for service in started:
        if service.process is not None:
            service.stop()


@pytest.fixture(params=["sqlite", "postgresql", "clickhouse"])
def stored(request, tmp_path):
    """The settings of each store, and its server, if it has one."""
    if request.param == "sqlite":
        yield {}, None
        return
    server = {"postgresql": Postgres, "clickhouse": ClickHouse}[request.param](tmp_path / "server").start()
    yield server.settings(), server
    server.kill()


@pytest.fixture
def postgres(tmp_path):
    server = Postgres(tmp_path / "server").start()
    yield server
    server.kill()


def beat(client, node, url="http://127.0.0.1:9", tenants=(), capacity=1, key=KEY, **load):
    return client.call("PUT", f"/nodes/{node}", {"key": key, "url": url, "tenants": list(tenants), "capacity": capacity, "load": load})


def refused(client, method, target, body=None, headers=None):
    status, _, content = client.raw(method, target, body, headers)
    problem = json.loads(content)
    assert status >= 400 and problem["status"] == status, (status, content)
    return problem


def serving(service, tenant):
    return service.wait_for(lambda client: (client.call("GET", f"/tenants/{tenant}") or {}).get("serving") and
                            client.call("GET", f"/tenants/{tenant}"), f"{tenant} is served")


def node_of(tenant):
    return Client(int(tenant["placement"]["url"].rsplit(":", 1)[1]))


def processes_of(service):
    """The children of its process."""
    task = pathlib.Path(f"/proc/{service.process.pid}/task")
    return {int(child) for one in task.iterdir() for child in (one / "children").read_text().split()}


def gone(client, tenant):
    return client.raw("GET", f"/tenants/{tenant}")[0] == 404


# ---- the life of a tenant

def test_a_tenant_lives_in_a_process_of_its_own(operation, stored):
    settings, _ = stored
    service = operation(**settings)
    client = service.client()
    created = client.call("POST", "/tenants", {"tenant_id": "acme", "name": "Acme", "quota": {"sources": 2}})
    assert created["state"] == "active" and created["placement"]["node_state"] == "starting" and not created["serving"]
    assert client.raw("POST", "/tenants", {"tenant_id": "acme", "name": "Acme", "quota": {"sources": 2}})[0] == 200
    assert refused(client, "POST", "/tenants", {"tenant_id": "acme", "name": "Other"})["code"] == "CONFLICT"
    tenant = serving(service, "acme")
    assert tenant["placement"]["launched_by"] and tenant["placement"]["reason"] == "there is no other node"
    node = node_of(tenant)
    assert node.call("GET", "/tenant/stats")["tenant_id"] == "acme" and node.call("GET", "/tenant/stats")["tenant_name"] == "Acme"
    for source in ("a", "b"):
        node.add({"source_id": source})
    node.write("a", [{"n": 1}])
    assert refused(node, "POST", "/sources/add", {"source_id": "c"})["code"] == "QUOTA_EXCEEDED"

    # A larger quota, and the node begins anew with it.
    before = processes_of(service)
    client.call("PUT", "/tenants/acme/quota", {"sources": 3})
    service.wait_for(lambda _: processes_of(service) and not processes_of(service) & before, "its process is another one")
    node = node_of(serving(service, "acme"))
    wait_ready(node)
    node.add({"source_id": "c"})
    assert client.call("GET", "/tenants/acme/quota") == {"tenant_id": "acme", "sources": 3, "memory_mb": None, "workers": None, "searches": None}

    # Suspended it is not there, and its data is.
    assert client.call("POST", "/tenants/acme/suspend")["state"] == "suspended"
    service.wait_for(lambda _: not processes_of(service), "its process has ended")
    assert client.call("GET", "/tenants/acme")["serving"] is False
    assert client.call("POST", "/tenants/acme/resume")["state"] == "active"
    node = node_of(serving(service, "acme"))
    wait_ready(node)
    assert node.rows(source_id="a") == [{"n": 1}]

    # Deleted, and its data with it.
    folder = service.data / "operation_node/nodes/acme"
    assert folder.exists()
    status, _, content = client.raw("DELETE", "/tenants/acme")
    assert status == 202 and json.loads(content)["state"] == "deleting"
    service.wait_for(lambda one: gone(one, "acme"), "it is gone")
    assert not folder.exists() and not processes_of(service) and client.call("GET", "/nodes")["nodes"] == []
    assert service.stop() == 0


def wait_ready(client):
    deadline = time.monotonic() + 60
    while client.raw("GET", "/health")[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.02)  # Between two looks; nothing depends on its length.


def test_everything_is_there_after_a_restart(operation, stored):
    settings, _ = stored
    service = operation(**settings)
    client = service.client()
    client.call("POST", "/tenants", {"tenant_id": "acme", "name": "Acme"})
    node = node_of(serving(service, "acme"))
    wait_ready(node)
    node.add({"source_id": "a"})
    node.write("a", [{"n": 1}])
    beat(client, "n1", tenants=["globex"], capacity=3)
    client.call("POST", "/tenants", {"tenant_id": "globex"})
    client.call("PUT", "/scaling/policy", {"nodes_max": 7})
    before = client.call("GET", "/tenants")
    service.restart()
    client = service.client()
    after = client.call("GET", "/tenants")
    assert [t["tenant_id"] for t in after["tenants"]] == [t["tenant_id"] for t in before["tenants"]] == ["acme", "globex"]
    assert after["tenants"][1]["placement"]["node_id"] == "n1"
    assert client.call("GET", "/scaling")["policy"]["nodes_max"] == 7
    node = node_of(serving(service, "acme"))
    wait_ready(node)
    assert node.rows(source_id="a") == [{"n": 1}]


def test_data_that_is_to_be_kept_is_kept(operation):
    service = operation()
    client = service.client()
    client.call("POST", "/tenants", {"tenant_id": "acme"})
    node = node_of(serving(service, "acme"))
    wait_ready(node)
    node.add({"source_id": "a"})
    node.write("a", [{"n": 1}])
    assert client.raw("DELETE", "/tenants/acme?keep_data=true")[0] == 202
    service.wait_for(lambda one: gone(one, "acme"), "it is gone")
    assert (service.data / "operation_node/nodes/acme").exists()
    client.call("POST", "/tenants", {"tenant_id": "acme"})
    node = node_of(serving(service, "acme"))
    wait_ready(node)
    assert node.rows(source_id="a") == [{"n": 1}]


def test_a_deletion_waits_for_whoever_works_in_the_folder(operation):
    service = operation()
    client = service.client()
    client.call("POST", "/tenants", {"tenant_id": "acme"})
    wait_ready(node_of(serving(service, "acme")))
    client.call("POST", "/tenants/acme/suspend")
    service.wait_for(lambda _: not processes_of(service), "its process has ended")
    folder = service.data / "operation_node/nodes/acme"
    with open(folder / "granary.lock", "r+") as orphan:  # As a node that a killed Operation Node left.
        fcntl.lockf(orphan, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert client.raw("DELETE", "/tenants/acme")[0] == 202
        service.wait_for(lambda _: told(service, "a tenant cannot be deleted yet"), "it waits")
        assert (folder / "FORMAT").exists() and client.call("GET", "/tenants/acme")["state"] == "deleting"
    service.wait_for(lambda one: gone(one, "acme"), "it is gone")
    assert not folder.exists()


def test_pages_of_tenants(operation):
    service = operation(MAX_LAUNCHED_NODES="0")
    client = service.client()
    for i in range(7):
        client.call("POST", "/tenants", {"tenant_id": f"t{i}"})
    client.call("POST", "/tenants/t3/suspend")
    seen, cursor = [], ""
    while cursor is not None:
        page = client.call("GET", f"/tenants?limit=3{cursor}")
        assert 1 <= len(page["tenants"]) <= 3
        seen += [tenant["tenant_id"] for tenant in page["tenants"]]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    assert seen == [f"t{i}" for i in range(7)]
    assert [t["tenant_id"] for t in client.call("GET", "/tenants?state=suspended")["tenants"]] == ["t3"]
    assert len(client.call("GET", "/tenants?limit=1000")["tenants"]) == 7


# ---- processes

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
    assert client.call("GET", "/tenants/acme")["serving"] is False
    bad.write_text("WAL_LANES=1\n")
    serving(service, "acme")


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


def told(service, message):
    """How many lines of the log say so; its nodes write into the same one."""
    return sum(json.loads(line)["msg"] == message for line in service.log().splitlines())


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


# ---- nodes that run on their own

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


def test_an_adopted_tenant_is_not_deleted_while_its_node_would_bring_it_back(operation):
    service = operation(MAX_LAUNCHED_NODES="0", ADOPT_TENANTS="true", **PATIENT)
    client = service.client()
    beat(client, "n", tenants=["own"])
    assert client.call("GET", "/tenants/own")["placement"]["node_id"] == "n"
    client.call("PUT", "/tenants/own/quota", {"sources": 3})
    problem = refused(client, "DELETE", "/tenants/own")
    assert problem["status"] == 409 and "ADOPT_TENANTS" in problem["detail"]
    assert client.call("GET", "/tenants/own/quota")["sources"] == 3
    beat(client, "n", tenants=[])
    assert client.raw("DELETE", "/tenants/own")[0] == 204
    beat(client, "n", tenants=[])
    assert gone(client, "own")


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


def test_a_move_carries_no_data_and_says_so(operation):
    service = operation(MAX_LAUNCHED_NODES="0", **PATIENT)
    client = service.client()
    beat(client, "a", tenants=["t"], capacity=2)
    beat(client, "b", capacity=2)
    assert client.call("POST", "/tenants", {"tenant_id": "t"})["placement"]["node_id"] == "a"
    problem = refused(client, "POST", "/tenants/t/move", {"node_id": "b"})
    assert problem["status"] == 409 and "carries no data" in problem["detail"]
    assert refused(client, "POST", "/tenants/t/move")["status"] == 409
    assert refused(client, "POST", "/tenants/t/move", {"node_id": "none"})["detail"] == "there is no node 'none'"
    assert client.call("POST", "/tenants/t/move", {"node_id": "b", "without_data": True})["placement"]["node_id"] == "b"
    assert client.call("POST", "/tenants/t/move")["placement"]["node_id"] == "a"  # Which has it.


def test_a_launched_node_that_is_moved_begins_anew_with_its_data(operation):
    service = operation()
    client = service.client()
    client.call("POST", "/tenants", {"tenant_id": "acme"})
    node = node_of(serving(service, "acme"))
    wait_ready(node)
    node.add({"source_id": "a"})
    node.write("a", [{"n": 1}])
    before = processes_of(service)
    client.call("POST", "/tenants/acme/move")
    service.wait_for(lambda _: processes_of(service) and not processes_of(service) & before, "another process runs")
    node = node_of(service.wait_for(lambda one: one.call("GET", "/nodes")["nodes"][0]["process"]["starts"] == 2 and one.call("GET", "/tenants/acme")
                                    ["serving"] and one.call("GET", "/tenants/acme"), "it serves"))
    wait_ready_at(service, "acme", lambda one: one.rows(source_id="a") == [{"n": 1}])


def test_no_data_of_a_tenant_is_left_for_the_next_of_its_id(operation):
    service = operation()
    client = service.client()
    client.call("POST", "/tenants", {"tenant_id": "acme"})
    node = node_of(serving(service, "acme"))
    wait_ready(node)
    node.add({"source_id": "a"})
    node.write("a", [{"secret": 1}])
    beat(client, "other", capacity=9, tenants=["acme"])
    for without_data in (False, True):
        problem = refused(client, "POST", "/tenants/acme/move", {"node_id": "other", "without_data": without_data})
        assert problem["status"] == 409 and "launched for it" in problem["detail"]
    assert client.call("GET", "/tenants/acme")["placement"]["launched_by"]
    beat(client, "other", capacity=9)
    assert client.raw("DELETE", "/tenants/acme")[0] == 202
    service.wait_for(lambda one: gone(one, "acme"), "it is gone")
    assert [one["node_id"] for one in client.call("GET", "/nodes")["nodes"]] == ["other"]
    client.call("POST", "/nodes/other/drain")
    client.call("POST", "/tenants", {"tenant_id": "acme"})
    node = node_of(serving(service, "acme"))
    wait_ready(node)
    assert node.call("GET", "/sources")["sources"] == []


def wait_ready_at(service, tenant, holds):
    """Until what its node, wherever it is by then, answers holds."""
    def look(client):
        node = node_of(client.call("GET", f"/tenants/{tenant}"))
        return node.raw("GET", "/health")[0] == 200 and holds(node)

    service.wait_for(look, f"{tenant} answers")


# ---- who may say what

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


def test_everybody_shows_the_key_where_there_is_one_and_a_wrong_one_is_refused_from_anywhere(operation):
    secret = "0123456789abcdef-secret"
    service = operation(OPERATION_NODE_KEY=secret)
    shown, client = service.client(), Client(service.port)
    assert shown.call("GET", "/tenants")["tenants"] == []
    assert refused(client, "GET", "/tenants")["code"] == refused(client, "DELETE", "/tenants/acme")["code"] == "UNAUTHENTICATED"
    for header in (f"Bearer {secret}x", "Bearer ", f"Basic {secret}", secret):
        assert refused(client, "GET", "/tenants", headers={"Authorization": header})["code"] == "UNAUTHENTICATED"
    assert client.raw("GET", "/health", headers={"Authorization": "Bearer wrong"})[0] == 200
    # A web page that somebody looks at on this machine is not this machine.
    for page in ({"Origin": "http://evil.example"}, {"Host": f"evil.example:{service.port}"}):
        assert refused(client, "POST", "/tenants", {"tenant_id": "evil"}, page)["status"] == 401
        assert client.raw("GET", "/tenants", headers={**page, "Authorization": f"Bearer {secret}"})[0] == 200
    assert gone(shown, "evil")
    assert secret not in service.log()
    assert (service.data / "operation_node/identity").stat().st_mode & 0o777 == 0o600
    # Its own nodes know the key.
    shown.call("POST", "/tenants", {"tenant_id": "acme"})
    serving(service, "acme")


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


@pytest.fixture
def own_address():
    """An address of this machine that is not loopback: who asks from it is another machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # Sends nothing; says which address of ours would be used.
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return probe.getsockname()[0]


def test_another_machine_is_not_sent_to_its_own_loopback(operation, own_address):
    own = own_address
    secret = "0123456789abcdef-secret"
    service = operation(OPERATION_NODE_KEY=secret, REST_HOST="0.0.0.0", **PATIENT)
    client = service.client()
    client.call("POST", "/tenants", {"tenant_id": "acme"})
    serving(service, "acme")
    assert client.call("GET", "/tenants/acme/placement")["placement"]["url"].startswith("http://127.0.0.1:")
    elsewhere = Client(service.port, host=own)
    shown = {"Authorization": f"Bearer {secret}"}
    assert refused(elsewhere, "GET", "/tenants/acme/placement")["status"] == 401
    placement = elsewhere.call("GET", "/tenants/acme/placement", headers=shown)["placement"]
    assert placement["url"] is None and placement["node_state"] == "alive"
    beat(client, "n", url="http://192.0.2.7:80", tenants=["other"])
    client.call("POST", "/tenants", {"tenant_id": "other"})
    assert elsewhere.call("GET", "/tenants/other/placement", headers=shown)["placement"]["url"] == "http://192.0.2.7:80"


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


BAD = [
    *(("PUT", "/nodes/n", {"key": KEY, "url": url}, 400, "/url") for url in ("https://n:8000", "http://a:99999", "http://a:x", 'http://a"b', "http://a\tb", "http://a/b")),
    ("POST", "/tenants", "{", 400, None), ("POST", "/tenants", [], 400, None), ("POST", "/tenants", {}, 400, "/tenant_id"),
    ("POST", "/tenants", {"tenant_id": "../x"}, 400, "/tenant_id"), ("POST", "/tenants", {"tenant_id": "x" * 129}, 400, "/tenant_id"),
    ("POST", "/tenants", {"tenant_id": 7}, 400, "/tenant_id"), ("POST", "/tenants", {"tenant_id": "a", "soap": 1}, 400, "/soap"),
    ("POST", "/tenants", {"tenant_id": "a", "name": "x" * 256}, 400, "/name"), ("POST", "/tenants", {"tenant_id": "a", "quota": 1}, 400, "/quota"),
    ("POST", "/tenants", {"tenant_id": "a", "quota": {"sources": 0}}, 400, "/quota/sources"),
    ("POST", "/tenants", {"tenant_id": "a", "quota": {"memory_mb": 63}}, 400, "/quota/memory_mb"),
    ("POST", "/tenants", {"tenant_id": "a", "quota": {"rows": 1}}, 400, "/quota/rows"),
    ("POST", "/tenants", {"tenant_id": "a", "node_id": "a/b"}, 400, "/node_id"), ("POST", "/tenants", {"tenant_id": "a", "node_id": "none"}, 409, None),
    ("GET", "/tenants?limit=0", None, 400, None), ("GET", "/tenants?limit=1001", None, 400, None), ("GET", "/tenants?limit=x", None, 400, None),
    ("GET", "/tenants?cursor=a%20b", None, 400, None), ("GET", "/tenants?state=odd", None, 400, None), ("GET", "/tenants?page=2", None, 400, None),
    ("GET", "/tenants/none", None, 404, None), ("GET", "/tenants/a%20b", None, 400, None), ("GET", "/tenants/..", None, 400, None),
    ("DELETE", "/tenants/none", None, 404, None), ("DELETE", "/tenants/none?keep_data=maybe", None, 400, None),
    ("POST", "/tenants/none/suspend", None, 404, None), ("POST", "/tenants/none/resume", None, 404, None), ("POST", "/tenants/none/move", None, 404, None),
    ("POST", "/tenants/none/suspend", {"why": 1}, 400, None), ("POST", "/tenants/none/move", {"to": "x"}, 400, "/to"),
    ("GET", "/tenants/none/quota", None, 404, None), ("PUT", "/tenants/none/quota", {}, 404, None),
    ("PUT", "/tenants/none/quota", {"workers": 1025}, 400, "/workers"), ("PUT", "/tenants/none/quota", {"workers": 1.5}, 400, "/workers"),
    ("GET", "/tenants/none/placement", None, 404, None), ("GET", "/nodes/none", None, 404, None), ("DELETE", "/nodes/none", None, 404, None),
    ("POST", "/nodes/none/drain", None, 404, None), ("POST", "/nodes/none/drain", {"a": 1}, 400, None),
    ("PUT", "/nodes/a%2Fb", {"key": KEY, "url": "http://a:1"}, 400, None), ("PUT", "/nodes/.a", {"key": KEY, "url": "http://a:1"}, 400, None),
    ("PUT", "/nodes/n", {"url": "http://a:1"}, 400, "/key"), ("PUT", "/nodes/n", {"key": "short", "url": "http://a:1"}, 400, "/key"),
    ("PUT", "/nodes/n", {"key": "x" * 513, "url": "http://a:1"}, 400, "/key"), ("PUT", "/nodes/n", {"key": KEY}, 400, "/url"),
    ("PUT", "/nodes/n", {"key": KEY, "url": "file:///etc/passwd"}, 400, "/url"), ("PUT", "/nodes/n", {"key": KEY, "url": "http://a:1/x"}, 400, "/url"),
    ("PUT", "/nodes/n", {"key": KEY, "url": "http://u:p@a:1"}, 400, "/url"),
    ("PUT", "/nodes/n", {"key": KEY, "url": "http://a:1", "tenants": ["a", "../b"]}, 400, "/tenants/1"),
    ("PUT", "/nodes/n", {"key": KEY, "url": "http://a:1", "tenants": ["a", "a"]}, 400, "/tenants/1"),
    ("PUT", "/nodes/n", {"key": KEY, "url": "http://a:1", "tenants": [f"{i:0128}" for i in range(500)]}, 400, "/tenants"),
    ("PUT", "/nodes/n", {"key": KEY, "url": "http://a:1", "capacity": -1}, 400, "/capacity"),
    ("PUT", "/nodes/n", {"key": KEY, "url": "http://a:1", "load": {"cpu_percent": -1}}, 400, "/load/cpu_percent"),
    ("PUT", "/nodes/n", {"key": KEY, "url": "http://a:1", "load": {"gpu": 1}}, 400, "/load/gpu"),
    ("PUT", "/scaling/policy", {"nodes_min": 9, "nodes_max": 8}, 400, "/nodes_min"), ("PUT", "/scaling/policy", {"cpu_up_percent": 101}, 400, "/cpu_up_percent"),
    ("PUT", "/scaling/policy", {"enabled": "yes"}, 400, "/enabled"), ("POST", "/scaling/simulate", {}, 400, "/rounds"),
    ("POST", "/scaling/simulate", {"rounds": [{"load": {}}]}, 400, "/rounds/0/at_seconds"),
    ("POST", "/scaling/simulate", {"rounds": [{"at_seconds": 5, "load": {}}, {"at_seconds": 4, "load": {}}]}, 400, "/rounds"),
    ("POST", "/scaling/simulate", {"rounds": [{"at_seconds": 5, "load": {"nodes": [{"node_id": "a b"}]}}]}, 400, "/rounds/0/load/nodes/0/node_id"),
    ("POST", "/query/sql", {}, 501, None), ("PATCH", "/tenants", {}, 405, None), ("GET", "/none", None, 404, None)]


def test_bad_input_is_refused_with_its_place_and_changes_nothing(operation):
    service = operation()
    client = service.client()
    for method, target, body, status, pointer in BAD:
        problem = refused(client, method, target, body)
        assert problem["status"] == status, (method, target, body, problem)
        if pointer is not None:
            assert [error["pointer"] for error in problem["errors"]] == [pointer], (method, target, body, problem)
    assert client.call("GET", "/tenants")["tenants"] == [] and client.call("GET", "/nodes")["nodes"] == []
    assert not processes_of(service)


@pytest.mark.parametrize("limit,make", [
    ("MAX_TENANTS", lambda client, i: client.raw("POST", "/tenants", {"tenant_id": f"t{i}"})),
    ("MAX_NODES", lambda client, i: client.raw("PUT", f"/nodes/n{i}", {"key": KEY, "url": "http://127.0.0.1:9"}))])
def test_limits(operation, limit, make):
    client = operation(**{limit: "3", "MAX_LAUNCHED_NODES": "0"}, **PATIENT).client()
    for i in range(3):
        assert make(client, i)[0] in (200, 201)
    status, headers, content = make(client, 3)
    assert status == 429 and limit in json.loads(content)["detail"] and "retry-after" in headers
    assert make(client, 2)[0] == 200


def simulate(client, rounds):
    return client.raw("POST", "/scaling/simulate", {"rounds": [{"at_seconds": i, "load": {"nodes": []}} for i in range(rounds)]})


def short_names(count):
    """The shortest identifiers that there are, so that ten thousand of them have room in a row."""
    letters = string.ascii_letters + string.digits
    return [name for length in (1, 2, 3) for name in itertools.islice(map("".join, itertools.product(letters, repeat=length)), count)][:count]


def put(client, **members):
    return client.raw("PUT", "/nodes/n", {"key": KEY, "url": "http://n", **members})


SIZES = {  # What is sent with a size: the least and the most of it, where a refusal points.
    "tenants of a node": (0, 10_000, "/tenants", lambda client, n: put(client, tenants=short_names(n))),
    "a node's key": (16, 512, "/key", lambda client, n: client.raw("PUT", f"/nodes/n{n}", {"key": "k" * n, "url": "http://n"})),
    "a node's URL": (8, 2_000, "/url", lambda client, n: put(client, url="http://" + "n" * (n - 7))),
    "a node's version": (0, 64, "/version", lambda client, n: put(client, version="v" * n)),
    "a node's capacity": (0, 1_000_000, "/capacity", lambda client, n: put(client, capacity=n)),
    "a tenant's name": (0, 255, "/name", lambda client, n: client.raw("POST", "/tenants", {"tenant_id": f"t{n}", "name": "x" * n})),
    "rounds of a simulation": (1, 1_000, "/rounds", simulate),
    "a page": (1, 1_000, None, lambda client, n: client.raw("GET", f"/tenants?limit={n}"))}


@pytest.mark.parametrize("what", SIZES)
def test_sizes_are_taken_to_the_limit_and_refused_above(operation, what):
    least, most, pointer, send = SIZES[what]
    client = operation(MAX_LAUNCHED_NODES="0", **PATIENT).client()
    for size in {least, least + 1, most - 1, most}:
        assert send(client, size)[0] in (200, 201), size
    for size in {least - 1, most + 1} - {-1}:
        status, _, content = send(client, size)
        problem = json.loads(content)
        assert status == 400 and (pointer is None or problem["errors"][0]["pointer"] == pointer), (size, problem)


def test_what_a_node_says_of_itself_has_room_in_its_row_to_the_last_byte(operation):
    client = operation(MAX_LAUNCHED_NODES="0", **PATIENT).client()
    names = [f"{i:0100}" for i in range(700)]
    problem = json.loads(put(client, tenants=names)[2])
    takes, allowed = map(int, re.search(r"would take (\d+) bytes, allowed are (\d+)", problem["detail"]).groups())
    names = names[:len(names) - (takes - allowed) // 103 - 2]  # A name with quotes and a comma.
    takes -= (700 - len(names)) * 103
    for bytes_left, status in ((1, 200), (0, 200), (-1, 400)):
        rest = allowed - takes - bytes_left - 2 * 3
        assert 2 <= rest <= 2 * 128
        last = ["x" * (rest // 2), "y" * (rest - rest // 2)]
        got, _, content = put(client, tenants=names + last)
        assert got == status, (bytes_left, content)


@pytest.mark.parametrize("settings,said", [
    ({"METADATA_STORE": "mysql"}, "sqlite, postgresql or clickhouse"), ({"METADATA_DATABASE": "a;b"}, "METADATA_DATABASE"),
    ({"NODE_DEAD_SECONDS": "2"}, "NODE_DEAD_SECONDS must be more than NODE_SUSPECT_SECONDS"), ({"NODE_SUSPECT_SECONDS": "1"}, "NODE_SUSPECT_SECONDS must"),
    ({"MAX_LAUNCHED_NODES": "-1"}, "MAX_LAUNCHED_NODES"), ({"OPERATION_NODE_KEY": "short-secret"}, "OPERATION_NODE_KEY is '(not shown)'"),
    ({"LAUNCH_HOST": "0.0.0.0"}, "LAUNCH_HOST is 0.0.0.0"), ({"LAUNCH_HOST": "192.0.2.7"}, "set GATEWAY_JWKS"), ({"REST_HOST": "192.0.2.7"}, "OPERATION_NODE_KEY"),
    ({"TLS_CERT_FILE": "c", "TLS_KEY_FILE": "k"}, "set OPERATION_NODE_URL")])
def test_bad_settings_stop_the_start(operation, settings, said):
    service = operation(wait=False, **settings)
    assert service.process.wait(timeout=60) == 2 and said in service.log() and "short-secret" not in service.log()
    service.process = None


def test_two_on_one_folder(operation, tmp_path):
    service = operation()
    second = Service("operation-node", "OPERATION_NODE_PORT", tmp_path / "operation", QUICK)
    second.log_path = tmp_path / "second.log"
    second.start(wait=False)
    assert second.process.wait(timeout=60) == 1 and str(service.process.pid) in second.log()
    service.client().call("POST", "/tenants", {"tenant_id": "acme"})


# ---- the store

def test_a_store_that_goes_away_comes_back_by_itself(operation, stored):
    settings, server = stored
    if server is None:
        pytest.skip("SQLite is a file: SqliteMetadataTest takes it away")
    service = operation(METADATA_TIMEOUT_MS="1000", **settings)
    client = service.client()
    client.call("POST", "/tenants", {"tenant_id": "acme", "name": "Acme"})
    tenant = serving(service, "acme")
    node = node_of(tenant)
    wait_ready(node)
    node.add({"source_id": "a"})
    beat(client, "n1", tenants=["other"])
    running = processes_of(service)
    for go, come in ((server.kill, server.start), (server.stall, server.go_on)):
        go()
        service.wait_for(lambda one: one.raw("GET", "/health")[0] == 503, "health says so")
        problem = refused(client, "POST", "/tenants", {"tenant_id": "late"})
        assert problem["status"] == 503 and "metadata store" in problem["detail"]
        assert refused(client, "DELETE", "/tenants/acme")["status"] == 503
        assert refused(client, "PUT", "/tenants/acme/quota", {"sources": 1})["status"] == 503
        # What is known is answered, and says how old it is; nodes go on serving and being heard.
        begun = time.monotonic()
        for _ in range(20):
            status, headers, content = client.raw("GET", "/tenants/acme")
            assert status == 200 and json.loads(content)["name"] == "Acme" and int(headers["granary-stale-ms"]) > 0
        assert time.monotonic() - begun < 15
        assert client.raw("GET", "/tenants/acme/placement")[0] == 200
        beat(client, "n1", tenants=["other"])
        with pytest.raises(Refused) as unknown:
            beat(client, "n2")
        assert unknown.value.status == 503
        assert processes_of(service) == running
        node.write("a", [{"n": 1}])
        come()
        service.wait_for(lambda one: one.raw("GET", "/health")[0] == 200, "it is back")
        status, headers, _ = client.raw("GET", "/tenants/acme")
        assert status == 200 and "granary-stale-ms" not in headers
        assert processes_of(service) == running
    client.call("POST", "/tenants", {"tenant_id": "late"})
    assert [one["tenant_id"] for one in client.call("GET", "/tenants")["tenants"]] == ["acme", "late"]
    assert "the metadata store is away" in service.log() and "the metadata store is back" in service.log()


def test_nobody_waits_behind_one_who_waits_for_a_busy_store(operation):
    service = operation(MAX_LAUNCHED_NODES="0", METADATA_TIMEOUT_MS="60000", **PATIENT)
    client = service.client()
    beat(client, "n")
    client.call("POST", "/tenants", {"tenant_id": "acme"})
    with concurrent.futures.ThreadPoolExecutor(80) as pool:
        busy = sqlite3.connect(service.data / "operation_node/metadata.sqlite", isolation_level=None, check_same_thread=False)
        busy.execute("BEGIN IMMEDIATE")
        first = pool.submit(lambda: service.client().call("POST", "/tenants", {"tenant_id": "late"}))
        service.wait_for(lambda one: "granary-stale-ms" in one.raw("GET", "/tenants")[1], "reads are answered from what was seen last")
        readers = [pool.submit(lambda: service.client().raw("GET", "/tenants")) for _ in range(64)]
        begun = time.monotonic()
        beat(client, "n")
        assert refused(client, "POST", "/tenants", {"tenant_id": "x"}, {"X-Timeout-Ms": "300"})["status"] == 504
        assert client.raw("GET", "/tenants", headers={"X-Timeout-Ms": "5000"})[0] == 200
        assert time.monotonic() - begun < 30  # Half of what the first one waits.
        for reader in readers:
            status, headers, _ = reader.result()
            assert status == 200 and int(headers["granary-stale-ms"]) > 0
        assert not first.done()
        busy.execute("ROLLBACK")
        assert first.result()["tenant_id"] == "late"
        busy.close()
    assert [one["tenant_id"] for one in client.call("GET", "/tenants")["tenants"]] == ["acme", "late"]


def test_a_node_that_moves_while_the_store_is_away_is_found(operation):
    service = operation(MAX_LAUNCHED_NODES="0", **PATIENT)
    client = service.client()
    beat(client, "n", tenants=["acme"])
    client.call("POST", "/tenants", {"tenant_id": "acme"})
    folder = service.data / "operation_node"
    parts = [f"metadata.sqlite{end}" for end in ("", "-wal", "-shm") if (folder / f"metadata.sqlite{end}").exists()]
    for part in parts:
        (folder / part).rename(folder / f"away.{part}")
    service.wait_for(lambda one: one.raw("GET", "/health")[0] == 503, "health says so")
    beat(client, "n", url="http://127.0.0.1:10", tenants=["acme"])
    status, headers, content = client.raw("GET", "/tenants/acme/placement")
    assert status == 200 and json.loads(content)["placement"]["url"] == "http://127.0.0.1:10" and int(headers["granary-stale-ms"]) > 0
    assert refused(client, "PUT", "/nodes/n", {"key": "another key of a node", "url": "http://127.0.0.1:11"})["status"] in (403, 503)
    assert json.loads(client.raw("GET", "/tenants/acme/placement")[2])["placement"]["url"] == "http://127.0.0.1:10"
    for part in parts:
        (folder / f"away.{part}").rename(folder / part)
    service.wait_for(lambda one: one.raw("GET", "/health")[0] == 200, "it is back")
    beat(client, "n", url="http://127.0.0.1:10", tenants=["acme"])
    service.restart()
    assert service.client().call("GET", "/nodes/n")["url"] == "http://127.0.0.1:10"


@pytest.mark.parametrize("kind", [Postgres, ClickHouse], ids=lambda kind: kind.kind)
def test_a_start_without_the_store_waits_for_it(operation, tmp_path, kind):
    server = kind(tmp_path / "server").start()
    settings = server.settings()
    server.kill()
    try:
        service = operation(wait=False, METADATA_TIMEOUT_MS="1000", **settings)
        service.wait_for(lambda one: one.raw("GET", "/health/live")[0] == 200, "it lives")
        client = service.client()
        assert refused(client, "GET", "/tenants")["status"] == 503
        server.start()
        service.wait_for(lambda one: one.raw("GET", "/health")[0] == 200, "it is ready")
        assert client.call("GET", "/tenants")["tenants"] == []
    finally:
        service.stop()
        server.kill()


def test_a_password_is_shown_and_told_to_nobody(operation, tmp_path):
    server = ClickHouse(tmp_path / "server", password="s3cret-word").start()
    try:
        service = operation(**server.settings())
        service.client().call("POST", "/tenants", {"tenant_id": "acme"})
        wrong = operation("wrong", wait=False, **{**server.settings(), "METADATA_PASSWORD": "wrong-word"})
        wrong.wait_for(lambda one: one.raw("GET", "/health/live")[0] == 200, "it lives")
        problem = refused(wrong.client(), "GET", "/tenants")
        assert problem["status"] == 503
        for text in (service.log(), wrong.log(), json.dumps(problem)):
            assert "s3cret-word" not in text and "wrong-word" not in text
    finally:
        for one in (service, wrong):
            one.stop()
        server.kill()


def test_a_second_operation_node_on_clickhouse_is_refused_until_the_first_has_gone(operation, tmp_path):
    server = ClickHouse(tmp_path / "server").start()
    try:
        first = operation("first", **server.settings())
        first.client().call("POST", "/tenants", {"tenant_id": "acme"})
        second = operation("second", wait=False, **server.settings())
        second.wait_for(lambda one: one.raw("GET", "/health/live")[0] == 200, "it lives")
        second.wait_for(lambda one: "one Operation Node at a time" in refused(one, "POST", "/tenants", {"tenant_id": "globex"})["detail"], "it is refused")
        assert first.stop() == 0
        second.wait_for(lambda one: one.raw("GET", "/health")[0] == 200, "the second one takes over")
        assert [one["tenant_id"] for one in second.client().call("GET", "/tenants")["tenants"]] == ["acme"]
    finally:
        second.stop()
        server.kill()


def test_a_damaged_row_disables_what_it_is_about_and_nothing_else(operation):
    service = operation(MAX_LAUNCHED_NODES="1", **PATIENT)
    client = service.client()
    client.call("POST", "/tenants", {"tenant_id": "good"})
    serving(service, "good")
    for node in ("n1", "n2", "n3"):
        beat(client, node, capacity=2)
    for tenant in ("state", "place", "quota", "where"):
        client.call("POST", "/tenants", {"tenant_id": tenant, "node_id": "n1" if tenant == "where" else "n2" if tenant == "quota" else "n3"})
    client.call("PUT", "/tenants/quota/quota", {"sources": 5})

    def write(kind, key, body):
        with sqlite3.connect(service.data / "operation_node/metadata.sqlite", timeout=30) as file:
            file.execute("UPDATE newest SET version = version + 1")
            assert file.execute("UPDATE metadata SET body = ?, version = (SELECT version FROM newest) WHERE kind = ? AND key = ?",
                                (body, kind, key)).rowcount == 1

    bad = [("tenant", "state", '{"state":"hibernating"}'), ("placement", "place", "{}"), ("quota", "quota", '{"sources":-1}'), ("node", "n1", "[]")]
    before = processes_of(service)
    for kind, key, body in bad:
        write(kind, key, body)
    for restarted in (False, True):
        for kind, key, _ in bad[:3]:
            for method, path in (("GET", f"/tenants/{key}"), ("GET", f"/tenants/{key}/placement"), ("POST", f"/tenants/{key}/suspend"),
                                 ("DELETE", f"/tenants/{key}")):
                problem = refused(client, method, path)
                assert problem["status"] == 500 and f"'{kind}/{key}'" in problem["detail"], problem
            assert refused(client, "POST", "/tenants", {"tenant_id": key})["status"] == 500
        assert "'node/n1'" in refused(client, "PUT", "/nodes/n1", {"key": KEY, "url": "http://127.0.0.1:9"})["detail"]
        assert client.call("GET", "/tenants/where")["placement"]["url"] is None
        assert sorted(one["tenant_id"] for one in client.call("GET", "/tenants")["tenants"]) == ["good", *["new"] * restarted, "where"]
        assert client.metric("granary_metadata_store_up") == 1
        service.wait_for(lambda one: one.metric("granary_fleet_damaged_rows") == 4, "it says so")
        if not restarted:
            assert processes_of(service) == before
            beat(client, "n2", capacity=3)
            assert client.raw("POST", "/tenants", {"tenant_id": "new", "node_id": "n2"})[0] == 201
            service.restart()
            client = service.client()
        serving(service, "good")
    assert told(service, "a row of the metadata cannot be read; what it is about is left as it is") >= 8
    write("tenant", "state", '{"state":"suspended","name":"","created_us":1,"changed_us":1}')
    assert client.call("GET", "/tenants/state")["state"] == "suspended"


@pytest.fixture
def clickhouse(tmp_path):
    server = ClickHouse(tmp_path / "server").start()
    yield server
    server.kill()


@pytest.mark.parametrize("what", ["request", "answer"])
def test_an_insert_that_was_given_up_does_not_come_late(operation, clickhouse, what):
    """On ClickHouse: what was sent, and not confirmed in time, is carried out as it was decided or not at all."""
    holder = Holder(clickhouse.port)
    service = operation(MAX_LAUNCHED_NODES="0", **{**clickhouse.settings(), "METADATA_PORT": str(holder.port), "METADATA_TIMEOUT_MS": "1000"})
    client = service.client()
    holder.hold(what, b"\tlate\t")
    problem = refused(client, "POST", "/tenants", {"tenant_id": "late"})
    assert holder.held.is_set() and problem["status"] == 503 and "not known" in problem["detail"], problem
    service.wait_for(lambda one: one.raw("POST", "/tenants", {"tenant_id": "next"})[0] in (200, 201), "the next one is made")
    holder.release()
    was_made = what == "answer"
    assert gone(client, "late") is not was_made
    assert client.raw("POST", "/tenants", {"tenant_id": "late"})[0] == (200 if was_made else 201)
    client.call("POST", "/tenants/late/suspend")
    client.call("POST", "/tenants/late/resume")
    service.restart()
    assert [one["tenant_id"] for one in service.client().call("GET", "/tenants")["tenants"]] == ["late", "next"]
    rows = clickhouse.ask("SELECT version, count() FROM granary.granary_metadata WHERE kind = 'tenant' GROUP BY version HAVING count() > 1")
    assert rows == "", "two commits have one version"
    assert service.stop() == 0
    holder.close()


def test_an_insert_that_still_runs_at_the_start_is_ended_first(operation, clickhouse):
    service = operation(MAX_LAUNCHED_NODES="0", **clickhouse.settings())
    service.client().call("POST", "/tenants", {"tenant_id": "acme"})
    service.kill()
    # As one of a predecessor that the server has not finished; it would take a minute.
    slow = threading.Thread(target=lambda: clickhouse.ask(
        "INSERT INTO granary.granary_metadata SELECT 'tenant', 'acme', toUInt64(2), 1, '' FROM numbers(60) WHERE sleep(1) = 0",
        query_id="granary-metadata-granary-x-1", max_block_size="1"), daemon=True)
    slow.start()
    until(lambda: clickhouse.ask("SELECT count() FROM system.processes WHERE query_id LIKE 'granary-metadata-granary-x-%'") == "1", "it runs")
    service.start()
    assert clickhouse.ask("SELECT count() FROM system.processes WHERE query_id LIKE 'granary-metadata-granary-x-%'") == "0"
    assert service.client().call("GET", "/tenants/acme")["state"] == "active"
    assert service.client().raw("POST", "/tenants", {"tenant_id": "next"})[0] == 201
    slow.join()


# ---- two Operation Nodes at once

def test_two_on_postgresql_never_give_one_place_twice(operation, postgres, figure):
    settings = postgres.settings()
    pair = [operation(name, MAX_LAUNCHED_NODES="0", **settings, **PATIENT) for name in ("first", "second")]
    for one in pair:
        beat(one.client(), "n", capacity=10)
    tenants = [f"t{i}" for i in range(16)]

    def create(number):
        client = pair[number % 2].client()
        while (status := client.raw("POST", "/tenants", {"tenant_id": tenants[number // 2]})[0]) == 503:
            pass  # Others keep changing the fleet: try again.
        return status

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        begun = time.monotonic()
        answers = list(pool.map(create, range(32)))
        took = time.monotonic() - begun
    assert answers.count(201) == answers.count(200) == 16, answers
    seen = [{t["tenant_id"]: t["placement"] and t["placement"]["node_id"] for t in one.client().call("GET", "/tenants")["tenants"]} for one in pair]
    assert seen[0] == seen[1]
    assert len(seen[0]) == 16 and sum(node is not None for node in seen[0].values()) == 10
    figure(f"{len(answers)} requests at two Operation Nodes in {took:.1f} s, {answers.count(201)} tenants made, each once")


def test_of_two_on_postgresql_each_keeps_its_own_nodes_and_knows_the_others(operation, postgres):
    settings = postgres.settings()
    first, second = (operation(name, **settings) for name in ("first", "second"))
    first.client().call("POST", "/tenants", {"tenant_id": "a"})
    second.client().call("POST", "/tenants", {"tenant_id": "b"})
    serving(first, "a")
    serving(second, "b")
    assert len(processes_of(first)) == len(processes_of(second)) == 1
    # Heard of by one, alive for both.
    second.wait_for(lambda one: one.call("GET", "/tenants/a")["serving"], "the other one's tenant serves")
    # Told to one, done by the other.
    first.client().call("POST", "/tenants/b/suspend")
    second.wait_for(lambda _: not processes_of(second), "its node has ended")
    assert second.client().call("GET", "/tenants/b")["state"] == "suspended"
    assert first.client().raw("DELETE", "/tenants/b")[0] == 202
    first.wait_for(lambda one: gone(one, "b"), "it is gone")
    assert not (second.data / "operation_node/nodes/b").exists()
    # One alone goes on.
    second.kill()
    first.client().call("POST", "/tenants", {"tenant_id": "c"})
    serving(first, "c")


def test_a_copy_of_an_operation_node_changes_nothing_while_the_first_lives(operation, postgres, tmp_path):
    settings = postgres.settings()
    first = operation("first", **settings)
    first.client().call("POST", "/tenants", {"tenant_id": "acme"})
    serving(first, "acme")
    (tmp_path / "copy/data/operation_node").mkdir(parents=True)
    (tmp_path / "copy/data/operation_node/identity").write_bytes((first.data / "operation_node/identity").read_bytes())
    copy = operation("copy", wait=False, **settings)
    copy.wait_for(lambda one: one.raw("GET", "/health/live")[0] == 200, "it lives")
    copy.wait_for(lambda one: told(copy, "this Operation Node changes nothing"), "it has seen the other one")
    for method, path, body in (("GET", "/health", None), ("GET", "/tenants", None), ("POST", "/tenants", {"tenant_id": "globex"}), ("DELETE", "/tenants/acme", None),
                               ("PUT", "/nodes/n", {"key": KEY, "url": "http://127.0.0.1:9"})):
        status, _, content = copy.client().raw(method, path, body)
        assert status == 503 and str(first.data).encode() not in content, (method, path, content)
    assert "another copy of this Operation Node" in refused(copy.client(), "GET", "/tenants")["detail"] and str(first.data) in copy.log()
    assert not processes_of(copy) and len(processes_of(first)) == 1
    # Killed, and started again on its own folder, the first goes on at once; stopped, it leaves its place to the copy.
    first.kill()
    first.start()
    serving(first, "acme")
    assert refused(copy.client(), "GET", "/tenants")["status"] == 503
    assert first.stop() == 0
    copy.wait_for(lambda one: one.raw("GET", "/health")[0] == 200, "the copy takes over")
    assert copy.client().call("GET", "/tenants/acme")["state"] == "active"


def test_nothing_is_lost_when_an_operation_node_is_killed_again_and_again(operation, postgres, seeded):
    """What was answered as done is there, whenever the process died."""
    settings = postgres.settings()
    service = operation(MAX_LAUNCHED_NODES="0", **settings)
    done, stop = {}, threading.Event()

    def create(worker):
        for number in range(10_000):
            if stop.is_set():
                return
            name = f"t{worker}-{number}"
            try:
                client = Client(service.port, timeout=5)
                if client.raw("POST", "/tenants", {"tenant_id": name})[0] == 201:
                    done[name] = True
                client.close()
            except OSError:
                pass

    workers = [threading.Thread(target=create, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for _ in range(3):
        enough = len(done) + seeded.randrange(5, 25)
        service.wait_for(lambda _: len(done) >= enough, "some are made")
        service.kill()
        service.start()
    stop.set()
    for worker in workers:
        worker.join()
    seen, cursor = set(), ""
    while cursor is not None:
        page = service.client().call("GET", f"/tenants?limit=1000{cursor}")
        seen |= {one["tenant_id"] for one in page["tenants"]}
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    assert set(done) <= seen


# ---- scaling

def test_scaling_follows_the_load_and_keeps_its_reasons(operation):
    service = operation(MAX_LAUNCHED_NODES="0", **PATIENT)
    client = service.client()
    client.call("PUT", "/scaling/policy", {"cooldown_seconds": 0, "nodes_max": 5})

    def look(wanted, cpu):
        def see(one):
            for node in ("a", "b"):
                beat(one, node, capacity=4, cpu_percent=cpu)
            decisions = one.call("GET", "/scaling")["decisions"]
            return decisions and decisions[-1]["step"] == wanted and decisions[-1]

        return service.wait_for(see, wanted)

    for node in ("a", "b"):
        beat(client, node, capacity=4)
    for i in range(4):
        client.call("POST", "/tenants", {"tenant_id": f"t{i}"})
    grown = look("grow", 95)
    assert grown["nodes_wanted"] == 3 and "95 % CPU" in grown["reason"] and len(grown["inputs"]["nodes"]) == 2
    assert client.metric("granary_fleet_nodes_wanted") == 3
    shrunk = look("shrink", 3)
    assert shrunk["nodes_wanted"] == 1 and shrunk["number"] > grown["number"]
    service.restart()
    kept = service.client().call("GET", "/scaling")["decisions"]
    assert grown in kept and shrunk in kept


def test_what_scaling_asked_for_is_asked_for_until_the_cooldown_is_over(operation):
    service = operation(MAX_LAUNCHED_NODES="0", **PATIENT)
    client = service.client()
    for node in ("a", "b"):
        beat(client, node, capacity=4)
    for i in range(4):
        client.call("POST", "/tenants", {"tenant_id": f"t{i}"})
    for node in ("a", "b"):
        beat(client, node, capacity=4, cpu_percent=95)
    decisions = service.wait_for(lambda one: (found := one.call("GET", "/scaling")["decisions"]) and found[-1]["step"] == "hold" and
                                 any(each["step"] == "grow" for each in found) and found, "it has grown and waits")
    assert [each["nodes_wanted"] for each in decisions if each["step"] == "grow"] == [3] and decisions[-1]["nodes_wanted"] == 3
    assert client.metric("granary_fleet_nodes_wanted") == 3 and client.call("GET", "/scaling")["nodes_wanted"] == 3


def test_a_simulation_decides_as_the_policy_does_and_changes_nothing(operation):
    service = operation()
    client = service.client()
    hot = {"nodes": [{"node_id": "n", "tenants": 2, "capacity": 4, "cpu_percent": 90}]}
    cool = {"nodes": [{"node_id": "n", "tenants": 1, "capacity": 4}, {"node_id": "m", "tenants": 0, "capacity": 4}]}
    answer = client.call("POST", "/scaling/simulate", {"policy": {"cooldown_seconds": 60}, "rounds": [
        {"at_seconds": 0, "load": hot}, {"at_seconds": 59, "load": cool}, {"at_seconds": 60, "load": cool}]})
    assert [(one["step"], one["nodes_wanted"]) for one in answer["decisions"]] == [("grow", 2), ("hold", 2), ("shrink", 1)]
    assert answer["policy"]["cooldown_seconds"] == 60
    assert client.call("GET", "/scaling")["policy"]["cooldown_seconds"] == 300 and client.call("GET", "/nodes")["nodes"] == []


# ---- through the gateway

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


@pytest.fixture
def fleet_gateway(tmp_path):
    """Starts a gateway before the Operation Node at a URL; it ends with the test."""
    started = []

    def start(url, port=None, **env):
        gateway = Gateway(tmp_path / "gateway", {"OPERATION_NODE_URL": url, "PLACEMENT_CACHE_SECONDS": "1", **env})
        gateway.port = port or gateway.port
        started.append(gateway)
        return gateway.start()

    yield start
    for gateway in started:
        gateway.close()


def test_an_operation_node_that_is_hung_stalls_no_request_of_the_gateway(operation, start_node, fleet_gateway):
    service = operation(MAX_LAUNCHED_NODES="0", **PATIENT)
    gateway = fleet_gateway(f"http://127.0.0.1:{service.port}", TENANT_ID="known", HANDLER_THREADS="4")
    node = start_node({"TENANT_ID": "known", "GATEWAY_JWKS": f"http://127.0.0.1:{gateway.port}/auth/jwks.json"})
    beat(service.client(), "n", url=f"http://127.0.0.1:{node.port}", tenants=["known"])
    service.client().call("POST", "/tenants", {"tenant_id": "known"})
    known = gateway.caller()
    gateway.wait_for(lambda _: known.raw("GET", "/sources")[0] == 200, "the gateway reaches it")
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


# ---- the document

DOCUMENT = REPOSITORY / "docs/openapi/operation_node.json"


def test_the_document_is_valid_and_the_one_in_the_docs(operation):
    from openapi_spec_validator import validate

    validate(json.loads(DOCUMENT.read_text()))
    assert operation().client().call("GET", "/openapi.json") == json.loads(DOCUMENT.read_text())


def test_answers_follow_the_document(operation, figure, seeded):
    service = operation(MAX_LAUNCHED_NODES="0")
    beat(service.client(), "n1", tenants=["acme"], capacity=3)
    service.client().call("POST", "/tenants", {"tenant_id": "acme", "quota": {"workers": 2}})
    fuzz(service, DOCUMENT, figure, 10, seeded.randrange(2**32))
