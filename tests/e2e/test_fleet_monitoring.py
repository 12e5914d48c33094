"""Monitoring and the nodes of a fleet, which it learns from the Operation Node: what is seen of them, and what they cannot do to others."""

import http.server
import json
import os
import queue
import signal
import threading

import jsonschema
import pytest

from fleet import PATIENT, beat, node_of, operation, processes_of, serving, told, wait_ready
from node import REPOSITORY, Client, Refused, until
from service import Service

DOCUMENT = json.loads((REPOSITORY / "docs/openapi/monitoring.json").read_text())
RULES = {"rules": [{"name": "Gone", "service": "tenant-node", "metric": "up", "op": "lt", "value": 1, "severity": "critical", "summary": "a node does not answer"},
                   {"name": "Unknown", "metric": "granary_monitoring_fleet_learned", "op": "lt", "value": 1},
                   {"name": "More", "metric": "granary_monitoring_nodes_left_out", "op": "gt", "value": 0}]}


@pytest.fixture
def watching(tmp_path):
    """Starts Monitoring that knows an Operation Node and itself, and looks every second; it ends with the test."""
    started = []

    def start(operation, targets="", **env):
        (tmp_path / "rules.json").write_text(json.dumps(RULES))
        service = Service("monitoring", "MONITORING_PORT", tmp_path / "monitoring", {"SCRAPE_INTERVAL_SECONDS": "1", "ALERT_RULES_FILE": str(tmp_path / "rules.json"), **env})
        service.env["MONITORING_TARGETS"] = f"operation-node=http://127.0.0.1:{operation.port},monitoring=http://127.0.0.1:{service.port}{targets}"
        started.append(service)
        return service.start()

    yield start
    for service in started:
        service.close()


class FakeNode:
    """Answers as a Tenant Node does, with the metrics that a test wants."""

    def __init__(self, metrics, service="tenant-node"):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append((self.path, dict(self.headers)))
                body = (outer.metrics if self.path == "/metrics" else "{}").encode()
                self.send_response(200)
                self.send_header("Granary-Service", service)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.metrics, self.asked = metrics, []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def fake_node():
    fakes = []

    def start(*args, **more):
        fakes.append(FakeNode(*args, **more))
        return fakes[-1]

    yield start
    for fake in fakes:
        fake.close()


def checked(client, path, pattern=None):
    """An answer, held against the document, where the path is as `pattern` says."""
    answer = client.call("GET", path)
    schema = DOCUMENT["paths"][pattern or path.split("?")[0]]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(answer, {**schema, "components": DOCUMENT["components"]})
    return answer


def nodes_of(client):
    return {one["node"]: one for one in checked(client, "/health/all")["nodes"]}


def alerts_of(client):
    return {(one["rule"], one["node"]) for one in checked(client, "/alerts")["alerts"] if one["state"] == "firing"}


def test_launched_nodes_are_seen_each_by_itself(operation, watching):
    service = operation(**PATIENT)
    fleet = service.client()
    monitoring = watching(service)
    for tenant, rows in (("acme", 3), ("globex", 5)):
        fleet.call("POST", "/tenants", {"tenant_id": tenant})
        node = node_of(serving(service, tenant))
        wait_ready(node)
        node.add({"source_id": "s"})
        node.write("s", [{"a": i} for i in range(rows)])
    ids = {tenant: fleet.call("GET", f"/tenants/{tenant}")["placement"]["node_id"] for tenant in ("acme", "globex")}
    monitoring.wait_for(lambda client: {one["status"] for one in nodes_of(client).values()} == {"ok"} and len(nodes_of(client)) == 2, "both are seen")
    client = monitoring.client()
    assert set(nodes_of(client)) == set(ids.values())
    # What anybody may ask for says neither where they are nor whom they serve.
    anybody = json.dumps(client.call("GET", "/health/all")["nodes"])
    assert "acme" not in anybody and "http" not in anybody
    status = checked(client, "/status")
    assert status["status"] == "ok" and (status["fleet"]["nodes"], status["fleet"]["ready"], status["fleet"]["down"]) == (2, 2, 0)
    assert {one["url"] for one in status["fleet"]["list"]} == {fleet.call("GET", f"/tenants/{tenant}")["placement"]["url"] for tenant in ids}

    def written(tenant, rows):
        return lambda client: client.call("GET", f"/usage/{tenant}")["rows_written"] == rows

    monitoring.wait_for(written("acme", 3), "what one wrote")
    monitoring.wait_for(written("globex", 5), "and what the other wrote")
    assert client.call("GET", "/usage/acme")["nodes"] == 1
    with pytest.raises(Refused) as refused:
        client.call("GET", "/usage/initech")
    assert refused.value.status == 404
    text = client.raw("GET", "/metrics?service=tenant-node")[2].decode()
    assert f'granary_rows_written_total{{service="tenant-node",node="{ids["acme"]}"}} 3' in text
    assert f'granary_rows_written_total{{service="tenant-node",node="{ids["globex"]}"}} 5' in text
    assert 'service="monitoring"' not in text and 'service="monitoring"' in client.raw("GET", "/metrics")[2].decode()

    def measured(client):
        series = checked(client, f"/api/series?name=granary_rows_written_total&node={ids['acme']}&of=last&step=1h")["series"]
        return series and [(one["service"], one["labels"], one["points"][-1][1]) for one in series] == [("tenant-node", {"node": ids["acme"]}, 3)]

    monitoring.wait_for(measured, "it is kept by node")
    both = client.call("GET", "/api/series?name=up&service=tenant-node&of=last&step=1h")["series"]
    assert {one["labels"]["node"] for one in both} == set(ids.values())
    # One whose tenant is suspended does not run, and nobody is alarmed.
    fleet.call("POST", "/tenants/acme/suspend")
    monitoring.wait_for(lambda client: checked(client, "/status")["fleet"]["idle"] == 1 and set(nodes_of(client)) == {ids["globex"]}, "it is idle")
    assert alerts_of(client) == set()


def test_a_node_that_dies_is_shown_and_told_and_no_other_is_disturbed(operation, watching, start_node):
    service = operation(ADOPT_TENANTS="true", **PATIENT)
    told_of = queue.Queue()

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            told_of.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    hook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    nodes = {tenant: start_node({"OPERATION_NODE_URL": f"http://127.0.0.1:{service.port}", "HEARTBEAT_SECONDS": "1", "TENANT_ID": tenant, "NODE_ID": f"n-{tenant}"})
             for tenant in ("acme", "globex")}
    monitoring = watching(service, ALERT_WEBHOOK_URL=f"http://127.0.0.1:{hook.server_port}/")
    client = monitoring.client()
    monitoring.wait_for(lambda client: {one["status"] for one in nodes_of(client).values()} == {"ok"} and len(nodes_of(client)) == 2, "both are seen")
    nodes["acme"].kill()
    fired = told_of.get(timeout=30)
    assert (fired["rule"], fired["service"], fired["node"], fired["state"]) == ("Gone", "tenant-node", "n-acme", "firing")
    assert alerts_of(client) == {("Gone", "n-acme")}
    seen = nodes_of(client)
    assert seen["n-acme"]["status"] == "down" and seen["n-globex"]["status"] == "ok"
    status = checked(client, "/status")
    assert status["status"] == "degraded" and status["fleet"]["down"] == 1
    assert next(one for one in status["fleet"]["list"] if one["node"] == "n-acme")["error"]
    with pytest.raises(Refused) as refused:
        client.call("GET", "/usage/acme")
    assert refused.value.status == 503
    assert client.call("GET", "/usage/globex")["nodes"] == 1
    # A silence of this node is one of no other's.
    silence = client.call("POST", "/alerts/silences", {"node": "n-acme", "minutes": 5})
    assert silence["node"] == "n-acme" and client.call("GET", "/alerts")["alerts"][0]["silenced"] is True
    monitoring.restart()
    client = monitoring.client()
    assert client.call("GET", "/alerts")["silences"] == [silence]
    nodes["globex"].kill()
    assert told_of.get(timeout=30)["node"] == "n-globex"
    nodes["acme"].start()
    monitoring.wait_for(lambda client: nodes_of(client)["n-acme"]["status"] == "ok" and alerts_of(client) == {("Gone", "n-globex")}, "it is back")
    hook.shutdown()
    hook.server_close()


def test_while_the_operation_node_is_away_its_nodes_are_looked_at(operation, watching, start_node):
    service = operation(ADOPT_TENANTS="true", **PATIENT)
    node = start_node({"OPERATION_NODE_URL": f"http://127.0.0.1:{service.port}", "HEARTBEAT_SECONDS": "1", "TENANT_ID": "acme", "NODE_ID": "n"})
    monitoring = watching(service)
    monitoring.wait_for(lambda client: nodes_of(client).get("n", {}).get("status") == "ok", "it is seen")
    service.kill()
    monitoring.wait_for(lambda client: ("Unknown", None) in alerts_of(client), "it is told")
    client = monitoring.client()
    status = checked(client, "/status")
    assert "cannot be reached" in status["fleet"]["error"] and status["fleet"]["nodes"] == 1
    assert told(monitoring, "which nodes there are is not learned from the Operation Node; those of before are looked at") == 1
    node.client().add({"source_id": "s"})
    node.client().write("s", [{"a": 1}])
    monitoring.wait_for(lambda client: client.call("GET", "/usage/acme")["rows_written"] == 1, "the node is looked at")
    assert nodes_of(client)["n"]["status"] == "ok"
    service.start()
    monitoring.wait_for(lambda client: checked(client, "/status")["fleet"]["error"] is None and ("Unknown", None) not in alerts_of(client), "it is back")


def test_tenants_of_one_node_are_told_apart(operation, watching):
    service = operation(LAUNCH_CAPACITY="2")
    fleet = service.client()
    for tenant in ("acme", "globex"):
        fleet.call("POST", "/tenants", {"tenant_id": tenant})
    placed = [serving(service, tenant)["placement"] for tenant in ("acme", "globex")]
    assert placed[0]["node_id"] == placed[1]["node_id"]
    for tenant, rows in (("acme", 3), ("globex", 5)):
        node = Client(int(placed[0]["url"].rsplit(":", 1)[1]), headers={"X-Tenant-Id": tenant})
        wait_ready(node)
        node.add({"source_id": "s"})
        node.write("s", [{"a": i} for i in range(rows)])
        assert len(node.rows(source_id="s")) == rows
    monitoring = watching(service)

    def used(tenant, rows):
        return lambda client: client.raw("GET", f"/usage/{tenant}")[0] == 200 and client.call("GET", f"/usage/{tenant}")["rows_written"] == rows

    for tenant, rows in (("acme", 3), ("globex", 5)):
        monitoring.wait_for(used(tenant, rows), f"what {tenant} wrote")
        usage = checked(monitoring.client(), f"/usage/{tenant}", "/usage/{tenant}")
        assert (usage["requests"], usage["calls"], usage["rows_returned"], usage["searches"], usage["sources"]) == (3, 0, rows, 1, 1)


def test_a_key_that_the_operation_node_does_not_take_is_said(operation, watching):
    service = operation(OPERATION_NODE_KEY="k" * 32)
    monitoring = watching(service, OPERATION_NODE_KEY="x" * 32)
    monitoring.wait_for(lambda client: ("Unknown", None) in alerts_of(client), "it is told")
    assert "OPERATION_NODE_KEY" in checked(monitoring.client(), "/status")["fleet"]["error"]
    assert "k" * 32 not in monitoring.log()


def test_what_a_node_says_is_about_nobody_else(operation, watching, fake_node):
    """A node that names another's tenant, claims to be another, and says more than it may."""
    service = operation(ADOPT_TENANTS="true", **PATIENT)
    fleet = service.client()
    honest = fake_node('granary_build_info{tenant_id="acme"} 1\ngranary_tenant_rows_written_total 7\n')
    liar = fake_node('granary_build_info{tenant_id="acme"} 1\ngranary_tenant_rows_written_total{node="honest",service="auth-gateway"} 1000\ngranary_tenant_rows_written_total{tenant_id="acme"} 5000\n'
                     + "granary_searches_admitted_total NaN\n" + "".join(f'm{{x="{i}"}} 1\n' for i in range(500)))
    stranger = fake_node("granary_ready 1\n", service="auth-gateway")
    for name, fake, tenants in (("honest", honest, ["acme"]), ("liar", liar, ["globex"]), ("stranger", stranger, ["initech"])):
        beat(fleet, name, fake.url, tenants)
    monitoring = watching(service, SCRAPE_NODE_SERIES_MAX="1000")
    monitoring.wait_for(lambda client: {name: one["status"] for name, one in nodes_of(client).items()} == {"honest": "ok", "liar": "ok", "stranger": "down"}, "all are looked at")
    client = monitoring.client()
    assert client.call("GET", "/usage/acme")["rows_written"] == 7
    assert client.call("GET", "/usage/globex")["rows_written"] == 1000 and client.call("GET", "/usage/globex")["searches"] is None
    lines = client.raw("GET", "/metrics")[2].decode().splitlines()
    assert 'granary_tenant_rows_written_total{service="tenant-node",node="liar",exported_node="honest",exported_service="auth-gateway"} 1000' in lines
    assert [one for one in lines if 'node="honest"' in one and one.startswith("granary_tenant_rows_written_total{service=\"tenant-node\",node=\"honest\"")] == ['granary_tenant_rows_written_total{service="tenant-node",node="honest"} 7']
    assert not any('node="stranger"' in one for one in lines)
    # Nothing of ours goes there.
    assert all("Authorization" not in headers for fake in (honest, liar, stranger) for _, headers in fake.asked)
    # Past its share it says nothing new, and its tenant is told that, not a part.
    liar.metrics = "".join(f'm{{y="{i}"}} 1\n' for i in range(5000))
    monitoring.wait_for(lambda client: next(one for one in checked(client, "/status")["fleet"]["list"] if one["node"] == "liar")["series_left_out"] > 3500, "it is held back")
    with pytest.raises(Refused) as refused:
        client.call("GET", "/usage/globex")
    assert refused.value.status == 503 and "SCRAPE_NODE_SERIES_MAX" in refused.value.problem["detail"]
    assert client.call("GET", "/usage/acme")["rows_written"] == 7
    assert sum('node="liar"' in one for one in client.raw("GET", "/metrics")[2].decode().splitlines()) <= 1000
    series = client.call("GET", "/api/series?name=m&node=liar&of=last&step=1h")["series"]
    assert 0 < len(series) <= 1000


def test_no_more_nodes_than_so_many(operation, watching, fake_node):
    service = operation(**PATIENT)
    fake = fake_node("granary_ready 1\n")
    for name in "abc":
        beat(service.client(), name, fake.url, [])
    monitoring = watching(service, SCRAPE_NODES_MAX="2", SCRAPE_NODES_AT_ONCE="1")
    monitoring.wait_for(lambda client: ("More", None) in alerts_of(client), "it is told")
    status = checked(monitoring.client(), "/status")
    assert status["fleet"]["has_more"] is True and [one["node"] for one in status["fleet"]["list"]] == ["a", "b"]
    monitoring.stop()
    monitoring.env["SCRAPE_NODES_MAX"] = "0"
    assert checked(monitoring.start().client(), "/status")["fleet"] is None


def test_nodes_that_hang_hold_up_no_look_at_the_services(operation, watching, fake_node):
    service = operation(**PATIENT)
    gate = threading.Event()

    class Hanging(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            gate.wait()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hanging)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in ("a", "b", "c", "d"):
        beat(service.client(), name, f"http://127.0.0.1:{server.server_port}", [])
    beat(service.client(), "well", fake_node("granary_ready 1\n").url, [])
    try:
        monitoring = watching(service, SCRAPE_TIMEOUT_MS="1000", SCRAPE_NODES_AT_ONCE="1")
        client = monitoring.client()
        monitoring.wait_for(lambda client: nodes_of(client).get("well", {}).get("status") == "ok", "it has its turn")
        rounds = checked(client, "/status")["rounds"]
        looks = lambda client: client.metric('granary_monitoring_node_rounds_total{service="monitoring"}')
        before = looks(client)
        monitoring.wait_for(lambda client: looks(client) >= before + 2, "two rounds of nodes")
        assert checked(client, "/status")["rounds"] >= rounds + 2
        assert monitoring.stop() == 0
    finally:
        gate.set()
        server.shutdown()
        server.server_close()


def test_a_launched_node_that_is_killed_comes_back_where_it_is_then(operation, watching):
    service = operation(**PATIENT)
    service.client().call("POST", "/tenants", {"tenant_id": "acme"})
    serving(service, "acme")
    monitoring = watching(service)
    monitoring.wait_for(lambda client: [one["status"] for one in nodes_of(client).values()] == ["ok"], "it is seen")
    before, = checked(monitoring.client(), "/status")["fleet"]["list"]
    child, = processes_of(service)
    os.kill(child, signal.SIGKILL)

    def is_back(client):
        now, = checked(client, "/status")["fleet"]["list"]
        return now["status"] == "ok" and now["url"] != before["url"]

    monitoring.wait_for(is_back, "it is seen at its new address")
    until(lambda: alerts_of(monitoring.client()) == set(), "nothing is left of it")
