"""Any of the services as a test uses it: a real process on a folder and a port of its own."""

import os
import pathlib
import signal
import subprocess
import time

from node import BINARY, START_SECONDS, Client, free_port


class Service:
    """Start, stop and kill; the folder outlives the process. `port_name` is the variable of its port."""

    def __init__(self, command, port_name, folder, env=None, args=()):
        self.command = command
        self.port_name = port_name
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.port = free_port()
        self.env = dict(env or {})
        self.args = list(args)
        self.process = None
        self.log_path = self.folder / f"{command}.log"

    def environment(self):
        inherited = {k: v for k, v in os.environ.items() if k not in ("TENANT_ID", "DATA_PATH", "REST_PORT", self.port_name)}
        ports = {"AUTH_GATEWAY_PORT": "0", "OPERATION_NODE_PORT": "0", "METADATA_CATALOG_PORT": "0", "CBO_ENGINE_PORT": "0", "CBO_ENGINE_GRPC_PORT": "0"} if self.command == "up" else {}
        return {**inherited, **ports, "DATA_PATH": str(self.data), "REST_HOST": "127.0.0.1", "LOG_FORMAT": "json", self.port_name: str(self.port), **self.env}

    def start(self, wait=True):
        assert self.process is None
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([str(BINARY), self.command, *self.args], cwd=self.folder, env=self.environment(),
                                            stdout=log, stderr=log)
        if wait:
            self.wait_for(lambda client: client.raw("GET", "/health")[0] == 200, f"{self.command} is ready")
        return self

    def wait_for(self, condition, what, seconds=START_SECONDS):
        """Looks again and again until `condition(client)` holds; a service that cannot be reached does not hold it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"{self.command} ended with {self.process.returncode}:\n{self.log()[-3000:]}")
            client = self.client(timeout=5)
            try:
                held = condition(client)
                if held:
                    return held
            except OSError:
                pass
            finally:
                client.close()
            time.sleep(0.02)  # Between two looks; nothing depends on its length.
        raise AssertionError(f"not within {seconds} s: {what}\n{self.log()[-3000:]}")

    def client(self, timeout=60):
        """Shows the key of the fleet where the service wants it."""
        key = self.env.get("OPERATION_NODE_KEY") if self.command in ("operation-node", "metadata-catalog") else None
        return Client(self.port, timeout, headers={"Authorization": f"Bearer {key}"} if key else None)

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
