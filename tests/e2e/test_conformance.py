"""REST and gRPC answer alike: the cases of tests/conformance through both doors."""

import json
from decimal import Decimal

import pytest

from node import REPOSITORY, Node, Refused
from rpc import NoForm, RpcClient, dump

FOLDER = REPOSITORY / "tests/conformance"
STATUS = {"SOURCE_NOT_FOUND": 404, "SOURCE_CONFLICT": 409, "TYPE_MISMATCH": 422, "UNSUPPORTED": 501}


class RestDoor:
    def __init__(self, node):
        self.client = node.client()

    def exact(self, method, target, body=None, headers=None):
        return self.answered(method, target, body, headers)[0]

    def answered(self, method, target, body=None, headers=None):
        status, given, content = self.client.raw(method, target, None if body is None else dump(body).encode(), headers)
        if status // 100 != 2:
            raise Refused(status, json.loads(content))
        return json.loads(content, parse_float=Decimal) if content else {}, given

    def add(self, body):
        return self.exact("POST", "/sources/add", body)

    def write(self, body, key=None):
        answer, headers = self.answered("POST", "/data/write", body, {"Idempotency-Key": key} if key else None)
        return {**answer, "replayed": headers.get("idempotency-replayed") == "true"}

    def update(self, source, change):
        return self.exact("PATCH", f"/sources/{source}", change)

    def list(self):
        return self.exact("GET", "/sources")["sources"]

    def search(self, body):
        return self.exact("POST", "/data/search", body)

    def aggregate(self, body):
        return self.exact("POST", "/data/aggregate", body)

    def stream(self, body):
        status, _, content = self.client.raw("POST", "/data/search/stream", dump(body).encode())
        if status != 200:
            raise Refused(status, json.loads(content))
        records = [json.loads(line, parse_float=Decimal) for line in content.splitlines()]
        return {"records": records, "count": len(records)}

    def explain(self, body, analyze=False):
        return self.exact("POST", "/data/explain" + ("?analyze=true" if analyze else ""), body)

    def stats(self, source):
        return self.exact("GET", f"/sources/{source}/stats")

    def remove(self, source):
        return self.exact("DELETE", f"/sources/{source}")


class GrpcDoor(RpcClient):
    def __init__(self, node):
        super().__init__(node.grpc_port)

    def stream(self, body):
        return self.search(body, stream=True)


def operators(step):
    return [step["operator"], *(name for child in step["children"] for name in operators(child))]


def pages(client, body):
    """All pages of a search, one after the other."""
    cursor, found = None, []
    while True:
        page = client.search({**body, "cursor": cursor})
        found.append(page["records"])
        cursor = page["next_cursor"]
        if cursor is None:
            return {"records": [record for page in found for record in page], "sizes": [len(page) for page in found]}


def play(client, step):
    if step["do"] == "write":
        return client.write(step["body"], step.get("key", ""))
    if step["do"] == "patch":
        return client.update(step["body"], step["change"])
    if step["do"] == "list":
        return {"sources": [source["source_id"] for source in client.list()]}
    if step["do"] == "pages":
        return pages(client, step["body"])
    if step["do"] not in ("explain", "analyze"):
        return getattr(client, step["do"])(step["body"])
    answer = client.explain(step["body"], analyze=step["do"] == "analyze")
    plan = answer["plan"]
    return {"operators": operators(plan), "estimated_rows": plan["estimated"]["rows"],
            "actual_rows": plan["actual"] and plan["actual"]["rows"], "rejected": len(answer["rejected"]),
            "segments_total": answer["pruning"]["segments_total"], "members": sorted(answer), "model_version": answer["model_version"]}


def check(step, answer, refused):
    if "error" in step:
        assert refused is not None, f"it was not refused: {answer}"
        assert refused.code == step["error"]["code"], refused.problem
        assert refused.problem["detail"]
        pointer = step["error"].get("pointer")
        assert pointer is None or pointer in refused.pointers, refused.problem
        assert step["error"].get("pointers", refused.pointers) == refused.pointers, refused.problem
        return
    assert refused is None, refused
    for name, expected in step.get("expect", {}).items():
        found = [record["fields"] for record in answer["records"]] if name == "fields" else answer[name]
        assert found == expected, name


@pytest.mark.parametrize("door", (RestDoor, GrpcDoor), ids=("rest", "grpc"))
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_both_doors_answer_alike(tmp_path, path, door):
    node = Node(tmp_path, args=["both"])
    node.env["COST_MODEL_LEARNING_ENABLED"] = "false"  # The model's version is part of what is compared.
    node.start()
    played = 0
    try:
        client = door(node)
        for number, step in enumerate(json.loads(path.read_text(), parse_float=Decimal)):
            if door is GrpcDoor and "rest_only" in step:
                continue
            answer = refused = None
            try:
                answer = play(client, step)
            except Refused as problem:
                refused = problem
            except NoForm as why:
                raise AssertionError(f"step {number} needs a rest_only: {step}: {why}") from None
            try:
                check(step, answer, refused)
            except AssertionError as failure:
                raise AssertionError(f"{path.name}, step {number}: {dump(step)}\n{failure}") from None
            played += 1
    finally:
        node.close()
    assert played > 5
