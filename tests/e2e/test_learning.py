"""Queries teach a node what they cost: models, what is not believed, and the CBO Engine that learns for all nodes."""

import json
import subprocess
import time

import pytest

from document_fuzz import fuzz, short_and_long
from node import BINARY, REPOSITORY, Refused, free_port, until
from service import Service

ROWS = 6000


def fill(client):
    client.add({"source_id": "t", "schema_definition": {"id": "int64", "customer": "string", "amount": "int64"},
                "index_columns": ["customer", {"column": "amount", "kind": "btree"}]})
    for first in range(0, ROWS, 3000):
        client.write("t", [{"id": i, "customer": f"C{i % 700}", "amount": i * 7 % 5000} for i in range(first, first + 3000)])
    client.flush("t")


def ask(client, count):
    """Look-ups, ranges and scans, of which so many are planned: once the columns are decoded, look-ups by a key are not. Every
    answer is checked."""
    for i in range(count * 3 // 2):
        if i % 3 == 0:
            assert client.search(source_ids=["t"], filters={"customer": f"C{i % 700}"}, limit=100)["count"] in (8, 9)
        elif i % 3 == 1:
            found = client.search(source_ids=["t"], filters={"amount": {"gte": i, "lt": i + 20}}, limit=1000)["count"]
            assert found == sum(i <= k * 7 % 5000 < i + 20 for k in range(ROWS))
        else:
            assert client.search(source_ids=["t"], filters={"id": {"lt": 50}, "amount": {"gte": 0}}, limit=100)["count"] == 50


def explain(client, analyze=False):
    return client.call("POST", "/data/explain" + ("?analyze=true" if analyze else ""),
                       {"search": {"source_ids": ["t"], "filters": {"customer": "C7"}}})


def version(client):
    return explain(client)["model_version"]


def granary(*args):
    return subprocess.run([str(BINARY), *args], capture_output=True, text=True, timeout=60)


def test_a_node_calibrates_learns_and_keeps_what_it_learned(start_node):
    node = start_node()
    client = node.client()
    until(lambda: client.metric("granary_cost_models_total") >= 1, "calibration")
    fill(client)
    assert version(client).startswith(("calibrated-", "learned-")) and explain(client)["distrusted"] == []
    ask(client, 150)
    until(lambda: client.metric("granary_learned_queries_total") >= 150, "learning")
    assert client.metric("granary_learning_dropped_total") == 0
    before = version(client)
    node.stop()
    node.start()
    client = node.client()
    assert version(client) == before
    ask(client, 9)


@pytest.mark.parametrize("damage, why", [(lambda text: text.replace("price chunk_ns ", "price chunk_ns 9"), "checksum"),
                                         (lambda text: text.replace("granary-cost-model 1", "granary-cost-model 7"), "format"),
                                         (lambda text: text[:len(text) // 2], "end is missing"), (lambda text: "", "no cost model")])
def test_a_model_that_is_damaged_or_foreign_serves_nobody(start_node, damage, why):
    node = start_node()
    client = node.client()
    fill(client)
    until(lambda: client.metric("granary_cost_models_total") >= 1, "calibration")
    node.stop()
    [path] = node.data.rglob("cost_model")
    path.write_text(damage(path.read_text()))
    node.start()
    client = node.client()
    answer = explain(client, analyze=True)
    assert any("cost_model" in line and why in line for line in answer["distrusted"]), answer["distrusted"]
    tree = granary("explain", "t", "--filters", '{"customer": "C7"}', "--url", f"http://127.0.0.1:{node.port}")
    assert tree.returncode == 0 and "Not believed" in tree.stdout, tree
    ask(client, 9)


def test_without_learning_the_builtin_model_serves(start_node):
    node = start_node({"COST_MODEL_LEARNING_ENABLED": "false"})
    client = node.client()
    fill(client)
    ask(client, 9)
    assert version(client) == "builtin-1" and client.metric("granary_learned_queries_total") == 0
    assert not list(node.data.rglob("cost_model"))


@pytest.fixture
def engine(tmp_path):
    service = Service("cbo-engine", "CBO_ENGINE_PORT", tmp_path / "engine",
                      {"CBO_FIT_INTERVAL_SECONDS": "1", "CBO_FIT_RECORDS": "30"})
    service.start()
    yield service
    service.close()


def linked(engine):
    return {"CBO_ENGINE_URL": f"http://127.0.0.1:{engine.port}", "CBO_PUSH_INTERVAL_SECONDS": "1"}


def test_what_a_node_did_becomes_models_that_are_replayed_promoted_and_rolled_back(start_node, engine):
    node = start_node(linked(engine))
    client, cbo = node.client(), engine.client()
    fill(client)
    ask(client, 120)
    until(lambda: cbo.metric("granary_cbo_feedback_total") >= 100, "feedback")
    models = until(lambda: (got := cbo.call("GET", "/models"))["models"][1:] and got, "a candidate")
    candidate = models["models"][-1]["version"]
    assert candidate.startswith("engine-")

    executed = cbo.call("GET", "/stats/execution")
    assert executed["nodes"][0]["queries"] >= 100 and {one["path"] for one in executed["operators"]}
    replayed = cbo.call("POST", f"/replay?model={candidate}")
    assert replayed["replay"]["regret_mean"] >= 1 and replayed["version"] == candidate
    shown = cbo.call("GET", f"/models/{candidate}")
    assert shown["prices"]["chunk_ns"] > 0 and shown["queries"] > 0

    url = ["--url", f"http://127.0.0.1:{engine.port}"]
    listed = granary("model", "list", *url)
    assert listed.returncode == 0 and candidate in listed.stdout, listed
    assert "regret mean" in granary("model", "replay", candidate, *url).stdout
    assert "chunk_ns" in granary("model", "show", candidate, *url).stdout
    promoted = granary("model", "promote", candidate, "--force", *url)
    assert promoted.returncode == 0 and candidate in promoted.stdout, promoted
    promotions = cbo.call("GET", "/models")["promotions"]
    assert candidate in [one["version"] for one in promotions if one["action"] in ("promote", "force")], promotions
    until(lambda: version(client).startswith("engine-"), "the model on the node")

    serving = cbo.call("GET", "/models")["serving"]
    back = granary("model", "rollback", *url)
    assert back.returncode == 0 and "rollback" in back.stdout, back
    after = cbo.call("GET", "/models")
    assert after["serving"] != serving and after["promotions"][-1]["action"] == "rollback"
    ask(client, 9)

    engine.stop()
    engine.start()
    again = engine.client().call("GET", "/models")
    # A candidate is kept from when it serves.
    served = {after["models"][0]["version"], *(one["version"] for one in after["promotions"])}
    assert served <= {one["version"] for one in again["models"]}
    assert again["promotions"][:len(after["promotions"])] == after["promotions"]


def test_feedback_that_lies_is_refused_alone_and_says_where(engine):
    cbo = engine.client()
    good = {"source_id": "s", "rows": 3, "ns": 1000, "operators": [{"path": "full_scan", "way": "scan", "rows": 3, "ns": 900, "work": {"row_group_ns": 1}}]}
    lies = [{**good, "ns": -5}, {**good, "ns": 1e300}, {**good, "rows": -1}, {**good, "operators": [{"path": "warp", "way": "scan", "rows": 1, "ns": 1}]},
            {**good, "operators": [{"path": "full_scan", "way": "scan", "rows": 1, "ns": 1, "work": {"luck_ns": 1}}]}, {**good, "node_id": "another"},
            {**good, "x": 1}, {"rows": 1, "ns": 1}]
    answer = cbo.call("POST", "/feedback", {"node_id": "n", "tenant_id": "t", "records": [good, *lies, good]})
    assert answer["accepted"] == 2 and answer["refused"] == len(lies)
    assert [error["pointer"] for error in answer["errors"]] == [
        "/records/1/ns", "/records/2/ns", "/records/3/rows", "/records/4/operators/0/path", "/records/5/operators/0/work/luck_ns",
        "/records/6/node_id", "/records/7/x", "/records/8/source_id"]
    # NaN is no JSON: then the whole body is none.
    status, _, content = cbo.raw("POST", "/feedback", json.dumps({"node_id": "n", "tenant_id": "t", "records": [{**good, "ns": float("nan")}]}).encode())
    assert status == 400 and json.loads(content)["code"] == "INVALID_JSON"
    for body, pointer in (({"node_id": "../x", "tenant_id": "t", "records": []}, "/node_id"), ({"node_id": "n", "tenant_id": "t"}, "/records")):
        with pytest.raises(Refused) as refused:
            cbo.call("POST", "/feedback", body)
        assert refused.value.status == 400 and pointer in refused.value.pointers


@short_and_long
def test_answers_follow_the_document(engine, figure, examples):
    fuzz(engine, REPOSITORY / "docs/openapi/cbo_engine.json", figure, examples)


def test_every_path_of_its_document_is_there(engine):
    cbo = engine.client()
    document = cbo.call("GET", "/openapi.json")
    for path, methods in document["paths"].items():
        for method in methods:
            status, _, content = cbo.raw(method.upper(), path.replace("{version}", "none"), b"{}" if method == "post" else None)
            assert status in (200, 400, 404) and (status != 404 or "no model none" in content.decode()), (method, path, status, content)


def test_web_pages_move_no_model(engine):
    """A page that somebody opens on the engine's machine can ask its port in their name."""
    client = engine.client()
    for headers in ({"Origin": "http://elsewhere.example"}, {"Origin": "null"}, {"Host": "elsewhere.example:8082"}):
        status, _, content = client.raw("POST", "/models/previous/promote", None, headers)
        assert (status, json.loads(content)["code"]) == (401, "UNAUTHENTICATED"), headers


def test_the_engine_chooses_plans_and_tells_costs(engine):
    cbo = engine.client()
    facts = {"shape": {"filters": True, "checks": {"check_text_ns": 1}, "filter": {"texts": 1}, "rest": {"numbers": 2}},
             "questions": [{"kind": "equal", "values": 1}], "nodes": [{"kind": "question", "question": 0}], "root": 0,
             "classes": [{"segments": 10, "rows": 100000, "row_groups": 1, "matches": 0.0001, "cached": True, "indexes": [{"hash": True}], "named": [0.0001]}]}
    plan = cbo.call("POST", "/optimize/query", {"facts": facts})
    assert plan["plan"][0]["path"] == "hash_index" and plan["rejected"][0]["way"] == "scan" and plan["rejected"][0]["ns"] > plan["ns"]
    scan = cbo.call("POST", "/costs/estimate", {"facts": facts, "way": "scan"})
    assert scan["ns"] == pytest.approx(plan["rejected"][0]["ns"])
    assert cbo.call("POST", "/costs/estimate", {"work": {"row_group_ns": 2}})["ns"] == 8000
    for target, body, pointer in (("/optimize/query", {}, "/facts"), ("/costs/estimate", {"work": {"x": 1}}, "/work/x"),
                                  ("/optimize/query", {"facts": {**facts, "root": 3}}, "/facts"), ("/costs/estimate", {"facts": facts, "way": "fly"}, "/way")):
        with pytest.raises(Refused) as refused:
            cbo.call("POST", target, body)
        assert refused.value.status == 400 and refused.value.pointers == [pointer]
    for method, target, status in (("GET", "/models/none", 404), ("POST", "/models/none/promote", 404), ("POST", "/replay?model=none", 404),
                                   ("POST", "/models/previous/promote", 409), ("POST", "/replay", 400), ("GET", "/models/serving", 404)):
        with pytest.raises(Refused) as refused:
            cbo.call(method, target)
        assert refused.value.status == status, target


def test_a_dead_engine_costs_a_query_nothing(start_node, engine):
    node = start_node(linked(engine))
    client = node.client()
    fill(client)
    ask(client, 60)
    until(lambda: engine.client().metric("granary_cbo_feedback_total") >= 30, "feedback")

    def median_ms(count=200):
        took = []
        for i in range(count):
            began = time.perf_counter()
            client.search(source_ids=["t"], filters={"customer": f"C{i % 700}"}, limit=100)
            took.append(time.perf_counter() - began)
        return sorted(took)[count // 2] * 1000

    alive = median_ms()
    engine.kill()
    until(lambda: "does not answer" in node.log(), "the warning")
    dead = median_ms()
    assert dead < 2 * alive + 1, (alive, dead)
    ask(client, 30)
    engine.start()
    until(lambda: "the CBO Engine answers" in node.log(), "the return")
    assert node.process.poll() is None


def test_nobody_there_at_the_start_is_no_reason_not_to_start(start_node):
    node = start_node({"CBO_ENGINE_URL": f"http://127.0.0.1:{free_port()}", "CBO_PUSH_INTERVAL_SECONDS": "1"})
    client = node.client()
    fill(client)
    ask(client, 9)
