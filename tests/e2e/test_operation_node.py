"""What the Operation Node takes and refuses: requests, limits, settings, keys; and that its document says so."""

import itertools
import json
import re
import string

import pytest

from document_fuzz import fuzz, short_and_long
from fleet import KEY, PATIENT, beat, gone, operation, own_address, processes_of, refused, serving
from node import REPOSITORY, Client


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


BAD = [
    *(("PUT", "/nodes/n", {"key": KEY, "url": url}, 400, "/url") for url in ("https://n:8000", "http://a:99999", "http://a:x", 'http://a"b', "http://a\tb", "http://a/b")),
    ("POST", "/tenants", "{", 400, None), ("POST", "/tenants", [], 400, None), ("POST", "/tenants", {}, 400, "/tenant_id"),
    ("POST", "/tenants", {"tenant_id": "../x"}, 400, "/tenant_id"), ("POST", "/tenants", {"tenant_id": "x" * 129}, 400, "/tenant_id"),
    ("POST", "/tenants", {"tenant_id": 7}, 400, "/tenant_id"), ("POST", "/tenants", {"tenant_id": "a", "soap": 1}, 400, "/soap"),
    ("POST", "/tenants", {"tenant_id": "a", "name": "x" * 256}, 400, "/name"), ("POST", "/tenants", {"tenant_id": "a", "quota": 1}, 400, "/quota"),
    ("POST", "/tenants", {"tenant_id": "a", "quota": {"sources": 0}}, 400, "/quota/sources"),
    ("POST", "/tenants", {"tenant_id": "a", "quota": {"memory_mb": 95}}, 400, "/quota/memory_mb"),
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


DOCUMENT = REPOSITORY / "docs/openapi/operation_node.json"


def test_the_document_is_valid_and_the_one_in_the_docs(operation):
    from openapi_spec_validator import validate

    validate(json.loads(DOCUMENT.read_text()))
    assert operation().client().call("GET", "/openapi.json") == json.loads(DOCUMENT.read_text())


@short_and_long
def test_answers_follow_the_document(operation, figure, examples):
    service = operation(MAX_LAUNCHED_NODES="0")
    beat(service.client(), "n1", tenants=["acme"], capacity=3)
    service.client().call("POST", "/tenants", {"tenant_id": "acme", "quota": {"workers": 2}})
    fuzz(service, DOCUMENT, figure, examples)
