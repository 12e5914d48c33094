"""Several Operation Nodes at once, and one that dies again and again."""

import concurrent.futures
import threading
import time

from fleet import KEY, PATIENT, QUICK, beat, gone, operation, postgres, processes_of, refused, serving, told
from node import Client
from service import Service


def test_two_on_postgresql_never_give_one_place_twice(operation, postgres, figure):
    settings = postgres.settings()
    pair = [operation(name, MAX_LAUNCHED_NODES="0", **settings, **PATIENT) for name in ("first", "second")]
    for one in pair:
        beat(one.client(), "n", capacity=10)
    tenants = [f"t{i}" for i in range(16)]

    def create(number):
        client = pair[number % 2].client()
        while (status := client.raw("POST", "/tenants", {"tenant_id": tenants[number // 2]})[0]) == 503:
            pass  # Others keep changing the fleet: try again.
        return status

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        begun = time.monotonic()
        answers = list(pool.map(create, range(32)))
        took = time.monotonic() - begun
    assert answers.count(201) == answers.count(200) == 16, answers
    seen = [{t["tenant_id"]: t["placement"] and t["placement"]["node_id"] for t in one.client().call("GET", "/tenants")["tenants"]} for one in pair]
    assert seen[0] == seen[1]
    assert len(seen[0]) == 16 and sum(node is not None for node in seen[0].values()) == 10
    figure(f"{len(answers)} requests at two Operation Nodes in {took:.1f} s, {answers.count(201)} tenants made, each once")


def test_of_two_on_postgresql_each_keeps_its_own_nodes_and_knows_the_others(operation, postgres):
    settings = postgres.settings()
    first, second = (operation(name, **settings) for name in ("first", "second"))
    first.client().call("POST", "/tenants", {"tenant_id": "a"})
    second.client().call("POST", "/tenants", {"tenant_id": "b"})
    serving(first, "a")
    serving(second, "b")
    assert len(processes_of(first)) == len(processes_of(second)) == 1
    # Heard of by one, alive for both.
    second.wait_for(lambda one: one.call("GET", "/tenants/a")["serving"], "the other one's tenant serves")
    # Told to one, done by the other.
    first.client().call("POST", "/tenants/b/suspend")
    second.wait_for(lambda _: not processes_of(second), "its node has ended")
    assert second.client().call("GET", "/tenants/b")["state"] == "suspended"
    assert first.client().raw("DELETE", "/tenants/b")[0] == 202
    first.wait_for(lambda one: gone(one, "b"), "it is gone")
    assert not (second.data / "operation_node/nodes/b").exists()
    # One alone goes on.
    second.kill()
    first.client().call("POST", "/tenants", {"tenant_id": "c"})
    serving(first, "c")


def test_a_copy_of_an_operation_node_changes_nothing_while_the_first_lives(operation, postgres, tmp_path):
    settings = postgres.settings()
    first = operation("first", **settings)
    first.client().call("POST", "/tenants", {"tenant_id": "acme"})
    serving(first, "acme")
    (tmp_path / "copy/data/operation_node").mkdir(parents=True)
    (tmp_path / "copy/data/operation_node/identity").write_bytes((first.data / "operation_node/identity").read_bytes())
    copy = operation("copy", wait=False, **settings)
    copy.wait_for(lambda one: one.raw("GET", "/health/live")[0] == 200, "it lives")
    copy.wait_for(lambda one: told(copy, "this Operation Node changes nothing"), "it has seen the other one")
    for method, path, body in (("GET", "/health", None), ("GET", "/tenants", None), ("POST", "/tenants", {"tenant_id": "globex"}), ("DELETE", "/tenants/acme", None),
                               ("PUT", "/nodes/n", {"key": KEY, "url": "http://127.0.0.1:9"})):
        status, _, content = copy.client().raw(method, path, body)
        assert status == 503 and str(first.data).encode() not in content, (method, path, content)
    assert "another copy of this Operation Node" in refused(copy.client(), "GET", "/tenants")["detail"] and str(first.data) in copy.log()
    assert not processes_of(copy) and len(processes_of(first)) == 1
    # Killed, and started again on its own folder, the first goes on at once; stopped, it leaves its place to the copy.
    first.kill()
    first.start()
    serving(first, "acme")
    assert refused(copy.client(), "GET", "/tenants")["status"] == 503
    assert first.stop() == 0
    copy.wait_for(lambda one: one.raw("GET", "/health")[0] == 200, "the copy takes over")
    assert copy.client().call("GET", "/tenants/acme")["state"] == "active"


def test_nothing_is_lost_when_an_operation_node_is_killed_again_and_again(operation, postgres, seeded):
    """What was answered as done is there, whenever the process died."""
    settings = postgres.settings()
    service = operation(MAX_LAUNCHED_NODES="0", **settings)
    done, stop = {}, threading.Event()

    def create(worker):
        for number in range(10_000):
            if stop.is_set():
                return
            name = f"t{worker}-{number}"
            try:
                client = Client(service.port, timeout=5)
                if client.raw("POST", "/tenants", {"tenant_id": name})[0] == 201:
                    done[name] = True
                client.close()
            except OSError:
                pass

    workers = [threading.Thread(target=create, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for _ in range(3):
        enough = len(done) + seeded.randrange(5, 25)
        service.wait_for(lambda _: len(done) >= enough, "some are made")
        service.kill()
        service.start()
    stop.set()
    for worker in workers:
        worker.join()
    seen, cursor = set(), ""
    while cursor is not None:
        page = service.client().call("GET", f"/tenants?limit=1000{cursor}")
        seen |= {one["tenant_id"] for one in page["tenants"]}
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    assert set(done) <= seen


def test_two_on_one_folder(operation, tmp_path):
    service = operation()
    second = Service("operation-node", "OPERATION_NODE_PORT", tmp_path / "operation", QUICK)
    second.log_path = tmp_path / "second.log"
    second.start(wait=False)
    assert second.process.wait(timeout=60) == 1 and str(service.process.pid) in second.log()
    service.client().call("POST", "/tenants", {"tenant_id": "acme"})
