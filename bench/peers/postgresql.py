"""PostgreSQL 15 from Debian's packages: a server of its own with its own folder, over TCP; and pgbench, its C client.

B-trees on order_id, customer_id and order_date. Durable: fsync and synchronous_commit are on.
"""

import os
import pathlib
import shutil
import socket
import subprocess

import psycopg
import pyarrow as pa
import pyarrow.csv

from bench import queries
from bench.measure import Meter, Sample
from bench.peers.peer import Peer

PROGRAMS = pathlib.Path("/usr/lib/postgresql/15/bin")
SETTINGS = {"shared_buffers": "4GB", "max_wal_size": "8GB", "work_mem": "256MB", "maintenance_work_mem": "1GB",
            "effective_cache_size": "12GB", "random_page_cost": "1.1", "checkpoint_timeout": "15min",
            "listen_addresses": "'127.0.0.1'", "unix_socket_directories": "''"}
COLUMNS = ("order_id text, customer_id text, amount float8, order_date timestamp, region text, status text, quantity int, "
           "note text")
WORDS = {"table": "orders", "p95": "percentile_cont(0.95) WITHIN GROUP (ORDER BY amount)",
         "p95_exact": "percentile_cont(0.95) WITHIN GROUP (ORDER BY amount)", "approx_distinct": "count(DISTINCT customer_id)"}

# What pgbench sends, each key as the data has them.
SCRIPTS = {
    "order_id": r"""\set i random(0, {rows} - 1)
\set x (:i * 2654435769 + 19088743) & 4294967295
SELECT * FROM orders WHERE order_id = 'ord-' || lpad(to_hex((:x)::bigint), 8, '0') LIMIT 10;
""",
    "customer_id": r"""\set r random_zipfian(1, 100000, 1.05)
\set c ((:r - 1) * 7919) % 100000
SELECT * FROM orders WHERE customer_id = 'cust-' || lpad((:c)::text, 6, '0') LIMIT 10;
""",
    "insert": r"""\set x random(0, 9223372036854775806)
INSERT INTO ingested VALUES ('n' || to_hex((:x)::bigint), 'cust-000123', 21.37, '2024-05-06 07:08:09.123456', 'us-east', 'delivered', 2, 'please leave at the back door');
"""}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def as_csv(batch):
    text = pa.BufferOutputStream()
    pa.csv.write_csv(batch, text, pa.csv.WriteOptions(include_header=False))
    return text.getvalue().to_pybytes()


class PostgreSQL(Peer):
    name = "postgresql"
    ingest_rows_per_s_max = 250_000

    def open(self):
        self.cluster = self.folder / "cluster"
        self.port = free_port()
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        if not self.cluster.exists():
            self.run("initdb", "-D", self.cluster, "-A", "trust", "-U", "postgres", "--no-instructions")
            (self.cluster / "postgresql.auto.conf").write_text("".join(f"{name} = {value}\n" for name, value in SETTINGS.items()))
        workers = self.threads - 1
        self.run("pg_ctl", "-D", self.cluster, "-w", "-l", self.folder / "log", "-o",
                 f"-p {self.port} -c max_parallel_workers_per_gather={workers} -c max_parallel_maintenance_workers={workers}", "start")
        self.server = int((self.cluster / "postmaster.pid").read_text().split()[0])
        self.connection = self.connect()

    def close(self):
        self.connection.close()
        self.run("pg_ctl", "-D", self.cluster, "-w", "-m", "fast", "stop")

    def run(self, program, *arguments):
        """The server refuses to be root's."""
        user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run([*user, str(PROGRAMS / program), *map(str, arguments)], check=True, cwd="/", stdout=subprocess.DEVNULL)

    def version(self):
        return self.rows_of("SHOW server_version")[0][0].split()[0]

    def servers(self):
        return [self.server]

    def connect(self):
        return psycopg.connect(f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres", autocommit=True)

    def rows_of(self, sql):
        cursor = self.connection.execute(sql)
        return cursor.fetchall() if cursor.description else None

    def pgbench(self, case, script, clients, seconds, **extra):
        """A Sample of pgbench running one of SCRIPTS, prepared."""
        folder = self.folder / "pgbench"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "script.sql").write_text(SCRIPTS[script].replace("{rows}", str(self.rows)))
        with Meter(self) as meter:
            subprocess.run([str(PROGRAMS / "pgbench"), "-n", "-M", "prepared", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres",
                            "-c", str(clients), "-j", str(min(2, clients)), "-T", str(max(1, round(seconds))), "-f", "script.sql", "-l", "postgres"],
                           check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times = [int(line.split()[2]) / 1e6 for log in folder.glob("pgbench_log*") for line in open(log)]
        return Sample.of(case, times, meter, wall_s=max(1, round(seconds)), **extra)

    # ---- w1

    def reset_ingest(self):
        self.rows_of("DROP TABLE IF EXISTS ingested")
        self.rows_of(f"CREATE TABLE ingested ({COLUMNS})")
        self.rows_of("ALTER TABLE ingested ADD PRIMARY KEY (order_id)")
        self.rows_of("CREATE INDEX ON ingested (customer_id)")

    def ingested(self):
        return self.rows_of("SELECT count(*) FROM ingested")[0][0]

    def writer(self, _size, _client):
        connection = self.connect()

        def send(text):
            with connection.cursor() as cursor, cursor.copy("COPY ingested FROM STDIN (FORMAT csv)") as copy:
                copy.write(text)
        return as_csv, send

    def own_ingest(self, size, clients, seconds):
        """Single rows are what pgbench inserts faster than a Python client copies."""
        if size == 1:
            self.reset_ingest()
            sample = self.pgbench(f"batch1_c{clients}_pgbench", "insert", clients, seconds)
            sample.extra["rows_per_s"] = round(sample.operations / sample.wall_s)
            yield sample

    # ---- w2

    def copy_file(self):
        self.rows_of("DROP TABLE IF EXISTS orders")
        self.rows_of(f"CREATE TABLE orders ({COLUMNS})")
        with self.connection.cursor() as cursor, cursor.copy("COPY orders FROM STDIN (FORMAT csv, HEADER)") as copy, \
                open(self.data / "orders.csv", "rb") as file:
            while piece := file.read(1 << 20):
                copy.write(piece)
        return self.disk()

    def add_indices(self):
        self.rows_of("CREATE UNIQUE INDEX ON orders (order_id)")
        self.rows_of("CREATE INDEX ON orders (customer_id)")
        self.rows_of("CREATE INDEX ON orders (order_date)")
        self.rows_of("VACUUM ANALYZE orders")
        return self.disk()

    def disk(self):
        table, all_of_it = self.rows_of("SELECT pg_table_size('orders'), pg_total_relation_size('orders')")[0]
        return {"disk_bytes": table, "disk_bytes_with_indices": all_of_it}

    def loads(self):
        return [("csv", self.copy_file), ("three_indices", self.add_indices)]

    # ---- w3, w4

    def tables(self):
        return {"btree": "orders"}

    def look_up(self, kind, table):
        look_up, connection = queries.LOOK_UPS[kind], self.connect()
        if look_up.prepared:
            sql = f"SELECT {queries.SELECTED} FROM {table} WHERE {look_up.prepared} = %s LIMIT 10"
            return lambda key: connection.execute(sql, [key], prepare=True).fetchall()
        return lambda key: connection.execute(look_up.sql(key, table)).fetchall()

    def own_look_ups(self, kind, clients, seconds):
        if kind in SCRIPTS:
            yield self.pgbench(f"{kind}_pgbench_c{clients}", kind, clients, seconds)

    # ---- w5

    def aggregate(self, query):
        return self.rows_of(query.sql.format(**WORDS))

    # ---- w7

    def exports(self):
        rows = f"SELECT {queries.SELECTED} FROM orders LIMIT 1000000"

        def stream(sql):
            with self.connection.cursor() as cursor, cursor.copy(sql) as copy:
                return {"out_bytes": sum(len(piece) for piece in copy)}
        return [("ndjson", lambda: stream(f"COPY (SELECT row_to_json(o) FROM ({rows}) o) TO STDOUT")),
                ("csv", lambda: stream(f"COPY ({rows}) TO STDOUT (FORMAT csv)")),
                ("binary", lambda: stream(f"COPY ({rows}) TO STDOUT (FORMAT binary)"))]
