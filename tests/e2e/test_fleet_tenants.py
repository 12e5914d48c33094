"""The life of tenants at the Operation Node: made, limited, suspended, moved, deleted, and what becomes of their data."""

import fcntl
import json

from fleet import PATIENT, beat, gone, node_of, operation, processes_of, refused, serving, stored, told, wait_ready, wait_ready_at


def test_a_tenant_lives_in_a_process_of_its_own(operation, stored):
    settings, _ = stored
    service = operation(**settings)
    client = service.client()
    created = client.call("POST", "/tenants", {"tenant_id": "acme", "name": "Acme", "quota": {"sources": 2}})
    assert created["state"] == "active" and created["placement"]["node_state"] == "starting" and not created["serving"]
    assert client.raw("POST", "/tenants", {"tenant_id": "acme", "name": "Acme", "quota": {"sources": 2}})[0] == 200
    assert refused(client, "POST", "/tenants", {"tenant_id": "acme", "name": "Other"})["code"] == "CONFLICT"
    tenant = serving(service, "acme")
    assert tenant["placement"]["launched_by"] and tenant["placement"]["reason"] == "there is no other node"
    node = node_of(tenant)
    assert node.call("GET", "/tenant/stats")["tenant_id"] == "acme" and node.call("GET", "/tenant/stats")["tenant_name"] == "Acme"
    for source in ("a", "b"):
        node.add({"source_id": source})
    node.write("a", [{"n": 1}])
    assert refused(node, "POST", "/sources/add", {"source_id": "c"})["code"] == "QUOTA_EXCEEDED"

    # A larger quota, and the node begins anew with it.
    before = processes_of(service)
    client.call("PUT", "/tenants/acme/quota", {"sources": 3})
    service.wait_for(lambda _: processes_of(service) and not processes_of(service) & before, "its process is another one")
    node = node_of(serving(service, "acme"))
    wait_ready(node)
    node.add({"source_id": "c"})
    assert client.call("GET", "/tenants/acme/quota") == {"tenant_id": "acme", "sources": 3, "memory_mb": None, "workers": None, "searches": None}

    # Suspended it is not there, and its data is.
    assert client.call("POST", "/tenants/acme/suspend")["state"] == "suspended"
    service.wait_for(lambda _: not processes_of(service), "its process has ended")
    assert client.call("GET", "/tenants/acme")["serving"] is False
    assert client.call("POST", "/tenants/acme/resume")["state"] == "active"
    node = node_of(serving(service, "acme"))
    wait_ready(node)
    assert node.rows(source_id="a") == [{"n": 1}]

    # Deleted, and its data with it.
    folder = service.data / "operation_node/nodes/acme"
    assert folder.exists()
    status, _, content = client.raw("DELETE", "/tenants/acme")
    assert status == 202 and json.loads(content)["state"] == "deleting"
    service.wait_for(lambda one: gone(one, "acme"), "it is gone")
    assert not folder.exists() and not processes_of(service) and client.call("GET", "/nodes")["nodes"] == []
    assert service.stop() == 0


def test_everything_is_there_after_a_restart(operation, stored):
    settings, _ = stored
    service = operation(**settings)
    client = service.client()
    client.call("POST", "/tenants", {"tenant_id": "acme", "name": "Acme"})
    node = node_of(serving(service, "acme"))
    wait_ready(node)
    node.add({"source_id": "a"})
    node.write("a", [{"n": 1}])
    beat(client, "n1", tenants=["globex"], capacity=3)
    client.call("POST", "/tenants", {"tenant_id": "globex"})
    client.call("PUT", "/scaling/policy", {"nodes_max": 7})
    before = client.call("GET", "/tenants")
    service.restart()
    client = service.client()
    after = client.call("GET", "/tenants")
    assert [t["tenant_id"] for t in after["tenants"]] == [t["tenant_id"] for t in before["tenants"]] == ["acme", "globex"]
    assert after["tenants"][1]["placement"]["node_id"] == "n1"
    assert client.call("GET", "/scaling")["policy"]["nodes_max"] == 7
    node = node_of(serving(service, "acme"))
    wait_ready(node)
    assert node.rows(source_id="a") == [{"n": 1}]


def test_data_that_is_to_be_kept_is_kept(operation):
    service = operation()
    client = service.client()
    client.call("POST", "/tenants", {"tenant_id": "acme"})
    node = node_of(serving(service, "acme"))
    wait_ready(node)
    node.add({"source_id": "a"})
    node.write("a", [{"n": 1}])
    assert client.raw("DELETE", "/tenants/acme?keep_data=true")[0] == 202
    service.wait_for(lambda one: gone(one, "acme"), "it is gone")
    assert (service.data / "operation_node/nodes/acme").exists()
    client.call("POST", "/tenants", {"tenant_id": "acme"})
    node = node_of(serving(service, "acme"))
    wait_ready(node)
    assert node.rows(source_id="a") == [{"n": 1}]


def test_a_deletion_waits_for_whoever_works_in_the_folder(operation):
    service = operation()
    client = service.client()
    client.call("POST", "/tenants", {"tenant_id": "acme"})
    wait_ready(node_of(serving(service, "acme")))
    client.call("POST", "/tenants/acme/suspend")
    service.wait_for(lambda _: not processes_of(service), "its process has ended")
    folder = service.data / "operation_node/nodes/acme"
    with open(folder / "granary.lock", "r+") as orphan:  # As a node that a killed Operation Node left.
        fcntl.lockf(orphan, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert client.raw("DELETE", "/tenants/acme")[0] == 202
        service.wait_for(lambda _: told(service, "a tenant cannot be deleted yet"), "it waits")
        assert (folder / "FORMAT").exists() and client.call("GET", "/tenants/acme")["state"] == "deleting"
    service.wait_for(lambda one: gone(one, "acme"), "it is gone")
    assert not folder.exists()


def test_pages_of_tenants(operation):
    service = operation(MAX_LAUNCHED_NODES="0")
    client = service.client()
    for i in range(7):
        client.call("POST", "/tenants", {"tenant_id": f"t{i}"})
    client.call("POST", "/tenants/t3/suspend")
    seen, cursor = [], ""
    while cursor is not None:
        page = client.call("GET", f"/tenants?limit=3{cursor}")
        assert 1 <= len(page["tenants"]) <= 3
        seen += [tenant["tenant_id"] for tenant in page["tenants"]]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    assert seen == [f"t{i}" for i in range(7)]
    assert [t["tenant_id"] for t in client.call("GET", "/tenants?state=suspended")["tenants"]] == ["t3"]
    assert len(client.call("GET", "/tenants?limit=1000")["tenants"]) == 7


def test_an_adopted_tenant_is_not_deleted_while_its_node_would_bring_it_back(operation):
    service = operation(MAX_LAUNCHED_NODES="0", ADOPT_TENANTS="true", **PATIENT)
    client = service.client()
    beat(client, "n", tenants=["own"])
    assert client.call("GET", "/tenants/own")["placement"]["node_id"] == "n"
    client.call("PUT", "/tenants/own/quota", {"sources": 3})
    problem = refused(client, "DELETE", "/tenants/own")
    assert problem["status"] == 409 and "ADOPT_TENANTS" in problem["detail"]
    assert client.call("GET", "/tenants/own/quota")["sources"] == 3
    beat(client, "n", tenants=[])
    assert client.raw("DELETE", "/tenants/own")[0] == 204
    beat(client, "n", tenants=[])
    assert gone(client, "own")


def test_a_move_carries_no_data_and_says_so(operation):
    service = operation(MAX_LAUNCHED_NODES="0", **PATIENT)
    client = service.client()
    beat(client, "a", tenants=["t"], capacity=2)
    beat(client, "b", capacity=2)
    assert client.call("POST", "/tenants", {"tenant_id": "t"})["placement"]["node_id"] == "a"
    problem = refused(client, "POST", "/tenants/t/move", {"node_id": "b"})
    assert problem["status"] == 409 and "carries no data" in problem["detail"]
    assert refused(client, "POST", "/tenants/t/move")["status"] == 409
    assert refused(client, "POST", "/tenants/t/move", {"node_id": "none"})["detail"] == "there is no node 'none'"
    assert client.call("POST", "/tenants/t/move", {"node_id": "b", "without_data": True})["placement"]["node_id"] == "b"
    assert client.call("POST", "/tenants/t/move")["placement"]["node_id"] == "a"  # Which has it.


def test_a_launched_node_that_is_moved_begins_anew_with_its_data(operation):
    service = operation()
    client = service.client()
    client.call("POST", "/tenants", {"tenant_id": "acme"})
    node = node_of(serving(service, "acme"))
    wait_ready(node)
    node.add({"source_id": "a"})
    node.write("a", [{"n": 1}])
    before = processes_of(service)
    client.call("POST", "/tenants/acme/move")
    service.wait_for(lambda _: processes_of(service) and not processes_of(service) & before, "another process runs")
    node = node_of(service.wait_for(lambda one: one.call("GET", "/nodes")["nodes"][0]["process"]["starts"] == 2 and one.call("GET", "/tenants/acme")
                                    ["serving"] and one.call("GET", "/tenants/acme"), "it serves"))
    wait_ready_at(service, "acme", lambda one: one.rows(source_id="a") == [{"n": 1}])


def test_no_data_of_a_tenant_is_left_for_the_next_of_its_id(operation):
    service = operation()
    client = service.client()
    client.call("POST", "/tenants", {"tenant_id": "acme"})
    node = node_of(serving(service, "acme"))
    wait_ready(node)
    node.add({"source_id": "a"})
    node.write("a", [{"secret": 1}])
    beat(client, "other", capacity=9, tenants=["acme"])
    for without_data in (False, True):
        problem = refused(client, "POST", "/tenants/acme/move", {"node_id": "other", "without_data": without_data})
        assert problem["status"] == 409 and "launched for it" in problem["detail"]
    assert client.call("GET", "/tenants/acme")["placement"]["launched_by"]
    beat(client, "other", capacity=9)
    assert client.raw("DELETE", "/tenants/acme")[0] == 202
    service.wait_for(lambda one: gone(one, "acme"), "it is gone")
    assert [one["node_id"] for one in client.call("GET", "/nodes")["nodes"]] == ["other"]
    client.call("POST", "/nodes/other/drain")
    client.call("POST", "/tenants", {"tenant_id": "acme"})
    node = node_of(serving(service, "acme"))
    wait_ready(node)
    assert node.call("GET", "/sources")["sources"] == []
