"""Granary: a node over REST and gRPC, asked by the compiled load generator."""

import contextlib
import datetime
import functools
import importlib
import json
import pathlib
import subprocess
import sys
import tempfile

import pyarrow as pa

from bench import data, queries
from bench.http_request import encode
from bench.load import LoadGenerator
from bench.machine import folder_bytes
from bench.node import Node
from bench.peers.peer import Peer

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = {"order_id": "string", "customer_id": "string", "amount": "float64", "order_date": "datetime64[us]", "region": "string",
          "status": "string", "quantity": "int32", "note": "string"}
STAMP = "########"  # Where the load generator puts a new key: load/request_file.h.
# Different requests of a load, after which it begins again; keys of writes are stamped anew each time.
REQUESTS_BYTES_MAX = 256 << 20
LOOK_UP_REQUESTS = 20_000
# Variables of the budgets that results of aggregates are kept in; 0 keeps none.
KEPT_RESULTS = ("PARTIAL_CACHE_MB",)


def definition(source, indices, compression="snappy", **more):
    return {"source_id": source, "schema_definition": SCHEMA, "schema_mode": "strict", "index_columns": indices,
            "compression": compression, **more}


@functools.cache
def messages():
    """The module storage_pb2, made from proto/."""
    from grpc_tools import protoc
    folder = tempfile.mkdtemp(prefix="granary-proto-")
    assert protoc.main(["protoc", f"-I{ROOT / 'proto'}", f"--python_out={folder}", str(ROOT / "proto/storage.proto")]) == 0
    sys.path.insert(0, folder)
    return importlib.import_module("storage_pb2")


def as_rows(batch):
    rows = batch.to_pylist()
    for row in rows:
        row["order_id"] = "ord-" + STAMP
        row["order_date"] = row["order_date"].isoformat() + "Z"
    return rows


def as_json(source, batch):
    records = [{"fields": {name: value for name, value in row.items() if value is not None}} for row in as_rows(batch)]
    return encode("POST", "/data/write", {"source_id": source, "records": records})


def as_arrow(source, batch):
    stamped = batch.set_column(0, "order_id", pa.array(["ord-" + STAMP] * batch.num_rows))
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, stamped.schema) as writer:
        writer.write_table(stamped)
    return encode("POST", f"/data/write?source_id={source}", stream.getvalue().to_pybytes(), "application/vnd.apache.arrow.stream")


def as_message(source, batch):
    """Typed values, as a gRPC client sends them."""
    pb = messages()
    request = pb.WriteDataRequest(source_id=source)
    epoch = datetime.datetime(1970, 1, 1)
    for row in batch.to_pylist():
        fields = request.records.add().fields
        fields["order_id"].string_value = "ord-" + STAMP
        fields["customer_id"].string_value = row["customer_id"]
        fields["amount"].float64_value = row["amount"]
        fields["order_date"].timestamp_value.value = (row["order_date"] - epoch) // datetime.timedelta(microseconds=1)
        fields["order_date"].timestamp_value.unit = pb.TIME_UNIT_MICROSECOND
        fields["region"].string_value = row["region"]
        fields["status"].string_value = row["status"]
        fields["quantity"].int64_value = row["quantity"]
        if row["note"] is not None:
            fields["note"].string_value = row["note"]
    return request.SerializeToString()


WRITE_METHOD = "/granary.v1.TenantNode/WriteData"
SEARCH_METHOD = "/granary.v1.TenantNode/SearchData"
WRITERS = {"json": ("rest", as_json), "arrow": ("rest", as_arrow), "grpc": ("grpc", as_message)}


class Granary(Peer):
    name = "granary"
    python_clients = False

    def open(self):
        self.node = Node(self.settings.binary, self.folder / "node", MIN_WORKERS=self.threads, MAX_WORKERS=max(self.threads, 2))
        self.load = LoadGenerator(self.settings.load_generator, self.folder / "requests")
        self.node.start()
        self.client = self.node.client()

    def close(self):
        self.client.close()
        if self.node.process is not None:
            self.node.stop()

    def version(self):
        number = self.client.call("GET", "/health").get("version", "")
        commit = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True).stdout
        return f"{number} ({commit.strip()})".strip()

    def servers(self):
        return [self.node.process.pid]

    # ---- w1

    def reset_ingest(self):
        self.drop("ingested")
        self.client.call("POST", "/sources/add", definition("ingested", ["order_id", "customer_id"]))

    def drop(self, source):
        if source in [one["source_id"] for one in self.client.call("GET", "/sources")["sources"]]:
            self.client.call("DELETE", f"/sources/{source}")

    def ingested(self):
        return self.count("ingested")

    def count(self, source):
        return self.client.call("POST", "/data/aggregate", {"source_ids": [source], "aggregations": [queries.COUNT]})["results"][0]["n"]

    def write_load(self, case, form, source, size, clients, seconds, requests_max=0):
        """A Sample of writes into a source, each a batch of `size` fresh orders."""
        protocol, encoder = WRITERS[form]
        some = encoder(source, next(data.fresh_batches(self.data, size, 0, 1)))
        different = max(clients, min(2000, REQUESTS_BYTES_MAX // 4 // len(some), 200_000 // size))
        requests = [encoder(source, batch) for batch in data.fresh_batches(self.data, size, 0, different)]
        sample = self.load.run(case, self, protocol, self.node.port if protocol == "rest" else self.node.grpc_port, requests, clients,
                               seconds, requests_max=requests_max, method=WRITE_METHOD if protocol == "grpc" else "")
        sample.extra.update(rows_per_s=round(sample.operations * size / sample.wall_s))
        return sample

    def ingest_forms(self):
        return list(WRITERS)

    # ---- w2

    def load_body(self, source, file, content_type, compression):
        self.drop(source)
        self.client.call("POST", "/sources/add", definition(source, ["order_id", "customer_id", "order_date"], compression))
        with open(file, "rb") as body:
            answer = self.client.call("POST", f"/data/write?source_id={source}", body, content_type)
        assert answer["written"] == self.rows, answer
        self.client.call("POST", f"/sources/{source}/flush")
        return self.disk(source)

    def load_by_import(self):
        self.drop("orders")
        self.client.call("POST", "/sources/add", definition("orders", ["order_id", "customer_id", "order_date"]))
        subprocess.run([str(self.settings.binary), "import", str(self.data / "orders.csv"), "--source", "orders",
                        "--url", f"http://127.0.0.1:{self.node.port}"], check=True, capture_output=True)
        assert self.count("orders") == self.rows
        return self.disk("orders")

    def disk(self, source):
        files = self.parquet_files(source)
        indices = sum(index.stat().st_size for index in {file.parent for file in files} for index in index.glob("*.idx"))
        parquet = sum(map(folder_bytes, files))
        return {"disk_bytes": parquet, "disk_bytes_with_indices": parquet + indices, "segments": len(files)}

    def parquet_files(self, source):
        """The files of the source's live segments."""
        return sorted(file for file in self.node.data.rglob("*.parquet") if source in file.parts)

    def loads(self):
        def zstd():
            fields = self.load_body("orders_zstd", self.data / "orders.csv", "text/csv", "zstd")
            self.drop("orders_zstd")
            return fields
        return [("csv_by_import_command", self.load_by_import),
                ("parquet", lambda: self.load_body("orders", self.data / "orders.parquet", "application/vnd.apache.parquet", "snappy")),
                ("csv_zstd", zstd),
                ("csv", lambda: self.load_body("orders", self.data / "orders.csv", "text/csv", "snappy"))]

    # ---- w3, w4

    def tables(self):
        return {"rest": "orders"}

    def look_up(self, kind, source):
        client, look_up = self.node.client(), queries.LOOK_UPS[kind]

        def rows(key):
            answer = client.call("POST", "/data/search", {"source_ids": [source], **look_up.request(key)})
            return [tuple(record["fields"][name] for name in data.COLUMNS) for record in answer["records"]]
        return rows

    def own_look_ups(self, kind, clients, seconds):
        look_up = queries.LOOK_UPS[kind]
        count = LOOK_UP_REQUESTS if kind != "in_100" else LOOK_UP_REQUESTS // 10
        keys = look_up.keys(count, clients, self.rows)
        bodies = [{"source_ids": ["orders"], **look_up.request(key)} for key in keys]
        requests = [encode("POST", "/data/search", body) for body in bodies]
        yield self.load.run(f"{kind}_rest_c{clients}", self, "rest", self.node.port, requests, clients, seconds, warm_up=500)
        pb = messages()
        requests = [self.search_message(pb, body) for body in bodies]
        yield self.load.run(f"{kind}_grpc_c{clients}", self, "grpc", self.node.grpc_port, requests, clients, seconds, warm_up=500,
                            method=SEARCH_METHOD)

    def search_message(self, pb, body):
        request = pb.SearchDataRequest(source_ids=body["source_ids"], columns=body["columns"], limit=body["limit"])
        request.filters.json = json.dumps(body["filters"])
        for order in body.get("order_by", []):
            direction = pb.DIRECTION_DESC if order["direction"] == "desc" else pb.DIRECTION_ASC
            request.order_by.append(pb.OrderBy(column=order["column"], direction=direction))
        return request.SerializeToString()

    def health(self, clients, seconds):
        """What HTTP alone costs: the node's answer that it lives."""
        return self.load.run(f"health_live_c{clients}", self, "rest", self.node.port, [encode("GET", "/health/live")], clients, seconds,
                             warm_up=500)

    # ---- w5

    @contextlib.contextmanager
    def without_kept_results(self):
        """The node as one that keeps no results from a query to the next, where this version can."""
        known = self.node.settings()
        variables = {name: "0" for name in KEPT_RESULTS if name in known}
        if not variables:
            yield
            return
        usual = dict(self.node.variables)
        try:
            self.restart({**usual, **variables})
            yield
        finally:
            self.restart(usual)

    def restart(self, variables):
        self.close()
        self.node.variables = variables
        self.node.start()
        self.client = self.node.client()

    def aggregate(self, query, source="orders"):
        answer = self.client.call("POST", "/data/aggregate", {"source_ids": [source], **query.request})
        return [tuple(row.values()) for row in answer["results"]]

    def aggregate_load(self, case, query, reps):
        body = {"source_ids": ["orders"], **query.request}
        return self.load.run(case, self, "rest", self.node.port, [encode("POST", "/data/aggregate", body)], 1, 60, requests_max=reps, warm_up=2)

    # ---- w7

    def export_load(self, case, accept, reps):
        body = json.dumps({"source_ids": ["orders"], "columns": data.COLUMNS, "limit": 1_000_000}).encode()
        request = (f"POST /data/search/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAccept: {accept}\r\n"
                   f"Content-Length: {len(body)}\r\n\r\n").encode() + body
        sample = self.load.run(case, self, "rest", self.node.port, [request], 1, 120, requests_max=reps, warm_up=1)
        sample.extra["out_bytes"] = sample.extra["answer_bytes_per_op"]
        return sample
