"""Queries over several tenants: an Operation Node and real nodes, compared with one node that has the same data as sources of its own."""

import csv
import http.client
import io
import json
import math
import os
import random
import signal
import socket
import threading

import pyarrow as pa
import pytest

from node import Client, Node, Refused, free_port, until
from service import Service
from tokens import Signer

QUICK = {"HEARTBEAT_SECONDS": "1", "NODE_SUSPECT_SECONDS": "3", "NODE_DEAD_SECONDS": "6", "LAUNCH_MEMORY_MB": "256"}

# What differs between tenants: types of one name, columns that are not there, documents.
SCHEMAS = {
    "alpha": {"events": {"k": "int64", "x": "float64", "d": "decimal(12,2)", "s": "string", "t": "timestamp", "b": "bool"},
              "more": {"k": "int32", "x": "float64", "s": "string"}},
    "beta": {"events": {"k": "int64", "x": "int64", "d": "decimal(20,4)", "s": "string", "t": "date", "only": "string"}},
    "delta": {"events": {"k": "uint64", "x": "float64", "s": "string", "t": "timestamp", "b": "bool"}},
    "gamma": {"events": {"k": "int64", "s": "string", "t": "timestamp"}, "notes": {"k": "int64", "s": "string"}},
}
JSON_MODE = {("gamma", "events")}
BIG = 9007199254740993  # No double has it.
SEED = int(os.environ.get("GRANARY_SEED", random.randrange(1 << 30)))


def rows_of(tenant, source, rng, count):
    columns, out = SCHEMAS[tenant][source], []
    for i in range(count):
        row = {}
        for name, kind in columns.items():
            if rng.random() < 0.12:
                row[name] = None
            elif name == "k":
                row[name] = rng.choice((rng.randrange(0, 40), rng.randrange(0, 4000), BIG if kind in ("int64", "uint64") else 7))
            elif kind == "float64":
                row[name] = rng.randrange(-4000, 4000) / 4  # Sums of these are exact.
            elif kind == "int64":
                row[name] = rng.randrange(-1000, 1000)
            elif kind.startswith("decimal"):
                row[name] = f"{rng.randrange(-100000, 100000) / 100:.2f}"
            elif kind == "timestamp":
                row[name] = f"2024-0{rng.randrange(1, 9)}-1{rng.randrange(0, 9)}T0{rng.randrange(0, 9)}:30:00Z"
            elif kind == "date":
                row[name] = f"2024-0{rng.randrange(1, 9)}-1{rng.randrange(0, 9)}"
            elif kind == "bool":
                row[name] = rng.random() < 0.5
            else:
                row[name] = rng.choice(("north", "süd", "east", "west, far", 'qu"ote', "")) + rng.choice(("", "", str(i % 7)))
        if (tenant, source) in JSON_MODE:
            row["doc"] = {"n": rng.choice((i % 5, i / 4, f"n{i % 3}", None)), "tags": ["a", "b"][: i % 3]}
            row["late"] = i % 4
        out.append(row)
    return out


def started(folder, env=None):
    folder.mkdir()
    return Node(folder, env).start()


class Fleet:
    """Tenants on nodes of their own, and one node with a source for each of theirs."""

    def __init__(self, folder):
        self.operation = Service("operation-node", "OPERATION_NODE_PORT", folder / "operation", QUICK)
        self.folder = folder
        self.one = None

    def start(self):
        self.operation.start()
        self.client = self.operation.client()
        for tenant in SCHEMAS:
            self.client.call("POST", "/tenants", {"tenant_id": tenant})
        self.nodes = {tenant: self.node_of(tenant) for tenant in SCHEMAS}
        self.one = started(self.folder / "one")
        self.reference = self.one.client()

    def node_of(self, tenant):
        placed = self.operation.wait_for(lambda client: (lambda one: one["serving"] and one)(client.call("GET", f"/tenants/{tenant}")), tenant)
        port = int(placed["placement"]["url"].rsplit(":", 1)[1])
        client = Client(port)
        until(lambda: client.raw("GET", "/health")[0] == 200, f"the node of {tenant} is ready")
        return client

    def fill(self, rng, count):
        for tenant, sources in SCHEMAS.items():
            for source, columns in sources.items():
                mode = "json" if (tenant, source) in JSON_MODE else "evolve"
                for client, name in ((self.nodes[tenant], source), (self.reference, f"{tenant}.{source}")):
                    client.add({"source_id": name, "schema_definition": columns, "schema_mode": mode})
                rows = rows_of(tenant, source, rng, count)
                for first in range(0, count, count // 3):  # Some in files, some hot.
                    part = rows[first:first + count // 3]
                    for client, name in ((self.nodes[tenant], source), (self.reference, f"{tenant}.{source}")):
                        client.write(name, part)
                        if first == 0:
                            client.flush(name)

    def query(self, what, **body):
        return self.client.call("POST", f"/query/{what}", body)

    def records(self, **body):
        return [(f"{r['tenant_id']}.{r['source_id']}", r["fields"]) for r in self.query("search", **body)["records"]]

    def stop(self):
        self.operation.close()
        if self.one is not None:
            self.one.stop()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    made = Fleet(tmp_path_factory.mktemp("fleet"))
    print("seed", SEED)
    try:
        made.start()
        made.fill(random.Random(SEED), 240)
        yield made
    finally:
        made.stop()


def expected(fleet, what, body):
    """What the one node says: (status, answer or problem)."""
    status, _, content = fleet.reference.raw("POST", f"/data/{what}", body)
    return status, json.loads(content)


def got(fleet, what, body):
    status, _, content = fleet.client.raw("POST", f"/query/{what}", body)
    return status, json.loads(content)


# ---- requests at random

def random_whom(rng):
    """Some tenants, mostly without the one whose documents have every column, and their sources of the one node."""
    tenants = rng.sample(["alpha", "beta", "delta"], rng.randint(1, 3)) + (["gamma"] if rng.random() < 0.3 else [])
    named = ["events"] if rng.random() < 0.3 else None
    sources = [f"{t}.{s}" for t in tenants for s in SCHEMAS[t] if named is None or s in named]
    return {"tenants": tenants, **({"source_ids": named} if named else {})}, {"source_ids": sources}


COLUMNS = ["k", "x", "d", "s", "t", "b", "only", "doc.n", "late", "_seq"]


def random_filter(rng):
    leaf = rng.choice((
        {"k": {rng.choice(("gt", "lt", "ne")): rng.choice((10, 20.5, BIG))}}, {"x": {rng.choice(("gte", "lte")): rng.choice((-100, 0.25, 300))}},
        {"s": {rng.choice(("eq", "ne")): "north"}}, {"s": {"starts_with": "s"}}, {"t": {"gte": "2024-04-01"}}, {"k": {"exists": rng.random() < 0.5}},
        {"d": {"lt": 100}}, {"late": {"gt": 1}}, {"only": {"contains": "e"}}, {"_seq": {"lte": rng.randrange(300)}}))
    if rng.random() < 0.25:
        return {"$or": [leaf, random_filter(rng)]}
    return {"$not": leaf} if rng.random() < 0.1 else leaf


def random_search(rng):
    body = {"limit": rng.choice((0, 1, 7, 50, 400, 10_000))}
    if rng.random() < 0.6:
        body["filters"] = random_filter(rng)
    if rng.random() < 0.6:
        body["columns"] = rng.sample(COLUMNS, rng.randint(1, 5))
    keys = rng.sample(COLUMNS, rng.randint(1, 3))
    body["order_by"] = [{"column": c, "direction": rng.choice(("asc", "desc"))} for c in keys]
    return body


def random_aggregate(rng):
    aggregations = []
    for i in range(rng.randint(1, 5)):
        kind = rng.choice(("count", "sum", "avg", "min", "max", "count_distinct", "approx_count_distinct", "percentile", "stddev", "variance",
                           "first", "last"))
        one = {"type": kind, "alias": f"a{i}"}
        if kind != "count" or rng.random() < 0.5:
            one["column"] = rng.choice(["k", "x", "d"] if kind in ("sum", "avg", "percentile", "stddev", "variance") else COLUMNS)
        if kind == "percentile":
            one["p"] = rng.choice((0, 0.3, 0.5, 1))
        aggregations.append(one)
    body = {"aggregations": aggregations}
    groups = [rng.choice(("s", "k", "b", "late", "x", {"column": "t", "transform": rng.choice(("month", "day", "year"))},
                          {"column": "k", "transform": {"bucket": 10}}, {"column": "x", "transform": {"bucket": 100}}))
              for _ in range(rng.choice((0, 1, 1, 2)))]
    if groups:
        body["group_by"] = [{**(g if isinstance(g, dict) else {"column": g}), "alias": f"g{i}"} for i, g in enumerate(groups)]
    if rng.random() < 0.5:
        body["filters"] = random_filter(rng)
    if groups and rng.random() < 0.3:
        body["aggregations"].append({"type": "count", "alias": "n"})
        body["having"] = {"n": {"gt": rng.choice((1, 5))}}
    if groups and rng.random() < 0.5:  # All groups, so that ties decide on nothing.
        body["order_by"] = [{"column": f"g{i}", "direction": rng.choice(("asc", "desc"))} for i in range(len(groups))]
        if rng.random() < 0.5:
            body["limit"] = rng.randint(1, 9)
    return body


def same_value(a, b, is_spread):
    if is_spread and isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)  # Merged by another order of the same formula.
    return a == b and type(a) is type(b)


def compare_groups(body, one, many):
    spread = {a["alias"] for a in body["aggregations"] if a["type"] in ("stddev", "variance")}
    if "order_by" not in body:
        names = [g["alias"] for g in body.get("group_by", [])]
        one, many = (sorted(rows, key=lambda row: json.dumps([row[n] for n in names])) for rows in (one, many))
    assert len(one) == len(many), body
    for a, b in zip(one, many):
        assert a.keys() == b.keys()
        for name in a:
            assert same_value(a[name], b[name], name in spread), (body, name, a, b)


def compare_refusals(body, one, many):
    assert many["code"] == one["code"], (body, one, many)
    assert [e["pointer"] for e in many.get("errors", [])] == [e["pointer"] for e in one.get("errors", [])], (body, one, many)


def test_random_aggregates_are_those_of_one_node(fleet):
    rng = random.Random(SEED + 1)
    answered = 0
    while answered < 300:
        body = random_aggregate(rng)
        whom, sources = random_whom(rng)
        (status, one), (other, many) = expected(fleet, "aggregate", {**body, **sources}), got(fleet, "aggregate", {**body, **whom})
        assert status == other, (body, whom, one, many)
        if status != 200:
            compare_refusals(body, one, many)
            continue
        answered += 1
        compare_groups(body, one["results"], many["results"])
        assert many["missing"] == [] and {p["tenant_id"] for p in many["parts"]} == set(whom["tenants"])


def test_random_searches_are_those_of_one_node(fleet):
    rng = random.Random(SEED + 2)
    answered = 0
    while answered < 300:
        body = random_search(rng)
        whom, sources = random_whom(rng)
        (status, one), (other, many) = expected(fleet, "search", {**body, **sources}), got(fleet, "search", {**body, **whom})
        assert status == other, (body, whom, one, many)
        if status != 200:
            compare_refusals(body, one, many)
            continue
        answered += 1
        assert [(f"{r['tenant_id']}.{r['source_id']}", r["fields"]) for r in many["records"]] == \
               [(r["source_id"], r["fields"]) for r in one["records"]], body
        assert many["count"] == one["count"] and (many["next_cursor"] is None) == (one["next_cursor"] is None), body


def test_a_stream_in_order_is_that_of_one_node(fleet):
    tenants = {"tenants": ["alpha", "beta", "delta"]}
    sources = {"source_ids": [f"{t}.{s}" for t in tenants["tenants"] for s in SCHEMAS[t]]}
    for body in ({"order_by": [{"column": "k"}, {"column": "x", "direction": "desc"}]}, {"order_by": [{"column": "s"}], "filters": {"k": {"gt": 5}}, "limit": 300}):
        one = fleet.reference.stream(**body, **sources)
        status, _, content = fleet.client.raw("POST", "/query/search/stream", {**body, **tenants})
        many = [json.loads(line) for line in content.splitlines()]
        assert status == 200 and [(f"{r['tenant_id']}.{r['source_id']}", r["fields"]) for r in many] == [(r["source_id"], r["fields"]) for r in one]
    one = fleet.reference.stream()
    many = [json.loads(line) for line in fleet.client.raw("POST", "/query/search/stream", {})[2].splitlines()]
    as_text = lambda name, fields: json.dumps([name, fields])
    assert sorted(as_text(r["source_id"], r["fields"]) for r in one) == sorted(as_text(f"{r['tenant_id']}.{r['source_id']}", r["fields"]) for r in many)


def test_a_stream_has_all_its_forms(fleet):
    body = {"tenants": ["alpha", "delta"], "columns": ["k", "s"], "order_by": [{"column": "_seq"}]}
    page = fleet.query("search", **body, limit=10_000)["records"]
    rows = [(r["tenant_id"], r["source_id"], r["fields"]["k"], r["fields"]["s"]) for r in page]

    def stream(accept, target="/query/search/stream"):
        return fleet.client.raw("POST", target, body, {"Accept": accept})

    status, headers, content = stream("text/csv")
    table = list(csv.reader(io.StringIO(content.decode())))
    assert status == 200 and headers["content-type"] == "text/csv; charset=utf-8" and table[0] == ["tenant_id", "source_id", "k", "s"]
    assert [tuple(row[:2]) for row in table[1:]] == [row[:2] for row in rows] and [row[2] for row in table[1:]] == ["" if r[2] is None else str(r[2]) for r in rows]
    arrow = pa.ipc.open_stream(stream("application/vnd.apache.arrow.stream")[2]).read_all()
    assert arrow.column_names == ["tenant_id", "source_id", "k", "s"] and arrow.column("tenant_id").to_pylist() == [r[0] for r in rows]
    assert [None if v is None else int(v) for v in arrow.column("k").to_pylist()] == [r[2] for r in rows]
    frames = [json.loads(line) for line in stream("application/x-ndjson", "/query/search/stream?frames=true")[2].splitlines()]
    assert frames[0]["meta"]["tenants"] == ["alpha", "delta"] and frames[0]["meta"]["sources"] == ["events", "more"]
    assert frames[-1]["end"]["rows"] == len(rows) and sum("row" in f for f in frames) == len(rows)
    assert b"event: end" in stream("text/event-stream")[2]
    assert stream("image/png")[0] == 406


def test_pages_go_on_while_writing_goes_on(fleet):
    before = {json.dumps([name, fields], sort_keys=True) for name, fields in fleet.records(limit=10_000, columns=["k", "s", "_seq"])}
    for order in ([{"column": "k", "direction": "desc"}, {"column": "s"}], []):
        stop = threading.Event()

        def write():
            number = 0
            while not stop.is_set():
                for tenant in SCHEMAS:
                    client = Client(fleet.nodes[tenant].connection.port)
                    try:
                        client.write("events", [{"k": number % 50, "s": "late"}])
                        if number % 9 == 0:
                            client.flush("events")
                    except (OSError, http.client.HTTPException, Refused):
                        pass  # Its node begins anew.
                    finally:
                        client.close()
                number += 1

        body = {"columns": ["k", "s", "_seq"], "order_by": order, "filters": {"s": {"ne": "late"}}, "limit": 23}
        answer = fleet.query("search", **body)
        writer = threading.Thread(target=write)
        writer.start()
        try:
            pages = [answer["records"]]
            while answer["next_cursor"]:
                answer = fleet.query("search", **{**body, "cursor": answer["next_cursor"], "limit": random.choice((1, 23, 200))})
                pages.append(answer["records"])
                if len(pages) == 5:  # It is not the process that remembers.
                    fleet.operation.restart()
                    fleet.client = fleet.operation.client()
                    for tenant in SCHEMAS:
                        fleet.nodes[tenant] = fleet.node_of(tenant)
        finally:
            stop.set()
            writer.join()
        shown = [json.dumps([f"{r['tenant_id']}.{r['source_id']}", r["fields"]], sort_keys=True) for page in pages for r in page]
        assert len(shown) == len(set(shown)), "a record twice"
        wanted = {one for one in before if json.loads(one)[1]["s"] not in (None, "late")}
        assert set(shown) == wanted
        if order:
            one = expected(fleet, "search", {**body, "limit": 10_000})[1]["records"]
            assert [json.loads(s) for s in shown] == [[r["source_id"], json.loads(json.dumps(r["fields"], sort_keys=True))] for r in one]


def test_a_cursor_is_opaque_and_bound(fleet):
    body = {"order_by": [{"column": "k"}], "limit": 5, "tenants": ["alpha", "beta"]}
    cursor = fleet.query("search", **body)["next_cursor"]
    for changed in ({**body, "tenants": ["alpha"]}, {**body, "partial": "allow"}, {**body, "order_by": [{"column": "s"}]}, {**body, "filters": {"k": 1}}):
        with pytest.raises(Refused) as refusal:
            fleet.query("search", **{**changed, "cursor": cursor})
        assert refusal.value.status == 400 and refusal.value.pointers == ["/cursor"]
    for damaged in ("x", cursor[:-2], cursor[:40] + ("A" if cursor[40] != "A" else "B") + cursor[41:], ""):
        with pytest.raises(Refused) as refusal:
            fleet.query("search", **{**body, "cursor": damaged})
        assert refusal.value.status == 400 and refusal.value.pointers == ["/cursor"]


def test_tenant_id_may_be_grouped_by(fleet):
    rows = fleet.query("aggregate", group_by=["tenant_id"], aggregations=[{"type": "count", "alias": "n"}, {"type": "max", "column": "k", "alias": "m"}],
                       order_by=[{"column": "n", "direction": "desc"}, {"column": "tenant_id"}])["results"]
    for row in rows:
        own = [expected(fleet, "aggregate", {"source_ids": [f"{row['tenant_id']}.{s}"], "aggregations": [{"type": "count", "alias": "n"}]})[1]["results"][0]["n"]
               for s in SCHEMAS[row["tenant_id"]]]
        assert row["n"] >= sum(own)  # The pages' test writes more.
    assert {row["tenant_id"] for row in rows} == set(SCHEMAS) and [r["n"] for r in rows] == sorted((r["n"] for r in rows), reverse=True)
    some = fleet.query("aggregate", group_by=["tenant_id", "s"], filters={"only": {"exists": True}}, aggregations=[{"type": "count", "alias": "n"}],
                       having={"tenant_id": {"eq": "beta"}}, order_by=[{"column": "s"}], limit=3)["results"]
    assert len(some) == 3 and {row["tenant_id"] for row in some} == {"beta"} and list(some[0]) == ["tenant_id", "s", "n"]
    # As in one table: a tenant without such rows has no group.
    assert [row["tenant_id"] for row in fleet.query("aggregate", group_by=["tenant_id"], filters={"only": {"exists": True}},
                                                    aggregations=[{"type": "count"}])["results"]] == ["beta"]
    for group, code in (({"column": "tenant_id", "transform": "day"}, "TYPE_MISMATCH"), ("tenant_id", "INVALID_REQUEST")):
        with pytest.raises(Refused) as refusal:
            fleet.query("aggregate", group_by=["tenant_id", group] if group == "tenant_id" else [group], aggregations=[{"type": "count"}])
        assert refusal.value.code == code and refusal.value.pointers == [f"/group_by/{1 if group == 'tenant_id' else 0}"]


def test_a_schema_that_moved_on_is_noticed(fleet):
    assert fleet.records(tenants=["beta"], limit=1)
    fleet.nodes["beta"].write("events", [{"k": 1, "brand_new": 5}])
    assert [fields for _, fields in fleet.records(filters={"brand_new": 5}, columns=["brand_new"])] == [{"brand_new": 5}]
    fleet.nodes["alpha"].add({"source_id": "fresh", "schema_definition": {"z": "int64"}})
    fleet.nodes["alpha"].write("fresh", [{"z": 1}, {"z": 2}])
    assert fleet.query("aggregate", source_ids=["fresh"], aggregations=[{"type": "sum", "column": "z", "alias": "z"}])["results"] == [{"z": 3}]
    fleet.nodes["alpha"].call("DELETE", "/sources/fresh")
    with pytest.raises(Refused) as refusal:
        fleet.records(source_ids=["fresh"])
    assert refusal.value.status == 404 and refusal.value.code == "SOURCE_NOT_FOUND"


def test_bad_requests_point_at_their_places(fleet):
    count = [{"type": "count"}]
    known = {"tenants": ["alpha", "beta"]}  # Documents have every column.
    for what, body, status, pointer in (
            ("search", {"tenant": "alpha"}, 400, "/tenant"), ("search", {"tenants": []}, 400, "/tenants"), ("search", {"tenants": "alpha"}, 400, "/tenants"),
            ("search", {"tenants": ["alpha", ".."]}, 400, "/tenants/1"), ("search", {"tenants": ["alpha", "nobody"]}, 404, "/tenants/1"),
            ("search", {"tenants": ["../alpha"], "partial": "allow"}, 400, "/tenants/0"), ("search", {"tenants": ["nobody"], "partial": "allow"}, 404, "/tenants/0"),
            ("search", {"partial": "maybe"}, 400, "/partial"), ("search", {"partial": True}, 400, "/partial"), ("search", {"limit": 10_001}, 400, "/limit"),
            ("search", {"filters": {"nothing_has_it": 1}, **known}, 400, "/filters/nothing_has_it"), ("search", {"columns": ["k", "nope"], **known}, 400, "/columns/1"),
            ("search", {"order_by": [{"column": "nope"}], **known}, 400, "/order_by/0"), ("search", {"filters": {"k": {"gt": "x"}}}, 400, "/filters/k/gt"),
            ("search/stream", {"cursor": "x"}, 400, "/cursor"), ("search/stream", {"tenants": ["nobody"]}, 404, "/tenants/0"),
            ("aggregate", {"aggregations": count, "tenants": ["nobody"]}, 404, "/tenants/0"), ("aggregate", {"aggregations": []}, 400, "/aggregations"),
            ("aggregate", {"aggregations": [{"type": "sum", "column": "s"}]}, 422, "/aggregations/0/column"),
            ("aggregate", {"aggregations": count, "having": {"x": 1}}, 400, "/having/x"), ("aggregate", {"aggregations": count, "surprise": 1}, 400, "/surprise")):
        code, _, content = fleet.client.raw("POST", f"/query/{what}", body)
        problem = json.loads(content)
        assert code == status and [e["pointer"] for e in problem["errors"]][:1] == [pointer], (what, body, problem)
    assert fleet.client.raw("POST", "/query/sql", {"query": "SELECT 1"})[0] == 501
    assert fleet.client.raw("POST", "/query/search", b"{", {"Content-Type": "text/csv"})[0] == 415


def test_deadline_and_trace_go_along(fleet):
    status, _, content = fleet.client.raw("POST", "/query/search", {}, {"X-Timeout-Ms": "0"})
    assert status == 400
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert fleet.client.raw("POST", "/query/search", {"limit": 1}, {"traceparent": trace, "X-Request-Id": "one-of-many"})[0] == 200
    assert fleet.client.metric("granary_query_parts_total") > 0 and fleet.client.metric("granary_query_rows_merged_total") > 0
    assert fleet.client.metric("granary_query_memory_bytes") == 0


# ---- nodes that fail

class FakeNode:
    """Takes connections and does with them what a test wants."""

    def __init__(self, serve):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.serve = serve
        self.open = []
        self.seen = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                one, _ = self.socket.accept()
            except OSError:
                return
            self.open.append(one)
            threading.Thread(target=self.handle, args=(one,), daemon=True).start()

    def handle(self, one):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = one.recv(65536)
            if not piece:
                return
            head += piece
        self.seen.append(head)
        self.serve(one, head)

    def close(self):
        self.socket.close()
        for one in self.open:
            one.close()


@pytest.fixture
def operation(tmp_path):
    started = []

    def start(**env):
        service = Service("operation-node", "OPERATION_NODE_PORT", tmp_path / f"operation{len(started)}", {**QUICK, "NODE_SUSPECT_SECONDS": "100", "NODE_DEAD_SECONDS": "200", "MAX_LAUNCHED_NODES": "0", **env})
        started.append(service)
        return service.start()

    yield start
    for service in started:
        service.close()


def register(client, node, tenant, port):
    client.call("PUT", f"/nodes/{node}", {"key": "a key of a node of a test", "url": f"http://127.0.0.1:{port}", "tenants": [tenant], "capacity": 1, "load": {}})
    status, _, content = client.raw("POST", "/tenants", {"tenant_id": tenant, "node_id": node})
    assert status in (200, 201), content


def test_a_node_that_hangs_costs_no_more_than_its_silence(operation):
    client = operation(NODE_SILENCE_SECONDS="1").client()
    fake = FakeNode(lambda one, head: None)
    register(client, "silent", "quiet", fake.port)
    with pytest.raises(Refused) as refusal:
        client.call("POST", "/query/search", {"tenants": ["quiet"]})
    assert refusal.value.status == 504 and "tenant 'quiet'" in refusal.value.problem["detail"]
    answer = client.call("POST", "/query/search", {"tenants": ["quiet"], "partial": "allow"})
    assert answer["records"] == [] and [m["tenant_id"] for m in answer["missing"]] == ["quiet"] and answer["missing"][0]["reason"]
    with pytest.raises(Refused) as refusal:
        client.call("POST", "/query/aggregate", {"tenants": ["quiet"], "aggregations": [{"type": "count"}]}, {"X-Timeout-Ms": "300"})
    assert refusal.value.status == 504
    assert b"x-timeout-ms: " in fake.seen[-1].lower() and b"granary-token: " in fake.seen[-1].lower()
    fake.close()


def test_answers_that_are_none_are_believed_by_nobody(operation):
    client = operation().client()
    bodies = [b"", b"nonsense", b"\x01\x00\x02\x00\x00\x00\x00", bytes(200)]

    def answer(one, head):
        body = bodies[len(fake.seen) % len(bodies)]
        one.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        one.close()

    fake = FakeNode(answer)
    register(client, "liar", "lied", fake.port)
    for _ in range(2 * len(bodies)):
        with pytest.raises(Refused) as refusal:
            client.call("POST", "/query/search", {"tenants": ["lied"]})
        assert refusal.value.status == 503 and "tenant 'lied'" in refusal.value.problem["detail"]
    fake.close()


def test_tenants_that_cannot_be_asked_are_named(operation, tmp_path):
    service = operation()
    client = service.client()
    node = started(tmp_path / "real", {"TENANT_ID": "real"})
    node.client().add({"source_id": "a"})
    node.client().write("a", [{"n": i} for i in range(10)])
    register(client, "n1", "real", node.port)
    register(client, "n2", "gone", free_port())
    client.call("POST", "/tenants", {"tenant_id": "waiting"})
    assert len(client.call("POST", "/query/search", {"tenants": ["real"]})["records"]) == 10
    for tenant, status in (("gone", 503), ("waiting", 503)):
        code, headers, content = client.raw("POST", "/query/search", {"tenants": ["real", tenant]})
        assert code == status and f"tenant '{tenant}'" in json.loads(content)["detail"] and headers.get("retry-after")
    client.call("POST", "/tenants/gone/suspend")
    with pytest.raises(Refused) as refusal:
        client.call("POST", "/query/search", {"tenants": ["gone", "real"]})
    assert refusal.value.status == 409 and "suspended" in refusal.value.problem["detail"]
    answer = client.call("POST", "/query/aggregate", {"tenants": ["gone", "real", "waiting"], "partial": "allow", "aggregations": [{"type": "count", "alias": "n"}]})
    assert answer["results"] == [{"n": 10}] and [m["tenant_id"] for m in answer["missing"]] == ["gone", "waiting"]
    status, headers, content = client.raw("POST", "/query/search/stream", {"tenants": ["gone", "real"], "partial": "allow"})
    assert status == 200 and headers["granary-missing-tenants"] == "gone" and len(content.splitlines()) == 10
    # None named: all that are active and placed.
    assert len(client.call("POST", "/query/search", {})["records"]) == 10
    # A node that serves somebody else by now is not taken for the tenant's.
    register(client, "n3", "other", node.port)
    with pytest.raises(Refused) as refusal:
        client.call("POST", "/query/search", {"tenants": ["other"]})
    assert refusal.value.status == 503 and "tenant 'other'" in refusal.value.problem["detail"]
    node.stop()


def test_the_order_stays_when_a_tenant_with_another_type_is_through(operation, tmp_path):
    """The one type that holds int64 and uint64 orders all pages, also those after the last uint64."""
    service = operation()
    client = service.client()
    nodes = []
    for tenant, kind, values in (("naturals", "uint64", [7]), ("wholes", "int64", [-3, 2**62, 5])):
        node = started(tmp_path / tenant, {"TENANT_ID": tenant})
        nodes.append(node)
        node.client().add({"source_id": "s", "schema_definition": {"k": kind}})
        node.client().write("s", [{"k": value} for value in values])
        register(client, f"node-{tenant}", tenant, node.port)
    body = {"source_ids": ["s"], "order_by": [{"column": "k"}], "limit": 1}
    answer = client.call("POST", "/query/search", body)
    shown = answer["records"]
    while answer["next_cursor"]:
        answer = client.call("POST", "/query/search", {**body, "cursor": answer["next_cursor"]})
        shown += answer["records"]
    assert [record["fields"]["k"] for record in shown] == [-3, 5, 7, 2**62]
    for node in nodes:
        node.stop()


def big_fleet(operation, tmp_path, rows=60_000):
    """Two real nodes with more than any buffer holds."""
    service = operation(QUERY_NODE_BUFFER_MB="1")
    client = service.client()
    nodes = {}
    for tenant in ("a", "b"):
        node = nodes[tenant] = started(tmp_path / tenant, {"TENANT_ID": tenant})
        one = node.client()
        one.add({"source_id": "s", "schema_definition": {"n": "int64", "text": "string"}})
        body = "".join(json.dumps({"n": i, "text": f"{i}-" + "x" * 400}) + "\n" for i in range(rows)).encode()
        status, _, content = one.raw("POST", "/data/write?source_id=s", body, {"Content-Type": "application/x-ndjson"})
        assert status == 200, content
        register(client, f"node-{tenant}", tenant, node.port)
    return service, client, nodes


@pytest.mark.parametrize("order", [[], [{"column": "n"}]])
def test_a_node_that_dies_midway_cuts_the_body(operation, tmp_path, order):
    service, client, nodes = big_fleet(operation, tmp_path)
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    connection.request("POST", "/query/search/stream?frames=true", json.dumps({"order_by": order}), {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.status == 200
    content = response.read(100_000)
    nodes["b"].kill()
    with pytest.raises(http.client.IncompleteRead) as cut:
        while piece := response.read(1 << 20):
            content = content[-1000:] + piece
    content = content[-1000:] + cut.value.partial
    last = content.splitlines()[-1]
    assert b'"error"' in last and b"tenant 'b'" in last and b'"end"' not in content[-400:], last
    with pytest.raises(Refused):
        client.call("POST", "/query/aggregate", {"aggregations": [{"type": "count"}]})
    nodes["a"].stop()


def test_a_client_that_goes_away_ends_the_query_everywhere(operation, tmp_path):
    service, client, nodes = big_fleet(operation, tmp_path)
    one = socket.create_connection(("127.0.0.1", service.port))
    body = json.dumps({}).encode()
    one.sendall(b"POST /query/search/stream HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert one.recv(10_000).startswith(b"HTTP/1.1 200")
    clients = {tenant: node.client() for tenant, node in nodes.items()}
    # Slow: nodes wait for it, and neither they nor we hold what it has not taken.
    until(lambda: all(c.call("GET", "/queries")["queries"] for c in clients.values()), "both nodes work for it")
    assert client.metric("granary_query_memory_bytes") <= 4 << 20
    one.close()
    until(lambda: not any(c.call("GET", "/queries")["queries"] for c in clients.values()), "no node works for it any more")
    until(lambda: client.metric("granary_query_memory_bytes") == 0, "nothing is held for it")
    assert client.call("POST", "/query/aggregate", {"aggregations": [{"type": "count", "alias": "n"}]})["results"] == [{"n": 120_000}]
    for node in nodes.values():
        node.stop()


def test_many_values_are_merged_within_memory_or_refused(operation, tmp_path):
    service, client, nodes = big_fleet(operation, tmp_path)
    body = {"aggregations": [{"type": "count_distinct", "column": "text", "alias": "d"}, {"type": "percentile", "column": "n", "p": 0.5, "alias": "p"}]}
    assert client.call("POST", "/query/aggregate", body)["results"] == [{"d": 60_000, "p": 29_999.5}]
    small = operation(QUERY_MERGE_MEMORY_MB="8").client()
    for tenant, node in nodes.items():
        register(small, f"node-{tenant}", tenant, node.port)
    with pytest.raises(Refused) as refusal:
        small.call("POST", "/query/aggregate", body)
    assert refusal.value.status == 413 and "QUERY_MERGE_MEMORY_MB" in refusal.value.problem["detail"]
    assert small.call("POST", "/query/aggregate", {"aggregations": [{"type": "count", "alias": "n"}]})["results"] == [{"n": 120_000}]
    for node in nodes.values():
        node.stop()


# ---- limits

def test_max_query_tenants(operation):
    client = operation(MAX_QUERY_TENANTS="3").client()
    for i in range(4):
        client.call("POST", "/tenants", {"tenant_id": f"t{i}"})
    ask = lambda count: client.raw("POST", "/query/search", {"tenants": [f"t{i}" for i in range(count)], "partial": "allow"})
    assert [ask(count)[0] for count in (2, 3, 4)] == [200, 200, 413]
    problem = json.loads(ask(4)[2])
    assert "MAX_QUERY_TENANTS" in problem["detail"] and problem["errors"][0]["pointer"] == "/tenants"


def test_query_node_buffer_is_the_longest_row(operation, tmp_path):
    client = operation(QUERY_NODE_BUFFER_MB="1").client()
    node = started(tmp_path / "wide", {"TENANT_ID": "wide"})
    one = node.client()
    one.add({"source_id": "s", "schema_definition": {"n": "int64", "text": "string"}})
    one.write("s", [{"n": 0, "text": "x" * ((1 << 20) - 10_000)}, {"n": 1, "text": "y" * (1 << 20)}])
    register(client, "node", "wide", node.port)
    ask = lambda n: client.raw("POST", "/query/search", {"filters": {"n": n}})
    assert ask(0)[0] == 200
    status, _, content = ask(1)
    assert status == 413 and "QUERY_NODE_BUFFER_MB" in json.loads(content)["detail"] and "tenant 'wide'" in json.loads(content)["detail"]
    node.stop()


def test_no_more_nodes_work_at_once_than_allowed(operation):
    most, at_work, lock = [0], [0], threading.Lock()

    def slow(one, head):
        with lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
        one.settimeout(0.3)
        try:
            one.recv(1)
        except OSError:
            pass
        with lock:
            at_work[0] -= 1
        one.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        one.close()

    fakes = [FakeNode(slow) for _ in range(6)]
    client = operation(QUERY_FAN_OUT="2").client()
    for i, fake in enumerate(fakes):
        register(client, f"n{i}", f"t{i}", fake.port)
    answer = client.call("POST", "/query/search", {"partial": "allow"})
    assert len(answer["missing"]) == 6 and most[0] == 2
    for fake in fakes:
        fake.close()


# ---- who is believed

def test_nodes_behind_a_gateway_know_the_operation_node(operation, tmp_path):
    gateway = Signer()
    keys = tmp_path / "gateway.json"
    keys.write_text(gateway.jwks())
    service = operation(GATEWAY_JWKS=str(keys), OPERATION_NODE_KEY="a-secret-of-this-fleet", MAX_LAUNCHED_NODES="2")
    plain = Client(service.port)
    key = {"Authorization": "Bearer a-secret-of-this-fleet"}
    service.wait_for(lambda client: client.raw("GET", "/jwks.json")[0] == 200, "its keys")
    published = json.loads(plain.raw("GET", "/jwks.json")[2])
    assert published == json.loads((service.data / "operation_node/jwks.json").read_text()) and len(published["keys"]) == 1 and "d" not in published["keys"][0]
    plain.call("POST", "/tenants", {"tenant_id": "shop"}, key)
    tenant = service.wait_for(lambda client: (lambda one: one["serving"] and one)(client.call("GET", "/tenants/shop", headers=key)), "shop is served")
    node = Client(int(tenant["placement"]["url"].rsplit(":", 1)[1]))
    until(lambda: node.raw("GET", "/health")[0] == 200, "its node is ready")
    may = {"Granary-Token": gateway.token("shop", ["rwa:*"])}
    node.call("POST", "/sources/add", {"source_id": "a"}, may)
    node.call("POST", "/data/write", {"source_id": "a", "records": [{"fields": {"n": 1}}]}, may)
    # Its node answers nobody without a token, and so this service's data routes need the key.
    assert node.raw("POST", "/data/search", {})[0] == 401
    assert plain.raw("POST", "/query/search", {})[0] == 401
    assert plain.raw("POST", "/query/search", {}, {"Authorization": "Bearer wrong"})[0] == 401
    assert [r["fields"] for r in plain.call("POST", "/query/search", {}, key)["records"]] == [{"n": 1}]
    service.stop()


def test_tokens_are_for_one_tenant_to_read_for_a_minute(operation, tmp_path):
    tokens = []

    def note(one, head):
        tokens.extend(line.split(b": ", 1)[1].decode() for line in head.split(b"\r\n") if line.lower().startswith(b"granary-token:"))
        one.sendall(b"HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        one.close()

    fake = FakeNode(note)
    service = operation()
    client = service.client()
    register(client, "n", "shop", fake.port)
    with pytest.raises(Refused) as refusal:
        client.call("POST", "/query/search", {"tenants": ["shop"]})
    assert refusal.value.status == 503 and "/jwks.json" in refusal.value.problem["detail"]
    import base64
    part = tokens[0].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert claims["aud"] == "tenant-node/shop" and claims["ten"] == "shop" and claims["exp"] - claims["iat"] <= 60 and claims["grants"] == ["r:*"]
    # What such a token opens: reading, of this tenant, and nothing else.
    node = started(tmp_path / "node", {"TENANT_ID": "shop", "GATEWAY_JWKS": f"{service.data}/operation_node/jwks.json"})
    other = started(tmp_path / "other", {"TENANT_ID": "other", "GATEWAY_JWKS": f"http://127.0.0.1:{service.port}/jwks.json"})
    shown = {"Granary-Token": tokens[0]}
    assert node.client().raw("POST", "/data/search", {}, shown)[0] == 200
    assert node.client().raw("POST", "/sources/add", {"source_id": "a"}, shown)[0] == 403
    assert node.client().raw("GET", "/queries", headers=shown)[0] == 403
    assert other.client().raw("POST", "/data/search", {}, shown)[0] == 401
    node.stop()
    other.stop()
    fake.close()


# ---- over nodes

def test_over_nodes_means_the_tenants_that_are_placed_there(fleet):
    ids = {tenant: fleet.client.call("GET", f"/tenants/{tenant}")["placement"]["node_id"] for tenant in SCHEMAS}
    some = {"nodes": [ids["beta"], ids["alpha"], ids["beta"]]}, {"tenants": ["alpha", "beta"]}
    query = {"source_ids": ["events"], "columns": ["k", "s"], "order_by": [{"column": "k"}, {"column": "s"}], "limit": 1000}
    by_node, by_tenant = (fleet.query("search", **whom, **query) for whom in some)
    assert by_node["records"] == by_tenant["records"] and {one["tenant_id"] for one in by_node["records"]} == {"alpha", "beta"}
    sums = {"source_ids": ["events"], "group_by": ["tenant_id"], "aggregations": [{"type": "count", "alias": "n"}], "order_by": [{"column": "tenant_id"}]}
    by_node, by_tenant = (fleet.query("aggregate", **whom, **sums)["results"] for whom in some)
    assert by_node == by_tenant and [one["tenant_id"] for one in by_node] == ["alpha", "beta"]
    streamed = [fleet.client.raw("POST", "/query/search/stream", {**whom, **query}) for whom in some]
    assert streamed[0][0] == 200 and streamed[0][2] == streamed[1][2] and streamed[0][2]
    # Pages, in the same words.
    seen, cursor = [], None
    while True:
        page = fleet.query("search", **some[0], **{**query, "limit": 60}, **({"cursor": cursor} if cursor else {}))
        seen += page["records"]
        first = cursor or page["next_cursor"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == fleet.query("search", **some[1], **query)["records"]
    for whom, status, pointer in (({"nodes": [ids["alpha"]], "tenants": ["alpha"]}, 400, "/nodes"), ({"nodes": []}, 400, "/nodes"), ({"nodes": [ids["alpha"], "nobody"]}, 404, "/nodes/1"),
                                  ({"nodes": ["../x"]}, 400, "/nodes/0"), ({"nodes": [ids["alpha"]], "cursor": first}, 400, "/cursor"), ({"tenants": ["alpha", "beta"], "cursor": first}, 400, "/cursor")):
        with pytest.raises(Refused) as refused:
            fleet.query("search", **whom, **query)
        assert refused.value.status == status and (refused.value.pointers in ([pointer], []) or pointer == "/cursor"), (whom, refused.value.problem)


def test_a_suspended_tenant_is_not_meant_by_its_node(fleet):
    node = fleet.client.call("GET", "/tenants/gamma")["placement"]["node_id"]
    fleet.client.call("POST", "/tenants/gamma/suspend")
    try:
        status, content = got(fleet, "aggregate", {"nodes": [node], "aggregations": [{"type": "count", "alias": "n"}]})
        assert status == 200 and content["results"] == [{"n": 0}]
    finally:
        fleet.client.call("POST", "/tenants/gamma/resume")
    fleet.operation.wait_for(lambda _: got(fleet, "aggregate", {"nodes": [node], "aggregations": [{"type": "count", "alias": "n"}]})[1].get("results", [{}])[0].get("n", 0) > 0, "it is asked again")
    fleet.nodes["gamma"] = fleet.node_of("gamma")  # At another port than before.
