"""The Auth Gateway before real nodes: who is let through, to which tenant, with what rights, and what becomes of the bytes."""

import base64
import gzip
import http.client
import json
import re
import select
import signal
import socket
import threading
import time

import grpc
import pytest

from document_fuzz import fuzz
from gateway import Estate, Gateway
from node import REPOSITORY, Refused
from rpc import stubs

ROWS = [{"order_id": f"O{i}", "amount": i} for i in range(20)]


@pytest.fixture(scope="module")
def estate(tmp_path_factory):
    """Two tenants, each with a node and a source, behind one gateway."""
    estate = Estate(tmp_path_factory.mktemp("estate"), ("acme", "globex"), {"LOG_LEVEL": "debug"})
    for tenant in ("acme", "globex"):
        admin = estate.admin(tenant)
        admin.add({"source_id": f"{tenant}_sales", "schema_definition": {"order_id": "string", "amount": "int64"}})
        admin.write(f"{tenant}_sales", ROWS)
        admin.add({"source_id": f"{tenant}_log"})
        admin.write(f"{tenant}_log", [{"line": "x"}])
    yield estate
    estate.close()


@pytest.fixture
def own_estate(tmp_path):
    made = []

    def make(**options):
        folder = tmp_path / f"estate-{len(made)}"
        folder.mkdir()
        made.append(Estate(folder, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


# ---- The node's API through the gateway


def test_the_nodes_api_is_there(estate):
    admin = estate.admin("acme")
    definition = {"source_id": "through", "schema_definition": {"a": "int64"}, "index_columns": ["a"]}
    status, headers, _ = admin.raw("POST", "/sources/add", definition)
    assert status == 201 and headers["location"] == "/sources/through"
    status, headers, _ = admin.raw("POST", "/data/write", {"source_id": "through", "records": [{"fields": {"a": 1}}]}, {"Idempotency-Key": "k"})
    assert status == 200
    status, headers, _ = admin.raw("POST", "/data/write", {"source_id": "through", "records": [{"fields": {"a": 1}}]}, {"Idempotency-Key": "k"})
    assert status == 200 and headers["idempotency-replayed"] == "true"
    assert admin.rows(source_id="through", filters={"a": {"eq": 1}}) == [{"a": 1}]
    assert admin.call("POST", "/v1/data/search", {"source_id": "through"})["count"] == 1
    assert admin.stream(source_ids=["through"]) == [{"source_id": "through", "fields": {"a": 1}}]
    assert admin.aggregate(source_ids=["through"], aggregations=[{"type": "count", "alias": "n"}]) == [{"n": 1}]
    assert admin.call("GET", "/sources/through/stats?histograms=true")["rows"] == 1
    admin.flush("through")
    assert admin.call("POST", "/data/delete", {"source_id": "through", "filters": {"a": 1}}) == {"source_id": "through", "deleted": 1}
    status, _, content = admin.raw("POST", "/data/search", {"source_id": "through", "wrong": 1}, {"X-Request-Id": "mine"})
    problem = json.loads(content)
    assert status == 400 and problem["errors"][0]["pointer"] == "/wrong" and problem["instance"] == "mine", "the node's words, our id"
    assert admin.raw("DELETE", "/sources/through")[0] == 204
    status, headers, _ = admin.raw("PUT", "/sources", {})
    assert status == 405 and headers["allow"] == "GET, HEAD"
    assert admin.raw("GET", "/nothing")[0] == 404
    status, _, content = admin.raw("HEAD", "/sources")
    assert status == 200 and content == b""
    with pytest.raises(Refused) as refused:
        admin.call("POST", "/data/search", {"source_id": "none"})
    assert (refused.value.status, refused.value.code) == (404, "SOURCE_NOT_FOUND")


def test_a_node_with_a_gateway_answers_nobody_else(estate):
    client = estate.nodes["acme"].client()
    for headers in ({}, {"Authorization": f"Bearer {estate.admins['acme']}"}, {"X-API-Key": estate.admins["acme"]}, {"Granary-Token": "x.y.z"}):
        status, answer, _ = client.raw("GET", "/sources", headers=headers)
        assert status == 401 and answer["www-authenticate"] == "Bearer", headers
    assert client.raw("GET", "/health")[0] == 200


def test_a_node_without_the_gateways_keys_refuses_its_requests(tmp_path, start_node):
    node = start_node({"TENANT_ID": "acme"})
    gateway = Gateway(tmp_path / "gateway", {"TENANT_ID": "acme", "TENANT_NODE_URL": f"http://127.0.0.1:{node.port}"}).start()
    try:
        assert node.client().call("GET", "/sources")["sources"] == []
        status, _, content = gateway.caller().raw("GET", "/sources")
        assert status == 502, "rights that a node does not look at are none"
        assert "GATEWAY_JWKS" in gateway.log() and b"GATEWAY_JWKS" not in content
        assert "carried nothing out" in json.loads(content)["detail"]
    finally:
        gateway.close()


def test_grpc_needs_the_token_too(own_estate):
    estate = own_estate()
    node = estate.nodes["acme"]
    node.stop()
    node.start(args=["both"])
    pb, pb_grpc = stubs()
    stub = pb_grpc.TenantNodeStub(grpc.insecure_channel(f"127.0.0.1:{node.grpc_port}"))
    with pytest.raises(grpc.RpcError) as refused:
        stub.ListSources(pb.ListSourcesRequest(), timeout=30)
    assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED


# ---- Who asks


def altered(text, at):
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:]


def test_bad_credentials_are_refused(estate):
    estate.gateway.user("cred", ["reader"])
    token = estate.gateway.log_in("cred")["access_token"]
    refresh = estate.gateway.log_in("cred")["refresh_token"]
    key = estate.admins["acme"]
    head, body, signature = token.split(".")
    node_token = node_token_of(estate)
    no_alg, hs256 = b64('{"alg":"none","typ":"at+jwt"}'), b64('{"alg":"HS256"}')
    bad = {
        "nothing": "", "a space": " ", "no key": "hello", "dots": "..", "two parts": f"{head}.{body}", "four parts": token + ".x",
        "no signature": f"{head}.{body}.", "half a signature": token[:-40], "padding": token + "==", "a letter of the head": altered(token, 10),
        "a letter of the payload": f"{head}.{altered(body, 40)}.{signature}", "a letter of the signature": f"{head}.{body}.{altered(signature, 10)}",
        "alg none": f"{no_alg}.{body}.", "another head": f"{hs256}.{body}.{signature}",
        "a refresh token": refresh, "a node token": node_token, "a cut key": key[:-1], "a long key": key + "0", "another secret": altered(key, 40),
        "another id": altered(key, 5).replace("A", "0").replace("B", "1"), "a key of nobody": "gk_0123456789abcdef_" + "A" * 43,
        "upper case": key.upper(), "a key in quotes": f'"{key}"', "two keys": f"{key}, {key}", "a password": "a long password",
        "huge": "x" * 12_000, "a huge token": f"{head}.{body * 20}.{signature}",
    }
    assert len(bad) >= 25
    client = estate.gateway.client()
    for name, credential in bad.items():
        for headers in ({"Authorization": f"Bearer {credential}"}, {"X-API-Key": credential}):
            if name == "two keys" and "X-API-Key" not in headers:
                continue
            status, answer, content = client.raw("GET", "/sources", headers=headers)
            assert status == 401 and json.loads(content)["code"] == "UNAUTHENTICATED", (name, status, content)
            assert answer["www-authenticate"] == "Bearer"
    for headers in ({"Authorization": f"Basic {key}"}, {"Authorization": key}, {"Authorization": f"Bearer {key}", "X-API-Key": key}, {"Cookie": f"key={key}"}):
        assert client.raw("GET", "/sources", headers=headers)[0] == 401, headers
    assert client.raw("GET", f"/sources?api_key={key}")[0] == 401
    twice = f"GET /auth/me HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nX-API-Key: {key}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", estate.gateway.port)) as raw:
        raw.sendall(twice.encode())
        assert raw.recv(4096).startswith(b"HTTP/1.1 400")
    for headers in ({"Authorization": f"Bearer {token}"}, {"X-API-Key": token}, {"authorization": f"bearer {key}"}):
        assert client.raw("GET", "/auth/me", headers=headers)[0] == 200, "and the good ones are good"


def b64(text):
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def node_token_of(estate):
    """What the gateway tells a node, as somebody in its place sees it."""
    seen = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        gateway = Gateway(estate.gateway.folder / f"spy-{time.monotonic_ns()}",
                          {"TENANT_ID": "acme", "TENANT_NODE_URL": f"http://127.0.0.1:{server.getsockname()[1]}"}).start()
        try:
            thread = threading.Thread(target=lambda: gateway.caller().raw("GET", "/sources"))
            thread.start()
            connection, _ = server.accept()
            seen.append(connection.recv(65536).decode())
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            thread.join()
            connection.close()
        finally:
            gateway.close()
    return re.search(r"(?i)granary-token: (\S+)", seen[0])[1]


def test_what_a_client_writes_of_itself_does_not_reach_the_node(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        gateway = Gateway(tmp_path / "g", {"TENANT_NODE_URL": f"http://127.0.0.1:{server.getsockname()[1]}"}).start()
        try:
            forged = {"Granary-Token": "forged", "X-Tenant-Id": "globex", "X-User-Id": "root", "X-Forwarded-For": "10.0.0.1", "Cookie": "a=b",
                      "Connection": "keep-alive, X-Hop", "X-Hop": "1", "TE": "trailers", "Proxy-Authorization": "x", "X-Api-Key-2": "y",
                      "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "X-Request-Id": "id-1"}
            thread = threading.Thread(target=lambda: gateway.caller().raw("GET", "/sources?x=%26&y=a%20b", headers=forged))
            thread.start()
            connection, _ = server.accept()
            head = connection.recv(65536).decode()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            thread.join()
            connection.close()
        finally:
            gateway.close()
    line, *headers = head.strip().split("\r\n")
    names = {header.partition(":")[0].lower(): header.partition(": ")[2] for header in headers}
    assert line == "GET /sources?x=%26&y=a%20b HTTP/1.1"
    assert set(names) == {"host", "granary-token", "traceparent", "x-request-id"}
    assert names["granary-token"] != "forged" and names["x-request-id"] == "id-1"


def test_sessions_over_http(estate):
    gateway = estate.gateway
    ada = gateway.user("ada", ["writer"])
    first = gateway.log_in("ada", tenant="acme")
    caller = gateway.caller(first["access_token"])
    me = caller.call("GET", "/auth/me")
    assert (me["username"], me["tenant_id"], me["grants"]) == ("ada", "acme", [{"verbs": ["read", "write"], "source": "*"}])
    assert caller.call("POST", "/auth/validate")["active"] is True
    assert caller.call("GET", f"/auth/permissions/{ada['user_id']}")["grants"] == me["grants"]
    client = gateway.client()
    second = client.call("POST", "/auth/refresh", {"refresh_token": first["refresh_token"]})
    assert gateway.caller(second["access_token"]).call("GET", "/auth/me")["user_id"] == ada["user_id"]
    status, headers, _ = client.raw("POST", "/auth/refresh", {"refresh_token": first["refresh_token"]})
    assert status == 401, "used twice"
    assert caller.raw("GET", "/auth/me")[0] == 401, "so the session is over for whoever has it"
    assert client.raw("POST", "/auth/refresh", {"refresh_token": second["refresh_token"]})[0] == 401
    third = gateway.log_in("ada")
    caller = gateway.caller(third["access_token"])
    status, headers, _ = client.raw("POST", "/auth/login", {"username": "ada", "password": "a long password"})
    assert headers["cache-control"] == "no-store"
    assert caller.raw("POST", "/auth/logout")[0] == 204
    assert caller.raw("GET", "/auth/me")[0] == 401
    assert gateway.caller().raw("POST", "/auth/logout")[0] == 400, "a key has no session"
    assert gateway.caller().call("POST", "/auth/validate", {"token": third["access_token"]}) == {"active": False}
    keys = client.call("GET", "/auth/jwks.json")["keys"]
    assert keys and all(key["alg"] == "EdDSA" and "d" not in key for key in keys)


def test_keys_over_http(estate):
    admin = estate.admin("acme")
    made = admin.call("POST", "/auth/keys", {"name": "job", "scope": [{"verbs": ["read"], "source": "acme_s*"}], "expires_at": "2999-01-01T00:00:00Z"})
    key = made["key"]
    listed = {one["key_id"]: one for one in admin.call("GET", "/auth/keys")["keys"]}
    first = admin.call("GET", "/auth/keys?limit=1")
    assert len(first["keys"]) == 1 and first["next"] == first["keys"][0]["key_id"]
    assert first["next"] not in [one["key_id"] for one in admin.call("GET", f"/auth/keys?after={first['next']}")["keys"]]
    assert "key" not in listed[made["key_id"]] and key not in json.dumps(listed)
    caller = estate.gateway.caller(key)
    assert caller.call("GET", "/auth/me")["grants"] == [{"verbs": ["read"], "source": "acme_s*"}]
    rotated = admin.call("POST", f"/auth/keys/{made['key_id']}/rotate", {"grace_seconds": 0})["key"]
    assert rotated != key and caller.raw("GET", "/auth/me")[0] == 401
    again = admin.call("POST", f"/auth/keys/{made['key_id']}/rotate")["key"]
    assert estate.gateway.caller(rotated).raw("GET", "/auth/me")[0] == 200, "for its grace"
    start = time.monotonic()
    assert admin.raw("DELETE", f"/auth/keys/{made['key_id']}")[0] == 204
    for secret in (rotated, again):
        assert estate.gateway.caller(secret).raw("GET", "/auth/me")[0] == 401
    assert time.monotonic() - start < 60
    for body, pointer in (({"scope": [{"verbs": ["fly"], "source": "*"}]}, "/scope/0/verbs/0"), ({"scope": [{"verbs": ["read"], "source": "a/b"}]}, "/scope/0/source"),
                          ({"expires_at": "yesterday"}, "/expires_at"), ({"expires_at": "2001-01-01T00:00:00Z"}, "/expires_at"), ({"nam": "x"}, "/nam")):
        with pytest.raises(Refused) as refused:
            admin.call("POST", "/auth/keys", body)
        assert refused.value.status == 400 and refused.value.pointers == [pointer], body


def test_roles_reach_down_to_source_and_verb(estate):
    admin = estate.admin("acme")
    admin.call("PUT", "/auth/roles/sales", {"grants": [{"verbs": ["read"], "source": "acme_sales"}]})
    user = estate.gateway.user("sal", ["sales"])
    sal = estate.gateway.caller(estate.gateway.log_in("sal")["access_token"])
    assert [one["source_id"] for one in sal.call("GET", "/sources")["sources"]] == ["acme_sales"]
    assert len(sal.rows(source_id="acme_sales", limit=100)) == len(ROWS)
    assert {one["source_id"] for one in sal.search(limit=100)["records"]} == {"acme_sales"}, "all sources are those that may be read"
    assert sal.aggregate(aggregations=[{"type": "count", "alias": "n"}]) == [{"n": len(ROWS)}]
    denied = [
        ("POST", "/data/search", {"source_ids": ["acme_sales", "acme_log"]}), ("POST", "/data/search/stream", {"source_ids": ["acme_log"]}),
        ("POST", "/data/aggregate", {"source_id": "acme_log", "aggregations": [{"type": "count"}]}), ("POST", "/data/search", {"source_id": "not_there"}),
        ("POST", "/data/explain", {"search": {"source_id": "acme_log"}}), ("POST", "/data/write", {"source_id": "acme_sales", "records": []}),
        ("POST", "/data/delete", {"source_id": "acme_sales", "filters": {}}), ("GET", "/sources/acme_log", None), ("GET", "/sources/acme_log/stats", None),
        ("GET", "/sources/not_there", None), ("PATCH", "/sources/acme_sales", {"add_columns": {"x": "string"}}), ("DELETE", "/sources/acme_sales", None),
        ("POST", "/sources/acme_sales/flush", None), ("POST", "/sources/acme_sales/compact", None), ("POST", "/sources/add", {"source_id": "new"}),
        ("GET", "/tenant/stats", None), ("GET", "/queries", None), ("GET", "/jobs", None), ("GET", "/auth/users", None), ("GET", "/audit", None),
    ]
    for method, path, body in denied:
        status, _, content = sal.raw(method, path, body)
        assert status == 403 and json.loads(content)["code"] == "PERMISSION_DENIED", (method, path, body, content)
    admin.call("PUT", "/auth/roles/sales", {"grants": [{"verbs": ["write"], "source": "acme_l*"}]})
    assert sal.write("acme_log", [{"line": "y"}])["written"] == 1, "at once"
    status, _, content = sal.raw("POST", "/data/write?source_id=acme_sales", b'{"order_id":"x"}\n', {"Content-Type": "application/x-ndjson"})
    assert status == 403, content
    assert sal.raw("POST", "/data/search", {})[0] == 403, "nothing that it could ever read"
    admin.call("PATCH", f"/auth/users/{user['user_id']}", {"roles": []})
    assert sal.call("GET", "/sources")["sources"] == []
    # A cursor of somebody who may see all is none of theirs.
    cursor = admin.search(limit=1)["next_cursor"]
    admin.call("PATCH", f"/auth/users/{user['user_id']}", {"roles": ["sales"]})
    admin.call("PUT", "/auth/roles/sales", {"grants": [{"verbs": ["read"], "source": "acme_sales"}]})
    assert sal.raw("POST", "/data/search", {"limit": 1, "cursor": cursor})[0] == 403


# ---- The wall between tenants


def fill(text, ident):
    return re.sub(r"\{[a-z_]+\}", ident, text)


def test_isolation_matrix(estate, figure):
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


# ---- Bytes


def test_bodies_stream_both_ways_in_bounded_memory(own_estate, figure):
    estate = own_estate()
    admin = estate.admin()
    admin.add({"source_id": "big", "schema_definition": {"a": "int64", "t": "string"}})
    gateway = estate.gateway
    before = resident_mb(gateway)
    lines = 300_000
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=120)

    def pieces():
        for start in range(0, lines, 1000):
            yield "".join(f'{{"a":{i},"t":"{"x" * 200}"}}\n' for i in range(start, start + 1000)).encode()

    connection.request("POST", "/data/write?source_id=big", pieces(),
                       {"Authorization": f"Bearer {estate.admins['acme']}", "Content-Type": "application/x-ndjson", "Transfer-Encoding": "chunked"},
                       encode_chunked=True)
    answer = connection.getresponse()
    assert json.loads(answer.read())["written"] == lines and answer.status == 200
    connection.request("POST", "/data/search/stream", json.dumps({"source_ids": ["big"]}),
                       {"Authorization": f"Bearer {estate.admins['acme']}", "Content-Type": "application/json"})
    answer = connection.getresponse()
    total = rows = 0
    while piece := answer.read(1 << 20):
        total += len(piece)
        rows += piece.count(b"\n")
    grown = resident_mb(gateway) - before
    figure(f"{total >> 20} MiB through the gateway each way, its memory grew by {grown} MiB")
    assert rows == lines and grown < 40


def resident_mb(service):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{service.process.pid}/status").read())[1]) >> 10


def test_compressed_bodies_and_answers_go_through(estate):
    admin = estate.admin("acme")
    body = gzip.compress(json.dumps({"source_id": "acme_log", "records": [{"fields": {"line": "z"}}]}).encode())
    assert admin.raw("POST", "/data/write", body, {"Content-Type": "application/json", "Content-Encoding": "gzip"})[0] == 200
    lines = gzip.compress(b'{"line":"w"}\n' * 10)
    status, _, _ = admin.raw("POST", "/data/write?source_id=acme_log", lines, {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"})
    assert status == 200
    status, headers, content = admin.raw("POST", "/data/search/stream", {"source_ids": ["acme_log"]}, {"Accept-Encoding": "gzip"})
    assert status == 200 and headers["content-encoding"] == "gzip" and gzip.decompress(content).count(b'"w"') == 10


def endless(estate, lines=200_000):
    admin = estate.admin()
    admin.add({"source_id": "big", "schema_definition": {"a": "int64", "t": "string"}})
    body = "".join(f'{{"a":{i},"t":"{"y" * 100}"}}\n' for i in range(lines)).encode()
    assert admin.raw("POST", "/data/write?source_id=big", body, {"Content-Type": "application/x-ndjson"})[0] == 200
    connection = http.client.HTTPConnection("127.0.0.1", estate.gateway.port, timeout=60)
    connection.request("POST", "/data/search/stream", json.dumps({"source_ids": ["big"]}),
                       {"X-API-Key": estate.admins["acme"], "Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 200 and len(answer.read(1000)) == 1000
    return connection, answer


def test_a_client_that_leaves_ends_its_query(own_estate):
    estate = own_estate()
    connection, _ = endless(estate)
    admin = estate.admin()
    assert [query["kind"] for query in admin.call("GET", "/queries")["queries"]] == ["stream"]
    connection.sock.close()
    connection.close()
    deadline = time.monotonic() + 20
    while admin.call("GET", "/queries")["queries"]:
        assert time.monotonic() < deadline, "the query goes on"
        time.sleep(0.01)  # Between two looks.


def test_a_node_that_dies_in_a_stream_cuts_the_answer(own_estate):
    estate = own_estate()
    connection, answer = endless(estate)
    estate.nodes["acme"].kill()
    with pytest.raises((http.client.IncompleteRead, ConnectionError, ValueError)):
        while answer.read(1 << 20):
            pass
    connection.close()
    admin = estate.admin()
    status, headers, content = admin.raw("GET", "/sources")
    assert status == 503 and headers["retry-after"] == "1" and json.loads(content)["code"] == "UNAVAILABLE"
    assert str(estate.nodes["acme"].port) not in content.decode()
    assert admin.raw("GET", "/auth/me")[0] == 200, "the gateway goes on"
    estate.nodes["acme"].start()
    assert [source["source_id"] for source in admin.call("GET", "/sources")["sources"]] == ["big"]


def test_a_node_that_breaks_off_before_it_answers_is_502(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        gateway = Gateway(tmp_path / "g", {"TENANT_NODE_URL": f"http://127.0.0.1:{server.getsockname()[1]}"}).start()
        try:
            for answer in (b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", b"no HTTP at all\r\n\r\n"):
                got = []
                thread = threading.Thread(target=lambda: got.append(gateway.caller().raw("POST", "/data/write", {"a": 1})))
                thread.start()
                connection, _ = server.accept()
                connection.recv(65536)
                connection.sendall(answer)
                connection.close()
                thread.join()
                status, _, content = got[0]
                assert status == 502 and "not known" in json.loads(content)["detail"], answer
        finally:
            gateway.close()


def test_a_node_that_falls_silent_in_its_answer_is_counted(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        gateway = Gateway(tmp_path / "g", {"TENANT_NODE_URL": f"http://127.0.0.1:{server.getsockname()[1]}", "NODE_SILENCE_SECONDS": "1"}).start()
        connection = None
        try:
            client = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
            client.request("POST", "/data/search/stream", "{}", {"X-API-Key": gateway.first_key(), "Content-Type": "application/json"})
            connection, _ = server.accept()
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
            answer = client.getresponse()
            assert answer.status == 200
            with pytest.raises((http.client.IncompleteRead, ConnectionError, ValueError)):
                answer.read()
            assert gateway.client().metric("granary_node_failures_total") == 1
        finally:
            if connection:
                connection.close()
            gateway.close()


def test_a_silent_node_is_504_and_its_time_is_the_clients(own_estate):
    estate = own_estate(gateway_env={"NODE_SILENCE_SECONDS": "1"})
    process = estate.nodes["acme"].process
    process.send_signal(signal.SIGSTOP)
    try:
        admin = estate.admin()
        for headers, least in (({}, 0.9), ({"X-Timeout-Ms": "100"}, 0.09)):
            start = time.monotonic()
            status, _, content = admin.raw("GET", "/sources", headers=headers)
            assert status == 504 and json.loads(content)["code"] == "DEADLINE_EXCEEDED"
            assert least < time.monotonic() - start < 10
    finally:
        process.send_signal(signal.SIGCONT)


# ---- Too much


def test_guessing_passwords_is_slowed_down(own_estate):
    estate = own_estate()
    gateway = estate.gateway
    gateway.user("ada", ["reader"])
    client = gateway.client()
    for name in ("ada", "nobody"):
        answers = [client.raw("POST", "/auth/login", {"username": name, "password": f"guess {i}"}) for i in range(8)]
        assert [status for status, _, _ in answers] == [401] * 5 + [429] * 3, "the same whether there is such a user"
        assert int(answers[-1][1]["retry-after"]) >= 1
        assert len({re.sub(r'"instance":"[^"]*"', "", content.decode()) for status, _, content in answers if status == 401}) == 1
    assert client.raw("POST", "/auth/login", {"username": "ada", "password": "a long password"})[0] == 429
    refused = [entry for entry in estate.admin().call("GET", "/audit?action=login&outcome=refused")["entries"]]
    assert len(refused) == 10 and refused[0]["address"] == "127.0.0.1"
    deadline = time.monotonic() + 30
    while client.raw("POST", "/auth/login", {"username": "ada", "password": "a long password"})[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)  # Until the wait of a second or two is over.


def test_rates_are_limited_by_key_user_and_tenant(tmp_path):
    for name in ("RATE_KEY_PER_SECOND", "RATE_USER_PER_SECOND", "RATE_TENANT_PER_SECOND"):
        gateway = Gateway(tmp_path / name, {name: "1", "RATE_BURST_SECONDS": "5"}).start()
        try:
            answers = [gateway.caller().raw("GET", "/auth/me") for _ in range(30)]
        finally:
            gateway.close()
        statuses = [status for status, _, _ in answers]
        assert statuses[:5] == [200] * 5 and 429 in statuses, statuses
        _, headers, content = next(answer for answer in answers if answer[0] == 429)
        assert headers["ratelimit-limit"] == "5" and headers["ratelimit-remaining"] == "0" and int(headers["retry-after"]) >= 1
        assert json.loads(content)["code"] == "QUOTA_EXCEEDED"


def test_oversized_and_slow_requests_end(own_estate):
    estate = own_estate(gateway_env={"MAX_BODY_MB": "1", "HEADER_TIMEOUT_SECONDS": "1", "BODY_TIMEOUT_SECONDS": "1"})
    admin = estate.admin()
    big = {"source_id": "s", "records": [{"fields": {"a": "x" * 1_100_000}}]}
    status, _, content = admin.raw("POST", "/data/write", big)
    assert status == 413 and json.loads(content)["code"] == "TOO_LARGE"
    admin.add({"source_id": "s"})
    assert admin.raw("POST", "/data/write?source_id=s", b'{"a":1}\n' * 400_000, {"Content-Type": "application/x-ndjson"})[0] == 200, "streams have no such limit"
    status, _, _ = admin.raw("GET", "/sources", headers={"X-Long": "x" * 17_000})
    assert status == 431
    for start in ("GET /sources HTTP/1.1\r\nHost: x\r\n", f"POST /data/write?source_id=s HTTP/1.1\r\nHost: x\r\nX-API-Key: {estate.admins['acme']}\r\n"
                  "Content-Type: application/x-ndjson\r\nContent-Length: 1000\r\n\r\n{\"a\":"):
        with socket.create_connection(("127.0.0.1", estate.gateway.port), timeout=30) as raw:
            raw.sendall(start.encode())
            assert raw.recv(4096).startswith(b"HTTP/1.1 408"), start
    assert admin.aggregate(source_id="s", aggregations=[{"type": "count", "alias": "n"}]) == [{"n": 400_000}], "half a body wrote nothing"


def test_strangers_fill_no_memory(own_estate):
    estate = own_estate(gateway_env={"MAX_BODIES_MB": "1"})
    admin = estate.admin()
    admin.add({"source_id": "s"})
    heads = [f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n{more}\r\n".encode()
             for path in ("/data/write", "/data/search", "/auth/users", "/nothing", "/health", "/auth/login", "/auth/refresh")
             for more in ("", "X-API-Key: gk_0123456789abcdef_" + "A" * 43 + "\r\n")]
    strangers = []
    try:
        for head in heads:
            strangers.append(socket.create_connection(("127.0.0.1", estate.gateway.port), timeout=30))
            strangers[-1].sendall(head + b"{" + b" " * 200_000)
        for head, stranger in zip(heads, strangers):
            assert re.match(rb"HTTP/1.1 (401|405|413)", stranger.recv(4096)), head
        record = {"fields": {"a": "x" * 900_000}}
        assert admin.raw("POST", "/data/write", {"source_id": "s", "records": [record]})[0] == 200, "what was refused is in nobody's way"
    finally:
        for stranger in strangers:
            stranger.close()


def begun_stream(port, source, *headers):
    """A write that has sent its first byte."""
    raw = socket.create_connection(("127.0.0.1", port), timeout=30)
    raw.sendall("\r\n".join([f"POST /data/write?source_id={source} HTTP/1.1", "Host: x", "Content-Type: application/x-ndjson",
                             "Content-Length: 900000", *headers, "", "{"]).encode())
    return raw


def test_nobody_keeps_others_from_streaming(own_estate):
    estate = own_estate(tenants=("acme", "globex"), gateway_env={"MAX_STREAMED_BODIES": "4"})
    for tenant in ("acme", "globex"):
        estate.admin(tenant).add({"source_id": "s"})

    def write(tenant):
        return estate.admin(tenant).raw("POST", "/data/write?source_id=s", b'{"a":1}\n', {"Content-Type": "application/x-ndjson"})[0]

    strangers = [begun_stream(estate.gateway.port, "s") for _ in range(8)]
    try:
        for stranger in strangers:
            assert stranger.recv(4096).startswith(b"HTTP/1.1 401")
        assert write("acme") == 200, "strangers who send nothing more hold no place"
    finally:
        for stranger in strangers:
            stranger.close()
    slow = [begun_stream(estate.gateway.port, "s", f"X-API-Key: {estate.admins['acme']}") for _ in range(8)]
    try:
        refused = set()
        while len(refused) < 6:
            ready, _, _ = select.select([one for one in slow if one not in refused], [], [], 30)
            assert ready, "a tenant leaves half of them to others"
            for one in ready:
                assert one.recv(4096).startswith(b"HTTP/1.1 503")
                refused.add(one)
        assert write("acme") == 503
        assert write("globex") == 200
    finally:
        for one in slow:
            one.close()


# ---- What is left behind


def test_the_audit_log_is_paged_and_filtered(estate):
    admin = estate.admin("acme")
    for i in range(5):
        admin.call("PUT", f"/auth/roles/page{i}", {"grants": []})
    seen, target = [], "/audit?action=role.put&limit=2"
    numbers = []
    while True:
        page = admin.call("GET", target)
        seen += [entry["target"] for entry in page["entries"]]
        numbers += [entry["seq"] for entry in page["entries"]]
        if page["next"] is None:
            break
        target = f"/audit?action=role.put&limit=2&before={page['next']}"
    assert [name for name in seen if name.startswith("page")] == ["page4", "page3", "page2", "page1", "page0"]
    assert numbers == sorted(set(numbers), reverse=True), "each once, the newest first"
    with pytest.raises(Refused) as refused:
        admin.call("GET", "/audit?limit=0")
    assert refused.value.status == 400


def test_no_secret_is_in_a_log(estate):
    gateway = estate.gateway
    gateway.user("loggy", ["reader"], password="a very secret password")
    pair = gateway.log_in("loggy", password="a very secret password")
    gateway.client().raw("POST", "/auth/login", {"username": "loggy", "password": "a wrong secret guess"})
    made = estate.admin("acme").call("POST", "/auth/keys", {"name": "k"})["key"]
    gateway.caller(made).call("GET", "/sources")
    text = "".join(line for line in gateway.log().splitlines(keepends=True) if line.startswith("{"))
    text += "".join(node.log() for node in estate.nodes.values())
    assert '"path":"/auth/login"' in text, "the log is a full one"
    for secret in ("a very secret password", "a wrong secret guess", pair["access_token"], pair["refresh_token"], made, gateway.first_key()):
        assert secret not in text


def test_the_first_key_is_shown_once(tmp_path):
    gateway = Gateway(tmp_path / "g").start()
    try:
        key = gateway.first_key()
        assert gateway.caller(key).call("GET", "/auth/me")["operator"] is True
        gateway.restart()
        assert len(re.findall("gk_", gateway.log())) == 1
        assert gateway.caller(key).raw("GET", "/auth/me")[0] == 200
    finally:
        gateway.close()


def test_all_is_there_after_a_kill(own_estate):
    estate = own_estate()
    gateway = estate.gateway
    gateway.user("ada", ["reader"])
    pair = gateway.log_in("ada")
    gateway.kill()
    gateway.start()
    assert gateway.caller(pair["access_token"]).call("GET", "/auth/me")["username"] == "ada"
    assert gateway.client().call("POST", "/auth/refresh", {"refresh_token": pair["refresh_token"]})
    assert estate.admin().call("GET", "/sources") == {"sources": []}


def test_a_port_that_is_taken_and_bad_settings_stop_the_start(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gateway = Gateway(tmp_path / "a", {"AUTH_GATEWAY_PORT": str(taken.getsockname()[1])}).start(wait=False)
        assert gateway.process.wait(timeout=60) == 1 and "cannot start" in gateway.log()
    for name, text in (("TENANT_NODE_URL", "nowhere"), ("TENANT_NODE_URLS", "a=b"), ("NODE_TOKEN_SECONDS", "1000")):
        gateway = Gateway(tmp_path / name, {name: text}).start(wait=False)
        assert gateway.process.wait(timeout=60) == 2 and f"{name} is '{text}'" in gateway.log()


# ---- The document


DOCUMENT = REPOSITORY / "docs/openapi/auth_gateway.json"


def test_the_document_is_valid_and_the_one_in_the_docs(estate):
    from openapi_spec_validator import validate
    served = estate.gateway.client().call("GET", "/openapi.json")
    assert served == json.loads(DOCUMENT.read_text())
    validate(served)


def test_answers_follow_the_document(tmp_path, figure, seeded):
    gateway = Gateway(tmp_path / "g").start()
    try:
        fuzz(gateway, DOCUMENT, figure, 10, seeded.randrange(2**32), [f"X-API-Key: {gateway.first_key()}"])
    finally:
        gateway.close()
