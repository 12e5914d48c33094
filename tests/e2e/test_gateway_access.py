"""Who is let through the Auth Gateway: keys, tokens, sessions, roles."""

import json
import socket
import time

import pytest

from gateway import ROWS, node_token_of, spied
from node import Refused
from tokens import b64


def altered(text, at):
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:]


def test_bad_credentials_are_refused(estate):
    estate.gateway.user("cred", ["reader"])
    token = estate.gateway.log_in("cred")["access_token"]
    refresh = estate.gateway.log_in("cred")["refresh_token"]
    key = estate.admins["acme"]
    head, body, signature = token.split(".")
    node_token = node_token_of(estate)
    no_alg, hs256 = b64(b'{"alg":"none","typ":"at+jwt"}'), b64(b'{"alg":"HS256"}')
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


def test_what_a_client_writes_of_itself_does_not_reach_the_node(tmp_path):
    forged = {"Granary-Token": "forged", "X-Tenant-Id": "globex", "X-User-Id": "root", "X-Forwarded-For": "10.0.0.1", "Cookie": "a=b",
              "Connection": "keep-alive, X-Hop", "X-Hop": "1", "TE": "trailers", "Proxy-Authorization": "x", "X-Api-Key-2": "y",
              "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "X-Request-Id": "id-1"}
    with spied(tmp_path / "g") as spy:
        head, _ = spy.exchange("GET", "/sources?x=%26&y=a%20b", headers=forged)
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
