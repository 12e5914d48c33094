"""DuckDB, in this process, its own file. Tables: `orders` without an index, `orders_art` with two."""

import shutil

import duckdb

from bench import queries
from bench.machine import folder_bytes
from bench.peers.peer import Peer

COLUMNS = ("order_id VARCHAR, customer_id VARCHAR, amount DOUBLE, order_date TIMESTAMP, region VARCHAR, status VARCHAR, "
           "quantity INTEGER, note VARCHAR")
WORDS = {"p95": "approx_quantile(amount, 0.95)", "p95_exact": "quantile_cont(amount, 0.95)",
         "approx_distinct": "approx_count_distinct(customer_id)"}


class DuckDB(Peer):
    name = "duckdb"
    ingest_rows_per_s_max = 600_000

    def open(self):
        self.connection = duckdb.connect(str(self.folder / "orders.duckdb"), config={"threads": self.threads})

    def close(self):
        self.connection.close()

    def version(self):
        return duckdb.__version__

    def rows_of(self, sql):
        return self.connection.execute(sql).fetchall()

    # ---- w1

    def reset_ingest(self):
        self.rows_of("DROP TABLE IF EXISTS ingested")
        self.rows_of(f"CREATE TABLE ingested ({COLUMNS}, PRIMARY KEY (order_id))")

    def ingested(self):
        return self.rows_of("SELECT count(*) FROM ingested")[0][0]

    def writer(self, size, _client):
        cursor = self.connection.cursor()
        if size == 1:
            sql = "INSERT INTO ingested VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            return (lambda batch: list(batch.to_pylist()[0].values())), lambda row: cursor.execute(sql, row)

        def send(batch):
            cursor.register("batch", batch)
            cursor.execute("INSERT INTO ingested SELECT * FROM batch")
        return (lambda batch: batch), send

    # ---- w2

    def used_bytes(self):
        return self.rows_of("SELECT used_blocks * block_size FROM pragma_database_size()")[0][0]

    def load(self, source):
        self.rows_of("DROP TABLE IF EXISTS orders_art")
        self.rows_of("DROP TABLE IF EXISTS orders")
        self.rows_of("DROP TABLE IF EXISTS ingested")
        self.rows_of("CHECKPOINT")
        before = self.used_bytes()
        self.rows_of(f"CREATE TABLE orders AS FROM {source}")
        self.rows_of("CHECKPOINT")
        return {"disk_bytes": self.used_bytes() - before}

    def add_indices(self):
        self.rows_of("DROP TABLE IF EXISTS orders_art")
        self.rows_of("CREATE TABLE orders_art AS FROM orders")
        self.rows_of("CREATE INDEX by_order ON orders_art (order_id)")
        self.rows_of("CREATE INDEX by_customer ON orders_art (customer_id)")
        self.rows_of("CHECKPOINT")

    def loads(self):
        self.close()
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        self.open()
        return [("parquet", lambda: self.load(f"read_parquet('{self.data}/orders.parquet')")),
                ("csv", lambda: self.load(f"read_csv('{self.data}/orders.csv')")),
                ("copy_and_two_indices", self.add_indices)]

    # ---- w3, w4

    def tables(self):
        return {"scan": "orders", "art": "orders_art"}

    def look_up(self, kind, table):
        look_up, cursor = queries.LOOK_UPS[kind], self.connection.cursor()
        if look_up.prepared:
            sql = f"SELECT {queries.SELECTED} FROM {table} WHERE {look_up.prepared} = ? LIMIT 10"
            return lambda key: cursor.execute(sql, [key]).fetchall()
        return lambda key: cursor.execute(look_up.sql(key, table)).fetchall()

    # ---- w5

    def aggregate(self, query):
        return self.rows_of(query.sql.format(table="orders", **WORDS))

    # ---- w7

    def exports(self):
        sql = f"SELECT {queries.SELECTED} FROM orders LIMIT 1000000"
        target = self.folder / "export.ndjson"

        def arrow():
            return {"out_bytes": sum(batch.nbytes for batch in self.connection.sql(sql).to_arrow_reader(100_000))}

        def ndjson():
            self.rows_of(f"COPY ({sql}) TO '{target}' (FORMAT json)")
            return {"out_bytes": folder_bytes(target)}
        return [("arrow", arrow), ("ndjson", ndjson)]


class DuckDBParquet(DuckDB):
    """DuckDB over the Parquet files that Granary wrote, for the cold scan; keeps nothing itself."""
    name = "duckdb_parquet"

    def open(self):
        self.connection = duckdb.connect(config={"threads": self.threads})

    def scan(self, query, files):
        table = f"read_parquet([{', '.join(repr(str(file)) for file in files)}])"
        return self.rows_of(query.sql.format(table=table, **WORDS))
