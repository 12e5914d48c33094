"""A Tenant Node with a gateway's keys: it believes what they signed, for itself, and holds every route to the rights in it. The tokens
are made by openssl, so nothing of ours checks itself, and nothing stands before the node."""

import base64
import json
import re
import time

import grpc
import pytest

from node import REPOSITORY, Node, until
from rpc import stubs
from tokens import Signer, b64

ALL = ["rwa:*"]


@pytest.fixture(scope="module")
def signer():
    return Signer()


@pytest.fixture(scope="module")
def node(tmp_path_factory, signer):
    folder = tmp_path_factory.mktemp("node")
    (folder / "jwks.json").write_text(signer.jwks())
    node = Node(folder, {"TENANT_ID": "acme", "GATEWAY_JWKS": str(folder / "jwks.json")}, args=["both"]).start()
    client, headers = node.client(), {"Granary-Token": signer.token("acme", ALL)}
    for source in ("mine", "theirs"):
        assert client.raw("POST", "/sources/add", {"source_id": source, "schema_definition": {"a": "int64"}}, headers)[0] == 201
        assert client.raw("POST", "/data/write", {"source_id": source, "records": [{"fields": {"a": 1}}]}, headers)[0] == 200
    yield node
    node.close()


def ask(node, token, method="GET", path="/sources", body=None, headers=None):
    client = node.client()
    try:
        return client.raw(method, path, body, {**({} if token is None else {"Granary-Token": token}), **(headers or {})})
    finally:
        client.close()


def test_a_good_token_is_believed_and_a_bad_one_is_not(node, signer):
    good = signer.token("acme", ALL)
    assert ask(node, good)[0] == 200
    head, body, signature = good.split(".")
    now = int(time.time())
    other = Signer(b"o" * 32)
    forged = other.token("acme", ALL, header={"kid": signer.kid})
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))

    def signed(text_head, text_body):
        text = b64(text_head.encode()) + "." + b64(text_body.encode())
        return text + "." + b64(signer.sign(text))

    plain_head = json.dumps({"alg": "EdDSA", "kid": signer.kid, "typ": "granary-node+jwt"})
    bad = {
        "none": None, "empty": "", "no token": "x", "another tenant's": signer.token("globex", ALL),
        "our audience, another tenant": signer.token("acme", ALL, ten="globex"), "another audience": signer.token("acme", ALL, aud="granary-gateway"),
        "audiences": signer.token("acme", ALL, aud=["tenant-node/acme"]), "another issuer": signer.token("acme", ALL, iss="evil"),
        "expired": signer.token("acme", ALL, iat=now - 120, nbf=now - 120, exp=now - 10), "not yet": signer.token("acme", ALL, nbf=now + 30),
        "from the future": signer.token("acme", ALL, iat=now + 30, nbf=now), "for too long": signer.token("acme", ALL, exp=now + 3600),
        "for ever": signer.token("acme", ALL, exp=2 ** 62), "exp as text": signer.token("acme", ALL, exp=str(now + 60)),
        "an access token": signer.token("acme", ALL, header={"typ": "at+jwt"}), "no typ": signer.token("acme", ALL, header={"typ": None}),
        "alg none": signer.token("acme", ALL, header={"alg": "none"}), "alg HS256": signer.token("acme", ALL, header={"alg": "HS256"}),
        "alg ES256": signer.token("acme", ALL, header={"alg": "ES256"}), "alg none, unsigned": b64(b'{"alg":"none"}') + f".{body}.",
        "another kid": signer.token("acme", ALL, header={"kid": "x"}), "an unknown key": other.token("acme", ALL), "a forged kid": forged,
        "a key inside": signer.token("acme", ALL, header={"jwk": {}}), "crit": signer.token("acme", ALL, header={"crit": ["exp"]}),
        "no grants": signer.token("acme", None), "grants as text": signer.token("acme", "rwa:*"), "a grant that is none": signer.token("acme", ["all"]),
        "too many grants": signer.token("acme", ["r:a"] * 65), "no subject": signer.token("acme", ALL, sub=""), "no jti": signer.token("acme", ALL, jti=None),
        "a claim twice": signed(plain_head, json.dumps(claims)[:-1] + ', "grants": ["rwa:*"]}'), "not JSON": signed(plain_head, "claims"),
        "not UTF-8": b64(b"\xff") + f".{body}.{signature}", "two parts": f"{head}.{body}", "four parts": good + ".x", "padded": good + "=",
        "a cut signature": good[:-4], "another payload": f"{head}.{b64(json.dumps({**claims, 'ten': 'acme2'}).encode())}.{signature}",
        "two tokens": f"{good}, {good}", "huge": good + "A" * 12_500,
    }
    assert len(bad) >= 40
    for name, token in bad.items():
        status, _, content = ask(node, token)
        assert status == 401, (name, status, content)
    assert ask(node, good)[0] == 200


# What a token of these grants may do: with rights to "mine" alone, everything about "theirs" is refused, whether it is there or not.
BODIES = {
    "/data/search": {"source_id": "?"}, "/data/search/stream": {"source_ids": ["?"]}, "/data/explain": {"search": {"source_ids": ["?"]}},
    "/data/aggregate": {"source_ids": ["?"], "aggregations": [{"type": "count"}]}, "/data/write": {"source_id": "?", "records": [{"fields": {"a": 2}}]},
    "/data/delete": {"source_id": "?", "filters": {}}, "/sources/add": {"source_id": "?"}, "/sources/{source_id}": {"add_columns": {"b": "string"}},
}


def node_calls(source):
    for path, methods in json.loads((REPOSITORY / "docs/openapi/tenant_node.json").read_text())["paths"].items():
        for method, operation in methods.items():
            if method == "parameters" or path in ("/health", "/health/ready", "/health/live", "/metrics", "/openapi.json", "/sql", "/logs"):  # /logs: test_logs.py
                continue
            ident = "nothing" if "jobs" in path or "queries" in path else source
            body = BODIES.get(re.sub(r"\{[a-z_]+\}", "{source_id}", path)) if method in ("post", "patch") else None
            yield method.upper(), re.sub(r"\{[a-z_]+\}", ident, path), None if body is None else json.dumps(body).replace("?", source)


def test_without_a_right_every_route_refuses(node, signer, figure):
    token = signer.token("acme", [])
    calls = list(node_calls("mine"))
    for method, path, body in calls:
        status, _, content = ask(node, token, method, path, body, {"Content-Type": "application/json"} if body else None)
        if (method, path) == ("GET", "/sources"):
            assert status == 200 and json.loads(content)["sources"] == []
            continue
        assert status == 403 and json.loads(content)["code"] == "PERMISSION_DENIED", (method, path, status, content)
    figure(f"{len(calls)} routes")
    assert len(calls) >= 23


@pytest.mark.parametrize("source", ["theirs", "nobodys"])
def test_rights_to_one_source_are_none_to_another(node, signer, source):
    token = signer.token("acme", ["rwa:mine", "rwa:mi_*"])
    for method, path, body in node_calls(source):
        if path in ("/sources", "/jobs") or path.endswith("/nothing"):
            continue
        status, _, content = ask(node, token, method, path, body, {"Content-Type": "application/json"} if body else None)
        assert status == 403, (method, path, status, content)
        assert json.loads(content)["code"] == "PERMISSION_DENIED"


def test_all_sources_are_those_that_may_be_read(node, signer):
    token = signer.token("acme", ["r:mine", "w:theirs"])
    for path, body in (("/data/search", {}), ("/data/search/stream", {})):
        status, _, content = ask(node, token, "POST", path, body)
        assert status == 200 and b'"mine"' in content and b"theirs" not in content
    status, _, content = ask(node, token, "POST", "/data/aggregate", {"aggregations": [{"type": "count", "alias": "n"}]})
    assert json.loads(content)["results"] == [{"n": 1}]
    assert {one["source_id"] for one in json.loads(ask(node, token)[2])["sources"]} == {"mine", "theirs"}
    assert ask(node, token, "GET", "/sources/theirs")[0] == 200 and ask(node, token, "GET", "/sources/theirs/stats")[0] == 403
    # A cursor of somebody who sees all is of no use to somebody who does not.
    everything = signer.token("acme", ALL)
    cursor = json.loads(ask(node, everything, "POST", "/data/search", {"limit": 1})[2])["next_cursor"]
    assert ask(node, everything, "POST", "/data/search", {"limit": 1, "cursor": cursor})[0] == 200
    assert ask(node, token, "POST", "/data/search", {"limit": 1, "cursor": cursor})[0] == 403


def test_a_verb_is_no_other(node, signer):
    search, write = ("POST", "/data/search", {"source_id": "mine"}), ("POST", "/data/write", {"source_id": "mine", "records": [{"fields": {"a": 1}}]})
    flush = ("POST", "/sources/mine/flush", None)
    for grants, expected in ((["r:mine"], (200, 403, 403)), (["w:mine"], (403, 200, 403)), (["a:mine"], (403, 403, 200)), (["rwa:m*"], (200, 200, 200))):
        token = signer.token("acme", grants)
        assert tuple(ask(node, token, *call)[0] for call in (search, write, flush)) == expected, grants


def test_bodies_that_stream_are_held_to_it_too(node, signer):
    token = signer.token("acme", ["w:mine"])
    lines = b'{"a":1}\n' * 3
    for source, expected in (("mine", 200), ("theirs", 403), ("nobodys", 403)):
        assert ask(node, token, "POST", f"/data/write?source_id={source}", lines, {"Content-Type": "application/x-ndjson"})[0] == expected


def test_grpc_is_held_to_the_same(node, signer):
    pb, pb_grpc = stubs()
    stub = pb_grpc.TenantNodeStub(grpc.insecure_channel(f"127.0.0.1:{node.grpc_port}"))

    def code(call, request, grants):
        metadata = [] if grants is None else [("granary-token", signer.token("acme", grants))]
        try:
            answer = call(request, metadata=metadata, timeout=30)
            if hasattr(answer, "__next__"):
                list(answer)
            return grpc.StatusCode.OK
        except grpc.RpcError as error:
            return error.code()

    search = pb.SearchDataRequest(source_ids=["theirs"])
    for call, request, needed in (
        (stub.SearchData, search, ["r:theirs"]), (stub.AggregateData, pb.AggregateDataRequest(source_ids=["theirs"], aggregations=[pb.Aggregation(type=1)]), ["r:theirs"]),
        (stub.GetSourceStats, pb.GetSourceStatsRequest(source_id="theirs"), ["r:theirs"]), (stub.GetTenantStats, pb.GetTenantStatsRequest(), ["r:*"]),
    ):
        assert code(call, request, None) == grpc.StatusCode.UNAUTHENTICATED
        assert code(call, request, ["rwa:mine"]) == grpc.StatusCode.PERMISSION_DENIED, request
        assert code(call, request, needed) == grpc.StatusCode.OK, request
    assert code(stub.RemoveSource, pb.RemoveSourceRequest(source_id="theirs"), ["rw:*"]) == grpc.StatusCode.PERMISSION_DENIED
    listed = stub.ListSources(pb.ListSourcesRequest(), metadata=[("granary-token", signer.token("acme", ["r:mine"]))], timeout=30)
    assert [source.source_id for source in listed.sources] == ["mine"]
    with pytest.raises(grpc.RpcError) as twice:
        stub.ListSources(pb.ListSourcesRequest(), metadata=[("granary-token", signer.token("acme", [right])) for right in ("r:theirs", "r:mine")], timeout=30)
    assert twice.value.code() == grpc.StatusCode.UNAUTHENTICATED, "of two tokens neither is the one"


def test_keys_that_change_are_read_again(tmp_path, signer):
    place = tmp_path / "jwks.json"
    node = Node(tmp_path, {"TENANT_ID": "acme", "GATEWAY_JWKS": str(place)}).start()
    try:
        assert ask(node, signer.token("acme", ALL))[0] == 503, "no keys yet"
        place.write_text(signer.jwks())
        until(lambda: ask(node, signer.token("acme", ALL))[0] == 200, "the keys are read", seconds=30)
        newer = Signer(b"n" * 32)
        place.write_text(newer.jwks())
        until(lambda: ask(node, newer.token("acme", ALL))[0] == 200, "the new ones are read", seconds=30)
        assert ask(node, signer.token("acme", ALL))[0] == 401, "what the old key signed is good no more"
        place.write_text("no keys")
        assert ask(node, newer.token("acme", ALL))[0] == 200, "the last ones serve"
    finally:
        node.close()


def test_a_token_is_never_passed_over(start_node, signer, tmp_path):
    without = start_node({"TENANT_ID": "acme"})
    assert ask(without, None)[0] == 200
    status, _, content = ask(without, signer.token("acme", ALL))
    assert status == 401 and "GATEWAY_JWKS" in json.loads(content)["detail"]
    (tmp_path / "jwks.json").write_text(signer.jwks())
    optional = start_node({"TENANT_ID": "acme", "GATEWAY_JWKS": str(tmp_path / "jwks.json"), "GATEWAY_REQUIRED": "false"})
    assert ask(optional, None)[0] == 200
    assert ask(optional, signer.token("acme", []), "GET", "/tenant/stats")[0] == 403
    assert ask(optional, "x")[0] == 401
