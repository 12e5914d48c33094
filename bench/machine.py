"""What the machine is, and what its processes use of it."""

import os
import pathlib
import platform
import time

TICKS = os.sysconf("SC_CLK_TCK")


def busy_seconds():
    """CPU seconds that all processes of the machine have used, since it started."""
    values = [int(value) for value in open("/proc/stat").readline().split()[1:9]]
    return (sum(values) - values[3] - values[4]) / TICKS


def children(pid):
    try:
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def cpu_seconds(pid):
    """Of a process, of its children, and of those of them that ended."""
    total = 0.0
    for one in [pid, *children(pid)]:
        try:
            total += time.clock_gettime((~one << 3) | 2)  # clock_getcpuclockid(3)
        except OSError:
            pass  # It ended: the parent's figures below have it.
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += (int(fields[13]) + int(fields[14])) / TICKS
    except OSError:
        pass
    return total


def disk_bytes(pid):
    """Bytes read from and written to disks, by a process and its children."""
    read = written = 0
    for one in [pid, *children(pid)]:
        try:
            lines = pathlib.Path(f"/proc/{one}/io").read_text().split()
        except OSError:
            continue
        read += int(lines[lines.index("read_bytes:") + 1])
        written += int(lines[lines.index("write_bytes:") + 1])
    return read, written


def folder_bytes(path):
    path = pathlib.Path(path)
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def evict(folder):
    """Drops a folder's files, and nothing else, from the page cache."""
    os.sync()
    for file in pathlib.Path(folder).rglob("*"):
        if file.is_file():
            descriptor = os.open(file, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def preload(folder):
    """Reads a folder's files into the page cache."""
    for file in pathlib.Path(folder).rglob("*"):
        if file.is_file():
            with open(file, "rb", buffering=0) as opened:
                while opened.read(1 << 24):
                    pass


def first_match(path, key):
    for line in open(path):
        if line.startswith(key):
            return line.split(":", 1)[1].strip()
    return "unknown"


def describe(folder):
    """The machine in a few words, for the report."""
    mounts = [line.split()[:3] for line in open("/proc/mounts")]
    where = os.path.realpath(folder)
    _, point, kind = max((mount for mount in mounts if where.startswith(mount[1])), key=lambda mount: len(mount[1]))
    memory = int(first_match("/proc/meminfo", "MemTotal").split()[0]) / 2**20
    release = dict(line.rstrip().split("=", 1) for line in open("/etc/os-release") if "=" in line)
    return {"cpu": first_match("/proc/cpuinfo", "model name"), "cores": os.cpu_count(), "memory_gib": round(memory, 1),
            "file_system": kind, "kernel": platform.release().split("-")[0], "system": release["PRETTY_NAME"].strip('"'),
            "python": platform.python_version()}
