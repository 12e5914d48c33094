"""Replays tests/scenarios in every mode; the language is described in tests/scenarios/README.md."""

import json
import pathlib
from decimal import Decimal

import pytest

from node import Node, Refused
from rpc import RpcClient

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "scenarios"
MODES = ("plain", "restart", "kill", "tiny-segments", "grpc")


def parse(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        command, _, expectation = text.partition(" -> ")
        verb, _, rest = command.strip().partition(" ")
        source, _, argument = rest.strip().partition(" ")
        yield number, line, verb, source, argument.strip(), expectation.strip()


def documents(text):
    """The JSON documents that stand one after another; numbers with their digits."""
    decoder = json.JSONDecoder(parse_float=Decimal)
    found, at = [], 0
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        found.append(value)
        while at < len(text) and text[at].isspace():
            at += 1
    return found


def definition(source, argument):
    body = {"source_id": source, "schema_definition": {}, "partition_columns": []}
    for word in argument.split():
        if word.startswith("partition="):
            column, _, transform = word[len("partition="):].partition("/")
            body["partition_columns"].append({"column": column, "transform": transform} if transform else column)
        elif word.startswith("mode="):
            body["schema_mode"] = word[len("mode="):]
        else:
            name, _, kind = word.partition(":")
            body["schema_definition"][name] = kind
    return body


class Player:
    def __init__(self, node, mode):
        self.node = node
        self.mode = mode
        self.client = node.client()
        self.rpc = RpcClient(node.grpc_port) if mode == "grpc" else None

    def exact(self, method, target, body=None):
        status, _, content = self.client.raw(method, target, body)
        answer = json.loads(content, parse_float=Decimal) if content else None
        if status // 100 != 2:
            raise Refused(status, answer)
        return answer

    def request(self, source, argument):
        body = argument[1:].strip()
        head = "" if source == "*" else f'"source_ids": ["{source}"]' + ("" if body == "}" else ", ")
        return ("{" + head + body).encode()

    def run_rpc(self, verb, source, argument):
        """The same through gRPC; flush is REST's alone."""
        if verb == "source":
            return self.rpc.add(definition(source, argument))
        if verb == "write":
            return self.rpc.write({"source_id": source, "records": [{"fields": one} for one in documents(argument)]})
        if verb in ("search", "aggregate"):
            return getattr(self.rpc, verb)(documents(self.request(source, argument).decode())[0])
        if verb == "stats":
            return self.rpc.stats(source)
        if verb == "patch":
            return self.rpc.update(source, documents(argument)[0])
        if verb == "columns":
            return self.rpc.source(source)
        assert verb == "delete", verb
        return self.rpc.remove(source)

    def run(self, verb, source, argument):
        if self.rpc and verb != "flush":
            return self.run_rpc(verb, source, argument)
        if verb == "source":
            return self.exact("POST", "/sources/add", definition(source, argument))
        if verb == "write":
            records = ", ".join('{"fields": ' + json_text + "}" for json_text in split_documents(argument))
            answer = self.exact("POST", "/data/write", f'{{"source_id": "{source}", "records": [{records}]}}'.encode())
            if self.mode == "tiny-segments":
                self.exact("POST", f"/sources/{source}/flush")
            return answer
        if verb == "search":
            return self.exact("POST", "/data/search", self.request(source, argument))
        if verb == "aggregate":
            return self.exact("POST", "/data/aggregate", self.request(source, argument))
        if verb == "flush":
            return self.exact("POST", f"/sources/{source}/flush")
        if verb == "stats":
            return self.exact("GET", f"/sources/{source}/stats")
        if verb == "patch":
            return self.exact("PATCH", f"/sources/{source}", argument.encode())
        if verb == "columns":
            return self.exact("GET", f"/sources/{source}")
        if verb == "delete":
            return self.exact("DELETE", f"/sources/{source}")
        raise AssertionError(f"unknown verb {verb}")

    def between_lines(self):
        if self.mode in ("restart", "kill"):
            self.client.close()
            if self.mode == "kill":
                self.node.kill()
                self.node.start()
            else:
                self.node.restart()
            self.client = self.node.client()


def split_documents(text):
    """As `documents`, but as texts, so that what is sent is what stands in the script."""
    decoder, texts, at = json.JSONDecoder(), [], 0
    while at < len(text):
        _, end = decoder.raw_decode(text, at)
        texts.append(text[at:end])
        at = end
        while at < len(text) and text[at].isspace():
            at += 1
    return texts


def same(ours, expected):
    """Equal, and of the same kinds all the way down: 1, 1.0 and true are three things."""
    if type(ours) is not type(expected):
        return False
    if isinstance(expected, dict):
        return ours.keys() == expected.keys() and all(same(ours[name], expected[name]) for name in expected)
    if isinstance(expected, list):
        return len(ours) == len(expected) and all(map(same, ours, expected))
    return ours == expected


def check(answer, refused, expectation):
    word, _, rest = expectation.partition(" ")
    if word == "error":
        assert refused is not None, f"it was not refused: {answer}"
        code, _, pointer = rest.partition(" ")
        assert refused.code == code, refused.problem
        assert not pointer or pointer in refused.pointers, refused.problem
        return
    assert refused is None, refused
    if word == "rows":
        assert (answer["rows"] if "rows" in answer else answer["count"]) == int(rest)
    elif word == "schema":
        assert same(answer["schema_definition"], json.loads(rest))
    elif word == "written":
        assert answer["written"] == int(rest) and answer["durable"] is True
    elif word == "fields":
        ours = [record["fields"] for record in answer["records"]]
        assert same(ours, documents(rest)), ours
    elif word == "results":
        assert same(answer["results"], documents(rest)), answer["results"]
    else:
        assert not expectation, f"unknown expectation {expectation}"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.scenario")), ids=lambda path: path.stem)
def test_scenario(tmp_path, path, mode):
    node = Node(tmp_path, args=["both"] if mode == "grpc" else []).start()
    try:
        player = Player(node, mode)
        for number, line, verb, source, argument, expectation in parse(path):
            answer = refused = None
            try:
                answer = player.run(verb, source, argument)
            except Refused as problem:
                refused = problem
            try:
                check(answer, refused, expectation)
            except AssertionError as failure:
                raise AssertionError(f"{path.name}:{number} ({mode}): {line}\n{failure}") from None
            player.between_lines()
    finally:
        node.close()
