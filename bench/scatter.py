"""What a query over several tenants costs: one of the figures of bench/services.py."""

import contextlib
import json
import statistics
import threading
import time

from bench.http_request import Client
from bench.node import free_port

NODES = 4
ROWS = 200_000  # Of each.
REQUESTS = {  # What is asked and, of the n-th time, how: never twice alike, so that no kept state answers.
    "aggregate, 1,000 groups": ("aggregate", lambda n: {"filters": {"n": {"gte": n}}, "group_by": ["group"], "aggregations": [
        {"type": "count", "alias": "c"}, {"type": "sum", "column": "x", "alias": "s"}, {"type": "max", "column": "n", "alias": "m"}]}),
    "aggregate, one row": ("aggregate", lambda n: {"filters": {"n": {"gte": n}}, "aggregations": [
        {"type": "avg", "column": "x"}, {"type": "stddev", "column": "x"}]}),
    "search, top 100": ("search", lambda n: {"filters": {"n": {"gte": n}}, "order_by": [{"column": "x", "direction": "desc"}], "limit": 100}),
    "search, a page of 10,000": ("search", lambda n: {"filters": {"n": {"gte": n}}, "order_by": [{"column": "n"}], "limit": 10_000}),
    "look-up": ("search", lambda n: {"filters": {"n": n}, "limit": 10}),
}


class Asker:
    """A kept connection; reads answers whole, and parses nothing."""

    def __init__(self, port):
        self.connection = Client(port).connection

    def ask(self, target, body):
        """The seconds that it took."""
        begin = time.perf_counter()
        self.connection.request("POST", target, json.dumps(body), {"Content-Type": "application/json"})
        response = self.connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise RuntimeError(f"{target}: {response.status} {content[:500]}")
        return time.perf_counter() - begin


def slowest_of(askers, target, body):
    """All at once, each from a thread of its own."""
    took = [0.0] * len(askers)
    start = threading.Barrier(len(askers))

    def ask(i):
        start.wait()
        took[i] = askers[i].ask(target, body)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(len(askers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return max(took)


def fill(port):
    client = Client(port)
    client.call("POST", "/sources/add", {"source_id": "s", "schema_definition": {"n": "int64", "group": "string", "x": "float64", "text": "string"},
                                         "index_columns": ["n"]})
    lines = "".join(json.dumps({"n": i, "group": f"g{i * 7919 % 1000}", "x": i * 31 % ROWS / 4, "text": f"record {i} of many"}) + "\n" for i in range(ROWS))
    client.call("POST", "/data/write?source_id=s", lines.encode(), "application/x-ndjson")
    client.call("POST", "/sources/s/flush", {})
    client.connection.close()


def until_known(asker, tenants):
    """Until the Operation Node has heard of all nodes."""
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(RuntimeError, OSError):
            return asker.ask("/query/search", {"tenants": tenants, "limit": 1})
        if time.monotonic() > deadline:
            raise RuntimeError("the Operation Node does not know its tenants")
        time.sleep(0.05)  # Between two looks; nothing is measured yet.


def scatter_gather(ground):
    """A query over four tenants on four local nodes, beside the same four parts asked of the nodes directly and all at once."""
    from bench.services import Figure, Process
    operation_port, ports = free_port(), [free_port() for _ in range(NODES)]
    with contextlib.ExitStack() as stack:
        operation = Process(ground, "operation", ["operation-node"], OPERATION_NODE_PORT=operation_port, ADOPT_TENANTS="true",
                            HEARTBEAT_SECONDS=1, MAX_LAUNCHED_NODES=0)
        stack.callback(operation.stop)
        operation.wait([operation_port])
        for i, port in enumerate(ports):
            node = Process(ground, f"part-{i}", ["tenant-node"], REST_PORT=port, TENANT_ID=f"t{i}", HEARTBEAT_SECONDS=1, MEMORY_LIMIT_MB=512,
                           OPERATION_NODE_URL=f"http://127.0.0.1:{operation_port}")
            stack.callback(node.stop)
            node.wait([port])
            fill(port)
        whole, parts = Asker(operation_port), [Asker(port) for port in ports]
        until_known(whole, [f"t{i}" for i in range(NODES)])
        for name, (what, body_of) in REQUESTS.items():
            pairs = []
            for n in range(ground.rounds * 4):  # In turns, so that both see the same machine.
                slowest = slowest_of(parts, f"/data/{what}", body_of(2 * n))
                pairs.append((whole.ask(f"/query/{what}", body_of(2 * n + 1)), slowest))
            over_all, slowest = (statistics.median(side) for side in zip(*pairs))
            yield Figure(f"scatter-gather over {NODES} local nodes, {name} ({1000 * over_all:.2f} ms), of the slowest part ({1000 * slowest:.2f} ms)",
                         "≤ 1.5", over_all / slowest, "", 1.5)
