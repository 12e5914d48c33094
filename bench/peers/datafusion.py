"""DataFusion: queries a zstd Parquet file in place; has no durable ingest of its own."""

import datafusion

from bench import queries
from bench.machine import folder_bytes
from bench.peers.peer import Peer

WORDS = {"table": "orders", "p95": "approx_percentile_cont(amount, 0.95)",
         "p95_exact": "percentile_cont(amount, 0.95)", "approx_distinct": "approx_distinct(customer_id)"}


class DataFusion(Peer):
    name = "datafusion"

    def open(self):
        self.file = self.folder / "orders.parquet"
        config = datafusion.SessionConfig({"datafusion.execution.parquet.pushdown_filters": "true",
                                           "datafusion.execution.parquet.reorder_filters": "true"})
        self.context = datafusion.SessionContext(config.with_target_partitions(self.threads))
        if self.file.exists():
            self.context.register_parquet("orders", str(self.file))

    def version(self):
        return datafusion.__version__

    def rows_of(self, sql):
        return [tuple(row.values()) for batch in self.context.sql(sql).collect() for row in batch.to_pylist()]

    def loads(self):
        def load():
            self.context.read_csv(str(self.data / "orders.csv")).write_parquet(str(self.file), compression="zstd", compression_level=3)
            return {"disk_bytes": folder_bytes(self.file)}
        return [("csv", load)]

    def tables(self):
        return {"parquet": "orders"}

    def look_up(self, kind, table):
        return lambda key: self.rows_of(queries.LOOK_UPS[kind].sql(key, table))

    def aggregate(self, query):
        return self.rows_of(query.sql.format(**WORDS))

    def exports(self):
        def arrow():
            batches = self.context.sql(f"SELECT {queries.SELECTED} FROM orders LIMIT 1000000").execute_stream()
            return {"out_rows": sum(batch.to_pyarrow().num_rows for batch in batches)}
        return [("arrow", arrow)]
