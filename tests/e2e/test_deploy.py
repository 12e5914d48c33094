"""deploy/: units, supervisor, image, compose and the production example name what the program has, and do what they say."""

import configparser
import os
import re
import shutil
import subprocess

import pytest
import yaml

from node import BINARY, REPOSITORY, Client, free_port, until
from service import Service

DEPLOY = REPOSITORY / "deploy"
UNITS = ("granary.service", "granary@.service")
PORTS = {"tenant-node": 8000, "auth-gateway": 8080, "operation-node": 8081, "cbo-engine": 8082, "metadata-catalog": 8083, "monitoring": 8084}
ANALYZE = shutil.which("systemd-analyze")


def services():
    """Those that this program serves."""
    told = subprocess.run([str(BINARY), "--help"], capture_output=True, text=True, check=True, timeout=60).stdout
    return {name for name in PORTS if re.search(rf"^  {name} ", told, re.M)}


def variables():
    text = subprocess.run([str(BINARY), "config", "example"], capture_output=True, text=True, check=True, timeout=60).stdout
    return dict(re.findall(r"^([A-Z_0-9]+)=(.*)$", text, re.M))


def unit(name):
    """Sections of `KEY=VALUE` lines, keys that come again in a list."""
    found, section = {}, None
    for line in (DEPLOY / "systemd" / name).read_text().splitlines():
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            section.setdefault(key, []).append(value)
    return found


def started_by(command, service, folder, config=""):
    """Runs a command line of a deployment's file as it stands there, but for its places, and stops it as its manager would."""
    words = command.replace("%i", service).split()
    assert words[0] == "/usr/local/bin/granary"
    (folder / "config.env").write_text(config)
    places = {"/etc/granary/config.env": str(folder / "config.env"), "DATA_PATH=/var/lib/granary/data": f"DATA_PATH={folder / 'data'}"}
    assert set(places) <= set(words), words
    (one,) = words[1:2]
    process = Service(one, "MONITORING_PORT" if one == "up" else {"tenant-node": "REST_PORT"}.get(one, one.upper().replace("-", "_") + "_PORT"), folder,
                      {"CBO_ENGINE_PORT": "0", "GRPC_PORT": "0", "GRPC_HOST": "127.0.0.1", "REST_PORT": str(free_port())} if one == "up" else {},
                      args=[places.get(word, word) for word in words[2:]])
    process.start()
    try:
        assert (folder / "data").is_dir() or one == "cbo-engine"
        assert process.stop() == 0
    finally:
        process.close()


@pytest.mark.parametrize("name", UNITS)
def test_units_start_what_there_is(name, tmp_path):
    command, = unit(name)["Service"]["ExecStart"]
    for service in sorted(services()) if "%i" in command else ["up"]:
        (tmp_path / service).mkdir()
        started_by(command, service, tmp_path / service)


def test_units_name_every_service():
    """Of one process and of several: they exclude each other, and the template's comment lists all."""
    alone, template = unit("granary.service")["Unit"], (DEPLOY / "systemd/granary@.service").read_text()
    assert set(re.findall(r"granary@([a-z-]+)\.service", alone["Conflicts"][0])) == services()
    assert set(re.findall(r"granary@([a-z-]+)", template)) == services()
    assert unit("granary@.service")["Unit"]["Conflicts"] == ["granary.service"]
    same = [unit(name)["Service"] for name in UNITS]
    assert {key: value for key, value in same[0].items() if key != "ExecStart"} == {key: value for key, value in same[1].items() if key != "ExecStart"}


@pytest.mark.parametrize("name", UNITS)
def test_units_are_what_systemd_reads_and_hardened(name, tmp_path, figure):
    if ANALYZE is None:
        pytest.skip("SKIPPED: systemd-analyze is not installed")
    text = (DEPLOY / "systemd" / name).read_text().replace("/usr/local/bin/granary", str(BINARY))
    path = tmp_path / name.replace("@.", "@monitoring.")
    path.write_text(text)
    verified = subprocess.run([ANALYZE, "verify", "--man=no", str(path)], capture_output=True, text=True, timeout=60)
    assert verified.returncode == 0 and verified.stderr == "", verified.stderr
    rated = subprocess.run([ANALYZE, "security", "--offline=true", "--threshold=20", str(path)], capture_output=True, text=True, timeout=60)
    assert rated.returncode == 0, rated.stdout[-3000:] + rated.stderr
    figure(re.search(r"Overall exposure level.*", rated.stdout)[0])


def test_the_supervisors_program_starts(tmp_path):
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";",))
    parser.read(DEPLOY / "supervisor/granary.conf")
    program = parser["program:granary"]
    assert program["stopsignal"] == "TERM" and int(program["stopwaitsecs"]) > int(variables()["STOP_TIMEOUT_SECONDS"])
    started_by(program["command"], "up", tmp_path)
    listed = (DEPLOY / "supervisor/granary.conf").read_text()
    assert all(name in listed for name in services())


def finds_over_tenants(fleet, key, tenant):
    """A source "s" of the tenant, which the Operation Node has adopted, is found, added up and streamed by it."""
    shown = {"Authorization": f"Bearer {key}"}
    until(lambda: any(one["tenant_id"] == tenant and one["serving"] for one in fleet.call("GET", "/tenants", headers=shown)["tenants"]), "it is adopted")
    for target, body in (("search", {"source_id": "s"}), ("aggregate", {"source_id": "s", "aggregations": [{"type": "count"}]}), ("search/stream", {"source_id": "s"})):
        status, _, content = fleet.raw("POST", f"/query/{target}", body, shown)
        assert status == 200, (target, content)


def production():
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", (DEPLOY / "production.env").read_text(), re.M))


@pytest.mark.parametrize("how", ["granary@", "granary up"])
def test_the_production_example_finds_over_tenants(how, tmp_path):
    """Its settings, at ports and folders of this test, and with a secret of one's own."""
    secret = "0123456789abcdef"
    ports = {name: free_port() for name in PORTS}
    settings = {key: value for key, value in production().items() if key not in ("DATA_PATH", "GRPC_PORT", "REST_PORT")}
    settings["OPERATION_NODE_KEY"] = secret
    for key, value in settings.items():
        settings[key] = re.sub(r"http://127.0.0.1:(\d+)", lambda found: "http://127.0.0.1:" + str(
            ports[next(one for one, port in PORTS.items() if port == int(found[1]))]), value)
    variable = {name: "REST_PORT" if name == "tenant-node" else name.upper().replace("-", "_") + "_PORT" for name in PORTS}
    settings |= {variable[name]: str(port) for name, port in ports.items()}
    settings |= {"GRPC_PORT": "0", "GRPC_HOST": "127.0.0.1", "HEARTBEAT_SECONDS": "1", "TENANT_NODE_URL": f"http://127.0.0.1:{ports['tenant-node']}"}
    running = {}
    try:
        for name in PORTS if how == "granary@" else ["up"]:
            port = "MONITORING_PORT" if name == "up" else variable[name]
            running[name] = Service(name, port, tmp_path / name, settings)
            running[name].port = int(settings[port])
            running[name].start()
        logs = "".join(service.log() for service in running.values())
        key = re.search(r"gk_[0-9a-f]{16}_[0-9A-Za-z]{43}", logs)[0]
        gateway = Client(ports["auth-gateway"])
        shown = {"Authorization": f"Bearer {key}"}
        until(lambda: gateway.raw("GET", "/sources", headers=shown)[0] == 200, "the gateway reaches the node")
        assert gateway.raw("POST", "/sources/add", {"source_id": "s"}, shown)[0] == 201
        finds_over_tenants(Client(ports["operation-node"]), secret, settings["TENANT_ID"])
        assert Client(ports["tenant-node"]).raw("GET", "/sources")[0] == 401, "around the gateway nobody is answered"
    finally:
        for service in running.values():
            service.close()


def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def test_compose_has_every_service_at_its_port():
    found = compose()["services"]
    assert set(found) == services()
    for name, service in found.items():
        assert service["command"][0] == name
        port = PORTS[name]
        test = service["healthcheck"]["test"]
        assert f"/dev/tcp/127.0.0.1/{port}" in test[-1]
        for published in service.get("ports", []):
            assert published == f"{port}:{port}"
        assert service["read_only"] and service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]
        assert service["volumes"] == [f"{name}:/var/lib/granary"] and name in compose()["volumes"]
    # Only who asks for credentials is reached from outside.
    assert {name for name, service in found.items() if "ports" in service} == {"auth-gateway", "monitoring"}
    assert compose()["networks"]["inside"] == {"internal": True}


def test_every_variable_of_compose_exists_and_is_accepted(tmp_path):
    known = variables()
    for name, service in compose()["services"].items():
        environment = {key: str(value) for key, value in service["environment"].items()}
        assert set(environment) <= set(known), set(environment) - set(known)
        assert environment["OPERATION_NODE_KEY"].startswith("${OPERATION_NODE_KEY:?")
        environment["OPERATION_NODE_KEY"] = "0123456789abcdef"
        done = subprocess.run([str(BINARY), "config", "show", name], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        for value in environment.values():
            for host, port in re.findall(r"http://([a-z-]+):(\d+)", value):
                assert host in compose()["services"] and int(port) == PORTS[host], value


def test_compose_finds_each_other_as_it_says(tmp_path):
    """The same settings, on this machine's loopback: a request through the gateway reaches the node that registered, with no URL of it set there."""
    ports = {name: free_port() for name in compose()["services"]}
    running = {}
    try:
        for name in ("auth-gateway", "operation-node", "cbo-engine", "metadata-catalog", "tenant-node", "monitoring"):
            environment = {key: str(value) for key, value in compose()["services"][name]["environment"].items() if key != "DATA_PATH"}
            environment["OPERATION_NODE_KEY"] = "0123456789abcdef"
            for key, value in environment.items():
                environment[key] = re.sub(r"http://([a-z0-9.-]+):(\d+)", lambda found: "http://127.0.0.1:" + str(
                    ports[next(one for one, port in PORTS.items() if port == int(found[2]))]), value)
            variable = "REST_PORT" if name == "tenant-node" else name.upper().replace("-", "_") + "_PORT"
            running[name] = Service(name, variable, tmp_path / name, {**environment, "SCRAPE_INTERVAL_SECONDS": "1", "GRPC_PORT": "0"})
            running[name].port = ports[name]
            running[name].start()
        key = re.search(r"gk_[0-9a-f]{16}_[0-9A-Za-z]{43}", running["auth-gateway"].log())[0]
        shown = {"Authorization": f"Bearer {key}"}
        gateway = running["auth-gateway"].client()
        until(lambda: gateway.raw("GET", "/sources", headers=shown)[0] == 200, "the gateway reaches the node")
        assert gateway.raw("POST", "/sources/add", {"source_id": "s"}, shown)[0] == 201
        finds_over_tenants(running["operation-node"].client(), "0123456789abcdef", "default_tenant")
        # Around the gateway nobody is answered.
        assert running["tenant-node"].client().raw("GET", "/sources")[0] == 401
        monitoring = running["monitoring"].client()
        until(lambda: monitoring.call("GET", "/health/all")["status"] == "ok", "all are seen")
        for name in ports:
            assert monitoring.raw("GET", f"/logs/{name}", headers=shown)[0] == 200, name
    finally:
        for service in running.values():
            service.close()


def test_the_image_copies_what_the_build_makes_and_runs_as_nobody_special():
    text = (DEPLOY / "Dockerfile").read_text()
    first, _, second = text.partition("FROM debian:12-slim")
    assert "./dev build release" in first and "build/release/granary" in first
    assert re.search(r"^USER 10001$", second, re.M) and "gcc" not in second and "ENTRYPOINT" in second
    assert {int(port) for port in re.search(r"EXPOSE (.*)", second)[1].split()} == {*PORTS.values(), 50051, 50052}
    assert set(re.findall(r"\b([A-Z][A-Z_]+)=", second)) - {"LD_LIBRARY_PATH"} <= set(variables())
    ignored = (REPOSITORY / ".dockerignore").read_text().split("\n")
    assert {"build", "third_party", ".venv", "console/node_modules"} <= set(ignored)
    assert all((REPOSITORY / name).exists() for name in ("dev", "tools/setup.sh", "CMakePresets.json"))


def test_the_image_has_every_library_that_the_program_needs():
    """As the first stage of the Dockerfile picks them."""
    text = (DEPLOY / "Dockerfile").read_text()
    left_out = re.search(r"grep -Ev '([^']+)'", text)[1]
    linked = subprocess.run(["ldd", str(BINARY)], capture_output=True, text=True, check=True).stdout
    assert "not found" not in linked
    paths = [line.split()[2] for line in linked.splitlines() if "=> /" in line]
    copied = [path for path in paths if not re.search(left_out, path)]
    assert any("libarrow" in path for path in copied) and any("libstdc++" in path for path in copied)
    assert {re.sub(r"\.so.*", "", os.path.basename(path)) for path in set(paths) - set(copied)} <= {"libc", "libm", "libdl", "libpthread", "librt"}


def test_the_image_builds():
    docker = shutil.which("docker") or shutil.which("podman")
    if docker is None or subprocess.run([docker, "info"], capture_output=True, timeout=60).returncode != 0:
        pytest.skip("SKIPPED: no docker daemon (nor podman) here; the tests beside hold what the Dockerfile names against the tree")
    if os.environ.get("GRANARY_BUILD_IMAGE") != "1":
        pytest.skip("SKIPPED: it takes half an hour and the network; GRANARY_BUILD_IMAGE=1 runs it")
    subprocess.run([docker, "build", "-f", str(DEPLOY / "Dockerfile"), "-t", "granary-test", str(REPOSITORY)], check=True, timeout=7200)
    told = subprocess.run([docker, "run", "--rm", "granary-test", "--help"], capture_output=True, text=True, check=True, timeout=60).stdout
    assert "auth-gateway" in told


def test_the_production_example_has_the_required_values_and_is_accepted(tmp_path):
    text = (DEPLOY / "production.env").read_text()
    given = dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.M))
    required = {"TENANT_ID": "prod_tenant_001", "DATA_PATH": "/var/lib/tenant_node/data", "GRPC_PORT": "50051", "REST_PORT": "8000",
                "MAX_CONCURRENT_SEARCHES": "50"}
    assert required.items() <= given.items() and set(given) <= set(variables())
    for service in sorted(services() | {"up"}):
        show = [str(BINARY), "config", "show", service, "--config", str(DEPLOY / "production.env")]
        done = subprocess.run(show, cwd=tmp_path, env={"OPERATION_NODE_KEY": "0123456789abcdef"}, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        # The secret that stands there is none: whoever copies it is told to make their own.
        done = subprocess.run(show, cwd=tmp_path, env={}, capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and "OPERATION_NODE_KEY" in done.stderr and "change-me" not in done.stderr
