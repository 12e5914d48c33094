"""An Operation Node, its stores and its gateway, as tests use them."""

import json
import pathlib
import socket
import time

import pytest

from gateway import Gateway
from node import Client
from service import Service
from stores import ClickHouse, Postgres

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


@pytest.fixture
def clickhouse(tmp_path):
    server = ClickHouse(tmp_path / "server").start()
    yield server
    server.kill()


@pytest.fixture
def own_address():
    """An address of this machine that is not loopback: who asks from it is another machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # Sends nothing; says which address of ours would be used.
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return probe.getsockname()[0]


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


def wait_ready(client):
    deadline = time.monotonic() + 60
    while client.raw("GET", "/health")[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.02)  # Between two looks; nothing depends on its length.


def wait_ready_at(service, tenant, holds):
    """Until what its node, wherever it is by then, answers holds."""
    def look(client):
        node = node_of(client.call("GET", f"/tenants/{tenant}"))
        return node.raw("GET", "/health")[0] == 200 and holds(node)

    service.wait_for(look, f"{tenant} answers")


def processes_of(service):
    """The children of its process."""
    task = pathlib.Path(f"/proc/{service.process.pid}/task")
    return {int(child) for one in task.iterdir() for child in (one / "children").read_text().split()}


def told(service, message):
    """How many lines of the log say so; its nodes write into the same one."""
    return sum(json.loads(line)["msg"] == message for line in service.log().splitlines())


def gone(client, tenant):
    return client.raw("GET", f"/tenants/{tenant}")[0] == 404
