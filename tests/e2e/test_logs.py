"""GET /logs/{service}: the last log lines of every service, of one process or of several, without secrets."""

import json
import re

import pytest

from gateway import Gateway, KeyClient
from node import Node, Refused, free_port
from service import Service
from tokens import Signer

KEY = "a fleet's secret 0123456789".replace(" ", "-")
SERVICES = ("auth-gateway", "cbo-engine", "metadata-catalog", "monitoring", "operation-node", "tenant-node")


@pytest.fixture
def up(tmp_path):
    service = Service("up", "MONITORING_PORT", tmp_path, {"REST_PORT": str(free_port()), "GRPC_PORT": "0", "GRPC_HOST": "127.0.0.1",
                                                          "CBO_ENGINE_PORT": "0", "LOG_LEVEL": "debug"}).start()
    service.wait_for(lambda _: "Try:" in service.log(), "it says where everything is")
    yield service
    service.close()


@pytest.fixture
def monitoring(tmp_path):
    started = []

    def start(targets=None, **env):
        text = ",".join(f"{name}=http://127.0.0.1:{port}" for name, port in (targets or {}).items())
        started.append(Service("monitoring", "MONITORING_PORT", tmp_path / f"monitoring-{len(started)}",
                               {"MONITORING_TARGETS": text, "LOG_LEVEL": "debug", "SCRAPE_INTERVAL_SECONDS": "3600", **env}))
        return started[-1].start()

    yield start
    for service in started:
        service.close()


def page(client, service="monitoring", query=""):
    return client.call("GET", f"/logs/{service}{query}")


def test_each_service_of_one_process_has_lines_of_its_own(up):
    client = up.client()
    for service in SERVICES:
        found = page(client, service)
        assert found["service"] == service and found["lines"], service
        assert all({"ts", "level", "msg"} <= set(line) and line["service"] == service for line in found["lines"])
        assert {"ready", "open"} & {line["msg"] for line in page(client, service, "?level=info")["lines"]}
    # The same lines as on stderr, in their order.
    written = [line for line in up.log().splitlines() if line.startswith("{") and '"service":"cbo-engine"' in line]
    kept = [json.dumps(line, separators=(",", ":")) for line in page(client, "cbo-engine", "?limit=10000")["lines"]]
    assert kept == [json.dumps(json.loads(line), separators=(",", ":")) for line in written[:len(kept)]] and len(kept) >= 2
    with pytest.raises(Refused) as refused:
        page(client, "nobody")
    assert refused.value.status == 404 and "/health/all" in refused.value.problem["detail"]


def test_filters(monitoring):
    client = monitoring().client()
    for n in range(3):
        client.raw("GET", f"/nowhere/{n}", headers={"X-Request-Id": f"request-{n}"})
    assert [line["request_id"] for line in page(client, query="?text=/NOWHERE/")["lines"]] == [f"request-{n}" for n in range(3)]
    one, = page(client, query="?request_id=request-1")["lines"]
    assert one["path"] == "/nowhere/1" and one["level"] == "debug"
    assert page(client, query="?request_id=request")["lines"] == []
    assert all(line["level"] != "debug" for line in page(client, query="?level=info")["lines"])
    later = page(client, query=f"?since={one['ts']}&text=nowhere")["lines"]
    assert [line["path"] for line in later] in (["/nowhere/1", "/nowhere/2"], ["/nowhere/0", "/nowhere/1", "/nowhere/2"])
    assert page(client, query="?since=2100-01-01")["lines"] == []


def test_bad_filters_are_refused_by_name(monitoring, node):
    clients = [(monitoring().client(), "/logs/monitoring"), (node.client(), "/logs")]
    for client, target in clients:
        for name, value in (("level", "loud"), ("since", "yesterday"), ("limit", "0"), ("limit", "10001"), ("limit", "x"), ("after", "-1"),
                            ("after", "9223372036854775807"), ("before", "1.5"), ("text", "x" * 1025), ("request_id", "x" * 1025)):
            status, _, body = client.raw("GET", f"{target}?{name}={value}")
            assert status == 400 and name in json.loads(body)["detail"], (name, value, body)
        assert client.raw("GET", f"{target}?after=1&before=2")[0] == 400
        assert client.raw("GET", f"{target}?levle=info")[0] == 400
        for query in ("limit=1", "limit=10000", "after=0", "after=9223372036854775806", "before=0", "text=" + "x" * 1024):
            assert client.raw("GET", f"{target}?{query}")[0] == 200, query


def test_pages_and_following_miss_nothing_also_across_a_restart(monitoring):
    service = monitoring()
    client = service.client()
    for n in range(25):
        client.raw("GET", f"/nowhere/{n}")
    back, query = [], "?text=nowhere&limit=10"
    while True:
        found = page(client, query=query)
        back = [line["path"] for line in found["lines"]] + back
        if not found["more"]:
            break
        query = f"?text=nowhere&limit=10&before={found['first']}"
    assert back == [f"/nowhere/{n}" for n in range(25)]
    after = page(client)["next"]
    client.close()
    service.restart()
    client = service.client()
    seen = page(client, query=f"?after={after}")
    assert "listening" in {line["msg"] for line in seen["lines"]} and seen["next"] > after
    assert not any("/nowhere" in line.get("path", "") for line in seen["lines"])


def test_memory_for_lines_is_a_setting(monitoring):
    for kept, bytes_max in (("0", 0), ("1", 1 << 10), ("2", 2 << 10)):
        client = monitoring(LOG_KEEP_KB=kept).client()
        for n in range(40):
            client.raw("GET", f"/nowhere/{n}")
        found = page(client, query="?limit=10000")
        assert found["kept_bytes"] <= bytes_max and found["gone_lines"] > 0
        assert len(found["lines"]) == found["kept_lines"] and (bytes_max == 0) == (found["lines"] == [])
        if bytes_max:
            assert found["lines"][-1]["path"] == "/nowhere/39" and found["kept_bytes"] > bytes_max // 2
    monitoring(LOG_KEEP_KB="65536")
    with pytest.raises(AssertionError, match="LOG_KEEP_KB is '65537'"):
        monitoring(LOG_KEEP_KB="65537")


def test_services_of_other_processes_show_theirs_to_whoever_has_the_key(tmp_path, monitoring):
    gateway = Gateway(tmp_path / "gateway", {"OPERATION_NODE_KEY": KEY}).start()
    (tmp_path / "node").mkdir()
    node = Node(tmp_path / "node", {"OPERATION_NODE_KEY": KEY, "GATEWAY_JWKS": f"http://127.0.0.1:{gateway.port}/auth/jwks.json"}).start()
    try:
        targets = {"auth-gateway": gateway.port, "tenant-node": node.port, "nobody": free_port()}
        watcher = monitoring(targets, OPERATION_NODE_KEY=KEY)
        assert watcher.client().raw("GET", "/logs/tenant-node")[0] == 401, "with a key it is shown, on this machine too"
        client = KeyClient(watcher.port, KEY)
        for service in ("auth-gateway", "tenant-node"):
            found = page(client, service, "?level=info&limit=1000")
            assert found["service"] == service and {"listening", "ready"} <= {line["msg"] for line in found["lines"]}
            assert client.raw("GET", f"/logs/{service}?level=loud")[0] == 400
        with pytest.raises(Refused) as refused:
            page(client, "nobody")
        assert refused.value.status == 503 and "does not answer" in refused.value.problem["detail"]

        # Without the key, or with another, nobody is shown a line; nor is a user with all rights.
        for wrong in ("", KEY[:-1] + "x"):
            stranger = monitoring(targets, OPERATION_NODE_KEY=wrong)
            with pytest.raises(Refused) as refused:
                page(KeyClient(stranger.port, wrong) if wrong else stranger.client(), "tenant-node")
            assert refused.value.status == 503 and "OPERATION_NODE_KEY" in refused.value.problem["detail"]
        for port in (gateway.port, node.port):
            service = KeyClient(port, KEY)
            assert service.raw("GET", "/logs")[0] == 200
            for credential in ("x", KEY + "x", gateway.first_key()):
                assert KeyClient(port, credential).raw("GET", "/logs")[0] == 401
        assert gateway.client().raw("GET", "/logs")[0] == node.client().raw("GET", "/logs")[0] == 401
    finally:
        node.close()
        gateway.close()


def test_lines_of_a_service_are_no_business_of_its_users(own_estate, start_node, tmp_path):
    """A token with all rights opens no log of a node, and the gateway does not pass the request on."""
    signer = Signer()
    (tmp_path / "jwks.json").write_text(signer.jwks())
    node = start_node({"GATEWAY_JWKS": str(tmp_path / "jwks.json"), "TENANT_ID": "acme"})
    shown = {"Granary-Token": signer.token("acme", ["rwa:*"])}
    assert node.client().raw("GET", "/sources", headers=shown)[0] == 200
    assert node.client().raw("GET", "/logs", headers=shown)[0] == 401
    assert own_estate().admin().raw("GET", "/logs")[0] == 401


def test_secrets_stand_in_no_line(up):
    """At the level of debug, wherever a client puts them."""
    ports = {name: int(port) for name, port in re.findall(r"(Auth Gateway|Operation Node|Tenant Node|CBO Engine) +http://127.0.0.1:(\d+)", up.log())}
    first = re.search(r"gk_[0-9a-f]{16}_[0-9A-Za-z]{43}", up.log())[0]
    admin = KeyClient(ports["Auth Gateway"], first)
    admin.call("POST", "/auth/users", {"username": "ada", "password": "a very long password", "roles": ["reader"]})
    login = {"username": "ada", "password": "a very long password"}
    tokens = admin.raw("POST", "/auth/login", login)[2]
    tokens = json.loads(tokens)
    made = admin.call("POST", "/auth/keys", {"name": "k"})["key"]
    renewed = admin.call("POST", "/auth/refresh", {"refresh_token": tokens["refresh_token"]})
    secrets = {"password": "a very long password", "key": first.split("_")[2], "made key": made.split("_")[2],
               "access token": tokens["access_token"].split(".")[2], "refresh token": tokens["refresh_token"][3:],
               "renewed": renewed["access_token"].split(".")[2]}
    for port in [*ports.values(), up.port]:
        for secret in (made, tokens["access_token"], tokens["refresh_token"]):
            client = KeyClient(port, secret)
            client.raw("GET", f"/sources/{secret}")
            client.raw("GET", f"/nowhere/{secret}?key={secret}", headers={"X-Request-Id": f"id-{secret}"})
            client.raw("DELETE", f"/auth/keys/{secret}")
            client.raw("POST", f"/auth/keys/{secret}/rotate", {})
            client.close()
    admin.raw("POST", "/auth/login", {**login, "password": "a very long password", "username": made})
    client = up.client()
    lines = {service: json.dumps(page(client, service, "?limit=10000")["lines"]) for service in SERVICES}
    assert "***" in lines["auth-gateway"] and "/nowhere/" in lines["tenant-node"]
    written = "\n".join(line for line in up.log().splitlines() if line.startswith("{"))
    for what, secret in secrets.items():
        for service, text in [*lines.items(), ("stderr", written)]:
            assert secret not in text, (what, service)
