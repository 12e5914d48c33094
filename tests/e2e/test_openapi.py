"""GET /openapi.json is what the node does: schemathesis sends what the document allows and what it
forbids, and holds each answer against it."""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

from node import REPOSITORY

FOLDER = pathlib.Path(__file__).parent
OWN_LIMIT = "Schemathesis does not support a `not` whose complement is not spelled out"
DOCUMENT = REPOSITORY / "docs/openapi/tenant_node.json"


def test_the_document_is_the_one_in_the_docs(node):
    status, headers, content = node.client().raw("GET", "/openapi.json")
    assert status == 200 and headers["content-type"] == "application/json"
    assert json.loads(content) == json.loads(DOCUMENT.read_text())
    assert node.client().raw("GET", "/v1/openapi.json")[2] == content


def test_the_document_is_valid_openapi():
    from openapi_spec_validator import validate

    validate(json.loads(DOCUMENT.read_text()))


def fuzz(node, figure, examples, seed):
    program = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(FOLDER / "schemathesis.toml"), "--no-color",
               "run", str(DOCUMENT), "--url", f"http://127.0.0.1:{node.port}", "--max-examples", str(examples), "--seed", str(seed)]
    done = subprocess.run(program, cwd=node.folder, capture_output=True, text=True,
                          env={**os.environ, "SCHEMATHESIS_HOOKS": "openapi_hooks", "PYTHONPATH": str(FOLDER)})
    summary = done.stdout[done.stdout.find("API Operations:"):]
    tested = re.search(r"Tested: (\d+)", summary)
    given_up = done.stdout.count(OWN_LIMIT)
    if given_up:
        # It cannot negate some schemas that it makes of ours; then the other phases have tested the operation.
        errors = re.findall(r"🚫 (.+): (\d+)$", summary[summary.find("Errors:"):], re.MULTILINE)
        generated, passed = re.search(r"(\d[\d,]*) generated, (\d[\d,]*) passed$", summary, re.MULTILINE).groups()
        assert errors == [("Schema Error", str(given_up))] and generated == passed, done.stdout[-8000:]
        figure(f"of {given_up} operations schemathesis could not generate bad requests at random")
    else:
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert tested, done.stdout[-8000:] + done.stderr[-2000:]
    assert int(tested[1]) == sum(len(set(methods) - {"parameters"}) for methods in json.loads(DOCUMENT.read_text())["paths"].values())
    figure(f"{tested[1]} operations, " + re.search(r"Test cases:\n  (.*)", summary)[1] + ": no server error, no undocumented answer")
    assert node.client().call("GET", "/health")["status"] == "ok"


def test_answers_follow_the_document(node, figure, seeded):
    fuzz(node, figure, 10, seeded.randrange(2**32))


@pytest.mark.long
def test_many_answers_follow_the_document(node, figure, seeded):
    fuzz(node, figure, 300, seeded.randrange(2**32))
