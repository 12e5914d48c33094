"""Who changed tenants and nodes at the Operation Node, when, and what came of it; and users of tenants that there are."""

import json
import sqlite3

import jsonschema
import pytest

from fleet import KEY, PATIENT, beat, fleet_gateway, operation, refused
from node import REPOSITORY, Client, Refused, until

DOCUMENT = json.loads((REPOSITORY / "docs/openapi/operation_node.json").read_text())
NOBODY = {"MAX_LAUNCHED_NODES": "0"}  # Tenants wait: where they are is not the subject.


def audit(client, query=""):
    page = client.call("GET", "/audit" + query)
    schema = DOCUMENT["paths"]["/audit"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(page, {**schema, "components": DOCUMENT["components"]})
    return page["entries"]


def told(entries):
    return [(one["action"], one["target"], one["outcome"], one["answer"]) for one in entries]


def test_each_change_is_written_down_with_who_what_when_and_outcome(operation):
    service = operation(**NOBODY, **PATIENT)
    client = service.client()
    client.call("POST", "/tenants", {"tenant_id": "acme", "name": "Acme", "quota": {"sources": 3}}, {"X-Request-Id": "the-first"})
    client.call("POST", "/tenants/acme/suspend")
    client.call("POST", "/tenants/acme/resume")
    client.call("PUT", "/tenants/acme/quota", {"memory_mb": 512})
    assert refused(client, "POST", "/tenants", {"tenant_id": "acme", "name": "Other"})["status"] == 409
    assert refused(client, "POST", "/tenants/nobody/suspend")["status"] == 404
    beat(client, "n", tenants=["acme"])
    client.call("POST", "/nodes/n/drain")
    client.call("PUT", "/scaling/policy", {"enabled": True})
    client.raw("DELETE", "/tenants/acme?keep_data=true")
    entries = audit(client)
    assert told(entries[:1])[0][:3] == ("tenant.delete", "acme", "done") and entries[0]["answer"] in ("HTTP 202", "HTTP 204")
    assert told(reversed(entries[1:])) == [
        ("tenant.create", "acme", "done", "HTTP 201"), ("tenant.suspend", "acme", "done", "HTTP 200"), ("tenant.resume", "acme", "done", "HTTP 200"),
        ("tenant.quota", "acme", "done", "HTTP 200"), ("tenant.create", "acme", "refused", "CONFLICT"), ("tenant.suspend", "nobody", "refused", "NOT_FOUND"),
        ("node.register", "n", "done", ""), ("node.drain", "n", "done", "HTTP 200"), ("scaling.policy", "", "done", "HTTP 200")]
    first = entries[-1]
    assert first["actor"] == "machine" and first["address"] == "127.0.0.1" and first["request_id"] == "the-first" and '"sources": 3' in first["detail"]
    assert entries[0]["detail"] == "keep_data=true" and entries[3]["detail"] == "http://127.0.0.1:9"
    assert [one["seq"] for one in entries] == list(range(10, 0, -1)) and all(a["at"] >= b["at"] for a, b in zip(entries, entries[1:]))
    # What is wrong in itself is no act, reading is none, and the key of a node is nowhere.
    assert refused(client, "POST", "/tenants", {"tenant_id": "../x"})["status"] == 400
    client.call("GET", "/tenants")
    beat(client, "n", tenants=["acme"])
    assert len(audit(client)) == 10 and KEY not in json.dumps(entries)


def test_it_is_read_by_pages_and_filters_and_outlives_a_crash(operation):
    service = operation(**NOBODY)
    client = service.client()
    for i in range(5):
        client.call("POST", "/tenants", {"tenant_id": f"t{i}"})
    client.call("POST", "/tenants/t0/suspend")
    service.kill()
    service.start()
    client = service.client()
    seen, target = [], "?limit=4"
    while target:
        page = client.call("GET", "/audit" + target)
        seen += page["entries"]
        target = page["next"] and f"?limit=4&before={page['next']}"
    assert told(seen) == [("tenant.suspend", "t0", "done", "HTTP 200"), *(("tenant.create", f"t{i}", "done", "HTTP 201") for i in range(4, -1, -1))]
    assert len(audit(client, "?target=t0")) == 2 and len(audit(client, "?action=tenant.create")) == 5 and audit(client, "?actor=fleet") == []
    assert audit(client, "?outcome=refused") == []
    for query, word in (("?outcome=well", "outcome"), ("?limit=0", "limit"), ("?before=x", "before"), ("?who=me", "who")):
        assert word in refused(client, "GET", "/audit" + query)["detail"]


def test_whom_a_service_asks_for_is_told_with_the_key_that_it_shows(operation):
    service = operation(OPERATION_NODE_KEY="k" * 32, **NOBODY)
    client = service.client()
    client.call("POST", "/tenants", {"tenant_id": "a"})
    client.call("POST", "/tenants", {"tenant_id": "b"}, {"Granary-Actor": "user u_1 of acme"})
    for bad in ("x" * 257, "tab\there", "n\u00e4me"):
        problem = refused(client, "POST", "/tenants", {"tenant_id": "c"}, {"Granary-Actor": bad.encode("latin-1").decode("latin-1")})
        assert problem["status"] == 400 and "Granary-Actor" in problem["detail"]
    assert client.raw("GET", "/tenants/c")[0] == 404
    assert [(one["target"], one["actor"]) for one in audit(client)] == [("b", "fleet: user u_1 of acme"), ("a", "fleet")]
    assert Client(service.port).raw("GET", "/audit")[0] == 401
    assert "k" * 32 not in json.dumps(audit(client))


def test_what_cannot_be_written_down_is_not_done(operation):
    service = operation(**NOBODY)
    client = service.client()
    client.call("POST", "/tenants", {"tenant_id": "before"})
    with sqlite3.connect(service.data / "operation_node" / "audit.sqlite", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        problem = refused(client, "POST", "/tenants", {"tenant_id": "acme"})
        assert problem["status"] == 503 and "audit log" in problem["detail"]
        assert refused(client, "POST", "/tenants/before/suspend")["status"] == 503
        other.execute("ROLLBACK")
        # Nobody changes what is written, with the file in hand either.
        for statement in ("UPDATE acts SET actor = 'x'", "UPDATE ends SET outcome = 'refused'"):
            with pytest.raises(sqlite3.IntegrityError, match="only ever added to"):
                other.execute(statement)
    assert client.raw("GET", "/tenants/acme")[0] == 404 and client.call("GET", "/tenants/before")["state"] == "active"
    assert len(audit(client)) == 1


def test_tenants_that_nodes_bring_along_are_in_it(operation):
    service = operation(ADOPT_TENANTS="true", **NOBODY)
    client = service.client()
    beat(client, "n", tenants=["brought"])
    assert told(audit(client)) == [("node.register", "n", "done", ""), ("tenant.adopt", "brought", "done", "")]
    for _ in range(3):
        beat(client, "n", tenants=["brought"])
    assert len(audit(client)) == 2


def test_users_are_made_for_tenants_that_there_are(operation, fleet_gateway):
    service = operation(**NOBODY)
    gateway = fleet_gateway(f"http://127.0.0.1:{service.port}", PLACEMENT_CACHE_SECONDS="3600")
    admin, fleet = gateway.caller(), service.client()

    def make(name, tenant, method="POST", path="/auth/users", body=None):
        return admin.call(method, path, body or {"username": name, "password": "a long password", "roles": [], "tenant_id": tenant})

    for path, method, body in (("/auth/users", "POST", None), ("/auth/roles/r", "PUT", {"tenant_id": "acme", "grants": [{"verbs": ["read"], "source": "*"}]})):
        with pytest.raises(Refused) as failure:
            make("ada", "acme", method, path, body)
        assert failure.value.status == 400 and failure.value.pointers == ["/tenant_id"] and "'acme'" in failure.value.problem["detail"] and "POST /tenants" in failure.value.problem["detail"]
    with pytest.raises(Refused) as failure:
        make("ada", "../acme")
    assert failure.value.status == 400 and failure.value.pointers == ["/tenant_id"]
    assert admin.call("GET", "/auth/users?tenant_id=acme")["users"] == []
    # As soon as there is one, whatever was answered before; served or not, suspended or not.
    fleet.call("POST", "/tenants", {"tenant_id": "acme"})
    user = make("ada", "acme")
    assert user["tenant_id"] == "acme"
    fleet.call("POST", "/tenants/acme/suspend")
    make("bob", "acme")
    # One's own tenant is nobody's to ask about, and who is no operator learns of none.
    assert make("own", "default_tenant")["tenant_id"] == "default_tenant"
    other = gateway.caller(gateway.key(admin.call("POST", "/auth/users", {"username": "boss", "roles": ["admin"]})["user_id"]))
    answers = {other.raw("POST", "/auth/users", {"username": "x", "roles": [], "tenant_id": tenant})[0] for tenant in ("acme", "nobody")}
    assert answers == {403}
    # Whether there is one is not guessed.
    service.kill()
    with pytest.raises(Refused) as failure:
        make("eve", "globex")
    assert failure.value.status == 503 and "Operation Node" in failure.value.problem["detail"]
    make("own2", "default_tenant")
    service.start()
    service.client().call("POST", "/tenants", {"tenant_id": "globex"})
    until(lambda: admin.raw("POST", "/auth/users", {"username": "eve", "password": "a long password", "roles": [], "tenant_id": "globex"})[0] == 201, "it answers again")
