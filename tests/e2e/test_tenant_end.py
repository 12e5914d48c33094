"""The end of a tenant: nothing of it, at the gateway or in the catalog, is there for the next one of its id."""

import contextlib
import json
import re

import pytest

from gateway import Gateway, KeyClient
from node import Client, free_port
from service import Service

KEY = "a-secret-of-all-services-of-a-test"
POLICIES = "/metadata/compaction-policies"


def gone(fleet, tenant):
    return fleet.raw("GET", f"/tenants/{tenant}")[0] == 404


class Fleet:
    """An Operation Node, and a gateway and a catalog that it tells of deletions."""

    def __init__(self, folder):
        ports = {name: free_port() for name in ("gateway", "catalog")}
        self.operation = Service("operation-node", "OPERATION_NODE_PORT", folder / "operation", {
            "OPERATION_NODE_KEY": KEY, "AUTH_GATEWAY_URL": f"http://127.0.0.1:{ports['gateway']}",
            "METADATA_CATALOG_URL": f"http://127.0.0.1:{ports['catalog']}", "HEARTBEAT_SECONDS": "1"}).start()
        self.gateway = Gateway(folder / "gateway", {"OPERATION_NODE_KEY": KEY, "OPERATION_NODE_URL": f"http://127.0.0.1:{self.operation.port}"})
        self.gateway.port = ports["gateway"]
        self.catalog = Service("metadata-catalog", "METADATA_CATALOG_PORT", folder / "catalog", {"OPERATION_NODE_KEY": KEY})
        self.catalog.port = ports["catalog"]
        for service in (self.gateway, self.catalog):
            service.start()

    def tenant(self, name):
        """One that is served and has a policy in the catalog; the key of its administrator."""
        self.operation.client().call("POST", "/tenants", {"tenant_id": name})
        self.catalog.wait_for(lambda one: any(node["tenant_id"] == name for node in one.call("GET", "/metadata/nodes")["nodes"]), "its node tells")
        self.catalog.client().call("PUT", POLICIES, {"tenant_id": name, "policy": {"enabled": False}})
        return self.gateway.key(self.gateway.user("boss", ["admin"], name)["user_id"])

    def status(self, key):
        return KeyClient(self.gateway.port, key).raw("GET", "/auth/me")[0]

    def policies(self):
        return [one["tenant_id"] for one in self.catalog.client().call("GET", POLICIES)["policies"]]


@pytest.fixture
def fleet(tmp_path):
    with contextlib.ExitStack() as stack:
        made = Fleet(tmp_path)
        for service in (made.catalog, made.gateway):
            stack.callback(service.close)
        stack.callback(lambda: made.operation.process and made.operation.stop())
        yield made


def test_the_next_tenant_of_its_id_finds_nothing_of_a_deleted_one(fleet):
    key = fleet.tenant("globex")
    assert fleet.status(key) == 200 and fleet.policies() == ["globex"]
    client = fleet.operation.client()
    assert client.raw("DELETE", "/tenants/globex")[0] == 202
    fleet.operation.wait_for(lambda one: gone(one, "globex"), "it is gone")
    assert fleet.status(key) == 401 and fleet.policies() == []
    assert "globex" not in [node["tenant_id"] for node in fleet.catalog.client().call("GET", "/metadata/nodes")["nodes"]]
    boss = fleet.gateway.caller(fleet.tenant("globex"))
    assert [user["username"] for user in boss.call("GET", "/auth/users")["users"]] == ["boss"] and fleet.status(key) == 401
    assert {entry["tenant_id"] for entry in boss.call("GET", "/audit")["entries"]} == {"globex"}
    assert not [entry for entry in boss.call("GET", "/audit")["entries"] if entry["action"] == "tenant.end"]


@pytest.mark.parametrize("away", ["gateway", "catalog"])
def test_a_deletion_waits_for_whoever_is_away_says_so_and_ends_later(fleet, away):
    key = fleet.tenant("globex")
    service = getattr(fleet, away)
    service.kill()
    client = fleet.operation.client()
    assert client.raw("DELETE", "/tenants/globex")[0] == 202
    name = {"gateway": "the Auth Gateway", "catalog": "the Metadata Catalog"}[away]
    other = {"gateway": "the Metadata Catalog", "catalog": "the Auth Gateway"}[away]

    def waits_for_it_alone(one):
        reason = one.call("GET", "/tenants/globex")["reason"] or ""
        return name in reason and other not in reason

    fleet.operation.wait_for(waits_for_it_alone, "it says whom it waits for")
    assert client.call("GET", "/tenants/globex")["state"] == "deleting"
    status, _, content = client.raw("POST", "/tenants", {"tenant_id": "globex"})
    assert status == 409 and "being deleted" in json.loads(content)["detail"]
    if away == "catalog":
        assert fleet.status(key) == 401, "at once"
    fleet.operation.restart()
    service.start()
    fleet.operation.wait_for(lambda one: gone(one, "globex"), "it is gone")
    assert fleet.status(key) == 401 and fleet.policies() == []


def test_what_is_kept_is_kept_with_whoever_may_see_it(fleet):
    key = fleet.tenant("globex")
    assert fleet.operation.client().raw("DELETE", "/tenants/globex?keep_data=true")[0] == 202
    fleet.operation.wait_for(lambda one: gone(one, "globex"), "it is gone")
    assert fleet.status(key) == 200 and fleet.policies() == ["globex"]


def test_a_tenant_with_the_last_operator_waits_until_there_is_another(fleet):
    client = fleet.operation.client()
    client.call("POST", "/tenants", {"tenant_id": "default_tenant"})
    client.raw("DELETE", "/tenants/default_tenant")
    fleet.operation.wait_for(lambda one: "no operator who can come in" in (one.call("GET", "/tenants/default_tenant")["reason"] or ""), "it says so")
    client.call("POST", "/tenants", {"tenant_id": "ops"})
    fleet.gateway.user("other", ["operator"], "ops")
    fleet.operation.wait_for(lambda one: gone(one, "default_tenant"), "it is gone")
    assert fleet.status(fleet.gateway.first_key()) == 401
    assert fleet.gateway.log_in("other", "ops")["tenant_id"] == "ops"


def test_nobody_but_the_fleet_ends_tenants(fleet):
    admin = fleet.gateway.caller()
    assert admin.raw("DELETE", "/auth/tenants/globex")[0] == 401
    assert fleet.gateway.client().raw("DELETE", "/auth/tenants/globex")[0] == 401
    assert fleet.gateway.caller(KEY).raw("DELETE", "/auth/tenants/globex")[0] == 204
    assert fleet.gateway.caller(KEY).raw("DELETE", "/auth/tenants/.x")[0] == 400


def test_in_one_process_without_any_key_too(tmp_path):
    service = Service("up", "MONITORING_PORT", tmp_path, {"REST_PORT": "0", "GRPC_PORT": "0", "GRPC_HOST": "127.0.0.1", "CBO_ENGINE_PORT": "0"})
    service.start().wait_for(lambda _: "Granary is up" in service.log(), "it says where everything is")
    try:
        ports = {name: int(port) for name, port in re.findall(r"(Auth Gateway|Operation Node) +http://127.0.0.1:(\d+)", service.log())}
        fleet, gateway = Client(ports["Operation Node"]), ports["Auth Gateway"]
        first = KeyClient(gateway, re.search(r"gk_[0-9a-f]{16}_\w{43}", service.log())[0])
        fleet.call("POST", "/tenants", {"tenant_id": "globex"})
        user = first.call("POST", "/auth/users", {"tenant_id": "globex", "username": "boss", "roles": ["admin"]})["user_id"]
        boss = KeyClient(gateway, first.call("POST", "/auth/keys", {"user_id": user})["key"])
        assert boss.raw("GET", "/auth/me")[0] == 200
        fleet.raw("DELETE", "/tenants/globex")
        service.wait_for(lambda _: gone(fleet, "globex"), "it is gone")
        assert boss.raw("GET", "/auth/me")[0] == 401 and first.raw("GET", "/auth/me")[0] == 200
    finally:
        service.stop()


@pytest.mark.parametrize("settings,said", [
    ({"AUTH_GATEWAY_URL": "http://127.0.0.1:8080"}, "OPERATION_NODE_KEY"), ({"AUTH_GATEWAY_URL": "nowhere", "OPERATION_NODE_KEY": KEY}, "AUTH_GATEWAY_URL")])
def test_bad_settings_stop_the_start(tmp_path, settings, said):
    service = Service("operation-node", "OPERATION_NODE_PORT", tmp_path, settings)
    service.start(wait=False)
    assert service.process.wait(timeout=60) == 2
    service.process = None
    assert said in service.log()
