"""The Metadata Catalog: what two nodes of two tenants tell it, what it shows of that, and what it has them do."""

import collections
import datetime
import json
import pathlib
import sqlite3
import time
import urllib.parse

import pytest

from document_fuzz import fuzz, short_and_long
from node import REPOSITORY, Client, Node, free_port, until
from service import Service

DOCUMENT = REPOSITORY / "docs/openapi/metadata_catalog.json"
KEY = "a key of a node of a test"
SALES = {"source_id": "sales", "schema_definition": {"id": "int64", "region": "string", "amount": "float64"},
         "partition_columns": ["region"], "index_columns": ["id"]}


@pytest.fixture
def catalog(tmp_path):
    started = []

    def start(name="catalog", wait=True, **env):
        service = Service("metadata-catalog", "METADATA_CATALOG_PORT", tmp_path / name, env)
        started.append(service)
        return service.start(wait)

    yield start
    for service in started:
        service.close()


@pytest.fixture
def nodes(tmp_path):
    """Starts nodes that tell a catalog, at short intervals."""
    started = []

    def start(service, tenant="acme", **env):
        (tmp_path / tenant).mkdir()
        node = Node(tmp_path / tenant, env={"TENANT_ID": tenant, "METADATA_CATALOG_URL": f"http://127.0.0.1:{service.port}",
                                            "CATALOG_PUBLISH_MS": "50", "CATALOG_STATISTICS_SECONDS": "1", "AUTO_COMPACTION_ENABLED": "false", **env})
        started.append(node)
        return node.start()

    yield start
    for node in started:
        node.close()


def get(client, path, **query):
    status, _, content = client.raw("GET", path + ("?" + urllib.parse.urlencode(query) if query else ""))
    return json.loads(content) if status == 200 else None


def refused(client, method, target, body=None, headers=None):
    status, _, content = client.raw(method, target, body, headers)
    problem = json.loads(content)
    assert status >= 400 and problem["status"] == status, (status, content)
    return problem


def source(client, tenant="acme", name="sales"):
    return get(client, f"/metadata/sources/{tenant}/{name}")


def pages(client, path, member, limit=2, **query):
    """All items of a list, page by page."""
    out, after = [], None
    while True:
        page = client.call("GET", path + "?" + urllib.parse.urlencode({"limit": limit, **query, **({"after": after} if after else {})}))
        assert len(page[member]) <= limit
        out += page[member]
        after = page["next_after"]
        if after is None:
            return out


def files(client, tenant="acme", name="sales", **query):
    return pages(client, f"/metadata/sources/{tenant}/{name}/files", "files", **query)


def snapshots(client, tenant="acme", name="sales"):
    return pages(client, f"/metadata/sources/{tenant}/{name}/snapshots", "snapshots")


def write_files(client, count, name="sales", first=0):
    for i in range(first, first + count):
        client.write(name, [{"id": 2 * i, "region": "eu", "amount": 1.5}, {"id": 2 * i + 1, "region": "us", "amount": 2.5}])
        client.flush(name)


def agrees(catalog_client, node_client, tenant="acme", name="sales"):
    """What the catalog has of a source is what the node has."""
    stats = node_client.call("GET", f"/sources/{name}/stats")
    seen = source(catalog_client, tenant, name)
    return (seen and seen["complete"] and seen["files"] == stats["files"] and seen["rows"] - seen["deleted_rows"] + stats["hot_rows"] == stats["rows"] and
            seen["bytes"] == stats["bytes"] and seen["schema_version"] == stats["schema_version"] and seen)


# ---- what nodes tell

def test_two_nodes_of_two_tenants_tell_one_catalog(catalog, nodes):
    service = catalog()
    client = service.client()
    acme, other = nodes(service, "acme"), nodes(service, "other")
    for node in (acme, other):
        node.client().add(SALES)
    write_files(acme.client(), 3)
    write_files(other.client(), 1)
    seen = until(lambda: agrees(client, acme.client()), "all of acme's is told")
    assert until(lambda: agrees(client, other.client(), "other"), "all of other's")["files"] == 2
    assert seen["files"] == 6 and seen["rows"] == 6 and seen["flushed_sequence"] == 6
    assert [(one["tenant_id"], one["source_id"]) for one in pages(client, "/metadata/sources", "sources", limit=1)] == [("acme", "sales"), ("other", "sales")]
    assert [one["tenant_id"] for one in client.call("GET", "/metadata/sources?tenant_id=other")["sources"]] == ["other"]
    totals = client.call("GET", "/metadata/stats")
    assert (totals["tenants"], totals["sources"], totals["files"], totals["rows"]) == (2, 2, 8, 8)

    # Definition, schemas and statistics are the node's own words.
    assert seen["definition"] == acme.client().call("GET", "/sources/sales")
    assert client.call("GET", "/metadata/sources/acme/sales/schema") == acme.client().call("GET", "/sources/sales/schema")
    told = until(lambda: (source(client)["statistics"] or {}).get("rows") == 6 and source(client), "its statistics are told")
    own = acme.client().call("GET", "/sources/sales/stats")
    assert told["statistics"]["columns"]["amount"] == own["columns"]["amount"] and told["statistics"]["columns"]["amount"]["max"] == 2.5

    # Files as they lie on the disk, with their bounds.
    listed = files(client)
    assert len(listed) == 6 and {one["partition"] for one in listed} == {"region=eu", "region=us"}
    folder = acme.data / "tenants/acme/sources/sales"
    for one in listed:
        assert (folder / one["path"]).stat().st_size == one["bytes"]
        assert one["columns"]["1"]["min"] == one["columns"]["1"]["max"] and one["columns"]["1"]["nulls"] == 0 and one["rows"] == 1
    assert len(files(client, partition="region=eu")) == 3 and files(client, partition="region=asia") == []
    # The nodes are known, and heard.
    known = client.call("GET", "/metadata/nodes")["nodes"]
    assert [one["tenant_id"] for one in known] == ["acme", "other"] and all(one["heard_at"] for one in known)
    assert known[0]["own_policy"]["enabled"] is False and known[0]["own_policy"]["interval_minutes"] == 60


def test_a_schema_that_evolves_has_its_history_here(catalog, nodes):
    service = catalog()
    client, node = service.client(), nodes(service).client()
    node.add(SALES)
    node.write("sales", [{"id": 1, "region": "eu", "amount": 1, "note": "new"}])
    node.call("PATCH", "/sources/sales", {"rename_columns": {"note": "remark"}})
    node.call("PATCH", "/sources/sales", {"drop_columns": ["amount"]})
    history = until(lambda: (found := get(client, "/metadata/sources/acme/sales/schema")) and found["schema_version"] == 4 and found, "the fourth version")
    assert history == node.call("GET", "/sources/sales/schema")
    assert [one["change"] for one in history["versions"]][1:] == ["added note (string)", "renamed note to remark", "dropped amount"]


def test_files_and_snapshots_follow_what_happens(catalog, nodes):
    service = catalog()
    client, node = service.client(), nodes(service).client()
    node.add(SALES)
    write_files(node, 2)
    until(lambda: agrees(client, node), "two flushes")
    before = snapshots(client)
    assert {one["operation"] for one in before} == {"append"} and sum(one["files_added"] for one in before) == 4
    node.call("POST", "/sources/sales/compact?wait=true")
    until(lambda: agrees(client, node) and len(files(client)) == 2, "the merge")
    merged = snapshots(client)[len(before):]  # One, or one for each partition.
    assert {one["operation"] for one in merged} == {"replace"} and sum(one["files_removed"] for one in merged) == 4
    assert merged[-1]["files"] == 2 and merged[-1]["rows"] == 4
    then = files(client, snapshot=before[-1]["snapshot_id"])
    assert len(then) == 4 and {one["removed_snapshot"] for one in then} == {one["snapshot_id"] for one in merged}
    node.call("POST", "/data/delete", {"source_id": "sales", "filters": {"id": {"eq": 0}}})
    until(lambda: source(client)["deleted_rows"] == 1, "the delete")
    assert snapshots(client)[-1]["operation"] == "delete"
    node.raw("DELETE", "/sources/sales")
    until(lambda: source(client) is None, "the source is gone")
    assert refused(client, "GET", "/metadata/sources/acme/sales/files")["code"] == "SOURCE_NOT_FOUND"


def test_a_catalog_that_is_away_costs_nothing_and_loses_nothing(catalog, nodes):
    service = catalog()
    node = nodes(service)
    node.client().add(SALES)
    write_files(node.client(), 2)
    until(lambda: agrees(service.client(), node.client()), "the beginning")
    service.kill()
    write_files(node.client(), 2, first=2)  # Served as ever.
    node.client().call("POST", "/sources/sales/compact?wait=true")
    node.client().call("PATCH", "/sources/sales", {"add_columns": {"note": "string"}})
    service.start()
    seen = until(lambda: agrees(service.client(), node.client()), "what happened meanwhile")
    assert seen["schema_version"] == 2 and seen["files"] == 2
    # The history of before is there; the session too: nothing was told twice.
    assert snapshots(service.client())[0]["operation"] == "append" and node.log().count("hears this node") == 2

    # A catalog that forgot everything is told everything.
    service.kill()
    for file in (service.data / "catalog").glob("catalog.sqlite*"):
        file.unlink()
    service.start()
    until(lambda: agrees(service.client(), node.client()), "all of it")
    assert get(service.client(), "/metadata/sources/acme/sales/schema")["schema_version"] == 2

    # A node that begins anew is compared: what went meanwhile is gone here.
    node.client().add({"source_id": "brief"})
    until(lambda: source(service.client(), name="brief"), "another source")
    service.kill()
    node.client().raw("DELETE", "/sources/brief")
    write_files(node.client(), 1, first=4)
    node.kill()
    service.start()
    node.start()
    until(lambda: agrees(service.client(), node.client()) and source(service.client(), name="brief") is None, "what is there now")


def cpu_seconds(process):
    """Of the threads of a process that live, by their names."""
    out = collections.Counter()
    for thread in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
        try:
            out[(thread / "comm").read_text().strip()] += int((thread / "schedstat").read_text().split()[0]) / 1e9
        except OSError:
            pass  # It has ended meanwhile.
    return out


def test_telling_costs_a_node_at_most_a_hundredth(catalog, nodes, figure):
    """Of the processor time of a node that is written to and flushes all the time, as it is without settings for tests."""
    service = catalog()
    node = nodes(service, CATALOG_PUBLISH_MS="500", CATALOG_STATISTICS_SECONDS="30", FLUSH_ROWS="5000", AUTO_COMPACTION_ENABLED="true", COMPACTION_FILES_DUE="50")
    client = node.client()
    client.add(SALES)
    rows = [{"id": i, "region": ("eu", "us")[i % 2], "amount": i / 2} for i in range(1000)]
    client.write("sales", rows)
    until(lambda: source(service.client()), "it tells")
    before, written, end = cpu_seconds(node.process), 0, time.monotonic() + 5
    while time.monotonic() < end:
        client.write("sales", rows)
        written += 1000
    spent = cpu_seconds(node.process) - before
    seen = len(snapshots(service.client()))
    assert seen > 3 and spent["catalog-link"] <= 0.01 * sum(spent.values()), spent
    figure(f"{100 * spent['catalog-link'] / sum(spent.values()):.2f} % of a node's processor time, while {written} records came and {seen} snapshots were told")


# ---- compactions

def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def ended(client, one):
    return until(lambda: (now := client.call("GET", f"/metadata/compactions/{one['id']}"))["ended_at"] and now, "it ends")


def test_what_is_asked_for_is_compacted(catalog, nodes):
    service = catalog()
    client, node = service.client(), nodes(service).client()
    node.add(SALES)
    node.add({"source_id": "empty"})
    write_files(node, 3)
    until(lambda: agrees(client, node), "files to merge")
    one, = client.call("POST", "/metadata/compact", {"tenant_id": "acme", "source_id": "sales"})["compactions"]
    assert one["state"] == "waiting" and one["asked"]
    done = ended(client, one)
    assert done["state"] == "done" and done["files_in"] == 6 and done["files_out"] == 2 and done["merges"] == 2 and done["bytes_done"] == done["bytes_total"] > 0
    assert node.call("GET", f"/jobs/{done['job']}")["state"] == "done" and done["reason"]
    assert node.call("GET", "/sources/sales/stats")["files"] == 2
    until(lambda: agrees(client, node), "what came of it")
    every = client.call("POST", "/metadata/compact", {"tenant_id": "acme", "all": True})["compactions"]
    assert [one["source_id"] for one in every] == ["empty", "sales"]
    assert {ended(client, one)["state"] for one in every} == {"done"}
    listed = pages(client, "/metadata/compactions", "compactions", state="done")
    assert len(listed) == 3 and [one["id"] for one in listed] == sorted((one["id"] for one in listed), reverse=True)
    assert client.call("GET", "/metadata/compactions?source_id=empty")["compactions"][0]["files_in"] == 0


def test_one_that_waits_for_its_node_is_made_when_it_comes(catalog, nodes):
    service = catalog()
    client, node = service.client(), nodes(service)
    node.client().add(SALES)
    write_files(node.client(), 2)
    until(lambda: agrees(client, node.client()), "files to merge")
    node.kill()
    one, = client.call("POST", "/metadata/compact", {"tenant_id": "acme", "source_id": "sales"})["compactions"]
    assert client.call("POST", "/metadata/compact", {"tenant_id": "acme", "source_id": "sales"})["compactions"][0]["id"] == one["id"]
    service.restart()
    node.start()
    assert ended(service.client(), one)["state"] == "done"
    assert node.client().call("GET", "/sources/sales/stats")["files"] == 2


def test_policies_hold_over_the_settings_of_a_node(catalog, nodes):
    """The node's own settings merge nothing; a policy does, and the catalog says when."""
    service = catalog()
    client, node = service.client(), nodes(service).client()
    for name in ("sales", "other"):
        node.add({**SALES, "source_id": name, "partition_columns": []})
        write_files(node, 6, name)
    until(lambda: agrees(client, node) and agrees(client, node, name="other"), "files to merge")
    assert node.call("GET", "/sources/sales/compaction")["hours"].startswith("never")
    client.call("PUT", "/metadata/compaction-policies", {"tenant_id": "acme", "source_id": "sales", "policy": {"enabled": True, "interval_minutes": 0.01}})
    until(lambda: node.call("GET", "/sources/sales/compaction")["hours"] == "at any time", "the node follows")
    assert node.call("GET", "/sources/other/compaction")["hours"].startswith("never")
    assert source(client)["compaction"]["policy"]["interval_minutes"] == 0.01 and source(client)["compaction"]["policy"]["target_file_size_mb"] == 256
    merged = until(lambda: client.call("GET", "/metadata/compactions?state=done")["compactions"], "the schedule", seconds=120)
    assert merged[-1]["source_id"] == "sales" and merged[-1]["asked"] is False and "interval of 0.01 minutes is over" in merged[-1]["cause"]
    until(lambda: node.call("GET", "/sources/sales/stats")["files"] < 6, "fewer files")
    assert node.call("GET", "/sources/other/stats")["files"] == 6
    # All of that was the catalog's schedule: the node has no clock of its own meanwhile.
    own = {job["job_id"] for job in node.call("GET", "/jobs")["jobs"] if job["state"] == "done"}
    until(lambda: own <= {one["job"] for one in pages(client, "/metadata/compactions", "compactions", limit=100)}, "no other job")

    # The nearest says most; what is taken away does not hold any more; all of it outlives a restart.
    client.call("PUT", "/metadata/compaction-policies", {"policy": {"window": "22:00-23:00", "enabled": True}})
    client.call("PUT", "/metadata/compaction-policies", {"tenant_id": "acme", "policy": {"window": "", "min_file_size_mb": 1}})
    service.restart()
    client = service.client()
    assert [(one["tenant_id"], one["source_id"]) for one in client.call("GET", "/metadata/compaction-policies")["policies"]] == [(None, None), ("acme", None), ("acme", "sales")]
    until(lambda: node.call("GET", "/sources/other/compaction")["hours"] == "at any time", "the tenant's over the default")
    client.call("PUT", "/metadata/compaction-policies", {"tenant_id": "acme", "policy": None})
    until(lambda: "COMPACTION_WINDOW" in node.call("GET", "/sources/other/compaction")["hours"], "the default")
    client.call("PUT", "/metadata/compaction-policies", {"policy": None})
    until(lambda: node.call("GET", "/sources/other/compaction")["hours"].startswith("never"), "the node's own settings")


def test_without_the_schedule_a_node_says_itself_when_an_interval_is_over(catalog, nodes):
    service = catalog(CATALOG_SCHEDULE_ENABLED="false")
    client, node = service.client(), nodes(service).client()
    node.add({**SALES, "partition_columns": []})
    write_files(node, 6)
    until(lambda: agrees(client, node), "files to merge")
    client.call("PUT", "/metadata/compaction-policies", {"policy": {"enabled": True, "interval_minutes": 0.01}})
    until(lambda: node.call("GET", "/sources/sales/stats")["files"] < 6, "the node merges")
    until(lambda: agrees(client, node) and snapshots(client)[-1]["operation"] == "replace", "and tells it")
    assert client.call("GET", "/metadata/compactions")["compactions"] == []


def test_no_more_is_merged_at_once_than_may_be(catalog, nodes):
    """Over all nodes: what two tenants asked for is made one after the other."""
    service = catalog(CATALOG_MERGES_MAX="1")
    client = service.client()
    fleet = {tenant: nodes(service, tenant).client() for tenant in ("acme", "other")}
    for node in fleet.values():
        for name in ("a", "b", "c"):
            node.add({**SALES, "source_id": name})
            write_files(node, 2, name)
    until(lambda: all(agrees(client, node, tenant, name) for tenant, node in fleet.items() for name in ("a", "b", "c")), "files to merge")
    asked = [one for tenant in fleet for one in client.call("POST", "/metadata/compact", {"tenant_id": tenant, "all": True})["compactions"]]
    assert len(asked) == 6
    done = [ended(client, one) for one in asked]
    assert {one["state"] for one in done} == {"done"} and all(one["files_out"] == 2 for one in done)
    spans = sorted((instant(one["started_at"]), instant(one["ended_at"])) for one in done)
    assert all(before[1] <= after[0] for before, after in zip(spans, spans[1:])), spans


# ---- schema checks

CHANGES = [
    {"add_columns": {"note": "string"}},
    {"add_columns": {"region": "string"}},
    {"add_columns": {"_seq": "int64"}},
    {"add_columns": {"": "int64"}},
    {"drop_columns": ["amount"]},
    {"drop_columns": ["region"]},
    {"drop_columns": ["id"]},
    {"drop_columns": ["nothing"]},
    {"rename_columns": {"amount": "price"}},
    {"rename_columns": {"amount": "region"}},
    {"rename_columns": {"amount": "region", "region": "amount"}},
    {"rename_columns": {"nothing": "x"}},
    {"widen_columns": {"small": "int64"}},
    {"widen_columns": {"small": "float64"}},
    {"widen_columns": {"small": "int16"}},
    {"widen_columns": {"small": "string"}},
    {"widen_columns": {"large": "float64"}},
    {"widen_columns": {"exact": "float64"}},
    {"widen_columns": {"region": "int64"}},
    {"widen_columns": {"at": "datetime64[ns]"}},
    {"widen_columns": {"nothing": "int64"}},
    {"add_indexes": ["amount"]},
    {"add_indexes": ["nothing"]},
    {"drop_indexes": ["id"]},
    {"drop_indexes": ["id"], "drop_columns": ["id"]},
    {"drop_columns": ["amount"], "add_columns": {"amount": "string"}},
    {"schema_mode": "strict"},
    {"sort_columns": ["amount"]},
    {"sort_columns": ["nothing"]},
    {"retention": {"column": "at", "days": 3}},
    {"retention": {"column": "amount", "days": 3}},
    {"compression": "zstd", "compression_level": 99},
    {"add_columns": {"x": "int65"}},
    {"primary_key": ["id"]},
    {"drop_colums": ["amount"]},
    {"add_columns": {f"c{i}": "int64" for i in range(5)}},
    {"add_columns": {f"c{i}": "int64" for i in range(4)}},
]


def test_schema_checks_agree_with_the_node(catalog, nodes):
    """Each change is asked of the catalog, then made on a node, on a source of its own."""
    service = catalog()
    client = service.client()
    node = nodes(service, MAX_COLUMNS="11").client()
    definition = {"schema_definition": {**SALES["schema_definition"], "small": "int32", "large": "int64", "exact": "int64", "at": "datetime64[s]"},
                  "partition_columns": ["region"], "index_columns": ["id"]}
    names = [f"s{i}" for i in range(len(CHANGES))]
    for name in names:
        node.add({**definition, "source_id": name})
        node.write(name, [{"id": 1, "region": "eu", "amount": 1, "small": 1, "large": 2**53 + 1, "exact": 7, "at": "9000-01-01T00:00:00Z"}])
    until(lambda: all((one := source(client, name=name)) and one["statistics"] and one["statistics"]["rows"] == 1 for name in names), "all statistics")
    allowed = 0
    for name, change in zip(names, CHANGES):
        status, _, content = client.raw("POST", "/metadata/schema/check", {"tenant_id": "acme", "source_id": name, "change": change})
        answer = json.loads(content)
        made, _, body = node.raw("PATCH", f"/sources/{name}", change)
        theirs = json.loads(body)
        if status == 200 and answer["allowed"]:
            allowed += 1
            assert made == 200, (change, answer, theirs)
            assert theirs["schema_version"] == (answer["next_schema_version"] or answer["schema_version"]), change
            assert not answer["depends_on_values"], change
        elif status == 200:
            assert made in (400, 501) and theirs["code"] == answer["code"], (change, answer, theirs)
            assert [("/change" + error["pointer"], error["detail"]) for error in theirs["errors"]] == [(one["pointer"], one["detail"]) for one in answer["errors"]], change
        else:
            assert made == status and theirs["code"] == answer["code"], (change, answer, theirs)
    assert 10 < allowed < len(CHANGES) - 10

    whole = {"tenant_id": "acme", "source_id": names[1], "schema_definition": {"id": "int64", "region": "string", "amount": "string", "new": "int8"}}
    verdict = client.call("POST", "/metadata/schema/check", whole)
    assert verdict["allowed"] is False and verdict["errors"]
    whole["schema_definition"] = {**definition["schema_definition"], "new": "int8"}
    verdict = client.call("POST", "/metadata/schema/check", whole)
    assert verdict["allowed"] and verdict["change"] == "added new (int8)" and verdict["breaks"] == []
    dropped = client.call("POST", "/metadata/schema/check", {"tenant_id": "acme", "source_id": names[1], "change": {"drop_columns": ["amount"]}})
    assert '"amount" is not there any more' in dropped["breaks"][0]


# ---- who may call, and what is refused

def test_who_may_call(catalog):
    service = catalog(OPERATION_NODE_KEY="a-secret-of-the-fleet")
    shown, client = service.client(), Client(service.port)
    assert shown.call("GET", "/metadata/sources") == {"sources": [], "next_after": None}
    for headers in ({}, {"Authorization": "Bearer another"}, {"Authorization": "Basic a-secret-of-the-fleet"}, {"Origin": "http://elsewhere.example"},
                    {"Host": "elsewhere.example:8083"}):
        assert refused(client, "GET", "/metadata/sources", headers=headers)["code"] == "UNAUTHENTICATED", headers
        assert refused(client, "PUT", "/metadata/compaction-policies", {"policy": {"enabled": False}}, headers)["code"] == "UNAUTHENTICATED"
    assert shown.call("GET", "/metadata/compaction-policies")["policies"] == []
    for path in ("/health", "/health/ready", "/health/live", "/metrics", "/openapi.json"):
        assert client.raw("GET", path, headers={"Origin": "http://elsewhere.example"})[0] == 200


def begin(client, node="n1", key=KEY, tenant="acme"):
    return client.call("PUT", f"/metadata/nodes/{node}", {"key": key, "tenant_id": tenant})["session"]


def tell(session, key=KEY, tenant="acme", **more):
    return {"key": key, "tenant_id": tenant, "session": session, "policies": 0, **more}


def test_a_tenant_belongs_to_the_key_that_came_first(catalog):
    service = catalog()
    client = service.client()
    session = begin(client)
    other = "a key of another node, of a test"
    assert refused(client, "PUT", "/metadata/nodes/n2", {"key": other, "tenant_id": "acme"})["code"] == "PERMISSION_DENIED"
    assert refused(client, "PUT", "/metadata/nodes/n1", {"key": other, "tenant_id": "mine"})["code"] == "PERMISSION_DENIED"
    for node, key in (("n1", other), ("n2", KEY), ("n2", other)):
        assert refused(client, "POST", f"/metadata/nodes/{node}/publications", tell(session, key))["code"] == "PERMISSION_DENIED"
    theirs = begin(client, "n2", other, "theirs")
    assert refused(client, "POST", "/metadata/nodes/n2/publications", tell(theirs, other))["code"] == "PERMISSION_DENIED"
    service.restart()
    client = service.client()
    assert client.call("POST", "/metadata/nodes/n1/publications", tell(session))["resend"] == []
    newest = begin(client)
    assert refused(client, "POST", "/metadata/nodes/n1/publications", tell(session))["code"] == "CONFLICT"
    assert client.call("POST", "/metadata/nodes/n1/publications", tell(newest))["policies"]["timed"] is True
    assert client.raw("DELETE", "/metadata/tenants/acme")[0] == 204
    assert refused(client, "DELETE", "/metadata/tenants/acme")["code"] == "NOT_FOUND"
    begin(client, "n3", other)


def test_bad_requests_are_refused_by_their_place(catalog):
    client = catalog().client()
    session = begin(client)
    publications = "/metadata/nodes/n1/publications"
    good_file = {"id": 1, "path": "a.parquet", "partition": "", "bytes": 1, "rows": 1, "deleted_rows": 0, "min_sequence": 1, "max_sequence": 1,
                 "generation": 0, "schema_version": 1, "created_us": 1}
    part = {"source_id": "s", "uid": 1, "base": 1, "number": 2, "created_us": 1, "flushed_sequence": 1}
    cases = [
        ("PUT", "/metadata/nodes/..", {"key": KEY, "tenant_id": "a"}, 400, "INVALID_IDENTIFIER", None),
        ("PUT", "/metadata/nodes/a%20b", {"key": KEY, "tenant_id": "a"}, 400, "INVALID_IDENTIFIER", None),
        ("PUT", "/metadata/nodes/n1", {"key": "short", "tenant_id": "a"}, 400, "INVALID_REQUEST", "/key"),
        ("PUT", "/metadata/nodes/n1", {"key": KEY, "tenant_id": "../a"}, 400, "INVALID_IDENTIFIER", "/tenant_id"),
        ("PUT", "/metadata/nodes/n1", {"key": KEY, "tenant_id": "a", "more": 1}, 400, "UNKNOWN_MEMBER", "/more"),
        ("POST", publications, tell(session, sources=[{**part, "files": [{**good_file, "path": "../x"}]}]), 400, "INVALID_PATH", "/sources/0/files/0/path"),
        ("POST", publications, tell(session, sources=[{**part, "files": [{**good_file, "path": "/etc/passwd"}]}]), 400, "INVALID_PATH", "/sources/0/files/0/path"),
        ("POST", publications, tell(session, sources=[{**part, "files": [{**good_file, "rows": -1}]}]), 400, "INVALID_REQUEST", "/sources/0/files/0/rows"),
        ("POST", publications, tell(session, sources=[{**part, "source_id": "a/b"}]), 400, "INVALID_IDENTIFIER", "/sources/0/source_id"),
        ("POST", publications, tell(session, sources=[{**part, "base": 0, "number": 1}]), 400, "INVALID_REQUEST", "/sources/0/definition"),
        ("POST", publications, tell(session, tenant="nobody"), 409, "CONFLICT", None),
        ("POST", publications, b"{", 400, "INVALID_JSON", None),
        ("GET", "/metadata/sources?tenant_id=..", None, 400, "INVALID_ARGUMENT", None),
        ("GET", "/metadata/sources?limit=0", None, 400, "INVALID_ARGUMENT", None),
        ("GET", "/metadata/sources?limit=1001", None, 400, "INVALID_ARGUMENT", None),
        ("GET", "/metadata/sources?after=x", None, 400, "INVALID_ARGUMENT", None),
        ("GET", "/metadata/sources?offset=1", None, 400, "INVALID_ARGUMENT", None),
        ("GET", "/metadata/sources/acme/none", None, 404, "SOURCE_NOT_FOUND", None),
        ("GET", "/metadata/compactions?state=lost", None, 400, "INVALID_ARGUMENT", None),
        ("GET", "/metadata/compactions/x", None, 404, "NOT_FOUND", None),
        ("GET", "/metadata/compactions/7", None, 404, "NOT_FOUND", None),
        ("POST", "/metadata/compact", {"tenant_id": "nobody", "all": True}, 404, "NOT_FOUND", None),
        ("POST", "/metadata/compact", {"tenant_id": "acme", "source_id": "none"}, 404, "SOURCE_NOT_FOUND", None),
        ("POST", "/metadata/compact", {"tenant_id": "acme"}, 400, "INVALID_REQUEST", "/source_id"),
        ("POST", "/metadata/compact", {"tenant_id": "acme", "source_id": "s", "all": True}, 400, "INVALID_REQUEST", "/source_id"),
        ("POST", "/metadata/compact", {"tenant_id": "acme", "sources": "s"}, 400, "UNKNOWN_MEMBER", "/sources"),
        ("PUT", "/metadata/compaction-policies", {"tenant_id": "nobody", "policy": {}}, 404, "NOT_FOUND", None),
        ("PUT", "/metadata/compaction-policies", {"policy": {"interval_minutes": 0}}, 400, "INVALID_REQUEST", "/policy/interval_minutes"),
        ("PUT", "/metadata/compaction-policies", {"source_id": "s", "policy": {}}, 400, "INVALID_REQUEST", "/tenant_id"),
        ("PUT", "/metadata/compaction-policies", {}, 400, "INVALID_REQUEST", "/policy"),
        ("POST", "/metadata/schema/check", {"tenant_id": "acme", "source_id": "none", "change": {}}, 404, "SOURCE_NOT_FOUND", None),
        ("GET", "/iceberg/v1/config", None, 501, "UNSUPPORTED", None),
        ("POST", "/iceberg/v1/acme/namespaces/a/tables/t", {}, 501, "UNSUPPORTED", None),
        ("DELETE", "/metadata/sources", None, 405, "METHOD_NOT_ALLOWED", None),
    ]
    for method, target, body, status, code, pointer in cases:
        problem = refused(client, method, target, body)
        assert (problem["status"], problem["code"]) == (status, code), (method, target, problem)
        if pointer:
            assert problem["errors"][0]["pointer"] == pointer, (target, problem)
    assert refused(client, "POST", publications, tell(session), {"Content-Type": "text/plain"})["code"] == "UNSUPPORTED_MEDIA_TYPE"
    assert client.call("GET", "/metadata/stats")["sources"] == 0


def test_limits_of_a_catalog(catalog, nodes):
    """MAX_BODY_MB of a publication, and as many sources, files and policies as there may be."""
    service = catalog(MAX_BODY_MB="1", CATALOG_MAX_SOURCES="2", CATALOG_MAX_FILES="3", CATALOG_MAX_POLICIES="2", CATALOG_SNAPSHOTS_KEPT="2",
                      CATALOG_COMPACTIONS_KEPT="1")
    client = service.client()
    session = begin(client, tenant="told")
    for size in ((1 << 20) - 1, 1 << 20, (1 << 20) + 1):
        body = json.dumps(tell(session, tenant="told")).encode()
        status = service.client().raw("POST", "/metadata/nodes/n1/publications", body + b" " * (size - len(body)))[0]
        assert status == (413 if size > 1 << 20 else 200)

    node = nodes(service)
    shop = node.client()
    shop.add({"source_id": "a"})
    for i in range(3):
        shop.write("a", [{"n": i}])
        shop.flush("a")
        until(lambda: agrees(client, shop, name="a"), f"{i + 1} files")
    assert len(files(client, name="a")) == 3 and len(snapshots(client, name="a")) == 2
    assert refused(client, "GET", "/metadata/sources/acme/a/files?snapshot=1")["code"] == "NOT_FOUND"
    for i in range(2):
        one, = client.call("POST", "/metadata/compact", {"tenant_id": "acme", "source_id": "a"})["compactions"]
        ended(client, one)
    assert len(client.call("GET", "/metadata/compactions")["compactions"]) == 1
    shop.add({"source_id": "b"})
    until(lambda: source(client, name="b"), "the second source")
    for scope, status in (({}, 200), ({"tenant_id": "acme"}, 200), ({"tenant_id": "acme", "source_id": "a"}, 429)):
        assert client.raw("PUT", "/metadata/compaction-policies", {**scope, "policy": {}})[0] == status
    shop.add({"source_id": "c"})
    until(lambda: "CATALOG_MAX_SOURCES" in node.log(), "the node says why it is not heard")
    assert source(client, name="c") is None
    shop.raw("DELETE", "/sources/c")
    for i in range(3):
        shop.write("b", [{"n": i}])
        shop.flush("b")
    until(lambda: agrees(client, shop, name="b"), "it is heard again, after a while")
    shop.write("b", [{"n": 3}])
    shop.flush("b")
    until(lambda: "CATALOG_MAX_FILES" in node.log(), "the node says so again")
    shop.write("b", [{"n": 4}])  # And serves.


# ---- the file

def test_a_file_that_cannot_be_used_is_named_and_moved_away_it_is_told_again(catalog, nodes):
    service = catalog()
    node = nodes(service)
    node.client().add(SALES)
    write_files(node.client(), 1)
    until(lambda: agrees(service.client(), node.client()), "something to lose")
    assert service.stop() == 0
    file = service.data / "catalog/catalog.sqlite"
    intact = file.read_bytes()

    def serves_nothing(word):
        service.start(wait=False).wait_for(lambda client: client.raw("GET", "/health/live")[0] == 200, "it lives")
        service.wait_for(lambda _: word in service.log(), "it says why")
        status, _, content = service.client().raw("GET", "/health")
        assert status == 503 and "its log says why" in content.decode()
        assert refused(service.client(), "GET", "/metadata/sources")["code"] == "UNAVAILABLE"
        assert service.stop() == 0

    file.write_bytes(intact[:4096] + b"x" * 8192 + intact[12288:])
    serves_nothing("CORRUPTION")
    file.write_bytes(intact)
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA user_version = 7")
    database.close()
    serves_nothing("it is of format 7")
    other = sqlite3.connect(service.folder / "other.sqlite")
    other.execute("CREATE TABLE theirs (a)")
    other.commit()
    other.close()
    file.write_bytes((service.folder / "other.sqlite").read_bytes())
    serves_nothing("not of a Metadata Catalog")
    node.client().write("sales", [{"id": 9}])  # Nobody minds.
    for left in (service.data / "catalog").glob("catalog.sqlite*"):
        left.unlink()
    service.start()
    until(lambda: agrees(service.client(), node.client()), "all is told again")


def test_two_catalogs_do_not_share_a_folder(catalog):
    first = catalog()
    second = Service("metadata-catalog", "METADATA_CATALOG_PORT", first.folder, {"METADATA_CATALOG_PORT": str(free_port())}).start(wait=False)
    assert second.process.wait(timeout=60) == 1 and "by process" in second.log()
    assert first.client().raw("GET", "/health")[0] == 200


# ---- the document

def test_the_document_is_the_one_in_the_docs(catalog):
    status, headers, content = catalog().client().raw("GET", "/openapi.json")
    assert status == 200 and headers["content-type"] == "application/json" and json.loads(content) == json.loads(DOCUMENT.read_text())


def test_the_document_is_valid_openapi():
    from openapi_spec_validator import validate

    validate(json.loads(DOCUMENT.read_text()))


@short_and_long
def test_answers_follow_the_document(catalog, nodes, figure, examples):
    service = catalog()
    node = nodes(service).client()
    node.add(SALES)
    write_files(node, 1)
    until(lambda: agrees(service.client(), node), "something to show")
    fuzz(service, DOCUMENT, figure, examples)
