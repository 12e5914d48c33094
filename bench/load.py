"""The load generator (load/main.cc): requests into a file, the program run on it, its one line of figures."""

import json
import pathlib
import struct
import subprocess
import tempfile

from bench.measure import Meter, Sample


class LoadGenerator:
    def __init__(self, program, folder):
        self.program = pathlib.Path(program)
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def run(self, case, peer, protocol, port, requests, connections, seconds, requests_max=0, warm_up=0, method="", **extra):
        """A Sample; `warm_up` requests go before it, neither counted nor metered. An error of a single request fails the case."""
        with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".requests") as file:
            for request in requests:
                file.write(struct.pack("<I", len(request)))
                file.write(request)
            file.flush()
            command = [str(self.program), protocol, file.name, "--port", str(port), "--connections", str(connections),
                       "--seconds", str(seconds)]
            if method:
                command += ["--method", method]
            if warm_up:
                self.figures(case, [*command, "--requests", str(warm_up)])
            with Meter(peer) as meter:
                figures = self.figures(case, [*command, "--requests", str(requests_max)])
        return Sample.of_load(case, figures, meter, **extra)

    def figures(self, case, command):
        done = subprocess.run(command, capture_output=True, text=True)
        figures = json.loads(done.stdout) if done.stdout.startswith("{") else {}
        if done.returncode != 0:
            why = figures.get("first_error") or done.stderr.strip()
            raise RuntimeError(f"{case}: the load generator ended with {done.returncode}, {figures.get('errors', 'no')} errors: {why}")
        return figures
