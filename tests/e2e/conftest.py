import os
import pathlib
import random
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from node import BINARY, Node  # noqa: E402


def pytest_report_header():
    return f"granary: {BINARY}"


@pytest.fixture(scope="session", autouse=True)
def binary_is_built():
    assert BINARY.exists(), f"{BINARY} is not there: run ./dev build"


@pytest.fixture
def node(tmp_path):
    """A fresh node, killed at the end if it still runs."""
    node = Node(tmp_path).start()
    yield node
    node.close()


@pytest.fixture
def client(node):
    client = node.client()
    yield client
    client.close()


@pytest.fixture
def seeded():
    """A generator whose seed is printed; GRANARY_SEED repeats a run."""
    seed = int(os.environ.get("GRANARY_SEED") or random.SystemRandom().getrandbits(32))
    print(f"GRANARY_SEED={seed}")
    return random.Random(seed)
