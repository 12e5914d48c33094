import os
import pathlib
import random
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from gateway import ROWS, Estate  # noqa: E402
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


FIGURES = pytest.StashKey[list]()


def pytest_configure(config):
    config.stash[FIGURES] = []


def pytest_terminal_summary(terminalreporter, config):
    """What the tests measured, on the screen also when all is well."""
    if config.stash[FIGURES]:
        terminalreporter.section("figures")
    for line in config.stash[FIGURES]:
        terminalreporter.write_line(line)


@pytest.fixture
def figure(request):
    """Call it with a line of text that people should see at the end of the run."""
    return lambda text: request.config.stash[FIGURES].append(f"{request.node.name}: {text}")


@pytest.fixture
def seeded(figure):
    """A generator whose seed is printed; GRANARY_SEED repeats a run."""
    seed = int(os.environ.get("GRANARY_SEED") or random.SystemRandom().getrandbits(32))
    print(f"GRANARY_SEED={seed}")
    figure(f"GRANARY_SEED={seed}")
    return random.Random(seed)


@pytest.fixture
def start_node(tmp_path):
    """Starts a node with settings of its own; it ends with the test."""
    nodes = []

    def start(env=None, args=()):
        folder = tmp_path / f"node-{len(nodes)}"
        folder.mkdir()
        nodes.append(Node(folder, env, args))
        return nodes[-1].start()

    yield start
    for node in nodes:
        node.close()


def filled(estate):
    for tenant in ("acme", "globex"):
        admin = estate.admin(tenant)
        admin.add({"source_id": f"{tenant}_sales", "schema_definition": {"order_id": "string", "amount": "int64"}})
        admin.write(f"{tenant}_sales", ROWS)
        admin.add({"source_id": f"{tenant}_log"})
        admin.write(f"{tenant}_log", [{"line": "x"}])
    return estate


@pytest.fixture(scope="module")
def estate(tmp_path_factory):
    """Two tenants, each with a node and a source, behind one gateway."""
    estate = filled(Estate(tmp_path_factory.mktemp("estate"), ("acme", "globex"), {"LOG_LEVEL": "debug"}))
    yield estate
    estate.close()


@pytest.fixture(scope="module")
def shared_estate(tmp_path_factory):
    """The same two tenants on one node."""
    estate = filled(Estate(tmp_path_factory.mktemp("shared"), ("acme", "globex"), {"LOG_LEVEL": "debug"}, shared=True))
    yield estate
    estate.close()


@pytest.fixture
def own_estate(tmp_path):
    made = []

    def make(**options):
        folder = tmp_path / f"estate-{len(made)}"
        folder.mkdir()
        made.append(Estate(folder, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()
