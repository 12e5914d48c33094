"""schemathesis against a service: it sends what the document allows and what it forbids."""

import json
import os
import pathlib
import re
import subprocess
import sys

FOLDER = pathlib.Path(__file__).parent
OWN_LIMIT = "Schemathesis does not support a `not` whose complement is not spelled out"


def fuzz(service, document, figure, examples, seed, headers=()):
    """Holds each answer of a service to what the document says of it."""
    program = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(FOLDER / "schemathesis.toml"), "--no-color",
               "run", str(document), "--url", f"http://127.0.0.1:{service.port}", "--max-examples", str(examples), "--seed", str(seed),
               *(part for header in headers for part in ("--header", header))]
    done = subprocess.run(program, cwd=service.folder, capture_output=True, text=True,
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
    assert int(tested[1]) == sum(len(set(methods) - {"parameters"}) for methods in json.loads(document.read_text())["paths"].values())
    figure(f"{tested[1]} operations, " + re.search(r"Test cases:\n  (.*)", summary)[1] + ": no server error, no undocumented answer")
    assert service.client().call("GET", "/health")["status"] == "ok"
