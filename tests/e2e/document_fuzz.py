"""schemathesis against a service: it sends what the document allows and what it forbids. The short run asks the same
questions each time, the long one others, under a seed that GRANARY_SEED repeats."""

import json
import os
import pathlib
import random
import re
import subprocess
import sys

import pytest

FOLDER = pathlib.Path(__file__).parent
ANY_REQUEST = {"400", "406", "408", "413", "431"}  # What HTTP alone may answer: a head that is too slow, a body that is too large.
REPORT_LINES, LINE_LETTERS = 200, 600  # A target that it made up may have 30,000 letters, and repeats itself.
OWN_LIMIT = "Schemathesis does not support a `not` whose complement is not spelled out"
EXAMPLES, MANY_EXAMPLES, SEED = 10, 300, 1
short_and_long = pytest.mark.parametrize("examples", [EXAMPLES, pytest.param(MANY_EXAMPLES, marks=pytest.mark.long)])


def fuzz(service, document, figure, examples, headers=()):
    """Holds each answer of a service to what the document says of it."""
    seed = int(os.environ.get("GRANARY_SEED") or (SEED if examples == EXAMPLES else random.SystemRandom().getrandbits(32)))
    figure(f"GRANARY_SEED={seed}")
    for path, methods in json.loads(document.read_text())["paths"].items():
        for method in set(methods) - {"parameters"}:
            assert ANY_REQUEST <= set(methods[method]["responses"]), f"{method} {path} does not tell {ANY_REQUEST - set(methods[method]['responses'])}"
    program = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(FOLDER / "schemathesis.toml"), "--no-color",
               "run", str(document), "--url", f"http://127.0.0.1:{service.port}", "--max-examples", str(examples), "--seed", str(seed),
               *(part for header in headers for part in ("--header", header))]
    done = subprocess.run(program, cwd=service.folder, capture_output=True, text=True,
                          env={**os.environ, "SCHEMATHESIS_HOOKS": "openapi_hooks", "PYTHONPATH": str(FOLDER)})
    report = told(done.stdout + done.stderr)
    summary = done.stdout[done.stdout.find("API Operations:"):]
    tested = re.search(r"Tested: (\d+)", summary)
    given_up = done.stdout.count(OWN_LIMIT)
    if given_up:
        # It cannot negate some schemas that it makes of ours; then the other phases have tested the operation.
        errors = re.findall(r"🚫 (.+): (\d+)$", summary[summary.find("Errors:"):], re.MULTILINE)
        generated, passed = re.search(r"(\d[\d,]*) generated, (\d[\d,]*) passed$", summary, re.MULTILINE).groups()
        assert errors == [("Schema Error", str(given_up))] and generated == passed, report
        figure(f"of {given_up} operations schemathesis could not generate bad requests at random")
    else:
        assert done.returncode == 0, report
    assert tested, report
    assert int(tested[1]) == sum(len(set(methods) - {"parameters"}) for methods in json.loads(document.read_text())["paths"].values())
    figure(f"{tested[1]} operations, " + re.search(r"Test cases:\n  (.*)", summary)[1] + ": no server error, no undocumented answer")
    assert service.client().call("GET", "/health")["status"] == "ok"


def told(output):
    """What it found, from the first failure on, in lines that can be read."""
    start = max(output.find("FAILURES"), 0)
    lines = output[start:].splitlines()
    cut = [line if len(line) <= LINE_LETTERS else f"{line[:LINE_LETTERS]}... ({len(line)} letters)" for line in lines]
    return "\n".join(cut if len(cut) <= REPORT_LINES else [*cut[:REPORT_LINES // 2], "...", *cut[-REPORT_LINES // 2:]])
