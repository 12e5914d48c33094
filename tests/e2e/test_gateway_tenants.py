"""The wall between the tenants behind one Auth Gateway."""

import json
import re

from gateway import node_token_of
from node import REPOSITORY


def fill(text, ident):
    return re.sub(r"\{[a-z_]+\}", ident, text)


def test_isolation_matrix(estate, figure):
    check_wall(estate, figure)


def test_isolation_matrix_of_two_tenants_on_one_node(shared_estate, figure):
    assert len(set(shared_estate.nodes.values())) == 1
    check_wall(shared_estate, figure)


def check_wall(estate, figure):
    """Every route of both documents, with each field that names something, as an administrator of the other tenant: the answer is that for
    a name that nobody has, and nothing of the owner changes."""
    owner, other = estate.admin("acme"), estate.admin("globex")
    victim = estate.gateway.user("victim", ["reader"])["user_id"]
    victims_key = owner.call("POST", "/auth/keys", {"user_id": victim})["key_id"]
    owner.flush("acme_sales")
    job = owner.call("POST", "/sources/acme_sales/compact")["job_id"]
    cursor = owner.search(source_id="acme_sales", limit=1)["next_cursor"]
    before = (owner.search(source_ids=["acme_sales"], limit=1000)["records"], owner.call("GET", "/sources"), owner.call("GET", "/auth/users"),
              [key["key_id"] for key in owner.call("GET", "/auth/keys")["keys"]])
    names = {"source": ("acme_sales", "nobody_sales"), "job": (job, "0" * len(job)), "query": ("acme-query", "nobody-query"),
             "user": (victim, "u_0000000000000000"), "key": (victims_key, "0" * 16), "role": ("acme_role", "nobody_role"),
             "tenant": ("acme", "nobody")}
    owner.call("PUT", "/auth/roles/acme_role", {"grants": []})
    cases = []
    for document in ("tenant_node", "auth_gateway"):
        for path, methods in json.loads((REPOSITORY / f"docs/openapi/{document}.json").read_text())["paths"].items():
            if "{" not in path:
                continue
            kind = {"sources": "source", "jobs": "job", "queries": "query", "users": "user", "permissions": "user", "keys": "key", "roles": "role"}[
                path.split("/")[2 if path.startswith("/auth") else 1]]
            for method in set(methods) - {"parameters"}:
                body = {"patch": {"disabled": True} if kind == "user" else {"add_columns": {"x": "string"}}}.get(method)
                if method == "put":
                    continue  # A role of that name, of one's own tenant, is made.
                cases.append((method.upper(), path, kind, body))
    for path, bodies in {
        "/data/search": [{"source_id": "?"}, {"source_ids": ["globex_sales", "?"]}], "/data/search/stream": [{"source_ids": ["?"]}, {"source_id": "?"}],
        "/data/aggregate": [{"source_ids": ["?"], "aggregations": [{"type": "count"}]}, {"source_id": "?", "aggregations": [{"type": "count"}]}],
        "/data/explain": [{"search": {"source_id": "?"}}, {"aggregate": {"source_ids": ["?"], "aggregations": [{"type": "count"}]}}],
        "/data/write": [{"source_id": "?", "records": [{"fields": {"amount": 1}}]}], "/data/delete": [{"source_id": "?", "filters": {}}],
        "/auth/keys": [{"user_id": "?u", "name": "k"}],
    }.items():
        cases += [("POST", path, "user" if "?u" in json.dumps(body) else "source", body) for body in bodies]
    cases += [("POST", "/data/write?source_id={id}", "source", None), ("GET", "/auth/keys?user_id={id}", "user", None),
              ("GET", "/audit?actor={id}", "user", None)]
    cases += [(method, path, "tenant", body) for method, path, body in (
        ("GET", "/auth/users?tenant_id={id}", None), ("GET", "/auth/roles?tenant_id={id}", None), ("GET", "/audit?tenant_id={id}", None),
        ("POST", "/auth/users", {"username": "spy", "tenant_id": "?"}), ("POST", "/auth/register", {"username": "spy", "tenant_id": "?"}),
        ("PUT", "/auth/roles/spy", {"grants": [], "tenant_id": "?"}), ("DELETE", "/auth/roles/acme_role?tenant_id={id}", None))]
    crossings = 0
    for method, path, kind, body in cases:
        answers = []
        for name in names[kind]:
            text = None if body is None else json.dumps(body).replace("?u", name).replace("?", name)
            headers = {"Content-Type": "application/json"}
            if path.startswith("/data/write?"):
                text, headers = '{"amount":1}\n', {"Content-Type": "application/x-ndjson"}
            status, _, content = other.raw(method, fill(path, name), text, {**headers, "X-Request-Id": "r"})
            told = content.decode().replace(name, "NAME")
            told = re.sub(r'"elapsed_ms":[0-9.]+', "", told)
            answers.append((status, told))
        if answers[0] != answers[1] or "O1" in answers[0][1]:
            crossings += 1
            print("CROSSED", method, path, kind, answers)
    status, _, content = other.raw("POST", "/data/search", {"source_id": "acme_sales", "limit": 1, "cursor": cursor})
    assert status in (400, 404), content
    assert {record["source_id"] for record in other.search(limit=1000)["records"]} <= {"globex_sales", "globex_log"}
    assert all(entry["tenant_id"] == "globex" for entry in other.call("GET", "/audit")["entries"])
    assert other.call("POST", "/auth/validate", {"token": estate.admins["acme"]}) == {"active": False}
    after = (owner.search(source_ids=["acme_sales"], limit=1000)["records"], owner.call("GET", "/sources"), owner.call("GET", "/auth/users"),
             [key["key_id"] for key in owner.call("GET", "/auth/keys")["keys"]])
    figure(f"{len(cases)} calls with another tenant's names, {crossings} crossings")
    assert crossings == 0 and len(cases) >= 35
    assert after == before


def test_the_token_of_one_node_is_none_for_another(estate):
    token = node_token_of(estate)  # Of another gateway, for acme.
    for tenant in ("acme", "globex"):
        assert estate.nodes[tenant].client().raw("GET", "/sources", headers={"Granary-Token": token})[0] == 401
