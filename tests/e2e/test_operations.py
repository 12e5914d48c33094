"""docs/operations: the pages name what there is, and the messages that they quote are those that come."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from node import BINARY, REPOSITORY, Node, free_port
from service import Service

FOLDER = REPOSITORY / "docs/operations"
PAGES = sorted(FOLDER.glob("*.md"))
# Words in capitals that are no settings.
OTHER_WORDS = {"GRANARY_API_KEY", "AF_INET"}


def spans(text):
    """What stands in backquotes, blocks included."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.S | re.M)
    return blocks + re.findall(r"`([^`\n]+)`", re.sub(r"^```\w*\n.*?^```", "", text, flags=re.S | re.M))


def variables():
    text = subprocess.run([str(BINARY), "config", "example"], capture_output=True, text=True, check=True, timeout=60).stdout
    return dict(re.findall(r"^([A-Z_0-9]+)=(.*)$", text, re.M))


def metrics():
    found = set()
    for path in (REPOSITORY / "src/granary").rglob("*.cc"):
        found.update(re.findall(r'"(granary_[a-z_]+)"', path.read_text()))
    return found


def codes():
    return set(re.findall(r'"([A-Z_]+)"', (REPOSITORY / "docs/openapi/tenant_node.json").read_text()))


def commands():
    """`noun verb` and `verb` of the program, from its manual."""
    return set(re.findall(r"^\.SS granary (.*)$", (REPOSITORY / "docs/granary.1").read_text().replace("\\-", "-"), re.M))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_pages_name_only_what_there_is(page):
    known = variables().keys() | codes() | OTHER_WORDS
    text = page.read_text()
    for span in spans(text):
        for word in re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", span):
            assert word in known or span.endswith("…"), (page.name, word)
        for word in re.findall(r"\bgranary_[a-z_]+\b", span):
            assert word in metrics(), (page.name, word)
        for noun, verb in re.findall(r"^(?:[A-Z_]+=\S+ )*granary ([a-z-]+)(?: ([a-z-]+))?", span, re.M):
            assert noun in commands(), (page.name, noun)
            if {one for one in commands() if one.startswith(noun + " ")} and verb:
                assert f"{noun} {verb}" in commands(), (page.name, noun, verb)
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("http") or (page.parent / target).exists(), (page.name, target)


def test_files_that_pages_name_are_there():
    text = (FOLDER / "from-the-requirements.md").read_text()
    for line in text.splitlines():
        cells = line.strip("|").split(" | ")
        if not line.startswith("| ") or len(cells) < 2 or set(line) <= set("|- "):
            continue
        for span in re.findall(r"`([^`]+)`", cells[1]):
            if "/" in span and not span.startswith(("./", "http")) and " " not in span:
                assert (REPOSITORY / span).exists(), span
    for name in ("dev", "config.env.example", "tools/setup.sh", "CONTRIBUTING.md"):
        assert (REPOSITORY / name).exists()
    # And every file of the requirements' tree is in the table.
    from requirements_text import rows

    for row in rows():
        if row.kind == "file" and row.text not in ("__init__.py", "README.md"):
            assert row.text.rstrip("/") in text, row.text


def test_every_variable_of_a_page_says_its_default_right():
    known = variables()
    for page in PAGES:
        for block in re.findall(r"^```env\n(.*?)^```", page.read_text(), re.S | re.M):
            assert set(re.findall(r"^([A-Z_]+)=", block, re.M)) <= known.keys(), page.name
        for name, port in re.findall(r"`([A-Z_]+_PORT)` \((\d+)\)", page.read_text()):
            assert known[name] == port, (page.name, name)


def test_ports_of_the_pages_are_those_of_the_services():
    known = variables()
    ports = {"Tenant Node": known["REST_PORT"], "Tenant Nodes": known["REST_PORT"], "Auth Gateway": known["AUTH_GATEWAY_PORT"], "Operation Node": known["OPERATION_NODE_PORT"],
             "CBO Engine": known["CBO_ENGINE_PORT"], "Monitoring": known["MONITORING_PORT"], "Monitoring and its console": known["MONITORING_PORT"]}
    table = re.search(r"\| from \| to \| port \|\n\|.*\n((?:\|.*\n)+)", (FOLDER / "ec2.md").read_text())[1]
    seen = 0
    for line in table.splitlines():
        _, to, port = (cell.strip() for cell in line.strip("|").split("|"))
        if to in ports and port not in (known["GRPC_PORT"], known["CBO_ENGINE_GRPC_PORT"]):
            assert port == ports[to], line
            seen += 1
    assert seen >= 5
    listed = re.findall(r"^\| ([A-Z][\w ]+) \| (\d+)", (FOLDER / "README.md").read_text(), re.M)
    assert len(listed) >= 5 and all(ports[name] == port for name, port in listed if name in ports)


def test_cloudwatch_has_the_metrics_that_the_page_names():
    text = (FOLDER / "ec2.md").read_text()
    source = (REPOSITORY / "src/granary/services/monitoring/emf.cc").read_text()
    written = set(re.findall(r'\{"([a-z_]+)", "(?:None|Count|Bytes|Milliseconds)"', source))
    named = re.search(r"with the dimension `service`,\n(.*?)\. Counters", text, re.S)[1]
    assert set(re.findall(r"`([a-z_]+)`", named)) == written and len(written) > 10


def quoted(symptom):
    """What the page quotes under a symptom's heading, as patterns: … stands for whatever is particular to the machine."""
    text = (FOLDER / "troubleshooting.md").read_text()
    section = text.split(f"\n## {symptom}\n")[1].split("\n## ")[0]
    lines = [line for block in re.findall(r"^```text\n(.*?)^```", section, re.S | re.M) for line in block.splitlines()]
    assert lines, symptom
    return [".*".join(re.escape(part) for part in line.split("…")) for line in lines]


def check_quotes(symptom, *said):
    patterns = quoted(symptom)
    assert len(patterns) == len(said), (symptom, len(patterns))
    for pattern, text in zip(patterns, said):
        assert re.search(pattern, text), f"the page says {pattern}\nand what came is\n{text[-3000:]}"


def start_fails(folder, **env):
    node = Node(folder, env)
    node.start(wait=False)
    code = node.process.wait(timeout=60)
    return code, node.log()


def test_permission_errors_say_what_the_page_says(tmp_path):
    if os.geteuid() != 0:
        (tmp_path / "closed").mkdir(mode=0o500)
        code, said = start_fails(tmp_path, DATA_PATH=str(tmp_path / "closed/data"))
    else:
        # Root may write everywhere: the program runs as somebody who may not, from a copy that they may reach.
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("SKIPPED: root, and no setpriv to run as somebody else")
        with reachable() as folder:
            (folder / "data").mkdir(mode=0o700)
            done = subprocess.run([setpriv, "--reuid=65534", "--regid=65534", "--clear-groups", str(folder / "granary"), "tenant-node"], cwd=folder,
                                  env={"DATA_PATH": str(folder / "data"), "REST_PORT": str(free_port()), "LOG_FORMAT": "json",
                                       "LD_LIBRARY_PATH": str(folder / "lib")}, capture_output=True, text=True, timeout=60)
        code, said = done.returncode, done.stderr
    assert code == 1
    check_quotes("Permission errors", said)


@contextlib.contextmanager
def reachable():
    """A folder that everybody may reach, with the program and the libraries that are not the system's."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        (folder / "lib").mkdir(mode=0o755)
        shutil.copy(BINARY, folder / "granary")
        for line in subprocess.run(["ldd", str(BINARY)], capture_output=True, text=True, check=True).stdout.splitlines():
            library = line.split()[2] if "=> /" in line else ""
            if library and not library.startswith(("/lib/", "/usr/lib/")):
                shutil.copy(library, folder / "lib")
        yield folder


def test_port_conflicts_say_what_the_page_says(node, tmp_path):
    (tmp_path / "second").mkdir()
    code, rest = start_fails(tmp_path / "second", REST_PORT=str(node.port))
    assert code == 1
    both = Node(tmp_path / "grpc", args=["both"])
    both.folder.mkdir()
    both.start()
    try:
        (tmp_path / "third").mkdir()
        third = Node(tmp_path / "third", {"GRPC_PORT": str(both.grpc_port)}, args=["both"])
        third.start(wait=False)
        assert third.process.wait(timeout=60) == 1
        (tmp_path / "fourth").mkdir()
        code, locked = start_fails(tmp_path / "fourth", DATA_PATH=str(node.data))
        assert code == 1
    finally:
        both.close()
    check_quotes("Port conflicts", rest, third.log(), locked)


def test_memory_that_runs_out_says_what_the_page_says(start_node):
    node = start_node({"MEMORY_LIMIT_MB": "128", "QUERY_MEMORY_MB": "1", "MEMORY_WAIT_MS": "100"})
    client = node.client(timeout=300)
    client.add({"source_id": "s", "schema_definition": {"k": "int64", "t": "string"}})
    large = '{"source_id":"s","records":[{"fields":{"k":1,"t":"' + "x" * (15 << 20) + '"}}]}'
    answers = []
    for _ in range(40):
        status, _, content = client.raw("POST", "/data/write", large.encode(), {"Content-Type": "application/json"})
        answers.append((status, content.decode()))
        if status == 503:
            break
    assert answers[-1][0] == 503 and client.raw("GET", "/health")[0] == 200
    metric = {name: client.metric(name) for name in ("granary_memory_limit_bytes", "granary_memory_reserved_bytes")}
    assert metric["granary_memory_limit_bytes"] == 128 << 20
    client = start_node({"MEMORY_LIMIT_MB": "128"}).client(timeout=300)
    client.add({"source_id": "e", "schema_mode": "evolve"})
    never = {"source_id": "e", "records": [{"fields": {f"n{i % 990}": i}} for i in range(10_000)]}
    status, _, content = client.raw("POST", "/data/write", never)
    assert status == 413, content
    check_quotes("Memory usage", answers[-1][1], content.decode())


@pytest.fixture
def small_disk(tmp_path):
    """48 MiB of tmpfs; needs the right to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)], capture_output=True).returncode == 0
    if not mounted:
        pytest.skip("SKIPPED: mounting a small tmpfs needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def test_a_full_disk_says_what_the_page_says(small_disk, tmp_path):
    node = Node(tmp_path, env={"WAL_FILE_MB": "4", "WAL_LANES": "1"})
    node.data = small_disk / "data"
    node.start()
    try:
        client = node.client()
        client.add({"source_id": "t", "schema_definition": {"id": "int64", "text": "string"}})
        body = {"source_id": "t", "records": [{"fields": {"id": i, "text": "x" * 200}} for i in range(500)]}
        for _ in range(5_000):
            status, _, content = client.raw("POST", "/data/write", body)
            if status != 200:
                break
        assert status == 507
        assert client.raw("POST", "/data/search", {"source_ids": ["t"], "limit": 1})[0] == 200, "reads go on"
        check_quotes("Disk space", content.decode())
    finally:
        node.close()


def test_debug_mode_is_as_the_page_says(tmp_path):
    service = Service("tenant-node", "REST_PORT", tmp_path, args=["--set", "LOG_LEVEL=debug"], env={"GRPC_PORT": "0"}).start()
    try:
        service.client().raw("GET", "/sources", headers={"X-Request-Id": "mine"})
        lines = [json.loads(line) for line in service.log().splitlines() if '"request_id":"mine"' in line]
        assert [line["level"] for line in lines] == ["debug"] and lines[0]["path"] == "/sources"
        check_quotes("Debug mode", next(line for line in service.log().splitlines() if '"request_id":"mine"' in line))
    finally:
        service.close()
