"""Polars: no store of its own, so zstd Parquet files, one a batch where batches are written."""

import os
import shutil

from bench import data
from bench.machine import folder_bytes
from bench.peers.peer import Peer

PARQUET = {"compression": "zstd", "row_group_size": data.CHUNK_ROWS}


class Polars(Peer):
    name = "polars"

    def open(self):
        os.environ["POLARS_MAX_THREADS"] = str(self.threads)  # Read when Polars is imported.
        import polars
        assert polars.thread_pool_size() == self.threads
        self.polars = polars
        self.file = self.folder / "orders.parquet"

    def version(self):
        return self.polars.__version__

    def scan(self):
        return self.polars.scan_parquet(self.file)

    # ---- w1

    def reset_ingest(self):
        shutil.rmtree(self.folder / "ingested", ignore_errors=True)
        (self.folder / "ingested").mkdir()

    def ingested(self):
        return self.polars.scan_parquet(self.folder / "ingested" / "*.parquet").select(self.polars.len()).collect().item()

    def writer(self, _size, client):
        folder = self.folder / "ingested"
        directory = os.open(folder, os.O_RDONLY)
        written = 0

        def send(frame):  # Durable: the file, and its name.
            nonlocal written
            written += 1
            with open(folder / f"{client}-{written}.parquet", "wb") as file:
                frame.write_parquet(file, compression="zstd")
                file.flush()
                os.fsync(file.fileno())
            os.fsync(directory)
        return self.polars.from_arrow, send

    # ---- w2

    def loads(self):
        def load(frame):
            frame.sink_parquet(self.file, **PARQUET)
            return {"disk_bytes": folder_bytes(self.file)}
        return [("csv", lambda: load(self.polars.scan_csv(self.data / "orders.csv", try_parse_dates=True)))]

    # ---- w3, w4

    def tables(self):
        return {"parquet": ""}

    def look_up(self, kind, _table):
        column = self.polars.col
        if kind == "in_100":
            return lambda key: self.rows_of(self.scan().filter(column("order_id").is_in(key)).head(100))
        if kind in ("filter_100", "filter_top_100"):
            def matching(key):
                found = self.scan().filter(column("region") == key.region, column("status") == key.status,
                                           column("order_date") >= self.date(key.first), column("order_date") < self.date(key.end),
                                           column("amount") >= key.amount)
                return self.rows_of(found.head(100) if kind == "filter_100" else found.top_k(100, by="amount"))
            return matching
        return lambda key: self.rows_of(self.scan().filter(column(kind) == key).head(10))

    def date(self, text):
        return self.polars.datetime(*map(int, text.split("-")))

    def rows_of(self, frame):
        return frame.collect(engine="streaming").rows()

    # ---- w5

    def aggregate(self, query):
        polars, orders = self.polars, self.scan()
        column, amount, date = polars.col, polars.col("amount"), polars.col("order_date")
        frames = {
            "count": lambda: orders.select(polars.len()),
            "count_sum": lambda: orders.select(polars.len(), amount.sum()),
            "sum_by_region": lambda: orders.group_by("region").agg(amount.sum()),
            "top10_customers": lambda: orders.group_by("customer_id").agg(amount.sum()).top_k(10, by="amount"),
            "month_x_region": lambda: orders.group_by(date.dt.truncate("1mo"), "region").agg(amount.sum()).sort("order_date", "region"),
            "distinct_customers": lambda: orders.select(column("customer_id").n_unique()),
            "minmax_date": lambda: orders.select(date.min().alias("a"), date.max().alias("b")),
            "avg_one_month": lambda: orders.filter(date >= self.date("2023-06-01"), date < self.date("2023-07-01")).select(amount.mean()),
            "p95_amount_exact": lambda: orders.select(amount.quantile(0.95, "linear")),
            "distinct_customers_approx": lambda: orders.select(column("customer_id").approx_n_unique())}
        if query.name not in frames:
            return None  # It has no approximate quantile.
        return self.rows_of(frames[query.name]())

    # ---- w7

    def exports(self):
        million, target = lambda: self.scan().head(1_000_000), self.folder / "export.ndjson"

        def ndjson():
            million().sink_ndjson(target)
            return {"out_bytes": folder_bytes(target)}
        return [("arrow", lambda: {"out_bytes": million().collect(engine="streaming").to_arrow().nbytes}), ("ndjson", ndjson)]
