"""Measuring: what a piece of work took, and lines of results.

A Sample is one case's measurement; a Meter takes the resources that went into it. CPU time of a peer that is a
server is its processes'; the client's is shown apart. A peer that lives in this process has no such border:
its CPU time includes its client. `other_cores` is what everyone else on the machine used meanwhile: where it is
not near 0, read the minimum and the CPU time, not median and p99.
"""

import dataclasses
import json
import os
import pathlib
import resource
import statistics
import threading
import time

from bench import machine

now = time.perf_counter


def own_cpu_seconds():
    """Of this process and of its children that ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Meter:
    """with Meter(peer) as meter: …; then its fields."""

    def __init__(self, peer):
        self.servers = peer.servers()

    def read(self):
        processes = self.servers or [os.getpid()]
        disks = [machine.disk_bytes(pid) for pid in processes]
        return (now(), own_cpu_seconds(), sum(map(machine.cpu_seconds, self.servers)), machine.busy_seconds(),
                sum(disk[0] for disk in disks), sum(disk[1] for disk in disks))

    def __enter__(self):
        self.before = self.read()
        return self

    def __exit__(self, *_):
        after = self.read()
        wall, own, server, busy, read, written = (b - a for a, b in zip(self.before, after))
        self.wall_s = max(wall, 1e-9)
        self.cpu_s = server if self.servers else own
        self.client_cpu_s = own if self.servers else None
        self.disk_read, self.disk_written = read, written
        self.other_cores = max(0.0, busy - own - server) / self.wall_s


@dataclasses.dataclass
class Sample:
    """One case, measured."""
    case: str
    operations: int
    wall_s: float
    min_ms: float
    median_ms: float
    p99_ms: float
    meter: Meter
    extra: dict = dataclasses.field(default_factory=dict)

    @staticmethod
    def of(case, seconds, meter, wall_s=None, **extra):
        """From the time of each operation."""
        return Sample(case, len(seconds), wall_s or meter.wall_s, 1000 * min(seconds), 1000 * statistics.median(seconds),
                      1000 * percentile(seconds, 0.99), meter, extra)

    @staticmethod
    def of_load(case, load, meter, **extra):
        """From what the load generator printed; its own CPU time is the client's."""
        meter.client_cpu_s = load["client_cpu_s"]
        extra.update(request_bytes_per_op=round(load["bytes_sent"] / load["requests"]),
                     answer_bytes_per_op=round(load["bytes_received"] / load["requests"]))
        return Sample(case, load["requests"], load["wall_s"], load["min_us"] / 1000, load["p50_us"] / 1000,
                      load["p99_us"] / 1000, meter, extra)

    def line(self):
        per = max(1, self.operations)
        fields = {"case": self.case, "n": self.operations, "wall_s": round(self.wall_s, 4),
                  "min_ms": round(self.min_ms, 4), "median_ms": round(self.median_ms, 4), "p99_ms": round(self.p99_ms, 4),
                  "per_s": round(self.operations / self.wall_s, 2)}
        if self.meter.cpu_s is not None:
            fields["cpu_ms_per_op"] = round(1000 * self.meter.cpu_s / per, 5)
        if self.meter.client_cpu_s is not None:
            fields["client_cpu_ms_per_op"] = round(1000 * self.meter.client_cpu_s / per, 5)
        if self.meter.disk_read is not None:
            fields.update(disk_read_bytes_per_op=round(self.meter.disk_read / per),
                          disk_written_bytes_per_op=round(self.meter.disk_written / per))
        fields.update(other_cores=round(self.meter.other_cores, 2))
        fields.update(self.extra)
        return fields


class Recorder:
    """Appends one JSON line a case to the file of results, and shows it."""

    def __init__(self, path, **common):
        self.path = pathlib.Path(path)
        self.common = common

    def write(self, **fields):
        line = {"at": time.strftime("%FT%T"), **self.common, **fields}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "a") as file:
            file.write(json.dumps(line) + "\n")
        words = {key: line[key] for key in ("median_ms", "p99_ms", "per_s", "rows_per_s", "cpu_ms_per_op", "client_cpu_ms_per_op",
                                            "mb_per_s", "disk_bytes", "other_cores", "answer", "error") if key in line}
        print(f"{line['peer']:<11} {line['case']:<34} " + "  ".join(f"{key} {value}" for key, value in words.items()), flush=True)

    def sample(self, sample):
        self.write(**sample.line())

    def error(self, case, error):
        self.write(case=case, error=f"{type(error).__name__}: {error}"[:400])


def repeat(case, work, peer, reps, warm=1, seconds_max=60, **extra):
    """Runs `work` some times for warmth, then `reps` times on the clock, or until it has taken so long."""
    for _ in range(warm):
        work()
    seconds = []
    with Meter(peer) as meter:
        while len(seconds) < reps and (not seconds or sum(seconds) < seconds_max):
            start = now()
            outcome = work()
            seconds.append(now() - start)
    if isinstance(outcome, dict):
        extra.update(outcome)
    return Sample.of(case, seconds, meter, wall_s=sum(seconds), **extra)


def run_clients(count, seconds, work_of):
    """Each of `count` threads calls the functions of work_of(client) in turn for so long, or until it has no more.
    Returns the time of each call, and of all."""
    times, errors = [[] for _ in range(count)], []
    start_line = threading.Barrier(count + 1)

    def run(client):
        try:
            work = work_of(client)
            start_line.wait()
            end = now() + seconds
            for call in work:
                start = now()
                call()
                times[client].append(now() - start)
                if now() > end:
                    break
        except Exception as error:  # Raised again below, by the thread that waits.
            errors.append(error)
            start_line.abort()

    threads = [threading.Thread(target=run, args=(client,)) for client in range(count)]
    for thread in threads:
        thread.start()
    try:
        start_line.wait()
    except threading.BrokenBarrierError:
        pass
    start = now()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return [value for one in times for value in one], now() - start
