"""PostgreSQL and ClickHouse as metadata stores: servers of a test's own, on folders and ports of their own."""

import base64
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

from node import free_port

START_SECONDS = 60


def find_program(name, *folders):
    """The path of a program, None when it is not installed."""
    for folder in folders:
        for path in sorted(pathlib.Path("/").glob(folder.lstrip("/")), reverse=True):
            if (path / name).exists():
                return str(path / name)
    return shutil.which(name)


class Server:
    """What both have in common: start, stop, stall, and its log."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.process = None
        self.log_path = self.folder / "server.log"

    def run(self, command, **more):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, **more)
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            code = self.process.poll()
            assert code is None, f"ended with {code}:\n{self.log_path.read_text(errors='replace')[-3000:]}"
            assert time.monotonic() < deadline, f"no answer within {START_SECONDS} s:\n{self.log_path.read_text(errors='replace')[-3000:]}"
            time.sleep(0.05)  # Between two looks; nothing depends on its length.
        return self

    def kill(self):
        """As a machine that loses its power: nothing is told to anybody."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
            self.process = None

    def stall(self):
        """It takes connections and answers nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)


class Postgres(Server):
    """PostgreSQL refuses to run as root: then it runs as nobody."""

    kind = "postgresql"

    def __init__(self, folder):
        super().__init__(folder)
        self.initdb = find_program("initdb", "/usr/lib/postgresql/*/bin")
        if self.initdb is None:
            pytest.skip("PostgreSQL is not installed (tools/packages.apt)")
        self.programs = pathlib.Path(self.initdb).parent
        self.user = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self.user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            for path in (self.folder, *self.folder.parents):
                if path == pathlib.Path("/tmp"):
                    break
                path.chmod(path.stat().st_mode | 0o011)
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
        self.data = self.folder / "data"
        with open(self.log_path, "ab") as log:
            subprocess.run([self.initdb, "-D", str(self.data), "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8"], check=True,
                           cwd=self.folder, stdout=log, stderr=log, **self.user)

    def start(self):
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        return self.run([str(self.programs / "postgres"), "-D", str(self.data), "-p", str(self.port), "-h", "127.0.0.1", "-k", str(self.folder)],
                        **self.user)

    def answers(self):
        return subprocess.run([str(self.programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]).returncode == 0

    def everybody(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    def stall(self):
        # Its children serve the connections; without the first one there are no new ones.
        for process in self.everybody():
            os.kill(process, signal.SIGSTOP)

    def go_on(self):
        for process in reversed(self.everybody()):
            os.kill(process, signal.SIGCONT)

    def kill(self):
        # Its children serve the connections: they go by themselves once they see that it is gone; a stop at once is what they all hear.
        if self.process is not None:
            self.go_on()
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()
            self.process = None

    def psql(self, sql, database="postgres"):
        done = subprocess.run([str(self.programs / "psql"), "-X", "-A", "-t", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres",
                               "-d", database, "-c", sql], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def settings(self):
        """Of an Operation Node that uses it."""
        self.psql("CREATE DATABASE granary")
        return {"METADATA_STORE": "postgresql", "METADATA_HOST": "127.0.0.1", "METADATA_PORT": str(self.port), "METADATA_USER": "postgres"}


CLICKHOUSE_CONFIG = """<?xml version="1.0"?>
<yandex>
  <logger><level>warning</level><console>1</console></logger>
  <http_port>{http}</http_port><tcp_port>{tcp}</tcp_port><listen_host>127.0.0.1</listen_host>
  <path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path>
  <mark_cache_size>67108864</mark_cache_size>
  <users_config>users.xml</users_config><default_profile>default</default_profile><default_database>default</default_database>
</yandex>
"""
CLICKHOUSE_USERS = """<?xml version="1.0"?>
<yandex>
  <profiles><default><max_memory_usage>500000000</max_memory_usage></default></profiles>
  <users><default><password>{password}</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>
  <quotas><default/></quotas>
</yandex>
"""


class ClickHouse(Server):
    kind = "clickhouse"

    def __init__(self, folder, password=""):
        super().__init__(folder)
        self.program = find_program("clickhouse-server", "/usr/sbin", "/usr/bin") or find_program("clickhouse", "/usr/bin")
        if self.program is None:
            pytest.skip("ClickHouse is not installed (tools/packages.apt)")
        self.password = password
        (self.folder / "data").mkdir()
        (self.folder / "tmp").mkdir()
        (self.folder / "config.xml").write_text(CLICKHOUSE_CONFIG.format(http=self.port, tcp=free_port(), folder=self.folder))
        (self.folder / "users.xml").write_text(CLICKHOUSE_USERS.format(password=password))

    def start(self):
        return self.run([self.program, "--config-file", str(self.folder / "config.xml")])

    def ask(self, sql, **query):
        """The answer's text; of a statement that was killed the server's words."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/?{urllib.parse.urlencode(query)}", sql.encode())
        request.add_header("Authorization", "Basic " + base64.b64encode(f"default:{self.password}".encode()).decode())
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
                return answer.read().decode().strip()
        except urllib.error.HTTPError as failure:
            return failure.read().decode().strip()

    def answers(self):
        try:
            return self.ask("SELECT 1") == "1"
        except (OSError, urllib.error.URLError):
            return False

    def settings(self):
        return {"METADATA_STORE": "clickhouse", "METADATA_HOST": "127.0.0.1", "METADATA_PORT": str(self.port), "METADATA_USER": "default",
                "METADATA_PASSWORD": self.password}


class Holder:
    """Stands before a server and passes everything on, but for what it is told to hold: a request that was sent, or the answer to it."""

    def __init__(self, port):
        self.target, self.listener = port, socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.wanted = None  # ("request" or "answer", what the request has in it)
        self.held, self.released, self.passed = threading.Event(), threading.Event(), threading.Event()
        threading.Thread(target=self.serve, daemon=True).start()

    def hold(self, what, text):
        """The next request with `text` in it."""
        self.wanted = (what, text)

    def release(self):
        """What was held goes on, though its sender may have gone; returns when the server has answered it."""
        self.released.set()
        assert self.passed.wait(60)

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            state = {"held": None}
            threading.Thread(target=self.pump, args=(client, server, state, "request"), daemon=True).start()
            threading.Thread(target=self.pump, args=(server, client, state, "answer"), daemon=True).start()

    def pump(self, source, sink, state, what):
        try:
            while data := source.recv(1 << 16):
                if what == "request" and self.wanted and self.wanted[1] in data:
                    state["held"], self.wanted = self.wanted[0], None
                    if state["held"] == "request":
                        self.held.set()
                        self.released.wait()
                if what == "answer" and state["held"]:
                    if state["held"] == "answer":
                        self.held.set()
                        self.released.wait()
                    self.passed.set()
                    state["held"] = None
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.released.set()
        self.listener.close()
