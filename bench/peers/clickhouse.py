"""ClickHouse, as chDB in this process: MergeTree by date, bloom filters on both keys.

All queries of a process are one after the other, so several clients are a queue; a server's would not be.
"""

import io

import chdb
import polars
from chdb import session

from bench import queries
from bench.peers.peer import Peer

PLAIN = ("order_id String, customer_id String, amount Float64, order_date DateTime64(6{zone}), region {low}, status {low}, "
         "quantity Int32, note Nullable(String)")
COLUMNS = PLAIN.format(low="LowCardinality(String)", zone=", 'UTC'") + (
    ", INDEX by_order order_id TYPE bloom_filter(0.01) GRANULARITY 1"
    ", INDEX by_customer customer_id TYPE bloom_filter(0.01) GRANULARITY 1")
WORDS = {"table": "bench.orders", "p95": "quantileTDigest(0.95)(amount)", "p95_exact": "quantileExactInclusive(0.95)(amount)",
         "approx_distinct": "uniq(customer_id)"}


def as_json_lines(batch):
    lines = io.BytesIO()
    frame = polars.from_arrow(batch)
    frame.with_columns(polars.col("order_date").dt.to_string("%Y-%m-%d %H:%M:%S%.6f")).write_ndjson(lines)
    return lines.getvalue().decode()


class ClickHouse(Peer):
    name = "clickhouse"
    ingest_rows_per_s_max = 400_000

    def open(self):
        self.session = session.Session(str(self.folder))
        self.run("CREATE DATABASE IF NOT EXISTS bench")

    def close(self):
        self.session.close()

    def version(self):
        return f"{str(self.run('SELECT version()')).strip()} (chdb {chdb.__version__})"

    def run(self, sql, form="TSV"):
        return self.session.query(sql, form)

    def rows_of(self, sql):
        text = str(self.run(f"{sql} SETTINGS max_threads={self.threads}"))
        return [tuple(line.split("\t")) for line in text.splitlines()]

    def create(self, table, settings=""):
        self.run(f"DROP TABLE IF EXISTS bench.{table} SYNC")
        self.run(f"CREATE TABLE bench.{table} ({COLUMNS}) ENGINE = MergeTree ORDER BY order_date {settings}")

    # ---- w1

    def reset_ingest(self):
        self.create("ingested", "SETTINGS fsync_after_insert=1, fsync_part_directory=1")

    def ingested(self):
        return int(self.rows_of("SELECT count() FROM bench.ingested")[0][0])

    def writer(self, _size, _client):
        return as_json_lines, lambda lines: self.run(f"INSERT INTO bench.ingested FORMAT JSONEachRow {lines}")

    # ---- w2

    def disk(self):
        sql = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'bench' AND table = 'orders'"
        return {"disk_bytes": int(self.rows_of(sql)[0][0])}

    def load(self, source):
        self.create("orders")
        self.run(f"INSERT INTO bench.orders SELECT * FROM {source} SETTINGS max_threads={self.threads}, "
                 "max_insert_threads=1, date_time_input_format='best_effort'")
        return self.disk()

    def merge(self):
        self.run("OPTIMIZE TABLE bench.orders FINAL")
        return self.disk()

    def loads(self):
        return [("parquet", lambda: self.load(f"file('{self.data}/orders.parquet', Parquet)")),
                ("csv", lambda: self.load(f"file('{self.data}/orders.csv', CSVWithNames, '{PLAIN.format(low='String', zone='')}')")),
                ("merge", self.merge)]

    # ---- w3, w4

    def tables(self):
        return {"bloom": "bench.orders"}

    def look_up(self, kind, table):
        return lambda key: self.rows_of(queries.LOOK_UPS[kind].sql(key, table))

    # ---- w5

    def aggregate(self, query):
        return self.rows_of(query.sql.format(**WORDS).replace("count(DISTINCT customer_id)", "uniqExact(customer_id)"))

    # ---- w7

    def exports(self):
        def stream(form):
            sent = 0
            with self.session.send_query(f"SELECT {queries.SELECTED} FROM bench.orders LIMIT 1000000", form) as result:
                for piece in result:
                    sent += piece.size() if hasattr(piece, "size") else len(piece.bytes())
            return {"out_bytes": sent}
        return [("arrow", lambda: stream("ArrowStream")), ("ndjson", lambda: stream("JSONEachRow"))]
