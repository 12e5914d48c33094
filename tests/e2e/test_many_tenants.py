"""One Tenant Node that serves many tenants: whom it answers, what they take from each other, and what is there after a kill."""

import json
import multiprocessing
import os
import threading
import time

import grpc
import pytest

from fleet import PATIENT, fleet_gateway, gone, node_of, operation, processes_of, refused, serving, wait_ready
from node import Client, Node, Refused, until
from rpc import stubs
from tokens import Signer

ALL = ["rwa:*"]


def of(node, tenant, timeout=60):
    return Client(node.port, timeout, headers={"X-Tenant-Id": tenant})


@pytest.fixture
def shared(tmp_path):
    """Starts a node that serves those tenants; it ends with the test."""
    nodes = []

    def start(tenants, env=None, start=True):
        folder = tmp_path / f"shared-{len(nodes)}"
        folder.mkdir()
        ids = ",".join(tenants)
        nodes.append(Node(folder, {"NODE_CAPACITY": str(max(2, len(tenants))), "TENANT_IDS": ids, **(env or {})}))
        return nodes[-1].start() if start else nodes[-1]

    yield start
    for node in nodes:
        node.close()


def test_each_tenant_has_its_own_data_under_the_same_names(shared):
    node = shared(["acme", "globex"])
    for tenant in ("acme", "globex"):
        client = of(node, tenant)
        client.add({"source_id": "sales", "schema_definition": {"who": "string"}})
        client.write("sales", [{"who": tenant}] * (2 if tenant == "acme" else 3))
    for again in (False, True):
        for tenant, rows in (("acme", 2), ("globex", 3)):
            client = of(node, tenant)
            assert client.rows(source_id="sales") == [{"who": tenant}] * rows
            stats = client.call("GET", "/tenant/stats")
            assert stats["tenant_id"] == tenant and stats["rows"] == rows
            assert client.call("GET", "/queries")["queries"] == []
        if not again:
            node.restart()
    cursor = of(node, "acme").search(source_id="sales", limit=1)["next_cursor"]
    assert refused(of(node, "globex"), "POST", "/data/search", {"source_id": "sales", "limit": 1, "cursor": cursor})["code"] == "INVALID_REQUEST"
    job = of(node, "acme").call("POST", "/sources/sales/compact")["job_id"]
    assert of(node, "globex").raw("GET", f"/jobs/{job}")[0] == 404


def test_a_node_with_many_serves_whom_it_has_and_says_so_of_others(shared):
    node = shared(["acme", "globex"], {"TENANT_ID": "acme"})
    client = node.client()
    assert client.call("GET", "/tenant/stats")["tenant_id"] == "acme"  # Without a name TENANT_ID is meant.
    status, headers, content = of(node, "initech").raw("GET", "/sources")
    assert status == 503 and headers["granary-tenant"] == "not-here" and json.loads(content)["code"] == "UNAVAILABLE"
    for hostile in ("../acme", "..", ".", "acme/../globex", "acme%2f..", "a" * 129, "hosted", "ac me", "acme,globex"):
        status, headers, _ = of(node, hostile).raw("GET", "/sources")
        assert status == 400 or (status == 503 and headers["granary-tenant"] == "not-here"), (hostile, status)
    assert sorted(path.name for path in (node.data / "hosted").iterdir()) == ["acme", "node.lock"]
    health = client.call("GET", "/health")
    assert health["capacity"] == 2 and health["tenants"] == 2 and "tenant_id" not in health
    metrics = client.raw("GET", "/metrics")[2].decode()
    assert 'granary_rows{tenant_id="acme"} 0' in metrics and "granary_tenants 2" in metrics and "granary_tenants_open 1" in metrics


def test_over_grpc_the_tenant_is_in_the_metadata(shared, tmp_path):
    pb, pb_grpc = stubs()
    node = shared(["acme", "globex"], start=False)
    node.start(args=["both"])
    with grpc.insecure_channel(f"127.0.0.1:{node.grpc_port}") as channel:
        stub = pb_grpc.TenantNodeStub(channel)
        for tenant in ("acme", "globex"):
            answer = stub.GetTenantStats(pb.GetTenantStatsRequest(), metadata=[("x-tenant-id", tenant)])
            assert answer.tenant_id == tenant
        with pytest.raises(grpc.RpcError) as error:
            stub.GetTenantStats(pb.GetTenantStatsRequest(), metadata=[("x-tenant-id", "initech")])
        assert error.value.code() == grpc.StatusCode.UNAVAILABLE


def test_the_token_says_which_tenant_and_no_header_does(shared, tmp_path):
    signer = Signer()
    keys = tmp_path / "jwks.json"
    keys.write_text(signer.jwks())
    node = shared(["acme", "globex"], {"GATEWAY_JWKS": str(keys)})

    def ask(tenant, header=None, **claims):
        headers = {"Granary-Token": signer.token(tenant, ALL, **claims)}
        if header is not None:
            headers["X-Tenant-Id"] = header
        return node.client().raw("GET", "/tenant/stats", headers=headers)

    assert json.loads(ask("acme")[2])["tenant_id"] == "acme"
    assert json.loads(ask("globex", header="globex")[2])["tenant_id"] == "globex"
    status, _, content = ask("globex", header="acme")
    assert status == 400 and "acme" not in json.loads(content)["detail"]
    assert ask("acme", aud="tenant-node/globex")[0] == 401
    assert ask("acme", aud="tenant-node/")[0] == 401
    assert ask("acme", aud="tenant-node")[0] == 401
    assert ask("../acme")[0] == 401
    status, headers, _ = ask("initech")
    assert status == 503 and headers["granary-tenant"] == "not-here"
    # Without a token nobody is answered, whatever they name.
    assert of(node, "acme").raw("GET", "/tenant/stats")[0] == 401
    # What all tenants do together is no tenant's to see.
    assert node.client().raw("GET", "/scaling", headers={"Granary-Token": signer.token("acme", ALL)})[0] == 403


def work(node, tenant, over, answered):
    client = of(node, tenant)
    number = os.getpid()
    while not over.is_set():
        number += 7919  # Another bound each time: nothing of it was kept.
        client.aggregate(source_ids=["orders"], filters={"id": {"lt": 90_000 + number % 10_000}}, group_by=["group", "amount"],
                         aggregations=[{"type": "sum", "column": "id", "alias": "s"}], limit=10)
        with answered.get_lock():
            answered.value += 1


def test_a_heavy_tenant_does_not_starve_its_neighbour(shared, figure):
    """Ten clients of the one and one of the other ask the same of equal data at the same time, for as long: what each gets done is
    compared within that time, so that nothing else on the machine decides it."""
    node = shared(["heavy", "light"])
    lines = "\n".join(json.dumps({"id": i, "group": f"g{i % 5000}", "amount": i * 7 % 1000}) for i in range(100_000)).encode()
    for tenant in ("heavy", "light"):
        client = of(node, tenant)
        client.add({"source_id": "orders", "schema_definition": {"id": "int64", "group": "string", "amount": "int64"}})
        for _ in range(3):
            assert client.raw("POST", "/data/write?source_id=orders", lines, {"Content-Type": "application/x-ndjson"})[0] == 200
        client.flush("orders")
    # Processes: in one with ten busy threads the eleventh would wait for those.
    fork = multiprocessing.get_context("fork")
    over, answered = fork.Event(), {tenant: fork.Value("i", 0) for tenant in ("heavy", "light")}
    workers = [fork.Process(target=work, args=(node, tenant, over, answered[tenant])) for tenant in ["heavy"] * 10 + ["light"]]
    for worker in workers:
        worker.start()
    try:
        until(lambda: answered["heavy"].value >= 20 and answered["light"].value >= 2, "both are at work")
        before = {tenant: answered[tenant].value for tenant in answered}
        until(lambda: answered["heavy"].value + answered["light"].value >= sum(before.values()) + 300, "much was asked")
        done = {tenant: answered[tenant].value - before[tenant] for tenant in answered}
    finally:
        over.set()
        for worker in workers:
            worker.join()
    part = done["light"] / sum(done.values())
    slower = 10 * done["light"] / done["heavy"]
    figure(f"beside ten clients of another tenant one got {100 * part:.0f} % of the work done, a request of its neighbour's took {slower:.1f} times as long")
    # By tenants it would be half, as far as one client can take it; by clients, as within one tenant, a tenth.
    assert part > 0.18, done


def test_after_a_kill_everything_acknowledged_of_every_tenant_is_there(shared, seeded):
    tenants = [f"t{i}" for i in range(6)]
    node = shared(tenants, {"MAX_OPEN_TENANTS": "3", "TENANT_IDLE_SECONDS": "1", "FLUSH_ROWS": "50"})
    for tenant in tenants:
        of(node, tenant).add({"source_id": "log", "schema_definition": {"n": "int64"}})
    acknowledged = {tenant: set() for tenant in tenants}
    for kill in range(3):
        stop = threading.Event()

        def write(tenant, start):
            client, n = of(node, tenant), start
            while not stop.is_set():
                try:
                    client.write("log", [{"n": n}, {"n": n + 1}])
                except Exception:
                    return  # Not acknowledged: it may be there or not.
                acknowledged[tenant].update((n, n + 1))
                n += 2

        threads = [threading.Thread(target=write, args=(tenant, kill * 1_000_000)) for tenant in tenants]
        for thread in threads:
            thread.start()
        want = {tenant: len(acknowledged[tenant]) + seeded.randint(20, 120) for tenant in tenants}
        until(lambda: all(len(acknowledged[tenant]) >= want[tenant] for tenant in tenants), "some of each are written")
        node.kill()
        stop.set()
        for thread in threads:
            thread.join()
        node.start()
        for tenant in tenants:
            found = {row["n"] for row in of(node, tenant).rows(source_id="log", limit=10_000)}
            assert acknowledged[tenant] <= found, (tenant, sorted(acknowledged[tenant] - found)[:10])
            acknowledged[tenant] |= found  # What is there now stays.


def test_a_damaged_tenant_leaves_the_others_served(shared):
    node = shared(["acme", "broken", "globex"])
    for tenant in ("acme", "broken", "globex"):
        of(node, tenant).add({"source_id": "log"})
        of(node, tenant).write("log", [{"n": 1}])
    node.stop()
    (node.data / "hosted/broken/tenants/broken/manifest.db").write_bytes(b"not a manifest" * 100)
    node.start()
    for tenant in ("acme", "globex"):
        assert of(node, tenant).rows(source_id="log") == [{"n": 1}]
    for _ in range(2):
        problem = refused(of(node, "broken"), "GET", "/sources")
        assert problem["status"] == 500 and problem["code"] == "CORRUPTION" and "manifest" in problem["detail"], problem
        assert str(node.data) not in problem["detail"]
    assert node.client().raw("GET", "/health")[0] == 200
    assert of(node, "acme").write("log", [{"n": 2}])["written"] == 1
    assert node.client().metric("granary_tenants_troubled") == 1


def test_an_idle_tenant_is_closed_and_comes_back_with_all(shared, figure):
    node = shared(["acme", "globex"], {"TENANT_IDLE_SECONDS": "1"})
    acme = of(node, "acme")
    acme.add({"source_id": "log"})
    acme.write("log", [{"n": i} for i in range(100)])
    until(lambda: node.client().metric("granary_tenants_open") == 0, "it is closed")
    began = time.monotonic()
    assert len(acme.rows(source_id="log", limit=1000)) == 100
    figure(f"the first request of a closed tenant took {1000 * (time.monotonic() - began):.0f} ms")
    assert node.client().metric("granary_tenants_open") == 1


def test_records_past_their_retention_go_though_their_tenant_is_closed(shared):
    node = shared(["acme", "globex"], {"TENANT_IDLE_SECONDS": "1", "RETENTION_INTERVAL_MINUTES": "1"})
    acme = of(node, "acme")
    acme.add({"source_id": "log", "schema_definition": {"at": "date"}, "retention": {"column": "at", "days": 1}})
    acme.write("log", [{"at": "2020-01-01"}, {"at": "2999-01-01"}])
    until(lambda: node.client().metric("granary_tenants_open") == 0, "it is closed")
    # Opened again it looks at once, not only after its interval.
    until(lambda: len(acme.rows(source_id="log")) == 1, "the old one is gone", seconds=30)


# ---- with an Operation Node ----

def shared_node(tmp_path, operation_port, capacity=10, name="shared", **env):
    folder = tmp_path / name
    folder.mkdir()
    return Node(folder, {"NODE_CAPACITY": str(capacity), "OPERATION_NODE_URL": f"http://127.0.0.1:{operation_port}",
                         "NODE_ID": name, "HEARTBEAT_SECONDS": "1", **env})


def test_tenants_come_and_go_on_one_node_as_the_operation_node_says(operation, tmp_path, figure):
    service = operation(MAX_LAUNCHED_NODES="0", **PATIENT)
    node = shared_node(tmp_path, service.port).start()
    try:
        client = service.client()
        service.wait_for(lambda one: one.call("GET", "/nodes")["nodes"], "the node registered")
        assert client.call("GET", "/nodes/shared")["capacity"] == 10
        began = time.monotonic()
        for tenant in ("acme", "globex", "initech"):
            client.call("POST", "/tenants", {"tenant_id": tenant, "quota": {"sources": 1} if tenant == "acme" else {}})
        for tenant in ("acme", "globex", "initech"):
            assert serving(service, tenant)["placement"]["node_id"] == "shared"
        figure(f"three tenants were served {time.monotonic() - began:.1f} s after the first was asked for (heartbeats: 1 s)")
        for tenant in ("acme", "globex", "initech"):
            of(node, tenant).add({"source_id": "log"})
            of(node, tenant).write("log", [{"who": tenant}])

        # The quota is the tenant's, not the process'.
        assert refused(of(node, "acme"), "POST", "/sources/add", {"source_id": "more"})["code"] == "QUOTA_EXCEEDED"
        of(node, "globex").add({"source_id": "more"})
        client.call("PUT", "/tenants/acme/quota", {"sources": 2})
        until(lambda: of(node, "acme").raw("POST", "/sources/add", {"source_id": "more"})[0] == 201, "the new quota counts")

        # One is suspended, the others are served.
        client.call("POST", "/tenants/globex/suspend")
        until(lambda: of(node, "globex").raw("GET", "/sources")[0] == 403, "it is suspended")
        assert of(node, "acme").rows(source_id="log") == [{"who": "acme"}]
        client.call("POST", "/tenants/globex/resume")
        until(lambda: of(node, "globex").raw("GET", "/sources")[0] == 200, "it is back")
        assert of(node, "globex").rows(source_id="log") == [{"who": "globex"}]

        # One is deleted, its folder with it, and no other's.
        status, _, content = client.raw("DELETE", "/tenants/acme")
        assert status == 202 and json.loads(content)["state"] == "deleting"
        service.wait_for(lambda one: gone(one, "acme"), "it is gone")
        assert not (node.data / "hosted/acme").exists()
        until(lambda: not list((node.data / "hosted").glob(".deleted-*")), "its data is removed")
        until(lambda: of(node, "acme").raw("GET", "/sources")[0] == 503, "it is not served")
        assert of(node, "globex").rows(source_id="log") == [{"who": "globex"}]
        # The next one of that id begins empty.
        client.call("POST", "/tenants", {"tenant_id": "acme"})
        serving(service, "acme")
        assert of(node, "acme").call("GET", "/sources")["sources"] == []

        # The node starts anew while nobody tells it whom it serves.
        service.stop()
        node.kill()
        node.start()
        assert of(node, "globex").rows(source_id="log") == [{"who": "globex"}]
    finally:
        node.close()


def test_a_deletion_waits_for_a_node_that_is_away_and_ends_when_it_is_back(operation, tmp_path):
    service = operation(MAX_LAUNCHED_NODES="0", **PATIENT)
    node = shared_node(tmp_path, service.port).start()
    try:
        client = service.client()
        service.wait_for(lambda one: one.call("GET", "/nodes")["nodes"], "the node registered")
        for tenant in ("acme", "globex"):
            client.call("POST", "/tenants", {"tenant_id": tenant})
            serving(service, tenant)
            of(node, tenant).add({"source_id": "log"})
            of(node, tenant).write("log", [{"n": 1}])
        node.kill()
        client.call("DELETE", "/tenants/acme")
        tenant = client.call("GET", "/tenants/acme")
        assert tenant["state"] == "deleting"
        service.wait_for(lambda one: "shared" in (one.call("GET", "/tenants/acme")["reason"] or ""), "it says who is waited for")
        assert refused(client, "POST", "/tenants", {"tenant_id": "acme"})["code"] == "CONFLICT"
        node.start()
        service.wait_for(lambda one: gone(one, "acme"), "it is gone")
        assert not (node.data / "hosted/acme").exists()
        assert of(node, "globex").rows(source_id="log") == [{"n": 1}]
    finally:
        node.close()


def test_a_launched_node_takes_several_tenants(operation):
    service = operation(LAUNCH_CAPACITY="3", MAX_LAUNCHED_NODES="2", **PATIENT)
    client = service.client()
    for i in range(4):
        client.call("POST", "/tenants", {"tenant_id": f"t{i}"})
    placed = [serving(service, f"t{i}")["placement"] for i in range(4)]
    assert len({one["node_id"] for one in placed}) == 2 and len(processes_of(service)) == 2
    assert [one["node_id"] for one in placed[:3]] == [placed[0]["node_id"]] * 3
    for i in range(4):
        one = Client(int(placed[i]["url"].rsplit(":", 1)[1]), headers={"X-Tenant-Id": f"t{i}"})
        one.add({"source_id": "log"})
        one.write("log", [{"n": i}])
    assert refused(client, "DELETE", "/tenants/t0?keep_data=true")["code"] == "CONFLICT"
    assert refused(client, "POST", "/tenants/t0/move", {})["code"] == "CONFLICT"
    before = processes_of(service)
    client.call("DELETE", "/tenants/t0")
    service.wait_for(lambda one: gone(one, "t0"), "it is gone")
    assert not (service.data / "operation_node/shared" / placed[0]["node_id"] / "hosted/t0").exists()
    assert processes_of(service) == before
    one = Client(int(placed[1]["url"].rsplit(":", 1)[1]), headers={"X-Tenant-Id": "t1"})
    assert one.rows(source_id="log") == [{"n": 1}]
    # Its last tenant takes a node with it, and a killed one comes back with its tenants.
    client.call("DELETE", "/tenants/t3")
    service.wait_for(lambda one: gone(one, "t3") and len(processes_of(service)) == 1, "its node has ended")
    service.kill()
    service.start()
    tenant = serving(service, "t2")
    one = Client(int(tenant["placement"]["url"].rsplit(":", 1)[1]), headers={"X-Tenant-Id": "t2"})
    wait_ready(one)
    assert one.rows(source_id="log") == [{"n": 2}]
    assert service.stop() == 0


def test_a_gateway_asks_again_where_a_tenant_is_that_its_node_denies(operation, tmp_path, fleet_gateway):
    service = operation(MAX_LAUNCHED_NODES="0", **PATIENT)
    gateway = fleet_gateway(f"http://127.0.0.1:{service.port}", TENANT_ID="acme", PLACEMENT_CACHE_SECONDS="3600")
    jwks = f"http://127.0.0.1:{gateway.port}/auth/jwks.json"
    first = shared_node(tmp_path, service.port, name="first", GATEWAY_JWKS=jwks).start()
    second = shared_node(tmp_path, service.port, name="second", GATEWAY_JWKS=jwks).start()
    try:
        client = service.client()
        service.wait_for(lambda one: len(one.call("GET", "/nodes")["nodes"]) == 2, "both registered")
        client.call("POST", "/tenants", {"tenant_id": "acme", "node_id": "first"})
        serving(service, "acme")
        caller = gateway.caller()
        until(lambda: caller.raw("GET", "/tenant/stats")[0] == 200, "it is served through the gateway")
        caller.add({"source_id": "log"})
        client.call("POST", "/tenants/acme/move", {"node_id": "second", "without_data": True})
        service.wait_for(lambda one: one.call("GET", "/tenants/acme")["serving"], "the other one serves it")
        # The gateway's answer is kept for an hour; that of the node it names is what makes it ask.
        until(lambda: caller.raw("GET", "/sources")[0] == 200 and caller.call("GET", "/sources")["sources"] == [], "the gateway has found it")
        status, _, _ = caller.raw("POST", "/sources/add", {"source_id": "there"})
        assert status == 201
        assert (second.data / "hosted/acme/tenants/acme/sources/there").exists()
    finally:
        first.close()
        second.close()


@pytest.mark.long
def test_1000_idle_tenants_on_one_node(shared, figure):
    tenants = [f"tenant_{i:04}" for i in range(1000)]
    node = shared(tenants, {"TENANT_IDLE_SECONDS": "1", "MEMORY_LIMIT_MB": "1024"}, start=False)
    began = time.monotonic()
    node.start()
    empty_ms = 1000 * (time.monotonic() - began)

    def status_of(name):
        lines = open(f"/proc/{node.process.pid}/status").read().splitlines()
        return int(next(line for line in lines if line.startswith(name + ":")).split()[1])

    threads, share = [], len(tenants) // 4
    for part in range(4):
        def fill(own=tenants[part * share:(part + 1) * share]):
            for tenant in own:
                client = of(node, tenant)
                client.add({"source_id": "log", "schema_definition": {"n": "int64"}})
                client.write("log", [{"n": 1}])
                client.close()
        threads.append(threading.Thread(target=fill))
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    filled_s = time.monotonic() - began
    busy_mb, busy_threads = status_of("VmRSS") / 1024, status_of("Threads")
    until(lambda: node.client().metric("granary_tenants_open") == 0, "all are idle", seconds=300)
    idle_mb, idle_threads = status_of("VmRSS") / 1024, status_of("Threads")
    disk_mb = sum(path.stat().st_blocks * 512 for path in node.data.rglob("*") if path.is_file()) / (1 << 20)
    node.kill()
    began = time.monotonic()
    node.start()
    start_ms = 1000 * (time.monotonic() - began)
    fresh_mb = status_of("VmRSS") / 1024
    figure(f"1,000 tenants: made and written in {filled_s:.1f} s, {busy_mb:.0f} MiB and {busy_threads} threads then; idle {idle_mb:.0f} MiB "
           f"and {idle_threads} threads, {disk_mb:.0f} MiB on the disk; started in {empty_ms:.0f} ms with none, {start_ms:.0f} ms with all "
           f"({fresh_mb:.0f} MiB)")
    assert idle_mb <= 500
    assert idle_threads < 200
    for tenant in tenants[::100]:
        assert of(node, tenant).rows(source_id="log") == [{"n": 1}]
