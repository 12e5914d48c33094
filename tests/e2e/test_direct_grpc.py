"""gRPC behind a gateway: it gives a token and says where the node is; the client then speaks to the node itself, with the rights in the token."""

import base64
import json
import time

import grpc
import pytest

from fleet import fleet_gateway, operation, serving
from gateway import Estate, KeyClient, spied
from node import Refused, until
from rpc import RpcClient, refused
from tokens import Signer


@pytest.fixture(scope="module")
def estate(tmp_path_factory):
    estate = Estate(tmp_path_factory.mktemp("direct"), ("acme", "globex"), gateway_env={"NODE_TOKEN_SECONDS": "60"}, node_args=["both"])
    for tenant in ("acme", "globex"):
        for source in ("sales_eu", "sales_us", "people"):
            estate.admin(tenant).add({"source_id": source, "schema_definition": {"a": "int64"}})
            estate.admin(tenant).write(source, [{"a": 1}, {"a": 2}])
    yield estate
    estate.close()


class Direct:
    """A gRPC client at the address that the gateway said, with its token or another."""

    def __init__(self, given, token=None):
        self.rpc = RpcClient(int(given["grpc_address"].rsplit(":", 1)[1]), host=given["grpc_address"].rsplit(":", 1)[0])
        self.pb = self.rpc.pb
        self.metadata = [(given["metadata"], token or given["token"])]

    def rows(self, *sources):
        try:
            return sum(len(part.rows.rows) for part in self.rpc.stub.SearchData(self.pb.SearchDataRequest(source_ids=sources, stream=True), metadata=self.metadata, timeout=60))
        except grpc.RpcError as error:
            raise refused(error) from None

    def call(self, method, request):
        return self.rpc.call(method, request, metadata=self.metadata)

    def write(self, source):
        return self.call("WriteData", self.pb.WriteDataRequest(source_id=source, records_json='[{"fields":{"a":3}}]')).written


def give(client, **body):
    return client.call("POST", "/auth/node-token", body or None)


def code_of(action, *args):
    with pytest.raises(Refused) as failure:
        action(*args)
    return failure.value.status


def claims_of(token):
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def test_a_client_reads_and_writes_through_grpc_with_the_rights_of_its_key(estate):
    given = give(estate.admin())
    assert given["grpc_address"] == f"127.0.0.1:{estate.nodes['acme'].grpc_port}" and given["tenant_id"] == "acme" and given["expires_in"] == 60
    direct = Direct(given)
    assert direct.rows("people") == 2 and direct.write("people") == 1 and direct.rows("people") == 3
    assert [one.source_id for one in direct.call("ListSources", direct.pb.ListSourcesRequest()).sources] == ["people", "sales_eu", "sales_us"]
    # Without one the node answers nobody, from this machine too.
    assert code_of(Direct(given, "x").rows, "people") == 401
    bare = Direct(given)
    bare.metadata = []
    assert code_of(bare.rows, "people") == 401


def test_roles_hold_down_to_source_and_verb(estate):
    admin = estate.admin()
    admin.call("PUT", "/auth/roles/eu", {"grants": [{"verbs": ["read"], "source": "sales_*"}, {"verbs": ["write"], "source": "sales_eu"}]})
    user = admin.call("POST", "/auth/users", {"username": "direct-eu", "password": "a long password", "roles": ["eu"]})
    client = KeyClient(estate.gateway.port, estate.gateway.key(user["user_id"]))
    given = give(client)
    direct = Direct(given)
    assert direct.rows("sales_eu") == 2 and direct.rows("sales_us") == 2 and direct.write("sales_eu") == 1
    assert code_of(direct.rows, "people") == 403 and code_of(direct.write, "sales_us") == 403 and code_of(direct.rows, "nobodys") == 403
    assert direct.rows() == 5, "all that may be read"
    # Narrower still, by what is asked for; never wider.
    narrow = Direct(give(client, scope=[{"verbs": ["read", "write", "admin"], "source": "sales_us"}]))
    assert narrow.rows("sales_us") == 2 and code_of(narrow.rows, "sales_eu") == 403 and code_of(narrow.write, "sales_us") == 403
    with pytest.raises(Refused) as failure:
        give(client, scope=[{"verbs": ["read"], "source": "people"}])
    assert failure.value.status == 403
    # A session has them, too.
    session = KeyClient(estate.gateway.port, estate.gateway.log_in("direct-eu")["access_token"])
    assert Direct(give(session)).rows("sales_eu") == 3


def test_sources_are_changed_through_the_gateway_alone(estate):
    """So that its audit log has all of it."""
    direct = Direct(give(estate.admin()))
    pb = direct.pb
    for method, request in (("AddSource", pb.AddSourceRequest(source_id="sneaked")), ("RemoveSource", pb.RemoveSourceRequest(source_id="people")),
                            ("UpdateSource", pb.UpdateSourceRequest(source_id="people", drop_columns=["a"]))):
        assert code_of(direct.call, method, request) == 403, method
    assert all("admin" not in grant["verbs"] for grant in give(estate.admin())["grants"])
    given = give(estate.admin())
    entry = estate.admin().call("GET", "/audit?action=token.give&limit=1")["entries"][0]
    assert entry["outcome"] == "done" and entry["target"] == claims_of(given["token"])["jti"]
    assert entry["detail"] == "for 60 s, to tenant-node-grpc/acme"
    assert "eyJ" not in json.dumps(entry)


def test_a_token_is_of_one_tenant_and_one_door(estate):
    acme, globex = give(estate.admin("acme")), give(estate.admin("globex"))
    assert code_of(Direct(globex, acme["token"]).rows, "people") == 401
    assert code_of(Direct(acme, globex["token"]).rows, "people") == 401
    node = estate.nodes["acme"].client()
    for _ in range(2):  # Also once the node knows it.
        status, _, content = node.raw("GET", "/sources", headers={"Granary-Token": acme["token"]})
        assert status == 401 and "gRPC alone" in json.loads(content)["detail"]
        assert Direct(acme).rows("people") >= 2
    for client in (estate.gateway.caller(acme["token"]),):
        assert client.raw("GET", "/auth/me")[0] == 401, "it is none of the gateway's"
        assert client.raw("POST", "/auth/node-token")[0] == 401


def test_what_is_no_token_of_this_gateway_is_not_believed(estate):
    given = give(estate.admin())
    head, body, signature = given["token"].split(".")
    now = int(time.time())
    other, audience = Signer(b"z" * 32), {"aud": "tenant-node-grpc/acme"}
    kid = json.loads(base64.urlsafe_b64decode(head + "=="))["kid"]
    widened = base64.urlsafe_b64encode(json.dumps({**claims_of(given["token"]), "grants": ["rwa:*"]}, separators=(",", ":")).encode()).rstrip(b"=").decode()
    bad = {"a stranger's": other.token("acme", ["rwa:*"], **audience), "a forged key id": other.token("acme", ["rwa:*"], header={"kid": kid}, **audience),
           "widened": f"{head}.{widened}.{signature}", "cut": given["token"][:-5], "no signature": f"{head}.{body}.", "empty": " ", "an API key": estate.admins["acme"],
           "an access token": "", "expired and a stranger's": other.token("acme", ["rwa:*"], iat=now - 90, nbf=now - 90, exp=now - 30, **audience)}
    estate.gateway.user("direct-login", ["reader"])
    bad["an access token"] = estate.gateway.log_in("direct-login")["access_token"]
    for name, token in bad.items():
        assert code_of(Direct(given, token).rows, "people") == 401, name
    assert Direct(given).rows("people") >= 2


@pytest.mark.parametrize("body,status,pointer", [
    ({"scope": "all"}, 400, "/scope"), ({"scope": [{"verbs": ["read"], "source": "../x"}]}, 400, "/scope/0/source"), ({"scope": [{"verbs": ["own"], "source": "*"}]}, 400, "/scope/0/verbs/0"),
    ({"scope": [{"verbs": [], "source": "*"}]}, 400, "/scope/0/verbs"), ({"scoope": []}, 400, "/scoope"), ({"scope": []}, 403, None),
    ({"scope": [{"verbs": ["admin"], "source": "*"}]}, 403, None), ({"tenant_id": "globex"}, 400, "/tenant_id")])
def test_bad_requests_are_pointed_at(estate, body, status, pointer):
    with pytest.raises(Refused) as failure:
        give(estate.admin(), **body)
    assert failure.value.status == status and (pointer is None or failure.value.pointers == [pointer])


def test_a_token_ends_and_no_later_than_its_key(tmp_path):
    estate = Estate(tmp_path, gateway_env={"NODE_TOKEN_SECONDS": "10"}, node_args=["both"])
    try:
        admin = estate.admin()
        admin.add({"source_id": "s", "schema_definition": {"a": "int64"}})
        end = int(time.time()) + 4
        key = admin.call("POST", "/auth/keys", {"name": "short", "expires_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end))})["key"]
        given = give(KeyClient(estate.gateway.port, key))
        assert given["expires_in"] <= 4 and claims_of(given["token"])["exp"] <= end
        direct = Direct(given)
        assert direct.rows("s") == 0

        def is_over():
            try:
                return direct.rows("s") != 0
            except Refused as failure:
                return failure.status == 401

        until(is_over, "the node takes it no more")  # Clocks may differ by 5 s: until then it does.
        assert time.time() >= end
        # What was taken away counts for the next token, and for the one that is out when that ends.
        lasting = admin.call("POST", "/auth/keys", {"name": "lasting"})
        client = KeyClient(estate.gateway.port, lasting["key"])
        held = Direct(give(client))
        assert held.rows("s") == 0
        assert admin.raw("DELETE", f"/auth/keys/{lasting['key_id']}")[0] == 204
        assert client.raw("POST", "/auth/node-token")[0] == 401
        direct = held
        until(is_over, "a revoked key's token ends by itself")
    finally:
        estate.close()


def test_without_grpc_the_gateway_says_so(tmp_path):
    estate = Estate(tmp_path)
    try:
        with pytest.raises(Refused) as failure:
            give(estate.admin())
        assert failure.value.status == 501 and "'both'" in failure.value.problem["detail"]
        assert estate.admin().call("GET", "/audit?action=token.give")["entries"] == []
        estate.nodes["acme"].kill()
        with pytest.raises(Refused) as failure:
            give(estate.admin())
        assert failure.value.status == 503 and "127.0.0.1" not in failure.value.problem["detail"]
    finally:
        estate.close()


@pytest.mark.parametrize("answer,status", [
    (b'{"grpc_port": 50051}', 200), (b'{"grpc_port": null}', 501), (b"{}", 501), (b'{"grpc_port": 70000}', 503), (b'{"grpc_port": "50051@evil"}', 503), (b'{"grpc_port": -1}', 503), (b"[]", 503),
    (b'{"grpc_port": 1, "pad": "' + b"x" * 70_000 + b'"}', 503)])
def test_what_a_node_says_of_its_port_is_a_port(tmp_path, answer, status):
    head = b"HTTP/1.1 200 OK\r\nGranary-Service: tenant-node\r\nContent-Length: %d\r\n\r\n"
    with spied(tmp_path) as spy:
        seen, (got, _, content) = spy.exchange("POST", "/auth/node-token", answer=head % len(answer) + answer)
        assert seen.startswith("GET /health ") and "Granary-Token" not in seen and "gk_" not in seen
        assert got == status, content
        if status == 200:
            assert json.loads(content)["grpc_address"] == "127.0.0.1:50051"


def test_another_service_in_a_nodes_place_is_given_nothing(tmp_path):
    with spied(tmp_path) as spy:
        _, (got, _, content) = spy.exchange("POST", "/auth/node-token", answer=b'HTTP/1.1 200 OK\r\nGranary-Service: monitoring\r\nContent-Length: 19\r\n\r\n{"grpc_port": 50051}')
        assert got == 503 and "50051" not in content.decode()


def test_a_launched_node_serves_grpc_where_it_is_told_to(operation, fleet_gateway):
    service = operation(LAUNCH_GRPC="true")
    gateway = fleet_gateway(f"http://127.0.0.1:{service.port}")
    service.stop()
    service.env["GATEWAY_JWKS"] = f"http://127.0.0.1:{gateway.port}/auth/jwks.json"
    service.start()
    service.client().call("POST", "/tenants", {"tenant_id": "acme"})
    serving(service, "acme")
    boss = gateway.caller(gateway.key(gateway.user("boss", ["admin"], "acme")["user_id"]))
    until(lambda: boss.raw("GET", "/sources")[0] == 200, "the gateway reaches it")
    boss.add({"source_id": "s", "schema_definition": {"a": "int64"}})
    direct = Direct(give(boss))
    assert direct.write("s") == 1 and direct.rows("s") == 1
    # A suspended tenant has no node, and gets no tokens.
    service.client().call("POST", "/tenants/acme/suspend")
    until(lambda: boss.raw("POST", "/auth/node-token")[0] == 403, "the gateway hears of it")
