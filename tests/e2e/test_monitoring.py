"""Monitoring: health of all services, what they measure over time, alerts and whom they are told."""

import http.server
import json
import queue
import socket
import threading

import pytest

from document_fuzz import fuzz, short_and_long
from node import REPOSITORY, Refused, free_port
from service import Service


@pytest.fixture
def monitoring(tmp_path):
    """Starts Monitoring, looking at `targets` every second; it ends with the test."""
    started = []

    def start(targets, **env):
        text = ",".join(f"{name}=http://127.0.0.1:{port}" for name, port in targets.items())
        service = Service("monitoring", "MONITORING_PORT", tmp_path / "monitoring",
                          {"MONITORING_TARGETS": text, "SCRAPE_INTERVAL_SECONDS": "1", **env})
        started.append(service)
        return service.start()

    yield start
    for service in started:
        service.close()


@pytest.fixture
def hook():
    """A URL that takes what is posted there."""
    told = queue.Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/alerts", told
    server.shutdown()


def state_of(client, service):
    found = {one["service"]: one for one in client.call("GET", "/health/all")["services"]}
    return found[service]["status"] if service in found else None


def test_health_of_all_services(node, monitoring):
    service = monitoring({"tenant-node": node.port, "cbo-engine": free_port()})
    service.wait_for(lambda client: state_of(client, "tenant-node") == "ok", "the node is seen")
    client = service.client()
    health = client.call("GET", "/health/all")
    assert health["status"] == "degraded"
    seen = {one["service"]: one for one in health["services"]}
    assert seen["tenant-node"]["health"]["tenant_id"] == "default_tenant" and seen["tenant-node"]["error"] is None
    assert seen["cbo-engine"]["status"] == "down" and "cannot connect" in seen["cbo-engine"]["error"]
    status = client.call("GET", "/status")
    assert (status["services"], status["ready"], status["series_error"]) == (2, 1, None)
    node.kill()
    service.wait_for(lambda client: client.call("GET", "/health/all")["status"] == "down", "the node is gone")
    node.start()
    service.wait_for(lambda client: state_of(client, "tenant-node") == "ok", "the node is back")


def test_metrics_of_all_services_in_one_text(node, monitoring):
    service = monitoring({"tenant-node": node.port})
    service.wait_for(lambda client: state_of(client, "tenant-node") == "ok", "the node is seen")
    text = service.client().raw("GET", "/metrics")[2].decode()
    assert 'granary_ready{service="tenant-node"} 1' in text and 'granary_ready{service="monitoring"} 1' in text
    assert text.count("# TYPE granary_ready gauge") == 1
    assert 'granary_monitoring_rounds_total{service="monitoring"}' in text


def test_series_are_kept_across_a_restart(node, monitoring):
    # It looks at itself, too: what it tells of others is not taken for its own.
    service = monitoring({"tenant-node": node.port})
    service.env["MONITORING_TARGETS"] += f",monitoring=http://127.0.0.1:{service.port}"
    service.restart()
    node.client().add({"source_id": "s", "schema_definition": {"a": "int64"}})
    node.client().write("s", [{"a": 1}, {"a": 2}])

    def written(client):
        series = client.call("GET", "/api/series?name=granary_rows_written_total&of=last&step=1s")["series"]
        return series and series[0]["points"][-1][1] == 2

    service.wait_for(written, "two rows are measured")
    before = service.client().call("GET", "/api/series?name=granary_rows_written_total&of=last&step=1h")["series"]
    assert [(one["service"], one["labels"]) for one in before] == [("tenant-node", {})]
    service.restart()
    client = service.client()
    assert client.call("GET", "/api/series?name=granary_rows_written_total&of=max&step=1h")["series"][0]["points"][0][1] == 2
    assert {"up", "ready", "granary_rows_written_total"} <= set(client.call("GET", "/api/series")["names"])
    assert client.call("GET", "/api/series?name=none") == {"name": "none", "of": "avg", "step_seconds": 60, "series": []}
    # Uptime grows by a second in a second.
    def rates(client):
        series = client.call("GET", "/api/series?name=granary_uptime_seconds&service=tenant-node&of=rate&step=1s")["series"]
        return series and series[0]["points"]

    assert all(0 <= rate < 3 for _, rate in service.wait_for(rates, "two looks make a rate"))
    service.wait_for(lambda client: state_of(client, "tenant-node") == "ok", "the node is seen again")
    usage = client.call("GET", "/usage/default_tenant")
    assert usage["nodes"] == 1 and usage["rows_written"] == 2


@pytest.mark.parametrize("query,word", [
    ("name=up&step=x", "step"), ("name=up&step=0s", "step"), ("name=up&step=32d", "step"), ("name=up&of=median", "of"),
    ("name=up&start=yesterday", "start"), ("name=up&start=2024-01-01&end=2024-01-01", "end"),
    ("name=up&start=2024-01-01&end=2024-01-02&step=1s", "step"), ("nmae=up", "nmae"), ("step=1m", "name")])
def test_bad_ranges(monitoring, query, word):
    with pytest.raises(Refused) as refused:
        monitoring({}).client().call("GET", "/api/series?" + query)
    assert refused.value.status == 400 and word in refused.value.problem["detail"]


def test_at_most_so_many_points(monitoring):
    client = monitoring({}).client()
    client.call("GET", "/api/series?name=up&start=2024-01-01T00:00:00Z&end=2024-01-01T03:03:20Z&step=1s")
    with pytest.raises(Refused) as refused:
        client.call("GET", "/api/series?name=up&start=2024-01-01T00:00:00Z&end=2024-01-01T03:03:21Z&step=1s")
    assert "11001 points" in refused.value.problem["detail"]


RULES = {"rules": [{"name": "Gone", "metric": "up", "op": "lt", "value": 1, "severity": "critical", "summary": "it does not answer"}]}


def test_an_alert_fires_is_told_and_resolved(node, monitoring, hook, tmp_path):
    url, told = hook
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps(RULES))
    service = monitoring({"tenant-node": node.port}, ALERT_RULES_FILE=str(rules), ALERT_WEBHOOK_URL=url)
    service.wait_for(lambda client: state_of(client, "tenant-node") == "ok", "the node is seen")
    assert service.client().call("GET", "/alerts")["alerts"] == []
    node.kill()
    fired = told.get(timeout=30)
    assert (fired["rule"], fired["service"], fired["state"], fired["value"]) == ("Gone", "tenant-node", "firing", 0)
    alert, = service.client().call("GET", "/alerts")["alerts"]
    assert alert["state"] == "firing" and alert["summary"] == "it does not answer"
    node.start()
    assert told.get(timeout=30)["state"] == "resolved"
    service.wait_for(lambda client: client.call("GET", "/alerts")["alerts"] == [], "it is over")
    assert '"msg":"alert","rule":"Gone","state":"firing"' in service.log()


def test_a_silence_keeps_it_quiet_across_a_restart(node, monitoring, hook, tmp_path):
    url, told = hook
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps({"rules": [*RULES["rules"], {**RULES["rules"][0], "name": "Other"}]}))
    service = monitoring({"tenant-node": node.port}, ALERT_RULES_FILE=str(rules), ALERT_WEBHOOK_URL=url)
    silence = service.client().call("POST", "/alerts/silences", {"rule": "Gone", "comment": "being moved", "minutes": 5})
    assert silence["rule"] == "Gone" and silence["service"] is None
    service.restart()
    assert service.client().call("GET", "/alerts")["silences"] == [silence]
    node.kill()
    assert told.get(timeout=30)["rule"] == "Other"
    silenced = {alert["rule"]: alert["silenced"] for alert in service.client().call("GET", "/alerts")["alerts"]}
    assert silenced == {"Gone": True, "Other": False}
    assert service.client().raw("DELETE", f"/alerts/silences/{silence['id']}")[0] == 204
    assert service.client().call("GET", "/alerts")["silences"] == []
    with pytest.raises(Refused) as refused:
        service.client().call("DELETE", f"/alerts/silences/{silence['id']}")
    assert refused.value.status == 404
    assert told.empty()


@pytest.mark.parametrize("body,pointer", [
    ({"minutes": 5}, ""), ({"rule": "None", "minutes": 5}, "/rule"), ({"service": "x"}, "/minutes"), ({"service": "x", "minutes": 0}, "/minutes"),
    ({"service": "x", "minutes": 43201}, "/minutes"), ({"service": "x", "minutes": 1, "soap": 1}, "/soap"),
    ({"service": "x", "minutes": 1, "comment": "x" * 1001}, "/comment")])
def test_bad_silences(monitoring, body, pointer):
    client = monitoring({}).client()
    with pytest.raises(Refused) as refused:
        client.call("POST", "/alerts/silences", body)
    assert refused.value.status == 400 and refused.value.pointers == [pointer]
    assert client.call("GET", "/alerts")["silences"] == []


@pytest.mark.parametrize("settings,said", [
    ({"MONITORING_TARGETS": "node"}, "MONITORING_TARGETS is 'node'"), ({"SCRAPE_INTERVAL_SECONDS": "0"}, "SCRAPE_INTERVAL_SECONDS"),
    ({"ALERT_WEBHOOK_URL": "ftp://x"}, "ALERT_WEBHOOK_URL"), ({"SERIES_RETENTION_DAYS": "0"}, "a whole number from 1 to 3650")])
def test_bad_settings_stop_the_start(tmp_path, settings, said):
    service = Service("monitoring", "MONITORING_PORT", tmp_path, settings).start(wait=False)
    assert service.process.wait(timeout=60) == 2 and said in service.log()


def test_bad_rules_stop_the_start(tmp_path):
    rules = tmp_path / "rules.json"
    rules.write_text('{"rules": [{"name": "a", "metric": "m", "op": "above", "value": 1}]}')
    service = Service("monitoring", "MONITORING_PORT", tmp_path, {"ALERT_RULES_FILE": str(rules)}).start(wait=False)
    assert service.process.wait(timeout=60) == 1 and "one of gt, gte" in service.log() and str(rules) in service.log()


def test_another_services_port_is_named(node, tmp_path):
    service = Service("monitoring", "MONITORING_PORT", tmp_path, {"MONITORING_PORT": str(node.port)}).start(wait=False)
    assert service.process.wait(timeout=60) == 1 and str(node.port) in service.log()


def test_a_target_that_drips_holds_up_nobody(node, monitoring):
    """Each look has its time as a whole, not each byte of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        over = threading.Event()

        def drip(connection):
            with connection:
                try:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\n")
                    while not over.wait(0.05):
                        connection.sendall(b"x")
                except OSError:
                    pass

        def accept():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=drip, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        service = monitoring({"tenant-node": node.port, "slow": listener.getsockname()[1]}, SCRAPE_TIMEOUT_MS="500")
        service.wait_for(lambda client: client.call("GET", "/status")["rounds"] >= 3, "it goes on looking", 30)
        assert state_of(service.client(), "tenant-node") == "ok" and state_of(service.client(), "slow") == "down"
        over.set()


DOCUMENT = REPOSITORY / "docs/openapi/monitoring.json"


def test_the_document_is_valid_and_the_one_in_the_docs(monitoring):
    from openapi_spec_validator import validate

    validate(json.loads(DOCUMENT.read_text()))
    assert monitoring({}).client().call("GET", "/openapi.json") == json.loads(DOCUMENT.read_text())


@short_and_long
def test_answers_follow_the_document(node, monitoring, figure, examples):
    service = monitoring({"tenant-node": node.port})
    service.wait_for(lambda client: state_of(client, "tenant-node") == "ok", "the node is seen")
    fuzz(service, DOCUMENT, figure, examples)


def test_cloudwatch_gets_lines_that_it_makes_metrics_of(node, monitoring):
    """Embedded metric format: each metric that is declared is there, a number, under its dimension."""
    service = monitoring({"tenant-node": node.port, "away": free_port()}, CLOUDWATCH_EMF="true", CLOUDWATCH_NAMESPACE="Shop/Granary")

    def lines():
        return [json.loads(line) for line in service.log().splitlines() if line.startswith('{"_aws"')]

    client = node.client()
    client.add({"source_id": "s"})
    service.wait_for(lambda _: any("requests" in line for line in lines()), "a second look", 30)
    client.write("s", [{"a": 1}, {"a": 2}])
    client.flush("s")
    service.wait_for(lambda _: any(line.get("rows_written") == 2 for line in lines()), "what was written is told", 30)
    service.wait_for(lambda _: any(line.get("rows") == 2 and line.get("stored_bytes", 0) > 0 for line in lines()), "what is held is told", 30)
    for line in lines():
        directive, = line["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "Shop/Granary" and directive["Dimensions"] == [["service"]] and isinstance(line["service"], str)
        assert 1 <= len(directive["Metrics"]) <= 100 and isinstance(line["_aws"]["Timestamp"], int)
        for metric in directive["Metrics"]:
            assert isinstance(line[metric["Name"]], (int, float)) and metric["Unit"] in ("None", "Count", "Bytes", "Milliseconds")
    assert {(line["service"], line["up"]) for line in lines()} == {("tenant-node", 1), ("away", 0)}


def test_cloudwatch_gets_nothing_unless_asked(monitoring):
    service = monitoring({})
    service.wait_for(lambda client: client.call("GET", "/status")["rounds"] >= 2, "two looks", 30)
    assert '"_aws"' not in service.log()
    service.close()
    refused = Service("monitoring", "MONITORING_PORT", service.folder, {"CLOUDWATCH_NAMESPACE": "a b"}).start(wait=False)
    assert refused.process.wait(timeout=60) == 2 and "CLOUDWATCH_NAMESPACE is 'a b'" in refused.log()
