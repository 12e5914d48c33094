"""One suite over the three metadata stores: the C++ tests of src/granary/metadata against real servers."""

import os
import re
import subprocess

import pytest

from node import BINARY
from stores import ClickHouse, Postgres

PROGRAM = BINARY.parent / "src/granary/metadata/granary_metadata_test"


@pytest.mark.parametrize("kind", [Postgres, ClickHouse], ids=lambda kind: kind.kind)
def test_the_suite_passes_on_each_store(tmp_path, kind, figure):
    if not PROGRAM.exists():
        pytest.skip(f"{PROGRAM} is not built: ninja granary_metadata_test")
    server = kind(tmp_path / "server").start()
    try:
        done = subprocess.run([str(PROGRAM), "--gtest_filter=*/" + kind.kind], capture_output=True, text=True,
                              env={**os.environ, f"GRANARY_TEST_{kind.kind.upper()}_PORT": str(server.port)})
    finally:
        server.kill()
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    passed = int(re.search(r"\[  PASSED  \] (\d+) test", done.stdout)[1])
    assert passed >= 10
    figure(f"{kind.kind}: {passed} tests of the suite passed")
