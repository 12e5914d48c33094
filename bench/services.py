#!/usr/bin/env python3
"""What the services cost, beside what was asked: `./dev bench services`.

Each figure is a function of a Ground (a folder, the program) and gives a Figure; asked and measured stand side by side, of the
same run. What is compared is measured in turns, so that what else the machine does meets both alike; the median counts.
"""

import argparse
import dataclasses
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from bench.http_request import Client
from bench.scatter import scatter_gather

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
START_SECONDS = 60


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
        environment = {"PATH": os.environ["PATH"], "DATA_PATH": str(self.folder / "data"), "REST_HOST": "127.0.0.1",
                       "LOG_LEVEL": "warn", "LOG_FORMAT": "json", **{key: str(value) for key, value in variables.items()}}
        with open(self.said, "wb") as said:
            self.process = subprocess.Popen([str(ground.binary), *command], cwd=self.folder, env=environment, stdout=said, stderr=said)

    def wait(self, ports):
        deadline = time.monotonic() + START_SECONDS
        for port in ports:
            while not is_ready(port):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"it does not start: {self.said.read_text()[-2000:]}")
                time.sleep(0.01)  # Between two looks; nothing is measured yet.

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=120)


def is_ready(port):
    client = Client(port, timeout=5)
    try:
        client.connection.request("GET", "/health")
        return client.connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        client.connection.close()


@dataclasses.dataclass(frozen=True)
class Ground:
    binary: pathlib.Path
    folder: pathlib.Path
    rounds: int


FIGURES = [scatter_gather]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=pathlib.Path, default=REPOSITORY / "build/release/granary")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=[one.__name__ for one in FIGURES])
    arguments = parser.parse_args()
    figures = []
    with tempfile.TemporaryDirectory(prefix="granary-services-") as folder:
        ground = Ground(arguments.binary.resolve(), pathlib.Path(folder), arguments.rounds)
        for measure in FIGURES:
            if arguments.only not in (None, measure.__name__):
                continue
            for figure in measure(ground):
                figures.append(figure)
                print(figure.line(), file=sys.stderr)
    print("\n| figure | asked | measured | reached |\n|---|---|---|---|")
    print("\n".join(figure.line() for figure in figures))
    return 0 if all(figure.reached for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
