"""Every example of the documents, run as it stands against a node."""

import json
import os
import re
import shlex
import shutil
import subprocess

import grpc
import pytest
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from gateway import CHEAP, Estate
from node import BINARY, REPOSITORY, Client, Node, free_port, until
from rpc import stubs
from service import Service
from test_engine_grpc import Engine


@pytest.fixture
def both(tmp_path):
    node = Node(tmp_path, args=["both"]).start()
    yield node
    node.close()


def blocks(path, language):
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", (REPOSITORY / path).read_text(), re.S | re.M)
    return [text for named, text in fenced if named == language]


def commands(block, program):
    """The commands of a block: a line and what follows it until its quotes close."""
    command = ""
    for line in block.splitlines():
        command = command + "\n" + line if command else line
        if command.count("'") % 2 == 0 and not line.endswith("\\"):
            if command.startswith(program + " "):
                yield command
            command = ""


def examples(path, program, language="bash"):
    return [command for block in blocks(path, language) for command in commands(block, program)]


@pytest.fixture
def monitoring(node, tmp_path):
    service = Service("monitoring", "MONITORING_PORT", tmp_path / "monitoring", {"REST_PORT": str(node.port)})
    yield service.start()
    service.close()


def test_curl_examples_of_the_readme(node, monitoring):
    found = examples("README.md", "curl")
    assert len(found) >= 4
    for command in found:
        here = command.replace("localhost:8000", f"localhost:{node.port}").replace("localhost:8084", f"localhost:{monitoring.port}")
        done = subprocess.run(["bash", "-c", here.replace("curl ", "curl -sS --fail-with-body ", 1)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, command + "\n" + done.stdout + done.stderr


def test_commands_of_the_readme(node, tmp_path):
    """All but those that serve and guide, which run in tests of their own."""
    (tmp_path / "flights.csv").write_text("dest,arr_delay\nHNL,5\nHNL,-3\nJFK,7\n")
    ran = []
    for command in examples("README.md", "build/release/granary") + examples("README.md", "source"):
        line = command.partition("  #")[0].strip().replace("build/release/granary", str(BINARY))
        verb = re.search(r"granary\S* (\S+)", line.replace(str(BINARY), "granary"))[1]
        if verb in ("tenant-node", "auth-gateway", "operation-node", "metadata-catalog", "monitoring", "up", "demo", "user"):
            continue
        if verb == "check":
            node.kill()  # It verifies a folder that nobody serves.
        if verb in ("import", "query", "source", "export"):
            line += f" --url http://127.0.0.1:{node.port}"
        done = subprocess.run(["bash", "-c", line], cwd=node.folder, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, command + "\n" + done.stdout + done.stderr
        if verb == "query":
            assert "HNL" in done.stdout and "JFK" not in done.stdout
        ran.append(verb)
    assert {"import", "query", "source", "config", "check", "wal", "completion"} <= set(ran), ran


PORTS = {"8000": "REST_PORT", "8080": "AUTH_GATEWAY_PORT", "8081": "OPERATION_NODE_PORT", "8083": "METADATA_CATALOG_PORT"}
SERVED = {"tenant-node": "8000", "auth-gateway": "8080", "operation-node": "8081", "metadata-catalog": "8083"}


class Shell:
    """Runs the lines of an example one after the other: what serves is left running, at ports of its own."""

    def __init__(self, folder):
        self.folder, self.processes, self.ran = folder, [], []
        self.ports = {usual: str(free_port()) for usual in PORTS}
        inherited = {name: value for name, value in os.environ.items() if name not in ("TENANT_ID", "DATA_PATH")}
        self.env = {**inherited, **CHEAP, "DATA_PATH": str(folder / "data"), "REST_HOST": "127.0.0.1", "GRPC_PORT": str(free_port()), "LAUNCH_MEMORY_MB": "256",
                    "TENANT_NODE_URL": f"http://127.0.0.1:{self.ports['8000']}",
                    **{name: self.ports[usual] for usual, name in PORTS.items()}}

    def run(self, line):
        here = re.sub(r"(localhost|127\.0\.0\.1):(80\d\d)", lambda found: f"127.0.0.1:{self.ports[found[2]]}", line.partition("  #")[0].strip())
        served = re.fullmatch(r"((?:\w+=\S+ )*)granary ([a-z-]+)", here)
        if served:
            # Of one machine: each service has a folder of its own, as DATA_PATH of all is one.
            settings = dict(one.split("=", 1) for one in served[1].split())
            with open(self.folder / f"{served[2]}.log", "ab") as log:
                self.processes.append(subprocess.Popen([str(BINARY), served[2]], cwd=self.folder, env={**self.env, **settings}, stdout=log, stderr=log))
            client = Client(int(self.ports[SERVED[served[2]]]))
            until(lambda: self.answers(client), f"{line}\n" + (self.folder / f"{served[2]}.log").read_text()[-2000:])
        else:
            assert here.startswith("curl "), line
            script = here.replace("curl ", "curl -sS --fail-with-body ", 1)
            done = []

            def works():
                done.append(subprocess.run(["bash", "-c", script], env=self.env, capture_output=True, text=True, timeout=60))
                return done[-1].returncode == 0

            try:
                until(works, line, seconds=30)  # Some of it is true a moment later: a node is heard, a file is told of.
            except AssertionError as failure:
                raise AssertionError(f"{failure}\n{done[-1].stdout}{done[-1].stderr}") from None
        self.ran.append(line)

    @staticmethod
    def answers(client):
        try:
            return client.raw("GET", "/health")[0] == 200
        except OSError:
            return False

    def close(self):
        for process in reversed(self.processes):
            process.terminate()
            process.wait(timeout=60)


@pytest.fixture
def shell(tmp_path):
    shell = Shell(tmp_path)
    yield shell
    shell.close()


def sh_block(word):
    block, = (block for block in blocks("README.md", "sh") if word in block)
    return block.splitlines()


def test_the_readmes_sh_blocks_are_all_run():
    assert len(blocks("README.md", "sh")) == 3


def test_the_readmes_users_and_keys(shell):
    for line in sh_block("granary auth-gateway"):
        shell.run(line)
        if "granary auth-gateway" in line:
            shell.env["KEY"] = re.search(r"gk_\w+", (shell.folder / "auth-gateway.log").read_text())[0]
    assert len(shell.ran) == 4
    # It answers nobody who comes around the gateway.
    assert Client(int(shell.ports["8000"])).raw("GET", "/sources")[0] == 401


def test_the_readmes_operation_node(shell):
    for line in sh_block("granary operation-node"):
        shell.run(line)
    assert len(shell.ran) == 8
    assert Client(int(shell.ports["8081"])).call("GET", "/tenants/acme")["state"] == "suspended"


def test_the_readmes_metadata_catalog(shell):
    shell.env["TENANT_ID"] = "acme"
    for line in sh_block("granary metadata-catalog"):
        shell.run(line)
        if "granary tenant-node" in line:
            node = Client(int(shell.ports["8000"]))
            node.add({"source_id": "sales", "schema_definition": {"region": "string", "note": "string"}, "partition_columns": ["region"]})
            node.write("sales", [{"region": "eu", "note": "x"}])
            node.flush("sales")
    assert len(shell.ran) == 5


class Reflected:
    """Does what `grpcurl -plaintext` does, with what the node says about itself alone."""

    def __init__(self, port):
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.database = ProtoReflectionDescriptorDatabase(self.channel)
        self.pool = descriptor_pool.DescriptorPool(self.database)

    def run(self, data, words):
        if words == ["list"]:
            return sorted(self.database.get_services())
        if words[0] == "describe":
            service = self.pool.FindServiceByName(words[1])
            return [method.name for method in service.methods]
        service, _, name = words[0].partition("/")
        method = self.pool.FindServiceByName(service).methods_by_name[name]
        request, answer = (message_factory.GetMessageClass(kind) for kind in (method.input_type, method.output_type))
        call = (self.channel.unary_stream if method.server_streaming else self.channel.unary_unary)(
            f"/{service}/{name}", request_serializer=request.SerializeToString, response_deserializer=answer.FromString)
        got = call(json_format.ParseDict(json.loads(data), request()), timeout=60)
        return [json_format.MessageToDict(one) for one in (got if method.server_streaming else [got])]


def read(command):
    """The words of `grpcurl -plaintext [-d data] host words…`."""
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:2] == ["grpcurl", "-plaintext"]
    words, data = words[2:], "{}"
    if words[0] == "-d":
        data, words = words[1], words[2:]
    assert re.fullmatch(r"localhost:5005[12]", words[0])
    return data, words[1:]


ENGINE = "localhost:50052"


@pytest.fixture
def engine(tmp_path):
    service = Engine(tmp_path / "engine").start()
    yield service
    service.close()


def test_grpcurl_examples_of_the_engine_by_reflection(engine):
    found = [command for command in examples("docs/grpc.md", "grpcurl", "") if ENGINE in command]
    client = Reflected(engine.grpc_port)
    services, methods, sent, plan, cost, models, stats = [client.run(*read(command)) for command in found]
    assert {"granary.v1.CboEngine", "grpc.health.v1.Health"} <= set(services) and "SendFeedback" in methods
    assert sent[0]["accepted"] == "1" and plan[0]["plan"][0]["path"] == "hash_index" and cost[0]["ns"] == 8000
    assert models[0]["models"][0]["state"] == "candidate" and stats[0]["nodes"][0]["nodeId"] == "node-1"


def test_grpcurl_examples_by_reflection(both):
    client, said = Reflected(both.grpc_port), []
    found = [command for command in examples("docs/grpc.md", "grpcurl", "") if ENGINE not in command]
    for command in found:
        said.append(client.run(*read(command)))
    assert len(found) >= 5
    assert {"granary.v1.TenantNode", "grpc.health.v1.Health"} <= set(said[0]) and "SearchData" in said[1]
    assert said[-1][0]["rows"]["rows"][0]["values"] == [{"stringValue": "ORD_001"}, {"float64Value": 100.5}]
    assert int(said[-1][-1]["summary"]["count"]) == 1


def test_grpcurl_examples_by_grpcurl(both, engine):
    program = os.environ.get("GRPCURL") or shutil.which("grpcurl")
    if program is None:
        pytest.skip("SKIPPED: grpcurl is not here (go install github.com/fullstorydev/grpcurl/cmd/grpcurl, or GRPCURL=path); "
                    "test_grpcurl_examples_by_reflection runs the same examples")
    said = []
    for command in examples("docs/grpc.md", "grpcurl", ""):
        here = command.replace("localhost:50051", f"localhost:{both.grpc_port}").replace(ENGINE, f"localhost:{engine.grpc_port}").replace("grpcurl", program, 1)
        done = subprocess.run(["bash", "-c", here], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, command + "\n" + done.stdout + done.stderr
        said.append(done.stdout)
    assert any('"ORD_001"' in one and '100.5' in one for one in said) and any('"hash_index"' in one for one in said)


def test_the_python_example_behind_a_gateway(tmp_path, monkeypatch, capsys):
    estate = Estate(tmp_path, node_args=["both"])
    try:
        estate.admin().add({"source_id": "behind"})
        _, code = blocks("docs/grpc.md", "python")
        monkeypatch.setenv("KEY", estate.admins["acme"])
        stubs()
        exec(code.replace("localhost:8080", f"127.0.0.1:{estate.gateway.port}"), {})
        assert 'source_id: "behind"' in capsys.readouterr().out
    finally:
        estate.close()


def test_python_example_of_the_grpc_document(both, capsys):
    code, _ = blocks("docs/grpc.md", "python")
    stubs()  # The modules that the example imports.
    exec(compile(code.replace("localhost:50051", f"localhost:{both.grpc_port}"), "docs/grpc.md", "exec"), {})
    shown = capsys.readouterr().out
    assert "order_id: string" in shown and "ORD_001" in shown and "100.5" in shown
