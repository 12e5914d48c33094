#!/usr/bin/env python3
"""What the services cost, beside what was asked: `./dev bench services`.

Each figure is a function of a Ground (a folder, the program, the load generator) and gives a Figure; asked and measured stand
side by side, of the same run. What is compared is measured in turns, so that what else the machine does meets both alike; the
median of the rounds counts.
"""

import argparse
import dataclasses
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from bench.http_request import Client, encode
from bench.load import LoadGenerator
from bench.node import free_port
from bench.scatter import scatter_gather

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
START_SECONDS = 60
ROWS = 100_000
# What a gateway does for a caller whose rates are not limited, as its default is with more than a burst.
UNLIMITED = {"RATE_KEY_PER_SECOND": "0", "RATE_USER_PER_SECOND": "0", "RATE_TENANT_PER_SECOND": "0"}


@dataclasses.dataclass(frozen=True)
class Figure:
    what: str
    asked: str
    measured: float
    unit: str
    bound: float
    at_least: bool = False  # Or at most.

    @property
    def reached(self):
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound

    def line(self):
        return f"| {self.what} | {self.asked} | {self.measured:.4g} {self.unit} | {'yes' if self.reached else 'no'} |"


class Process:
    """One `granary …` of a folder of its own."""

    def __init__(self, ground, name, command, **variables):
        self.folder = ground.folder / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.said = self.folder / "said.log"
        environment = {"PATH": os.environ["PATH"], "DATA_PATH": str(self.folder / "data"), "REST_HOST": "127.0.0.1", "GRPC_HOST": "127.0.0.1",
                       "GRPC_PORT": "0", "LOG_LEVEL": "warn", "LOG_FORMAT": "json", **{key: str(value) for key, value in variables.items()}}
        self.begin = time.perf_counter()
        with open(self.said, "wb") as said:
            self.process = subprocess.Popen([str(ground.binary), *command], cwd=self.folder, env=environment, stdout=said, stderr=said)

    def servers(self):
        return [self.process.pid]

    def wait(self, ports):
        """Seconds from its start until all that listen there are ready."""
        for port in ports:
            while not is_ready(port):
                if self.process.poll() is not None or time.perf_counter() - self.begin > START_SECONDS:
                    raise RuntimeError(f"it does not start: {self.said.read_text()[-2000:]}")
                time.sleep(0.001)  # Between two looks: how exact the time to ready is.
        return time.perf_counter() - self.begin

    def first_key(self):
        while not (found := re.search(r"gk_[0-9a-f]{16}_[0-9A-Za-z]{43}", self.said.read_text())):
            time.sleep(0.01)  # Between two looks.
        return found[0]

    def resident_mib(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=120)


class Together:
    """Several processes as one server: whose CPU time is nobody else's."""

    def __init__(self, *processes):
        self.processes = processes

    def servers(self):
        return [pid for process in self.processes for pid in process.servers()]


def is_ready(port):
    client = Client(port, timeout=5)
    try:
        client.connection.request("GET", "/health")
        return client.connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        client.close()


def wait_for_the_way(port, key):
    """Until a request through the gateway is answered: by the first of them the node reads the gateway's keys."""
    client = Client(port, timeout=5)
    while True:
        client.connection.request("GET", "/sources", headers={"X-API-Key": key})
        answer = client.connection.getresponse()
        answer.read()
        if answer.status == 200:
            return client.close()
        time.sleep(0.01)  # Between two looks.


def fill(port):
    """Rows with a hash index, flushed: what look-ups find."""
    client = Client(port)
    client.call("POST", "/sources/add", {"source_id": "orders", "schema_definition": {"id": "string", "amount": "float64"}, "index_columns": ["id"]})
    for first in range(0, ROWS, 10_000):
        client.call("POST", "/data/write", {"source_id": "orders", "records": [{"fields": {"id": f"O{i}", "amount": i / 4}} for i in range(first, first + 10_000)]})
    client.call("POST", "/sources/orders/flush", {})
    client.close()


def look_ups(key=None):
    """2,000 of them, whole requests."""
    head = f"X-API-Key: {key}\r\n".encode() if key else b""
    out = []
    for i in range(2_000):
        request = encode("POST", "/data/search", {"source_ids": ["orders"], "filters": {"id": f"O{i * 37 % ROWS}"}})
        line, _, rest = request.partition(b"\r\n")
        out.append(line + b"\r\n" + head + rest)
    return out


class Ground:
    def __init__(self, binary, load, folder, seconds, rounds):
        self.binary, self.folder, self.seconds, self.rounds = binary, folder, seconds, rounds
        self.load = LoadGenerator(load, folder / "load")
        self.other_cores = []

    def run(self, case, process, port, requests, connections):
        sample = self.load.run(case, process, "rest", port, requests, connections, self.seconds, warm_up=200)
        self.other_cores.append(sample.meter.other_cores)
        return sample

    def in_turns(self, process, direct_port, gateway_port, key, connections):
        """(p50 in ms, requests a second) directly and through the gateway: medians of the rounds."""
        seen = {"direct": [], "gateway": []}
        for _ in range(self.rounds):
            for name, port, requests in (("direct", direct_port, look_ups()), ("gateway", gateway_port, look_ups(key))):
                sample = self.run(name, process, port, requests, connections)
                seen[name].append((sample.median_ms, sample.operations / sample.wall_s))
        return {name: tuple(statistics.median(column) for column in zip(*rounds)) for name, rounds in seen.items()}


def start_up(ground, name):
    names = ("REST_PORT", "AUTH_GATEWAY_PORT", "OPERATION_NODE_PORT", "CBO_ENGINE_PORT", "METADATA_CATALOG_PORT", "MONITORING_PORT")
    ports = {name: free_port() for name in names}
    up = Process(ground, name, ["up"], **ports, **UNLIMITED)
    served = [port for name, port in ports.items() if name != "METADATA_CATALOG_PORT"]
    return up, ports, up.wait(served)


def gateway_in_process(ground):
    """`granary up`: the node directly and through the gateway beside it."""
    up, ports, _ = start_up(ground, "in-process")
    try:
        fill(ports["REST_PORT"])
        key = up.first_key()
        wait_for_the_way(ports["AUTH_GATEWAY_PORT"], key)
        one = ground.in_turns(up, ports["REST_PORT"], ports["AUTH_GATEWAY_PORT"], key, 1)
        many = ground.in_turns(up, ports["REST_PORT"], ports["AUTH_GATEWAY_PORT"], key, 8)
    finally:
        up.stop()
    yield Figure("gateway in the same process: added to a look-up, p50, one client", "≤ 200 µs", 1000 * (one["gateway"][0] - one["direct"][0]), "µs", 200)
    yield Figure("gateway in the same process: throughput of look-ups, 8 clients, of direct", "≥ 0.8", many["gateway"][1] / many["direct"][1], "", 0.8, at_least=True)


def gateway_of_its_own(ground):
    """Node and gateway as two processes."""
    node_port, gateway_port = free_port(), free_port()
    gateway = Process(ground, "gateway", ["auth-gateway"], AUTH_GATEWAY_PORT=gateway_port, TENANT_NODE_URL=f"http://127.0.0.1:{node_port}", **UNLIMITED)
    gateway.wait([gateway_port])
    node = Process(ground, "node", ["tenant-node"], REST_PORT=node_port, GATEWAY_JWKS=f"http://127.0.0.1:{gateway_port}/auth/jwks.json", GATEWAY_REQUIRED="false")
    try:
        node.wait([node_port])
        fill(node_port)
        wait_for_the_way(gateway_port, gateway.first_key())
        many = ground.in_turns(Together(node, gateway), node_port, gateway_port, gateway.first_key(), 8)
    finally:
        node.stop()
        gateway.stop()
    yield Figure("gateway as its own process: throughput of look-ups, 8 clients, of direct", "≥ 0.5", many["gateway"][1] / many["direct"][1], "", 0.5, at_least=True)


def up_is_ready(ground):
    """The median of five starts: each on an empty folder, as the first is."""
    seconds = []
    for n in range(5):
        up, _, took = start_up(ground, f"ready-{n}")
        seconds.append(took)
        up.stop()
    yield Figure("granary up: from its start until all services are ready", "≤ 1 s", statistics.median(seconds), "s", 1)


def up_idle(ground):
    """What it holds once it has been left alone, its looks at itself included."""
    up, _, _ = start_up(ground, "idle")
    try:
        time.sleep(ground.seconds * 4)  # Being idle is what is measured.
        resident = up.resident_mib()
    finally:
        up.stop()
    yield Figure("granary up: resident memory, idle", "≤ 300 MiB", resident, "MiB", 300)


FIGURES = [gateway_in_process, gateway_of_its_own, up_is_ready, up_idle, scatter_gather]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=pathlib.Path, default=REPOSITORY / "build/release/granary")
    parser.add_argument("--load", type=pathlib.Path, default=REPOSITORY / "build/release/bench/granary_load")
    parser.add_argument("--seconds", type=float, default=5, help="of each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=[one.__name__ for one in FIGURES])
    arguments = parser.parse_args()
    figures = []
    with tempfile.TemporaryDirectory(prefix="granary-services-") as folder:
        ground = Ground(arguments.binary.resolve(), arguments.load.resolve(), pathlib.Path(folder), arguments.seconds, arguments.rounds)
        for measure in FIGURES:
            if arguments.only not in (None, measure.__name__):
                continue
            for figure in measure(ground):
                figures.append(figure)
                print(figure.line(), file=sys.stderr)
        others = max(ground.other_cores, default=0)
    print("\n| figure | asked | measured | reached |\n|---|---|---|---|")
    print("\n".join(figure.line() for figure in figures))
    print(f"\n{os.cpu_count()} CPUs; others used {others:.2f} of them at most while something was measured.")
    return 0 if all(figure.reached for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
