"""A Tenant Node as a test uses it: a real process on a folder and a free port of its own."""

import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.parse

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("GRANARY_BINARY", REPOSITORY / "build/release/granary")).resolve()
START_SECONDS = 60


GIVEN_PORTS = set()


def free_port():
    """One that nobody listens on, and none that was given before: its service may not have taken it yet."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in GIVEN_PORTS:
            GIVEN_PORTS.add(port)
            return port


def until(condition, what="", seconds=60):
    """Looks again and again until `condition()` holds; what it gave then."""
    deadline = time.monotonic() + seconds
    while not (held := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.01)  # Between two looks; nothing depends on its length.
    return held


class Refused(Exception):
    """An answer that is not 2xx; carries the problem."""

    def __init__(self, status, problem):
        super().__init__(f"{status}: {problem}")
        self.status = status
        self.problem = problem

    @property
    def code(self):
        return self.problem.get("code") if isinstance(self.problem, dict) else None

    @property
    def pointers(self):
        return [error["pointer"] for error in self.problem.get("errors", [])]


class Client:
    """One kept-alive connection, and a new one after a pause: a node closes those that are idle. Answers are parsed; numbers stay exact."""

    KEPT_SECONDS = 20  # Well below IDLE_TIMEOUT_SECONDS.

    def __init__(self, port, timeout=60, host="127.0.0.1", headers=None):
        self.headers = headers or {}  # With each request.
        self.connection = http.client.HTTPConnection(host, port, timeout=timeout)
        self.used = time.monotonic()

    def raw(self, method, target, body=None, headers=None):
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        sent = {"Content-Type": "application/json"} if data is not None else {}
        sent.update({**self.headers, **(headers or {})})
        if time.monotonic() - self.used > self.KEPT_SECONDS:
            self.connection.close()
        try:
            try:
                self.connection.request(method, target, data, sent)
            except (BrokenPipeError, ConnectionResetError):
                pass  # Refused before all of the body was sent: the answer is there to be read.
            response = self.connection.getresponse()
            content = response.read()
        except Exception:
            self.connection.close()
            raise
        finally:
            self.used = time.monotonic()
        return response.status, dict((k.lower(), v) for k, v in response.getheaders()), content

    def call(self, method, target, body=None, headers=None):
        status, _, content = self.raw(method, target, body, headers)
        answer = json.loads(content) if content else None
        if status // 100 != 2:
            raise Refused(status, answer)
        return answer

    def add(self, definition):
        return self.call("POST", "/sources/add", definition)

    def write(self, source, rows):
        return self.call("POST", "/data/write", {"source_id": source, "records": [{"fields": row} for row in rows]})

    def search(self, **body):
        return self.call("POST", "/data/search", body)

    def rows(self, **body):
        return [record["fields"] for record in self.search(**body)["records"]]

    def stream(self, **body):
        status, _, content = self.raw("POST", "/data/search/stream", body)
        if status != 200:
            raise Refused(status, json.loads(content))
        return [json.loads(line) for line in content.splitlines()]

    def aggregate(self, **body):
        return self.call("POST", "/data/aggregate", body)["results"]

    def flush(self, source):
        return self.call("POST", f"/sources/{urllib.parse.quote(source)}/flush")

    def metric(self, name):
        """The value of a metric without labels."""
        _, _, content = self.raw("GET", "/metrics")
        line, = (line for line in content.decode().splitlines() if line.startswith(name + " "))
        return float(line.split()[1])

    def close(self):
        self.connection.close()


class Node:
    """Start, stop and kill; the folder outlives the process."""

    def __init__(self, folder, env=None, args=()):
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.port = free_port()
        self.grpc_port = free_port()
        self.args = list(args)
        self.env = dict(env or {})
        self.process = None
        self.log_path = self.folder / "node.log"

    def start(self, args=None, wait=True):
        assert self.process is None
        environment = {k: v for k, v in os.environ.items() if k not in ("TENANT_ID", "DATA_PATH", "REST_PORT")}
        environment.update(DATA_PATH=str(self.data), REST_PORT=str(self.port), REST_HOST="127.0.0.1",
                           GRPC_PORT=str(self.grpc_port), GRPC_HOST="127.0.0.1", LOG_FORMAT="json")
        environment.update(self.env)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [str(BINARY), "tenant-node", *(self.args if args is None else args)],
                cwd=self.folder, env=environment, stdout=log, stderr=log)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the node ended with {self.process.returncode}:\n{self.log()[-3000:]}")
            try:
                client = Client(self.port, timeout=5)
                status, _, _ = client.raw("GET", "/health")
                client.close()
                if status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.01)  # Between two looks at /health; nothing depends on its length.
        raise AssertionError(f"the node was not ready in {START_SECONDS} s:\n{self.log()[-3000:]}")

    def client(self, timeout=60):
        return Client(self.port, timeout)

    def cpu_ms(self):
        """CPU time that the process has used, all threads together."""
        return 1000 * time.clock_gettime((~self.process.pid << 3) | 2)  # clock_getcpuclockid(3)

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def stop(self):
        """A clean stop; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        self.process = None
        return code

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def restart(self):
        assert self.stop() == 0
        self.start()

    def close(self):
        if self.process is not None:
            self.kill()
