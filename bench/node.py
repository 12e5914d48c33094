"""A Tenant Node of its own folder: started, stopped, killed."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import time

from bench.http_request import Client

START_SECONDS = 600


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Node:
    def __init__(self, binary, folder, **variables):
        self.binary = pathlib.Path(binary)
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = self.folder / "data"
        self.variables = {name: str(value) for name, value in variables.items()}
        self.process = None

    def start(self):
        """Returns the seconds from the start of the process until /health said that it is ready."""
        self.port, self.grpc_port = free_port(), free_port()
        environment = {"PATH": os.environ["PATH"], "DATA_PATH": str(self.data), "REST_HOST": "127.0.0.1", "REST_PORT": str(self.port),
                       "GRPC_HOST": "127.0.0.1", "GRPC_PORT": str(self.grpc_port), "LOG_FORMAT": "json", "LOG_LEVEL": "warn",
                       **self.variables}
        begin = time.perf_counter()
        with open(self.folder / "node.log", "ab") as log:
            self.process = subprocess.Popen([str(self.binary), "tenant-node", "both"], cwd=self.folder, env=environment,
                                            stdout=log, stderr=log)
        while not self.ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"the node ended with {self.process.returncode}: see {self.folder / 'node.log'}")
            if time.perf_counter() - begin > START_SECONDS:
                raise RuntimeError(f"the node was not ready in {START_SECONDS} s: see {self.folder / 'node.log'}")
            time.sleep(0.001)  # Between two looks: how exact the time to ready is.
        return time.perf_counter() - begin

    def ready(self):
        try:
            client = Client(self.port, timeout=5)
            client.connection.request("GET", "/health")
            status = client.connection.getresponse().status
            client.close()
            return status == 200
        except OSError:
            return False

    def client(self):
        return Client(self.port)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(timeout=300) != 0:
            raise RuntimeError(f"the node ended with {self.process.returncode}: see {self.folder / 'node.log'}")
        self.process = None

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def settings(self):
        """The names of the variables that this build of the node knows."""
        text = subprocess.run([str(self.binary), "config", "show", "--output", "json"], cwd=self.folder, check=True,
                              capture_output=True, text=True).stdout
        return set(re.findall(r'"([A-Z][A-Z0-9_]+)"', text))
