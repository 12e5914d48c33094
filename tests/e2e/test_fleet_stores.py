"""The stores of the Operation Node's metadata: SQLite, PostgreSQL and ClickHouse, that go away, stall, come late or hold what cannot be read."""

import concurrent.futures
import json
import sqlite3
import threading
import time

import pytest

from fleet import KEY, PATIENT, beat, clickhouse, gone, node_of, operation, processes_of, refused, serving, stored, told, wait_ready
from node import Refused, until
from stores import ClickHouse, Holder, Postgres


def test_a_store_that_goes_away_comes_back_by_itself(operation, stored):
    settings, server = stored
    if server is None:
        pytest.skip("SQLite is a file: SqliteMetadataTest takes it away")
    service = operation(METADATA_TIMEOUT_MS="1000", **settings)
    client = service.client()
    client.call("POST", "/tenants", {"tenant_id": "acme", "name": "Acme"})
    tenant = serving(service, "acme")
    node = node_of(tenant)
    wait_ready(node)
    node.add({"source_id": "a"})
    beat(client, "n1", tenants=["other"])
    running = processes_of(service)
    for go, come in ((server.kill, server.start), (server.stall, server.go_on)):
        go()
        service.wait_for(lambda one: one.raw("GET", "/health")[0] == 503, "health says so")
        problem = refused(client, "POST", "/tenants", {"tenant_id": "late"})
        assert problem["status"] == 503 and "metadata store" in problem["detail"]
        assert refused(client, "DELETE", "/tenants/acme")["status"] == 503
        assert refused(client, "PUT", "/tenants/acme/quota", {"sources": 1})["status"] == 503
        # What is known is answered, and says how old it is; nodes go on serving and being heard.
        begun = time.monotonic()
        for _ in range(20):
            status, headers, content = client.raw("GET", "/tenants/acme")
            assert status == 200 and json.loads(content)["name"] == "Acme" and int(headers["granary-stale-ms"]) > 0
        assert time.monotonic() - begun < 15
        assert client.raw("GET", "/tenants/acme/placement")[0] == 200
        beat(client, "n1", tenants=["other"])
        with pytest.raises(Refused) as unknown:
            beat(client, "n2")
        assert unknown.value.status == 503
        assert processes_of(service) == running
        node.write("a", [{"n": 1}])
        come()
        service.wait_for(lambda one: one.raw("GET", "/health")[0] == 200, "it is back")
        status, headers, _ = client.raw("GET", "/tenants/acme")
        assert status == 200 and "granary-stale-ms" not in headers
        assert processes_of(service) == running
    client.call("POST", "/tenants", {"tenant_id": "late"})
    assert [one["tenant_id"] for one in client.call("GET", "/tenants")["tenants"]] == ["acme", "late"]
    assert "the metadata store is away" in service.log() and "the metadata store is back" in service.log()


def test_nobody_waits_behind_one_who_waits_for_a_busy_store(operation):
    service = operation(MAX_LAUNCHED_NODES="0", METADATA_TIMEOUT_MS="60000", **PATIENT)
    client = service.client()
    beat(client, "n")
    client.call("POST", "/tenants", {"tenant_id": "acme"})
    with concurrent.futures.ThreadPoolExecutor(80) as pool:
        busy = sqlite3.connect(service.data / "operation_node/metadata.sqlite", isolation_level=None, check_same_thread=False)
        busy.execute("BEGIN IMMEDIATE")
        first = pool.submit(lambda: service.client().call("POST", "/tenants", {"tenant_id": "late"}))
        service.wait_for(lambda one: "granary-stale-ms" in one.raw("GET", "/tenants")[1], "reads are answered from what was seen last")
        readers = [pool.submit(lambda: service.client().raw("GET", "/tenants")) for _ in range(64)]
        begun = time.monotonic()
        beat(client, "n")
        assert refused(client, "POST", "/tenants", {"tenant_id": "x"}, {"X-Timeout-Ms": "300"})["status"] == 504
        assert client.raw("GET", "/tenants", headers={"X-Timeout-Ms": "5000"})[0] == 200
        assert time.monotonic() - begun < 30  # Half of what the first one waits.
        for reader in readers:
            status, headers, _ = reader.result()
            assert status == 200 and int(headers["granary-stale-ms"]) > 0
        assert not first.done()
        busy.execute("ROLLBACK")
        assert first.result()["tenant_id"] == "late"
        busy.close()
    assert [one["tenant_id"] for one in client.call("GET", "/tenants")["tenants"]] == ["acme", "late"]


def test_a_node_that_moves_while_the_store_is_away_is_found(operation):
    service = operation(MAX_LAUNCHED_NODES="0", **PATIENT)
    client = service.client()
    beat(client, "n", tenants=["acme"])
    client.call("POST", "/tenants", {"tenant_id": "acme"})
    folder = service.data / "operation_node"
    parts = [f"metadata.sqlite{end}" for end in ("", "-wal", "-shm") if (folder / f"metadata.sqlite{end}").exists()]
    for part in parts:
        (folder / part).rename(folder / f"away.{part}")
    service.wait_for(lambda one: one.raw("GET", "/health")[0] == 503, "health says so")
    beat(client, "n", url="http://127.0.0.1:10", tenants=["acme"])
    status, headers, content = client.raw("GET", "/tenants/acme/placement")
    assert status == 200 and json.loads(content)["placement"]["url"] == "http://127.0.0.1:10" and int(headers["granary-stale-ms"]) > 0
    assert refused(client, "PUT", "/nodes/n", {"key": "another key of a node", "url": "http://127.0.0.1:11"})["status"] in (403, 503)
    assert json.loads(client.raw("GET", "/tenants/acme/placement")[2])["placement"]["url"] == "http://127.0.0.1:10"
    for part in parts:
        (folder / f"away.{part}").rename(folder / part)
    service.wait_for(lambda one: one.raw("GET", "/health")[0] == 200, "it is back")
    beat(client, "n", url="http://127.0.0.1:10", tenants=["acme"])
    service.restart()
    assert service.client().call("GET", "/nodes/n")["url"] == "http://127.0.0.1:10"


@pytest.mark.parametrize("kind", [Postgres, ClickHouse], ids=lambda kind: kind.kind)
def test_a_start_without_the_store_waits_for_it(operation, tmp_path, kind):
    server = kind(tmp_path / "server").start()
    settings = server.settings()
    server.kill()
    try:
        service = operation(wait=False, METADATA_TIMEOUT_MS="1000", **settings)
        service.wait_for(lambda one: one.raw("GET", "/health/live")[0] == 200, "it lives")
        client = service.client()
        assert refused(client, "GET", "/tenants")["status"] == 503
        server.start()
        service.wait_for(lambda one: one.raw("GET", "/health")[0] == 200, "it is ready")
        assert client.call("GET", "/tenants")["tenants"] == []
    finally:
        service.stop()
        server.kill()


def test_a_password_is_shown_and_told_to_nobody(operation, tmp_path):
    server = ClickHouse(tmp_path / "server", password="s3cret-word").start()
    try:
        service = operation(**server.settings())
        service.client().call("POST", "/tenants", {"tenant_id": "acme"})
        wrong = operation("wrong", wait=False, **{**server.settings(), "METADATA_PASSWORD": "wrong-word"})
        wrong.wait_for(lambda one: one.raw("GET", "/health/live")[0] == 200, "it lives")
        problem = refused(wrong.client(), "GET", "/tenants")
        assert problem["status"] == 503
        for text in (service.log(), wrong.log(), json.dumps(problem)):
            assert "s3cret-word" not in text and "wrong-word" not in text
    finally:
        for one in (service, wrong):
            one.stop()
        server.kill()


def test_a_second_operation_node_on_clickhouse_is_refused_until_the_first_has_gone(operation, tmp_path):
    server = ClickHouse(tmp_path / "server").start()
    try:
        first = operation("first", **server.settings())
        first.client().call("POST", "/tenants", {"tenant_id": "acme"})
        second = operation("second", wait=False, **server.settings())
        second.wait_for(lambda one: one.raw("GET", "/health/live")[0] == 200, "it lives")
        second.wait_for(lambda one: "one Operation Node at a time" in refused(one, "POST", "/tenants", {"tenant_id": "globex"})["detail"], "it is refused")
        assert first.stop() == 0
        second.wait_for(lambda one: one.raw("GET", "/health")[0] == 200, "the second one takes over")
        assert [one["tenant_id"] for one in second.client().call("GET", "/tenants")["tenants"]] == ["acme"]
    finally:
        second.stop()
        server.kill()


def test_a_damaged_row_disables_what_it_is_about_and_nothing_else(operation):
    service = operation(MAX_LAUNCHED_NODES="1", **PATIENT)
    client = service.client()
    client.call("POST", "/tenants", {"tenant_id": "good"})
    serving(service, "good")
    for node in ("n1", "n2", "n3"):
        beat(client, node, capacity=2)
    for tenant in ("state", "place", "quota", "where"):
        client.call("POST", "/tenants", {"tenant_id": tenant, "node_id": "n1" if tenant == "where" else "n2" if tenant == "quota" else "n3"})
    client.call("PUT", "/tenants/quota/quota", {"sources": 5})

    def write(kind, key, body):
        with sqlite3.connect(service.data / "operation_node/metadata.sqlite", timeout=30) as file:
            file.execute("UPDATE newest SET version = version + 1")
            assert file.execute("UPDATE metadata SET body = ?, version = (SELECT version FROM newest) WHERE kind = ? AND key = ?",
                                (body, kind, key)).rowcount == 1

    bad = [("tenant", "state", '{"state":"hibernating"}'), ("placement", "place", "{}"), ("quota", "quota", '{"sources":-1}'), ("node", "n1", "[]")]
    before = processes_of(service)
    for kind, key, body in bad:
        write(kind, key, body)
    for restarted in (False, True):
        for kind, key, _ in bad[:3]:
            for method, path in (("GET", f"/tenants/{key}"), ("GET", f"/tenants/{key}/placement"), ("POST", f"/tenants/{key}/suspend"),
                                 ("DELETE", f"/tenants/{key}")):
                problem = refused(client, method, path)
                assert problem["status"] == 500 and f"'{kind}/{key}'" in problem["detail"], problem
            assert refused(client, "POST", "/tenants", {"tenant_id": key})["status"] == 500
        assert "'node/n1'" in refused(client, "PUT", "/nodes/n1", {"key": KEY, "url": "http://127.0.0.1:9"})["detail"]
        assert client.call("GET", "/tenants/where")["placement"]["url"] is None
        assert sorted(one["tenant_id"] for one in client.call("GET", "/tenants")["tenants"]) == ["good", *["new"] * restarted, "where"]
        assert client.metric("granary_metadata_store_up") == 1
        service.wait_for(lambda one: one.metric("granary_fleet_damaged_rows") == 4, "it says so")
        if not restarted:
            assert processes_of(service) == before
            beat(client, "n2", capacity=3)
            assert client.raw("POST", "/tenants", {"tenant_id": "new", "node_id": "n2"})[0] == 201
            service.restart()
            client = service.client()
        serving(service, "good")
    assert told(service, "a row of the metadata cannot be read; what it is about is left as it is") >= 8
    write("tenant", "state", '{"state":"suspended","name":"","created_us":1,"changed_us":1}')
    assert client.call("GET", "/tenants/state")["state"] == "suspended"


@pytest.mark.parametrize("what", ["request", "answer"])
def test_an_insert_that_was_given_up_does_not_come_late(operation, clickhouse, what):
    """On ClickHouse: what was sent, and not confirmed in time, is carried out as it was decided or not at all."""
    holder = Holder(clickhouse.port)
    service = operation(MAX_LAUNCHED_NODES="0", **{**clickhouse.settings(), "METADATA_PORT": str(holder.port), "METADATA_TIMEOUT_MS": "1000"})
    client = service.client()
    holder.hold(what, b"\tlate\t")
    problem = refused(client, "POST", "/tenants", {"tenant_id": "late"})
    assert holder.held.is_set() and problem["status"] == 503 and "not known" in problem["detail"], problem
    service.wait_for(lambda one: one.raw("POST", "/tenants", {"tenant_id": "next"})[0] in (200, 201), "the next one is made")
    holder.release()
    was_made = what == "answer"
    assert gone(client, "late") is not was_made
    assert client.raw("POST", "/tenants", {"tenant_id": "late"})[0] == (200 if was_made else 201)
    client.call("POST", "/tenants/late/suspend")
    client.call("POST", "/tenants/late/resume")
    service.restart()
    assert [one["tenant_id"] for one in service.client().call("GET", "/tenants")["tenants"]] == ["late", "next"]
    rows = clickhouse.ask("SELECT version, count() FROM granary.granary_metadata WHERE kind = 'tenant' GROUP BY version HAVING count() > 1")
    assert rows == "", "two commits have one version"
    assert service.stop() == 0
    holder.close()


def test_an_insert_that_still_runs_at_the_start_is_ended_first(operation, clickhouse):
    service = operation(MAX_LAUNCHED_NODES="0", **clickhouse.settings())
    service.client().call("POST", "/tenants", {"tenant_id": "acme"})
    service.kill()
    # As one of a predecessor that the server has not finished; it would take a minute.
    slow = threading.Thread(target=lambda: clickhouse.ask(
        "INSERT INTO granary.granary_metadata SELECT 'tenant', 'acme', toUInt64(2), 1, '' FROM numbers(60) WHERE sleep(1) = 0",
        query_id="granary-metadata-granary-x-1", max_block_size="1"), daemon=True)
    slow.start()
    until(lambda: clickhouse.ask("SELECT count() FROM system.processes WHERE query_id LIKE 'granary-metadata-granary-x-%'") == "1", "it runs")
    service.start()
    assert clickhouse.ask("SELECT count() FROM system.processes WHERE query_id LIKE 'granary-metadata-granary-x-%'") == "0"
    assert service.client().call("GET", "/tenants/acme")["state"] == "active"
    assert service.client().raw("POST", "/tenants", {"tenant_id": "next"})[0] == 201
    slow.join()
